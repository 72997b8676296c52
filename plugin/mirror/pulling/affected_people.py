"""Who is touched when a job, a unit or an audience changes?"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch_named

_REPORTS = "SELECT id FROM job WHERE host_id = ? AND manager_job_ext = '' AND manager IN ({names})"


def _ids(session: Session, sql: str, host_id: int, ids: Iterable[int]) -> set[int]:
    return {row[0] for row in fetch_named(session, sql, ids, host_id)} - {None}


def below_jobs(session: Session, host_id: int, jobs: Iterable[int]) -> set[int]:
    """The people of these jobs and of every job whose reporting line runs through one of them; loops end."""
    seen: set[int] = set()
    found: set[int] = set()
    level = set(jobs)
    while level:
        seen |= level
        people = _ids(session, "SELECT person FROM job WHERE host_id = ? AND id IN ({names})", host_id, level)
        by_job = _ids(session, "SELECT id FROM job WHERE host_id = ? AND manager_job IN ({names})", host_id, level)
        by_person = _ids(session, _REPORTS, host_id, people)
        found |= people
        level = (by_job | by_person) - seen
    return found


def below_people(session: Session, host_id: int, people: Iterable[int]) -> set[int]:
    """Everybody whose reporting line runs through one of these people."""
    jobs = _ids(session, "SELECT id FROM job WHERE host_id = ? AND person IN ({names})", host_id, people)
    return below_jobs(session, host_id, jobs)


def in_units(session: Session, host_id: int, units: Iterable[int]) -> set[int]:
    """People with a job, current or not, in one of these units or under it."""
    sql = (
        "SELECT DISTINCT j.person FROM job j JOIN unit u ON u.host_id = j.host_id AND u.id IN (j.organisation, j.position)"
        " JOIN unit a ON a.host_id = u.host_id AND a.kind = u.kind AND a.lft <= u.lft AND a.rgt >= u.lft"
        " WHERE j.host_id = ? AND a.id IN ({names})"
    )
    return _ids(session, sql, host_id, units)


def in_audiences(session: Session, host_id: int, audiences: Iterable[int]) -> set[int]:
    """The members of these audiences."""
    sql = "SELECT DISTINCT person FROM audience_member WHERE host_id = ? AND audience IN ({names})"
    return _ids(session, sql, host_id, audiences)
