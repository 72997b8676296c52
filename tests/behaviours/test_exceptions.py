"""Exceptions (behaviours 40 to 50), in the form of rules 4."""

from __future__ import annotations

import pytest

from plugin.core.errors import RefusedByRule
from plugin.core.tables import Host
from plugin.enrolment.answers.groups import join
from tests.behaviours.lab import BOTH, CONTENT, PERIOD, Lab, individuals, row, timed
from tests.world import HOST

TOLD = ({"when": "assigned", "to": ["learner"]}, {"when": "exception", "to": ["admins"]})
SOON = {"fixed": "2026-12-02"}  # two weeks ahead


def test_behaviour_40_two_weeks_are_too_short_for_three_and_long_enough_for_one(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", due=SOON), content=timed(21), period=PERIOD)
    lab.save("gs", *individuals("ann", due=SOON), content=timed(7, "c2"), period=PERIOD)
    assert (lab.exceptions(), lab.exceptions("gs")) == ({"ann": "time_allowance"}, {})
    assert (lab.active(), lab.active("gs")) == (set(), {"ann"})


def administered(lab: Lab) -> None:
    """Fay is an administrator by name."""
    with lab.runtime.db.write() as session:
        session.get_one(Host, HOST).settings = {"administrators": [1, 6]}
    assert lab.id("fay") == 6


def test_behaviour_41_who_is_held_back_gets_nothing_and_hears_nothing(lab: Lab) -> None:
    lab.save(
        "fs", *individuals("ann", due={"after": "enrolment", "add": "1 week"}),
        *individuals("bob", due={"after": "enrolment", "add": "15 days"}), content=timed(14), period=PERIOD,
        notifications=TOLD,
    )  # fmt: skip
    rows = lab.rows()
    assert (len(rows), lab.active(), lab.exceptions()) == (2, {"bob"}, {"ann": "time_allowance"})
    assert rows["ann"]["held"] == "exception"
    assert lab.seats("c1") == {"bob": "in"}
    assert lab.told() == [("assigned", "bob", "bob")]


def test_behaviour_42_a_realistic_date_lets_her_in_and_closes_the_question(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", due={"after": "enrolment", "add": "1 week"}), content=timed(14), period=PERIOD,
             notifications=TOLD)  # fmt: skip
    assert lab.answer("realistic", "ann") == 1
    assert (lab.active(), lab.exceptions(), lab.due("ann")) == ({"ann"}, {}, "2026-12-09T23:59:00Z")
    assert lab.seats("c1") == {"ann": "in"}
    assert lab.told() == [("assigned", "ann", "ann")]


def test_behaviour_43_another_way_in_asks_nothing_of_who_is_in_already(lab: Lab) -> None:
    lab.audience("team", "ann")
    lab.save("fs", row("audience", "team"), content=timed(14), period=PERIOD)
    lab.save("fs", row("audience", "team"), *individuals("ann"))
    assert (lab.exceptions(), lab.active()) == ({}, {"ann"})


def test_behaviour_44_two_certifications_with_one_course_ask_about_the_second(lab: Lab) -> None:
    lab.save("fs", *individuals("ann"), content=CONTENT, period=PERIOD)
    lab.save("gs", *individuals("ann"), content=CONTENT, period=PERIOD)
    assert (lab.active(), lab.active("gs"), lab.exceptions("gs")) == ({"ann"}, set(), {"ann": "duplicate_course"})
    lab.answer("dismiss", "ann", code="gs")
    assert (lab.active("gs"), lab.exceptions("gs"), set(lab.rows("gs"))) == (set(), {}, {"ann"})
    lab.answer("reopen", "ann", code="gs")
    assert lab.exceptions("gs") == {"ann": "duplicate_course"}
    lab.save("fs")  # leaving the one re-decides the other
    assert (lab.active("gs"), lab.exceptions("gs")) == ({"ann"}, {})


def test_behaviour_46_a_question_is_looked_at_again_and_goes_when_its_cause_has_gone(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", "bob", due=SOON), content=timed(21), period=PERIOD)
    lab.save("fs", *individuals("ann", due={"fixed": "2027-06-30"}), *individuals("bob", due=SOON))
    assert (lab.exceptions(), lab.active()) == ({"bob": "time_allowance"}, {"ann"})
    lab.save("fs", *individuals("ann"), *individuals("bob", due=SOON), content=timed(1))
    assert (lab.exceptions(), lab.active()) == ({}, {"ann", "bob"})


def test_behaviour_48_certified_long_ago_and_back_with_a_past_expiry_nobody_is_asked(lab: Lab) -> None:
    lab.save("fs", *individuals("ann"), content=BOTH | {"certification": timed(30)["certification"]}, period=PERIOD)
    lab.complete("ann", "c1", lab.now)
    lab.settle()
    lab.save("fs")
    lab.later(800)
    lab.save("fs", *individuals("ann", due={"fixed": "2027-01-01"}))
    found = lab.rows()["ann"]
    assert (found["state"], found["active"], lab.exceptions()) == ("expired", True, {})
    assert found["due"] == "2027-11-18T11:06:40Z"


def test_behaviour_50_an_exception_is_told_once_and_again_only_for_another_learner(lab: Lab) -> None:
    administered(lab)
    lab.save("fs", *individuals("bob", due=SOON), content=timed(21), period=PERIOD, notifications=TOLD)
    assert set(lab.told()) == {("exception", "bob", "ann"), ("exception", "bob", "fay")}
    lab.later(1)
    lab.answer("dismiss", "bob")
    lab.later(1)
    lab.answer("reopen", "bob")
    lab.save("fs", *individuals("bob", due={"fixed": "2026-12-03"}))
    assert lab.exceptions() == {"bob": "time_allowance"}
    assert len(lab.told()) == 2
    lab.save("fs", *individuals("bob", "cat", due=SOON))
    assert set(lab.told()[2:]) == {("exception", "cat", "ann"), ("exception", "cat", "fay")}


def test_behaviour_50_an_exception_that_becomes_another_is_not_told_again_in_the_same_spell(lab: Lab) -> None:
    administered(lab)
    due = {"after": "course_completion", "course": "c3", "add": "1 day"}
    lab.save("fs", *individuals("bob", due=due), content=timed(21), period=PERIOD, notifications=TOLD)
    assert (lab.exceptions(), len(lab.told())) == ({"bob": "unknown_date"}, 2)
    lab.later(1)
    lab.complete("bob", "c3", lab.now)
    lab.settle()
    assert (lab.exceptions(), len(lab.told())) == ({"bob": "time_allowance"}, 2)


def test_one_person_has_one_open_exception_and_each_type_allows_its_own_answers(lab: Lab) -> None:
    lab.audience("team", "ann", "bob")
    unknown = {"after": "course_completion", "course": "c3", "add": "1 day"}
    lab.save("fs", *individuals("ann", due=unknown), *individuals("bob", due=SOON), content=timed(21), period=PERIOD)
    assert lab.exceptions() == {"ann": "unknown_date", "bob": "time_allowance"}
    with pytest.raises(RefusedByRule, match="does not answer unknown date"):
        lab.answer("assign", "ann", "bob")
    assert lab.exceptions() == {"ann": "unknown_date", "bob": "time_allowance"}
    assert lab.answer("realistic", kind="unknown_date") == 1
    assert (lab.active(), lab.exceptions()) == ({"ann"}, {"bob": "time_allowance"})


def test_no_exception_ever_withdraws_who_is_active(lab: Lab) -> None:
    lab.save("fs", *individuals("ann"), content=timed(21), period=PERIOD)
    lab.save("fs", *individuals("ann", due=SOON))
    found = lab.rows()["ann"]
    assert (found["active"], found["exception"]["type"], found["due"]) == (True, "time_allowance", None)
    assert lab.seats("c1") == {"ann": "in"}


@pytest.mark.parametrize(
    ("answer", "active", "due"),
    [("realistic", True, "2026-12-16T23:59:00Z"), ("assign", True, "2026-12-02T23:59:00Z"), ("dismiss", False, None)],
)
def test_a_standing_answer_leaves_no_question_behind(lab: Lab, answer: str, active: bool, due: str | None) -> None:
    lab.save("fs", row("group", "g", due=SOON, group={"self_enrol": True}), content=timed(21), period=PERIOD,
             exceptions={"time_allowance": answer})  # fmt: skip
    join(lab.runtime, HOST, lab.number(), "g", lab.id("ann"))
    lab.settle()
    found = lab.rows()["ann"]
    assert (found["active"], found["due"], found["exception"]) == (active, due, None)
