"""The certification cycle: period settings, dates of a cycle, the state machine, extensions, records imported."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.certifications.rules.content import Completions, Content, CourseSet
from plugin.certifications.rules.cycle import (
    AWARDED,
    STATES,
    CycleFacts,
    CycleState,
    advance,
    begin,
    extend,
    imported,
    open_courses,
    recalled,
    state_problems,
    steps,
)
from plugin.certifications.rules.cycle_example import Example, preview_cycles
from plugin.certifications.rules.period import (
    Certified,
    PeriodSettings,
    certify,
    contradictions,
    dump_period_settings,
    parse_period_settings,
)
from plugin.core.days import DAY, Period

FAST = settings(max_examples=80, deadline=None, derandomize=True)
ZONE = "Europe/London"
YEAR, MONTH, HALF = Period(1, "years"), Period(1, "months"), Period(6, "months")
COMPLETION = PeriodSettings(YEAR, MONTH)
EXPIRY = PeriodSettings(YEAR, MONTH, None, "expiry")
FIXED = PeriodSettings(YEAR, MONTH, HALF, "fixed")
FIRST, AGAIN = (CourseSet("First", ("a", "b")),), (CourseSet("Again", ("r",)),)
CONTENT = Content(FIRST, AGAIN)
SAME = Content(FIRST, "same")


def on(day: str) -> int:
    """Noon UTC of a day, or the instant of an RFC 3339 text."""
    return int(datetime.fromisoformat(day if "T" in day else day + "T12:00:00+00:00").timestamp())


def day(instant: int | None) -> str:
    """The UTC day of an instant."""
    assert instant is not None
    return (date(1970, 1, 1) + timedelta(days=instant // DAY)).isoformat()


def run(
    facts: CycleFacts | Completions,
    as_of: str,
    state: CycleState | None = None,
    period: PeriodSettings | None = COMPLETION,
    content: Content = CONTENT,
) -> CycleState:
    """Advance a learner, checking that asking again changes nothing."""
    facts = facts if isinstance(facts, CycleFacts) else CycleFacts(facts)
    result = advance(state or CycleState(), facts, period, content, on(as_of), ZONE)
    assert advance(result, facts, period, content, on(as_of), ZONE) == result
    return result


CERTIFIED = run({"a": on("2026-03-01"), "b": on("2026-04-15")}, "2026-04-15")
"""Certified on 15 April 2026 for a year; the window opens on 15 March 2027."""


# --- period settings


def test_period_settings_survive_the_file() -> None:
    for one in (COMPLETION, EXPIRY, FIXED):
        assert parse_period_settings(dump_period_settings(one)) == one
    assert parse_period_settings({"window": "2 months"}, FIXED) == replace(FIXED, window=Period(2, "months"))
    assert parse_period_settings({"active": "1 year", "window": "1 year"}).expiry_from == "completion"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([], "A period has"),
        ({"active": "1 year", "window": "1 month", "lenght": 1}, "'lenght'"),
        ({"window": "1 month"}, "needs active"),
        ({"active": "1 year"}, "needs window"),
        ({"active": "yearly", "window": "1 month"}, "active: 'yearly'"),
        ({"active": "12 hours", "window": "1 days"}, "active: '12 hours'"),
        ({"active": "0 years", "window": "1 month"}, "active period must be longer than nothing"),
        ({"active": "1 year", "window": "0 days"}, "nobody could recertify"),
        ({"active": "1 year", "window": "13 months"}, "13 months.*longer than the active"),
        ({"active": "1 month", "window": "30 days"}, "30 days.*longer than the active"),
        ({"active": "1 year", "window": "2 weeks"}, "shorter than the minimum time"),
        ({"active": "1 year", "window": "1 month", "expiry_from": "birth"}, "'birth'"),
        ({"active": "1 year", "window": "1 month", "expiry_from": "fixed"}, "needs a minimum active"),
        (
            {"active": "1 year", "window": "1 month", "expiry_from": "fixed", "minimum_active": "3 weeks"},
            "longer than the minimum active",
        ),
        (
            {"active": "1 year", "window": "1 month", "expiry_from": "fixed", "minimum_active": "2 years"},
            "minimum active period .2 years. can be longer than the active",
        ),
    ],
)
def test_contradictory_period_settings_are_refused_each_with_its_reason(value: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_period_settings(value, recertification_minimum=21 * DAY)


def test_every_contradiction_is_named_at_once() -> None:
    wrong = PeriodSettings(MONTH, YEAR, Period(2, "years"), "fixed")
    assert len(contradictions(wrong)) == 2


# --- the dates of a cycle


def test_behaviour_78_recertified_in_the_window_the_next_expiry_counts_from_the_present_one() -> None:
    dates = certify(EXPIRY, on("2013-04-15"), None, on("2013-05-03"), ZONE)
    assert dates == Certified(on("2013-04-15"), on("2014-05-03"), on("2014-04-03"))
    late = certify(EXPIRY, on("2013-05-10"), None, on("2013-05-03"), ZONE)
    assert day(late.expires) == "2014-05-10"
    on_the_instant = certify(EXPIRY, on("2013-05-03"), None, on("2013-05-03"), ZONE)
    assert day(on_the_instant.expires) == "2014-05-03"


def test_behaviour_79_the_first_expiry_counts_from_the_due_date_or_else_from_completion() -> None:
    done = on("2013-04-15")
    assert day(certify(EXPIRY, done, on("2013-05-03"), None, ZONE).expires) == "2014-05-03"
    assert day(certify(EXPIRY, done, None, None, ZONE).expires) == "2014-04-15"
    assert day(certify(EXPIRY, done, on("2013-04-01"), None, ZONE).expires) == "2014-04-15"


def test_behaviour_80_from_completion_nothing_else_matters_and_weeks_are_weeks() -> None:
    weeks = PeriodSettings(YEAR, Period(4, "weeks"))
    dates = certify(weeks, on("2013-04-15"), on("2013-05-03"), on("2013-06-01"), ZONE)
    assert (day(dates.expires), day(dates.window_opens)) == ("2014-04-15", "2014-03-18")


def test_behaviour_81_a_fixed_expiry_moves_on_by_a_year() -> None:
    dates = certify(FIXED, on("2013-12-17"), None, on("2013-12-31"), ZONE)
    assert (day(dates.expires), day(dates.window_opens)) == ("2014-12-31", "2014-11-30")


@pytest.mark.parametrize(
    ("completed", "expires"),
    [
        ("2012-01-04", "2012-12-31"),
        ("2012-11-05", "2013-12-31"),
        ("2013-02-04", "2013-12-31"),
        ("2012-06-29", "2012-12-31"),
        ("2012-07-01", "2013-12-31"),
        ("1999-02-04", "1999-12-31"),
        ("2024-08-01", "2025-12-31"),
    ],
)
def test_behaviour_82_a_fixed_expiry_keeps_its_day_and_the_minimum_active_period(completed: str, expires: str) -> None:
    assert day(certify(FIXED, on(completed), on("2012-12-31"), None, ZONE).expires) == expires


def test_a_fixed_expiry_without_any_date_counts_from_completion() -> None:
    assert day(certify(FIXED, on("2026-02-04"), None, None, ZONE).expires) == "2027-02-04"


def test_a_record_finished_before_the_window_opened_keeps_its_expiry() -> None:
    dates = certify(EXPIRY, on("2013-01-15"), None, on("2013-05-03"), ZONE)
    assert (day(dates.expires), day(dates.window_opens)) == ("2013-05-03", "2013-04-03")


def test_month_ends_clamp_and_the_time_of_day_stays_local() -> None:
    half_year = certify(PeriodSettings(HALF, MONTH), on("2026-08-31T09:00:00+00:00"), None, None, ZONE)
    assert half_year.expires == on("2027-02-28T10:00:00+00:00")
    assert half_year.window_opens == on("2027-01-28T10:00:00+00:00")
    leap = certify(COMPLETION, on("2028-02-29"), None, None, ZONE)
    assert day(leap.expires) == "2029-02-28"
    assert day(certify(FIXED, on("2027-10-01"), on("2024-02-29"), None, ZONE).expires) == "2029-02-28"
    assert day(certify(FIXED, on("2027-07-01"), on("2024-02-29"), None, ZONE).expires) == "2028-02-29"


def literal_fixed(period: PeriodSettings, completed: date, base: date) -> date:
    """The fixed rule step by step on whole years and months' first days, where nothing clamps."""
    assert period.minimum_active is not None
    years, months = period.active.amount, period.minimum_active.amount

    def move(when: date, by: int) -> date:
        year, month = divmod(when.year * 12 + when.month - 1 + by, 12)
        return when.replace(year=year, month=month + 1)

    while move(base, -months) >= completed:
        base = move(base, -12 * years)
    while move(base, 12 * years) < move(completed, months):
        base = move(base, 12 * years)
    return move(base, 12 * years)


