"""XLSX: typed cells, a frozen heading, filters and widths; leaving row by row, so that any length begins at once.

XlsxWriter makes the workbook around the rows (styles, headings, filters, the list of sheets); the rows go straight into
the archive, which needs no file on the way.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.utility import xl_col_to_name

from plugin.core.database.slices import slices
from plugin.reports.columns import FLAG, INSTANT, LOCAL, NUMBER, PERCENT, Column, Row
from plugin.reports.files.text import clean
from plugin.reports.values import plain

ROWS = 1_048_575
"""Of one sheet, under its heading."""
_LARGEST = 3 * 2**30
"""Bytes of one sheet: an entry of four gigabytes would need another form of archive."""
_AT_ONCE = 500
"""Rows that are written together."""
_LONGEST = 32_767
_EARLIEST, _LATEST = -2_203_891_200, 253_402_300_799
"""1900-03-01, since when spreadsheets count days as everybody does, and the end of 9999."""
_EPOCH = 25_569
"""The day of a spreadsheet that 1970-01-01 is."""
_WIDTHS = {INSTANT: 20, LOCAL: 27, NUMBER: 12, PERCENT: 12, FLAG: 10}
_SPECIAL = re.compile("[&<>\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_x[0-9A-Fa-f]{4}_")
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def book_parts(
    columns: tuple[Column, ...], parts: Iterable[list[Row]], zone: str, title: str, *, rows: int = ROWS
) -> Iterator[bytes]:
    """A workbook, a piece at a time.

    :param rows: of one sheet; another one begins when it is full.
    """
    out = _Out()
    frame = _frame(columns, title, [0, 0])
    heads = [_split(frame[_sheet(number)])[0] for number in (1, 2)]
    written = _Written(columns, heads[0], zone)
    counts: list[int] = []
    waiting = _by(_AT_ONCE, parts)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=2) as book:
        some: list[Row] | None = None  # the file begins before its first rows are read, as CSV does
        while some or not counts:
            with book.open(_entry(_sheet(len(counts) + 1)), "w") as sheet:
                sheet.write(heads[min(len(counts), 1)].encode())
                count, size = 0, 0
                yield out.taken()
                some = next(waiting, []) if some is None else some
                while some and count < rows and size < _LARGEST:
                    here, some = some[: rows - count], some[rows - count :]
                    size += sheet.write(written.rows(here, count + 2))
                    count += len(here)
                    some = some or next(waiting, [])
                    if out.full:
                        yield out.taken()
                counts.append(count)
                sheet.write(_split(_frame(columns, title, counts)[_sheet(len(counts))])[1].encode())
        for name, content in _frame(columns, title, counts).items():
            if not name.startswith("xl/worksheets/"):
                book.writestr(_entry(name), content)
    yield out.taken()


class _Out(io.RawIOBase):
    """Where an archive is written that nobody goes back in."""

    def __init__(self) -> None:
        super().__init__()
        self._held: list[bytes] = []
        self.full = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if data:
            self._held.append(bytes(data))
            self.full = True
        return len(data)

    def taken(self) -> bytes:
        """What was written since."""
        held, self._held, self.full = b"".join(self._held), [], False
        return held


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _sheet(number: int) -> str:
    return f"xl/worksheets/sheet{number}.xml"


def _split(sheet: str) -> tuple[str, str]:
    """What stands before the rows of a sheet, and behind them. Its size is not known before the end."""
    head, end, tail = sheet.partition("</sheetData>")
    return re.sub(r"<dimension [^>]*/>", "", head), end + tail


def _by(many: int, parts: Iterable[list[Row]]) -> Iterator[list[Row]]:
    for part in parts:
        yield from slices(part, many)


def _frame(columns: Sequence[Column], title: str, counts: Sequence[int]) -> dict[str, str]:
    """A workbook of as many sheets with headings alone; its parts by name. :param counts: rows of each."""
    file = io.BytesIO()
    book = Workbook(file, {"in_memory": True, "strings_to_urls": False})
    bold = book.add_format({"bold": True, "bottom": 1})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    for number, count in enumerate(counts, 1):
        sheet = book.add_worksheet(title[:25] if number == 1 else f"{title[:25]} {number}")
        sheet.freeze_panes(1, 0)
        for place, one in enumerate(columns):
            words = clean(f"{one.name} (UTC)" if one.type == INSTANT else one.name)
            width = max(len(words) + 3, _WIDTHS.get(one.type, 24))
            sheet.set_column(place, place, width, moment if one.type == INSTANT else None)
            sheet.write_string(0, place, words, bold)
        sheet.autofilter(0, 0, count, len(columns) - 1)
    book.close()
    with zipfile.ZipFile(file) as made:
        return {name: made.read(name).decode() for name in made.namelist()}


class _Written:
    """Rows as a sheet has them."""

    def __init__(self, columns: Sequence[Column], head: str, zone: str) -> None:
        self.columns, self.zone = columns, zone
        self.letters = [xl_col_to_name(place) for place in range(len(columns))]
        styles = re.findall(r'<col min="(\d+)" max="(\d+)" [^>]*style="(\d+)"', head)
        self.styles = {place - 1: style for low, high, style in styles for place in range(int(low), int(high) + 1)}

    def rows(self, rows: Sequence[Row], first: int) -> bytes:
        """Some rows. :param first: the number of the first."""
        numbers = range(first, first + len(rows))
        cells = [
            self._cells(place, one, [row.get(one.name) for row in rows], numbers)
            for place, one in enumerate(self.columns)
        ]
        lines = (
            f'<row r="{number}">{"".join(row)}</row>'
            for number, row in zip(numbers, zip(*cells, strict=True), strict=True)
        )
        return "".join(lines).encode()

    def _cells(self, place: int, column: Column, values: Sequence[Any], numbers: Iterable[int]) -> list[str]:
        at = f'<c r="{self.letters[place]}'
        write = self._by_type(place, column)
        return ["" if value is None else f"{at}{n}{write(value)}" for n, value in zip(numbers, values, strict=True)]

    def _by_type(self, place: int, column: Column) -> Callable[[Any], str]:
        """What follows the address of a cell."""
        if column.type in (NUMBER, PERCENT):
            return lambda value: f'"><v>{value}</v></c>'
        if column.type == FLAG:
            return lambda value: f'" t="b"><v>{1 if value else 0}</v></c>'
        if column.type == INSTANT:
            style = self.styles.get(place, "0")
            return lambda value: self._moment(column, value, style)
        return lambda value: self._text(column, value)

    def _moment(self, column: Column, value: int, style: str) -> str:
        if not _EARLIEST <= value <= _LATEST:
            return self._text(column, value)
        return f'" s="{style}"><v>{round(value / 86_400 + _EPOCH, 10)!r}</v></c>'

    def _text(self, column: Column, value: Any) -> str:
        told = value if isinstance(value, str) else plain(column, value, self.zone)
        words = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
        words = _SPECIAL.sub(_escaped, words[:_LONGEST])
        kept = ' xml:space="preserve"' if words[:1].isspace() or words[-1:].isspace() or "\n" in words else ""
        return f'" t="inlineStr"><is><t{kept}>{words}</t></is></c>'


def _escaped(found: re.Match[str]) -> str:
    """A letter that XML or a spreadsheet reads otherwise."""
    letter = found[0]
    if letter in _NAMED:
        return _NAMED[letter]
    if len(letter) > 1:
        return f"_x005F{letter}"
    return "?" if "\ud800" <= letter <= "\udfff" else f"_x{ord(letter):04X}_"
