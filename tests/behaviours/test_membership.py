"""Counting, leaving, coming back and what the host takes away (behaviours 51 to 75), in the form of rules 2 and 6."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from sqlalchemy import select, update

from plugin.certifications.definition import Proposal
from plugin.certifications.drafts import adding, drafts
from plugin.certifications.store import by_id, definition_of
from plugin.core.errors import Invalid
from plugin.enrolment.answers.on_hold import answer_held, held_items
from plugin.enrolment.saving.review import review
from plugin.enrolment.tables import Enrolment
from plugin.mirror.tables import Audience, Course
from tests.behaviours.lab import BOTH, CONTENT, DAY, PERIOD, Lab, individuals, row
from tests.world import HOST

ASSIGN = {"duplicate_course": "assign"}


def matched(lab: Lab, code: str = "fs") -> dict[str, int]:
    """The learner count of each row."""
    with lab.runtime.db.read() as session:
        number = lab.number(code)
        definition = definition_of(session, HOST, number)
        version = by_id(session, HOST, number).version
        return review(session, HOST, [Proposal(definition, version, definition)], now=lab.now)[0].matched


def test_behaviour_51_two_individuals_beside_three_rules_make_five(lab: Lab) -> None:
    lab.audience("team", "ann")
    three = (row("audience", "team"), row("organisation", "left"), row("position", "chief"))
    lab.save("fs", *three)

    def add(session: Any) -> int:
        draft = drafts.open_draft(session, HOST, lab.number(), "sam", at=lab.now)
        adding.add_targets(session, draft, "individual", ["eve", "fay"])
        with pytest.raises(Invalid):
            adding.add_targets(session, draft, "individual", ["eve"])
        return len(drafts.rows(session, draft))

    assert lab.runtime.db.transact(add) == 5


def test_behaviour_54_a_rule_that_is_removed_is_gone_and_the_total_says_so(lab: Lab) -> None:
    lab.save("fs", row("organisation", "left"), *individuals("eve"))
    assert (len(lab.active()), matched(lab)) == (3, {"organisation:left": 2, "individual:eve": 1})
    lab.save("fs", row("organisation", "left"))
    assert (len(lab.active()), matched(lab)) == (2, {"organisation:left": 2})


def test_behaviour_56_a_rule_is_read_back_as_the_type_and_target_it_was_made_of(lab: Lab) -> None:
    lab.audience("team", "ann")
    rows = (
        row("organisation", "left", "below"), row("position", "chief"), row("audience", "team"),
        row("manager", "j1", "direct"), row("individual", "eve"), row("group", "Helpers", group={"self_enrol": True}),
    )  # fmt: skip
    lab.save("fs", *rows)
    with lab.runtime.db.read() as session:
        saved = definition_of(session, HOST, lab.number()).assignments
    assert [(one.type, one.target, one.include) for one in saved] == [(r.type, r.target, r.include) for r in rows]


def test_behaviour_57_an_audience_counts_its_members_and_its_end_concerns_its_own_learners_only(lab: Lab) -> None:
    lab.audience("team", "ann", "bob")
    lab.audience("rest", "bob", "cat")
    lab.save("fs", row("audience", "team"), row("audience", "rest"))
    assert matched(lab) == {"audience:team": 2, "audience:rest": 2}
    others = {who: one for who, one in lab.rows().items() if who == "cat"}
    gone(lab, Audience, "team")
    rows = lab.rows()
    assert (rows["ann"]["held"], rows["ann"]["active"], rows["bob"]["held"]) == ("target_gone", True, None)
    assert {"cat": rows["cat"]} == others
    answer_held(lab.runtime, HOST, None, release=True, who="admin")
    lab.settle()
    assert lab.active() == {"bob", "cat"}


def gone(lab: Lab, table: Any, ext: str) -> None:
    """The host deletes something."""
    with lab.runtime.db.write() as session:
        session.execute(update(table).where(table.ext == ext).values(gone=True))
        lab._stamp_everyone(session)
    lab.settle()


@pytest.mark.parametrize(
    ("kind", "target", "narrow", "wide"),
    [("organisation", "top", "", "below"), ("position", "chief", "", "below"), ("manager", "j1", "direct", "below")],
)
def test_behaviour_58_a_rule_counts_its_own_or_the_whole_tree_and_takes_them_along(
    lab: Lab, kind: str, target: str, narrow: str, wide: str
) -> None:
    few = {"organisation": {"ann"}, "position": {"ann", "bob"}, "manager": {"bob", "dan"}}[kind]
    many = {"manager": {"bob", "cat", "dan"}}.get(kind, {"ann", "bob", "cat", "dan"})
    lab.save("fs", row(kind, target, narrow))
    assert (matched(lab), lab.active()) == ({f"{kind}:{target}": len(few)}, few)
    lab.save("fs", row(kind, target, wide))
    assert (matched(lab), lab.active()) == ({f"{kind}:{target}": len(many)}, many)
    lab.save("fs")
    assert (matched(lab), lab.active()) == ({}, set())


def test_behaviour_61_leavers_lose_it_and_newcomers_gain_it_whatever_changed(controlled: Lab) -> None:
    lab = controlled
    lab.audience("team", "eve")
    lab.save("org", row("organisation", "left"))
    lab.save("boss", row("manager", "j1", "direct"))
    lab.save("team", row("audience", "team"))
    assert (lab.active("org"), lab.active("boss"), lab.active("team")) == ({"bob", "cat"}, {"bob", "dan"}, {"eve"})
    lab.audience("team", "fay")
    lab.job("j2", "bob", "right", "chief", boss="j4")
    lab.job("j5", "eve", "left", boss="j1")
    lab.settle()
    assert (lab.active("org"), lab.active("boss"), lab.active("team")) == ({"cat", "eve"}, {"dan", "eve"}, {"fay"})


def test_behaviour_63_what_is_archived_stays_as_it_is(lab: Lab) -> None:
    lab.save("fs", row("organisation", "left"), content=CONTENT, period=PERIOD)
    lab.save("fs", row("organisation", "left"), state="archived")
    lab.job("j3", "cat", "right", boss="j2")
    lab.job("j5", "eve", "left")
    lab.settle()
    assert (lab.active(), lab.seats("c1")) == ({"bob", "cat"}, {"bob": "in", "cat": "in"})
    assert {one["state"] for one in lab.rows().values()} == {"assigned"}


def test_behaviour_66_every_way_of_leaving_suspends_the_seats(lab: Lab) -> None:
    lab.save("a", row("organisation", "left"), content=CONTENT, period=PERIOD)
    lab.save(
        "b", row("position", "chief"), content={"certification": [{"name": "B", "courses": ["c2"]}]}, period=PERIOD
    )
    lab.save("c", row("manager", "j1", "direct"), *individuals("eve"),
             content={"certification": [{"name": "C", "courses": ["c3"]}]}, period=PERIOD)  # fmt: skip
    assert (lab.seats("c1"), lab.seats("c2"), lab.seats("c3")) == (
        {"bob": "in", "cat": "in"}, {"ann": "in", "bob": "in"}, {"bob": "in", "dan": "in", "eve": "in"},
    )  # fmt: skip
    lab.job("j2", "bob", "right", "clerk", boss="j4")
    lab.settle()
    assert (lab.seats("c1")["bob"], lab.seats("c2")["bob"], lab.seats("c3")["bob"]) == ("suspended",) * 3
    lab.save("c", row("manager", "j1", "direct"))
    assert lab.seats("c3") == {"bob": "suspended", "dan": "in", "eve": "suspended"}
    lab.save("a", row("organisation", "right"))
    assert lab.seats("c1") == {"bob": "in", "cat": "suspended", "dan": "in"}


def test_behaviour_68_targets_the_host_deleted_keep_their_learners_held_until_somebody_answers(controlled: Lab) -> None:
    lab = controlled
    lab.audience("team", "eve")
    lab.save("fs", row("audience", "team"), row("organisation", "left"), *individuals("fay"))
    lab.drop_unit("left")
    gone(lab, Audience, "team")
    rows = lab.rows()
    assert {who: one["held"] for who, one in rows.items()} == {
        "bob": "target_gone", "cat": "target_gone", "eve": "target_gone", "fay": None,
    }  # fmt: skip
    assert lab.active() == {"bob", "cat", "eve", "fay"}
    with lab.runtime.db.read() as session:
        assert len(held_items(session, HOST)) == 2
    answer_held(lab.runtime, HOST, None, release=True, who="admin")
    lab.settle()
    assert lab.active() == {"fay"}
    lab.state("fay", 2)
    lab.settle()
    assert lab.active() == set()


def test_behaviour_69_another_manager_concerns_both_teams_and_whoever_is_above_only_with_all_below(lab: Lab) -> None:
    lab.people("zed")
    lab.job("j0", "zed", "top")
    lab.job("j1", "ann", "top", "chief", boss="j0")
    saved = {"old": ("j2", "direct"), "new": ("j4", "direct"), "grand": ("j1", "direct"), "tree": ("j1", "below")}
    for code, (job, include) in saved.items():
        lab.save(code, row("manager", job, include))
    lab.save("apart", row("manager", "j0", "direct"))
    assert (lab.active("grand"), lab.active("tree")) == ({"bob", "dan"}, {"bob", "cat", "dan"})
    before = {code: lab.facts(code) for code in (*saved, "apart")}
    lab.job("j3", "cat", "left", "clerk", boss="j4")
    lab.settle()
    changed = {code for code in before if lab.facts(code) != before[code]}
    assert changed == {"old", "new"}
    assert (lab.active("old"), lab.active("new"), lab.active("tree")) == (set(), {"cat"}, {"bob", "cat", "dan"})
    lab.job("j3", "cat", "left", "clerk")
    lab.settle()
    assert (lab.active("grand"), lab.active("tree")) == ({"bob", "dan"}, {"bob", "dan"})


def test_behaviour_70_another_position_or_organisation_concerns_those_above_only_with_all_below(lab: Lab) -> None:
    for code, kind, unit in (("p", "position", "chief"), ("o", "organisation", "top")):
        lab.save(code, row(kind, unit))
        lab.save(f"{code}+", row(kind, unit, "below"))
    lab.people("gus")
    lab.job("j7", "gus")
    lab.settle()
    before = {code: lab.facts(code) for code in ("p", "p+", "o", "o+")}
    lab.job("j7", "gus", "right", "clerk")
    lab.settle()
    assert {code for code in before if lab.facts(code) != before[code]} == {"p+", "o+"}
    assert "gus" in lab.active("p+") & lab.active("o+")


def test_behaviour_71_a_course_that_vanished_takes_nothing_else_with_it(lab: Lab) -> None:
    sets = [{"name": "A", "courses": ["c1", "c2"], "needs": "any"}]
    lab.save("fs", *individuals("ann"), content={"certification": sets}, period=PERIOD)
    before = lab.facts()
    gone(lab, Course, "c2")
    assert lab.facts() == before
    assert lab.seats("c1") == {"ann": "in"}
    lab.complete("ann", "c1", lab.now)
    lab.settle()
    assert lab.rows()["ann"]["state"] == "certified"


def test_behaviour_72_what_was_reached_comes_back_and_what_was_only_begun_starts_anew(lab: Lab) -> None:
    two = {"certification": [{"name": "Core", "courses": ["c1", "c3"], "needs": "all"}]}
    for code, kind in (("cert", "certification"), ("prog", "program")):
        lab.save(code, *individuals("ann", "bob"), kind=kind, content=two, exceptions=ASSIGN,
                 period=PERIOD if kind == "certification" else {})  # fmt: skip
    for course in ("c1", "c3"):
        lab.complete("ann", course, lab.now)
    lab.settle()
    for code, word in (("cert", "certified"), ("prog", "complete")):
        reached = lab.rows(code)["ann"]
        assert (reached["state"], lab.rows(code)["bob"]["state"]) == (word, "assigned")
        lab.save(code)
        assert {one["state"] for one in lab.rows(code).values()} == {"withdrawn"}
        lab.save(code, *individuals("ann", "bob", due={"fixed": "2027-03-31"}))
        back = lab.rows(code)
        assert (back["ann"]["state"], back["ann"]["expires"]) == (word, reached["expires"])
        assert (back["bob"]["state"], back["bob"]["due"]) == ("assigned", "2027-03-31T23:59:00Z")


def certified(lab: Lab) -> None:
    """ann is certified until 18 November 2027; her window opens on 18 October."""
    lab.save("fs", *individuals("ann"), content=BOTH, period=PERIOD)
    lab.complete("ann", "c1", lab.now)
    lab.settle()


@pytest.mark.parametrize(("days", "state"), [(10, "certified"), (340, "window_open"), (400, "expired")])
def test_behaviour_73_the_dates_of_what_was_awarded_outlive_the_withdrawal(lab: Lab, days: int, state: str) -> None:
    certified(lab)
    lab.later(days)
    before = lab.rows()["ann"]
    assert before["state"] == state
    lab.save("fs")
    with lab.runtime.db.read() as session:
        kept = session.scalars(select(Enrolment)).one()
    assert (kept.certified_at is not None, kept.expires is not None, kept.cycle) == (True, True, 1)
    lab.save("fs", *individuals("ann"))
    back = lab.rows()["ann"]
    assert {**back, "spell_began": ""} == {**before, "spell_began": ""}


def test_behaviour_74_certified_and_back_at_once_she_has_the_same_dates_and_state(lab: Lab) -> None:
    certified(lab)
    before = lab.rows()["ann"]
    lab.save("fs")
    lab.save("fs", *individuals("ann"))
    assert lab.rows()["ann"] == before
    assert lab.seats("c1") == {"ann": "in"}


def test_behaviour_75_certified_and_back_after_the_expiry_she_is_expired_and_old_courses_do_not_count(lab: Lab) -> None:
    certified(lab)
    lab.save("fs")
    lab.later(500)
    lab.save("fs", *individuals("ann"))
    assert (lab.rows()["ann"]["state"], lab.due("ann")) == ("expired", "2027-11-18T11:06:40Z")
    lab.settle()
    assert lab.rows()["ann"]["state"] == "expired"
    lab.complete("ann", "c1", lab.now)
    lab.settle()
    assert lab.rows()["ann"]["state"] == "certified"


@pytest.mark.parametrize("first", ["a", "b"])
def test_of_two_certifications_with_one_course_the_gentlest_policy_holds_when_both_have_let_go(
    lab: Lab, first: str
) -> None:
    """Every pair of leaving policies (rules 6.2): a seat stays while anybody wants it, then keep < suspend < remove."""
    policies = ("keep", "suspend", "remove")
    pairs = list(product(policies, policies))
    names = {pair: f"{pair[0]}-{pair[1]}" for pair in pairs}
    lab.people(*names.values())
    leaving = {policy: {"seat": policy, "grace": "0 days"} for policy in policies}
    for side, policy in product("ab", policies):
        mine = [names[pair] for pair in pairs if pair["ab".index(side)] == policy]
        lab.save(f"{side}-{policy}", *individuals(*mine), content=CONTENT, period=PERIOD, exceptions=ASSIGN,
                 leaving=leaving[policy])  # fmt: skip
    assert lab.seats("c1") == dict.fromkeys(names.values(), "in")
    for policy in policies:
        lab.save(f"{first}-{policy}")
    assert lab.seats("c1") == dict.fromkeys(names.values(), "in")
    second = "b" if first == "a" else "a"
    for policy in policies:
        lab.save(f"{second}-{policy}")
    left = {"keep": "in", "suspend": "suspended", "remove": "out"}
    assert lab.seats("c1") == {names[pair]: left[min(pair, key=policies.index)] for pair in pairs}


def test_grace_is_cancelled_by_coming_back_and_over_when_it_is_over(lab: Lab) -> None:
    lab.save("fs", *individuals("ann"), content=CONTENT, period=PERIOD, leaving={"seat": "suspend", "grace": "7 days"})
    lab.save("fs")
    assert (lab.active(), lab.rows()["ann"]["leaves_on"]) == ({"ann"}, "2026-11-25T11:06:40Z")
    lab.later(3)
    lab.save("fs", *individuals("ann"))
    lab.later(30)
    assert (lab.active(), lab.rows()["ann"]["leaves_on"]) == ({"ann"}, None)
    lab.save("fs")
    lab.at(lab.now + 7 * DAY - 1)
    lab.settle()
    assert lab.active() == {"ann"}
    lab.at(lab.now + 1)
    lab.settle()
    assert (lab.active(), lab.seats("c1")) == (set(), {"ann": "suspended"})
