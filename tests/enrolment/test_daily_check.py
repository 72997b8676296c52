"""What a fault or a hand left behind in the database is found and mended within a day, and said."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from plugin.core.runtime import Runtime
from plugin.enrolment.checking.daily import check_daily, drift_found
from plugin.enrolment.doctor import WAITING, WRONG, diagnose, examine
from tests.histories.lab import Lab
from tests.histories.naive import DAY, Certification, Job, Row

pytestmark = pytest.mark.plants_drift


def company(runtime: Runtime) -> Lab:
    """Ann and Bob work in the unit that certification A is assigned to, with a due date and courses; Cem does not."""
    lab = Lab(runtime)
    lab.unit("u1", "organisation", None)
    lab.courses("c1", "c2")
    for name in ("ann", "bob", "cem"):
        lab.person(name)
    lab.job("j1", Job("ann", "u1"))
    lab.job("j2", Job("bob", "u1"))
    terms = Certification(courses=("c1",))
    lab.model.certifications["A"] = terms
    rows = {"organisation:u1": Row("organisation", "u1", due=("after", "enrolment", 40, "days", None))}
    lab.save("A", rows, terms)
    lab.settle()
    assert check_daily(lab.runtime, lab.host) == 0
    return lab


def plant(lab: Lab, sql: str) -> None:
    """Change the database behind Muster's back."""
    names = {"host": lab.host, "a": lab.number("A"), "now": lab.model.now}
    names |= {name: lab.id_of(name) for name in ("ann", "bob", "cem")}
    with lab.runtime.db.write() as session:
        changed: Any = session.execute(text(sql), {key: names[key] for key in names if f":{key}" in sql})
        assert changed.rowcount > 0


def a_day_later(lab: Lab) -> int:
    """What the check finds within the day, and that nothing is left for the next one."""
    lab._clock(lab.model.now + DAY)
    lab.work()
    found = check_daily(lab.runtime, lab.host)
    lab.work()
    lab._clock(lab.model.now + DAY)
    lab.work()
    assert check_daily(lab.runtime, lab.host) == 0
    assert examine(lab.runtime, deep=True, only=lab.host) == []
    return found


MINE = "WHERE host_id = :host AND certification = :a AND person = :ann"
KINDS = {
    "reason": f"UPDATE enrolment SET why = 0 {MINE}",
    "due date gone": f"UPDATE enrolment SET due = NULL {MINE}",
    "due date too early": f"UPDATE enrolment SET due = due - 86400 {MINE}",
    "held by the guard": f"UPDATE enrolment SET hold = 4 {MINE}",
    "held by nothing": f"UPDATE enrolment SET hold = 1 {MINE}",
    "suspended": f"UPDATE enrolment SET frozen_since = :now {MINE}",
    "in grace": f"UPDATE enrolment SET leaves_on = :now + 9999999 {MINE}",
    "waking": f"UPDATE enrolment SET wakes = :now + 99999999 {MINE}",
    "seat not wanted": "UPDATE seat SET wanted = 0 WHERE host_id = :host AND person = :ann",
    "seat gone": "DELETE FROM seat WHERE host_id = :host AND person = :ann",
    "seat not owed": "UPDATE seat SET owed = (1 = 0) WHERE host_id = :host AND person = :ann",
    "exception of nobody": "INSERT INTO exception (host_id, certification, person, type, since, why)"
    " SELECT host_id, id, CAST(:cem AS INTEGER), 0, 5, 0 FROM certification WHERE host_id = :host AND id = :a",
}
"""What is planted and leaves no trace behind once it is mended."""


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_drift_is_mended_within_the_day(runtime: Runtime, kind: str) -> None:
    lab = company(runtime)
    before = lab.product()
    plant(lab, KINDS[kind])
    assert a_day_later(lab) == 1
    assert lab.product() == before
    with lab.runtime.db.read() as session:
        assert drift_found(session, lab.host)[0] == 1
        what = "SELECT count(*) FROM journal WHERE host_id = :host AND reason = 'found by the daily check'"
        assert session.execute(text(f"{what} AND what LIKE '%_repaired'"), {"host": lab.host}).scalar_one() == 1


def test_who_lost_her_row_is_enrolled_again(runtime: Runtime) -> None:
    lab = company(runtime)
    plant(lab, f"DELETE FROM enrolment {MINE}")
    assert a_day_later(lab) == 1
    assert lab.product()["A ann"]["why"] == ["organisation:u1"]