@FAST
@given(
    st.dates(date(1980, 1, 1), date(2080, 1, 1)),
    st.dates(date(1980, 1, 1), date(2080, 1, 1)),
    st.integers(1, 5),
    st.integers(1, 12),
)
def test_the_fixed_rule_agrees_with_its_wording(completed: date, base: date, years: int, months: int) -> None:
    completed, base = completed.replace(day=min(completed.day, 28)), base.replace(day=min(base.day, 28))
    period = PeriodSettings(Period(years, "years"), Period(1, "weeks"), Period(months, "months"), "fixed")
    dates = certify(period, on(completed.isoformat()), on(base.isoformat()), None, "UTC")
    assert day(dates.expires) == literal_fixed(period, completed, base).isoformat()


@FAST
@given(
    st.sampled_from([COMPLETION, EXPIRY, FIXED, PeriodSettings(MONTH, MONTH, MONTH, "fixed")]),
    st.integers(0, 2**33),
    st.none() | st.integers(0, 2**33),
    st.none() | st.integers(0, 2**33),
)
def test_no_cycle_ends_before_it_begins(
    period: PeriodSettings, completed: int, due: int | None, expiry: int | None
) -> None:
    dates = certify(period, completed, due, expiry, ZONE)
    assert dates.expires >= dates.window_opens
    if period.expiry_from != "expiry" or expiry is None:
        assert dates.expires > completed
        assert dates.window_opens >= completed


