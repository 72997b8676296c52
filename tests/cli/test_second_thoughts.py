"""What a command answers a second time: a version that moved, an answer given already, a save taken back at a terminal."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from plugin.core.db import Database
from plugin.core.journal import record
from plugin.reports.sources.happenings import happens
from tests.live import Sandbox

FILE = """
version: 1
certifications:
  - code: FS2
    name: Food Safety
    state: live
    content: {certification: [{name: Core, courses: [c1], minimum: 14 days}]}
    assignments: [{individual: U-1}, {individual: U-4, due: {fixed: 2020-01-01}}]
"""


@pytest.fixture
def saved(muster: Any, tmp_path: Path) -> Any:
    """Writes a file and applies it, with these options; the first one is applied and settled."""

    def apply(text: str, *options: str) -> tuple[int, str, str]:
        path = tmp_path / "file.yaml"
        path.write_text(text)
        return muster("apply", str(path), "--yes", *options)  # type: ignore[no-any-return]

    assert apply(FILE)[0] == 0
    assert muster("work", "--once")[0] == 0
    return apply


def test_a_version_that_moved_is_refused_with_the_plan(saved: Any, muster: Any) -> None:
    """Also where the file makes no difference any more: somebody else saved the same (AS-CODE)."""
    other = FILE.replace("Food Safety", "Food")
    assert saved(other, "--if-version", "FS2=1")[0] == 0
    before = muster("history", "FS2", "--json")[1]
    for text, plan in ((other, "FS2: no difference."), (FILE, "FS2 (version 2):")):
        status, out, err = saved(text, "--if-version", "FS2=1")
        assert (status, err) == (1, "FS2 is at version 2 now, not 1: somebody saved it meanwhile.\n")
        assert out.startswith(plan)
    assert muster("history", "FS2", "--json")[1] == before
    assert saved(other, "--if-version", "FS2=2") == (0, "No difference; nothing is saved.\n", "")


def test_a_version_of_what_the_file_does_not_hold_is_refused(saved: Any) -> None:
    """Such a condition would be checked against nothing."""
    changed = FILE.replace("Food Safety", "Food")
    assert saved(changed, "--if-version", "FS3=1")[0] == 1
    for wrong in ("FS2", "FS2=", "FS2=²", "FS2=-1", "FS2=1.0"):
        assert saved(changed, "--if-version", wrong)[:2] == (2, ""), wrong
    assert saved(changed, "--if-version", "FS2=1", "--if-version", "FS2=2")[:2] == (2, "")
    assert saved(changed, "--if-version", "FS2=1", "--if-version", "FS2=1")[0] == 0


def test_an_exception_that_is_answered_is_open_no_longer(saved: Any, muster: Any) -> None:
    assert [one["person"] for one in json.loads(muster("exceptions", "FS2", "--json")[1])] == ["U-4"]
    assert muster("resolve", "FS2", "--person", "U-4", "assign")[0] == 0
    assert muster("exceptions", "FS2", "--json") == (0, "[]\n", "")
    assert muster("resolve", "FS2", "--type", "time_allowance", "--all", "assign")[1] == "0 answered.\n"
    muster("work", "--once")
    assert muster("resolve", "FS2", "--person", "U-4", "reopen")[0] == 0
    assert [one["person"] for one in json.loads(muster("exceptions", "FS2", "--json")[1])] == ["U-4"]


def test_several_learners_are_named_after_one_option_or_after_several(saved: Any, muster: Any) -> None:
    """``--person ID…`` (AS-CODE)."""
    both = FILE.replace("{individual: U-1}", "{individual: U-1, due: {fixed: 2020-01-01}}")
    codes = ("THREE", "FOUR")
    for code, people in zip(codes, (("--person", "U-1", "U-4"), ("--person", "U-1", "--person", "U-4")), strict=True):
        assert saved(both.replace("FS2", code).replace("c1", f"c{2 + codes.index(code)}"))[0] == 0
        muster("work", "--once")
        assert [one["person"] for one in json.loads(muster("exceptions", code, "--json")[1])] == ["U-1", "U-4"]
        assert muster("resolve", code, *people, "dismiss") == (0, "2 answered.\n", "")
        assert muster("resolve", code, "U-1", "dismiss")[0] == 2
        assert muster("resolve", code, "U-1", "--type", "time_allowance", "--all", "dismiss")[0] == 2


def test_the_number_to_confirm_is_that_of_the_whole_file(saved: Any, muster: Any, sandbox: Sandbox) -> None:
    """``--allow-withdrawals N`` equals the plan's ``withdrawn``, of all its certifications (AS-CODE)."""
    people = sorted(one["id"] for one in sandbox.get("people?unit=ORG-1&below=1") if one["state"] == "active")
    head = "version: 1\ncertifications:\n"
    line = "  - {code: %s, name: N, state: live, content: {certification: [{name: A, courses: [%s]}]}, assignments: [%s]}\n"
    many, few = ", ".join(f"{{individual: {one}}}" for one in people), f"{{individual: {people[0]}}}"
    assert saved(head + line % ("MANY", "c2", many) + line % ("FEW", "c3", few))[0] == 0
    muster("work", "--once")
    text = head + "  - {code: MANY, assignments: []}\n  - {code: FEW, assignments: []}\n"
    whole = len(people) + 1
    status, out, err = saved(text)
    assert (status, f"--allow-withdrawals {whole}." in out, f" {whole} learners" in err) == (1, True, True)
    assert saved(text, "--allow-withdrawals", str(len(people)))[0] == 1
    assert saved(text, "--allow-withdrawals", str(whole))[0] == 0


