"""People in the order of a text of theirs, kept by the process: a look at who changed since tells whether it is still true."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyroaring import BitMap

from plugin.core.database.bulk import fetch
from plugin.core.database.process_cache import cached, keep
from plugin.core.ids import read_clock
from plugin.population.columns import Mask
from plugin.reports.asking.statement import Statement

_ANEW_ABOVE = 2_000
"""With more people changed since, the order is read again."""
_PERSON = "p.ext"


@dataclass(frozen=True)
class PeopleInOrder:
    """Everybody with such a text, as of a seq: by it, then by the learning site's id."""

    seq: int
    people: np.ndarray


def first_people(
    statement: Statement, sql: str, among: Mask, after: Sequence[Any] | None, limit: int, *, descending: bool
) -> tuple[BitMap, bool]:
    """Some of these people, among them so many that come first in the order of a text; and whether they are all who have one.

    :param among: by our id. :param sql: the text, of ``person p``.
    :param after: the text and the id of the last one before; she may be among them.
    """
    order, changed = _in_order(statement, sql)
    of_order = order.people[order.people < len(among)]
    told = of_order[among[of_order]]
    if changed:
        ids = np.array(changed.to_array(), np.int64)
        changed = BitMap(ids[ids < len(among)][among[ids[ids < len(among)]]])
        told = told[~np.isin(told, ids)]
    if descending:
        told = told[::-1]
    start = 0 if after is None else _place(statement, sql, told, after, descending=descending)
    some = told[start : start + limit]
    return BitMap(some.tolist()) | changed, start + limit >= len(told)


def _in_order(statement: Statement, sql: str) -> tuple[PeopleInOrder, BitMap]:
    """The order, and who changed since it was read."""
    asker = statement.asker
    seq, _as_of = read_clock(asker.session, asker.host_id)
    name = ("people in order", asker.host_id, sql)
    found: PeopleInOrder | None = cached(asker.session, name)
    if found is not None and found.seq <= seq:
        newer = "SELECT person FROM change WHERE host_id = ? AND seq > ?"
        changed = BitMap(row[0] for row in fetch(asker.session, newer, asker.host_id, found.seq))
        if len(changed) <= _ANEW_ABOVE:
            return found, changed
    text, ext = (statement.ordered(one, text=True) for one in (sql, _PERSON))
    every = f"SELECT p.id FROM person p WHERE p.host_id = ? AND {text} IS NOT NULL ORDER BY {text}, {ext}"
    found = PeopleInOrder(seq, np.array([row[0] for row in fetch(asker.session, every, asker.host_id)], np.uint32))
    keep(asker.session, name, found)
    return found, BitMap()


def _place(statement: Statement, sql: str, told: np.ndarray, after: Sequence[Any], *, descending: bool) -> int:
    """The place of the first of these people who may come after somebody with this text."""
    text = statement.ordered(sql, text=True)
    way = ">" if descending else "<"
    before = f"SELECT 1 FROM person p WHERE p.host_id = ? AND p.id = ? AND {text} {way} ?"
    low, high = 0, len(told)
    while low < high:
        middle = (low + high) // 2
        if fetch(statement.asker.session, before, statement.asker.host_id, int(told[middle]), after[0]):
            low = middle + 1
        else:
            high = middle
    return low
