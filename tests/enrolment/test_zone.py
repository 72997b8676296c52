"""A host's time zone changes: dates of two equal learners agree afterwards, and nothing else moves (rules 3.2, 3.5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from plugin.certifications.tables import Certification as CertificationRow
from plugin.core.days import local_day
from plugin.core.runtime import Runtime
from plugin.enrolment.checking.daily import check_daily
from plugin.enrolment.doctor import examine
from plugin.enrolment.settling.changed_date_settings import SAME_DAY
from plugin.enrolment.settling.saves import request_settling
from plugin.enrolment.tables import Settling
from plugin.jobs.work import work_once
from plugin.mirror.connections.date_settings import changed_meaning, move_zone
from plugin.mirror.connections.settings import change_mapping
from plugin.mirror.pulling import pull as pulling
from plugin.mirror.tables import Job as JobRow
from plugin.mirror.tables import Person
from tests.histories.lab import Lab
from tests.histories.naive import DAY, Certification, Job, Row
from tests.histories.seams import SeamLab

EAST, WEST = "Asia/Tokyo", "America/New_York"


def company(runtime: Runtime, due: Any) -> Lab:
    """Ann works in the unit that certification A is assigned to; Bob does not yet."""
    lab = Lab(runtime)
    lab.unit("u1", "organisation", None)
    lab.courses("c1")
    for name in ("ann", "bob"):
        lab.person(name)
    lab.job("j1", Job("ann", "u1"))
    save(lab, due)
    return lab


def save(lab: Lab, due: Any) -> None:
    terms = Certification(courses=("c1",))
    lab.model.certifications["A"] = terms
    lab.save("A", {"organisation:u1": Row("organisation", "u1", due=due)}, terms)
    lab.settle()


def move(lab: Lab, zone: str) -> None:
    lab.runtime.db.transact(lambda session: move_zone(session, lab.host, zone, at=lab.model.now, who="test"))
    work_once(lab.runtime)


def dues(lab: Lab) -> dict[str, int]:
    sql = "SELECT p.ext, e.due FROM enrolment e JOIN person p ON p.host_id = e.host_id AND p.id = e.person"
    with lab.runtime.db.read() as session:
        return {row[0]: row[1] for row in session.execute(text(sql))}


def is_sound(lab: Lab) -> bool:
    return check_daily(lab.runtime, lab.host) == 0 and examine(lab.runtime, deep=True, only=lab.host) == []


@pytest.mark.parametrize("zone", [EAST, WEST])
@pytest.mark.parametrize(
    "due", [("on", date(2027, 3, 31), None, None), ("after", "enrolment", 40, "days", None)], ids=["fixed", "after"]
)
def test_dates_from_before_and_after_agree(runtime: Runtime, zone: str, due: Any) -> None:
    lab = company(runtime, due)
    before = dues(lab)["ann"]
    move(lab, zone)
    lab.job("j2", Job("bob", "u1"))
    work_once(lab.runtime)
    after = dues(lab)
    assert after["ann"] == after["bob"] != before
    assert is_sound(lab)


def test_a_date_that_an_administrator_left_later_stays(runtime: Runtime) -> None:
    lab = company(runtime, ("on", date(2027, 3, 31), None, None))
    save(lab, ("on", date(2027, 3, 1), None, None))
    kept = dues(lab)["ann"]
    move(lab, EAST)
    assert dues(lab)["ann"] == kept
    assert is_sound(lab)


def test_the_days_of_availability_are_days_of_the_new_zone(runtime: Runtime) -> None:
    lab = company(runtime, ("on", date(2027, 3, 31), None, None))

    def begin(session: Session) -> int | None:
        return session.scalars(select(CertificationRow.available_from)).one()

    lab.runtime.db.transact(_opens_later)
    move(lab, EAST)
    with lab.runtime.db.read() as session:
        instant = begin(session)
        assert changed_meaning(session, lab.host) is None
    assert instant is not None
    assert (instant + 9 * 3600) % DAY == 0
    assert str(local_day(instant, EAST)) == "2026-01-01"


def _opens_later(session: Session) -> None:
    """The saved definition names a first day, as a file does."""
    from plugin.certifications.tables import Version

    version = session.scalars(select(Version).order_by(Version.n.desc())).first()
    assert version is not None
    version.definition = {**version.definition, "available": {"from": "2026-01-01", "until": None}}


def test_the_same_zone_again_changes_nothing(runtime: Runtime) -> None:
    lab = company(runtime, ("on", date(2027, 3, 31), None, None))
    with lab.runtime.db.read() as session:
        zone = session.execute(text("SELECT time_zone FROM host")).scalar_one()
    assert not lab.runtime.db.transact(lambda session: move_zone(session, lab.host, zone, at=lab.model.now, who="test"))


# --- while something else is under way


def test_a_save_that_waits_lets_dates_follow_too(runtime: Runtime) -> None:
    lab = company(runtime, ("on", date(2027, 3, 31), None, None))
    terms = Certification(courses=("c1",))
    row = Row("organisation", "u1", due=("on", date(2027, 3, 31), None, None))
    lab.save("A", {"organisation:u1": row, "individual:bob": replace(row, type="individual", target="bob")}, terms)
    move(lab, EAST)
    assert dues(lab)["ann"] == dues(lab)["bob"]
    assert is_sound(lab)


def test_a_settle_under_way_begins_again(runtime: Runtime) -> None:
    lab = company(runtime, ("on", date(2027, 3, 31), None, None))

    def run_it(session: Session) -> None:
        request_settling(session, lab.host, lab.number("A"), number=99, version=1, at=lab.model.now, who="a",
                         choices={"no_messages": True}, correlation="")  # fmt: skip
        session.execute(text("UPDATE settling SET state = 'running', lease = 'x:1', lease_until = 9999999999"))

    lab.runtime.db.transact(run_it)
    before = dues(lab)["ann"]
    move(lab, EAST)
    assert before - dues(lab)["ann"] == 8 * 3600  # London is an hour ahead of UTC in March
    with lab.runtime.db.read() as session:
        number, choices = session.execute(select(Settling.number, Settling.choices)).one()
    assert number != 99
    assert choices == {"no_messages": True, "earlier_by": SAME_DAY}


@pytest.mark.parametrize("kind", ["people", "jobs"])
def test_a_read_across_a_change_of_the_zone_begins_again(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    lab = SeamLab(runtime, "Europe/London")
    monkeypatch.setattr(pulling, "open_connection", lambda *_: lab.truth)
    for number in range(1, 6):
        lab.truth.put("people", f"p{number}", {"name": f"P{number}", "first_login": "2026-11-02"})
        lab.truth.put("jobs", f"j{number}", {"person": f"p{number}", "start": "2026-11-02"})
    asked: list[int] = []

    def type_the_zone() -> None:
        asked.append(1)
        if len(asked) == (1 if kind == "people" else 2):
            lab.truth.zone = EAST
            lab.runtime.db.transact(lambda session: move_zone(session, lab.host, EAST, at=lab.model.now, who="typed"))

    lab.truth.between = type_the_zone
    pulling.pull(lab.runtime, lab.host)
    pulling.pull(lab.runtime, lab.host)
    with lab.runtime.db.read() as session:
        found = set(session.scalars(select(Person.first_login))) | set(session.scalars(select(JobRow.starts)))
    assert found == {int(datetime(2026, 11, 2, tzinfo=ZoneInfo(EAST)).timestamp())}


# --- a field that was misread


@pytest.mark.parametrize("pending", [False, True])
def test_dates_from_a_field_in_another_format_follow_both_ways(runtime: Runtime, pending: bool) -> None:
    lab = company(runtime, ("after", "profile_date", 10, "days", "hired"))
    for name, day in (("ann", "05/04/2027"), ("bob", "04/05/2027"), ("cat", "05/04/2027")):
        lab.person(name, fields={"hired": day})
        lab.job(f"{name}'s", Job(name, "u1"))
    lab.settle()
    mapped(lab, "%d/%m/%Y")
    work_once(lab.runtime)
    early, late = dues(lab)["ann"], dues(lab)["bob"]
    assert early < late
    if pending:
        lab.save("A", lab.model.certifications["A"].rows, Certification(courses=("c1",), minimum=DAY))
    mapped(lab, "%m/%d/%Y")
    work_once(lab.runtime)
    assert dues(lab) == {"ann": late, "cat": late, "bob": early}
    assert is_sound(lab)


def mapped(lab: Lab, written: str) -> None:
    mapping = {"date_formats": {"hired": written}}
    change = partial(change_mapping, host_id=lab.host, mapping=mapping, at=lab.model.now, who="test")
    lab.runtime.db.transact(change)
