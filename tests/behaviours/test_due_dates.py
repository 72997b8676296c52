"""Due dates (behaviours 16 to 39), in the form of rules 3."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plugin.certifications.listing import assignment_ids
from plugin.certifications.rules.due_date_words import in_words
from plugin.certifications.rules.due_dates import dump_due, parse_due
from plugin.core.errors import RefusedByRule
from plugin.enrolment.answers.overrides import extend
from plugin.enrolment.saving.save import Choices
from plugin.enrolment.tables import Enrolment
from plugin.enrolment.views.roster import learners
from tests.behaviours.lab import BOTH, CONTENT, PERIOD, Lab, individuals, on, row, timed
from tests.world import HOST

MARCH, JUNE = {"fixed": "2027-03-31"}, {"fixed": "2027-06-30"}


def after(event: str, add: str, **item: str) -> dict[str, str]:
    return {"after": event, "add": add, **item}


def test_behaviour_16_a_fixed_date_is_every_members_due_date(lab: Lab) -> None:
    lab.audience("team", "ann", "bob", "cat")
    lab.save("fs", row("audience", "team", due=MARCH))
    rows = lab.rows()
    assert {who: one["due"] for who, one in rows.items()} == dict.fromkeys(
        ("ann", "bob", "cat"), "2027-03-31T23:59:00Z"
    )
    assert {one["due_from"] for one in rows.values()} == {"audience:team"}


def test_behaviour_17_a_fixed_date_that_moves_later_moves_its_learners(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", due=MARCH))
    lab.save("fs", *individuals("ann", due=JUNE))
    assert lab.due("ann") == "2027-06-30T23:59:00Z"


def test_behaviour_18_fewer_days_leave_everybody_the_date_she_has(lab: Lab) -> None:
    lab.audience("team", "ann")
    lab.save("fs", *individuals("ann", due=after("enrolment", "30 days")))
    assert lab.due("ann") == "2026-12-18T23:59:00Z"
    fewer = after("enrolment", "10 days")
    lab.save("fs", *individuals("ann", "bob", due=fewer), row("audience", "team"))
    assert (lab.due("ann"), lab.due("bob")) == ("2026-12-18T23:59:00Z", "2026-11-28T23:59:00Z")
    lab.save("fs", *individuals("ann", due=after("enrolment", "5 days")), choices=Choices(earlier=True))
    assert lab.due("ann") == "2026-11-23T23:59:00Z"  # only when somebody said so


def test_behaviour_19_after_a_certification_she_is_not_in_the_date_is_unknown_and_somebody_is_asked(lab: Lab) -> None:
    lab.save("other", content=timed(1, "c3"), period=PERIOD)
    lab.save("fs", *individuals("ann", due=after("certification_completion", "1 week", certification="other")))
    assert lab.exceptions() == {"ann": "unknown_date"}
    assert (lab.due("ann"), lab.active()) == (None, set())


def test_behaviour_20_a_date_set_on_a_saved_individual_is_hers_as_soon_as_it_is_settled(lab: Lab) -> None:
    lab.save("fs", *individuals("ann"))
    assert lab.due("ann") is None
    lab.save("fs", *individuals("ann", due=MARCH))
    assert (lab.due("ann"), lab.rows()["ann"]["due_from"]) == ("2027-03-31T23:59:00Z", "individual:ann")


def test_behaviour_22_before_the_first_login_she_waits_without_a_question_however_long_the_content(lab: Lab) -> None:
    due = after("first_login", "2 weeks")
    lab.save("fs", *individuals("ann", due=due), content=timed(60), period=PERIOD)
    assert in_words(parse_due(due), "UTC") == "2 weeks after first login"
    assert (lab.due("ann"), lab.exceptions(), lab.active()) == (None, {}, {"ann"})


@pytest.mark.parametrize(("kind", "target"), [("organisation", "left"), ("position", "chief"), ("manager", "j1")])
def test_behaviour_23_a_fixed_date_of_a_group_rule_reads_as_a_sentence_and_reaches_its_people(
    lab: Lab, kind: str, target: str
) -> None:
    include = "direct" if kind == "manager" else ""
    lab.save("fs", row(kind, target, include))
    lab.save("fs", row(kind, target, include, MARCH))
    assert {one["due"] for one in lab.rows().values()} == {"2027-03-31T23:59:00Z"}
    assert in_words(parse_due(MARCH), "Europe/London") == "Complete by 31 March 2027, 23:59 (Europe/London)"


def test_behaviour_25_weeks_after_a_course_not_completed_yet_is_unknown_until_it_is(lab: Lab) -> None:
    due = after("course_completion", "5 weeks", course="c3")
    lab.save("fs", *individuals("ann", due=due), content=CONTENT, period=PERIOD)
    parsed = parse_due(due)
    assert dump_due(parsed) == due
    assert in_words(parsed, "UTC", item_name="X") == "5 weeks after completion of the course “X”"
    assert (lab.exceptions(), lab.due("ann")) == ({"ann": "unknown_date"}, None)
    lab.complete("ann", "c3", on("2026-11-17"))
    lab.settle()
    assert (lab.exceptions(), lab.due("ann"), lab.active()) == ({}, "2026-12-22T23:59:00Z", {"ann"})


def test_behaviour_26_each_event_gives_its_own_date_and_of_several_jobs_the_latest_counts(lab: Lab) -> None:
    lab.set_person("ann", first_login=on("2026-11-01"), fields={"licence": "2026-11-02"})
    lab.job("j1", "ann", "top", "chief", position_since=on("2026-10-01"), starts=on("2026-09-01"))
    lab.job("j9", "ann", "left", "chief", position_since=on("2026-11-03"), starts=on("2026-11-04"))
    lab.job("j8", "ann", "left", "clerk", position_since=on("2026-11-10"), starts=on("2026-11-10"))
    lab.complete("ann", "c3", on("2026-11-05"))
    lab.complete("ann", "c2", on("2026-11-06"))
    lab.save("other", *individuals("ann"), content=timed(0, "c2"), period=PERIOD)
    days = {
        "first_login": ({}, "2026-12-01"),
        "profile_date": ({"field": "licence"}, "2026-12-02"),
        "position_assigned": ({"position": "chief"}, "2026-12-03"),
        "job_start": ({"position": "chief"}, "2026-12-04"),
        "course_completion": ({"course": "c3"}, "2026-12-05"),
        "certification_completion": ({"certification": "other"}, "2026-12-06"),
        "enrolment": ({}, "2026-12-18"),
    }
    for n, (event, (item, day)) in enumerate(days.items()):
        code = f"fs{n}"
        lab.save(code, *individuals("ann", "eve", due=after(event, "30 days", **item)))
        assert lab.due("ann", code) == f"{day}T23:59:00Z", event
        absent = {"first_login": {}, "enrolment": {}}.get(event, {"eve": "unknown_date"})
        assert lab.exceptions(code) == absent, event
    gone = parse_due(after("position_assigned", "1 day", position="P-9"))
    assert in_words(gone, "UTC") == "1 day after being given the position “P-9”"


def test_behaviour_27_a_first_login_dates_that_learner_alone_and_nobody_is_asked(lab: Lab) -> None:
    lab.audience("new", "bob", "cat")
    due = after("first_login", "30 days")
    lab.save("fs", *individuals("ann", due=due), row("audience", "new", due=due))
    assert (lab.active(), lab.exceptions()) == ({"ann", "bob", "cat"}, {})
    assert {one["due"] for one in lab.rows().values()} == {None}
    lab.set_person("bob", first_login=lab.now)
    lab.settle()
    assert {who: one["due"] for who, one in lab.rows().items()} == {
        "ann": None, "bob": "2026-12-18T23:59:00Z", "cat": None,
    }  # fmt: skip


def test_behaviour_28_who_has_logged_in_already_has_her_date_at_once(lab: Lab) -> None:
    lab.set_person("ann", first_login=on("2026-11-01"))
    lab.save("fs", *individuals("ann", due=after("first_login", "1 month")))
    assert lab.due("ann") == "2026-12-01T23:59:00Z"


def test_behaviour_30_a_setting_comes_back_with_every_field_it_was_made_of(lab: Lab) -> None:
    for due in (
        {"fixed": "2027-03-31T17:05", "zone": "Europe/Rome"},
        {"fixed": "2027-03-31", "zone": "learner"},
        after("course_completion", "5 weeks", course="c3"),
        after("profile_date", "0 days", field="licence"),
    ):
        assert dump_due(parse_due(due)) == due


def test_behaviour_33_a_profile_date_and_no_days_is_that_very_day(lab: Lab) -> None:
    lab.set_person("ann", fields={"licence": "2027-02-28"})
    lab.save("fs", *individuals("ann", due=after("profile_date", "0 days", field="licence")))
    assert lab.due("ann") == "2027-02-28T23:59:00Z"


def certified(lab: Lab, *people: str, due: object = "none") -> None:
    """Certified on 18 November 2026 for a year, the window from 18 October 2027."""
    lab.save("fs", *individuals(*people, due=due), content=BOTH, period=PERIOD)
    for person in people:
        lab.complete(person, "c1", lab.now)
    lab.settle()


def test_behaviour_34_a_second_rule_with_a_later_date_raises_the_due_date_of_someone_assigned(lab: Lab) -> None:
    lab.audience("team", "ann")
    lab.save("fs", *individuals("ann", due=MARCH))
    lab.save("fs", *individuals("ann", due=MARCH), row("audience", "team", due=JUNE))
    assert (lab.due("ann"), lab.rows()["ann"]["due_from"]) == ("2027-06-30T23:59:00Z", "audience:team")
    lab.save("fs", *individuals("ann", due=MARCH))
    assert lab.due("ann") == "2027-06-30T23:59:00Z"  # an assignment that leaves: her date stays


def test_behaviour_35_a_later_rule_moves_nobody_who_is_certified_in_the_window_or_expired(lab: Lab) -> None:
    certified(lab, "ann")
    for state, days in (("certified", 0), ("window_open", 340), ("expired", 30)):
        lab.later(days)
        lab.audience(state, "ann")
        later = {"fixed": f"2040-01-{days % 28 + 1:02}"}
        lab.save("fs", *individuals("ann", due=later), row("audience", state, due=later))
        found = lab.rows()["ann"]
        assert (found["state"], found["due"]) == (state, "2027-11-18T11:06:40Z")


def test_behaviour_36_dates_of_a_rule_are_its_own_learners(lab: Lab) -> None:
    lab.audience("team", "ann", "bob")
    lab.save("fs", row("audience", "team", due=MARCH), *individuals("cat", due=JUNE))
    lab.save("other", *individuals("dan", due=JUNE))
    with lab.runtime.db.read() as session:
        number = lab.number()
        team = assignment_ids(session, HOST, number)["audience:team"]
        total, found = learners(session, HOST, number, assignment=team)
    assert (total, {one.person.ext for one in found}) == (2, {"ann", "bob"})
    assert {one.due for one in found} == {on("2027-03-31T23:59")}


def test_behaviour_37_what_an_administrator_grants_is_the_due_date(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", due=MARCH))
    extend(lab.runtime, HOST, lab.number(), lab.id("ann"), on("2027-09-30T23:59"), who="admin")
    lab.settle()
    assert lab.due("ann") == "2027-09-30T23:59:00Z"
    lab.save("fs", *individuals("ann", due=JUNE))
    assert lab.due("ann") == "2027-09-30T23:59:00Z"


def test_behaviour_39_only_a_learner_who_is_in_and_has_a_date_can_be_given_more_time(lab: Lab) -> None:
    lab.save("fs", *individuals("ann"), *individuals("bob", due=MARCH), *individuals("cat", due={"fixed": "2026-11-19"}),
             content=timed(14), period=PERIOD)  # fmt: skip
    to, number = on("2028-01-31T23:59"), lab.number()
    for person, said in (("ann", "no due date"), ("cat", "not enrolled"), ("dan", "not enrolled")):
        with pytest.raises(RefusedByRule, match=said):
            extend(lab.runtime, HOST, number, lab.id(person), to, who="admin")
    for early in (on("2027-03-31T23:59"), on("2026-12-01")):
        with pytest.raises(RefusedByRule, match="after the present date"):
            extend(lab.runtime, HOST, number, lab.id("bob"), early, who="admin")
    extend(lab.runtime, HOST, number, lab.id("bob"), to, who="admin")
    assert lab.due("bob") == "2028-01-31T23:59:00Z"
    lab.at(on("2027-01-01"))
    lab.complete("bob", "c1", lab.now)
    lab.settle()
    lab.later(400)
    assert lab.rows()["bob"]["state"] == "expired"
    with pytest.raises(RefusedByRule, match="expired or completed"):
        extend(lab.runtime, HOST, number, lab.id("bob"), on("2030-01-01"), who="admin")


def test_a_worker_that_was_off_for_a_week_catches_up_in_one_pass_with_the_right_instants(lab: Lab) -> None:
    """Windows that opened, expiries, grace over, jobs that began, dates known: each at its own instant."""
    certified(lab, "ann")
    lab.save("week", *individuals("bob"), row("organisation", "right"), content=timed(0, "c3"), period=PERIOD,
             leaving={"seat": "remove", "grace": "3 days"})  # fmt: skip
    lab.at(on("2027-10-16"))
    lab.save("week", row("organisation", "right"))
    assert lab.rows("week")["bob"]["leaves_on"] == "2027-10-19T12:00:00Z"
    lab.job("j5", "eve", "right", starts=on("2027-10-18T00:00"), ends=on("2028-10-20T00:00"))
    lab.job("j6", "fay", "right", ends=on("2027-10-18T00:00"))
    lab.settle()
    assert lab.active("week") == {"bob", "dan", "fay"}
    lab.later(7)  # one pass, a week later
    assert lab.rows()["ann"]["state"] == "window_open"
    assert lab.active("week") == {"dan", "eve"}
    assert lab.rows("week")["eve"]["spell_began"] == "2027-10-18T00:00:00Z"
    with lab.runtime.db.read() as session:
        ended = {
            who: session.get_one(Enrolment, (HOST, lab.number("week"), lab.id(who))).ended for who in ("bob", "fay")
        }
    assert ended == {"bob": on("2027-10-19T12:00"), "fay": on("2027-10-21T00:00")}
    before = lab.facts("week")
    lab.settle()
    assert lab.facts("week") == before
    lab.later(30)
    assert lab.rows()["ann"]["state"] == "expired"


def test_the_passes_that_were_missed_change_nothing_in_what_is_reached(lab: Lab) -> None:
    certified(lab, "ann", "bob")
    lab.save("twin", *individuals("ann"), content=BOTH, period=PERIOD, exceptions={"duplicate_course": "assign"})
    steps = [lab.now + days * 86_400 for days in range(0, 800, 50)]
    for moment in steps:
        lab.at(moment)
        lab.settle()
    daily = {who: (one["state"], one["expires"], one["window_opens"]) for who, one in lab.rows().items()}
    assert daily["ann"] == daily["bob"] == ("expired", "2027-11-18T11:06:40Z", "2027-10-18T11:06:40Z")


def test_a_clock_that_steps_back_changes_nothing(lab: Lab) -> None:
    certified(lab, "ann", due=MARCH)
    lab.later(340)
    before = lab.facts()
    real = lab.runtime
    lab.at(lab.now - 600 * 86_400)
    lab.settle()
    assert lab.facts() == before
    lab.runtime = replace(real)
    lab.settle()
    assert lab.facts() == before
