"""Host targets as learner sets: a base at a seq, minus who changed since, plus those of the changed who match.

Exact at any moment and in any process (DESIGN, "What makes it true" 2): the base may be old, the difference is
read from the mirror's rows in the caller's own transaction.
"""

from __future__ import annotations

import threading
from functools import cached_property

import numpy as np
from pyroaring import BitMap
from sqlalchemy import text
from sqlalchemy.orm import Session

from plugin.core.ids import read_clock
from plugin.population.columns import Ints, read_columns
from plugin.population.keys import Key, keys_of
from plugin.population.people import Base, load_base

REBUILD_ABOVE = 2_000
"""With more people changed since the base, building a new base costs less than asking for each of them."""


class Population:
    """One host's people, at the seq and instant of the transaction it was made in."""

    def __init__(self, session: Session, host_id: int, base: Base, seq: int, as_of: int, changed: BitMap) -> None:
        self.host_id, self.seq, self.as_of = host_id, seq, as_of
        self._session, self._base, self._changed = session, base, changed
        self._sets: dict[Key, BitMap] = {}

    @cached_property
    def _overlay(self) -> dict[int, set[Key]]:
        return keys_of(self._session, self.host_id, list(self._changed), self.as_of)

    @cached_property
    def _states(self) -> dict[int, int]:
        person, state = read_columns(
            self._session, "person", ["id", "state"],
            "host_id = :host AND id IN (SELECT person FROM change WHERE host_id = :host AND seq > :seq)",
            {"host": self.host_id, "seq": self._base.seq},
        )  # fmt: skip
        return dict(zip(person.tolist(), state.tolist(), strict=True))

    @cached_property
    def existing(self) -> BitMap:
        """Everyone who is not deleted."""
        return (self._base.existing - self._changed) | BitMap(p for p, state in self._states.items() if state != 2)

    @cached_property
    def suspended(self) -> BitMap:
        """Everyone suspended at the host."""
        return (self._base.suspended - self._changed) | BitMap(p for p, state in self._states.items() if state == 1)

    def matching(self, key: Key) -> BitMap:
        """Everyone who matches a target: suspended people included, deleted ones not (DOMAIN 2.6)."""
        found = self._sets.get(key)
        if found is None:
            found = (self._from_base(key) & self._base.existing) - self._changed
            found |= BitMap(person for person, keys in self._overlay.items() if key in keys)
            self._sets[key] = found
        return found

    def _from_base(self, key: Key) -> BitMap:
        kind, target, include = key
        if kind == "individual":
            return BitMap([target])
        if kind == "audience":
            return _bitmap(self._base.audience(target))
        if kind == "manager":
            return self._team(target, below=include == "below")
        rows = self._base.jobs_in(kind, target, below=include == "below")
        return _bitmap(self._base.job_person[rows[self._current[rows]]])

    @cached_property
    def _current(self) -> np.ndarray:
        return self._base.current(self.as_of)

    def _team(self, job: int, *, below: bool) -> BitMap:
        """The people who report to a job, with ``below`` the whole tree under it; loops are cut (DOMAIN 2.3)."""
        base = self._base
        top = base.row_of(job)
        if top is None:
            return BitMap()
        seen = np.zeros(len(base.job), bool)
        level = base.reports(np.array([top]))
        while len(level):
            seen[level] = True
            if not below:
                break
            level = base.reports(level)
            level = level[~seen[level]]
        team = _bitmap(base.job_person[seen & self._current])
        team.discard(int(base.job_person[top]))
        return team


def _bitmap(people: Ints) -> BitMap:
    return BitMap(np.unique(people).astype(np.uint32))


_bases: dict[tuple[str, int], Base] = {}
_lock = threading.Lock()


def population(session: Session, host_id: int) -> Population:
    """The host's people as this transaction sees them.

    The base is kept per process and rebuilt when too many people changed since; what a transaction sees never
    depends on it.
    """
    seq, as_of = read_clock(session, host_id)
    name = (str(session.get_bind().engine.url), host_id)
    base = _bases.get(name)
    if base is None or base.seq > seq or _changed_count(session, host_id, base.seq) > REBUILD_ABOVE:
        base = load_base(session, host_id, seq)
        with _lock:
            _bases[name] = base
    changed: BitMap = BitMap()
    if base.seq < seq:
        rows = session.execute(
            text("SELECT person FROM change WHERE host_id = :host AND seq > :seq"),
            {"host": host_id, "seq": base.seq},
        )
        changed = BitMap(row[0] for row in rows)
    return Population(session, host_id, base, seq, as_of, changed)


def _changed_count(session: Session, host_id: int, seq: int) -> int:
    statement = text(
        "SELECT count(*) FROM (SELECT 1 FROM change WHERE host_id = :host AND seq > :seq LIMIT :most) AS counted"
    )
    return int(session.execute(statement, {"host": host_id, "seq": seq, "most": REBUILD_ABOVE + 1}).scalar_one())


def forget_bases() -> None:
    """Drop what this process keeps; for tests that reuse a database address."""
    with _lock:
        _bases.clear()
