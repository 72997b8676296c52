"""Due dates: settings, exact arithmetic, zones, profile fields, words."""

from __future__ import annotations

import time as stopwatch
from datetime import UTC, date, datetime, time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin.certifications.rules.due_date_words import in_words
from plugin.certifications.rules.due_dates import (
    EVENTS,
    NO_DUE,
    UNKNOWN,
    AfterDue,
    Due,
    FixedDue,
    Period,
    add_calendar,
    due_instant,
    dump_due,
    end_of_day,
    parse_due,
    parse_period,
    parse_profile_date,
    realistic,
    relative_due,
)
from plugin.core.days import DAY, EARLIEST, LATEST, known_zone, local_day, moment_of, shift, zone_of

FAST = settings(max_examples=60, deadline=None, derandomize=True)
ZONES = (
    "UTC",
    "Europe/London",
    "Europe/Rome",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Amman",
    "America/Havana",
)
UNITS = ("days", "weeks", "months", "years")


def at(text: str) -> int:
    """Epoch seconds of an RFC 3339 text."""
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("day", "amount", "unit", "expected"),
    [
        ("2027-01-31", 1, "months", "2027-02-28"),
        ("2028-01-31", 1, "months", "2028-02-29"),
        ("2028-02-29", 1, "years", "2029-02-28"),
        ("2028-02-29", 4, "years", "2032-02-29"),
        ("2027-03-31", -1, "months", "2027-02-28"),
        ("2027-12-31", 2, "months", "2028-02-29"),
        ("2027-10-31", 1, "days", "2027-11-01"),
        ("2027-12-28", 1, "weeks", "2028-01-04"),
        ("2027-05-05", 0, "months", "2027-05-05"),
        ("2027-05-05", 999, "years", "3026-05-05"),
        ("9999-06-01", 999, "years", "9999-12-31"),
        ("9999-06-01", 999, "weeks", "9999-12-31"),
        ("0001-06-01", -1, "years", "0001-01-01"),
    ],
)
def test_calendar_arithmetic_clamps_to_the_months_end(day: str, amount: int, unit: str, expected: str) -> None:
    assert add_calendar(date.fromisoformat(day), amount, unit) == date.fromisoformat(expected)


@FAST
@given(st.dates(date(1900, 1, 1), date(3000, 1, 1)), st.integers(0, 999), st.integers(0, 999), st.sampled_from(UNITS))
def test_adding_more_never_gives_an_earlier_day(day: date, less: int, more: int, unit: str) -> None:
    less, more = sorted((less, more))
    assert day <= add_calendar(day, less, unit) <= add_calendar(day, more, unit)


@pytest.mark.parametrize(
    ("day", "zone", "expected"),
    [
        ("2027-03-31", "Europe/London", "2027-03-31T22:59:00+00:00"),
        ("2027-01-31", "Europe/London", "2027-01-31T23:59:00+00:00"),
        ("2027-03-27", "Europe/London", "2027-03-27T23:59:00+00:00"),
        ("2027-03-28", "Europe/London", "2027-03-28T22:59:00+00:00"),
        # Clocks went back at midnight: 23:59 came twice, the second one counts.
        ("2017-02-18", "America/Sao_Paulo", "2017-02-19T02:59:00+00:00"),
        # The zone left this day out: it ends with the next.
        ("2011-12-30", "Pacific/Apia", "2011-12-31T09:59:00+00:00"),
        ("9999-12-31", "UTC", "9999-12-31T23:59:00+00:00"),
        ("9999-12-31", "America/New_York", "9999-12-31T23:59:00+00:00"),
    ],
)
def test_the_end_of_a_day_is_23_59_local_through_gaps_and_overlaps(day: str, zone: str, expected: str) -> None:
    assert end_of_day(date.fromisoformat(day), zone) == at(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"fixed": "2027-03-28T01:30", "zone": "Europe/London"}, "2027-03-28T01:30:00+00:00"),  # gap: 02:30 BST
        ({"fixed": "2027-10-31T01:30", "zone": "Europe/London"}, "2027-10-31T01:30:00+00:00"),  # second 01:30
        ({"fixed": "2027-03-31"}, "2027-03-31T21:59:00+00:00"),
        ({"fixed": "2027-03-31", "zone": "learner"}, "2027-04-01T03:59:00+00:00"),
        ({"fixed": "2027-03-31T17:00", "zone": "Europe/Rome"}, "2027-03-31T15:00:00+00:00"),
        ({"fixed": "2027-03-31T17:00:00Z"}, "2027-03-31T17:00:00+00:00"),
        ({"fixed": datetime(2027, 3, 31, 17, tzinfo=UTC)}, "2027-03-31T17:00:00+00:00"),
        ({"fixed": date(2027, 3, 31), "zone": "UTC"}, "2027-03-31T23:59:00+00:00"),
    ],
)
def test_a_fixed_date_is_one_exact_instant(value: object, expected: str) -> None:
    assert due_instant(parse_due(value), None, "Europe/Rome", "America/New_York") == at(expected)


