"""What is owed goes out, whatever the host answers; nothing is lost and nothing takes effect twice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from plugin.certifications.file.certification_file import proposals, read_file
from plugin.core.clock import Clock
from plugin.core.runtime import Runtime
from plugin.delivery.drift.reconcile import reconcile
from plugin.delivery.seats.send import drain
from plugin.delivery.tables import Call, Seat
from plugin.enrolment.doctor import examine
from plugin.enrolment.message_dates import render
from plugin.enrolment.saving.save import Choices, save
from plugin.jobs.work import work_host
from tests.live import Sandbox, connect, serve_sandbox

FILE = """
version: 1
certifications:
  - code: FS2
    name: Food
    state: live
    content: {certification: [{name: Core, courses: [c1]}]}
    assignments: [{audience: A-1}]
"""


@pytest.fixture
def assigned(runtime: Runtime, tmp_path: Path) -> Any:
    """An audience assigned and settled, and nothing sent yet."""
    live = replace(runtime, clock=Clock())
    with serve_sandbox(tmp_path / "sandbox") as sandbox:
        host_id = connect(live, sandbox)
        yield live, sandbox, host_id, members(sandbox)


def members(sandbox: Sandbox) -> set[str]:
    rows = sandbox.api("members").json()["items"]
    people = {row["id"]: row["state"] for row in sandbox.api("people").json()["items"]}
    return {row["person"] for row in rows if row["audience"] == "A-1" and people[row["person"]] == "active"}


def assign(made: Runtime, host_id: int, text: str = FILE) -> None:
    with made.db.read() as session:
        wanted = proposals(session, host_id, read_file(text))
    with made.db.read() as session:
        size = session.scalar(select(func.count()).select_from(Seat).where(Seat.wanted == 2)) or 0
    gone = size if "assignments: []" in text else None
    save(made, host_id, wanted, who="tester", choices=Choices(allow_withdrawals=gone))


def effective(sandbox: Sandbox) -> list[tuple[str, int]]:
    return [(row["key"], row["generation"]) for row in sandbox.get("log") if row["effective"] and row["course"]]


def later(made: Runtime, seconds: int) -> Runtime:
    return replace(made, clock=Clock(made.clock.now() + seconds))


@pytest.mark.parametrize("mood", ["failing", "down", "html", "garbage"])
def test_a_host_in_trouble_delays_and_loses_nothing(assigned: Any, mood: str) -> None:
    made, sandbox, host_id, expected = assigned
    sandbox.act("mood", mood=mood)
    assign(made, host_id)
    work_host(made, host_id)
    assert sandbox.roster("c1") == set()
    sandbox.act("mood", mood="ok")
    work_host(later(made, 4000), host_id)
    assert sandbox.roster("c1") == expected
    assert len(effective(sandbox)) == len(set(effective(sandbox))) == len(expected)


def test_an_unanswered_call_is_repeated_to_the_letter_before_anything_newer(assigned: Any) -> None:
    made, sandbox, host_id, expected = assigned
    assign(made, host_id)
    sandbox.act("mood", mood="down")
    work_host(made, host_id)
    with made.db.read() as session:
        first = session.scalars(select(Call)).one()
    assign(made, host_id, FILE.replace("[{audience: A-1}]", "[]").replace("assignments: []", "assignments: []"))
    work_host(made, host_id)
    with made.db.read() as session:
        assert session.scalars(select(Call)).one().body == first.body
    sandbox.act("mood", mood="ok")
    work_host(later(made, 4000), host_id)
    assert sandbox.roster("c1") == set()
    calls = list(dict.fromkeys(row["call"] for row in sandbox.get("log")))
    assert calls[0] == first.id
    assert {row["want"] for row in sandbox.get("log") if row["call"] == calls[0]} == {"in"}
    assert expected


def test_seats_made_by_others_are_found_and_never_touched(assigned: Any) -> None:
    made, sandbox, host_id, expected = assigned
    by_hand = sorted(expected)[:3]
    for person in by_hand:
        sandbox.act("enrol-by-hand", person=person, course="c1")
    assign(made, host_id)
    work_host(made, host_id)
    assign(made, host_id, FILE.replace("[{audience: A-1}]", "[]"))
    work_host(made, host_id)
    assert sandbox.roster("c1") == set(by_hand)
    assert not [row for row in sandbox.get("log") if row["person"] in by_hand and row["effective"]]
    assert examine(made, deep=True) == []


def test_an_asynchronous_host_is_asked_until_it_is_done(runtime: Runtime, tmp_path: Path) -> None:
    made = replace(runtime, clock=Clock())
    with serve_sandbox(tmp_path / "sandbox", asynchronous=True) as sandbox:
        host_id = connect(made, sandbox)
        assign(made, host_id)
        work_host(made, host_id)
        import time

        time.sleep(0.5)
        work_host(later(made, 60), host_id)
        assert sandbox.roster("c1") == members(sandbox)
        with made.db.read() as session:
            assert session.scalar(select(func.count()).select_from(Call)) == 0


def test_reconciling_repairs_our_seats_and_touches_none_of_the_others(assigned: Any) -> None:
    made, sandbox, host_id, expected = assigned
    assign(made, host_id)
    work_host(made, host_id)
    ours = sorted(expected)
    sandbox.act("unenrol", person=ours[0], course="c1")
    sandbox.act("enrol-by-hand", person=ours[1], course="c1", state="suspended", by="muster")
    stranger = next(row["id"] for row in sandbox.api("people").json()["items"] if row["id"] not in expected)
    sandbox.act("enrol-by-hand", person=stranger, course="c1")
    drift = reconcile(later(made, 1), host_id)
    assert (drift.missing, drift.suspended, drift.others) == (1, 1, 1)
    drain(later(made, 2), host_id, render)
    assert sandbox.roster("c1") == expected | {stranger}


def test_the_body_of_a_call_names_each_seat_once(assigned: Any) -> None:
    made, sandbox, host_id, expected = assigned
    assign(made, host_id)
    work_host(made, host_id)
    log = sandbox.get("log")
    assert {row["person"] for row in log} == expected
    assert len({row["key"] for row in log}) == len(log)
    assert json.dumps(sorted(expected))
