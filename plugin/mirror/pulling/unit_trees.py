"""Units as trees: parents resolved, cycles cut, intervals numbered, people counted."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from plugin.core.database.columns import Ints, read_columns
from plugin.core.ids import keep_number, kept_number, read_clock
from plugin.core.runtime import Runtime
from plugin.mirror.tables import DELETED, Unit

_COUNTED = "units:counted"
"""Under this name, the ``seq`` of the mirror of which people by unit were counted."""
_REST = 20
"""So many times as long as a count took, the next one waits while changes keep coming."""
_RESTS: dict[tuple[str, int], float] = {}
"""By database and host, until when this worker counts nothing there."""


def renumber(session: Session, host_id: int) -> list[str]:
    """Resolve every unit's parent and number each tree afresh (lft, rgt, depth; preorder, by name).

    A cycle is cut at one of its nodes, which becomes a root. Returns the host's ids of those, as data problems.
    """
    rows = session.execute(
        select(Unit.id, Unit.ext, Unit.kind, Unit.parent_ext, Unit.name, Unit.lft, Unit.rgt, Unit.depth, Unit.parent)
        .where(Unit.host_id == host_id, Unit.gone.is_(False))
        .order_by(Unit.kind, Unit.framework_name, Unit.framework, Unit.name, Unit.ext)
    ).all()
    by_ext = {(row.kind, row.ext): row for row in rows}
    parents = {row.id: _parent(row, by_ext) for row in rows}
    cut = _cut_cycles(parents)
    children: dict[int | None, list[int]] = defaultdict(list)
    for row in rows:
        children[parents[row.id]].append(row.id)
    places = _number(children)
    changes = [
        {"b_host": host_id, "b_id": row.id, "b_lft": lft, "b_rgt": rgt, "b_depth": depth, "b_parent": parents[row.id]}
        for row in rows
        if (place := places[row.id]) != (row.lft, row.rgt, row.depth) or parents[row.id] != row.parent
        for lft, rgt, depth in [place]
    ]
    if changes:
        session.connection().execute(
            text(
                "UPDATE unit SET lft = :b_lft, rgt = :b_rgt, depth = :b_depth, parent = :b_parent"
                " WHERE host_id = :b_host AND id = :b_id"
            ),
            changes,
        )
    session.execute(
        update(Unit).where(Unit.host_id == host_id, Unit.gone, Unit.lft != 0).values(lft=0, rgt=0, parent=None)
    )
    names = {row.id: row.ext for row in rows}
    return [names[one] for one in cut]


def _parent(row: Any, by_ext: dict[tuple[str, str], Any]) -> int | None:
    """An organisation and a position may have one id: each is a unit of its own."""
    found = by_ext.get((row.kind, row.parent_ext))
    return None if found is None else int(found.id)


def _cut_cycles(parents: dict[int, int | None]) -> list[int]:
    cut: list[int] = []
    safe: set[int] = set()
    for start in sorted(parents):
        path: dict[int, None] = {}
        here: int | None = start
        while here is not None and here not in safe:
            if here in path:
                parents[here] = None
                cut.append(here)
                break
            path[here] = None
            here = parents[here]
        safe.update(path)
    return cut


def _number(children: dict[int | None, list[int]]) -> dict[int, tuple[int, int, int]]:
    """Preorder positions, without recursion: a tree may be as deep as it likes."""
    places: dict[int, tuple[int, int, int]] = {}
    counter = 0
    stack: list[tuple[int, int, bool]] = [(root, 0, False) for root in reversed(children[None])]
    opened: dict[int, int] = {}
    while stack:
        node, depth, leaving = stack.pop()
        if leaving:
            places[node] = (opened[node], counter, depth)
            continue
        counter += 1
        opened[node] = counter
        stack.append((node, depth, True))
        stack.extend((child, depth + 1, False) for child in reversed(children.get(node, [])))
    return places


def recount(session: Session, host_id: int) -> None:
    """Store how many people work in each unit directly, and with all below, as of the host's clock."""
    _write_counts(session, host_id, _changed_counts(session, host_id))


def count_if_owed(runtime: Runtime, host_id: int, *, patient: bool) -> None:
    """Count people by unit where the mirror changed since: a directory's single writes leave that to a worker.

    :param patient: not yet where counting would take more than a twentieth of the time, as while a directory pushes.
    """
    with runtime.db.read() as session:
        owed = kept_number(session, host_id, _COUNTED) != read_clock(session, host_id)[0]
    key, begins = (runtime.db.url, host_id), time.monotonic()
    if owed and not (patient and begins < _RESTS.get(key, begins)):
        recount_apart(runtime, host_id)
        ends = time.monotonic()
        _RESTS[key] = ends + _REST * (ends - begins)


