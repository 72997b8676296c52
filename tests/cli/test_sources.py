"""Sources by commands: from an HR export to an assignment by organisation, with the exit status of every refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.live import Sandbox, free_port

HEAD = "Personal-Nr.;Vorname;Nachname;Abteilung;Führungskraft;Eintritt;Austritt;Status"
FILE = """
version: 1
certifications:
  - {code: FS, name: Food Safety, state: live, assignments: [{organisation: "HR:SCHÄDEN/nacht"}]}
"""


@pytest.fixture
def hr(muster: Any, sandbox: Sandbox, tmp_path: Path) -> Any:
    """A source with 60 people in a file as German HR writes it; returns the commands and a writer of files."""
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("separator: /\nwords: {active: {Elternzeit: true}}\n", encoding="utf-8")
    assert muster("source", "add", "hr", "--kind", "csv", "--mapping", str(mapping))[0] == 0
    people = [
        one["number"]
        for one in sorted(sandbox.api("people").json()["items"], key=lambda one: one["id"])
        if one["state"] == "active"
    ]

    def write(name: str, units: list[str]) -> str:
        rows = [
            f"{number};Jörg;Müller {n};{unit};{people[0] if n else ''};{n % 28 + 1:02}.03.2020;31.12.9999;Elternzeit"
            for n, (number, unit) in enumerate(zip(people, units, strict=False))
        ]
        path = tmp_path / name
        path.write_bytes(("HR-Export;;\r\n" + "\r\n".join([HEAD, *rows]) + "\r\n;;;;;;;\r\n").encode("cp1252"))
        return str(path)

    return muster, write, people


def test_from_an_export_to_the_first_assignment_by_organisation(hr: Any, tmp_path: Path) -> None:
    muster, write, _people = hr
    night, day = "Schäden/Nacht", "Schäden/Tag"
    first = write("people.csv", [night] * 20 + [day] * 40)
    status, out, _err = muster("source", "plan", "hr", first, "--json")
    plan = json.loads(out)
    assert (status, plan["matched"], plan["files"][0]["refused"]) == (0, 60, [])
    assert muster("source", "supply", "organisation", "hr")[0] == 0
    assert muster("source", "supply", "managers", "site", "hr")[0] == 0
    status, _out, err = muster("source", "load", "hr", first)
    assert status == 1
    assert "--yes" in err
    assert muster("source", "load", "hr", "--yes")[0] == 0
    (tmp_path / "fs.yaml").write_text(FILE, encoding="utf-8")
    assert muster("apply", str(tmp_path / "fs.yaml"), "--yes")[0] == 0
    assert muster("work", "--once")[0] == 0
    assert len(json.loads(muster("show", "FS", "--json")[1])) == 20
    assert "organisation: hr:Schäden / Nacht" in muster("export", "FS")[1]
    assert muster("plan", str(tmp_path / "fs.yaml"))[0] == 0
    assert muster("source", "rename", "hr") == (0, "", "")
    assert muster("source", "rename", "hr", "hr:None", "--yes")[0] == 2

    second = write("people.csv", [night] * 30 + [day] * 30)
    plan = json.loads(muster("source", "plan", "hr", second, "--json")[1])
    assert plan["certifications"] == [
        {"code": "FS", "newly": 10, "withdrawn": 0, "redated": 0, "held_back": 0, "messages": 0}
    ]  # fmt: skip
    assert muster("source", "load", "hr", second)[0] == 0
    assert muster("work", "--once")[0] == 0
    assert len([one for one in json.loads(muster("show", "FS", "--json")[1]) if one["state"] != "withdrawn"]) == 30

    half = write("people.csv", [night] * 31)
    assert json.loads(muster("source", "plan", "hr", half, "--json")[1])["guard"]
    assert muster("source", "load", "hr", half)[0] == 1
    assert muster("source", "load", "hr", write("people.csv", [night] * 4))[0] == 1
    assert muster("doctor", "--deep")[0] == 0
    assert muster("source", "undo", "hr")[0] == 1
    assert muster("source", "undo", "hr", "--yes")[0] == 0
    assert muster("work", "--once")[0] == 0
    assert muster("doctor", "--deep")[0] == 0


def test_who_is_to_be_matched_is_listed_with_what_would_help_and_matched_by_hand(
    hr: Any, tmp_path: Path, sandbox: Sandbox
) -> None:
    muster, _write, people = hr
    path = tmp_path / "people.csv"
    path.write_text(f"id,first_name\n{people[0].lower()},Ann\n{people[1]},Bob\nX9,Cat\n", encoding="utf-8")
    assert muster("source", "load", "hr", str(path), "--yes")[0] == 0
    listed = json.loads(muster("source", "match", "hr", "--json")[1])
    ids = {one["number"]: one["id"] for one in sandbox.api("people").json()["items"]}
    assert listed == [
        {"id": "X9", "name": "Cat", "why": "no_account", "suggestion": None},
        {"id": people[0].lower(), "name": "Ann", "why": "no_account",
         "suggestion": {"person": ids[people[0]], "because": "would match in another case"}},
    ]  # fmt: skip
    status, out, _err = muster("source", "pin", "hr", "X9", "--person", ids[people[1]])
    assert (status, f"Record '{people[1]}' has the key of this account" in out) == (0, True)
    assert [one["why"] for one in json.loads(muster("source", "match", "hr", "--json")[1])] == [
        "several_records",
        "no_account",
    ]
    assert muster("source", "pin", "hr", people[0].lower(), "--person", ids[people[1]])[0] == 1
    assert muster("source", "unpin", "hr", "X9")[0] == 0
    assert len(json.loads(muster("source", "match", "hr", "--json")[1])) == 2
    assert muster("source", "pin", "hr", "X9", "--person", ids[people[2]])[0] == 0
    assert [one["id"] for one in json.loads(muster("source", "match", "hr", "--json")[1])] == [people[0].lower()]
    assert muster("source", "unpin", "hr", "X9")[0] == 0
    assert muster("source", "unpin", "hr", "X9")[0] == 1
    shown = json.loads(muster("source", "show", "hr", "--json")[1])
    assert (shown["matched"], shown["unmatched"]["no_account"], shown["loads"][0]["state"]) == (1, 2, "done")


def test_wrong_use_and_refusals_end_with_their_status(hr: Any, tmp_path: Path) -> None:
    muster, _write, _people = hr
    bad = tmp_path / "people.csv"
    bad.write_text("who,what\n1,2\n", encoding="utf-8")
    status, _out, err = muster("source", "load", "hr", str(bad))
    assert status == 2
    assert "line 1" in err
    assert muster("source", "plan", "hr", str(tmp_path / "none.csv"))[0] == 2
    assert muster("source", "plan", "nobody", str(bad))[0] == 2
    assert muster("source", "add", "HR", "--kind", "csv")[0] == 2
    assert muster("source", "add", "other", "--kind", "paper")[0] == 2
    assert muster("source", "add", "other", "--kind", "csv", "--join", "id=shoe")[0] == 2
    assert muster("source", "add", "hr", "--kind", "csv")[0] == 1
    assert muster("source", "supply", "shoes", "hr")[0] == 2
    assert muster("source", "supply", "organisation", "site", "sandbox")[0] == 2
    assert muster("source", "supply", "organisation", "hr", "hr")[0] == 2
    assert muster("source", "undo", "hr")[0] == 1
    assert muster("source", "pause", "hr")[0] == 0
    bad.write_text("id\n1\n", encoding="utf-8")
    assert muster("source", "load", "hr", str(bad), "--yes")[0] == 1
    assert muster("source", "resume", "hr")[0] == 0
    assert muster("source", "load", "hr", str(bad), "--yes")[0] == 0
    assert muster("source", "token", "hr", "--until", "2020-01-01")[0] == 1
    for change in (("supply", "organisation", "hr"), ("undo", "hr", "--yes"), ("remove", "hr", "--yes")):
        status, _out, err = muster("source", *change, "--allow-withdrawals", "3")
        assert (status, "--allow-withdrawals says 3, the plan says 0" in err) == (1, True), change
    assert muster("source", "token", "hr", "--until", "2099-01-01")[1].startswith("muster_hr_")
    assert muster("source", "remove", "hr", "--yes")[0] == 0
    assert json.loads(muster("source", "list", "--json")[1]) == []


def test_a_map_that_cannot_be_read_and_an_address_that_does_not_answer_end_with_their_status(
    hr: Any, tmp_path: Path
) -> None:
    muster, write, _people = hr
    assert muster("source", "load", "hr", write("people.csv", ["Claims"] * 30), "--yes")[0] == 0
    wrong = tmp_path / "map.yaml"
    for text, said in (("a: [1", "Line 2"), ("[ORG-1]", "old ids"), ("ORG-1: {a: b}", "old ids")):
        wrong.write_text(text, encoding="utf-8")
        status, _out, err = muster("source", "supply", "organisation", "hr", "--map", str(wrong))
        assert (status, said in err, "Traceback" in err) == (2, True, False), err
    for option in (("--url", "ftp://hr/people.csv"), ("--schedule", "never"), ("--after", "burnt")):
        assert muster("source", "set", "hr", *option)[0] == 2
    assert muster("source", "load", "hr")[0] == 2
    assert muster("source", "set", "hr", "--url", f"http://127.0.0.1:{free_port()}/people.csv")[0] == 0
    status, _out, err = muster("source", "load", "hr")
    assert (status, err.strip()) == (3, "Connection refused.")
    shown = json.loads(muster("source", "show", "hr", "--json")[1])
    assert (shown["state"], shown["reason"], shown["after"]) == ("active", "Connection refused.", "left")
    assert muster("source", "set", "hr", "--forget-host-key", "--after", "moved")[0] == 0


def test_a_re_organisation_on_paper_is_told_with_names_and_nothing_is_written(hr: Any, tmp_path: Path) -> None:
    muster, write, _people = hr
    assert muster("source", "supply", "organisation", "hr")[0] == 0
    assert muster("source", "load", "hr", write("people.csv", ["Schäden/Nacht"] * 20 + ["Recht"] * 3), "--yes")[0] == 0
    (tmp_path / "fs.yaml").write_text(FILE, encoding="utf-8")
    assert muster("apply", str(tmp_path / "fs.yaml"), "--yes")[0] == 0
    assert muster("work", "--once")[0] == 0
    status, out, _err = muster("source", "what-if", "HR:recht", "--into", "hr:schäden / NACHT", "--json", "--names")
    told = json.loads(out)
    assert (status, told["kind"], told["unit"], told["people"]) == (0, "organisation", "hr:Recht", 3)
    (effect,) = told["certifications"]
    assert (effect["code"], effect["newly"], len(effect["names"]["newly"])) == ("FS", 3, 3)
    status, out, _err = muster("source", "what-if", "hr:Schäden / Nacht", "--into", "hr:Recht")
    assert (status, out.splitlines()[0]) == (0, "hr:Schäden / Nacht: 20 people work in it or below it.")
    assert "20 wait on hold because their target is gone" in out
    assert "No certification changes." in muster("source", "what-if", "hr:Recht", "--top")[1]
    for wrong in (("hr:Recht",), ("hr:Recht", "--top", "--into", "hr:Schäden"), ("hr:Nobody", "--top"),
                  ("hr:Recht", "--under", "hr:Recht"), ("hr:Recht", "--top", "--position")):  # fmt: skip
        assert muster("source", "what-if", *wrong)[0] == 2
    moved = write("people.csv", ["Schäden/Nacht"] * 19 + ["Recht"] * 4)
    (effect,) = json.loads(muster("source", "plan", "hr", moved, "--names", "--json")[1])["certifications"]
    assert (effect["withdrawn"], len(effect["names"]["withdrawn"])) == (1, 1)
    assert f"({effect['names']['withdrawn'][0]['id']})" in muster("source", "plan", "hr", moved, "--names")[1]
    assert len(json.loads(muster("show", "FS", "--json")[1])) == 20


def test_a_source_is_set_to_another_kind_after_a_look_and_a_kind_is_given_back_in_one_step(
    hr: Any, tmp_path: Path, sandbox: Sandbox
) -> None:
    muster, write, _people = hr
    assert muster("source", "supply", "organisation", "hr", "--yes")[0] == 0
    assert muster("source", "load", "hr", write("people.csv", ["Schäden/Nacht"] * 20), "--yes")[0] == 0
    (tmp_path / "fs.yaml").write_text(FILE, encoding="utf-8")
    assert muster("apply", str(tmp_path / "fs.yaml"), "--yes")[0] == 0
    assert muster("work", "--once")[0] == 0
    unit = next(one for one in sandbox.api("units").json()["items"] if one["kind"] == "organisation")
    (tmp_path / "map.yaml").write_text(f'"hr:Schäden / Nacht": "{unit["id"]}"\n', encoding="utf-8")
    given_back = ("source", "supply", "organisation", "site", "--map", str(tmp_path / "map.yaml"))
    status, out, err = muster(*given_back)
    assert (status, "1 rows name other targets" in out, "--yes" in err) == (1, True, True)
    assert muster(*given_back, "--yes")[0] == 0
    assert f"organisation: {unit['id']}" in muster("export", "FS")[1]
    assert muster("source", "set", "hr", "--kind", "paper")[0] == 2
    other = ("source", "set", "hr", "--kind", "scim", "--join", "userName=username")
    assert muster(*other)[0] == 0  # it supplies nothing that a row names
    assert muster("source", "list")[1].startswith("hr\tscim\tactive\tuserName=username")
    assert muster("source", "token", "hr")[0] == 0
    assert muster("work", "--once")[0] == 0
    assert muster("doctor", "--deep")[0] == 0


def test_a_directory_and_a_folder_are_wrong_use_of_each_command_that_reads_files(muster: Any, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("id\n1\n", encoding="utf-8")
    assert muster("source", "add", "dir", "--kind", "scim", "--join", "userName=username")[0] == 0
    assert muster("source", "add", "hr", "--kind", "csv")[0] == 0
    assert muster("source", "add", "other", "--kind", "webhook")[0] == 0
    for command in ("plan", "load"):
        for name, file in (("dir", people), ("hr", tmp_path), ("other", people), ("hr", tmp_path / "none.csv")):
            assert (command, name, muster("source", command, name, str(file))[0]) == (command, name, 2)
        assert muster("source", command, "hr")[0] == 2
        assert muster("source", command, "other")[0] == 2  # there is no address
    assert muster("source", "plan", "dir")[0] == 2
    assert muster("source", "load", "dir")[0] == 0  # nobody is held
    assert muster("source", "load", "dir", "--yes")[0] == 1
    mapping = tmp_path / "mapping.yaml"
    for document in ("columns: [id]", "shoes: 1", "a: [1"):
        mapping.write_text(document, encoding="utf-8")
        assert muster("source", "set", "hr", "--mapping", str(mapping))[0] == 2
        assert muster("source", "add", "x", "--kind", "csv", "--mapping", str(mapping))[0] == 2
    for wrong in (("set", "nobody", "--join", "id=number"), ("set", "hr", "--mapping", str(tmp_path)), ("pause", "nobody"),
                  ("resume", "nobody"), ("show", "nobody"), ("match", "nobody"), ("pin", "hr", "1", "--person", "x"),
                  ("unpin", "hr", "1"), ("token", "nobody"), ("token", "dir", "--until", "soon"), ("undo", "nobody"),
                  ("remove", "nobody"), ("rename", "nobody"), ("supply", "organisation"), ("supply", "organisation", "nobody"),
                  ("what-if", "hr:X", "--top")):  # fmt: skip
        status, out, err = muster("source", *wrong)
        assert (wrong, status, out, "Traceback" in err) == (wrong, 2, "", False)


def test_reports_end_with_the_status_of_their_refusal_and_print_nothing_else(muster: Any, tmp_path: Path) -> None:
    for wrong in (("nothing",), ("learners", "--columns", "shoe"), ("learners", "--where", "shoe=1"), ("learners", "--where", "x"),
                  ("learners", "--sort", "shoe"), ("learners", "--as-of", "2099-01-01"), ("learners", "--as-of", "soon"),
                  ("courses", "--as-of", "2026-01-01"), ("learners", "--where", "due.between=2026-02-01..2026-01-01"),
                  ("learners", "--out", str(tmp_path)), ("learners", "--out", str(tmp_path / "none" / "x.csv")),
                  ("learners", "--out", str(tmp_path / "x.doc")), ("overview", "--where", "by=shoe")):  # fmt: skip
        status, out, err = muster("report", *wrong)
        assert (wrong, status, out, "Traceback" in err, bool(err)) == (wrong, 2, "", False, True)
    assert not list(tmp_path.glob("x*"))
    assert muster("report", "learners", "--format", "csv")[0] == 0
