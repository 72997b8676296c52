"""``muster report``: rows on standard output, files that are whole, refusals in a sentence."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.in_turn import in_turn

FILE = """
version: 1
certifications:
  - code: FS2
    name: Food Safety
    state: live
    content: {certification: [{name: Core, courses: [c1], needs: all}], recertification: [{name: A, courses: [c2], needs: all}]}
    period: {active: 1 year, window: 1 month, minimum_active: 6 months, expiry_from: completion}
    assignments:
      - {individual: %s, due: {fixed: 2027-03-31}}
      - {individual: %s}
"""


@pytest.fixture
def people(muster: Any, sandbox: Any, db: Any, tmp_path: Path) -> list[str]:
    """Two learners of a certification, settled."""
    from sqlalchemy import select

    from plugin.mirror.tables import Course, Person

    with db.read() as session:
        found = list(session.scalars(select(Person.ext).where(Person.state == 0).order_by(Person.ext).limit(2)))
        courses = list(session.scalars(select(Course.ext).order_by(Course.ext).limit(2)))
    path = tmp_path / "file.yaml"
    text = FILE.replace("[c1]", f"[{courses[0]}]").replace("[c2]", f"[{courses[1]}]")
    path.write_text(text % (found[0], found[1]))
    assert muster("apply", str(path), "--yes")[0] == 0
    assert muster("work", "--once")[0] == 0
    return found


def test_a_report_prints_its_rows_in_every_format(muster: Any, people: list[str], tmp_path: Path) -> None:
    status, out, err = muster("report", "learners", "--where", "certification=FS2", "--format", "jsonl")
    assert (status, err) == (0, "")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["person"] for row in rows] == people
    assert rows[0]["due"] == "2027-03-31T22:59:00Z" or rows[0]["due"].startswith("2027-03-31T")
    assert rows[1]["due"] is None
    status, out, _err = muster(
        "report", "learners", "--columns", "person,due,assignment_types", "--sort", "-due", "--format", "csv"
    )
    assert status == 0
    assert out.startswith("\ufeffperson,due,assignment_types\r\n")
    table = list(csv.DictReader(io.StringIO(out.lstrip("\ufeff"))))
    assert [row["person"] for row in table] == people
    assert {row["assignment_types"] for row in table} == {"individual"}
    status, out, _err = muster("report", "membership", "--where", f"assignment=individual:{people[0]}")
    assert status == 0
    assert len(out.splitlines()) == 2
    path = tmp_path / "out.xlsx"
    assert muster("report", "overview", "--out", str(path)) == (0, "", "")
    assert path.read_bytes()[:2] == b"PK"
    assert [one.name for one in tmp_path.glob(".out*")] == []


@in_turn(
    ("arguments", "words"),
    [
        (("lerners",), "There is no source 'lerners'. Nearest: learners"),
        (("learners", "--columns", "persn"), "There is no column 'persn'. Nearest: person"),
        (("learners", "--where", "stat=x"), "There is no filter 'stat'. Nearest: state"),
        (("learners", "--where", "state=assignd"), "There is no state 'assignd'. Nearest: assigned"),
        (("learners", "--where", "certification=FS3"), "There is no certification 'FS3'. Nearest: FS2"),
        (("learners", "--where", "due.between=2027-03-31..2027-01-01"), "ends before it begins"),
        (("learners", "--where", "organisation=NOWHERE"), "There is no organisation 'NOWHERE'. Nearest: "),
        (("learners", "--where", "name.before=x"), "is no date and no number"),
        (("learners", "--sort", "-nothing"), "There is no column 'nothing'."),
        (("learners", "--where", "overdue=yes"), "true or false"),
        (("history", "--as-of", "2026-01-01"), "cannot be asked as of a day"),
        (("learners", "--where", "nothing"), "is no filter such as"),
    ],
)
def test_what_is_not_known_is_refused_in_a_sentence(
    muster: Any, people: list[str], arguments: tuple[str, ...], words: str
) -> None:
    status, out, err = muster("report", *arguments)
    assert (status, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_exports_stand_in_the_history_with_their_rows(muster: Any, people: list[str]) -> None:
    assert muster("report", "learners", "--format", "csv")[0] == 0
    _status, out, _err = muster("report", "history", "--where", "what=export_finished", "--format", "jsonl")
    [row] = [json.loads(line) for line in out.splitlines()]
    assert (row["count"], row["reason"]) == (2, "learners")
    assert row["who"].startswith("server shell (")
    _status, out, _err = muster(
        "report", "history", "--columns", "what,person", "--where", "what=enrolled", "--format", "jsonl"
    )
    assert [json.loads(line)["person"] for line in out.splitlines()] == people
