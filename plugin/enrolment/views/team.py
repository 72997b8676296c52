"""Who is in a manager's team (rules 10)."""

from __future__ import annotations

from pyroaring import BitMap
from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from plugin.certifications.resolve import resolve
from plugin.core.ids import read_clock
from plugin.mirror.tables import Job
from plugin.population.sets import population


def leads(session: Session, host_id: int, person: int) -> bool:
    """Whether the mirror says that others report to this person, whatever roles she was launched with."""
    own, (_seq, now) = aliased(Job), read_clock(session, host_id)
    hers = select(own.id).where(own.host_id == host_id, own.person == person, ~own.gone)
    reports = select(Job.id).where(
        Job.host_id == host_id, ~Job.gone, ~Job.temporary, Job.person.is_not(None), Job.person != person,
        or_(Job.manager_job.in_(hers), (Job.manager_job_ext == "") & (Job.manager == person)),
        or_(Job.starts.is_(None), Job.starts <= now), or_(Job.ends.is_(None), Job.ends > now),
    )  # fmt: skip
    return session.scalar(reports.limit(1)) is not None


def team_of(session: Session, host_id: int, person: int, *, below: bool) -> BitMap:
    """Who reports to any of her jobs, with ``below`` everybody under them; she is not in it."""
    people = population(session, host_id)
    jobs = session.scalars(select(Job.id).where(Job.host_id == host_id, Job.person == person, ~Job.gone))
    found: BitMap = BitMap()
    for job in jobs:
        found |= resolve(session, people, ("manager", job, "below" if below else "direct"))
    found.discard(person)
    return found
