"""A file as rows under headings: separator, title lines and columns found, each row with the number of its line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from plugin.hosts.csv.archives import File
from plugin.hosts.csv.decoding import encoding_of, lines_of
from plugin.hosts.csv.file_faults import Unreadable
from plugin.hosts.csv.headings import NEEDED, OF_KIND, OF_PEOPLE, folded, known_headings

SEPARATORS = (",", ";", "\t", "|")
NAMED = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_SAMPLE = 40
"""Lines looked at to find the separator and the headings."""
LONGEST_HEADING = 200
LONGEST_CELL = 100_000
"""Letters of a cell; more is no name, id or date, and most often a quote that was never closed."""

csv.field_size_limit(1 << 28)  # of the process; a cell that long is refused by us, with its line


@dataclass
class Table:
    """A file's headings and where each of our columns stands.

    :ivar columns: by our name the position. :ivar others: by heading the position of what nobody knows.
    :ivar notes: what was recognised, for the report.
    """

    file: File
    headings: list[str]
    columns: dict[str, int]
    others: dict[str, int]
    notes: list[str] = field(default_factory=list)
    encoding: str = ""
    separator: str = ","
    first: int = 1
    """The line of the headings."""

    def absent(self, keep: Sequence[str] = ()) -> frozenset[str]:
        """Our columns that the file has not; of what is to be kept besides, as ``fields.NAME``."""
        present = {heading.strip().casefold() for heading in self.headings}
        others = {f"fields.{name}" for name in keep if name.strip().casefold() not in present}
        return frozenset(others | {name for name in OF_KIND[self.file.kind] if name not in self.columns})

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Rows below the headings that are not empty, with the line each begins at."""
        for line, row in _rows(self.file, self.encoding, self.separator):
            if line > self.first and any(row) and not all(not cell.strip() for cell in row):
                yield line, row


