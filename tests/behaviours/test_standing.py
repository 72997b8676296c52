"""Standing answers, dates that count from another certification, grace in months, and what has ended (3.1, 4.5, 5.11)."""

from __future__ import annotations

from typing import Any

import pytest

from plugin.core.errors import RefusedByRule
from plugin.enrolment.answers import exceptions, groups, overrides
from plugin.enrolment.earlier_rows import changes_of
from plugin.enrolment.facts import NONE
from plugin.enrolment.settling.everyone import settle_everything
from plugin.enrolment.settling.people import settle_people
from plugin.enrolment.tables import Enrolment
from tests.behaviours.lab import BOTH, CONTENT, PERIOD, Lab, individuals, on, row, timed
from tests.world import HOST

AFTER = {"after": "certification_completion", "certification": "fs", "add": "30 days"}
OTHER = {"certification": [{"name": "Core", "courses": ["c2"], "needs": "all"}]}
WAIT = {"unknown_date": "wait"}
DONE = on("2026-11-10")
DUE = "2026-12-10T23:59:00Z"


@pytest.mark.parametrize("kind", ["certification", "program"])
def test_a_date_counted_from_a_completion_is_known_as_soon_as_that_is(lab: Lab, kind: str) -> None:
    terms: dict[str, Any] = {"kind": kind} if kind == "program" else {"period": PERIOD}
    lab.save("before", content=OTHER, period=PERIOD)  # one that is settled before it, and one after
    lab.save("fs", *individuals("ann", "bob"), content=CONTENT, **terms)
    lab.save("before", *individuals("ann", "bob", due=AFTER))
    lab.save("after", *individuals("ann", "bob", due=AFTER), content=timed(1, "c3"), period=PERIOD)
    assert lab.exceptions("before") == lab.exceptions("after") == {"ann": "unknown_date", "bob": "unknown_date"}
    lab.complete("ann", "c1", DONE)
    lab.settle()
    for code in ("before", "after"):
        assert (lab.exceptions(code), lab.active(code), lab.due("ann", code)) == ({"bob": "unknown_date"}, {"ann"}, DUE)


