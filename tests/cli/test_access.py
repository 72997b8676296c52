"""Rights from the command line: granted, listed, removed, obeyed by ``--as``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plugin.cli import main
from plugin.cli.opening import runtime as open_runtime
from plugin.core.runtime import Runtime
from tests.conftest import KEYS
from tests.web.conftest import small_world
from tests.world import HOST, World, row


@pytest.fixture
def muster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setenv("MUSTER_ENV", "development")
    monkeypatch.setenv("MUSTER_SECRET_KEYS", KEYS)
    monkeypatch.setenv("MUSTER_DATABASE_URL", f"sqlite:///{tmp_path}/muster.sqlite3")
    monkeypatch.setenv("MUSTER_NOW", "2026-11-18T11:06:40Z")

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(list(arguments))
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    assert run("db", "upgrade")[0] == 0
    return run


@pytest.fixture
def world(muster: Any) -> World:
    made: Runtime = open_runtime()
    built = small_world(made)
    built.save("FS", row("organisation", "sales", "below"), name="Food Safety")
    built.save("GDPR", name="Privacy")
    yield built  # type: ignore[misc]
    made.db.close()


def test_rights_are_granted_listed_and_removed(muster: Any, world: World) -> None:
    assert muster("grant", "add", "site", "--person", "ann", "--reason", "head of safety")[:2] == (0, "Granted: 1.\n")
    assert muster("grant", "add", "certification", "--person", "bea", "--certification", "FS", "--may-create",
                  "--until", "2027-03-31")[:2] == (0, "Granted: 2.\n")  # fmt: skip
    assert muster("grant", "add", "auditor", "--subject", "sub-of-zoe")[:2] == (0, "Granted: 3.\n")
    listed = json.loads(muster("grant", "list", "--json")[1])
    by = listed[0].pop("by")
    assert by.startswith("server shell (")
    assert listed[0] == {
        "id": 1, "role": "site", "person": "ann", "until": None, "state": "active", "reason": "head of safety",
    }  # fmt: skip
    assert (listed[1]["certifications"], listed[1]["may_create"], listed[1]["until"]) == (["FS"], True, "2027-03-31")
    assert (listed[2]["role"], listed[2]["subject"]) == ("auditor", "sub-of-zoe")
    assert muster("grant", "add", "auditor", "--subject", "ann")[:2] == (0, "Granted: 4.\n")
    assert json.loads(muster("grant", "list", "--json")[1])[3]["person"] == "ann"  # the mirror knows that subject
    status, _out, err = muster("grant", "remove", "1")
    assert (status, "--even-the-last" in err) == (1, True)
    status, _out, err = muster("grant", "remove", "1", "--even-the-last", "--as", "ann")
    assert (status, "shell alone" in err) == (1, True)  # whoever acts as somebody has her rights, not the shell's
    assert muster("grant", "remove", "1", "--even-the-last")[0] == 0
    assert muster("grant", "remove", "1")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("add", "site"), 2),
        (("add", "site", "--person", "ann", "--subject", "x"), 2),
        (("add", "king", "--person", "ann"), 2),
        (("add", "site", "--person", "nobody"), 1),
        (("add", "site", "--person", "ann", "--certification", "FS"), 2),
        (("add", "certification", "--person", "ann", "--certification", "none"), 1),
        (("add", "site", "--person", "ann", "--until", "2026-11-17"), 2),
        (("add", "site", "--person", "ann", "--until", "soon"), 2),
        (("remove", "9"), 1),
        (("confirm", "9"), 1),
    ],
)
def test_what_cannot_be_granted_is_said(muster: Any, world: World, arguments: tuple[str, ...], status: int) -> None:
    found, out, err = muster("grant", *arguments)
    assert (found, out) == (status, "")
    assert "Traceback" not in err
    assert json.loads(muster("grant", "list", "--json")[1]) == []


def test_a_command_obeys_the_rights_of_whom_as_names(muster: Any, world: World, tmp_path: Path) -> None:
    assert muster("grant", "add", "certification", "--person", "bea", "--certification", "FS")[0] == 0
    assert muster("grant", "add", "auditor", "--person", "cid")[0] == 0
    assert muster("show", "FS", "--as", "bea")[0] == 0
    assert muster("show", "GDPR", "--as", "bea")[0] == 1
    assert muster("show", "GDPR", "--as", "cid")[0] == 0
    assert muster("exempt", "FS", "--person", "ann", "--reason", "x", "--as", "cid")[0] == 1
    assert muster("exempt", "FS", "--person", "ann", "--reason", "x", "--as", "bea")[0] == 0
    entry = json.loads(muster("history", "FS", "--json", "--as", "bea")[1])[0]
    assert entry["who"].startswith("Bea (bea), by server shell (")
    for shell_only in (("keys", "rotate"), ("doctor",), ("host", "list"), ("backup", str(tmp_path / "b"))):
        assert muster(*shell_only, "--as", "bea")[0] == 1, shell_only
    assert muster("grant", "add", "site", "--person", "bea", "--as", "bea")[0] == 1
    assert muster("show", "FS", "--as", "nobody")[0] == 1
    assert muster("show", "FS", "--as", "dov")[0] == 1
    file = tmp_path / "c.yaml"
    file.write_text("version: 1\ncertifications:\n- {code: GDPR, name: Other, assignments: []}\n")
    assert muster("apply", str(file), "--yes", "--as", "bea")[0] == 1
    assert muster("plan", str(file), "--as", "bea")[0] == 1
    assert muster("plan", str(file), "--as", "cid")[0] == 0
    assert muster("export", "--as", "bea")[1].count("code:") == 1


def test_sessions_are_ended_and_tokens_belong_to_somebody(muster: Any, world: World) -> None:
    assert muster("sessions", "end", "--all")[:2] == (0, "0 sessions ended.\n")
    assert muster("sessions", "end", "--person", "ann")[0] == 0
    assert muster("sessions", "end")[0] == 2
    assert muster("sessions", "end", "--person", "nobody")[0] == 1
    assert muster("token", "add", "hr", "--scope", "reports", "--until", "2026-12-31")[0] == 0
    assert muster("token", "add", "ann's", "--as", "ann")[0] == 1
    assert muster("grant", "add", "site", "--person", "ann")[0] == 0
    assert muster("token", "add", "ann's", "--write", "--as", "ann")[0] == 0
    assert muster("token", "add", "fs", "--certification", "FS")[0] == 0
    assert muster("token", "add", "late", "--until", "2027-11-19")[0] == 2
    listed = {one["name"]: one for one in json.loads(muster("token", "list", "--json")[1])}
    assert (listed["hr"]["scopes"], listed["hr"]["until"], listed["hr"]["owner"]) == (
        ["reports"],
        "2026-12-31",
        "shell",
    )
    assert (listed["ann's"]["scopes"], listed["ann's"]["owner"]) == (["read", "write"], "person ann")
    assert {name: one["certifications"] for name, one in listed.items()} == {"hr": None, "ann's": None, "fs": ["FS"]}
    assert {one["used"] for one in listed.values()} == {None}
    assert HOST == 1


def test_an_area_is_granted_and_obeyed_by_commands(muster: Any, world: World, tmp_path: Path) -> None:
    world.save("FS", row("organisation", "sales", "below"), row("individual", "ann"), name="Food Safety", areas=True)
    assert muster("grant", "add", "area", "--person", "eve")[0] == 2
    assert muster("grant", "add", "area", "--person", "eve", "--unit", "nowhere")[0] == 1
    assert muster("grant", "add", "site", "--person", "eve", "--unit", "north")[0] == 2
    assert muster("grant", "add", "area", "--person", "eve", "--unit", "north")[:2] == (0, "Granted: 1.\n")
    listed = json.loads(muster("grant", "list", "--json")[1])
    assert (listed[0]["role"], listed[0]["units"]) == ("area", ["north"])
    shown = json.loads(muster("show", "FS", "--json", "--as", "eve")[1])
    assert [one["person"] for one in shown] == ["cid", "dov"]
    assert muster("show", "FS", "--person", "ann", "--as", "eve")[0] != 0
    assert muster("show", "GDPR", "--as", "eve")[0] == 1
    assert muster("held", "--as", "eve")[0] == 1
    assert "individual: ann" not in muster("export", "FS", "--as", "eve")[1]
    assert muster("exempt", "FS", "--person", "ann", "--reason", "x", "--as", "eve")[0] != 0
    assert muster("exempt", "FS", "--person", "cid", "--reason", "x", "--as", "eve")[0] == 0
    assert muster("report", "learners", "--columns", "person", "--format", "csv", "--as", "eve")[1].split() == [
        "\ufeffperson", "cid", "dov",
    ]  # fmt: skip
    file = tmp_path / "f.yaml"
    file.write_text("version: 1\ncertifications:\n- {code: FS, assignments: [{individual: bea}]}\n")
    assert muster("apply", str(file), "--yes", "--as", "eve")[0] == 2  # as for an id that nobody has
    file.write_text("version: 1\ncertifications:\n- {code: FS, assignments: [{individual: dov}]}\n")
    assert muster("apply", str(file), "--yes", "--as", "eve")[0] == 0
    file.write_text(
        "version: 1\ncertifications:\n- {code: FS, leaving: {on_return: realistic}, available: {from: null}}\n"
    )
    assert muster("plan", str(file), "--as", "eve")[:2] == (0, "FS: no difference.\n")  # defaults change no setting
    exported = muster("export", "FS")[1]
    assert all(one in exported for one in ("organisation: sales", "individual: ann", "individual: dov"))


def test_rights_by_category(muster: Any, world: World) -> None:
    world.save("FS", row("individual", "ann"), name="Food Safety", category="Food")
    assert muster("grant", "add", "certification", "--person", "bea", "--category", "Food")[0] == 0
    assert json.loads(muster("grant", "list", "--json")[1])[0]["categories"] == ["Food"]
    assert muster("show", "FS", "--as", "bea")[0] == 0
    assert muster("show", "GDPR", "--as", "bea")[0] == 1


def test_four_eyes_traces_and_personal_data_by_command(muster: Any, world: World) -> None:
    assert muster("grant", "add", "site", "--person", "bea")[0] == 0
    assert muster("four-eyes", "on")[:2] == (0, "Four eyes are on.\n")
    assert muster("grant", "add", "auditor", "--person", "cid", "--as", "bea")[0] == 1
    assert muster("grant", "add", "auditor", "--person", "cid")[0] == 0  # the server's shell may everything
    assert muster("four-eyes", "off", "--as", "bea")[0] == 1
    assert json.loads(muster("four-eyes", "list", "--json", "--as", "cid")[1]) == []
    assert muster("four-eyes", "refuse", "1")[0] == 1
    assert muster("four-eyes", "off")[0] == 0
    assert muster("show", "FS", "--person", "ann", "--as", "bea")[0] == 0
    [trace] = json.loads(muster("traces", "--person", "ann", "--json")[1])
    assert (trace["how"], trace["what"], trace["count"]) == ("command", "show", 1)
    assert trace["who"].startswith("Bea (bea), by server shell (")
    assert json.loads(muster("person", "export", "ann")[1])["held"]["person"][0]["name"] == "Ann"
    assert muster("person", "export", "nobody")[0] == 1
    assert muster("person", "erase", "ann", "--confirm", "bea")[0] == 2
    status, _out, err = muster("person", "erase", "ann", "--confirm", "ann")
    assert (status, "still has this person" in err) == (1, True)
