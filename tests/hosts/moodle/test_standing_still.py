"""A connection that does not work: said wherever somebody waits because of it, and lifted by a green checklist at once."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from plugin.core.errors import Unavailable
from plugin.enrolment.tables import Held
from plugin.mirror.tables import Connection
from tests.hosts.moodle.test_course_trouble import look, visit
from tests.hosts.moodle.test_mirror import World
from tests.hosts.moodle.test_mirror import world as world

SAID = "Moodle does not accept our token: it has expired, was deleted, or is not one of this site."


def state(world: World) -> tuple[str, int]:
    with world.made.db.read() as session:
        row = session.scalars(select(Connection)).one()
        return row.state, row.retry_at


def expire(world: World) -> None:
    world.fake.token = "another"
    world.later(900)
    with pytest.raises(Unavailable, match="does not accept our token"):
        world.pull()


def test_an_expired_token_is_said_wherever_somebody_waits_and_a_green_checklist_lets_everything_go_on(
    world: World,
) -> None:
    world.assign("{audience: '1'}")
    expire(world)
    world.assign("{audience: '2'}", leaving=7)
    assert world.fake.roster(11) == set(range(3, 13))
    for where in (
        "/certifications",
        "/certifications/1/overview",
        "/certifications/1/assignments",
        "/certifications/1/history",
    ):
        assert SAID in look(world, where), where
    learner = look(world, "/my/certifications", "15")
    assert "cannot talk to each other at the moment" in learner
    assert "token" not in learner
    client, base = visit(world)
    still = client.post(f"{base}/hosts/1/test").text
    assert "data-stopped" in still
    assert state(world)[0] == "paused"
    world.fake.token = "t0ken"
    lifted = client.post(f"{base}/hosts/1/test").text
    assert "The connection works again, and what waited goes on now." in lifted
    assert SAID in lifted
    assert state(world) == ("active", 0)
    assert "data-stopped" not in client.post(f"{base}/hosts/1/test").text
    world.work()  # not an instant later
    assert world.fake.roster(11) == set(range(10, 20))
    assert SAID not in look(world, "/certifications/1/overview")


def test_a_checklist_in_which_something_is_broken_lifts_nothing(world: World) -> None:
    expire(world)
    world.fake.token = "t0ken"
    world.fake.functions.discard("enrol_manual_enrol_users")
    client, base = visit(world)
    assert "data-lifted" not in client.post(f"{base}/hosts/1/test").text
    assert state(world)[0] == "paused"


def test_a_held_manager_is_named_with_the_people_the_cause_and_what_release_does(world: World) -> None:
    world.assign("{manager: 'p:4', include: below}")
    assert world.fake.roster(11)
    world.fake.delete(4)
    for _ in range(2):
        world.later(900)
        world.pull()
        world.work()
    assert world.count(Held, Held.state == "open") == 1
    text = look(world, "/held")
    assert "First4 Last4 has left, or no longer has the job whose team is assigned." in text
    assert "learners stay enrolled until you decide" in text
    assert "their places in its courses are suspended; whoever another assignment keeps stays." in text
    assert "choose a successor" in text