def test_so_it_is_where_everybody_is_settled_at_once(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", "bob"), content=CONTENT, period=PERIOD)
    lab.save("gs", *individuals("ann", "bob", due=AFTER), content=OTHER, period=PERIOD, exceptions=WAIT)
    lab.complete("ann", "c1", DONE)
    lab.complete("bob", "c1", DONE)
    settle_people(lab.runtime, HOST, limit=1)  # as if they were 20,000
    lab.settle()
    assert (lab.due("ann", "gs"), lab.due("bob", "gs")) == (DUE, DUE)


@pytest.mark.parametrize(
    ("grace", "day"), [("1 month", "2026-12-18T11:06:40Z"), ("1 year", "2027-11-18T11:06:40Z"), ("2 weeks", "2026-12-02T11:06:40Z")]
)  # fmt: skip
def test_grace_may_be_months_or_years(lab: Lab, grace: str, day: str) -> None:
    lab.save(
        "fs", *individuals("ann", "bob"), content=CONTENT, period=PERIOD, leaving={"seat": "remove", "grace": grace}
    )
    lab.save("fs", *individuals("bob"))
    assert lab.rows()["ann"]["leaves_on"] == day
    lab.later(400)
    assert lab.active() == {"bob"}


@pytest.mark.parametrize(("answer", "due"), [("assign", "2027-05-01"), ("dismiss", "2027-03-01")])
def test_a_standing_answer_decides_about_who_is_assigned_already(lab: Lab, answer: str, due: str) -> None:
    first = individuals("ann", due={"fixed": "2027-03-01"})
    lab.audience("team", "ann")
    lab.save("fs", *first, content=CONTENT, period=PERIOD, exceptions={"already_assigned": answer})
    lab.save("fs", *first, row("audience", "team", due={"fixed": "2027-05-01"}))
    settle_everything(lab.runtime, HOST)
    assert lab.exceptions() == {}
    assert str(lab.due("ann")).startswith(due)
    lab.answer("reopen", "ann")  # what a rule decided can be taken back too
    assert lab.exceptions() == {"ann": "already_assigned"}
    lab.answer("assign", "ann")
    assert str(lab.due("ann")).startswith("2027-05-01")


def test_a_shared_course_that_is_taken_out_of_the_first_lets_learners_into_the_second(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", "bob"), content=CONTENT, period=PERIOD)
    lab.save("gs", *individuals("ann", "bob"), content=CONTENT, period=PERIOD)
    assert lab.exceptions("gs") == {"ann": "duplicate_course", "bob": "duplicate_course"}
    lab.save("fs", *individuals("ann", "bob"), content=OTHER)
    assert (lab.exceptions("gs"), lab.active("gs")) == ({}, {"ann", "bob"})


@pytest.mark.parametrize("how", ["archived", "over"])
def test_an_ended_certification_keeps_nobody_out_of_another(lab: Lab, how: str) -> None:
    end: dict[str, Any] = {"state": "archived"} if how == "archived" else {"available": {"until": "2026-11-20"}}
    lab.save("fs", *individuals("ann"), content=CONTENT, period=PERIOD)
    lab.save("gs", *individuals("ann"), content=CONTENT, period=PERIOD)
    assert lab.exceptions("gs") == {"ann": "duplicate_course"}
    lab.save("fs", *individuals("ann"), **end)
    lab.later(3)
    assert (lab.exceptions("gs"), lab.active("gs")) == ({}, {"ann"})
    lab.save("hs", *individuals("bob"), content=CONTENT, period=PERIOD)
    assert lab.active("hs") == {"bob"}


@pytest.mark.parametrize("end", [{"state": "archived"}, {"available": {"until": "2026-11-17"}}])
def test_what_has_ended_is_read_and_not_changed(lab: Lab, end: dict[str, Any]) -> None:
    members = row("group", "aid", group={"self_enrol": True, "withdraw": True}, members=("bob",))
    lab.save("fs", *individuals("ann", due={"fixed": "2026-11-20"}), members, content=timed(21), period=PERIOD)
    group = row("group", "aid", group={"self_enrol": True, "withdraw": True})
    rows = [*individuals("ann", due={"fixed": "2026-11-20"}), group]
    lab.save("fs", *rows, **end)
    before, number = lab.facts(), lab.number()
    refused = pytest.raises(RefusedByRule, match="can only be read")
    with refused:
        lab.save("fs", *rows, *individuals("cat"))
    with refused:
        lab.save("fs", *rows, name="Another")
    with refused:
        lab.answer("assign", "ann")
    with refused:
        groups.join(lab.runtime, HOST, number, "aid", lab.id("cat"))
    with refused:
        groups.leave(lab.runtime, HOST, number, "aid", lab.id("bob"), by="admin")
    with refused:
        overrides.extend(lab.runtime, HOST, number, lab.id("bob"), on("2027-06-01"), who="admin")
    with refused:
        overrides.exempt(lab.runtime, HOST, number, lab.id("bob"), until=None, reason="so", who="admin")
    assert lab.facts() == before
    lab.save("fs", *rows, *individuals("cat"), state="live", available={})
    assert lab.active() == {"bob", "cat"}
    assert exceptions.answer(lab.runtime, HOST, number, "assign", who="admin", people=[lab.id("ann")]) == 1


def test_behaviour_88_an_award_is_kept_once_however_often_it_is_told_and_each_cycle_has_its_own(lab: Lab) -> None:
    lab.save("fs", *individuals("ann"), content=BOTH, period=PERIOD)
    lab.complete("ann", "c1", DONE)
    lab.settle()
    lab.complete("ann", "c1", DONE)
    lab.settle()
    settle_everything(lab.runtime, HOST)
    assert awards(lab) == [(DONE, on("2027-11-10"))]
    lab.at(on("2027-10-20"))
    lab.settle()
    again = on("2027-10-25")
    for _telling in range(2):
        lab.complete("ann", "c2", again)
        lab.later(1)
    lab.later(300)
    assert awards(lab) == [(DONE, on("2027-11-10")), (again, on("2028-10-25"))]


def awards(lab: Lab) -> list[tuple[int, int]]:
    """When ann was certified and until when, the earliest first: what is kept of her past, and her row."""
    with lab.runtime.db.read() as session:
        row_of = session.get_one(Enrolment, (HOST, lab.number(), lab.id("ann")))
        kept = [
            (int(one.columns["certified_at"][0]), int(one.columns["expires"][0]))
            for one in changes_of(session, HOST, lab.number())
            if "certified_at" in one.columns and one.columns["certified_at"][0] != NONE
        ]
        assert row_of.certified_at is not None
        assert row_of.expires is not None
        return [*reversed(kept), (row_of.certified_at, row_of.expires)]
