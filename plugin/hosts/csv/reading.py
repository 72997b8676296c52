"""Rows of a file as plain values: dates decided over the whole column, words understood, what cannot be used refused."""

from __future__ import annotations

import csv
import unicodedata
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from plugin.hosts.csv import dates
from plugin.hosts.csv.archives import File
from plugin.hosts.csv.file_faults import RowRefused, Unreadable
from plugin.hosts.csv.lines import values_of
from plugin.hosts.csv.mapping import FileMapping
from plugin.hosts.csv.table import LONGEST_CELL, Table, open_table
from plugin.hosts.csv.yes_no_words import is_yes

DATES = ("start", "end", "position_since")
GENERATED = "generated"
"""The column that says when the file was made; in every kind of file."""
_OF_SHEETS = "yyyy-mm-dd"
"""How a date that a spreadsheet keeps as one comes to us."""
_LONGEST = 255
_ERRORS = frozenset((
    "#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#NV", "#BEZUG!",
    "#WERT!", "#ZAHL!", "#VALEUR!", "#NOM?", "#NOMBRE?", "#NUL!", "#N/D", "#¡REF!", "#¡VALOR!", "#¿NOMBRE?",
    "#¡DIV/0!", "#¡NULO!", "#¡NUM!",
))  # fmt: skip
"""What a spreadsheet shows where a formula failed, in the languages of our headings; it is nobody's name, manager or unit."""
_OURS = ("id", "first_name", "last_name", "name", "email", "organisation", "position", "manager", "job")


@dataclass(frozen=True)
class FileRow:
    """One row that can be used: its line, our columns, and what is kept besides."""

    line: int
    values: Mapping[str, str]
    kept: Mapping[str, str] = field(default_factory=dict)
    active: bool = True

    def get(self, name: str) -> str:
        """A column; empty where the file has none."""
        return self.values.get(name, "")


@dataclass
class ReadFile:
    """A file that was read.

    :ivar marks: by line, what tells an unchanged row again; ``fresh``: of the rows that were read.
    :ivar skipped: how many rows were the same as before.
    :ivar ended: whether the last line ended. :ivar generated: the date the file says it is of.
    """

    table: Table
    rows: list[FileRow] = field(default_factory=list)
    refused: list[RowRefused] = field(default_factory=list)
    count: int = 0
    skipped: int = 0
    marks: Sequence[int] | NDArray[np.uint64] = field(default_factory=list)
    fresh: list[int] = field(default_factory=list)
    formats: dict[str, str] = field(default_factory=dict)
    ended: bool = True
    generated: str = ""

    @property
    def file(self) -> File:
        """The file itself."""
        return self.table.file


def mark_of(row: Sequence[str]) -> int:
    """A number of 64 bits that tells one row from another."""
    text = "\x1f".join(row).encode("utf-8", "surrogatepass")
    return zlib.crc32(text) << 32 | zlib.adler32(text)


def read(
    file: File, mapping: FileMapping, key_field: str, known: Collection[int] = frozenset(),
    formats: Mapping[str, str] | None = None,
) -> ReadFile:  # fmt: skip
    """Read a file of any kind.

    :param known: marks of rows that need no second look, read before under the same headings and ``formats``.
    :raises Unreadable: for a file that cannot be read at all, or dates that can be read in two ways.
    """
    table = open_table(
        file, columns=mapping.columns, encoding=mapping.encoding, key_field=key_field, keep=mapping.needed_fields
    )
    reading = ReadFile(table)
    named = (*DATES, GENERATED) if file.kind == "people" else (GENERATED,)
    days = {name: table.columns[name] for name in named if name in table.columns}
    seen: dict[str, set[str]] = {name: set() for name in days}
    raw: list[tuple[int, list[str]]] = []
    marks: list[int] = []
    look = list(days.items())
    for line, row in table.rows():
        mark = mark_of(row)
        marks.append(mark)
        for name, place in look:
            if place < len(row):
                seen[name].add(row[place])
        if mark not in known:
            raw.append((line, row))
            reading.fresh.append(mark)
    reading.marks = marks
    reading.count, reading.skipped = len(marks), len(marks) - len(raw)
    reading.formats = _formats(table, mapping, seen)
    made_on = reading.formats.pop(GENERATED, "")
    said = [dates.read_time(text.strip(), made_on) for text in seen.get(GENERATED, ()) if text.strip()]
    if known and formats is not None and dict(formats) != reading.formats:
        return read(file, mapping, key_field)  # what was the same is read otherwise now
    make = _Maker(table, mapping, key_field, reading.formats)
    for line, row in raw:
        made = make.row(line, row)
        if isinstance(made, FileRow):
            reading.rows.append(made)
        else:
            reading.refused.append(made)
    reading.ended = file.rows is not None or file.data.rstrip(b"\x00").endswith((b"\n", b"\r"))
    reading.generated = max(said, default="") or file.day
    return reading


