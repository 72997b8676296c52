"""The mirror in arrays, as of one seq: who exists, where they work, whom they report to, which audiences hold them.

A :class:`Base` never changes after it is built; what changed since is looked up by row (:mod:`overlay`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.population.columns import Ints, read_columns


def grouped(keys: Ints, values: Ints) -> tuple[Ints, Ints]:
    """Sort pairs by key, so that all values of one key are a slice."""
    order = np.argsort(keys, kind="stable")
    return keys[order], values[order]


def slice_of(keys: Ints, values: Ints, low: int, high: int) -> Ints:
    """The values whose key lies in ``low … high`` (both included) of a :func:`grouped` pair."""
    # The bounds carry the array's own type: a Python int would make numpy copy the whole array first.
    kind = keys.dtype.type
    return values[keys.searchsorted(kind(low), "left") : keys.searchsorted(kind(high), "right")]


@dataclass
class Base:
    """One host's mirror at ``seq``. Arrays of jobs share one order; ``job`` holds their ids."""

    seq: int
    person: Ints
    person_state: Ints
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
    unit_interval: dict[int, tuple[int, int]] = field(default_factory=dict)

    @cached_property
    def existing(self) -> BitMap:
        """Everyone who is not deleted."""
        return BitMap(self.person[self.person_state != 2].astype(np.uint32))

    @cached_property
    def suspended(self) -> BitMap:
        """Everyone suspended at the host."""
        return BitMap(self.person[self.person_state == 1].astype(np.uint32))

    def current(self, as_of: int) -> npt.NDArray[np.bool_]:
        """Which jobs are current at ``as_of``: started, and not ended (DOMAIN 2.1)."""
        return (self.starts <= as_of) & ((self.ends == OPEN) | (self.ends > as_of))

    @cached_property
    def _by_organisation(self) -> tuple[Ints, Ints]:
        return grouped(self._lft(self.organisation), np.arange(len(self.job)))

    @cached_property
    def _by_position(self) -> tuple[Ints, Ints]:
        return grouped(self._lft(self.position), np.arange(len(self.job)))

    @cached_property
    def _by_boss_job(self) -> tuple[Ints, Ints]:
        return grouped(self.boss_job, np.arange(len(self.job)))

    @cached_property
    def _by_boss_person(self) -> tuple[Ints, Ints]:
        return grouped(self.boss_person, np.arange(len(self.job)))

    @cached_property
    def _by_audience(self) -> tuple[Ints, Ints]:
        return grouped(self.member_audience, self.member_person)

    @cached_property
    def _row_of_job(self) -> tuple[Ints, Ints]:
        return grouped(self.job, np.arange(len(self.job)))

    def _lft(self, units: Ints) -> Ints:
        """Unit ids to positions in this base's own preorder; unknown units sort before all others."""
        size = int(units.max(initial=0)) + 2
        table = np.full(max(size, max(self.unit_interval, default=0) + 2), -1, np.int64)
        for unit, (low, _high) in self.unit_interval.items():
            table[unit] = low
        return table[units]

    def jobs_in(self, kind: str, unit: int, *, below: bool) -> Ints:
        """Rows of the jobs in a unit, with ``below`` also under it."""
        if unit not in self.unit_interval:
            return np.zeros(0, np.int64)
        low, high = self.unit_interval[unit]
        keys, rows = self._by_organisation if kind == "organisation" else self._by_position
        return slice_of(keys, rows, low, high if below else low)

    def row_of(self, job: int) -> int | None:
        """The row of a job id."""
        found = slice_of(*self._row_of_job, job, job)
        return int(found[0]) if len(found) else None

    def reports(self, rows: Ints) -> Ints:
        """Rows of the jobs that report directly to any of these jobs (DOMAIN 2.3, HOST-API on ``manager``)."""
        found = [slice_of(*self._by_boss_job, job, job) for job in self.job[rows]]
        found += [slice_of(*self._by_boss_person, who, who) for who in np.unique(self.job_person[rows])]
        return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)

    def audience(self, audience: int) -> Ints:
        """The members of an audience."""
        return slice_of(*self._by_audience, audience, audience)


def load_base(session: Session, host_id: int, seq: int) -> Base:
    """Read the whole mirror of a host. Temporary manager links are left out (DOMAIN 2.3)."""
    host = {"host": host_id}
    person, state = read_columns(session, "person", ["id", "state"], "host_id = :host", host)
    columns = [
        "id",
        "person",
        "organisation",
        "position",
        *BOSS,
        f"coalesce(starts, {OPEN})",
        f"coalesce(ends, {OPEN})",
    ]
    jobs = read_columns(session, "job", columns, JOB_COUNTS, host)
    audience, member = read_columns(
        session, "audience_member", ["audience", "person"],
        "host_id = :host AND audience IS NOT NULL AND person IS NOT NULL", host,
    )  # fmt: skip
    unit, lft, rgt = read_columns(session, "unit", ["id", "lft", "rgt"], "host_id = :host AND NOT gone", host)
    intervals = {int(u): (int(low), int(high)) for u, low, high in zip(unit, lft, rgt, strict=True)}
    existing = np.isin(jobs[1], person[state != 2])
    kept = [column[existing] for column in jobs]
    job, job_person, organisation, position, boss_job, boss_person, starts, ends = kept
    return Base(
        seq,
        person,
        state,
        job,
        job_person,
        organisation,
        position,
        boss_job,
        boss_person,
        starts,
        ends,
        audience,
        member,
        intervals,
    )


OPEN = -(2**62)
"""Stands for a bound that is not given; before every instant."""
JOB_COUNTS = "host_id = :host AND NOT gone AND person IS NOT NULL"
BOSS = (
    "CASE WHEN temporary THEN NULL ELSE manager_job END",
    "CASE WHEN temporary OR manager_job_ext <> '' THEN NULL ELSE manager END",
)
"""The two links to a manager: her job, or, where no job is named, her person (then every job of hers)."""