def test_a_learner_whose_zone_the_host_got_wrong_is_in_the_hosts_zone() -> None:
    due = parse_due({"fixed": "2027-03-31", "zone": "learner"})
    assert due_instant(due, None, "UTC", "Mars/Olympus") == due_instant(due, None, "UTC", None)
    assert known_zone("", "UTC") == known_zone("../etc/passwd", "UTC") == known_zone("Europe", "UTC") == "UTC"


def test_behaviour_24_a_date_with_a_time_is_that_instant() -> None:
    due = parse_due({"fixed": "2042-02-22T13:30", "zone": "Europe/Rome"})
    assert due_instant(due, None, "UTC") == at("2042-02-22T12:30:00+00:00")


def test_behaviour_29_rome_and_new_york_see_one_instant_each_in_their_time() -> None:
    due = parse_due({"fixed": "2015-12-09T14:30", "zone": "Europe/Rome"})
    instant = due_instant(due, None, "UTC")
    assert instant is not None
    assert moment_of(instant, "Europe/Rome").time() == time(14, 30)
    assert moment_of(instant, "America/New_York").time() == time(8, 30)


def test_behaviour_31_zero_days_after_first_login_is_the_end_of_that_day() -> None:
    due = parse_due({"after": "first_login", "add": "0 days"})
    assert due_instant(due, at("2027-05-05T09:00:00+00:00"), "UTC") == at("2027-05-05T23:59:00+00:00")
    assert in_words(due, "UTC") == "0 days after first login"


def test_the_day_of_an_event_is_taken_in_the_hosts_zone() -> None:
    due = parse_due({"after": "enrolment", "add": "1 month"})
    late_evening = at("2027-01-31T23:30:00+00:00")  # already 1 February in Rome
    assert due_instant(due, late_evening, "UTC") == at("2027-02-28T23:59:00+00:00")
    assert due_instant(due, late_evening, "Europe/Rome") == at("2027-03-01T22:59:00+00:00")


