"""Who is touched when a job, a unit or an audience changes?"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from plugin.core.database.slices import slices

_SLICE = 500


def _ids(session: Session, sql: str, host_id: int, ids: Iterable[int]) -> set[int]:
    statement = text(sql).bindparams(bindparam("ids", expanding=True))
    wanted = sorted(set(ids))
    found: set[int] = set()
    for part in slices(wanted, _SLICE):
        rows = session.execute(statement, {"host": host_id, "ids": part})
        found.update(row[0] for row in rows if row[0] is not None)
    return found


def below_jobs(session: Session, host_id: int, jobs: Iterable[int]) -> set[int]:
    """The people of these jobs and of every job whose reporting line runs through one of them; loops end."""
    seen: set[int] = set()
    level = set(jobs)
    while level:
        seen |= level
        by_job = _ids(session, "SELECT id FROM job WHERE host_id = :host AND manager_job IN :ids", host_id, level)
        people = _ids(session, "SELECT person FROM job WHERE host_id = :host AND id IN :ids", host_id, level)
        by_person = _ids(
            session,
            "SELECT id FROM job WHERE host_id = :host AND manager_job_ext = '' AND manager IN :ids",
            host_id,
            people,
        )
        level = (by_job | by_person) - seen
    return _ids(session, "SELECT person FROM job WHERE host_id = :host AND id IN :ids", host_id, seen)


def below_people(session: Session, host_id: int, people: Iterable[int]) -> set[int]:
    """Everybody whose reporting line runs through one of these people."""
    jobs = _ids(session, "SELECT id FROM job WHERE host_id = :host AND person IN :ids", host_id, people)
    return below_jobs(session, host_id, jobs)


def in_units(session: Session, host_id: int, units: Iterable[int]) -> set[int]:
    """People with a job, current or not, in one of these units or under it."""
    sql = (
        "SELECT DISTINCT j.person FROM job j JOIN unit u ON u.host_id = j.host_id AND u.id IN (j.organisation, j.position)"
        " JOIN unit a ON a.host_id = u.host_id AND a.kind = u.kind AND a.lft <= u.lft AND a.rgt >= u.lft"
        " WHERE j.host_id = :host AND a.id IN :ids"
    )
    return _ids(session, sql, host_id, units)


def in_audiences(session: Session, host_id: int, audiences: Iterable[int]) -> set[int]:
    """The members of these audiences."""
    sql = "SELECT DISTINCT person FROM audience_member WHERE host_id = :host AND audience IN :ids"
    return _ids(session, sql, host_id, audiences)
