"""What was sent: to whom and what became of it, and what lies there for somebody to fetch."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from plugin.core.errors import NotFound
from plugin.reports.sending.schedules import ScheduleOwner
from plugin.reports.sending.tables import ReportSending

SHOWN = 200
"""Sendings of a list, the latest first."""


def of_site(session: Session, host_id: int, owner: ScheduleOwner | None) -> Sequence[ReportSending]:
    """The latest sendings of the whole site, or of one owner."""
    query = select(ReportSending).where(ReportSending.host_id == host_id)
    if owner is not None:
        query = query.where(_by(owner))
    return session.scalars(query.order_by(ReportSending.id.desc()).limit(SHOWN)).all()


def mine(session: Session, host_id: int, owner: ScheduleOwner, now: int) -> list[ReportSending]:
    """What lies there for somebody: of her own schedules, and what was too large to be sent to her."""
    query = select(ReportSending).where(ReportSending.host_id == host_id, ReportSending.kept_until > now)
    rows = session.scalars(query.order_by(ReportSending.id.desc())).all()
    return [row for row in rows if _is_for(row, owner)]


def sending_for(session: Session, host_id: int, owner: ScheduleOwner, number: int, now: int) -> ReportSending:
    """One of these.

    :raises NotFound: where it is not hers, or lies there no longer.
    """
    row = session.get(ReportSending, (host_id, number))
    if row is None or row.kept_until <= now or not _is_for(row, owner):
        raise NotFound("There is no such report, or its thirty days are over.")
    return row


def _by(owner: ScheduleOwner) -> ColumnElement[bool]:
    own = and_(ReportSending.owner == owner.key, ReportSending.owner_person.is_(None))
    return own if owner.person is None else or_(own, ReportSending.owner_person == owner.person)


def _is_for(row: ReportSending, owner: ScheduleOwner) -> bool:
    if owner.person is not None and (row.owner_person == owner.person or owner.person in row.people):
        return True
    return row.owner_person is None and row.owner == owner.key
