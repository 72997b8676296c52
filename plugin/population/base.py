"""The mirror in arrays, as of one seq: who exists, where they work, whom they report to, which audiences hold them.

A :class:`PopulationBase` never changes after it is built (:mod:`plugin.population.base_reader`); what changed since is looked up
by row (:mod:`plugin.population.matching_keys`).
What depends on the time, which jobs are current, is a :class:`View` of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from pyroaring import BitMap

from plugin.core.database.columns import Ints
from plugin.population.columns import Mask, bitmap, ids_of
from plugin.population.matching_keys import Key

_VIEWS = 2
"""Instants kept in sets; a tick that passes the beginning or end of a job needs another."""
_NOBODY: Ints = np.zeros(0, np.int64)
_MANY = 50_000
_ROOMY = 8
"""As many places as this for each id cost less than sorting."""


@dataclass
class Grouped:
    """Values sorted by a key, so that all values of a run of keys are one slice."""

    keys: Ints
    values: Ints

    @classmethod
    def of(cls, keys: Ints, values: Ints) -> Grouped:
        """Sort pairs by key."""
        order = _order(keys)
        return cls(keys[order], values[order])

    def between(self, low: int, high: int) -> Ints:
        """The values whose key lies in ``low … high``, both included."""
        # The bounds carry the array's own type: a Python int would make numpy copy the whole array first.
        kind = self.keys.dtype.type
        return self.values[self.keys.searchsorted(kind(low), "left") : self.keys.searchsorted(kind(high), "right")]


@dataclass
class PopulationBase:
    """One host's mirror at ``seq``. Arrays of jobs share one order; ``job`` holds their ids.

    :ivar existing: everyone who is not deleted. :ivar suspended: everyone suspended at the host.
    """

    seq: int
    existing: BitMap
    suspended: BitMap
    job: Ints
    job_person: Ints
    organisation: Ints
    position: Ints
    boss_job: Ints
    boss_person: Ints
    starts: Ints
    ends: Ints
    member_audience: Ints
    member_person: Ints
    unit: Ints
    lft: Ints
    rgt: Ints
    _views: dict[int, View] = field(default_factory=dict, init=False)

    @cached_property
    def unit_interval(self) -> dict[int, tuple[int, int]]:
        """Where each unit and all below it stand in the preorder of its tree."""
        return dict(zip(self.unit.tolist(), zip(self.lft.tolist(), self.rgt.tolist(), strict=True), strict=True))

    @property
    def top(self) -> int:
        """The largest id of anybody here."""
        return int(self.existing.max()) if self.existing else 0

    @cached_property
    def top_of_all(self) -> int:
        """The largest id of anybody named here, with an account or without."""
        return max(self.top, int(self.job_person.max(initial=0)), int(self.member_person.max(initial=0)))

    @cached_property
    def audiences(self) -> Grouped:
        """Members by audience."""
        return Grouped.of(self.member_audience, self.member_person)

    @cached_property
    def counted(self) -> Mask:
        """Which jobs are somebody's with an account: a ghost's only carry a chain (SOURCES 3.6)."""
        exists = np.zeros(max(self.top, int(self.job_person.max(initial=0))) + 1, bool)
        exists[ids_of(self.existing)] = True
        return exists[self.job_person]

    @cached_property
    def row_of_job(self) -> Grouped:
        """Rows of jobs by id."""
        order = _order_of_ids(self.job)
        return Grouped(self.job[order], order)

    @cached_property
    def row_of_person(self) -> Grouped:
        """Rows of jobs by whose they are."""
        return Grouped.of(self.job_person, np.arange(len(self.job)))

    def preorder(self, units: Ints) -> Ints:
        """Unit ids to positions in this base's own preorder; unknown units sort before all others."""
        table = np.full(max(int(units.max(initial=0)), int(self.unit.max(initial=0))) + 2, -1, np.int64)
        table[self.unit] = self.lft
        return table[units]

    @cached_property
    def reports(self) -> Reports:
        """Who reports to whom, job by job."""
        return Reports.of(self)

    @cached_property
    def _boundaries(self) -> Ints:
        return np.unique(np.concatenate([bounds[bounds != OPEN] for bounds in (self.starts, self.ends)]))

    def at(self, as_of: int) -> View:
        """This base at an instant; the same view for all instants between two beginnings or ends of jobs."""
        epoch = int(self._boundaries.searchsorted(as_of, "right"))
        view = self._views.get(epoch)
        if view is None:
            view = View(self, as_of)
            for old in list(self._views)[: max(0, len(self._views) - _VIEWS + 1)]:
                self._views.pop(old, None)
            self._views[epoch] = view
        return view


@dataclass
class Reports:
    """Direct reports of each job, as one array cut at ``begins`` (rules 2.3, HOST-API on ``manager``)."""

    begins: Ints
    children: Ints

    @classmethod
    def of(cls, base: PopulationBase) -> Reports:
        """A report names its manager's job, or the manager herself: then it stands under each of her jobs."""
        rows = np.arange(len(base.job))
        by_job = edges(base.row_of_job, base.boss_job)
        by_person = edges(base.row_of_person, base.boss_person)
        parent, child = (np.concatenate(pair) for pair in zip(by_job, by_person, strict=True))
        order = _order(parent)
        return cls(np.searchsorted(parent[order], np.arange(len(rows) + 1)), child[order])

    def to(self, rows: Ints) -> Ints:
        """Rows of the jobs that report directly to any of these, some perhaps twice."""
        first = self.begins[rows]
        return self.children[spread(first, self.begins[rows + 1] - first)]


