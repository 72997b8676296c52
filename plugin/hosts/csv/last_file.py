"""What is kept of the file of people that was loaded last, so that the next one is looked at where it differs (SOURCES 7)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from plugin.hosts.csv.archives import File
from plugin.hosts.csv.lines import marks_of, plain_lines
from plugin.hosts.csv.mapping import FileMapping
from plugin.hosts.csv.reading import ReadFile, read, read_lines
from plugin.hosts.csv.table import Table, open_table

FEWEST = 5_000
"""Files with fewer rows are read whole each time."""
_BETWEEN = "\n"


@dataclass
class LastFile:
    """The file of people read last.

    :ivar under: what its rows were read by: mapping, join, how units come. :ivar digest: of its bytes.
    :ivar by: what the marks are of: its ``lines``, or its ``rows`` where a row may have several.
    :ivar encoding: and ``separator``: how it was written.
    :ivar kept: whose rows could not be used; they have no mark, so that they are looked at again.
    :ivar marks: of its rows, and ``ids`` whose they are, in the same order.
    """

    under: str
    digest: str
    headings: list[str]
    formats: dict[str, str]
    generated: str
    ended: bool
    marks: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    ids: list[str] = field(default_factory=list)
    by: str = "rows"
    encoding: str = ""
    separator: str = ""
    kept: list[str] = field(default_factory=list)

    def pack(self) -> bytes:
        """For the row of the load."""
        head = json.dumps({name: getattr(self, name) for name in _HEAD}).encode()
        ids = zlib.compress(_BETWEEN.join(self.ids).encode("utf-8", "surrogatepass"), 1)
        return b"".join(
            len(part).to_bytes(8, "big") + part for part in (head, self.marks.astype(">u8").tobytes(), ids)
        )  # fmt: skip

    @classmethod
    def unpack(cls, packed: bytes) -> LastFile:
        """The reverse of :meth:`pack`."""
        parts, at = [], 0
        for _part in range(3):
            size = int.from_bytes(packed[at : at + 8], "big")
            parts.append(packed[at + 8 : at + 8 + size])
            at += 8 + size
        ids = zlib.decompress(parts[2]).decode("utf-8", "surrogatepass")
        marks = np.frombuffer(parts[1], ">u8").astype(np.uint64)
        return cls(**json.loads(parts[0]), marks=marks, ids=ids.split(_BETWEEN) if len(marks) else [])


_HEAD = ("under", "digest", "headings", "formats", "generated", "ended", "by", "encoding", "separator", "kept")


def digest_of(file: File) -> str:
    """Of a file's bytes."""
    return blake2b(file.data, digest_size=16).hexdigest()


@dataclass(frozen=True)
class FileDifference:
    """Where a file differs from the last one. ``again``: marks of rows that were there before and must be read all the same,
    because another row of the same person changed; ``gone``: ids without a row any more; ``same``: ids that stay.
    """

    again: frozenset[int]
    gone: tuple[str, ...]
    same: int


def difference(last: LastFile, marks: Sequence[int] | NDArray[np.uint64], changed: Sequence[str]) -> FileDifference:
    """Compare two files by the marks of their rows.

    :param marks: of all rows of the new file. :param changed: whose rows were not there before.
    """
    now = np.sort(np.asarray(marks, np.uint64))
    stays = among(last.marks, now)
    fresh = set(changed)
    lost = {last.ids[at] for at in np.flatnonzero(~stays).tolist()} | set(last.kept)
    touched = (
        fresh | lost | {last.ids[at] for at in np.flatnonzero(among(last.marks, _other_counts(last, now))).tolist()}
    )
    staying: set[str] = set()
    again: set[int] = set()
    if touched:
        for at, one in enumerate(last.ids):
            if one in touched and stays[at]:
                staying.add(one)
                again.add(int(last.marks[at]))
    gone = tuple(sorted(one for one in lost if one not in fresh and one not in staying))
    known = set(last.ids)
    return FileDifference(frozenset(again), gone, len(known) - len(touched & known))