def test_who_was_withdrawn_by_hand_begins_again(runtime: Runtime) -> None:
    lab = company(runtime)
    plant(lab, f"UPDATE enrolment SET state = 0, ended = :now, why = 0 {MINE}")
    assert a_day_later(lab) >= 1
    assert lab.product()["A ann"]["spell"] == 2


def test_who_was_enrolled_by_hand_is_withdrawn(runtime: Runtime) -> None:
    lab = company(runtime)
    before = lab.product()
    plant(
        lab,
        "INSERT INTO enrolment (host_id, certification, person, state, hold, spell, began, why, quiet, cycle, rev)"
        " SELECT host_id, certification, CAST(:cem AS INTEGER), state, hold, 1, began, why, quiet, cycle, 1"
        f" FROM enrolment {MINE}",
    )
    assert a_day_later(lab) >= 1
    found = lab.product()
    assert {key: row for key, row in found.items() if "cem" not in key} == before
    assert "A cem" not in found


def test_a_seat_that_nobody_claims_is_let_go(runtime: Runtime) -> None:
    lab = company(runtime)
    plant(
        lab,
        "INSERT INTO seat (host_id, course, person, wanted, confirmed, owed, origin, leave, generation, changed,"
        " sent_generation, call, attempts, next_at, correlation)"
        " SELECT host_id, course, CAST(:cem AS INTEGER), 2, 0, owed, origin, 0, 1, changed, 0, '', 0, 0, ''"
        " FROM seat WHERE host_id = :host AND person = :ann",
    )
    assert a_day_later(lab) == 1
    assert lab.product()["seat cem c1"] == "suspended"


def test_a_change_of_the_mirror_that_nobody_stamped_is_seen(runtime: Runtime) -> None:
    lab = company(runtime)
    plant(lab, "UPDATE job SET organisation = NULL WHERE host_id = :host AND person = :ann")
    assert a_day_later(lab) == 1
    assert "A ann" not in lab.product()


def test_a_count_that_is_wrong_is_counted_anew(runtime: Runtime) -> None:
    lab = company(runtime)
    plant(lab, "UPDATE certification SET active_learners = 77 WHERE host_id = :host AND id = :a")
    a_day_later(lab)
    with lab.runtime.db.read() as session:
        sql = "SELECT active_learners FROM certification WHERE host_id = :host AND id = :id"
        assert session.execute(text(sql), {"host": lab.host, "id": lab.number("A")}).scalar_one() == 2


def test_a_sound_system_is_found_sound(runtime: Runtime) -> None:
    lab = company(runtime)
    lab.person("bob", state="suspended")
    lab.job("j3", Job("cem", "u1", starts=lab.model.now + DAY // 2))
    assert a_day_later(lab) == 0
    with lab.runtime.db.read() as session:
        assert drift_found(session, lab.host) == (0, 0)


def test_the_doctor_names_the_learner_and_what_would_be(runtime: Runtime) -> None:
    lab = company(runtime)
    before = lab.product()
    plant(lab, f"UPDATE enrolment SET due = NULL, why = 0 {MINE}")
    plant(lab, "DELETE FROM seat WHERE host_id = :host AND person = :ann")
    found = [one for one in diagnose(lab.runtime, deep=True, only=lab.host) if one.kind == WRONG]
    summary, one, seats = found
    assert (summary.sentence, summary.count) == ("A: settling again would change 1 learners.", 1)
    assert (one.certification, one.person) == ("A", "ann")
    assert (one.stored["due"], one.stored["why"]) == (None, "set 0")
    assert (one.would["why"], one.would["due"]) == (["organisation:u1"], before["A ann"]["due"])
    assert seats.sentence == "1 seats are missing."


def test_waiting_is_told_apart_from_wrong(runtime: Runtime) -> None:
    lab = company(runtime)
    lab.job("j3", Job("cem", "u1"))
    lab.job("j4", Job("bob", None, ends=lab.model.now + 60))
    lab._clock(lab.model.now + 120)
    found = diagnose(lab.runtime, deep=True, only=lab.host)
    assert [one.kind for one in found if one.kind == WRONG] == []
    assert {(one.kind, one.count) for one in found if "wait to be settled" in one.sentence} == {(WAITING, 2)}
    assert [one.count for one in found if "no worker moved it on" in one.sentence] == [1]
