"""The main job by commands alone, against a host on a real socket: plan, apply, work, show, move, undo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.in_turn import in_turn
from tests.live import Sandbox

FILE = """
version: 1
certifications:
  - code: FS2
    name: Food Safety Level 2
    state: live
    content:
      certification:
        - {name: Core, courses: [c1, c2], needs: all}
    assignments:
      - {organisation: ORG-1, include: below, due: {fixed: 2031-03-31}}
    notifications:
      - {when: assigned, to: [learner]}
      - {when: withdrawn, to: [learner]}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "food.yaml"
    path.write_text(FILE)
    return str(path)


def expected(sandbox: Sandbox) -> set[str]:
    return {one["id"] for one in sandbox.get("people?unit=ORG-1&below=1") if one["state"] == "active"}


def test_the_hosts_roster_follows_the_file_and_the_host(muster: Any, sandbox: Sandbox, file: str) -> None:
    status, out, _err = muster("plan", file, "--json")
    plan = json.loads(out)["certifications"][0]
    wanted = expected(sandbox)
    assert status == 0
    assert plan["adding"]["newly"] == len(wanted) == plan["messages"]
    assert plan["adding"]["x"] == len(wanted) + plan["adding"]["suspended"]
    assert muster("apply", file)[0] == 1  # without --yes and a terminal nothing is saved
    assert muster("apply", file, "--yes")[0] == 0
    assert muster("work", "--once")[0] == 0
    assert sandbox.roster("c1") == sandbox.roster("c2") == wanted
    rows = {row["person"]: row for row in json.loads(muster("show", "FS2", "--json")[1])}
    assert {who for who, row in rows.items() if row["active"]} == wanted
    one = next(iter(sorted(wanted)))
    assert rows[one]["why"] == ["organisation:ORG-1"]
    assert rows[one]["seats"]["c1"] == {"want": "in", "confirmed": "in", "origin": "ours"}
    assert rows[one]["due"] == "2031-03-31T22:59:00Z"
    assert len(sandbox.get(f"inbox/{one}")) == 1
    mover = next(who for who in sorted(wanted) if len(sandbox.get(f"person/{who}")["jobs"]) == 1)
    sandbox.act("move", person=mover, organisation="REG-1")
    assert muster("sync", "sandbox")[0] == 0
    assert muster("work", "--once")[0] == 0
    assert sandbox.roster("c1") == wanted - {mover}
    assert sandbox.roster("c1", "suspended") == {mover}
    subjects = sorted(one["subject"] for one in sandbox.get(f"inbox/{mover}"))
    assert [subject.split(" ")[2] for subject in subjects] == ["enrolled", "withdrawn"]
    assert muster("doctor", "--deep") == (0, "Everything is as it should be.\n", "")


def test_applying_no_difference_writes_no_version_and_no_history(muster: Any, file: str) -> None:
    muster("apply", file, "--yes")
    muster("work", "--once")
    before = muster("history", "FS2", "--json")[1]
    assert muster("apply", file, "--yes")[0] == 0
    assert muster("history", "FS2", "--json")[1] == before


def test_the_exported_file_makes_no_difference(muster: Any, file: str, tmp_path: Path) -> None:
    muster("apply", file, "--yes")
    exported = tmp_path / "exported.yaml"
    exported.write_text(muster("export")[1])
    assert muster("plan", str(exported))[1] == "FS2: no difference.\n"


def test_removing_everybody_asks_for_the_number_and_undo_brings_them_back(
    muster: Any, sandbox: Sandbox, file: str, tmp_path: Path
) -> None:
    muster("apply", file, "--yes")
    muster("work", "--once")
    wanted = expected(sandbox)
    empty = tmp_path / "empty.yaml"
    empty.write_text("version: 1\ncertifications:\n  - {code: FS2, assignments: []}\n")
    assert muster("apply", str(empty), "--yes")[0] == 1
    assert muster("apply", str(empty), "--yes", "--allow-withdrawals", str(len(wanted) - 1))[0] == 1
    assert muster("apply", str(empty), "--yes", "--allow-withdrawals", str(len(wanted)))[0] == 0
    muster("work", "--once")
    assert sandbox.roster("c1") == set()
    number = next(row["n"] for row in json.loads(muster("history", "FS2", "--json")[1]) if row["what"] == "saved")
    assert muster("undo", str(number), "--yes")[0] == 0
    muster("work", "--once")
    assert sandbox.roster("c1") == wanted


@in_turn(
    ("text", "said"),
    [
        ("version: 2\ncertifications: []\n", "Line 1, version"),
        ("version: 1\ncertifications:\n  - {code: A, name: A, colour: red}\n", "Line 3, certifications.0.colour"),
        ("version: 1\ncertifications:\n  - {code: A}\n", "needs a name"),
        ("version: 1\ncertifications:\n  - {code: A, name: A}\n  - {code: A, name: B}\n", "twice"),
        ("version: 1\nversion: 1\ncertifications: []\n", "given twice"),
        ("version: 1\ncertifications: [", "neither YAML nor JSON"),
        (
            "version: 1\ncertifications:\n  - code: A\n    name: A\n    assignments:\n      - {organisation: NOPE}\n",
            "Line 6: the host knows no organisation 'NOPE'",
        ),
        (
            "version: 1\ncertifications:\n  - code: A\n    name: A\n    assignments:\n"
            "      - {audience: A-1}\n      - {audience: A-1}\n",
            "stands in the list twice",
        ),
        (
            "version: 1\ncertifications:\n  - {code: A, name: A, period: {active: 1 month, window: 2 months}}\n",
            "can be longer than the active period",
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused_whole_with_its_line(muster: Any, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    for command in (("plan", str(path)), ("apply", str(path), "--yes")):
        status, _out, err = muster(*command)
        assert (status, said in err) == (2, True), err
    assert muster("show", "A")[0] == 1


def test_the_same_path_for_recertification_is_refused_where_the_host_cannot_reset(muster: Any, tmp_path: Path) -> None:
    path = tmp_path / "same.yaml"
    path.write_text(
        "version: 1\ncertifications:\n  - code: A\n    name: A\n    content:\n"
        "      certification: [{name: One, courses: [c1]}]\n      recertification: same\n"
    )
    status, _out, err = muster("plan", str(path))
    assert (status, "recertification" in err) == (1, True)


def test_a_host_that_is_down_costs_nothing_but_delay(muster: Any, sandbox: Sandbox, file: str) -> None:
    muster("apply", file, "--yes")
    sandbox.act("mood", mood="down")
    assert muster("sync", "sandbox")[0] == 3
    assert muster("work", "--once")[0] == 0
    assert sandbox.roster("c1") == set()