@pytest.mark.parametrize(
    ("closed", "opened"),
    [
        ("state: draft", "state: live"),
        ("state: live, available: {from: 2090-01-01, until: null}", "available: {from: null}"),
    ],
)
def test_the_plan_of_making_it_available_counts_whom_it_enrols(
    saved: Any, muster: Any, sandbox: Sandbox, tmp_path: Path, closed: str, opened: str
) -> None:
    """Until then its assignments reach nobody; going live passes the same review (rules 5.11)."""
    head = "version: 1\ncertifications:\n"
    rows = "assignments: [{organisation: ORG-1, include: below}, {individual: U-1}]"
    path = "content: {certification: [{name: A, courses: [c9]}]}"
    assert saved(f"{head}  - {{code: NEW, name: New, {closed}, {path}, {rows}}}\n")[0] == 0
    muster("work", "--once")
    assert json.loads(muster("show", "NEW", "--json")[1]) == []
    file = tmp_path / "open.yaml"
    file.write_text(f"{head}  - {{code: NEW, {opened}}}\n")
    [plan] = json.loads(muster("plan", str(file), "--json")[1])["certifications"]
    assert muster("apply", str(file), "--yes")[0] == 0
    muster("work", "--once")
    there = sandbox.get("people?unit=ORG-1&below=1")
    wanted = {one["id"] for one in there if one["state"] == "active"} | {"U-1"}
    assert {one["person"] for one in json.loads(muster("show", "NEW", "--json")[1]) if one["active"]} == wanted
    adding = plan["adding"]
    assert adding["newly"] == len(wanted)
    assert adding["x"] == sum(size for part, size in adding.items() if part != "x")
    assert set(plan["removing"].values()) == {0}
    [again] = json.loads(muster("plan", str(file), "--json")[1])["certifications"]
    assert set(again["adding"].values()) == {0}


def test_history_tells_all_that_happened(saved: Any, muster: Any, db: Database) -> None:
    """Each entry with exactly the keys of AS-CODE, newest first, however many there are."""
    with db.write() as session:
        for _number in range(600):
            record(session, 1, 1_795_000_000, "tester", "reminded", certification=1)
    rows = json.loads(muster("history", "FS2", "--json")[1])
    assert {tuple(one) for one in rows} == {("n", "at", "who", "what", "reason", "version")}
    assert len(rows) > 600
    assert [one["n"] for one in rows] == sorted((one["n"] for one in rows), reverse=True)
    assert (rows[-1]["what"], rows[-1]["version"]) == ("saved", 1)
    assert all(happens(one["what"]) for one in rows)
    assert len(muster("history", "FS2")[1].splitlines()) == len(rows)


def test_undo_takes_back_first_days_and_waves_of_a_certification(saved: Any, muster: Any) -> None:
    before = muster("export", "FS2")[1]
    more = "    starts: 2040-01-01\n    wave: {learners: 3, every: week}\n"
    assert saved(FILE + more)[0] == 0
    assert "2040-01-01" in muster("export", "FS2")[1]
    number = json.loads(muster("history", "FS2", "--json")[1])[0]
    assert number["what"] == "saved"
    assert muster("undo", str(number["n"]), "--yes")[0] == 0
    assert muster("export", "FS2")[1] == before


