"""The same question asked person by person: which host targets does she match?

A target is a key ``(type, id, include)``: ``("organisation", 12, "")`` is "works in 12", with ``"below"`` "works in
12 or under it"; ``("manager", 7, "direct")`` is "reports to job 7"; ``("audience", 3, "")``; ``("individual", 5, "")``.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch
from plugin.core.database.slices import slices
from plugin.mirror.tables import DELETED

Key = tuple[str, int, str]

_JOBS = (
    "SELECT j.id, j.person, j.organisation, j.position, CASE WHEN j.temporary THEN NULL ELSE j.manager_job END,"
    " CASE WHEN j.temporary OR j.manager_job_ext <> '' THEN NULL ELSE j.manager END, j.starts, j.ends"
    " FROM job j CROSS JOIN person p WHERE j.host_id = :host AND NOT j.gone AND j.{column} IN :ids"
    f" AND p.host_id = j.host_id AND p.id = j.person AND (p.state <> {DELETED} OR p.ghost)"
)
"""Of people who exist; of ghosts too, through whom a chain runs."""
_ABOVE = (
    "WITH RECURSIVE above(id, parent) AS ("
    " SELECT id, parent FROM unit WHERE host_id = :host AND NOT gone AND id IN :ids"
    " UNION SELECT u.id, u.parent FROM above a JOIN unit u ON u.host_id = :host AND u.id = a.parent AND NOT u.gone"
    ") SELECT id, parent FROM above"
)  # UNION drops what is known, so that a loop ends
_SLICE = 500  # bound parameters in one statement; SQLite allows few more than that on old builds


@dataclass(frozen=True)
class _Job:
    id: int
    person: int
    organisation: int | None
    position: int | None
    boss_job: int | None
    boss_person: int | None
    starts: int | None
    ends: int | None

    def current(self, as_of: int) -> bool:
        return (self.starts is None or self.starts <= as_of) and (self.ends is None or self.ends > as_of)


def keys_of(session: Session, host_id: int, people: Sequence[int], as_of: int) -> dict[int, set[Key]]:
    """What each of these people matches at ``as_of``. Deleted and unknown people match nothing (rules 2)."""
    keys: dict[int, set[Key]] = {person: set() for person in people}
    for person in _existing(session, host_id, people):
        keys[person].add(("individual", person, ""))
    for person, audience in _audiences(session, host_id, people):
        if keys[person]:
            keys[person].add(("audience", audience, ""))
    jobs = [job for job in _jobs(session, host_id, "person", people) if keys[job.person] and job.current(as_of)]
    _add_units(session, host_id, jobs, keys)
    _add_managers(session, host_id, jobs, keys)
    return keys


def _in_slices(session: Session, sql: str, host_id: int, ids: Iterable[int]) -> list[tuple[Any, ...]]:
    """Rows for these ids; ``sql`` names them ``:ids`` and the host ``:host``."""
    wanted = sorted(set(ids))
    rows: list[tuple[Any, ...]] = []
    for part in slices(wanted, _SLICE):
        listed = "(" + ", ".join(str(int(one)) for one in part) + ")"
        full = sql.replace(":ids", listed).replace(":host", "?")
        rows += fetch(session, full, *([host_id] * full.count("?")))
    return rows


def _existing(session: Session, host_id: int, people: Iterable[int]) -> list[int]:
    sql = f"SELECT id FROM person WHERE host_id = :host AND state <> {DELETED} AND id IN :ids"
    return [row[0] for row in _in_slices(session, sql, host_id, people)]


def _audiences(session: Session, host_id: int, people: Iterable[int]) -> list[tuple[int, int]]:
    sql = (
        "SELECT m.person, m.audience FROM audience_member m"
        " JOIN audience a ON a.host_id = m.host_id AND a.id = m.audience"
        " WHERE m.host_id = :host AND NOT a.gone AND m.person IN :ids"
    )
    return [(row[0], row[1]) for row in _in_slices(session, sql, host_id, people)]


def _jobs(session: Session, host_id: int, column: str, ids: Iterable[int]) -> list[_Job]:
    return [_Job(*row) for row in _in_slices(session, _JOBS.format(column=column), host_id, ids)]


def _add_units(session: Session, host_id: int, jobs: Sequence[_Job], keys: dict[int, set[Key]]) -> None:
    units = [(job, kind, getattr(job, kind)) for job in jobs for kind in ("organisation", "position")]
    above = _ancestors(session, host_id, {unit for _job, _kind, unit in units if unit is not None})
    for job, kind, unit in units:
        if unit in above:
            keys[job.person].add((kind, unit, ""))
            keys[job.person].update((kind, other, "below") for other in above[unit])


def _ancestors(session: Session, host_id: int, units: set[int]) -> dict[int, list[int]]:
    """Each existing unit with itself and everything above it."""
    parents: dict[int, int | None] = dict(_in_slices(session, _ABOVE, host_id, units))
    above: dict[int, list[int]] = {}
    for unit in units & parents.keys():
        line: list[int] = []
        here: int | None = unit
        while here is not None and here in parents and here not in line:
            line.append(here)
            here = parents[here]
        above[unit] = line
    return above


def _add_managers(session: Session, host_id: int, jobs: Sequence[_Job], keys: dict[int, set[Key]]) -> None:
    chains = _Chains(session, host_id)
    chains.load(jobs)
    for job in jobs:
        first = chains.bosses(job)
        for boss in first:
            if boss.person != job.person:
                keys[job.person].add(("manager", boss.id, "direct"))
        for boss in chains.all_above(job):
            if boss.person != job.person:
                keys[job.person].add(("manager", boss.id, "below"))


class _Chains:
    """Reporting lines upwards, level by level. Runs through ended jobs and suspended managers; loops are cut."""

    def __init__(self, session: Session, host_id: int) -> None:
        self._session, self._host_id = session, host_id
        self._by_id: dict[int, _Job] = {}
        self._by_person: dict[int, list[_Job]] = {}

    def load(self, jobs: Iterable[_Job]) -> None:
        """Fetch everything above these jobs, one query a level and kind of link."""
        level = list(jobs)
        while level:
            wanted = {job.boss_job for job in level if job.boss_job is not None} - self._by_id.keys()
            people = {job.boss_person for job in level if job.boss_person is not None} - self._by_person.keys()
            level = []
            if wanted:
                found = _jobs(self._session, self._host_id, "id", wanted)
                level += found
                self._by_id.update((job.id, job) for job in found)
            if people:
                found = _jobs(self._session, self._host_id, "person", people)
                for who in people:
                    self._by_person[who] = [job for job in found if job.person == who]
                level += [job for job in found if job.id not in self._by_id]
                self._by_id.update((job.id, job) for job in found)

    def bosses(self, job: _Job) -> list[_Job]:
        """The jobs this one reports to."""
        if job.boss_job is not None:
            found = self._by_id.get(job.boss_job)
            return [found] if found else []
        return self._by_person.get(job.boss_person, []) if job.boss_person is not None else []

    def all_above(self, job: _Job) -> list[_Job]:
        """Everything up the line, each job once."""
        seen: dict[int, _Job] = {}
        level = self.bosses(job)
        while level:
            fresh = [boss for boss in level if boss.id not in seen]
            seen.update((boss.id, boss) for boss in fresh)
            level = [above for boss in fresh for above in self.bosses(boss)]
        return list(seen.values())
