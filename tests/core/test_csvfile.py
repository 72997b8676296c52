"""Files and lists with every kind of dirt: no line swallows another, whatever is in it."""

from __future__ import annotations

import pytest

from plugin.core.text.table_files import read_rows, written

MOST = 50_000


def cells(text: str) -> list[str]:
    return [row[0] for _number, row in read_rows(text, MOST)]


@pytest.mark.parametrize(
    "text",
    [
        'ann\n"bea\ncid\ndov\n',
        'ann;"x\nbea;y\ncid;"z\ndov\n',
        'ann\nbea\ncid,"' + "x" * 200_000 + "\ndov\n",
        '"ann"\n"bea"s\ncid\ndov',
    ],
    ids=["first column", "another column", "longer than a cell may be", "text after the mark"],
)
def test_a_quotation_mark_left_open_swallows_no_other_line(text: str) -> None:
    found = cells(text)
    assert len(found) == 4
    assert (found[0], found[3]) == ("ann", "dov")


@pytest.mark.parametrize(
    "text", ["sep=;\nann;x,y\nbea;z\n", "sep=,\nann,x;y\nbea,z\n", "ann\tx\nbea\ty", "ann\n\nbea,b"]
)
def test_cells_are_parted_by_what_the_file_declares_or_holds_most(text: str) -> None:
    assert cells(text) == ["ann", "bea"]


def test_lines_are_numbered_as_an_editor_numbers_them() -> None:
    assert [number for number, _cells in read_rows('\nann\r\rbea\r\n"cid\nx"\ndov', MOST)] == [2, 4, 6, 7]


def test_what_a_spreadsheet_would_reckon_is_quoted_and_comes_back_as_text() -> None:
    line = written(["=1+1", "+1", "-1", "@x", "a,b", "plain"])
    assert line == "'=1+1,'+1,'-1,'@x,\"a,b\",plain\r\n"
    assert read_rows(line, MOST) == [(1, ["=1+1", "+1", "-1", "@x", "a,b", "plain"])]
