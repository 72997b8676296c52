"""Every kind of due date, by commands: what each learner's date is, and who waits or asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.live import Sandbox

Run = Callable[..., tuple[int, str, str]]


def test_each_kind_of_due_date(muster: Run, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MUSTER_NOW", "2027-01-31T12:00:00Z")
    people = {row["id"]: row for row in sandbox.api("people").json()["items"] if row["state"] == "active"}
    never = next(one for one, row in people.items() if not row.get("first_login"))
    seen = next(one for one, row in people.items() if row.get("first_login") and one != never)
    others = [one for one in people if one not in (never, seen)][:7]
    job = sandbox.get(f"person/{others[0]}")["jobs"][0]
    sandbox.act("field", person=others[1], field="licence", value="2027-02-28")
    sandbox.act("field", person=others[2], field="licence", value="soon")
    sandbox.act("complete", person=others[3], course="c5", at="2027-01-10T09:00:00Z")
    muster("sync", "sandbox")
    rows = [
        f"{{individual: {never}, due: {{after: first_login, add: 30 days}}}}",
        f"{{individual: {seen}, due: {{after: first_login, add: 2 weeks}}}}",
        f"{{individual: {others[0]}, due: {{after: job_start, add: 1 month, position: {job['position']}}}}}",
        f"{{individual: {others[1]}, due: {{after: profile_date, add: 1 year, field: licence}}}}",
        f"{{individual: {others[2]}, due: {{after: profile_date, add: 1 year, field: licence}}}}",
        f"{{individual: {others[3]}, due: {{after: course_completion, add: 0 days, course: c5}}}}",
        f"{{individual: {others[4]}, due: {{after: course_completion, add: 0 days, course: c5}}}}",
        f"{{individual: {others[5]}, due: {{after: enrolment, add: 1 month}}}}",
        f'{{individual: {others[6]}, due: {{fixed: "2027-03-31T17:00", zone: Europe/Rome}}}}',
    ]
    path = tmp_path / "dates.yaml"
    path.write_text(
        "version: 1\ncertifications:\n  - code: D\n    name: Dates\n    state: live\n"
        "    content: {certification: [{name: Core, courses: [c1]}]}\n    assignments:\n"
        + "".join(f"      - {row}\n" for row in rows)
    )
    status, _out, err = muster("apply", str(path), "--yes")
    assert status == 0, err
    muster("work", "--once")
    found = {row["person"]: row for row in json.loads(muster("show", "D", "--json")[1])}
    assert (found[never]["active"], found[never]["due"], found[never]["exception"]) == (True, None, None)
    for past in (seen, others[0], others[3]):  # a date already passed leaves no time at all
        assert found[past]["exception"]["type"] == "time_allowance"
    assert found[others[1]]["due"] == "2028-02-28T23:59:00Z"
    assert found[others[2]]["exception"]["type"] == "unknown_date"
    wanted = {row["person"]: row["wanted_due"] for row in json.loads(muster("exceptions", "D", "--json")[1])}
    assert wanted[others[3]] == "2027-01-10T23:59:00Z"
    assert (found[others[4]]["active"], found[others[4]]["exception"]["type"]) == (False, "unknown_date")
    assert found[others[5]]["due"] == "2027-02-28T23:59:00Z"  # a month after 31 January is clamped, never March
    assert found[others[6]]["due"] == "2027-03-31T15:00:00Z"
    assert muster("resolve", "D", "--person", others[4], "assign")[0] == 1
    sandbox.act("first-login", person=never, at="2027-02-01T08:00:00Z")
    sandbox.act("complete", person=others[4], course="c5", at="2027-01-31T09:00:00Z")
    monkeypatch.setenv("MUSTER_NOW", "2027-02-02T00:00:00Z")
    muster("sync", "sandbox")
    muster("work", "--once")
    found = {row["person"]: row for row in json.loads(muster("show", "D", "--json")[1])}
    assert found[never]["due"] == "2027-03-03T23:59:00Z"
    assert (found[others[4]]["active"], found[others[4]]["exception"]["type"]) == (False, "time_allowance")
    assert muster("doctor", "--deep")[0] == 0


def test_dates_move_later_by_themselves_and_earlier_only_when_asked(
    muster: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MUSTER_NOW", "2027-01-01T12:00:00Z")

    def apply(due: str, *options: str) -> Any:
        path = tmp_path / "one.yaml"
        path.write_text(
            "version: 1\ncertifications:\n  - code: D\n    name: Dates\n    state: live\n"
            f"    assignments: [{{individual: U-4, due: {due}}}]\n"
        )
        plan = json.loads(muster("plan", str(path), "--json")[1])["certifications"][0]
        status, _out, err = muster("apply", str(path), "--yes", *options)
        assert status == 0, err
        muster("work", "--once")
        row = json.loads(muster("show", "D", "--person", "U-4", "--json")[1])
        return row["due"], plan["redated"], plan["earlier"]

    assert apply("{fixed: 2027-06-30}") == ("2027-06-30T22:59:00Z", 0, 0)
    assert apply("{fixed: 2027-07-31}") == ("2027-07-31T22:59:00Z", 1, 0)
    assert apply("{fixed: 2027-05-31}") == ("2027-07-31T22:59:00Z", 0, 1)
    assert apply("none") == ("2027-07-31T22:59:00Z", 0, 1)
    assert apply("{fixed: 2027-05-31}", "--earlier") == ("2027-05-31T22:59:00Z", 0, 1)
    assert muster("extend", "D", "--person", "U-4", "--to", "2027-09-30")[0] == 0
    muster("work", "--once")
    assert json.loads(muster("show", "D", "--person", "U-4", "--json")[1])["due"] == "2027-09-30T22:59:00Z"
    assert muster("doctor", "--deep")[0] == 0