def _rows(file: File, encoding: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    if file.rows is not None:
        for number, cells in enumerate(file.rows, 1):
            yield number, list(cells)
        return
    record: list[str] = []
    reader = csv.reader(_kept(lines_of(file.name, file.data, encoding), record), delimiter=separator)
    line = 1
    try:
        for row in reader:
            yield line, row
            line = reader.line_num + 1
            if len(record) > 1 and _is_open(record, separator):
                raise Unreadable(f"{file.name}, line {line - len(record)}: a quote is opened and never closed.")
            record.clear()
    except csv.Error as error:
        raise Unreadable(f"{file.name}, line {line}: {error}.") from None


def _kept(lines: Iterator[str], record: list[str]) -> Iterator[str]:
    for line in lines:
        record.append(line)
        yield line


def _is_open(record: Sequence[str], separator: str) -> bool:
    """Whether a row of several lines only ended because the file did."""
    try:
        list(csv.reader(record, delimiter=separator, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def open_table(
    file: File, *, columns: Mapping[str, str] | None = None, encoding: str = "", key_field: str = "", keep: Sequence[str] = ()
) -> Table:  # fmt: skip
    """Find out how a file is written and what its columns are.

    :param columns: of the mapping: by our name the heading. :param encoding: as declared.
    :param key_field: the field that joins, which may be a heading of its own. :param keep: headings that have to be there.
    :raises Unreadable: naming the line and the column of what is wrong.
    """
    own = (*OF_KIND[file.kind], *((key_field,) if file.kind == "people" else ()))
    named = {ours: theirs for ours, theirs in (columns or {}).items() if ours in own}
    wanted = {folded(theirs): ours for ours, theirs in named.items()}
    known = {**known_headings(file.kind), **wanted}
    if key_field and file.kind == "people":
        known.setdefault(folded(key_field), key_field)
    codec, called, separator = "", "", ","
    if file.rows is not None:
        first, headings = _best_row([(n, list(row)) for n, row in enumerate(file.rows[:_SAMPLE], 1)], known)
    else:
        codec, called = encoding_of(file.data, encoding)
        separator, first, headings = _best_separator(file, codec, known)
    while headings and not headings[-1].strip():
        headings.pop()
    if not headings:
        raise Unreadable(f"{file.name} has no headings.")
    notes = [f"read as {called}"] if called and called != "UTF-8" and not encoding else []
    if separator != ",":
        notes.append(f"separated by {NAMED[separator]}s")
    present = {folded(heading) for heading in headings}
    wanted = {theirs: ours for theirs, ours in wanted.items() if theirs in present}
    ours, others = _columns(file, headings, known, wanted, first)
    table = Table(file, headings, ours, others, notes, codec, separator, first)
    _check_needed(table, {ours: theirs for ours, theirs in named.items() if folded(theirs) not in present}, keep)
    return table


def _best_separator(file: File, codec: str, known: Mapping[str, str]) -> tuple[str, int, list[str]]:
    best: tuple[tuple[int, int, int], str, int, list[str]] | None = None
    for place, separator in enumerate(SEPARATORS):
        sample: list[tuple[int, list[str]]] = []
        for line, row in _rows(file, codec, separator):
            sample.append((line, row))
            if len(sample) >= _SAMPLE:
                break
        first, headings = _best_row(sample, known)
        score = (_score(headings, known), len(headings), -place)
        if best is None or score > best[0]:
            best = (score, separator, first, headings)
    assert best is not None
    return best[1:]


def _best_row(sample: Sequence[tuple[int, list[str]]], known: Mapping[str, str]) -> tuple[int, list[str]]:
    """The row of the headings: the one with most names we know; lines above it are a title."""
    rows = [(line, row) for line, row in sample if any(cell.strip() for cell in row)]
    if not rows:
        return 1, []
    best = max(rows[:15], key=lambda one: (_score(one[1], known), -one[0]))
    return best if _score(best[1], known) else rows[0]


def _score(row: Sequence[str], known: Mapping[str, str]) -> int:
    return len({known[folded(cell)] for cell in row if len(cell) < LONGEST_HEADING and folded(cell) in known})


def _columns(
    file: File, headings: Sequence[str], known: Mapping[str, str], wanted: Mapping[str, str], line: int
) -> tuple[dict[str, int], dict[str, int]]:
    """Where our columns stand: as mapped, else by our own names, else by what others call them; the first of them."""
    seen: dict[str, int] = {}
    for place, heading in enumerate(headings):
        name = folded(heading)
        if name and name in seen:
            raise Unreadable(
                f"{file.name}, line {line}, column {place + 1}: the heading '{heading.strip()}' stands twice."
            )
        seen.setdefault(name, place)
    ours: dict[str, int] = {}
    for take in (lambda name: name in wanted, lambda name: name == folded(known.get(name, "")), lambda _name: True):
        for name, place in seen.items():
            column = known.get(name)
            if column is not None and column not in ours and take(name) and place not in ours.values():
                if column in wanted.values() and name not in wanted:
                    continue
                ours[column] = place
    taken = set(ours.values())
    others = {headings[place].strip(): place for name, place in seen.items() if name and place not in taken}
    return ours, others


def _check_needed(table: Table, absent: Mapping[str, str], keep: Sequence[str]) -> None:
    """Refuse a file without a column that is needed, or that the mapping names for people alone, or ``keep``s: it was called
    otherwise, and everybody would lose what it says. What the mapping names may stand in one of the other files.
    """
    where = f"{table.file.name}, line {table.first}"
    for ours, theirs in absent.items():
        if table.file.kind == "people" and (ours in NEEDED["people"] or ours in OF_PEOPLE):
            raise Unreadable(f"{where}: there is no column '{theirs}', which the mapping names as '{ours}'.")
    present = {one.strip().casefold() for one in table.headings}
    for name in keep if table.file.kind == "people" else ():
        if name.strip().casefold() not in present:
            raise Unreadable(f"{where}: there is no column '{name}', which the mapping keeps as a profile field.")
    for name in NEEDED[table.file.kind]:
        if name not in table.columns:
            found = ", ".join(f"'{one.strip()}'" for one in table.headings[:12])
            raise Unreadable(f"{where}: there is no column '{name}' among {found}; name it in the mapping.")