def spread(first: Ints, many: Ints) -> Ints:
    """The places of several slices, one after the other: where each begins, and how many places it has."""
    if not len(many):
        return _NOBODY
    return np.arange(int(many.sum())) + np.repeat(first - np.concatenate(([0], np.cumsum(many)[:-1])), many)


def edges(parents: Grouped, wanted: Ints) -> tuple[Ints, Ints]:
    """Pairs (row of a parent, row of a child) for a column that names parents by key; ``NULL`` names nobody."""
    child = np.flatnonzero(wanted >= 0)
    low = parents.keys.searchsorted(wanted[child], "left")
    many = parents.keys.searchsorted(wanted[child], "right") - low
    return parents.values[spread(low, many)], np.repeat(child, many)


class View:
    """A base at an instant: only jobs that are current then count (rules 2.1)."""

    def __init__(self, base: PopulationBase, as_of: int) -> None:
        self.base = base
        self.current = np.ones(len(base.job), bool)
        for bounds, begun in ((base.starts, True), (base.ends, False)):  # hardly any job has them
            given = np.flatnonzero(bounds != OPEN)
            self.current[given] &= (bounds[given] <= as_of) == begun
        self.current &= base.counted
        self._sets: dict[Key, BitMap] = {}

    @cached_property
    def _organisations(self) -> Grouped:
        return self._by_unit(self.base.organisation)

    @cached_property
    def _positions(self) -> Grouped:
        return self._by_unit(self.base.position)

    def _by_unit(self, units: Ints) -> Grouped:
        return Grouped.of(self.base.preorder(units)[self.current], self.base.job_person[self.current])

    def set_of(self, key: Key) -> BitMap:
        """Everyone a target matches, suspended people included. Not to be changed by the caller."""
        found = self._sets.get(key)
        if found is None:
            found = self._sets[key] = bitmap(_distinct(self.people(key)))
        return found

    def has_anybody(self, key: Key) -> bool:
        """Whether a target matches somebody; of a team whose manager has current reports not all is gone through."""
        if key in self._sets:
            return bool(self._sets[key])
        return bool(key[0] == "manager" and len(self._team(key[1], below=False))) or bool(len(self.people(key)))

    def people(self, key: Key) -> Ints:
        """The same as an array of ids in no order, somebody with two jobs perhaps twice."""
        kind, target, include = key
        if kind == "individual":
            return np.array([target] if target in self.base.existing else [], np.int64)
        if kind == "audience":
            return self.base.audiences.between(target, target)
        if kind == "manager":
            return self._team(target, below=include == "below")
        if target not in self.base.unit_interval:
            return _NOBODY
        low, high = self.base.unit_interval[target]
        grouped = self._organisations if kind == "organisation" else self._positions
        return grouped.between(low, high if include == "below" else low)

    def _team(self, job: int, *, below: bool) -> Ints:
        """Who reports to a job, with ``below`` the whole tree under it; loops are cut, the manager is not in it."""
        base = self.base
        top = base.row_of_job.between(job, job)
        if not len(top):
            return _NOBODY
        level = _distinct(base.reports.to(top))
        team = level
        if below:
            team = self._all_below(level)
        found = base.job_person[team[self.current[team]]]
        return found[found != base.job_person[top[0]]]

    def _all_below(self, level: Ints) -> Ints:
        seen = np.zeros(len(self.base.job), bool)
        parts = []
        while len(level):
            seen[level] = True
            parts.append(level)
            level = self.base.reports.to(level)
            level = _distinct(level[~seen[level]])
        return np.concatenate(parts) if parts else _NOBODY


def _order(keys: Ints) -> Ints:
    """The order that sorts keys, equal ones as they stand. Numbers of two bytes sort ten times as fast as longer ones."""
    least = int(keys.min(initial=0))
    if int(keys.max(initial=0)) - least < 2**16:
        return np.argsort((keys - least).astype(np.uint16), kind="stable")
    if len(keys) < _MANY:
        return np.argsort(keys, kind="stable")
    low = np.argsort((keys & 0xFFFF).astype(np.uint16), kind="stable")  # by the lower half first, then by the upper
    return low[_order((keys >> 16)[low])]


def _order_of_ids(ids: Ints) -> Ints:
    """The order that sorts ids, each of which is there once; ids that lie close together are put in their places."""
    top = int(ids.max(initial=0))
    if top > _ROOMY * len(ids):
        return _order(ids)
    places = np.full(top + 1, -1, np.int64)
    places[ids] = np.arange(len(ids))
    return places[places >= 0]


def _distinct(people: Ints) -> Ints:
    """Each id once, in order; many are marked rather than sorted."""
    if len(people) < _MANY:
        return np.unique(people)
    marks = np.zeros(int(people.max()) + 1, bool)
    marks[people] = True
    return np.flatnonzero(marks)


OPEN = -(2**62)
"""Stands for a bound that is not given; before every instant."""