def read_lines(
    table: Table, mapping: FileMapping, key_field: str, lines: Sequence[bytes], marks: NDArray[np.uint64],
    fresh: NDArray[np.bool_], formats: Mapping[str, str],
) -> ReadFile | None:  # fmt: skip
    """Read some lines of a file of people: those that are ``fresh``; the others were read before under the same headings.

    :param lines: see :func:`plugin.hosts.csv.lines.plain_lines`; ``marks``: of each.
    :param formats: of dates, by which the others were read.
    :returns: ``None`` where that cannot be, because a column of dates is read otherwise now.
    :raises Unreadable: for dates that can be read in two ways.
    """
    days = {name: table.columns[name] for name in DATES if name in table.columns}
    seen = values_of(table, lines, days)
    if _formats(table, mapping, seen) != dict(formats):
        return None
    reading = ReadFile(table, formats=dict(formats), generated=table.file.day)
    at = np.flatnonzero(fresh).tolist()
    texts = (lines[place].decode(table.encoding, "replace") + "\n" for place in at)
    make = _Maker(table, mapping, key_field, reading.formats)
    kept = ~fresh
    for place, row in zip(at, csv.reader(texts, delimiter=table.separator), strict=True):
        if not any(cell.strip() for cell in row):
            continue
        made = make.row(table.first + 1 + place, row)
        kept[place] = isinstance(made, FileRow)
        if isinstance(made, FileRow):
            reading.rows.append(made)
            reading.fresh.append(int(marks[place]))
        else:
            reading.refused.append(made)
    reading.marks = marks[kept]
    reading.count = len(reading.marks) + len(reading.refused)
    reading.skipped = len(reading.marks) - len(reading.rows)
    reading.ended = table.file.data.rstrip(b"\x00").endswith((b"\n", b"\r"))
    return reading


