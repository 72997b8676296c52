"""What outside subscribers are told of saves, settling and moments: once for each learner and change of state."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from plugin.core.runtime import Runtime
from plugin.core.tables import Event, Subscription
from plugin.delivery.seats.send import drain
from plugin.enrolment.answers.overrides import exempt
from plugin.enrolment.message_dates import render
from plugin.enrolment.settling.tick import tick
from plugin.enrolment.settling.timed_events import EXPIRING, tell_moments
from plugin.enrolment.tables import Enrolment
from plugin.mirror.tables import Connection
from tests.delivery.endpoints import EVERYTHING
from tests.delivery.seats import a_host_with_seats
from tests.delivery.test_bad_receivers import outcomes, receiver, whole
from tests.world import HOST, World, row

DAY = 86_400


@pytest.fixture
def world(runtime: Runtime) -> World:
    made = World(runtime)
    made.people("ann", "bea", "cid")
    made.units(("sales", None), ("legal", None))
    for person in ("ann", "bea"):
        made.job(f"j-{person}", person, "sales")
    made.courses("c1")
    subscribe(runtime, HOST, *EVERYTHING)
    return made


def subscribe(runtime: Runtime, host_id: int, *types: str) -> None:
    with runtime.db.write() as session:
        session.add_all(Subscription(host_id=host_id, type=one, endpoint=1) for one in types)


def told(runtime: Runtime, *starts: str) -> list[Any]:
    with runtime.db.read() as session:
        rows = session.scalars(select(Event).order_by(Event.n)).all()
    return [one for one in rows if one.type.startswith(starts or ("",))]


def types(runtime: Runtime, *starts: str) -> list[str]:
    return [one.type for one in told(runtime, *starts)]


def test_a_save_tells_its_assignments_each_learner_and_its_numbers(world: World) -> None:
    world.save("FS2", row("organisation", "sales"))
    assert types(world.runtime) == ["assignment.added", "learner.enrolled", "learner.enrolled", "assignment.applied"]
    added, one, _two, applied = told(world.runtime)
    assert added.data["assignment"] | {"id": 0} == {"id": 0, "type": "organisation", "target": "sales", "include": ""}
    assert one.subject == f"learner/{one.person}"
    assert applied.data["counts"]["enrolled"] == 2
    assert applied.subject == f"certification/{applied.certification}"


def test_a_second_path_tells_nothing_and_only_the_last_one_withdraws(world: World) -> None:
    world.save("FS2", row("organisation", "sales"))
    before = len(told(world.runtime))
    world.save("FS2", row("organisation", "sales"), row("individual", "ann"))
    assert types(world.runtime)[before:] == ["assignment.added", "assignment.applied"]
    world.save("FS2", row("individual", "ann"))
    assert types(world.runtime)[before + 2 :] == ["assignment.removed", "learner.withdrawn", "assignment.applied"]


def test_without_subscribers_nothing_is_written_for_a_save(world: World) -> None:
    with world.runtime.db.write() as session:
        for old in session.scalars(select(Subscription)):
            session.delete(old)
    world.save("FS2", row("organisation", "sales"))
    assert told(world.runtime) == []


def test_grace_is_told_when_it_begins_and_when_it_is_called_off(world: World) -> None:
    world.save("FS2", row("organisation", "sales"), leaving={"policy": "suspend", "grace": "5 days"})
    world.drop_job("j-ann")
    world.settle()
    world.job("j-ann", "ann", "sales")
    world.settle()
    assert types(world.runtime, "learner.")[2:] == ["learner.withdrawal_scheduled", "learner.withdrawal_cancelled"]


def test_an_exemption_is_told_and_its_end(world: World) -> None:
    world.save("FS2", row("organisation", "sales"))
    exempt(world.runtime, HOST, 1, 1, until=world.now + DAY, reason="On leave", who="Sam")
    world.settle()
    world.at(world.now + 2 * DAY)
    world.settle()
    assert types(world.runtime, "learner.")[2:] == [
        "learner.exempted", "learner.withdrawn", "learner.enrolled", "learner.exemption_ended",
    ]  # fmt: skip


def test_a_due_date_that_passes_is_told_once_and_never_one_that_passed_before(world: World) -> None:
    world.save("FS2", row("organisation", "sales"))
    now = world.now
    with world.runtime.db.write() as session:
        ann, bea = session.scalars(select(Enrolment).order_by(Enrolment.person)).all()
        ann.due, bea.due = now - 5, now + DAY
        bea.expires, bea.state = now + DAY + EXPIRING, 3
        ann.state = 1
    tell_moments(world.runtime, HOST)
    world.at(now + 2 * DAY)
    tick(world.runtime, HOST)
    assert tell_moments(world.runtime, HOST) == 1  # certified: nothing is overdue, but it expires soon
    assert tell_moments(world.runtime, HOST) == 0
    with world.runtime.db.write() as session:
        ann = session.scalars(select(Enrolment).order_by(Enrolment.person)).first()
        assert ann is not None
        ann.due = world.now + 100
    world.at(world.now + 200)
    tick(world.runtime, HOST)
    assert tell_moments(world.runtime, HOST) == 1
    assert types(world.runtime, "learner.overdue", "certification.exp") == ["certification.expiring", "learner.overdue"]


def test_what_passed_while_nobody_had_subscribed_is_not_told_later(world: World) -> None:
    world.save("FS2", row("organisation", "sales"))
    tell_moments(world.runtime, HOST)
    with world.runtime.db.write() as session:
        for old in session.scalars(select(Subscription)):
            session.delete(old)
        for one in session.scalars(select(Enrolment)):
            one.due = world.now + 100
    world.at(world.now + DAY)
    tick(world.runtime, HOST)
    tell_moments(world.runtime, HOST)
    subscribe(world.runtime, HOST, "learner.overdue")
    assert tell_moments(world.runtime, HOST) == 0


def test_what_the_host_refuses_for_good_is_told_in_its_own_words(runtime: Runtime) -> None:
    host_id = a_host_with_seats(runtime, 3)
    subscribe(runtime, host_id, "push.refused")

    def refuses(line: Any, items: list[dict[str, Any]]) -> None:
        said = [{"seat": one["seat"], "outcome": "refused", "why": "The course is full."} for one in items[:2]]
        whole(line, outcomes(*said, {"seat": items[2]["seat"], "outcome": "done"}))

    with receiver(refuses) as address:
        with runtime.db.write() as session:
            session.scalars(select(Connection)).one().webhook_url = address
        drain(runtime, host_id, render)
    rows = told(runtime)
    assert [(one.person, one.data["course"], one.data["want"], one.data["reason"]) for one in rows] == [
        (1, "c1", "in", "The course is full."), (2, "c1", "in", "The course is full."),
    ]  # fmt: skip
