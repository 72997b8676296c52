"""Host targets as learner sets: a base at a seq, minus who changed since, plus those of the changed who match.

Exact at any moment and in any process (design point 2): the base may be old, the difference is
read from the mirror's rows in the caller's own transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.core.area_scope import area_of
from plugin.core.database.bulk import fetch
from plugin.core.database.columns import Ints, read_columns
from plugin.core.database.process_cache import cached, clear, keep
from plugin.core.ids import read_clock
from plugin.population.base import PopulationBase
from plugin.population.base_reader import load_base, rebased
from plugin.population.columns import bitmap, ids_of
from plugin.population.matching_keys import Key, keys_of
from plugin.population.pairs import Pairs, distinct, known_teams, pairs_of, touched_by, turned_jobs
from plugin.population.stored_base import read_base

REBUILD_ABOVE = 2_000
"""With more people changed since the base, building a new base costs less than asking for each of them."""
_FEW, _PEOPLE_READ = 20, 150
"""Asking for one person costs as much as reading so many whole; a few are never worth a new base."""
READ_ALL_ABOVE = 4
"""With more than every fourth one changed, a new base is read whole."""


@dataclass
class _Patch:
    """Who changed since a base, up to ``seq``, and what each of them matches by row."""

    base: PopulationBase
    seq: int
    changed: BitMap = field(default_factory=BitMap)
    existing: BitMap = field(default_factory=BitMap)
    suspended: BitMap = field(default_factory=BitMap)
    keys: dict[int, set[Key]] = field(default_factory=dict)
    asked: BitMap = field(default_factory=BitMap)
    """Of ``changed``, those whose keys are known."""


class Population:
    """One host's people, at the seq and instant of the transaction it was made in."""

    def __init__(self, session: Session, host_id: int, as_of: int, patch: _Patch) -> None:
        self.host_id, self.seq, self.as_of = host_id, patch.seq, as_of
        self._session, self._patch = session, patch
        self._view = patch.base.at(as_of)
        self._sets: dict[Key, BitMap] = {}
        self.within = area_of(session, host_id)
        """Who is to be seen at all: the people of an area; ``None`` for everybody."""

    @cached_property
    def _by_key(self) -> dict[Key, list[int]]:
        """The changed people by what they match now."""
        patch = self._patch
        unknown = patch.changed - patch.asked
        if unknown:
            patch.keys.update(keys_of(self._session, self.host_id, list(unknown), self.as_of))
            patch.asked |= unknown
        found: dict[Key, list[int]] = {}
        for person, keys in list(patch.keys.items()):  # another thread may be adding to them
            for key in keys:
                found.setdefault(key, []).append(person)
        return found

    @cached_property
    def existing(self) -> BitMap:
        """Everyone who is not deleted."""
        return self._seen((self._patch.base.existing - self._patch.changed) | self._patch.existing)

    @cached_property
    def suspended(self) -> BitMap:
        """Everyone suspended at the host."""
        return self._seen((self._patch.base.suspended - self._patch.changed) | self._patch.suspended)

    def _seen(self, people: BitMap) -> BitMap:
        return people if self.within is None else people & self.within

    def matching(self, key: Key) -> BitMap:
        """Everyone who matches a target: suspended people included, deleted ones not (rules 2.6).

        The set belongs to the population: callers combine it, and do not change it.
        """
        if not self._patch.changed:
            return self._seen(self._view.set_of(key))
        found = self._sets.get(key)
        if found is None:
            found = self._view.set_of(key) - self._patch.changed
            found |= BitMap(self._by_key.get(key, ()))
            self._sets[key] = found
        return self._seen(found)

    def has_anybody(self, key: Key) -> bool:
        """Whether a target matches somebody, without making the set."""
        if not self._patch.changed and self.within is None:
            return self._view.has_anybody(key)
        return bool(self.matching(key))

    def people(self, key: Key) -> Ints:
        """The same as an array of ids in no order, somebody perhaps twice: for whole settles."""
        if self.within is not None:
            return ids_of(self.matching(key))
        found = self._view.people(key)
        if not self._patch.changed:
            return found
        then = found[~self._changed[found]]
        return np.concatenate([then, np.array(self._by_key.get(key, ()), np.int64)])

    def pairs(self, keys: Sequence[Key], people: BitMap) -> Pairs:
        """Which of these people match each target, each pair once, in order of targets and people: for thousands of
        targets at once."""
        if self.within is not None:
            return distinct([_each(at, self.matching(key) & people) for at, key in enumerate(keys)])
        found = [pairs_of(self._view, keys, ids_of(people - self._patch.changed))]
        for at, key in enumerate(keys) if people & self._patch.changed else ():
            found.append(_each(at, people & BitMap(self._by_key.get(key, ()))))
        return distinct(found)

    def touched(self, keys: Sequence[Key], since: Mapping[int, int]) -> list[int] | None:
        """Positions of the targets that name a place or a manager of jobs that began or ended; ``None`` where it takes
        reading people by themselves to tell.

        :param since: people, each with the instant from which on their jobs count.
        """
        if self._patch.changed:
            return None
        return touched_by(self._view.base, keys, turned_jobs(self._view.base, since, self.as_of)).tolist()

    def emptied(self, keys: Sequence[Key]) -> list[int]:
        """Positions of the managers' jobs among these whose teams have nobody."""
        listed = np.array([key[1] for key in keys], np.int64)
        if self.within is not None or not len(keys):
            full = np.zeros(len(keys), bool)
        else:
            full = known_teams(self._view, listed, self._changed)
        return [at for at in np.flatnonzero(~full).tolist() if not self.has_anybody(keys[at])]

    @cached_property
    def _changed(self) -> np.ndarray:
        """Marks of the changed people, as long as the largest id."""
        changed = ids_of(self._patch.changed)
        marks = np.zeros(max(int(changed.max(initial=0)), self._patch.base.top_of_all) + 1, bool)
        marks[changed] = True
        return marks


