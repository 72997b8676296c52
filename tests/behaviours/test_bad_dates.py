"""Dates as people write them: profile fields of every kind, offsets at the edge, leap days, clocks that jump."""

from __future__ import annotations

import pytest

from plugin.certifications.file.certification_file import proposals, read_file
from plugin.core.errors import Invalid
from plugin.core.runtime import Runtime
from tests.behaviours.lab import BOTH, CONTENT, PERIOD, Lab, individuals, on
from tests.world import HOST

GARBAGE = (
    "", " ", "never", "0", "-5", "2027-02-30", "31.03.2027", "31/03/27", "٣١", "1790000000000", "9" * 400, "0001-01-01",
    "2027-13-01", "1e9", "NaN", "2027-03-31T25:00", "<b>2027</b>", "\u202e2027-03-31", None, 7.5, True, ["2027-03-31"], {},
)  # fmt: skip
READ = {
    "1806451200": "2027-03-31",
    "2027-03-31": "2027-03-31",
    "2027-03-31T10:00": "2027-03-31",
    "2027-03-31T23:30:00-05:00": "2027-04-01",
    "20270331": None,  # all digits: a Unix time of 1970
}


def test_what_is_no_date_in_a_profile_field_is_asked_about_and_disturbs_nobody(lab: Lab) -> None:
    names = [f"g{n}" for n in range(len(GARBAGE))]
    lab.people(*names)
    for name, value in zip(names, GARBAGE, strict=True):
        lab.set_person(name, fields={"licence": value})
    lab.set_person("ann", fields={"licence": "2027-03-31"})
    due = {"after": "profile_date", "add": "0 days", "field": "licence"}
    lab.save("fs", *individuals("ann", *names, due=due))
    assert lab.exceptions() == dict.fromkeys(names, "unknown_date")
    assert (lab.active(), lab.due("ann")) == ({"ann"}, "2027-03-31T23:59:00Z")
    lab.set_person("g2", fields={"licence": "2027-05-31"})
    lab.settle()
    assert (lab.due("g2"), lab.exception("g2")) == ("2027-05-31T23:59:00Z", None)
    lab.set_person("g2", fields={"licence": "lost"})
    lab.settle()
    assert (lab.due("g2"), "g2" in lab.active()) == ("2027-05-31T23:59:00Z", True)  # her date stays (rules 3.4)


def test_a_profile_date_is_read_in_every_form_a_host_gives_it(lab: Lab) -> None:
    names = [f"r{n}" for n in range(len(READ))]
    lab.people(*names)
    for name, value in zip(names, READ, strict=True):
        lab.set_person(name, fields={"licence": value})
    due = {"after": "profile_date", "add": "0 days", "field": "licence"}
    lab.save("fs", *individuals(*names, due=due), exceptions={"time_allowance": "assign"})
    found = [lab.due(name) for name in names]
    assert found == [f"{day}T23:59:00Z" if day else "1970-08-23T23:59:00Z" for day in READ.values()]


@pytest.mark.parametrize(
    ("add", "due"),
    [
        ("999 years", "3025-11-18"),
        ("999 months", "2110-02-18"),
        ("999 weeks", "2046-01-10"),
        ("999 days", "2029-08-13"),
        ("0 days", "2026-11-18"),
    ],
)
def test_the_longest_offsets_and_none_at_all_are_days(lab: Lab, add: str, due: str) -> None:
    lab.save("fs", *individuals("ann", due={"after": "enrolment", "add": add}))
    assert lab.due("ann") == f"{due}T23:59:00Z"


def test_an_event_so_late_that_the_calendar_ends_stops_at_its_last_day(lab: Lab) -> None:
    lab.set_person("ann", fields={"licence": "9999-12-01"})
    lab.save("fs", *individuals("ann", due={"after": "profile_date", "add": "999 years", "field": "licence"}))
    assert lab.due("ann") == "9999-12-31T23:59:00Z"