# --- the state machine


@pytest.mark.parametrize("as_of", ["2026-05-01", "2027-04-01", "2027-06-01"])
def test_behaviour_35_a_later_date_moves_nobody_who_is_certified_in_the_window_or_expired(as_of: str) -> None:
    state = run({}, as_of, CERTIFIED)
    assert state.state in AWARDED
    assert state.due == on("2027-04-15T11:00:00+00:00") + 3600


def test_a_learner_goes_from_assigned_through_in_progress_to_certified() -> None:
    assert run({}, "2026-01-01").state == "assigned"
    assert run(CycleFacts(begun=frozenset("a")), "2026-01-01").state == "in_progress"
    assert run({"a": on("2026-03-01")}, "2026-03-02").state == "in_progress"
    assert run({"a": on("2026-03-01")}, "2026-02-28").state == "assigned"
    assert (
        CycleState(
            "certified", on("2026-04-15"), on("2027-04-15"), on("2027-03-15T12:00:00+00:00") + 3600, on("2027-04-15"), 1
        )
        == CERTIFIED
    )


def test_progress_taken_away_leads_back_to_assigned_but_never_takes_an_award() -> None:
    assert run({}, "2026-01-01", CycleState("in_progress")).state == "assigned"
    assert run({}, "2026-05-01", CERTIFIED) == CERTIFIED
    complete = run({"a": 1, "b": 2}, "2026-01-01", period=None)
    assert run({}, "2026-01-01", complete, None) == complete


def test_a_program_is_complete_for_good() -> None:
    state = run({"a": on("2026-03-01"), "b": on("2026-04-15")}, "2099-01-01", period=None)
    assert state == CycleState("complete", certified_at=on("2026-04-15"), cycle=1)
    assert state.frozen
    assert state.wakes is None
    assert run({"a": on("2026-03-01")}, "2099-01-01", period=None).state == "in_progress"
    with pytest.raises(ValueError, match="A program cannot be certified"):
        run({}, "2026-05-01", CERTIFIED, None)


def test_behaviour_83_the_window_opens_when_its_date_comes_and_only_for_the_certified() -> None:
    assert CERTIFIED.window_opens is not None
    assert CERTIFIED.wakes == CERTIFIED.window_opens
    early = advance(CERTIFIED, CycleFacts(), COMPLETION, CONTENT, CERTIFIED.window_opens - 1, ZONE)
    opened = advance(CERTIFIED, CycleFacts(), COMPLETION, CONTENT, CERTIFIED.window_opens, ZONE)
    assert (early.state, opened.state) == ("certified", "window_open")
    assert replace(opened, state="certified") == CERTIFIED
    assert opened.wakes == opened.expires
    assert run({}, "2027-04-01").state == "assigned"
    assert "r" not in open_courses(early, CycleFacts(), CONTENT, CERTIFIED.window_opens - 1)
    assert open_courses(opened, CycleFacts(), CONTENT, CERTIFIED.window_opens) == {"a", "b", "r"}


