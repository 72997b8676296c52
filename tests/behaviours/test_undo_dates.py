"""Undo takes back only the dates that came from what is undone; an answer that was given stands (rules 3.5, 4.4)."""

from __future__ import annotations

from typing import Any

from plugin.core.tables import Journal
from plugin.enrolment.doctor import examine
from plugin.enrolment.saving.history import undo, undo_proposal
from plugin.enrolment.saving.review import review
from plugin.enrolment.saving.save import Choices
from tests.behaviours.lab import CONTENT, PERIOD, Lab, individuals, row, timed
from tests.world import HOST

SPRING, SUMMER, AUTUMN = ({"fixed": day} for day in ("2027-03-31", "2027-06-30", "2027-09-30"))


def last_save(lab: Lab) -> int:
    with lab.runtime.db.read() as session:
        return max(one.n for one in session.query(Journal).filter(Journal.what == "saved"))


def take_back(lab: Lab, number: int) -> int:
    """Undo a save; returns how many dates the review says would move earlier."""
    with lab.runtime.db.read() as session:
        proposal = undo_proposal(lab.runtime, session, HOST, number)
        found = review(session, HOST, [proposal], now=lab.now)[0]
    undo(lab.runtime, HOST, number, who="admin", choices=Choices())
    lab.settle()
    assert examine(lab.runtime, deep=True) == []
    return found.earlier


def test_undo_moves_back_the_dates_that_the_undone_save_gave_and_no_others(lab: Lab) -> None:
    lab.audience("team", "ann", "bob", "cat")
    lab.audience("late", "bob")
    lab.save(
        "fs", row("audience", "team", due=SPRING), row("audience", "late", due=SUMMER), content=CONTENT, period=PERIOD
    )
    lab.save("fs", row("audience", "team", due=SPRING))  # bob keeps the later date of the row that left
    lab.save("fs", row("audience", "team", due=SPRING), *individuals("cat", due=AUTUMN))
    assert [lab.due(one) for one in ("ann", "bob", "cat")] == [
        "2027-03-31T23:59:00Z", "2027-06-30T23:59:00Z", "2027-09-30T23:59:00Z",
    ]  # fmt: skip
    assert take_back(lab, last_save(lab)) == 1
    assert [lab.due(one) for one in ("ann", "bob", "cat")] == [
        "2027-03-31T23:59:00Z", "2027-06-30T23:59:00Z", "2027-03-31T23:59:00Z",
    ]  # fmt: skip


def test_undo_of_something_else_moves_no_date(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", due=SUMMER), content=CONTENT, period=PERIOD)
    lab.save("fs", *individuals("ann", due=SPRING))
    lab.save("fs", *individuals("ann", due=SPRING), name="Another name")
    assert take_back(lab, last_save(lab)) == 0
    assert lab.due("ann") == "2027-06-30T23:59:00Z"


def test_a_realistic_date_that_was_given_comes_back(lab: Lab) -> None:
    soon: Any = {"fixed": "2026-12-02"}
    lab.save("fs", *individuals("ann", due=soon), content=timed(21), period=PERIOD)
    lab.answer("realistic", "ann")
    given = lab.due("ann")
    assert given == "2026-12-16T23:59:00Z"
    lab.save("fs", *individuals("ann", due=SPRING), content=timed(21))
    assert lab.due("ann") == "2027-03-31T23:59:00Z"
    assert take_back(lab, last_save(lab)) == 1
    assert (lab.due("ann"), lab.exceptions(), lab.active()) == (given, {}, {"ann"})


def test_a_realistic_date_for_an_unknown_base_comes_back_and_is_not_asked_again(lab: Lab) -> None:
    unknown = {"after": "profile_date", "field": "hired", "add": "1 year"}
    lab.save("fs", *individuals("ann", due=unknown), content=CONTENT, period=PERIOD)
    lab.answer("realistic", "ann")
    given = lab.due("ann")
    lab.save("fs", *individuals("ann", due=SPRING), content=CONTENT)
    assert take_back(lab, last_save(lab)) == 1
    assert (lab.due("ann"), lab.exceptions(), lab.active()) == (given, {}, {"ann"})


def test_undo_asks_again_where_an_assignment_comes_back(lab: Lab) -> None:
    soon: Any = {"fixed": "2026-12-02"}
    lab.save("fs", *individuals("ann", "bob", due=soon), content=timed(21), period=PERIOD)
    lab.answer("assign", "ann")
    lab.answer("dismiss", "bob")
    lab.save("fs", content=timed(21))
    with lab.runtime.db.read() as session:
        proposal = undo_proposal(lab.runtime, session, HOST, last_save(lab))
        found = review(session, HOST, [proposal], now=lab.now)[0]
    assert (found.exceptions, found.adding.held_back) == ({"time_allowance": 2}, 2)
    take_back(lab, last_save(lab))
    assert (lab.exceptions(), lab.active()) == ({"ann": "time_allowance", "bob": "time_allowance"}, set())
