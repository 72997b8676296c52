"""Reconciling reads the host back: what is ours is repaired, accepted or asked about, what is others' is left alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from plugin.certifications.file.certification_file import proposals, read_file
from plugin.core.clock import Clock
from plugin.core.runtime import Runtime
from plugin.delivery.drift import findings, reconcile
from plugin.delivery.drift.echoes import reread_hinted
from plugin.delivery.seats.send import drain
from plugin.delivery.tables import FOUND, IN, OUT, SUSPENDED, Seat
from plugin.enrolment.doctor import examine
from plugin.enrolment.message_dates import render
from plugin.enrolment.saving.save import Choices, save
from plugin.jobs.work import work_host
from plugin.mirror.connections.store import connection_of
from plugin.mirror.tables import Connection, StoredHint, SyncRun
from tests.live import Sandbox, connect, serve_sandbox

FILE = """
version: 1
certifications:
  - {{code: IN, name: Stays, state: live, content: {{certification: [{{name: Core, courses: [c1]}}]}}, assignments: [{0}]}}
  - {{code: SUS, name: Suspended, state: live, content: {{certification: [{{name: Core, courses: [c2]}}]}},
     leaving: {{seat: suspend, grace: 0 days}}, assignments: [{1}]}}
  - {{code: OUT, name: Removed, state: live, content: {{certification: [{{name: Core, courses: [c3]}}]}},
     leaving: {{seat: remove, grace: 0 days}}, assignments: [{1}]}}
