"""Files of changes: what each row says is done, and which word on a record is the last (SOURCES 4.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from plugin.hosts.csv.file_faults import RowRefused, Unreadable
from plugin.hosts.csv.reading import FileRow, ReadFile

ACTIONS = ("add", "update", "remove")


def actions_of(reading: ReadFile) -> dict[int, str]:
    """By line what the row says; rows that say nothing of it are refused.

    :raises Unreadable: for a file without that column.
    """
    if "action" not in reading.table.columns:
        raise Unreadable(f"{reading.file.name}, line {reading.table.first}: a file of changes needs a column 'action'.")
    heading = reading.table.headings[reading.table.columns["action"]]
    found: dict[int, str] = {}
    rows: list[FileRow] = []
    for row in reading.rows:
        action = row.get("action").casefold()
        if action in ACTIONS:
            found[row.line] = action
            rows.append(row)
        else:
            why = f"'{row.get('action')}' is none of add, update and remove"
            reading.refused.append(RowRefused(row.line, heading, why, row.get("id")))
    reading.rows[:] = rows
    return found


@dataclass
class LastWord:
    """The rows of a file of changes that count.

    :ivar anew: records that were removed and came again in one file: nothing of what they were before stays.
    """

    rows: list[FileRow] = field(default_factory=list)
    anew: set[str] = field(default_factory=set)


def last_word(rows: Sequence[FileRow], changes: Mapping[int, str], record: str, part: str) -> LastWord:
    """Rows are done in their order: what stands before a removal is void, and so is a removal where more follows it.

    :param record: our name of the column that says which record it is. :param part: and which part of it, such as a job; a
        row without one removes the whole record.
    """
    found = LastWord()
    by_record: dict[str, list[FileRow]] = {}
    for row in rows:
        by_record.setdefault(row.get(record), []).append(row)
    for name, theirs in by_record.items():
        whole = max(
            (at for at, row in enumerate(theirs) if changes[row.line] == "remove" and not row.get(part)), default=-1
        )
        rest = theirs[whole + 1 :]
        if whole >= 0 and rest:
            found.anew.add(name)
        found.rows += _by_part(rest, changes, part) if rest else theirs[whole:]
    return found


def _by_part(rows: Sequence[FileRow], changes: Mapping[int, str], part: str) -> list[FileRow]:
    removed = {row.get(part): at for at, row in enumerate(rows) if changes[row.line] == "remove"}
    last = {row.get(part): at for at, row in enumerate(rows)}
    return [
        row for at, row in enumerate(rows)
        if at > removed.get(row.get(part), -1) or at == removed[row.get(part)] == last[row.get(part)]
    ]  # fmt: skip