LEGAL = {
    "assigned": {"in_progress", "certified", "complete"},
    "in_progress": {"assigned", "certified", "complete"},
    "certified": {"window_open"},
    "window_open": {"certified", "expired"},
    "expired": {"certified"},
    "complete": set(),
}
"""Which state may follow which. Back to *assigned* only when all progress was taken away at the host."""


def test_behaviour_84_only_legal_states_follow_and_impossible_ones_cannot_be_made() -> None:
    assert LEGAL.keys() == set(STATES)
    with pytest.raises(ValueError, match="has expires"):
        CycleState("certified", certified_at=1, cycle=1)
    with pytest.raises(ValueError, match="not a state"):
        CycleState("withdrawn")
    with pytest.raises(ValueError, match="window_opens is before certified_at"):
        replace(CERTIFIED, window_opens=1)


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"state": "assigned", "expires": 5}, 1),
        ({"state": "in_progress", "certified_at": 1, "expires": 5, "window_opens": 3, "baseline": 5}, 4),
        ({"state": "assigned", "cycle": 1}, 1),
        ({"state": "certified", "cycle": 1}, 4),
        ({"state": "window_open", "certified_at": 1, "expires": 5, "window_opens": 3, "baseline": 5}, 1),
        (
            {"state": "expired", "certified_at": 4, "expires": 5, "window_opens": 3, "baseline": 6, "cycle": 1},
            2,
        ),
        (
            {"state": "expired", "certified_at": 1, "expires": 5, "window_opens": 3, "baseline": 2, "cycle": 1},
            1,
        ),
        ({"state": "complete", "cycle": 1}, 1),
        ({"state": "complete", "certified_at": 1, "expires": 2, "cycle": 1}, 1),
        ({"state": "certified", "certified_at": 1, "expires": 5, "window_opens": 3, "baseline": 5, "cycle": 1}, 0),
        ({"state": "certified", "certified_at": 1, "expires": 9, "window_opens": 3, "baseline": 5, "cycle": 2}, 0),
    ],
)
def test_behaviour_86_each_rule_that_a_state_breaks_is_one_problem(fields: dict[str, object], problems: int) -> None:
    state = object.__new__(CycleState)
    blank = {"certified_at": None, "expires": None, "window_opens": None, "baseline": None, "cycle": 0}
    for name, value in (blank | fields).items():
        object.__setattr__(state, name, value)
    assert len(state_problems(state)) == problems


def test_behaviour_87_many_learners_live_the_whole_cycle_each_by_her_own_dates() -> None:
    start = on("2026-04-15")
    for n in range(200):
        done = start + n * DAY
        facts = CycleFacts({"a": done, "b": done, "r": done + 350 * DAY} if n % 2 else {"a": done, "b": done})
        state, seen = CycleState(), ["assigned"]
        for week in range(120):
            state = advance(state, facts, COMPLETION, CONTENT, start + week * 7 * DAY, ZONE)
            seen += [state.state] if state.state != seen[-1] else []
        awarded = ["assigned", "certified", "window_open"]
        assert seen[:4] == [*awarded, "certified" if n % 2 else "expired"]
        if not n % 2:
            later = start + 900 * DAY
            back = advance(state, CycleFacts({"a": later, "b": later}), COMPLETION, CONTENT, later, ZONE)
            assert (back.state, back.cycle, back.certified_at) == ("certified", 2, later)


def test_a_completion_counts_for_recertification_only_after_the_window_opened() -> None:
    assert run({"r": on("2027-03-01")}, "2027-04-01", CERTIFIED).state == "window_open"
    assert CERTIFIED.window_opens is not None
    exactly = CycleFacts({"r": CERTIFIED.window_opens})
    assert run(exactly, "2027-04-01", CERTIFIED).state == "window_open"
    just_after = run(CycleFacts({"r": CERTIFIED.window_opens + 1}), "2027-04-01", CERTIFIED)
    assert (just_after.state, just_after.cycle) == ("certified", 2)