def _other_counts(last: LastFile, now: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Marks of rows that stand in both files, but not as often."""
    before = np.sort(last.marks)
    if not any(len(one) > 1 and bool((one[1:] == one[:-1]).any()) for one in (before, now)):
        return np.empty(0, np.uint64)
    (marks, counts), (others, times) = (np.unique(one, return_counts=True) for one in (before, now))
    here = among(marks, others)
    return np.asarray(marks[here][counts[here] != times[np.searchsorted(others, marks[here])]])


def among(marks: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """By mark whether it is one of the ``known``, which are sorted."""
    if not len(known):
        return np.zeros(len(marks), np.bool_)
    at = np.minimum(np.searchsorted(known, marks), len(known) - 1)
    return np.asarray(known[at] == marks)


def known_again(last: LastFile, reading: ReadFile, ids: Mapping[int, str]) -> tuple[NDArray[np.uint64], list[str]]:
    """The marks of a file's rows with whose they are: as before, or by the line-up of ``ids`` for rows that are new."""
    marks = np.asarray(reading.marks, np.uint64)
    order = np.argsort(last.marks, kind="stable")
    at = np.minimum(np.searchsorted(last.marks, marks, sorter=order), len(order) - 1)
    found: list[str] = np.asarray(last.ids, dtype=object)[order[at]].tolist()
    new = np.fromiter(ids, np.uint64, len(ids))
    for place in np.flatnonzero(among(marks, np.sort(new))).tolist():
        found[place] = ids[int(marks[place])]
    return marks, found


def read_people(
    file: File, mapping: FileMapping, key: str, under: str, last: LastFile | None
) -> tuple[ReadFile, FileDifference | None]:
    """Read a file of people; where the last one is known and was read alike, only the rows that differ.

    :param under: what rows are read by: mapping and join.
    :returns: the reading, and where it is of some rows alone how the file differs.
    """
    if last is None or file.rows is not None or last.under != under or not len(last.marks):
        return read(file, mapping, key), None
    table = open_table(
        file, columns=mapping.columns, encoding=mapping.encoding, key_field=key, keep=mapping.needed_fields
    )
    if table.headings != last.headings or "action" in table.columns or "generated" in table.columns:
        return read(file, mapping, key), None
    if digest_of(file) == last.digest and not last.kept:
        count = len(last.marks)
        reading = ReadFile(table, count=count, skipped=count, formats=last.formats, ended=last.ended)
        reading.generated = file.day
        return reading, FileDifference(frozenset(), (), len(set(last.ids)))
    if last.by == "lines" or plain_lines(table) is not None:
        return _by_lines(table, mapping, key, last) or (read(file, mapping, key), None)
    known = set(last.marks.tolist())
    reading = read(file, mapping, key, known, last.formats)
    if reading.refused or not reading.skipped:
        return read(file, mapping, key), None
    found = difference(last, reading.marks, [row.get("id") for row in reading.rows])
    if found.again:
        reading = read(file, mapping, key, known - found.again, last.formats)
    return reading, found


def _by_lines(table: Table, mapping: FileMapping, key: str, last: LastFile) -> tuple[ReadFile, FileDifference] | None:
    """The lines that differ, where rows are lines in both files and are written alike; else ``None``."""
    lines = plain_lines(table)
    written = ("lines", table.encoding, table.separator)
    if lines is None or written != (last.by, last.encoding, last.separator):
        return None
    marks = marks_of(lines)
    fresh = ~among(marks, np.sort(last.marks))
    reading = read_lines(table, mapping, key, lines, marks, fresh, last.formats)
    if reading is None or not reading.skipped:
        return None
    looked_at = [row.get("id") for row in reading.rows] + [one.id for one in reading.refused]
    found = difference(last, reading.marks, looked_at)
    if found.again:
        fresh |= among(marks, np.sort(np.fromiter(found.again, np.uint64, len(found.again))))
        reading = read_lines(table, mapping, key, lines, marks, fresh, last.formats)
    return None if reading is None else (reading, found)


def for_the_next(
    under: str, reading: ReadFile, last: LastFile | None, found: FileDifference | None, kept: Collection[str] = ()
) -> bytes | None:
    """What is kept of a file of people that was loaded; ``None`` where the next one is read whole.

    :param kept: whose rows could not be used.
    """
    file, table = reading.file, reading.table
    if file.rows is not None or reading.count < FEWEST:
        return None
    by = "rows"
    if found is None or last is None:
        marks, ids = np.asarray(reading.marks, np.uint64), [row.get("id") for row in reading.rows]
        lines = plain_lines(table)
        if lines is not None:
            places = np.fromiter((row.line for row in reading.rows), np.int64, len(reading.rows))
            marks, by = marks_of(lines)[places - table.first - 1], "lines"
    elif not len(reading.marks):
        marks, ids, by, kept = last.marks, last.ids, last.by, last.kept
    else:
        by_mark = dict(zip(reading.fresh, (row.get("id") for row in reading.rows), strict=True))
        (marks, ids), by = known_again(last, reading, by_mark), last.by
    if len(marks) != len(ids) or (kept and by == "rows"):
        return None
    if kept:
        without = set(kept)
        used = [place for place, one in enumerate(ids) if one not in without]
        marks, ids = marks[used], [ids[place] for place in used]
    return LastFile(
        under, digest_of(file), list(table.headings), reading.formats, reading.generated, reading.ended, marks, ids, by,
        table.encoding, table.separator, sorted(kept),
    ).pack()  # fmt: skip
