"""What somebody sees of the mirror who looks after an area: its people, and what they belong to (ACCESS 3)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from plugin.core.area_scope import area_of
from plugin.core.database.area_conditions import among_people, inside
from plugin.mirror.tables import AudienceMember, Job, Person, Unit


def seen(session: Session, host_id: int, table: Any) -> list[ColumnElement[bool]]:
    """Conditions on people, units or audiences; none where the session may look at everybody."""
    area = area_of(session, host_id)
    if area is None:
        return []
    if table is Person:
        return inside(session, host_id, Person.id)
    if table is Unit:
        return [Unit.id.in_(sorted(units_seen(session, host_id) or ()))]
    if table.__tablename__ == "audience":
        members = select(AudienceMember.audience).where(AudienceMember.host_id == host_id)
        return [table.id.in_(members.where(among_people(session, AudienceMember.person, area)))]
    return []


def units_seen(session: Session, host_id: int) -> set[int] | None:
    """Units that somebody inside works in, and those above them, so that a tree leads there; ``None`` for all."""
    area = area_of(session, host_id)
    if area is None:
        return None
    jobs = select(Job.organisation, Job.position).where(Job.host_id == host_id, Job.gone.is_(False))
    rows = session.execute(jobs.where(among_people(session, Job.person, area)).distinct())
    open_ones = {one for row in rows for one in row if one is not None}
    query = select(Unit.id, Unit.parent).where(Unit.host_id == host_id)
    parents = {row[0]: row[1] for row in session.execute(query)}
    found: set[int] = set()
    while open_ones:
        found |= open_ones
        above = {parents.get(one) for one in open_ones}
        open_ones = {one for one in above if one is not None} - found
    return found