def test_the_same_path_needs_a_new_attempt_that_the_host_reports() -> None:
    first = {"a": on("2026-03-01"), "b": on("2026-04-15")}
    assert run(first, "2027-04-01", CERTIFIED, content=SAME).state == "window_open"
    attempts = {"a": (first["a"], on("2027-03-20")), "b": (on("2027-03-21"), first["b"])}
    state = run(attempts, "2027-04-01", CERTIFIED, content=SAME)
    assert (state.state, state.certified_at, state.cycle) == ("certified", on("2027-03-21"), 2)


def test_an_expired_learner_is_overdue_on_the_certification_path() -> None:
    state = run({}, "2027-06-01", CERTIFIED)
    assert state == replace(CERTIFIED, state="expired")
    assert state.due == CERTIFIED.expires
    assert open_courses(state, CycleFacts(), CONTENT, on("2027-06-01")) == {"a", "b"}
    assert run({"r": on("2027-06-01")}, "2027-06-02", state).state == "expired"
    half = CycleFacts({"a": on("2027-04-01"), "b": on("2026-04-15")})
    assert run(half, "2027-06-02", state).state == "expired"
    back = run({"a": on("2027-04-01"), "b": on("2027-06-01")}, "2027-06-02", state, EXPIRY)
    assert (back.state, back.cycle, day(back.expires)) == ("certified", 2, "2028-06-01")


def test_a_completion_told_late_still_counts_at_its_own_time() -> None:
    expired = run({}, "2027-06-01", CERTIFIED, EXPIRY)
    told = CycleFacts({"r": on("2027-04-10")})
    late = run(told, "2027-06-01", expired, EXPIRY)
    assert late == run(told, "2027-06-01", CERTIFIED, EXPIRY)
    assert (late.certified_at, day(late.expires)) == (on("2027-04-10"), "2028-04-15")


def test_a_worker_off_for_years_reaches_the_same_state() -> None:
    facts = CycleFacts({"a": on("2026-03-01"), "b": on("2026-04-15"), "r": (on("2027-04-01"), on("2028-03-20"))})
    state = run(facts, "2031-01-01")
    assert (state.state, state.cycle, day(state.expires)) == ("expired", 3, "2029-03-20")


EVENTS = st.dictionaries(
    st.sampled_from("abr"), st.lists(st.integers(0, 1500), min_size=1, max_size=4), max_size=3
).map(lambda found: {course: tuple(on("2026-01-01") + one * DAY for one in at) for course, at in found.items()})
PERIODS = st.sampled_from([COMPLETION, EXPIRY, FIXED, PeriodSettings(MONTH, MONTH), None])


@FAST
@given(
    EVENTS,
    PERIODS,
    st.sampled_from([CONTENT, SAME]),
    st.none() | st.integers(0, 400),
    st.lists(st.integers(0, 1500), max_size=25),
)
def test_how_often_it_is_asked_makes_no_difference(
    done: Completions, period: PeriodSettings | None, content: Content, due: int | None, asked: list[int]
) -> None:
    start = on("2026-01-01")
    facts = CycleFacts(done, due=None if due is None else start + due * DAY)
    often = CycleState()
    for moment in [*sorted(asked), 1500]:
        known: dict[str, tuple[int, ...]] = {
            course: tuple(one for one in at if one <= start + moment * DAY)
            for course, at in done.items()
            if not isinstance(at, int)
        }
        before = often
        often = advance(often, replace(facts, completions=known), period, content, start + moment * DAY, ZONE)
        trail = [before, *steps(before, replace(facts, completions=known), period, content, start + moment * DAY, ZONE)]
        assert trail[-1] == often
        assert all(two.state in LEGAL[one.state] for one, two in pairwise(trail))
    assert often == advance(CycleState(), facts, period, content, start + 1500 * DAY, ZONE)


# --- extensions


def test_behaviour_37_an_extension_makes_the_requested_date_the_due_date() -> None:
    assert extend(CycleState(), on("2026-06-01"), on("2026-05-01")) == CycleState()
    extended = extend(CERTIFIED, on("2027-05-20"))
    assert extended.due == on("2027-05-20")
    assert run({}, "2027-05-10", extended).state == "window_open"
    assert run({}, "2027-05-20", extended).state == "expired"