def test_an_unknown_base_gives_no_date() -> None:
    assert due_instant(parse_due({"after": "first_login", "add": "30 days"}), None, "UTC") is None
    assert due_instant(NO_DUE, 5, "UTC") is None


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "'none'"),
        ("soon", "'none'"),
        ({}, "either"),
        ({"fixed": "2027-01-01", "after": "enrolment"}, "either"),
        ({"fixed": "2027-02-30"}, "not a date"),
        ({"fixed": "31/03/2027"}, "not a date"),
        ({"fixed": "20270331"}, "not a date"),
        ({"fixed": "٢٠٢٧-٠٣-٣١"}, "not a date"),
        ({"fixed": 20270331}, "not a date"),
        ({"fixed": "2027-03-31T25:00"}, "not a date"),
        ({"fixed": "1969-12-31"}, "from 1970"),
        ({"fixed": "9999-12-31T23:59-11:00"}, "from 1970"),
        ({"fixed": "2027-03-31", "zone": "Europe/Rom"}, "not a time zone"),
        ({"fixed": "2027-03-31", "zone": 5}, "not a time zone"),
        ({"fixed": "2027-03-31", "zone": ""}, "not a time zone"),
        ({"fixed": "2027-03-31T17:00", "zone": "learner"}, "no time"),
        ({"fixed": "2027-03-31T17:00Z", "zone": "Europe/Rome"}, "offset"),
        ({"fixed": "2027-03-31", "course": "c1"}, "does not belong"),
        ({"after": "birth", "add": "3 days"}, "not an event"),
        ({"after": ["enrolment"], "add": "3 days"}, "not an event"),
        ({"after": "enrolment"}, "needs 'add'"),
        ({"after": "enrolment", "add": "-1 days"}, "whole number"),
        ({"after": "enrolment", "add": "1000 days"}, "from 0 to 999"),
        ({"after": "enrolment", "add": "3 hours"}, "unit"),
        ({"after": "enrolment", "add": "3 fortnights"}, "unit"),
        ({"after": "enrolment", "add": 3}, "whole number"),
        ({"after": "enrolment", "add": "3 days", "course": "c1"}, "does not belong"),
        ({"after": "course_completion", "add": "3 days"}, "needs 'course'"),
        ({"after": "course_completion", "add": "3 days", "course": " "}, "needs 'course'"),
        ({"after": "job_start", "add": "3 days", "course": "c1"}, "does not belong"),
    ],
)
def test_a_wrong_due_date_is_refused_with_a_sentence(value: object, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        parse_due(value)
    assert str(refused.value).endswith(".")


def dues() -> st.SearchStrategy[Due]:
    days = st.dates(date(1970, 1, 2), date(9999, 12, 30))
    zones = st.none() | st.sampled_from(ZONES)
    whole = st.times().map(lambda one: one.replace(microsecond=0))
    after = st.builds(
        lambda event, amount, unit, item: AfterDue(event, amount, unit, item if EVENTS[event] else None),
        st.sampled_from(list(EVENTS)),
        st.integers(0, 999),
        st.sampled_from(UNITS),
        st.text("abc-1ü", min_size=1, max_size=5),
    )
    return st.one_of(
        st.just(NO_DUE),
        st.builds(FixedDue, days, whole, zones),
        st.builds(FixedDue, days, st.none(), zones | st.just("learner")),
        after,
    )


@FAST
@given(dues())
def test_every_setting_survives_the_file(due: Due) -> None:
    assert parse_due(dump_due(due)) == due
    assert in_words(due, "Europe/London")


@FAST
@given(
    st.sampled_from(ZONES),
    st.sampled_from(UNITS),
    st.integers(0, 999),
    st.lists(
        st.none()
        | st.integers(at("1900-01-01T00:00:00+00:00"), at("2060-01-01T00:00:00+00:00"))
        | st.integers(-(2**63) + 1, 2**63 - 1)
        | st.sampled_from((EARLIEST, LATEST, LATEST - DAY, 0, at("2027-10-31T00:59:59+00:00"))),
        max_size=30,
    ),
)
def test_many_at_once_agree_with_one_by_one(zone: str, unit: str, amount: int, bases: list[int | None]) -> None:
    array = np.array([UNKNOWN if base is None else base for base in bases], dtype=np.int64)
    due = AfterDue("enrolment", amount, unit)
    singly = [due_instant(due, base, zone) for base in bases]
    assert relative_due(array, amount, unit, zone).tolist() == [UNKNOWN if one is None else one for one in singly]


@pytest.mark.parametrize("zone", ZONES)
def test_many_at_once_agree_around_every_change_of_clocks(zone: str) -> None:
    hours = np.arange(at("2009-10-01T00:00:00+00:00"), at("2012-01-05T00:00:00+00:00"), 1777, dtype=np.int64)
    many = relative_due(hours, 1, "months", zone).tolist()
    due = AfterDue("enrolment", 1, "months")
    sample = range(0, len(many), 7)
    assert [many[n] for n in sample] == [due_instant(due, int(hours[n]), zone) for n in sample]


def test_a_million_bases_are_reckoned_at_once() -> None:
    low, high = at("2000-01-01T00:00:00+00:00"), at("2027-01-01T00:00:00+00:00")
    bases = np.random.default_rng(7).integers(low, high, 1_000_000, dtype=np.int64)
    started = stopwatch.perf_counter()
    result = relative_due(bases, 30, "days", "Europe/London")
    assert stopwatch.perf_counter() - started < 5
    assert (result > bases).all()


@pytest.mark.parametrize(
    ("text", "declared", "expected"),
    [
        ("1790000000", None, 1790000000),
        (" 1790000000 ", None, 1790000000),
        ("2027-03-31", None, at("2027-03-30T22:00:00+00:00")),
        ("2027-03-31T10:00", None, at("2027-03-31T08:00:00+00:00")),
        ("2027-03-31T10:00:00.5Z", None, at("2027-03-31T10:00:00+00:00")),
        ("1965-05-03", None, at("1965-05-02T23:00:00+00:00")),
        ("31.03.2027", "%d.%m.%Y", at("2027-03-30T22:00:00+00:00")),
        ("20270331", "%Y%m%d", at("2027-03-30T22:00:00+00:00")),
        ("1790000000", "%d.%m.%Y", 1790000000),
        ("2027-03-31", "%d.%m.%Y", at("2027-03-30T22:00:00+00:00")),
        ("31.03.2027", None, None),
        ("0", None, None),
        ("-5", None, None),
        ("1790000000000", None, None),
        ("9" * 6000, None, None),
        ("٣١", None, None),
        ("", None, None),
        ("never", None, None),
        ("0001-01-01", None, None),
        ("31 March", "%d %B", None),
        ("x", "%d %d", None),
        ("x", "%", None),
        (None, None, None),
        (1790000000, None, 1790000000),
        (1790000000.0, None, 1790000000),
        (1790000000.5, None, None),
        (float("nan"), None, None),
        (float("inf"), None, None),
        (-5, None, None),
        (10**30, None, None),
        (True, None, None),
        (20270331, "%Y%m%d", at("2027-03-30T22:00:00+00:00")),
        (["1790000000"], None, None),
    ],
)
def test_a_profile_field_is_read_as_unix_time_iso_or_the_declared_format(
    text: object, declared: str | None, expected: int | None
) -> None:
    assert parse_profile_date(text, declared, zone="Europe/Rome") == expected


@FAST
@given(st.text(max_size=30), st.none() | st.text(max_size=8), st.sampled_from(ZONES))
def test_no_profile_field_ever_raises(text: str, declared: str | None, zone: str) -> None:
    result = parse_profile_date(text, declared, zone=zone)
    assert result is None or result <= LATEST


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("none", "No due date"),
        ({"fixed": "2027-03-31"}, "Complete by 31 March 2027, 23:59 (Europe/London)"),
        ({"fixed": "2027-03-31T17:00", "zone": "Europe/Rome"}, "Complete by 31 March 2027, 17:00 (Europe/Rome)"),
        (
            {"fixed": "2027-03-31", "zone": "learner"},
            "Complete by the end of 31 March 2027 where the learner is",
        ),
        ({"after": "first_login", "add": "1 day"}, "1 day after first login"),
        (
            {"after": "course_completion", "add": "2 weeks", "course": "c1"},
            "2 weeks after completion of the course “c1”",
        ),
        ({"after": "enrolment", "add": "3 months"}, "3 months after enrolment"),
    ],
)
def test_a_setting_reads_as_a_sentence(value: object, words: str) -> None:
    assert in_words(parse_due(value), "Europe/London") == words


