"""What comes due in a certification: overdue now, soon, and week by week."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from plugin.enrolment.codes import ASSIGNED, EXPIRED, IN_PROGRESS, INACTIVE_HOLDS, WINDOW_OPEN
from plugin.enrolment.tables import Enrolment

WEEK = 7 * 86400
WEEKS = 13
"""How far ahead is looked: about ninety days."""
SOON = 30 * 86400


@dataclass(frozen=True)
class Outlook:
    """Learners whose due date has passed, falls within 30 days, and falls into each week from now."""

    overdue: int
    soon: int
    weeks: tuple[int, ...]


def outlook(session: Session, host_id: int, certification: int, now: int) -> Outlook:
    """Counts over the active learners who have something to complete. :param now: an instant, in seconds."""
    open_states = [ASSIGNED, IN_PROGRESS, WINDOW_OPEN, EXPIRED]
    conditions = (
        Enrolment.host_id == host_id, Enrolment.certification == certification, Enrolment.state.in_(open_states),
        Enrolment.hold.not_in(INACTIVE_HOLDS),
    )  # fmt: skip

    def count(*more: ColumnElement[bool]) -> int:
        return session.scalar(select(func.count()).select_from(Enrolment).where(*conditions, *more)) or 0

    ahead = (Enrolment.due >= now, Enrolment.due < now + WEEKS * WEEK)
    week = ((Enrolment.due - now) // WEEK).label("week")
    found = {
        int(row[0] or 0): int(row[1])
        for row in session.execute(select(week, func.count()).where(*conditions, *ahead).group_by(week))
    }
    return Outlook(
        overdue=count(Enrolment.due < now),
        soon=count(Enrolment.due >= now, Enrolment.due < now + SOON),
        weeks=tuple(found.get(number, 0) for number in range(WEEKS)),
    )