def test_behaviour_38_an_extension_never_moves_the_next_cycle() -> None:
    extended = extend(run({}, "2027-04-01", CERTIFIED, EXPIRY), on("2027-05-20"))
    assert extended.baseline == CERTIFIED.baseline
    again = run({"r": on("2027-05-10")}, "2027-05-11", extended, EXPIRY)
    assert (day(again.expires), again.baseline) == ("2028-04-15", again.expires)
    fixed = run({"r": on("2027-05-10")}, "2027-05-11", extended, FIXED)
    assert day(fixed.expires) == "2028-04-15"
    too_late = run({"a": on("2027-06-01"), "b": on("2027-06-01")}, "2027-06-02", extended, EXPIRY)
    assert day(too_late.expires) == "2028-06-01"


def test_an_extended_first_due_date_is_met_but_the_cycle_counts_from_the_old_one() -> None:
    done = {"a": on("2026-05-20"), "b": on("2026-05-20")}
    facts = CycleFacts(done, due=on("2026-06-01"), baseline_due=on("2026-05-01"))
    assert day(run(facts, "2026-05-21", period=EXPIRY).expires) == "2027-05-01"


def test_an_extension_longer_than_a_cycle_still_ends_after_the_completion() -> None:
    extended = extend(CERTIFIED, on("2030-01-01"))
    again = run({"r": on("2029-06-01")}, "2029-06-01", extended, EXPIRY)
    assert (again.state, day(again.expires)) == ("certified", "2030-04-15")


def test_what_cannot_be_extended_is_refused_with_a_sentence() -> None:
    expired = run({}, "2027-06-01", CERTIFIED)
    for state, to, due in (
        (CERTIFIED, CERTIFIED.expires or 0, None),
        (expired, on("2029-01-01"), None),
        (CycleState("complete", certified_at=1, cycle=1), 5, None),
        (CycleState(), 5, None),
        (CycleState(), 5, 5),
    ):
        with pytest.raises(ValueError, match=r"\.$"):
            extend(state, to, due)


# --- leaving and coming back


def test_behaviour_48_certified_long_ago_and_back_her_date_is_the_cycles_so_no_exception_is_asked() -> None:
    back = run({}, "2029-01-01", begin(CERTIFIED))
    assert back.state == "expired"
    assert back.frozen


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        (CycleState(), False),
        (CycleState("in_progress"), False),
        (CERTIFIED, True),
        (replace(CERTIFIED, state="window_open"), True),
        (replace(CERTIFIED, state="expired"), True),
        (CycleState("complete", certified_at=1, cycle=1), True),
    ],
)
def test_behaviour_73_what_was_awarded_is_kept_on_leaving_and_merely_assigned_starts_anew(
    state: CycleState, kept: bool
) -> None:
    assert begin(state) == (state if kept else CycleState())


def test_behaviour_74_certified_and_back_at_once_nothing_changed() -> None:
    assert run({}, "2026-06-01", begin(CERTIFIED)) == CERTIFIED


def test_behaviour_75_certified_and_back_after_the_expiry_she_is_expired() -> None:
    dates = (CERTIFIED.certified_at, CERTIFIED.expires, CERTIFIED.window_opens, CERTIFIED.baseline)
    back = recalled(*dates, CERTIFIED.cycle, on("2028-01-01"))
    assert back == run({}, "2028-01-01", begin(CERTIFIED))
    assert back.state == "expired"
    assert [*steps(back, CycleFacts(), COMPLETION, CONTENT, on("2028-01-01"), ZONE)] == []
    old = CycleFacts({"a": on("2026-03-01"), "b": on("2026-04-15")})
    assert run(old, "2028-01-01", back).state == "expired"


def test_behaviour_77_a_new_spell_is_assigned_or_takes_up_what_was_kept() -> None:
    assert begin(None) == CycleState() == begin(begin(None))
    dates = (CERTIFIED.certified_at, CERTIFIED.expires, CERTIFIED.window_opens, CERTIFIED.baseline)
    for as_of, word in (("2026-06-01", "certified"), ("2027-04-01", "window_open"), ("2027-06-01", "expired")):
        state = begin(recalled(*dates, 1, on(as_of)))
        assert (state.state, state.certified_at) == (word, CERTIFIED.certified_at)
    assert recalled(None, None, None, None, 0, on("2026-01-01")) == CycleState()
    assert recalled(5, None, None, None, 1, on("2026-01-01")).state == "complete"


# --- what is open