@pytest.mark.parametrize(
    ("base", "add", "due"),
    [
        ("2028-02-29", "1 year", "2029-02-28"),
        ("2028-02-29", "4 years", "2032-02-29"),
        ("2027-01-31", "1 month", "2027-02-28"),
        ("2028-01-31", "1 month", "2028-02-29"),
        ("2027-03-31", "1 month", "2027-04-30"),
    ],
)
def test_leap_days_and_the_ends_of_months_are_clamped(lab: Lab, base: str, add: str, due: str) -> None:
    lab.set_person("ann", fields={"licence": base})
    lab.save("fs", *individuals("ann", due={"after": "profile_date", "add": add, "field": "licence"}))
    assert lab.due("ann") == f"{due}T23:59:00Z"


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        ({"fixed": "2027-03-28T01:30"}, "2027-03-28T01:30:00Z"),  # the hour that the clocks skip
        ({"fixed": "2027-10-31T01:30"}, "2027-10-31T01:30:00Z"),  # the hour that comes twice: the later one
        ({"fixed": "2027-03-28"}, "2027-03-28T22:59:00Z"),
        ({"fixed": "2027-10-31"}, "2027-10-31T23:59:00Z"),
        ({"after": "enrolment", "add": "0 days"}, "2026-11-18T23:59:00Z"),
        ({"after": "enrolment", "add": "5 months"}, "2027-04-18T22:59:00Z"),
    ],
)
def test_clocks_that_jump_in_the_hosts_zone_leave_one_exact_instant(
    runtime: Runtime, due: dict[str, str], expected: str
) -> None:
    lab = Lab(runtime, zone="Europe/London")
    lab.people("ann")
    lab.save("fs", *individuals("ann", due=due))
    assert lab.due("ann") == expected


def test_an_expiry_keeps_its_time_of_day_when_the_clocks_change(runtime: Runtime) -> None:
    lab = Lab(runtime, zone="Europe/London")
    lab.people("ann")
    lab.courses("c1", "c2")
    lab.save("fs", *individuals("ann"), content=BOTH, period={**PERIOD, "active": "5 months"})
    lab.complete("ann", "c1", on("2026-11-18T11:00"))
    lab.settle()
    found = lab.rows()["ann"]
    assert (found["expires"], found["window_opens"]) == ("2027-04-18T10:00:00Z", "2027-03-18T11:00:00Z")


@pytest.mark.parametrize("add", ["-1 days", "1000 days", "1.5 days", "1 decade", "days", "", "٣ days", "1 hour"])
def test_an_offset_that_is_none_is_refused_in_a_sentence(add: str) -> None:
    text = f'version: 1\ncertifications:\n  - code: A\n    assignments: [{{individual: U, due: {{after: enrolment, add: "{add}"}}}}]\n'
    with pytest.raises(Invalid, match="Line 4"):
        read_file(text)


@pytest.mark.parametrize(
    ("period", "reason"),
    [
        ("{active: 0 days, window: 1 month}", "longer than nothing"),
        ("{active: 1 year, window: 0 days}", "nobody could recertify"),
        ("{active: 1 month, window: 30 days}", "longer than the active period"),
        ("{active: 1 year, window: 1 month, expiry_from: birth}", "birth"),
        ("{active: 1 year, window: 1 month, expiry_from: fixed}", "needs a minimum active period"),
        ("{active: 1 year, window: 2 months, expiry_from: fixed, minimum_active: 1 month}", "longer than the minimum"),
        ("{active: 1 year, window: 1 month, expiry_from: fixed, minimum_active: 2 years}", "longer than the active"),
        ("{active: yearly, window: 1 month}", "yearly"),
    ],
)
def test_contradictory_periods_are_refused_each_with_its_reason_before_anything_is_saved(
    lab: Lab, period: str, reason: str
) -> None:
    text = f"version: 1\ncertifications:\n  - code: A\n    name: A\n    period: {period}\n"
    with pytest.raises(Invalid, match=reason), lab.runtime.db.read() as session:
        proposals(session, HOST, read_file(text))


def test_content_that_changes_under_certified_learners_takes_no_award_and_asks_the_others(lab: Lab) -> None:
    lab.save("fs", *individuals("ann", "bob"), content=BOTH, period=PERIOD)
    lab.complete("ann", "c1", lab.now)
    lab.settle()
    before = lab.rows()["ann"]
    lab.save(
        "fs", *individuals("ann", "bob"), content={**CONTENT, "certification": [{"name": "New", "courses": ["c3"]}]}
    )
    after = lab.rows()
    for name in ("state", "expires", "window_opens", "due"):
        assert after["ann"][name] == before[name]
    assert (lab.seats("c3")["bob"], lab.seats("c1").get("bob")) == ("in", "suspended")
    assert after["bob"]["state"] == "assigned"