def _formats(table: Table, mapping: FileMapping, seen: Mapping[str, set[str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, values in seen.items():
        heading = table.headings[table.columns[name]].strip()
        declared = mapping.dates.get(name) or mapping.dates.get(heading) or mapping.dates.get("")
        try:
            form = declared or dates.decide(_written(table, values))
        except dates.Ambiguous as error:
            raise Unreadable(
                f"{table.file.name}, line {table.first}, column '{heading}': the dates can be read in two ways: {error.why}."
                " Declare the format in the mapping, dates."
            ) from None
        found[name] = form or "yyyy-mm-dd"
    return found


def _written(table: Table, values: Set[str]) -> set[str]:
    """The values that tell how dates are written in a column. A spreadsheet's own dates are understood beside any of them."""
    texts = {value.strip() for value in values}
    typed = (
        {text for text in texts if dates.read_day(text, _OF_SHEETS) is None} if table.file.rows is not None else set()
    )
    return typed or texts


def _value(cell: str) -> str:
    """What a cell says: trimmed, in one Unicode form, so that an id means the same record wherever it is written."""
    text = cell.strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


class _Maker:
    """Makes rows of one table."""

    def __init__(self, table: Table, mapping: FileMapping, key_field: str, formats: Mapping[str, str]) -> None:
        self._table, self._mapping, self._formats = table, mapping, formats
        self._kind, self._width = table.file.kind, len(table.headings)
        self._places = dict(table.columns)
        by_heading = {heading.casefold(): place for heading, place in table.others.items()}
        by_heading.update({table.headings[place].strip().casefold(): place for place in table.columns.values()})
        self._kept = {
            name: by_heading[name.strip().casefold()] for name in mapping.keep if name.strip().casefold() in by_heading
        }
        self._identify: Callable[[Sequence[str]], str] = self._id
        self._words = mapping.words.get("active", {})

    def _id(self, row: Sequence[str]) -> str:
        place = self._places.get("id", self._places.get("audience", 0))
        return _value(row[place]) if place < len(row) else ""

    def row(self, line: int, row: Sequence[str]) -> FileRow | RowRefused:
        """A row, or why it cannot be used."""
        who = self._id(row)[:_LONGEST]
        fault = self._fault(row)
        if fault is not None:
            return RowRefused(line, *fault, id=who)
        values = {
            name: value for name, place in self._places.items() if place < len(row) and (value := _value(row[place]))
        }
        active = True
        if self._kind == "people":
            fault, active = self._people(values)
        elif self._kind == "audiences" and not values.get("person") and values.get("action", "").casefold() != "remove":
            fault = None
        if fault is not None:
            return RowRefused(line, *fault, id=who)
        kept = {name: value for name, place in self._kept.items() if place < len(row) and (value := _value(row[place]))}
        fault = self._error(values, self._places) or self._error(kept, self._kept)
        return FileRow(line, values, kept, active) if fault is None else RowRefused(line, *fault, id=who)

    def _error(self, values: Mapping[str, str], places: Mapping[str, int]) -> tuple[str, str] | None:
        for name, value in values.items():
            if value[0] == "#" and value.upper() in _ERRORS:
                return self._heading(places[name]), f"the cell holds an error of the spreadsheet, {value}"
        return None

    def _fault(self, row: Sequence[str]) -> tuple[str, str] | None:
        for place, cell in enumerate(row):
            if len(cell) > LONGEST_CELL:
                return self._heading(place), f"the cell has {len(cell)} letters; a quote may never have been closed"
            if "\x00" in cell:
                return self._heading(place), "the cell holds a NUL byte"
            if place >= self._width and cell.strip():
                return str(place + 1), "the row is longer than the headings"
        place = self._places.get("id", self._places.get("audience", 0))
        own = row[place].strip() if place < len(row) else ""
        if not own:
            return self._heading(place), "the row has no id"
        if len(own) > _LONGEST or not own.isprintable():
            return self._heading(place), "the id is too long, or holds a character that cannot be used"
        return None

    def _heading(self, place: int) -> str:
        return self._table.headings[place].strip() if place < self._width else str(place + 1)

    def _dates(self, values: dict[str, str]) -> tuple[str, str] | None:
        for name, form in self._formats.items():
            text = values.get(name, "")
            if not text or dates.is_none(text):
                values.pop(name, None)
                continue
            day = dates.read_day(text, form, ends=name == "end")
            if day is None and self._table.file.rows is not None:
                day = dates.read_day(text, _OF_SHEETS)
            if day is None:
                return self._heading(self._places[name]), f"'{text}' is no date like {form}"
            if day == dates.NO_END:
                if name != "end":
                    return self._heading(self._places[name]), f"'{text}' is too far away"
                values.pop(name)
                continue
            values[name] = day
        return None

    def _people(self, values: dict[str, str]) -> tuple[tuple[str, str] | None, bool]:
        """Understand the dates and words of a person's row; ``values`` is changed in place."""
        fault = self._dates(values)
        if fault is not None:
            return fault, True
        start, end = values.get("start"), values.get("end")
        if start and end and end < start:
            return (self._heading(self._places["end"]), f"it ends on {end}, before it starts on {start}"), True
        word = values.get("active", "")
        active = True if not word else is_yes(word, self._words)
        if active is None:
            heading = self._heading(self._places["active"])
            return (heading, f"'{word}' is neither yes nor no; say in the mapping, words, what it means"), True
        for name in _OURS:
            if len(values.get(name, "")) > _LONGEST and name not in ("organisation", "position"):
                return (self._heading(self._places[name]), "the text is too long"), True
        return None, active
