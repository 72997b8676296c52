"""Files as programs read them: formulas, line breaks, odd letters, more rows than a sheet has."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.reports.columns import FLAG, INSTANT, NUMBER, TEXT, Column
from plugin.reports.files.sheet import book_parts
from plugin.reports.files.text import csv_parts, defused, jsonl_parts

COLUMNS = (Column("name", TEXT), Column("count", NUMBER), Column("due", INSTANT), Column("active", FLAG))
ROW = {"name": "ann", "count": -3, "due": 1_795_000_000, "active": 1}


def csv_of(*names: str) -> list[list[str]]:
    rows = [{**ROW, "name": name} for name in names]
    data = b"".join(csv_parts(COLUMNS, [rows], "UTC"))
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("name", ["=1+1", " =1+1", "\t=1", "\u00a0@x", "+4", "-2", "\n=x", "＝1", " \u200b=1"])
def test_no_cell_is_a_formula(name: str) -> None:
    assert csv_of(name)[1][0] == f"'{name}"


def test_numbers_stay_numbers_and_times_are_of_the_world() -> None:
    assert csv_of("ann")[1] == ["ann", "-3", "2026-11-18T11:06:40Z", "true"]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_name_comes_back_as_it_was(name: str) -> None:
    assert csv_of(name)[1][0] == defused(name)
    assert json.loads(b"".join(jsonl_parts(COLUMNS, [[{**ROW, "name": name}]], "UTC")))["name"] == name


def test_half_a_surrogate_harms_no_row() -> None:
    assert csv_of("a\ud800b", "ann")[2][0] == "ann"
    assert csv_of("a\ud800b")[1][0] == "a?b"


def sheets(rows: list[dict[str, object]], most: int = 1_048_575, columns: tuple[Column, ...] = COLUMNS) -> list[str]:
    """The sheets of a workbook, each of which is a document; every part of it is whole."""
    pieces = list(book_parts(columns, [rows], "UTC", "learners", rows=most))
    assert all(pieces)
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as book:
        assert book.testzip() is None
        for name in book.namelist():
            ElementTree.fromstring(book.read(name))
        listed = re.findall(r'<sheet name="([^"]+)"', book.read("xl/workbook.xml").decode())
        assert listed == ["learners", *(f"learners {number}" for number in range(2, len(listed) + 1))]
        return [book.read(f"xl/worksheets/sheet{number}.xml").decode() for number in range(1, len(listed) + 1)]


def test_a_sheet_that_is_full_is_followed_by_another() -> None:
    found = sheets([ROW] * 7, 3)
    assert [len(re.findall("<row ", text)) for text in found] == [4, 4, 2]
    assert [re.findall('autoFilter ref="([^"]+)"', text) for text in found] == [["A1:D4"], ["A1:D4"], ["A1:D2"]]
    first = found[0]
    assert 'state="frozen"' in first
    assert '<c r="B2"><v>-3</v></c>' in first  # a number, not text
    assert '<c r="D2" t="b"><v>1</v></c>' in first
    [style] = re.findall(r'<col min="3" max="3" [^>]*style="(\d+)"', first)
    [day] = re.findall(rf'<c r="C2" s="{style}"><v>([0-9.]+)</v></c>', first)
    assert round((float(day) - 25_569) * 86_400) == ROW["due"]


@pytest.mark.parametrize("count", [0, 3, 4])
def test_a_sheet_is_begun_only_for_rows(count: int) -> None:
    assert [len(re.findall("<row ", text)) for text in sheets([ROW] * count, 3)] == {0: [1], 3: [4], 4: [4, 2]}[count]


def test_a_spreadsheet_begins_before_its_first_rows_are_read() -> None:
    read = []

    def parts() -> Iterator[list[dict[str, object]]]:
        read.append(True)
        yield [ROW]

    whole = book_parts(COLUMNS, parts(), "UTC", "learners")
    assert next(whole).startswith(b"PK")
    assert read == []
    assert b"".join(whole)
    assert read == [True]


def test_odd_letters_make_no_broken_spreadsheet() -> None:
    names = ["=1+1", "a\ud800", "\x01\x1f", "x" * 40_000, "a\nb", "http://x", "_x0041_", " <b>&", "a\r\nb", "\uffff"]
    columns = (*COLUMNS, Column("fields.a\ud800\x01", TEXT))
    [text] = sheets([{**ROW, "name": name} for name in names], columns=columns)
    assert "<f>" not in text
    cells = re.findall(r'<c r="A\d+" t="inlineStr"><is><t[^>]*>([^<]*)</t>', text)
    assert cells == ["=1+1", "a?", "_x0001__x001F_", "x" * 32_767, "a\nb", "http://x", "_x005F_x0041_",
                     " &lt;b&gt;&amp;", "a_x000D_\nb", "_xFFFF_"]  # fmt: skip


@pytest.mark.long
def test_one_row_more_than_a_sheet_holds_goes_into_a_second_sheet() -> None:
    columns = COLUMNS[1:2]
    parts = ([{"count": 1}] * 1_000 if at else [{"count": 1}] * 576 for at in range(1_049))
    with zipfile.ZipFile(io.BytesIO(b"".join(book_parts(columns, parts, "UTC", "learners")))) as book:
        ends = [book.read(f"xl/worksheets/sheet{number}.xml")[-400:].decode() for number in (1, 2)]
    assert [re.findall('<row r="([0-9]+)"', text)[-1] for text in ends] == ["1048576", "2"]


def test_a_full_disk_leaves_no_half_a_file(tmp_path: Path) -> None:
    """The system refuses to write more than so much into one file, as it does when there is no room."""
    out = tmp_path / "x.csv"
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom plugin.cli.report import _write\n"
        "from plugin.core.errors import Unavailable\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try:\n    _write([b'x' * 6_000] * 3, Path(sys.argv[1]))\nexcept Unavailable as error:\n    print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(out)], capture_output=True, text=True, check=True)
    assert ran.stdout == f"{out} cannot be written: File too large.\n"
    assert list(tmp_path.iterdir()) == []