def _each(target: int, people: BitMap) -> Pairs:
    return np.full(len(people), target), ids_of(people)


def population(session: Session, host_id: int) -> Population:
    """The host's people as this transaction sees them.

    The base, and what is known of who changed since, are kept per process; what a transaction sees never depends on
    that.
    """
    seq, as_of = read_clock(session, host_id)
    name = ("population", host_id)
    known: _Patch | None = cached(session, name)
    patch = _brought_to(session, host_id, known, seq)
    if patch is None and (known is None or known.base.seq > seq):
        stored = read_base(session, host_id, seq)
        known = _Patch(stored, stored.seq) if stored is not None else None
        patch = _brought_to(session, host_id, known, seq)
    if patch is None:
        patch = _Patch(_base(session, host_id, known, seq), seq)
    keep(session, name, patch)
    return Population(session, host_id, as_of, patch)


def _base(session: Session, host_id: int, known: _Patch | None, seq: int) -> PopulationBase:
    """A base of now: from the one that is known, unless so many changed that reading all costs less."""
    if known is not None:
        sql = "SELECT count(*) FROM change WHERE host_id = ? AND seq > ?"
        [(changed,)] = fetch(session, sql, host_id, known.base.seq)
        if changed * READ_ALL_ABOVE < len(known.base.existing):
            return rebased(session, known.base, host_id, seq)
    return load_base(session, host_id, seq)


def _brought_to(session: Session, host_id: int, patch: _Patch | None, seq: int) -> _Patch | None:
    """What is known, brought to another seq; ``None`` where too many changed, or its base has seen the future."""
    if patch is None or patch.base.seq > seq:
        return None
    if patch.seq == seq:
        return patch
    known = patch if patch.seq < seq else _Patch(patch.base, patch.base.seq)
    if _only_jobs_turned(session, host_id, known.seq, seq):
        return replace(known, seq=seq, keys={}, asked=BitMap())
    person, state = read_columns(
        session, "change c LEFT JOIN person p ON p.host_id = c.host_id AND p.id = c.person",
        ["c.person", "coalesce(p.state, 2)"], "c.host_id = ? AND c.seq > ?", host_id, known.seq,
    )  # fmt: skip
    fresh = bitmap(person)
    if len(known.changed | fresh) > min(REBUILD_ABOVE, _FEW + len(known.base.existing) // _PEOPLE_READ):
        return None
    return _Patch(
        base=known.base,
        seq=seq,
        changed=known.changed | fresh,
        existing=(known.existing - fresh) | bitmap(person[state != 2]),
        suspended=(known.suspended - fresh) | bitmap(person[state == 1]),
        keys={who: keys for who, keys in known.keys.items() if who not in fresh},
        asked=known.asked - fresh,
    )


def _only_jobs_turned(session: Session, host_id: int, since: int, seq: int) -> bool:
    """Whether nothing happened between two seqs but that jobs began or ended: then a base holds all rows as they are."""
    sql = "SELECT 1 FROM host_clock WHERE host_id = ? AND turned_from <= ? AND turned_to >= ?"
    return bool(fetch(session, sql, host_id, since, seq))


def population_stored(session: Session, host_id: int) -> Population | None:
    """The same from the stored base alone, as a process that starts now would have it; for the doctor."""
    seq, as_of = read_clock(session, host_id)
    base = read_base(session, host_id, seq)
    patch = _brought_to(session, host_id, _Patch(base, base.seq), seq) if base is not None else None
    return Population(session, host_id, as_of, patch) if patch is not None else None


def population_read(session: Session, host_id: int) -> Population:
    """The same from the mirror's rows alone; for the doctor."""
    seq, as_of = read_clock(session, host_id)
    return Population(session, host_id, as_of, _Patch(load_base(session, host_id, seq), seq))


def forget_bases() -> None:
    """Drop what this process keeps; for tests that empty a database behind its back."""
    clear()
