"""What a review foretold is what the learning site then has: rules 5.3 against the sandbox's own roster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import select, text

from plugin.certifications.file.certification_file import proposals, read_file
from plugin.core.clock import Clock
from plugin.core.days import moment_of
from plugin.core.runtime import Runtime
from plugin.enrolment.answers.withdrawal_guard import ACTIVE
from plugin.enrolment.saving.review import Review, review
from plugin.enrolment.saving.save import Choices, save
from plugin.enrolment.tables import Enrolment
from plugin.jobs.work import work_host
from plugin.mirror.tables import Person
from tests.live import Sandbox, connect, serve_sandbox

COURSES = {"A": "c1", "B": "c2"}
SAVES = 6


@pytest.fixture
def connected(runtime: Runtime, tmp_path: Path) -> Iterator[tuple[Runtime, Sandbox, int]]:
    """A sandbox of 120 people with overlapping units, audiences and managers, some of them suspended."""
    live = replace(runtime, clock=Clock())
    with serve_sandbox(tmp_path / "sandbox") as sandbox:
        for number in range(5, 80, 7):
            sandbox.act("suspend", person=f"U-{number}")
        yield live, sandbox, connect(live, sandbox)


def rows(sandbox: Sandbox, chance: Random) -> list[str]:
    """Some rows of a file: targets that overlap, a few of them due too soon for content of four weeks."""
    units, audiences = sandbox.get("units"), sandbox.api("audiences").json()["items"]
    people = [row for row in sandbox.api("people").json()["items"] if row["state"] != "deleted"]
    soon = (moment_of(Clock().now(), "UTC").date() + timedelta(days=2)).isoformat()
    offered = [
        *(f"{{organisation: {one['id']}{below}}}" for one in units[:8] for below in (", include: below", "")),
        *(f"{{audience: {one['id']}}}" for one in audiences[:4]),
        *(f"{{audience: {one['id']}, due: {{fixed: '{soon}'}}}}" for one in audiences[:4]),
        *(f"{{individual: {one['id']}}}" for one in people[:30]),
    ]
    found: dict[str, str] = {}
    for line in chance.sample(offered, 7):
        found.setdefault(line.split(",")[0].strip("{}"), line)
    return list(found.values())


def file_of(code: str, lines: list[str]) -> str:
    content = f"{{certification: [{{name: Core, courses: [{COURSES[code]}], minimum: 4 weeks}}]}}"
    return (
        "version: 1\ncertifications:\n"
        f"  - {{code: {code}, name: {code}, state: live, content: {content}, assignments: [{', '.join(lines)}]}}\n"
    )


def active(made: Runtime, host_id: int, certification: int) -> BitMap:
    with made.db.read() as session:
        query = select(Enrolment.person).where(
            Enrolment.host_id == host_id, Enrolment.certification == certification, text(ACTIVE)
        )
        return BitMap(session.scalars(query).all())


def names(made: Runtime, host_id: int, people: BitMap) -> set[str]:
    with made.db.read() as session:
        known = dict(session.execute(select(Person.id, Person.ext).where(Person.host_id == host_id)).all())
    return {known[one] for one in people}


def test_after_each_save_the_roster_is_before_and_newly_without_withdrawn(
    connected: tuple[Runtime, Sandbox, int],
) -> None:
    made, sandbox, host_id = connected
    chance, numbers = Random(53), {"A": 1, "B": 2}
    seen: dict[str, int] = {}
    before: dict[str, BitMap] = {"A": BitMap(), "B": BitMap()}
    for turn in range(SAVES):
        code = "AB"[turn % 2]
        with made.db.read() as session:
            wanted: Any = proposals(session, host_id, read_file(file_of(code, rows(sandbox, chance))))
            [found] = review(session, host_id, wanted, now=made.clock.now())
        adds_up(found)
        gone = found.removing.withdrawn or None
        save(made, host_id, wanted, who="tester", choices=Choices(allow_withdrawals=gone))
        work_host(made, host_id)
        now = active(made, host_id, numbers[code])
        released = now - before[code] - found.names["newly"]
        assert len(now) == len(before[code]) + found.adding.newly + len(released) - found.removing.withdrawn
        assert now == (before[code] | found.names["newly"] | released) - found.names["withdrawn"]
        assert not released & found.names["x_adding"]  # only who waited for a row that is gone is counted by nobody
        assert names(made, host_id, now) == sandbox.roster(COURSES[code])
        before[code] = now
        for part, people in found.names.items():
            seen[part] = seen.get(part, 0) + len(people)
    for part in ("newly", "already", "held_back", "suspended_adding", "withdrawn", "kept", "exception_time_allowance"):
        assert seen.get(part), f"No save had anybody {part}."


def adds_up(found: Review) -> None:
    adding, removing = found.adding, found.removing
    assert adding.x == (adding.already + adding.newly + adding.held_back + adding.suspended + adding.not_to_be_assigned)
    assert removing.x == removing.withdrawn + removing.kept + removing.suspended + removing.not_enrolled
    for part, size in (("newly", adding.newly), ("withdrawn", removing.withdrawn), ("kept", removing.kept)):
        assert len(found.names[part]) == size
