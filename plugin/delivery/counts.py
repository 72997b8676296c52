"""How much of what a certification wants stands at the host."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session


def places(session: Session, host_id: int, certification: int) -> tuple[int, int, int]:
    """Course places of a certification's courses: those still owed, those refused by the host, and all."""
    row = session.execute(
        text(
            "SELECT sum(CASE WHEN owed AND parked IS NULL THEN 1 ELSE 0 END),"
            " sum(CASE WHEN parked IS NOT NULL THEN 1 ELSE 0 END), count(*) FROM seat"
            " WHERE host_id = :host AND course IN"
            " (SELECT course FROM course_set WHERE host_id = :host AND certification = :certification)"
        ),
        {"host": host_id, "certification": certification},
    ).one()
    return int(row[0] or 0), int(row[1] or 0), int(row[2] or 0)
