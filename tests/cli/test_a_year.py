"""A year of a certification lived by commands: dates, exceptions, groups, the cycle, the guard, exemptions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.live import Sandbox

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def at(muster: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts the clock of rules somewhere."""
    return lambda moment: monkeypatch.setenv("MUSTER_NOW", moment)


@pytest.fixture
def apply(muster: Run, tmp_path: Path) -> Callable[..., None]:
    """Applies a file and does what is owed."""

    def run(text: str, *options: str) -> None:
        path = tmp_path / "file.yaml"
        path.write_text("version: 1\ncertifications:\n" + text)
        status, _out, err = muster("apply", str(path), "--yes", *options)
        assert status == 0, err
        assert muster("work", "--once")[0] == 0

    return run


def shown(muster: Run, code: str) -> dict[str, Any]:
    return {row["person"]: row for row in json.loads(muster("show", code, "--json")[1])}


def one_line(rows: str, extra: str = "") -> str:
    return (
        "  - code: FS2\n    name: Food\n    state: live\n"
        "    content: {certification: [{name: Core, courses: [c1], needs: all, minimum: 14 days}],"
        " recertification: [{name: Again, courses: [c2], needs: all}]}\n"
        "    period: {active: 1 year, window: 1 month, expiry_from: completion}\n"
        f"    assignments: [{rows}]\n{extra}"
    )


def test_a_date_that_leaves_too_little_time_waits_for_an_answer(
    muster: Run, at: Any, apply: Any, sandbox: Sandbox
) -> None:
    at("2027-01-01T12:00:00Z")
    apply(one_line("{individual: U-1, due: {fixed: 2027-01-05}}, {individual: U-4, due: {fixed: 2027-03-31}}"))
    rows = shown(muster, "FS2")
    assert (rows["U-1"]["active"], rows["U-1"]["held"], rows["U-1"]["due"]) == (False, "exception", None)
    assert rows["U-1"]["exception"] == {"type": "time_allowance", "since": "2027-01-01T12:00:00Z"}
    assert (rows["U-4"]["active"], rows["U-4"]["exception"]) == (True, None)
    assert sandbox.roster("c1") == {"U-4"}
    found = json.loads(muster("exceptions", "FS2", "--json")[1])
    assert found == [
        {
            "person": "U-1",
            "type": "time_allowance",
            "since": "2027-01-01T12:00:00Z",
            "wanted_due": "2027-01-05T23:59:00Z",
        }
    ]
    assert muster("resolve", "FS2", "--person", "U-4", "assign")[0] == 1
    assert muster("resolve", "FS2", "--person", "U-1", "realistic")[0] == 0
    muster("work", "--once")
    row = shown(muster, "FS2")["U-1"]
    assert (row["active"], row["due"], row["exception"]) == (True, "2027-01-22T23:59:00Z", None)
    assert sandbox.roster("c1") == {"U-1", "U-4"}
    assert muster("doctor", "--deep")[0] == 0


def test_an_answer_not_to_assign_stands_and_can_be_taken_back(muster: Run, at: Any, apply: Any) -> None:
    at("2027-01-01T12:00:00Z")
    apply(one_line("{individual: U-1, due: {fixed: 2027-01-05}}"))
    assert muster("resolve", "FS2", "--type", "time_allowance", "--all", "dismiss")[0] == 0
    muster("work", "--once")
    row = shown(muster, "FS2")["U-1"]
    assert (row["active"], row["held"], row["exception"], row["state"]) == (False, None, None, "assigned")
    assert muster("resolve", "FS2", "--person", "U-1", "reopen")[0] == 0
    muster("work", "--once")
    assert shown(muster, "FS2")["U-1"]["held"] == "exception"
    muster("resolve", "FS2", "--person", "U-1", "assign")
    muster("work", "--once")
    row = shown(muster, "FS2")["U-1"]
    assert (row["active"], row["due"]) == (True, "2027-01-05T23:59:00Z")
    assert muster("doctor", "--deep")[0] == 0