def test_words_go_through_the_translator_and_name_the_item() -> None:
    due = AfterDue("job_start", 2, "years", "P-3")
    words = in_words(
        due,
        "UTC",
        gettext=lambda message: message.replace("after the job in the position", "nach Beginn als"),
        ngettext=lambda one, many, n: "%(num)d Jahre",
        item_name="100 % Cook",
    )
    assert words == "2 Jahre nach Beginn als “100 % Cook” starts"


def test_behaviour_42_a_realistic_date_is_the_end_of_the_day_a_week_after_the_minimum_time() -> None:
    now = at("2027-03-20T12:00:00+00:00")
    assert realistic(now, 14 * DAY, "Europe/London") == at("2027-04-10T22:59:00+00:00")
    assert realistic(now, 12 * 3600 + 1, "UTC") == at("2027-03-28T23:59:00+00:00")
    assert realistic(LATEST, DAY, "UTC") == LATEST


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("1 year", Period(1, "years")),
        ("14 days", Period(14, "days")),
        ("6 Weeks", Period(6, "weeks")),
        (" 3  months ", Period(3, "months")),
        ("12 hours", Period(12, "hours")),
        ("0 days", Period(0, "days")),
    ],
)
def test_a_period_is_a_number_and_a_unit(text: str, period: Period) -> None:
    assert parse_period(text) == period
    assert parse_period(str(period)) == period


@pytest.mark.parametrize(
    "value", ["", "year", "1.5 years", "-1 day", "1000 weeks", "10000 hours", "1 s", "٣ days", 3, None, True]
)
def test_a_wrong_period_is_refused_with_a_sentence(value: object) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        parse_period(value)


def test_another_unit_is_no_calendar_unit() -> None:
    with pytest.raises(ValueError, match="'hours' is not a calendar unit"):
        add_calendar(date(2027, 1, 1), 1, "hours")


def test_days_weeks_and_hours_are_elapsed_time_and_months_are_not() -> None:
    assert Period(2, "weeks").seconds == 14 * DAY
    assert Period(12, "hours").seconds == 43_200
    with pytest.raises(ValueError, match="fixed length"):
        _ = Period(1, "months").seconds


def test_shifting_keeps_the_time_of_day_over_a_change_of_clocks() -> None:
    before = at("2027-03-27T10:00:00+00:00")
    assert shift(before, Period(1, "days"), "Europe/London") == at("2027-03-28T09:00:00+00:00")
    assert shift(before, Period(24, "hours"), "Europe/London") == at("2027-03-28T10:00:00+00:00")


@pytest.mark.parametrize("name", ["", "Mars", "localtime", "right/UTC", "/etc/passwd", "Ä", "a\x00b"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a time zone"):
        zone_of(name)


@pytest.mark.parametrize("zone", ZONES)
def test_the_edges_of_time_are_days_in_every_zone(zone: str) -> None:
    for instant in (-(2**63) + 1, EARLIEST, LATEST, 2**63 - 1):
        assert 1 <= local_day(instant, zone).year <= 9999
