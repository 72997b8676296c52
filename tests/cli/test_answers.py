"""Groups, exceptions, extensions, exemptions and successors by commands, with the exit status of every refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.live import Sandbox

FILE = """
version: 1
certifications:
  - code: FS2
    name: Food Safety Level 2
    state: live
    content:
      certification: [{{name: Core, courses: [c1], minimum: 14 days}}]
    assignments:
      - {{individual: {first}, due: {{fixed: 2020-01-01}}}}
      - {{group: Volunteers, self_enrol: true, withdraw: false, members: [{second}], due: {{fixed: 2035-01-01}}}}
"""


@pytest.fixture
def people(sandbox: Sandbox) -> list[str]:
    found = sorted(one["id"] for one in sandbox.get("people?unit=ORG-1&below=1") if one["state"] == "active")
    return found[:3]


@pytest.fixture
def saved(muster: Any, people: list[str], tmp_path: Path) -> Any:
    path = tmp_path / "file.yaml"
    path.write_text(FILE.format(first=people[0], second=people[1]))
    assert muster("apply", str(path), "--yes")[0] == 0
    assert muster("work", "--once")[0] == 0
    return muster


def row(muster: Any, person: str) -> dict[str, Any]:
    return next(one for one in json.loads(muster("show", "FS2", "--json")[1]) if one["person"] == person)


def test_an_exception_is_listed_answered_and_reopened(saved: Any, sandbox: Sandbox, people: list[str]) -> None:
    first = people[0]
    (question,) = json.loads(saved("exceptions", "FS2", "--json")[1])
    assert (question["person"], question["type"]) == (first, "time_allowance")
    assert set(question) == {"person", "type", "since", "wanted_due"}
    held = row(saved, first)
    assert (held["active"], held["held"], held["exception"]["type"]) == (False, "exception", "time_allowance")
    assert saved("resolve", "FS2", "--type", "unknown_date", "--all", "assign")[1] == "0 answered.\n"
    assert saved("resolve", "FS2", "--person", people[1], "assign")[0] == 1
    assert saved("resolve", "FS2", "--person", first, "--type", "time_allowance", "assign")[0] == 2
    assert saved("resolve", "FS2", "--person", first, "wish")[0] == 2
    assert saved("resolve", "FS2", "--person", first, "dismiss")[0] == 0
    saved("work", "--once")
    assert (row(saved, first)["active"], row(saved, first)["exception"]) == (False, None)
    assert saved("resolve", "FS2", "--person", first, "reopen")[0] == 0
    saved("work", "--once")
    assert row(saved, first)["exception"]["type"] == "time_allowance"
    assert saved("resolve", "FS2", "--type", "time_allowance", "--all", "realistic")[1] == "1 answered.\n"
    saved("work", "--once")
    assert row(saved, first)["active"]
    assert json.loads(saved("exceptions", "FS2", "--json")[1]) == []
    assert sandbox.roster("c1") == set(people[:2])


def test_a_learner_joins_an_open_group_and_leaves_only_where_she_may(saved: Any, people: list[str]) -> None:
    third = people[2]
    assert saved("group", "join", "FS2", "Volunteers", "--person", third)[0] == 0
    assert saved("group", "join", "FS2", "Volunteers", "--person", third)[0] == 1
    assert saved("group", "join", "FS2", "Nobody", "--person", third)[0] == 1
    assert saved("group", "join", "FS2", "Volunteers", "--person", "NOBODY")[0] == 2
    saved("work", "--once")
    assert (row(saved, third)["active"], row(saved, third)["why"]) == (True, ["group:Volunteers"])
    assert saved("group", "leave", "FS2", "Volunteers", "--person", third)[0] == 1
    assert saved("group", "leave", "FS2", "Volunteers", "--person", third, "--as-administrator")[0] == 0
    saved("work", "--once")
    assert row(saved, third)["state"] == "withdrawn"


def test_a_date_is_extended_and_a_learner_exempted_with_a_reason(saved: Any, people: list[str]) -> None:
    second, third = people[1], people[2]
    assert saved("extend", "FS2", "--person", second, "--to", "2040-02-30")[0] == 2
    assert saved("extend", "FS2", "--person", third, "--to", "2040-03-01")[0] == 1
    assert saved("extend", "FS2", "--person", second, "--to", "2001-03-01")[0] == 1
    assert saved("extend", "FS2", "--person", second, "--to", "2040-03-01")[0] == 0
    assert row(saved, second)["due"] == "2040-03-01T23:59:00Z"
    assert saved("exempt", "FS2", "--person", second, "--reason", " ")[0] == 1
    assert saved("exempt", "FS2", "--person", second, "--reason", "on leave")[0] == 0
    saved("work", "--once")
    assert not row(saved, second)["active"]
    entries = json.loads(saved("history", "FS2", "--json")[1])
    assert [one["n"] for one in entries] == sorted((one["n"] for one in entries), reverse=True)
    assert all({"n", "at", "who", "what", "reason", "version"} <= set(one) for one in entries)
    assert "on leave" in {one["reason"] for one in entries}


def test_one_person_is_shown_with_why_not(saved: Any, people: list[str]) -> None:
    status, out, _err = saved("show", "FS2", "--person", people[2], "--json")
    found = json.loads(out)
    assert (status, found["person"], found["why"]) == (0, people[2], [])
    assert [one["matches"] for one in found["assignments"]] == [False, False]
    assert all(one["sentence"] for one in found["assignments"])


REFUSALS: tuple[tuple[tuple[str, ...], int], ...] = (
    (("show", "NONE", "--json"), 1),
    (("exceptions", "NONE"), 1),
    (("history", "NONE"), 1),
    (("export", "NONE"), 1),
    (("undo", "999999", "--yes"), 1),
    (("undo", "9" * 40, "--yes"), 2),
    (("undo", "x"), 2),
    (("show", "FS2", "--person", "NOBODY"), 2),
    (("show", "F\udcff"), 2),
    (("plan", "/nowhere.yaml"), 2),
    (("show", "FS2", "--host", "elsewhere"), 2),
    (("release",), 2),
    (("release", "1", "--all"), 2),
    (("release", "77"), 2),
    (("frobnicate",), 2),
)


def test_a_refusal_is_one_sentence_and_its_status(saved: Any) -> None:
    for command, expected in REFUSALS:
        status, out, err = saved(*command)
        assert (status, out, bool(err.strip()), "Traceback" in err) == (expected, "", True, False), command


def test_a_successor_must_be_a_manager_the_host_knows(saved: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    jobs = sandbox.api("jobs").json()["items"]
    first, second = sorted({one["manager_job"] for one in jobs if one.get("manager_job")})[:2]
    path = tmp_path / "manager.yaml"
    path.write_text(
        f"version: 1\ncertifications:\n  - code: M\n    name: M\n    state: live\n"
        f"    assignments: [{{manager: {first}}}]\n"
    )
    assert saved("apply", str(path), "--yes")[0] == 0
    saved("work", "--once")
    before = saved("export", "M")[1]
    for old, new in ((f"manager:{second}", f"manager:{first}"), (f"manager:{first}", "manager:NOBODY"),
                     (f"manager:{first}", "organisation:ORG-1")):  # fmt: skip
        status, _out, err = saved("retarget", "M", old, new)
        assert (status in (1, 2), bool(err), saved("export", "M")[1]) == (True, True, before), (old, new)
    path.write_text(f"version: 1\ncertifications:\n  - {{code: M, assignments: [{{manager: {second}}}]}}\n")
    leaving = json.loads(saved("plan", str(path), "--json")[1])["certifications"][0]["removing"]["withdrawn"]
    command = ("retarget", "M", f"manager:{first}", f"manager:{second}", "--allow-withdrawals", str(leaving))
    assert saved(*command)[0] == 0
    assert saved("plan", str(path))[1] == "M: no difference.\n"


def test_held_answers_nothing_where_nothing_is_held(saved: Any) -> None:
    assert saved("held", "--json") == (0, "[]\n", "")
    assert saved("release", "--all")[0] == 0


def test_every_command_explains_itself(muster: Any) -> None:
    names = ("plan", "apply", "export", "show", "exceptions", "resolve", "group", "extend", "exempt", "history", "undo",
             "held", "release", "refuse", "retarget")  # fmt: skip
    for name in names:
        status, out, _err = muster(name, "--help")
        assert (status, "--host" in out) == (0, True), name


def test_a_last_day_before_the_first_is_refused_whichever_of_the_two_is_given(muster: Any, tmp_path: Path) -> None:
    def given(available: str) -> tuple[int, str, str]:
        path = tmp_path / "available.yaml"
        path.write_text(f"version: 1\ncertifications:\n  - {{code: D, name: Dates, available: {available}}}\n")
        found: tuple[int, str, str] = muster("apply", str(path), "--yes")
        return found

    assert given("{from: 2027-01-01}")[0] == 0
    status, _out, err = given("{until: 2026-12-31}")
    assert (status, "it would end on 2026-12-31, before it begins" in err) == (2, True)
    assert given("{until: 2027-01-01}")[0] == 0