"""
ALL = "{organisation: ORG-1, include: below}"


class World:
    """A company enrolled in c1, suspended in c2 and removed from c3."""

    def __init__(self, made: Runtime, sandbox: Sandbox, host_id: int) -> None:
        self.made, self.sandbox, self.host_id = made, sandbox, host_id
        self._seconds = 0

    def assign(self, first: str, others: str) -> None:
        """Save and deliver."""
        with self.made.db.read() as session:
            wanted = proposals(session, self.host_id, read_file(FILE.format(first, others)))
            leaving = session.scalar(select(func.count()).select_from(Seat).where(Seat.wanted == IN)) or 0
        kept = {} if others or not leaving else {"allow_withdrawals": leaving - len(self.sandbox.roster("c1"))}
        save(self.made, self.host_id, wanted, who="tester", choices=Choices(**kept))
        work_host(self.made, self.host_id)

    def policy(self, word: str) -> None:
        def choose(session: Any) -> None:
            findings.choose_policy(session, connection_of(session, self.host_id), word, at=1, who="tester")

        self.made.db.transact(choose)

    def look(self) -> reconcile.HostDrift:
        return reconcile.reconcile(self.made, self.host_id)

    def send(self) -> None:
        drain(self.made, self.host_id, render)

    def rosters(self) -> dict[str, dict[str, tuple[str, str]]]:
        """By course and person: state and whose."""
        return {
            course: {row["person"]: (row["state"], row["by"]) for row in self.sandbox.get(f"roster/{course}")}
            for course in ("c1", "c2", "c3", "c4")
        }

    def effective(self) -> list[dict[str, Any]]:
        return [row for row in self.sandbox.get("log") if row["effective"]]


@pytest.fixture
def world(runtime: Runtime, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    people = getattr(request, "param", 60)
    with serve_sandbox(tmp_path / "sandbox", people=people, units=max(12, people // 10)) as sandbox:
        live = replace(runtime, clock=Clock())
        made = World(live, sandbox, connect(live, sandbox))
        made.assign(ALL, ALL)
        made.assign(ALL, "")
        yield made


@pytest.mark.parametrize("world", [420], indirect=True)
def test_300_changes_to_our_seats_are_found_and_repaired_and_100_made_by_hand_untouched(world: World) -> None:
    rng = random.Random(20261123)
    before = world.rosters()
    ours, act = sorted(before["c1"]), world.sandbox.act
    assert len(ours) > 330
    assert {state for state, _by in before["c2"].values()} == {"suspended"}
    assert before["c3"] == {}
    rng.shuffle(ours)
    tampered, by_hand = ours[:300], ours[300:]
    for number, person in enumerate(tampered):
        if number % 4 == 0:
            act("unenrol", person=person, course="c1")
        elif number % 4 == 1:
            act("enrol-by-hand", person=person, course="c1", state="suspended", by="muster")
        elif number % 4 == 2:
            act("enrol-by-hand", person=person, course="c2", state="active", by="muster")
        else:
            act("enrol-by-hand", person=person, course="c3", state=rng.choice(("active", "suspended")), by="muster")
    hand = [(person, "c3", "active") for person in by_hand[:30]]  # in a course we took them out of
    hand += [(person, "c4", rng.choice(("active", "suspended"))) for person in ours[:70]]  # in one we know nothing of
    for person, course, state in hand:
        act("enrol-by-hand", person=person, course=course, state=state)
    log = len(world.effective())
    found = world.look()
    assert (found.missing, found.suspended, found.extra, found.others) == (75, 75, 150, 100)
    world.send()
    after = world.rosters()
    assert after["c1"] == before["c1"]
    assert after["c2"] == before["c2"]
    expected = {person: ("active", "other") for person in by_hand[:30]}
    assert {person: row for person, row in after["c3"].items() if row[0] == "active"} == expected
    assert after["c4"] == {person: (state, "other") for person, course, state in hand if course == "c4"}
    assert len(world.effective()) - log == 300
    again = world.look()
    assert (again.found, again.others) == (0, 100)
    assert examine(world.made, deep=True) == []


def test_a_drain_while_the_host_is_read_makes_no_drift(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = reconcile.open_connection

    class Slow:
        """Gives pages as they were before everything changed."""

        def __init__(self, host: Any) -> None:
            self._host = host

        def read(self, kind: str, **asked: Any) -> Iterator[Any]:
            pages = list(self._host.read(kind, **asked))
            world.assign("", ALL)
            yield from pages

    monkeypatch.setattr(reconcile, "open_connection", lambda *given: Slow(real(*given)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(World, "assign", _assign_confirmed)
        found = world.look()
    assert (found.found, found.others) == (0, 0)
    monkeypatch.undo()
    assert world.look().found == 0
    rosters = world.rosters()
    assert {state for state, _by in rosters["c1"].values()} == {"suspended"}
    assert {state for state, _by in rosters["c3"].values()} == {"active"}
    with world.made.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Seat).where(Seat.owed)) == 0


def _assign_confirmed(world: World, first: str, others: str) -> None:
    with world.made.db.read() as session:
        wanted = proposals(session, world.host_id, read_file(FILE.format(first, others)))
        leaving = session.scalar(select(func.count()).select_from(Seat).where(Seat.wanted == IN)) or 0
    save(world.made, world.host_id, wanted, who="tester", choices=Choices(allow_withdrawals=leaving))
    work_host(world.made, world.host_id)


def seat_of(world: World, course: str, person: str) -> Seat:
    from plugin.mirror.tables import Course, Person

    with world.made.db.read() as session:
        return session.scalars(
            select(Seat).join(Person, (Person.host_id == Seat.host_id) & (Person.id == Seat.person))
            .join(Course, (Course.host_id == Seat.host_id) & (Course.id == Seat.course))
            .where(Person.ext == person, Course.ext == course)
        ).one()  # fmt: skip


def test_accepted_drift_stays_until_something_else_is_wanted(world: World) -> None:
    person = sorted(world.rosters()["c1"])[0]
    world.policy("accept")
    world.sandbox.act("unenrol", person=person, course="c1")
    found = world.look()
    assert (found.missing, found.accepted, found.asked) == (1, 1, 0)
    world.send()
    assert person not in world.rosters()["c1"]
    seat = seat_of(world, "c1", person)
    assert (seat.wanted, seat.confirmed, seat.dismissed) == (IN, OUT, seat.generation)
    assert world.look().found == 0
    assert examine(world.made, deep=True) == []
    _assign_confirmed(world, "", "")
    _assign_confirmed(world, ALL, "")
    assert world.rosters()["c1"][person] == ("active", "muster")


def test_drift_that_is_asked_about_waits_for_the_answer(world: World) -> None:
    first, second = sorted(world.rosters()["c1"])[:2]
    world.policy("ask")
    for person in (first, second):
        world.sandbox.act("enrol-by-hand", person=person, course="c1", state="suspended", by="muster")
    assert world.look().asked == 2
    world.send()
    assert world.rosters()["c1"][first][0] == "suspended"
    with world.made.db.read() as session:
        [course] = findings.by_course(session, world.host_id)
        assert (course.course, course.suspended, course.asked) == ("c1", 2, 2)

    def answer(action: str, **which: Any) -> int:
        return world.made.db.transact(
            lambda session: findings.answer(
                session, world.host_id, action, at=world.made.clock.now(), who="tester", **which
            )
        )

    assert answer("accept", course="c1", people=[first]) == 1
    assert answer("reassert") == 1
    world.send()
    roster = world.rosters()["c1"]
    assert (roster[first][0], roster[second][0]) == ("suspended", "active")
    assert world.look().found == 0
    assert answer("reassert") == 0


def test_what_others_made_is_changed_only_when_picked(world: World) -> None:
    person = sorted(world.rosters()["c1"])[0]
    world.sandbox.act("enrol-by-hand", person=person, course="c4", by="muster")  # ours, of a time before this database
    world.sandbox.act("enrol-by-hand", person=person, course="c5")
    found = world.look()
    assert (found.extra, found.others) == (1, 1)
    world.send()
    assert world.rosters()["c4"][person] == ("active", "muster")
    for course in ("c4", "c5"):
        picked = world.made.db.transact(
            lambda session, course=course: findings.pick(
                session, world.host_id, course, [person], at=world.made.clock.now(), who="tester"
            )
        )
        assert picked == 1
    world.send()
    assert world.rosters()["c4"][person] == ("suspended", "muster")
    assert world.sandbox.roster("c5") == {person}, "the host says that this is not ours to change"
    assert seat_of(world, "c5", person).origin == FOUND
    assert seat_of(world, "c4", person).confirmed == SUSPENDED
    assert examine(world.made, deep=True) == []


def test_echoes_of_our_own_writes_are_known_and_a_hint_of_a_change_repairs_it(world: World) -> None:
    people = sorted(world.rosters()["c1"])

    def hinted(number: int, *ids: str) -> str:
        with world.made.db.write() as session:
            row = session.scalars(select(Connection)).one()
            session.add(StoredHint(host_id=world.host_id, id=1000 + number, connection=row.id, key=f"k{number}",
                             kind="enrolments", ids=list(ids), received=1, done=False, caused="", correlation="abc"))  # fmt: skip
        assert reread_hinted(world.made, world.host_id) == 1
        with world.made.db.read() as session:
            return session.get_one(StoredHint, (world.host_id, 1000 + number)).caused

    assert hinted(1, *(f"c1:{one}" for one in people)) == f"differed 0 {len(people)}"
    world.sandbox.act("unenrol", person=people[0], course="c1")
    world.sandbox.act("enrol-by-hand", person=people[1], course="c2", state="active", by="muster")
    assert hinted(2, f"c1:{people[0]}", f"c2:{people[1]}").startswith("differed 2 ")
    world.send()
    assert world.rosters()["c1"][people[0]] == ("active", "muster")
    assert world.rosters()["c2"][people[1]] == ("suspended", "muster")


def test_a_host_that_fails_on_the_way_is_told_of_and_loses_nothing(world: World) -> None:
    world.sandbox.act("mood", mood="garbage")
    with pytest.raises(Exception, match="not JSON"):
        world.look()
    with world.made.db.read() as session:
        runs = session.scalars(select(SyncRun).where(SyncRun.kind == "reconcile")).all()
        assert [(one.state, one.reason) for one in runs] == [
            ("failed", "The host answered something that is not JSON.")
        ]
    world.sandbox.act("mood", mood="ok")
    assert world.look().found == 0
