"""Whom rules match, and what becomes of it (behaviours 1 to 11)."""

from __future__ import annotations

import pytest

from plugin.core.errors import NotFound, RefusedByRule
from plugin.enrolment.answers.course_opening import open_course
from plugin.enrolment.settling.saves import progress
from plugin.enrolment.views.show import show_person
from tests.behaviours.lab import CONTENT, PERIOD, Lab, individuals, row
from tests.world import HOST

ASK_NOT = {"duplicate_course": "assign"}


def test_behaviour_1_two_individuals_are_assigned_without_a_date_and_without_a_question(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", "bob"), content=CONTENT, period=PERIOD)
    rows = lab.rows()
    assert set(rows) == {"ann", "bob"}
    for one in rows.values():
        assert (one["state"], one["active"], one["due"], one["exception"]) == ("assigned", True, None, None)
        assert (one["expires"], one["spell_began"]) == (None, "2026-11-18T11:06:40Z")


def test_behaviour_2_a_draft_reaches_nobody_however_many_rules_it_has(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", "bob"), content=CONTENT, period=PERIOD, state="draft")
    assert lab.rows() == {}
    assert lab.seats("c1") == {}
    lab.save("fs", *individuals("ann", "bob"), state="live", settle=False)
    assert lab.rows() == {}  # saved, and not settled yet
    lab.settle()
    assert lab.active() == {"ann", "bob"}


def test_behaviour_3_each_learner_gets_a_seat_in_every_course_that_is_open_to_her(lab: Lab) -> None:
    sets = [{"name": "A", "courses": ["c1"], "needs": "all"}, {"name": "B", "courses": ["c2"], "needs": "all"}]
    lab.save("fs", *individuals("ann", "bob"), content={"certification": sets}, period=PERIOD)
    assert lab.seats("c1") == {"ann": "in", "bob": "in"}
    assert lab.seats("c2") == {}
    assert lab.rows()["ann"]["seats"] == {"c1": {"want": "in", "confirmed": "none", "origin": "ours"}}


def test_behaviour_4_rules_that_go_take_only_their_own_learners_with_them(controlled: Lab) -> None:
    controlled.save("fs", *individuals("ann", "bob", "dan", "eve"), content=CONTENT, period=PERIOD, exceptions=ASK_NOT)
    before = controlled.rows()
    controlled.save("fs", *individuals("dan", "eve"))
    assert controlled.active() == {"dan", "eve"}
    rows = controlled.rows()
    assert {who: rows[who] for who in ("dan", "eve")} == {who: before[who] for who in ("dan", "eve")}
    assert (rows["ann"]["state"], rows["ann"]["why"], rows["ann"]["seats"]["c1"]["want"]) == (
        "withdrawn", [], "suspended",
    )  # fmt: skip


def test_behaviour_5_an_audience_assigns_exactly_its_members(lab: Lab) -> None:
    names = [f"p{n}" for n in range(10)]
    lab.people(*names)
    lab.audience("ten", *names)
    lab.save("fs", row("audience", "ten"))
    rows = lab.rows()
    assert set(rows) == set(names) == lab.active()
    assert {tuple(one["why"]) for one in rows.values()} == {("audience:ten",)}


def test_behaviour_6_a_save_of_any_size_returns_at_once_and_settling_makes_all_of_it(lab: Lab) -> None:
    names = [f"p{n}" for n in range(250)]
    lab.people(*names)
    lab.audience("many", *names)
    lab.save("fs", row("audience", "many"), settle=False)
    assert lab.rows() == {}
    with lab.runtime.db.read() as session:
        waiting = progress(session, HOST, lab.number())
    assert waiting is not None
    lab.settle()
    assert lab.active() == set(names)


def test_behaviour_7_an_audience_and_two_individuals_count_each_learner_once(lab: Lab) -> None:
    names = [f"p{n}" for n in range(10)]
    lab.people(*names)
    lab.audience("ten", *names)
    lab.save("fs", row("audience", "ten"), *individuals("p3", "ann"))
    rows = lab.rows()
    assert len(rows) == 11
    assert rows["p3"]["why"] == ["audience:ten", "individual:p3"]
    assert rows["p4"]["why"] == ["audience:ten"]
    assert rows["ann"]["why"] == ["individual:ann"]
    lab.save("fs", row("audience", "ten"))
    assert lab.active() == set(names)
    assert lab.rows()["p3"]["why"] == ["audience:ten"]


def test_behaviour_8_a_team_is_matched_through_any_job_and_each_learner_once(controlled: Lab) -> None:
    controlled.job("j5", "eve", "right")
    controlled.job("j6", "eve", "left", boss="j2")
    controlled.job("j7", "cat", "right", boss="j2")
    controlled.save("fs", row("manager", "j2", "direct"), row("manager", "j1", "below"))
    assert controlled.active() == {"bob", "cat", "dan", "eve"}
    assert controlled.rows()["cat"]["why"] == ["manager:j1", "manager:j2"]
    controlled.save("fs", row("manager", "j1", "direct"))
    assert controlled.active() == {"bob", "dan"}


def test_behaviour_9_a_position_matches_through_any_job_and_those_below_only_when_included(controlled: Lab) -> None:
    controlled.job("j5", "eve", "right")
    controlled.job("j6", "eve", "right", "chief")
    controlled.save("fs", row("position", "chief"))
    assert controlled.active() == {"ann", "bob", "eve"}
    controlled.save("fs", row("position", "chief", "below"))
    assert controlled.active() == {"ann", "bob", "cat", "dan", "eve"}
    controlled.save("fs", row("position", "clerk"))
    assert controlled.active() == {"cat", "dan"}


def test_behaviour_10_moving_into_a_position_assigns_and_moving_out_withdraws(controlled: Lab) -> None:
    controlled.save("fs", row("position", "chief"))
    controlled.job("j2", "bob", "left", "clerk", boss="j1")
    controlled.job("j4", "dan", "right", "chief", boss="j1")
    controlled.settle()
    assert controlled.active() == {"ann", "dan"}
    assert controlled.rows()["bob"]["state"] == "withdrawn"


def test_behaviour_11_another_certification_stays_as_it_is_to_the_last_column(controlled: Lab) -> None:
    controlled.save("fs", *individuals("ann", "cat", "kim"), content=CONTENT, period=PERIOD, exceptions=ASK_NOT)
    controlled.save("fs", *individuals("ann"))
    assert controlled.seats("c1") == {"ann": "in", "cat": "in", "kim": "in", "lee": "in"}
    controlled.save("fs")
    assert controlled.active("control") == {"cat", "kim", "lee"}


def test_behaviour_14_nobody_is_shown_where_there_is_nobody(lab: Lab) -> None:
    lab.save("fs", *individuals("ann"))
    with lab.runtime.db.read() as session:
        number = lab.number()
        for nobody in ("", "0", "-1", "nobody"):
            with pytest.raises(NotFound, match="knows no person"):
                show_person(session, HOST, number, nobody)
        assert show_person(session, HOST, number, "ann")["active"] is True
        assert show_person(session, HOST, number, "bob")["active"] is False


def test_behaviour_15_where_courses_wait_to_be_opened_nobody_has_a_seat_before_and_one_after(lab: Lab) -> None:
    two = {"certification": [{"name": "Core", "courses": ["c1", "c2"], "needs": "all"}]}
    lab.save("fs", *individuals("ann", "bob"), content=two, period=PERIOD, enrol="on_open")
    assert lab.active() == {"ann", "bob"}
    assert (lab.seats("c1"), lab.seats("c2")) == ({}, {})
    assert open_course(lab.runtime, HOST, 1, 1, "c1") == ""
    assert (lab.seats("c1"), lab.seats("c2")) == ({"ann": "in"}, {})
    open_course(lab.runtime, HOST, 1, 1, "c1")
    for person, course in ((1, "c3"), (1, "nothing"), (3, "c1")):
        with pytest.raises(RefusedByRule, match="not open to you"):
            open_course(lab.runtime, HOST, 1, person, course)
    lab.settle()
    assert (lab.seats("c1"), lab.seats("c2")) == ({"ann": "in"}, {})
    lab.save("fs", *individuals("bob"))
    assert lab.seats("c1") == {"ann": "suspended"}
