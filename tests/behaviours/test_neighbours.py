"""What one rule does beside another: a date beside an extension, a seat beside a second claim, a return after an award."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from plugin.certifications.definition import Proposal
from plugin.certifications.drafts.copies import copied
from plugin.certifications.resolve import group_members
from plugin.certifications.store import by_id, definition_of
from plugin.core.errors import Invalid, RefusedByRule
from plugin.core.tables import Host, Journal
from plugin.enrolment.answers.groups import group_named, join
from plugin.enrolment.answers.overrides import extend
from plugin.enrolment.answers.withdrawal_guard import Limits
from plugin.enrolment.doctor import examine
from plugin.enrolment.imported.records import Choice, bring
from plugin.enrolment.saving.history import undo
from plugin.enrolment.saving.review import Review, review
from plugin.enrolment.saving.save import Choices, save
from plugin.enrolment.saving.warnings import removal_warning
from plugin.enrolment.views.team import leads
from tests.behaviours.lab import BOTH, CONTENT, DAY, PERIOD, Lab, individuals, on, row, timed
from tests.behaviours.test_messages import BOTH_WAYS, deliver
from tests.world import HOST

SPRING, SUMMER = ({"fixed": day} for day in ("2027-03-31", "2027-06-30"))
FROM_EXPIRY = {**PERIOD, "expiry_from": "expiry"}


def proposed(lab: Lab, *rows: Any, code: str = "fs", **terms: Any) -> Proposal:
    with lab.runtime.db.read() as session:
        current = definition_of(session, HOST, lab.number(code))
        base = by_id(session, HOST, lab.number(code)).version
    return Proposal(replace(current, assignments=rows, **terms), base, current)


def reviewed(lab: Lab, *rows: Any, code: str = "fs", **terms: Any) -> Review:
    with lab.runtime.db.read() as session:
        limits = Limits.of(lab.runtime.settings)
        return review(session, HOST, [proposed(lab, *rows, code=code, **terms)], now=lab.now, limits=limits)[0]


def saves(lab: Lab) -> list[int]:
    with lab.runtime.db.read() as session:
        return sorted(one.n for one in session.scalars(select(Journal).where(Journal.what == "saved")))


def take_back(lab: Lab, number: int) -> None:
    undo(lab.runtime, HOST, number, who="admin", choices=Choices())
    lab.settle()


def saved(lab: Lab, code: str = "fs") -> Any:
    with lab.runtime.db.read() as session:
        return definition_of(session, HOST, lab.number(code))


def test_a_date_that_an_assignment_moves_past_an_extension_is_the_one_the_next_cycle_counts_from(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", due=SPRING), content=CONTENT, period=FROM_EXPIRY)
    extend(lab.runtime, HOST, lab.number(), lab.id("ann"), on("2027-04-30"), who="admin")
    lab.settle()
    lab.save("fs", *individuals("ann", due=SUMMER))
    assert lab.due("ann") == "2027-06-30T23:59:00Z"
    lab.at(on("2027-05-15"))
    lab.complete("ann", "c1", lab.now)
    lab.settle()
    assert lab.rows()["ann"]["expires"] == "2028-06-30T23:59:00Z"


def test_a_date_moved_earlier_is_the_one_the_next_cycle_counts_from(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", due=SPRING), content=CONTENT, period=FROM_EXPIRY)
    extend(lab.runtime, HOST, lab.number(), lab.id("ann"), on("2027-04-30"), who="admin")
    lab.settle()
    lab.save("fs", *individuals("ann", due={"fixed": "2027-01-31"}), choices=Choices(earlier=True))
    assert lab.due("ann") == "2027-01-31T23:59:00Z"
    lab.at(on("2027-01-15"))
    lab.complete("ann", "c1", lab.now)
    lab.settle()
    assert lab.rows()["ann"]["expires"] == "2028-01-31T23:59:00Z"


def test_a_date_that_an_extension_covers_still_counts_for_the_next_cycle(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", due=SPRING), content=CONTENT, period=FROM_EXPIRY)
    extend(lab.runtime, HOST, lab.number(), lab.id("ann"), on("2027-07-31"), who="admin")
    lab.settle()
    lab.save("fs", *individuals("ann", due=SUMMER))
    assert lab.due("ann") == "2027-07-31T12:00:00Z"
    lab.at(on("2027-05-15"))
    lab.complete("ann", "c1", lab.now)
    lab.settle()
    assert lab.rows()["ann"]["expires"] == "2028-06-30T23:59:00Z"


def test_who_completed_a_program_comes_back_with_the_dates_she_had(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", due=SPRING), kind="program", content=CONTENT)
    lab.complete("ann", "c1", lab.now)
    lab.settle()
    before = lab.rows()["ann"]
    assert (before["state"], before["due"]) == ("complete", "2027-03-31T23:59:00Z")
    lab.save("fs", *individuals("bob"))
    lab.save("fs", *individuals("bob", "ann", due=SUMMER))
    after = lab.rows()["ann"]
    assert (after["state"], after["due"], after["due_from"]) == ("complete", before["due"], before["due_from"])
    assert examine(lab.runtime, deep=True) == []


@pytest.mark.parametrize("kind", ["certification", "program"])
def test_the_kind_cannot_change_under_learners(lab: Lab, kind: str) -> None:
    other = "program" if kind == "certification" else "certification"
    lab.save("fs", *individuals("ann"), kind=kind, content=CONTENT, period=PERIOD if kind == "certification" else {})
    lab.complete("ann", "c1", lab.now)
    lab.settle()
    with pytest.raises((RefusedByRule, Invalid)):
        lab.save("fs", *individuals("ann"), kind=other, period=PERIOD if other == "certification" else {})
    lab.settle()


def test_a_seat_is_left_by_the_policies_of_those_that_wanted_it(lab: Lab) -> None:
    one = {"certification": [{"name": "Core", "courses": ["c2"], "needs": "all"}]}
    lab.save("a", *individuals("ann"), content=one, period=PERIOD, leaving={"seat": "suspend"})
    lab.save("b", *individuals("ann"), content=BOTH, period=PERIOD, leaving={"seat": "keep"},
             exceptions={"duplicate_course": "assign"})  # fmt: skip
    assert lab.active("b") == {"ann"}
    lab.save("b", *individuals("bob"))  # its second path was never open: it never wanted c2
    lab.save("a", *individuals("bob"))
    assert lab.seats("c2")["ann"] == "suspended"


def test_a_seat_of_a_set_that_was_not_open_yet_is_left_by_the_others_alone(lab: Lab) -> None:
    two = {"certification": [{"name": "First", "courses": ["c1"]}, {"name": "Then", "courses": ["c2"]}]}
    one = {"certification": [{"name": "Core", "courses": ["c2"], "needs": "all"}]}
    lab.save("b", *individuals("ann", "bob"), kind="program", content=two, leaving={"seat": "keep"})
    lab.complete("bob", "c1", lab.now)
    lab.settle()
    lab.save("a", *individuals("ann", "bob"), kind="program", content=one, leaving={"seat": "remove"})
    lab.save("b", *individuals("cat"))
    lab.save("a", *individuals("cat"))
    assert (lab.seats("c2")["ann"], lab.seats("c2")["bob"]) == ("out", "in")


def test_undo_takes_back_the_first_day_and_the_wave_of_a_certification(lab: Lab) -> None:
    lab.save("fs", *individuals("ann"), content=CONTENT, period=PERIOD)
    lab.save("fs", *individuals("ann"), starts="2027-02-01", wave={"learners": 2, "every": "week"}, name="Other")
    take_back(lab, saves(lab)[-1])
    found = saved(lab)
    assert (found.name, found.starts, found.wave) == ("Fs", "", None)


def test_undo_takes_back_its_own_setting_of_a_row_that_changed_again_since(lab: Lab) -> None:
    lab.save("fs", row("organisation", "top", due=SPRING), content=CONTENT, period=PERIOD)
    lab.save("fs", row("organisation", "top", due=SUMMER))
    lab.save("fs", row("organisation", "top", "below", due=SUMMER))
    take_back(lab, saves(lab)[-2])
    [one] = saved(lab).assignments
    assert (one.include, one.due) == ("below", SPRING)


def test_undo_leaves_a_setting_that_was_saved_again_since(lab: Lab) -> None:
    lab.save("fs", *individuals("ann"), content=CONTENT, period=PERIOD, name="One")
    lab.save("fs", *individuals("ann"), name="Two", enrol="on_open")
    lab.save("fs", *individuals("ann"), name="Three")
    take_back(lab, saves(lab)[-2])
    found = saved(lab)
    assert (found.name, found.enrol) == ("Three", "at_once")


def members(lab: Lab, group: str = "Volunteers") -> set[str]:
    with lab.runtime.db.read() as session:
        number = group_named(session, HOST, lab.number(), group).id
        ids = set(group_members(session, HOST, number))
    return {one for one in ("ann", "bob", "cat", "dan", "eve", "fay") if lab.id(one) in ids}


def test_undo_takes_back_the_members_that_a_file_set(lab: Lab) -> None:
    lab.save("fs", row("group", "Volunteers", members=("ann", "bob")), content=CONTENT, period=PERIOD)
    lab.save("fs", row("group", "Volunteers", members=("bob", "cat")), name="Other")
    join(lab.runtime, HOST, lab.number(), "Volunteers", lab.id("dan"), by="admin")
    lab.settle()
    assert lab.active() == {"bob", "cat", "dan"}
    take_back(lab, saves(lab)[-1])
    assert members(lab) == {"ann", "bob", "dan"}
    assert lab.active() == {"ann", "bob", "dan"}


def test_removing_a_row_whose_target_is_gone_warns_of_those_who_are_kept_on_it(lab: Lab) -> None:
    lab.save("fs", row("organisation", "left"), *individuals("fay"), content=CONTENT, period=PERIOD)
    lab.drop_unit("left")
    lab.settle()
    assert lab.active() == {"bob", "cat", "fay"}
    current = saved(lab)
    proposal = proposed(lab, *current.assignments)
    gone = next(one for one in current.assignments if one.type == "organisation")
    with lab.runtime.db.read() as session:
        found, _messages = removal_warning(session, HOST, proposal, [gone], now=lab.now)
    whole = reviewed(lab, *individuals("fay"))
    assert (found.x, found.withdrawn) == (2, 2)
    assert whole.removing == found


def test_a_second_change_of_a_date_in_a_spell_counts_no_message_where_none_goes(lab: Lab) -> None:
    notices = ({"when": "due_changed", "to": ["learner"]},)
    lab.save("fs", *individuals("ann", due=SPRING), content=CONTENT, period=PERIOD, notifications=notices)
    assert reviewed(lab, *individuals("ann", due=SUMMER)).messages == 1
    lab.save("fs", *individuals("ann", due=SUMMER))
    assert len(lab.told()) == 1
    later = individuals("ann", due={"fixed": "2027-09-30"})
    foreseen = reviewed(lab, *later).messages
    lab.save("fs", *later)
    assert foreseen == len(lab.told()) - 1


def test_who_was_not_told_yet_that_she_is_enrolled_counts_no_message_when_she_leaves(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", "bob"), content=CONTENT, period=PERIOD, notifications=BOTH_WAYS)
    assert reviewed(lab, *individuals("bob")).messages == 0
    deliver(lab)
    assert reviewed(lab, *individuals("bob")).messages == 1


def test_who_was_enrolled_without_a_word_counts_no_message_where_none_goes(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", "bob"), content=CONTENT, period=PERIOD, notifications=BOTH_WAYS,
             choices=Choices(no_messages=True))  # fmt: skip
    foreseen = reviewed(lab, *individuals("bob")).messages
    before = len(lab.told())
    lab.save("fs", *individuals("bob"))
    assert foreseen == len(lab.told()) - before


def test_who_is_withdrawn_without_a_word_is_not_told_that_she_is_enrolled(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", "bob"), content=CONTENT, period=PERIOD, notifications=BOTH_WAYS)
    lab.save("fs", *individuals("bob"), choices=Choices(no_messages=True))
    deliver(lab)
    assert lab.told() == [("assigned", "bob", "bob")]


def test_who_completed_before_counts_the_message_on_it(lab: Lab) -> None:
    notices = ({"when": "assigned", "to": ["learner"]}, {"when": "completed", "to": ["learner"]})
    lab.save("fs", content=CONTENT, period=PERIOD, notifications=notices)
    lab.complete("ann", "c1", lab.now - DAY)
    lab.settle()
    foreseen = reviewed(lab, *individuals("ann", "bob")).messages
    lab.save("fs", *individuals("ann", "bob"))
    assert sorted(lab.told()) == [("assigned", "ann", "ann"), ("assigned", "bob", "bob"), ("completed", "ann", "ann")]
    assert foreseen == 3


def test_the_guard_asks_for_the_number_that_it_names(lab: Lab) -> None:
    names = [f"p{n}" for n in range(40)]
    lab.people(*names)
    lab.save("a", *individuals(*names), content=CONTENT, period=PERIOD)
    lab.save("b", *individuals(*names), kind="program", content={})
    both = [proposed(lab, *individuals(*names[20:]), code="a"), proposed(lab, *individuals(*names[2:]), code="b")]
    with pytest.raises(RefusedByRule) as told:
        save(lab.runtime, HOST, both, who="t", choices=Choices())
    assert "22 learners" in told.value.sentence
    save(lab.runtime, HOST, both, who="t", choices=Choices(allow_withdrawals=22))


def test_who_left_while_it_was_archived_is_held_by_the_guard_when_it_opens_again(lab: Lab) -> None:
    names = [f"p{n}" for n in range(40)]
    lab.people(*names)
    lab.audience("all", *names)
    lab.save("a", row("audience", "all"), content=CONTENT, period=PERIOD)
    lab.save("a", row("audience", "all"), state="archived")
    lab.audience("all", *names[20:])
    lab.settle()
    assert reviewed(lab, row("audience", "all"), code="a", state="live").guard is None  # the save lets go of nobody
    lab.save("a", row("audience", "all"), state="live")
    held = {who for who, one in lab.rows("a").items() if one["held"] == "guard"}
    assert (lab.active("a"), held) == (set(names), set(names[:20]))


@pytest.mark.parametrize("first", ["record", "assignment"])
def test_a_record_brings_the_same_row_before_and_after_a_program_is_assigned(lab: Lab, first: str) -> None:
    def bring_along() -> None:
        bring(lab.runtime, HOST, lab.number(), "person,since\nann,2026-06-01\n", who="t", choice=Choice())
        lab.settle()

    lab.save("fs", kind="program", content=CONTENT)
    if first == "record":
        bring_along()
    lab.save("fs", *individuals("ann", due=SPRING))
    if first == "assignment":
        bring_along()
    found = lab.rows()["ann"]
    assert (found["state"], found["due"], found["due_from"]) == ("complete", None, None)
    assert examine(lab.runtime, deep=True) == []


def test_the_manager_of_a_job_that_ended_is_not_told_of_a_learner(lab: Lab) -> None:
    lab.job("k1", "cat", "left", boss="j4", ends=lab.now - DAY)
    lab.job("k2", "cat", "left", boss_person="eve", starts=lab.now + DAY)
    lab.job("k3", "eve", "top")
    notices = ({"when": "assigned", "to": ["managers"]},)
    lab.save("fs", content=CONTENT, period=PERIOD, notifications=notices)
    assert reviewed(lab, *individuals("cat")).messages == 1
    lab.save("fs", *individuals("cat"))
    assert lab.told() == [("assigned", "cat", "bob")]
    with lab.runtime.db.read() as session:
        assert [leads(session, HOST, lab.id(one)) for one in ("bob", "dan", "eve")] == [True, False, False]


def test_a_reminder_of_the_day_after_a_save_counts_with_it(lab: Lab) -> None:
    notices = ({"when": "due", "before": "7 days", "to": ["learner"]}, {"when": "overdue", "to": ["learner"]})
    lab.save("fs", content=CONTENT, period=PERIOD, notifications=notices)
    day = {"fixed": "2026-11-26T08:00"}  # seven days before: within a day of now
    assert reviewed(lab, *individuals("ann", "bob", due=day)).messages == 2
    assert reviewed(lab, *individuals("ann", due={"fixed": "2026-11-27T08:00"})).messages == 0
    assert reviewed(lab, *individuals("ann", due={"fixed": "2026-11-25T08:00"})).messages == 0


def test_exceptions_count_as_one_message_a_day_to_each_administrator(lab: Lab) -> None:
    with lab.runtime.db.write() as session:
        session.get_one(Host, HOST).settings = {"administrators": [lab.id("fay")]}
    notices = ({"when": "assigned", "to": ["admins"]}, {"when": "exception", "to": ["admins"]})
    lab.save("fs", content=timed(30), period=PERIOD, notifications=notices)
    soon = individuals("ann", "bob", due={"fixed": "2026-11-20"})
    assert reviewed(lab, *soon).messages == 1
    assert reviewed(lab, *soon, *individuals("cat")).messages == 2


def test_a_copy_with_its_assignments_has_the_wave_they_share(lab: Lab) -> None:
    lab.save("fs", *individuals("ann"), content=CONTENT, period=PERIOD, wave={"learners": 2, "every": "week"})
    with lab.runtime.db.read() as session:
        with_rows = copied(session, HOST, lab.number(), code="f2", name="Two", parts=["assignments"])
        without = copied(session, HOST, lab.number(), code="f3", name="Three", parts=["content"])
    assert (with_rows.wave, without.wave) == ({"learners": 2, "every": "week"}, None)


@pytest.mark.parametrize(("said", "due"), [("realistic", "2026-12-02T23:59:00Z"), ("keep", "2026-11-20T23:59:00Z")])
def test_a_date_that_passed_while_she_was_suspended_follows_the_setting(lab: Lab, said: str, due: str) -> None:
    leaving = {"seat": "suspend", "grace": "0 days"} | ({} if said == "realistic" else {"on_return": said})
    lab.save("fs", *individuals("ann", due={"fixed": "2026-11-20"}), content=CONTENT, period=PERIOD, leaving=leaving)
    lab.state("ann", 1)
    lab.settle()
    lab.later(7)
    lab.state("ann", 0)
    lab.settle()
    assert lab.due("ann") == due