def test_seats_of_a_done_path_stay_wanted() -> None:
    then = Content((CourseSet("1", ("a",)), CourseSet("2", ("b",))), AGAIN)
    assert open_courses(CycleState(), CycleFacts(), then, on("2026-01-01")) == {"a"}
    assert open_courses(CycleState("in_progress"), CycleFacts({"a": 1}), then, on("2026-01-01")) == {"a", "b"}
    assert open_courses(CERTIFIED, CycleFacts(), then, on("2026-06-01")) == {"a", "b"}
    facts = CycleFacts({"r": on("2027-04-01")})
    again = run(facts, "2027-04-02", CERTIFIED)
    assert open_courses(again, facts, CONTENT, on("2027-04-02")) == {"a", "b", "r"}
    by_first_path = run({"a": on("2027-06-01"), "b": on("2027-06-01")}, "2027-06-02", CERTIFIED)
    assert open_courses(by_first_path, CycleFacts(), CONTENT, on("2027-06-02")) == {"a", "b"}


# --- preview


def test_the_preview_shows_three_cycles_by_the_real_arithmetic() -> None:
    rows = preview_cycles(EXPIRY, Example(on("2013-04-15"), on("2013-05-03")), ZONE)
    assert [day(row.expires) for row in rows] == ["2014-05-03", "2015-05-03", "2016-05-03"]
    assert [day(row.completed_at) for row in rows] == ["2013-04-15", "2014-04-19", "2015-04-19"]
    drifting = preview_cycles(COMPLETION, Example(on("2013-04-15"), days_early=14), ZONE)
    assert [day(row.expires) for row in drifting] == ["2014-04-15", "2015-04-01", "2016-03-18"]
    late = preview_cycles(EXPIRY, Example(on("2013-04-15"), days_early=-10), ZONE)
    assert day(late[1].expires) == "2015-04-25"
    eager = preview_cycles(COMPLETION, Example(on("2013-04-15"), days_early=300), ZONE)
    assert eager[1].completed_at == eager[0].window_opens + 1


# --- imported records


def test_a_record_brought_along_is_in_the_state_its_dates_mean() -> None:
    record = imported(COMPLETION, on("2026-04-15"), None, ZONE, on("2026-06-01"))
    assert record == CERTIFIED
    until = imported(COMPLETION, on("2026-04-15"), on("2026-12-31"), ZONE, on("2026-06-01"))
    assert (day(until.expires), day(until.window_opens)) == ("2026-12-31", "2026-11-30")
    assert run({}, "2027-02-01", until).state == "expired"
    program = imported(None, on("2026-04-15"), None, ZONE, on("2026-06-01"))
    assert program.state == "complete"


def test_importing_before_or_after_assigning_comes_to_the_same() -> None:
    as_of, facts = "2027-04-01", CycleFacts({"a": on("2027-03-20")}, due=on("2026-12-01"))
    record = imported(EXPIRY, on("2026-04-15"), None, ZONE, on(as_of))
    before = run(facts, as_of, begin(record), EXPIRY)
    assigned = run(facts, as_of, begin(None), EXPIRY)
    assert assigned.state == "in_progress"
    after = run(facts, as_of, imported(EXPIRY, on("2026-04-15"), None, ZONE, on(as_of), assigned), EXPIRY)
    assert before == after


def test_an_older_record_changes_nothing_and_the_same_one_corrects() -> None:
    now = on("2026-06-01")
    assert imported(COMPLETION, on("2020-01-01"), None, ZONE, now, CERTIFIED) == CERTIFIED
    extended = extend(CERTIFIED, on("2028-01-01"))
    assert imported(COMPLETION, on("2026-04-15"), None, ZONE, now, extended) == extended
    corrected = imported(COMPLETION, on("2026-04-15"), on("2027-12-31"), ZONE, now, CERTIFIED)
    assert (day(corrected.expires), corrected.cycle) == ("2027-12-31", 1)
    assert imported(COMPLETION, on("2026-05-15"), None, ZONE, now, CERTIFIED).cycle == 2


@pytest.mark.parametrize(
    ("period", "since", "until", "says"),
    [
        (COMPLETION, "2026-06-02", None, "in the future"),
        (COMPLETION, "2026-04-15", "2026-04-15", "not after"),
        (None, "2026-04-15", "2027-04-15", "no expiry"),
    ],
)
def test_a_record_that_cannot_be_is_refused(
    period: PeriodSettings | None, since: str, until: str | None, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        imported(period, on(since), None if until is None else on(until), ZONE, on("2026-06-01"))
