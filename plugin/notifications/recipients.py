"""Who receives a notification about a learner: herself, the managers of her current jobs, the administrators."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pyroaring import BitMap
from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from plugin.core.database.columns import read_columns
from plugin.core.database.slices import slices
from plugin.core.days import local_day
from plugin.core.ids import read_clock
from plugin.core.tables import Host
from plugin.mirror.tables import ACTIVE, Person
from plugin.population.columns import bitmap

_CURRENT = "(j.starts IS NULL OR j.starts <= :now) AND (j.ends IS NULL OR j.ends > :now)"
"""Of the learner's job alone: whoever reported to somebody once is no report of hers any more (rules 2.3)."""
_BY_LEARNER = f"""
SELECT j.person AS learner, b.person AS person FROM job j
 JOIN job b ON b.host_id = j.host_id AND b.id = j.manager_job AND NOT b.gone
 JOIN person p ON p.host_id = b.host_id AND p.id = b.person AND p.state = {ACTIVE}
WHERE j.host_id = :host AND NOT j.gone AND NOT j.temporary AND j.person IN :people AND b.person <> j.person
 AND {_CURRENT}
UNION
SELECT j.person AS learner, j.manager AS person FROM job j
 JOIN person p ON p.host_id = j.host_id AND p.id = j.manager AND p.state = {ACTIVE}
WHERE j.host_id = :host AND NOT j.gone AND NOT j.temporary AND j.person IN :people AND j.manager <> j.person
 AND j.manager_job_ext = '' AND {_CURRENT}
 AND EXISTS (SELECT 1 FROM job b WHERE b.host_id = j.host_id AND b.person = j.manager AND NOT b.gone)
"""
"""Either kind of link in a half of its own: joined by *or* no database finds its way in less than seconds."""
_MANY = 2_000
"""From so many learners on, one scan of all jobs is quicker than looking theirs up."""


def recipients_of(session: Session, host_id: int, learners: Sequence[int], to: Sequence[str]) -> dict[int, list[int]]:
    """For each learner the people to write to, each once, in a stable order.

    :param to: ``learner``, ``managers``, ``admins`` (people with a grant for the whole host).
    """
    found: dict[int, dict[int, None]] = {learner: {} for learner in learners}
    if "learner" in to:
        for learner in learners:
            found[learner][learner] = None
    if "managers" in to:
        statement = text(_BY_LEARNER).bindparams(bindparam("people", expanding=True))
        listed, (_seq, now) = sorted(found), read_clock(session, host_id)
        for part in slices(listed):
            rows = session.execute(statement, {"host": host_id, "people": part, "now": now})
            for learner, manager in rows:
                found[learner][manager] = None
    if "admins" in to:
        for administrator in administrators(session, host_id):
            for receivers in found.values():
                receivers[administrator] = None
    return {learner: list(receivers) for learner, receivers in found.items()}


def managers_of(session: Session, host_id: int, learners: BitMap) -> BitMap:
    """All managers of these learners. Those of very many are found in one scan of the jobs."""
    if len(learners) > _MANY:
        return _managers_of_many(session, host_id, learners)
    statement = text(f"SELECT DISTINCT person FROM ({_BY_LEARNER}) t").bindparams(bindparam("people", expanding=True))
    found, (_seq, now) = BitMap(), read_clock(session, host_id)
    for people in slices(learners, 5_000):
        rows = session.execute(statement, {"host": host_id, "people": people, "now": now})
        found |= BitMap(row[0] for row in rows)
    return found


def _managers_of_many(session: Session, host_id: int, learners: BitMap) -> BitMap:
    _seq, now = read_clock(session, host_id)
    columns = ("j.id", "j.person", "j.manager_job", "CASE WHEN j.manager_job_ext = '' THEN j.manager END",
               f"CASE WHEN NOT j.temporary AND {_CURRENT.replace(':now', str(int(now)))} THEN 1 ELSE 0 END")  # fmt: skip
    job, person, boss_job, boss, counts = read_columns(
        session, "job j", columns, "j.host_id = ? AND NOT j.gone", host_id
    )
    held_by = np.full(max(int(job.max(initial=0)), int(boss_job.max(initial=0))) + 1, -1, np.int64)
    held_by[job] = person
    size = max(int(person.max(initial=0)), int(boss.max(initial=0)), learners.max()) + 1
    hers, works = np.zeros(size, bool), np.zeros(size, bool)
    hers[np.array(learners, dtype=np.int64)] = True
    works[person[person >= 0]] = True
    concerned = (person >= 0) & hers[person] & (counts == 1)
    by_job = np.where(boss_job >= 0, held_by[boss_job], -1)
    by_person = np.where((boss >= 0) & works[boss], boss, -1)
    found: BitMap = BitMap()
    for manager in (by_job, by_person):
        found |= bitmap(np.unique(manager[concerned & (manager >= 0) & (manager != person)]))
    [active] = read_columns(session, "person", ["id"], f"host_id = ? AND state = {ACTIVE}", host_id)
    return found & bitmap(active)


def administrators(session: Session, host_id: int) -> list[int]:
    """People to write to as administrators: those with a grant for the whole host, as the room of rights left it."""
    host = session.get(Host, host_id)
    named = {int(person) for person in (host.settings.get("administrators") or [])} if host else set()
    if host is None or not named:
        return []
    ends = host.settings.get("administrators_until") or {}
    _seq, as_of = read_clock(session, host_id)
    day = local_day(as_of, host.time_zone).isoformat()
    lives = {
        row[0]: row[1]
        for row in session.execute(
            select(Person.id, Person.life).where(
                Person.host_id == host_id, Person.id.in_(named), Person.state == ACTIVE
            )
        )
    }
    found = []
    for person in sorted(named & lives.keys()):
        life, until = ends.get(str(person)) or [0, ""]
        if life == lives[person] and (not until or until >= day):
            found.append(person)
    return found
