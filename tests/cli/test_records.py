"""Imported records by command: the dry run, the real one, every refusal, and the way back (rules 7.6)."""

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
    period: {{active: 1 year, window: 1 month, expiry_from: completion}}
    content:
      certification: [{{name: Core, courses: [c1]}}]
      recertification: [{{name: Again, courses: [c2]}}]
    assignments: [{{individual: {first}}}]
"""


@pytest.fixture
def people(sandbox: Sandbox) -> list[str]:
    return sorted(one["id"] for one in sandbox.get("people?unit=ORG-1&below=1") if one["state"] == "active")[:3]


def test_a_file_looked_at_brought_along_and_taken_back(
    muster: Any, people: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSTER_NOW", "2026-11-18T11:00:00Z")
    path, csv = tmp_path / "file.yaml", tmp_path / "records.csv"
    path.write_text(FILE.format(first=people[0]))
    assert muster("apply", str(path), "--yes")[0] == 0
    csv.write_bytes(
        f"\ufeffperson;since;until\r\n{people[0]};01.06.2026;01.06.2027\r\n{people[1]};2024-01-01;2025-01-01\r\n"
        "nobody;2026-01-01;\r\n".encode()
    )
    status, out, _err = muster("import-records", "FS2", str(csv), "--json")
    assert status == 0
    found = json.loads(out)
    assert (found["counts"], found["brought"]) == ({"found": 1, "expires": 1, "missing": 1}, None)
    first = found["lines"][0]
    assert (first["person"], first["state"]) == (people[0], "certified")
    assert "1 missing." in muster("import-records", "FS2", str(csv))[1]
    status, _out, err = muster("import-records", "FS2", str(csv), "--yes")
    assert status == 1
    assert "1 of 3 lines cannot be imported" in err
    status, out, err = muster("import-records", "FS2", str(csv), "--yes", "--skip-wrong", "--skip-expired")
    assert (status, out) == (0, "1 records imported.\n")
    assert muster("work", "--once")[0] == 0
    (row,) = json.loads(muster("show", "FS2", "--json")[1])
    assert (row["state"], row["expires"]) == ("certified", first["expires"])
    (entry,) = [one for one in json.loads(muster("history", "FS2", "--json")[1]) if one["what"] == "records_brought"]
    assert "\trecords_brought\t1\t" in muster("history", "FS2")[1]
    assert muster("undo", str(entry["n"]))[0] == 1
    assert muster("undo", str(entry["n"]), "--yes")[1] == "1 records taken back; 0 stay for what came since.\n"
    muster("work", "--once")
    assert json.loads(muster("show", "FS2", "--json")[1])[0]["state"] == "assigned"


def test_wrong_use_says_so(muster: Any, tmp_path: Path) -> None:
    csv = tmp_path / "records.csv"
    assert muster("import-records", "FS2", str(csv))[0] == 2
    csv.write_bytes(b"PK\x03\x04 a workbook")
    assert muster("import-records", "FS2", str(csv))[0] == 2
    csv.write_text("person,since\nann,2026-01-01\n")
    status, _out, err = muster("import-records", "FS2", str(csv))
    assert status == 1
    assert "FS2" in err
    assert muster("import-records", "FS2", str(csv), "--dates", "sideways")[0] == 2