def test_two_cycles_with_completions_of_the_host(muster: Run, at: Any, apply: Any, sandbox: Sandbox) -> None:
    at("2027-01-01T12:00:00Z")
    apply(one_line("{individual: U-4, due: {fixed: 2027-03-31}}"))
    sandbox.act("complete", person="U-4", course="c1", at="2027-02-10T10:00:00Z")
    at("2027-02-11T00:00:00Z")
    muster("sync", "sandbox")
    muster("work", "--once")
    row = shown(muster, "FS2")["U-4"]
    assert (row["state"], row["expires"], row["window_opens"]) == (
        "certified",
        "2028-02-10T10:00:00Z",
        "2028-01-10T10:00:00Z",
    )
    assert sandbox.roster("c2") == set()
    at("2028-01-11T00:00:00Z")
    muster("work", "--once")
    assert shown(muster, "FS2")["U-4"]["state"] == "window_open"
    assert sandbox.roster("c2") == {"U-4"}
    sandbox.act("complete", person="U-4", course="c2", at="2028-01-20T10:00:00Z")
    at("2028-01-21T00:00:00Z")
    muster("sync", "sandbox")
    muster("work", "--once")
    row = shown(muster, "FS2")["U-4"]
    assert (row["state"], row["expires"]) == ("certified", "2029-01-20T10:00:00Z")
    at("2029-06-01T00:00:00Z")
    muster("work", "--once")
    assert shown(muster, "FS2")["U-4"]["state"] == "expired"
    assert muster("doctor", "--deep")[0] == 0


def test_groups_are_joined_and_left_by_their_rules(muster: Run, at: Any, apply: Any, sandbox: Sandbox) -> None:
    at("2027-01-01T12:00:00Z")
    apply(
        "  - code: FS2\n    name: Food\n    state: live\n    content: {certification: [{name: Core, courses: [c1]}]}\n"
        "    assignments:\n      - {group: Volunteers, self_enrol: true, withdraw: false, members: [U-6]}\n"
        "      - {group: Closed, members: []}\n"
    )
    assert shown(muster, "FS2")["U-6"]["why"] == ["group:Volunteers"]
    assert muster("group", "join", "FS2", "Volunteers", "--person", "U-4")[0] == 0
    assert muster("group", "join", "FS2", "Closed", "--person", "U-4")[0] == 1
    assert muster("group", "leave", "FS2", "Volunteers", "--person", "U-4")[0] == 1
    muster("work", "--once")
    assert sandbox.roster("c1") == {"U-4", "U-6"}
    assert muster("exempt", "FS2", "--person", "U-6", "--reason", "Holds a licence", "--until", "2027-06-01")[0] == 0
    muster("work", "--once")
    assert sandbox.roster("c1") == {"U-4"}
    at("2027-06-02T00:00:00Z")
    muster("work", "--once")
    assert sandbox.roster("c1") == {"U-4", "U-6"}
    assert muster("extend", "FS2", "--person", "U-6", "--to", "2027-09-01")[0] == 1  # there is no date to extend
    assert muster("doctor", "--deep")[0] == 0


def test_two_certifications_that_share_a_course_ask_about_the_second(muster: Run, at: Any, apply: Any) -> None:
    at("2027-01-01T12:00:00Z")
    one = "    name: X\n    state: live\n    content: {certification: [{name: Core, courses: [c1]}]}\n    assignments: [{individual: U-4}]\n"
    apply(f"  - code: A\n{one}  - code: B\n{one}")
    assert shown(muster, "A")["U-4"]["active"] is True
    assert shown(muster, "B")["U-4"]["exception"]["type"] == "duplicate_course"
    apply("  - {code: A, assignments: []}\n")
    assert shown(muster, "B")["U-4"]["active"] is True
    assert muster("doctor", "--deep")[0] == 0