def recount_apart(runtime: Runtime, host_id: int) -> None:
    """The same, counted outside of any transaction that writes, so that nobody waits for it."""
    with runtime.db.read() as session:
        counted = read_clock(session, host_id)
        changes = _changed_counts(session, host_id)

    def write(session: Session) -> None:
        if read_clock(session, host_id, share=True) != counted:
            recount(session, host_id)  # somebody changed the mirror meanwhile
        else:
            _write_counts(session, host_id, changes)

    runtime.db.transact(write)


def _write_counts(session: Session, host_id: int, changes: Sequence[dict[str, int]]) -> None:
    keep_number(session, host_id, _COUNTED, read_clock(session, host_id)[0])
    if changes:
        session.connection().execute(
            text("UPDATE unit SET direct = :direct, below = :below WHERE host_id = :h AND id = :id"), changes
        )


def _changed_counts(session: Session, host_id: int) -> list[dict[str, int]]:
    """The units whose stored counts are not what the jobs say."""
    _seq, as_of = read_clock(session, host_id)
    units = session.execute(
        select(Unit.kind, Unit.lft, Unit.rgt, Unit.id, func.coalesce(Unit.parent, 0), Unit.direct, Unit.below).where(
            Unit.host_id == host_id, Unit.gone.is_(False)
        )
    ).all()
    current = (
        f"j.host_id = ? AND NOT j.gone AND p.state <> {DELETED}"
        " AND (j.starts IS NULL OR j.starts <= ?) AND (j.ends IS NULL OR j.ends > ?)"
    )
    jobs = "job j JOIN person p ON p.host_id = j.host_id AND p.id = j.person"
    *named, people = read_columns(
        session, jobs, ["j.organisation", "j.position", "j.person"], current, host_id, as_of, as_of
    )
    changes: list[dict[str, int]] = []
    for kind, units_named in zip(("organisation", "position"), named, strict=True):
        rows = [tuple(row)[1:] for row in units if row.kind == kind]
        if rows:
            changes += _differences(host_id, np.array(rows, np.int64), units_named, people)
    return changes


def _differences(host_id: int, units: Ints, named: Ints, people: Ints) -> list[dict[str, int]]:
    """Of one kind, the units whose stored counts differ from what the jobs say.

    :param units: a row each: lft, rgt, id, parent, direct, below. :param named: by job its unit, and ``people`` whose it is.
    """
    units = units[np.argsort(units[:, 0])]
    lft, rgt, ids, _parent, direct, below = units.T
    place, who = _workplaces(ids, named, people)
    begins = np.searchsorted(place, np.arange(len(ids) + 1))
    ends = np.searchsorted(lft, rgt, "right")
    here, under = np.diff(begins), begins[ends] - begins[:-1]
    twice = np.concatenate(([0], np.cumsum(_meetings(units, place, who))))
    under -= twice[ends] - twice[:-1]
    differ = np.flatnonzero((here != direct) | (under != below))
    return [
        {"h": host_id, "id": int(ids[one]), "direct": int(here[one]), "below": int(under[one])} for one in differ
    ]  # fmt: skip


def _workplaces(ids: Ints, named: Ints, people: Ints) -> tuple[Ints, Ints]:
    """Who works where, each pair once: places in the list of units, in order, and people."""
    known = np.isin(named, ids)
    order = np.argsort(ids)
    place = order[np.searchsorted(ids, named[known], sorter=order)]
    pairs = np.sort(place << 32 | people[known])
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]
    return pairs >> 32, pairs & 0xFFFFFFFF


def _meetings(units: Ints, place: Ints, who: Ints) -> Ints:
    """For each unit, how many pairs of neighbouring workplaces of one person meet there: it is the lowest above both.

    Whoever works in several units below one is counted there once for each, less once for each meeting there or below.
    """
    lft, rgt, ids, parent = units.T[:4]
    order = np.lexsort((place, who))
    neighbours = np.flatnonzero(np.diff(who[order]) == 0)
    node, other = place[order[neighbours]], lft[place[order[neighbours + 1]]]
    where = dict(zip(ids.tolist(), range(len(ids)), strict=True))
    above = np.array([where.get(one, -1) for one in parent.tolist()], np.int64)
    above[above >= np.arange(len(above))] = -1  # numbered before its parents were: nothing is above it yet
    while len(outside := np.flatnonzero((node >= 0) & (rgt[node] < other))):
        node[outside] = above[node[outside]]
    return np.bincount(node[node >= 0], minlength=len(ids))
