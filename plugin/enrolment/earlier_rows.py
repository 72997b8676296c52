"""How rows of learners stood before they changed: what a report as of a day takes back (REPORTS 3).

Each transaction leaves, for a certification, the people whose rows or questions it changed, and what these said before.
A row that is new costs a bit; of the others the columns that differ are kept. To know a day, the present rows are taken
and every change recorded after it is undone, the latest first.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.core.database.bulk import among, fetch, insert_rows, run
from plugin.core.database.slices import slices
from plugin.core.ids import take_ids
from plugin.enrolment.facts import COLUMNS, NONE, Facts, Ints, Mask, read_facts
from plugin.enrolment.tables import EnrolmentPast
from plugin.population.columns import ids_of

KEPT = tuple(name for name in COLUMNS if name not in ("quiet", "wakes", "baseline", "baseline_due"))
"""Columns that a report shows, or needs."""
QUESTION = "question"
"""Type of the open exception, ``NO_QUESTION`` without one."""
NO_QUESTION = -1
_FORMAT = 1


@dataclass(frozen=True)
class EarlierRows:
    """Rows of one certification before a transaction changed them.

    :ivar person: sorted ids. ``at``: for each the instant as of which it changed.
    :ivar columns: what each of the columns that differ said before; ``state`` is ``NEVER`` for who had no row.
    """

    certification: int
    person: Ints
    at: Ints
    columns: dict[str, Ints]


def change_of(
    certification: int, old: Facts, new: Facts, questions: tuple[Ints, Ints], at: Ints, changed: Mask
) -> EarlierRows | None:
    """What of some rows is to be kept; ``None`` where nothing that is shown changed.

    :param questions: types of open exceptions before and after.
    """
    asked_before, asked_after = questions
    where = changed | (asked_before != asked_after)
    if not where.any():
        return None
    columns = {}
    for name in KEPT:
        before, after = getattr(old, name)[where], getattr(new, name)[where]
        if (before != after).any():
            columns[name] = before
    if (asked_before[where] != asked_after[where]).any():
        columns[QUESTION] = asked_before[where]
    if not columns:
        return None
    return EarlierRows(certification, old.person[where], at[where], columns)


def write_changes(session: Session, host_id: int, changes: Sequence[EarlierRows]) -> None:
    """Keep changes, in the transaction that makes them."""
    changes = [one for one in changes if len(one.person)]
    if not changes:
        return
    first = take_ids(session, host_id, "past", len(changes))
    insert_rows(session, EnrolmentPast, {
        "host_id": host_id,
        "certification": [one.certification for one in changes],
        "n": list(range(first, first + len(changes))),
        "since": [int(one.at.min()) for one in changes],
        "until": [int(one.at.max()) for one in changes],
        "people": [BitMap(one.person.astype(np.uint32)).serialize() for one in changes],
        "before": [_packed(one) for one in changes],
    })  # fmt: skip


def keep_rows(session: Session, host_id: int, certification: int, people: Sequence[int], at: int) -> None:
    """Keep how these rows stand, before something else than settling changes them."""
    listed = np.array(sorted(set(people)), np.int64)
    if not len(listed):
        return
    facts = read_facts(session, host_id, certification, listed)
    columns = {name: getattr(facts, name) for name in KEPT}
    columns[QUESTION] = _questions(session, host_id, certification, listed)
    write_changes(session, host_id, [EarlierRows(certification, listed, np.full(len(listed), at), columns)])


def _questions(session: Session, host_id: int, certification: int, people: Ints) -> Ints:
    sql = "SELECT person, type FROM exception WHERE host_id = ? AND certification = ?"
    asked = dict(fetch(session, sql, host_id, certification))
    return np.array([asked.get(person, NO_QUESTION) for person in people.tolist()], np.int64)


def changes_of(session: Session, host_id: int, certification: int, after: int | None = None) -> Iterator[EarlierRows]:
    """What was kept of a certification, the latest first.

    :param after: only of transactions that changed something later than this instant.
    """
    sql = "SELECT people, before FROM enrolment_past WHERE host_id = ? AND certification = ?"
    values = [host_id, certification]
    if after is not None:
        sql, values = f"{sql} AND until > ?", [*values, after]
    for people, before in fetch(session, f"{sql} ORDER BY n DESC", *values, binary=True):
        yield _unpacked(certification, bytes(people), bytes(before))


def exact_since(session: Session, host_id: int) -> int:
    """Since when everything that changes is kept; 0: from the beginning."""
    rows = fetch(session, "SELECT past_since FROM host WHERE id = ?", host_id)
    return int(rows[0][0] or 0) if rows else 0


def _packed(one: EarlierRows) -> bytes:
    """Columns as numbers of four or eight bytes, one alone where it is the same for all."""
    head: list[list[object]] = []
    parts: list[bytes] = []
    for name, column in (("at", one.at), *one.columns.items()):
        if len(column) == 1 or (column == column[0]).all():
            head.append([name, "=", int(column[0])])
            continue
        given = column[column != NONE]
        small = not len(given) or bool(given.min() > -(2**31) and given.max() < 2**31)
        kind = "<i4" if small else "<i8"
        head.append([name, kind])
        parts.append(np.where(column == NONE, -(2**31) if small else NONE, column).astype(kind).tobytes())
    packed = json.dumps([_FORMAT, len(one.person), head], separators=(",", ":")).encode() + b"\n" + b"".join(parts)
    return zlib.compress(packed, 1) if len(packed) > 200 else b"\0" + packed


def _unpacked(certification: int, people: bytes, before: bytes) -> EarlierRows:
    plain = before[1:] if before[:1] == b"\0" else zlib.decompress(before)
    line, _newline, rest = plain.partition(b"\n")
    _form, n, head = json.loads(line)
    columns: dict[str, Ints] = {}
    start = 0
    for name, kind, *value in head:
        if kind == "=":
            columns[name] = np.full(n, value[0], np.int64)
            continue
        end = start + n * (4 if kind == "<i4" else 8)
        column = np.frombuffer(rest[start:end], kind).astype(np.int64)
        columns[name] = np.where(column == -(2**31), NONE, column) if kind == "<i4" else column
        start = end
    at = columns.pop("at")
    return EarlierRows(certification, ids_of(BitMap.deserialize(people)), at, columns)


_ANSWERS = "host_id, certification, person, type, at, action, who, due, raised"
_SET_ASIDE = (
    f"INSERT INTO decision_past ({_ANSWERS}) SELECT {_ANSWERS} FROM decision"  # noqa: S608 - words of ours
    " WHERE host_id = ? AND certification = ? AND {people} AND applied ON CONFLICT DO NOTHING"
)


def set_aside(session: Session, host_id: int, certification: int, people: Ints) -> None:
    """Keep the answers of these people that were carried out, before others take their place.

    :param people: sorted ids.
    """
    for some in slices(people):
        run(session, _SET_ASIDE.format(people=among("person", some)), host_id, certification)
