"""How files were read: their headings, what each means to us, and the first rows as they were understood (SOURCES 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from plugin.hosts.csv import mapping as mappings
from plugin.hosts.csv.archives import newest, unpack
from plugin.hosts.csv.reading import read
from plugin.mirror.sources.source import Source

ROWS = 50
"""Rows that are shown."""


@dataclass(frozen=True)
class Understood:
    """One file. ``columns``: our names of them, in order; ``others``: headings that nobody knows, and whether they are kept."""

    name: str
    kind: str
    headings: dict[str, str]
    others: dict[str, bool]
    notes: Sequence[str] = ()
    columns: list[str] = field(default_factory=list)
    rows: list[tuple[int, list[str]]] = field(default_factory=list)


def understood(source: Source, files: Sequence[tuple[str, bytes]], kind: str = "") -> list[Understood]:
    """The files as the source's mapping reads them.

    :param kind: what they are, where the names need not say.
    :raises Unreadable: for a file that cannot be read.
    """
    mapping = mappings.read(source.mapping)
    found = []
    for file in newest(one for name, data in files for one in unpack(name, data, kind)):
        reading = read(file, mapping, source.key_field)
        table = reading.table
        kept = {one.strip().casefold() for one in mapping.keep}
        columns = list(table.columns)
        rows = [(row.line, [row.get(one) for one in columns]) for row in reading.rows[:ROWS]]
        found.append(
            Understood(
                file.name, file.kind, {ours: table.headings[place].strip() for ours, place in table.columns.items()},
                {heading: heading.casefold() in kept for heading in table.others}, list(table.notes), columns, rows,
            )
        )  # fmt: skip
    return found
