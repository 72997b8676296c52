"""What a save would send is counted as it will be sent, and one of the messages is shown as it will read."""

from __future__ import annotations

from typing import Any

import pytest
from pyroaring import BitMap

from plugin.core.runtime import Runtime
from plugin.notifications.impact import impact, reached
from tests.behaviours.lab import Lab, individuals
from tests.web.conftest import Visit
from tests.web.conftest import app as app
from tests.web.conftest import visit as visit
from tests.world import HOST, World

BOTH = ["learner", "managers"]


@pytest.fixture
def world(runtime: Runtime) -> World:
    """Ann leads bob and cat, dov leads eve."""
    made = Lab(runtime, zone="Europe/London")
    made.people("ann", "bob", "cat", "dov", "eve")
    for boss, team in (("ann", ("bob", "cat")), ("dov", ("eve",))):
        made.job(f"j-{boss}", boss)
        for one in team:
            made.job(f"j-{one}", one, boss=f"j-{boss}")
    return made


def people(world: Any, *names: str) -> BitMap:
    return BitMap(world.id(name) for name in names)


def count(world: Any, when: str, names: tuple[str, ...], *definitions: dict[str, Any]) -> int:
    with world.runtime.db.read() as session:
        return impact(session, HOST, 0, {when: people(world, *names)}, definitions).messages


def test_learners_are_counted_each_and_managers_once_a_save(world: Any) -> None:
    team = ("bob", "cat", "eve")
    assert count(world, "assigned", team, {"when": "assigned"}) == 3
    assert count(world, "assigned", team, {"when": "assigned", "to": BOTH}) == 3 + 2
    assert (
        count(world, "assigned", team, {"when": "assigned", "to": BOTH}, {"when": "assigned", "to": ["managers"]}) == 5
    )
    assert count(world, "assigned", team, {"when": "assigned", "on": False}, {"when": "withdrawn"}) == 0
    assert count(world, "assigned", team, {"when": "assigned", "after": "2 days"}) == 0  # not within 24 hours
    with world.runtime.db.read() as session:
        assert len(reached(session, HOST, people(world, *team), BOTH)) == 5


def test_the_review_shows_a_message_as_it_will_read(world: Any, visit: Visit) -> None:
    world.set_person("bob", name="<b>Bob</b>")
    world.save("fs", notifications=({"when": "assigned", "to": BOTH, "subject": "{certification_name}",
                                     "body": "{learner_name}, until {due_date}."},))  # fmt: skip
    one, path = visit(), f"/certifications/{world.number()}"
    one.post(f"{path}/assignments/add/individual", {"target": "bob", "confirmed": "1"})
    one.post(f"{path}/assignments/due", {"key": "individual:bob", "kind": "fixed", "date": "2027-03-31"})
    page = one.page(f"{path}/assignments/review")
    assert "2 messages will be sent when you save." in page
    assert "Show one of them: Learner assigned, to &lt;b&gt;Bob&lt;/b&gt;" in page
    assert "&lt;b&gt;Bob&lt;/b&gt;, until 31 March 2027, 23:59 (Europe/London)." in page


def test_nothing_that_is_said_needs_a_sample(world: Any, visit: Visit) -> None:
    world.save("fs", *individuals("bob"), notifications=())
    one = visit()
    one.post(f"/certifications/{world.number()}/assignments/add/individual", {"target": "eve", "confirmed": "1"})
    page = one.page(f"/certifications/{world.number()}/assignments/review")
    assert "0 messages will be sent when you save." in page
    assert "Show one of them" not in page