def test_undo_shows_the_review_and_asks_at_a_terminal(saved: Any, muster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert saved(FILE.replace("Food Safety", "Food"))[0] == 0
    number = str(json.loads(muster("history", "FS2", "--json")[1])[0]["n"])
    status, out, err = muster("undo", number)
    assert (status, out.startswith("FS2 (version 2):"), err) == (
        1, True, "Nothing is undone: add --yes to undo without being asked.\n",
    )  # fmt: skip
    keyboard, terminal = os.openpty()
    with os.fdopen(terminal, "r") as stdin, os.fdopen(keyboard, "wb", buffering=0) as keys:
        monkeypatch.setattr(sys, "stdin", stdin)
        keys.write(b"n\n")
        status, out, _err = muster("undo", number)
        assert (status, out.startswith("FS2 (version 2):"), "Undo? [y/N]" in out) == (1, True, True)
        assert "name: Food\n" in muster("export", "FS2")[1]
        keys.write(b"y\n")
        assert muster("undo", number)[0] == 0
    assert "name: Food Safety\n" in muster("export", "FS2")[1]


def test_a_report_for_a_folder_that_is_not_there_is_wrong_use(saved: Any, muster: Any, tmp_path: Path) -> None:
    for place in (tmp_path / "nowhere" / "out.csv", tmp_path):
        status, out, err = muster("report", "learners", "--format", "csv", "--out", str(place))
        assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert (
        muster(
            "report", "history", "--where", "what=export_begun", "--where", "what=export_stopped", "--format", "jsonl"
        )[1]
        == ""
    )


def test_a_plan_of_a_draft_enrols_nobody_and_says_whom_going_live_would(
    muster: Any, sandbox: Sandbox, tmp_path: Path
) -> None:
    people = [one["id"] for one in sandbox.api("people").json()["items"] if one["state"] == "active"][:3]
    path = tmp_path / "d.yaml"

    def plan(state: str, *rows: str) -> tuple[dict[str, Any], str]:
        listed = ", ".join(f"{{individual: {one}}}" for one in rows)
        text = f"version: 1\ncertifications:\n  - {{code: D1, name: D, state: {state}, assignments: [{listed}]}}\n"
        path.write_text(text, encoding="utf-8")
        status, out, _err = muster("plan", str(path), "--json")
        assert status == 0
        return json.loads(out)["certifications"][0]["adding"], muster("plan", str(path))[1]

    numbers, words = plan("draft", *people[:2])
    assert numbers == {
        "x": 2,
        "already": 0,
        "newly": 0,
        "later": 2,
        "held_back": 0,
        "suspended": 0,
        "not_to_be_assigned": 0,
    }
    assert "This is a draft, and reaches nobody: going live would enrol 2 newly and hold back 0" in words
    assert muster("apply", str(path), "--yes")[0] == 0
    assert muster("work", "--once")[0] == 0
    assert json.loads(muster("show", "D1", "--json")[1]) == []
    numbers, words = plan("draft", *people)
    assert (numbers["x"], numbers["newly"], numbers["later"]) == (1, 0, 1)
    assert "going live would enrol 3 newly" in words
    numbers, words = plan("live", *people)
    assert (numbers["x"], numbers["newly"], numbers["later"], "draft" in words) == (3, 3, 0, False)
    assert muster("apply", str(path), "--yes")[0] == 0
    assert muster("work", "--once")[0] == 0
    assert len(json.loads(muster("show", "D1", "--json")[1])) == 3


def test_the_plan_of_a_file_sees_what_the_file_itself_makes_of_shared_courses(
    saved: Any, muster: Any, tmp_path: Path
) -> None:
    """Its order decides who is a duplicate, and whoever leaves one by it is none in the others (rules 4.1)."""
    line = "  - {code: %s, name: N, state: live, content: {certification: [{name: A, courses: [c5]}]}, assignments: [%s]}\n"
    file = tmp_path / "both.yaml"
    first = line % ("SEC", "{individual: U-1}, {individual: U-4}") + line % ("THI", "{individual: U-1}")
    for lines, planned, active in (
        (first, {"SEC": (2, 0, 0), "THI": (0, 1, 0)}, {"SEC": {"U-1", "U-4"}, "THI": set()}),
        (line % ("THI", "{individual: U-4}, {individual: U-1}") + line % ("SEC", ""),
         {"THI": (1, 0, 0), "SEC": (0, 0, 2)}, {"SEC": set(), "THI": {"U-1", "U-4"}}),
    ):  # fmt: skip
        file.write_text(f"version: 1\ncertifications:\n{lines}")
        found = json.loads(muster("plan", str(file), "--json")[1])["certifications"]
        assert {
            one["code"]: (one["adding"]["newly"], one["adding"]["held_back"], one["removing"]["withdrawn"])
            for one in found
        } == planned
        assert muster("apply", str(file), "--yes")[0] == 0
        assert muster("work", "--once")[0] == 0
        for code, people in active.items():
            rows = json.loads(muster("show", code, "--json")[1])
            assert {one["person"] for one in rows if one["active"]} == people, code
