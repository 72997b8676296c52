"""How much of what a certification wants stands at the host."""

from __future__ import annotations

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from plugin.certifications.tables import CourseSetCourse
from plugin.core.database.area_conditions import inside
from plugin.delivery.tables import Seat


def places(session: Session, host_id: int, certification: int) -> tuple[int, int, int]:
    """Course places of a certification's courses: those still owed, those refused by the host, and all."""
    courses = select(CourseSetCourse.course).where(
        CourseSetCourse.host_id == host_id, CourseSetCourse.certification == certification
    )
    row = session.execute(
        select(
            func.sum(case((Seat.owed & Seat.parked.is_(None), 1), else_=0)),
            func.sum(case((Seat.parked.is_not(None), 1), else_=0)),
            func.count(),
        ).where(Seat.host_id == host_id, Seat.course.in_(courses), *inside(session, host_id, Seat.person))
    ).one()
    return int(row[0] or 0), int(row[1] or 0), int(row[2] or 0)
