"""Courses of certifications in which nobody can finish: deleted, hidden, without completion, closed to enrolment.

A course keeps its name when the host deletes it, so that a page can still say which one it was.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from plugin.enrolment.answers.withdrawal_guard import ACTIVE

GONE, UNTRACKED, HIDDEN, CLOSED = "gone", "untracked", "hidden", "closed"
"""What is wrong, the worst first; of a course that ails in several ways the first is said."""

_AILS = "(c.gone OR NOT c.visible OR NOT c.completion OR NOT c.criteria OR NOT c.enrollable)"
_COLUMNS = "c.id, c.ext, c.name, c.gone, c.visible, c.completion, c.criteria, c.enrollable"


@dataclass(frozen=True)
class Unreachable:
    """One course of a certification that nobody can finish, and how many of its learners that matters to.

    :ivar course: the host's id. :ivar kind: one of the words above.
    :ivar waiting: active learners who have not completed it.
    """

    course: str
    name: str
    kind: str
    waiting: int = 0


def course_problem(
    gone: object, visible: object, completion: object = None, criteria: object = None, enrollable: object = None
) -> str:
    """The word for what is wrong with a course, empty where nothing is; what the host does not tell counts as well."""
    if gone:
        return GONE
    if (completion is not None and not completion) or (criteria is not None and not criteria):
        return UNTRACKED
    if not visible:
        return HIDDEN
    return CLOSED if enrollable is not None and not enrollable else ""


def unreachable_in(session: Session, host_id: int, certification: int) -> list[Unreachable]:
    """The courses of one certification, on either path, in which something is wrong; by name."""
    rows = session.execute(
        text(
            f"SELECT DISTINCT {_COLUMNS} FROM course_set k JOIN course c ON c.host_id = k.host_id AND c.id = k.course"
            f" WHERE k.host_id = :host AND k.certification = :certification AND {_AILS} ORDER BY c.name, c.id"
        ),
        {"host": host_id, "certification": certification},
    ).all()
    return [
        Unreachable(
            row[1], row[2] or row[1], course_problem(*row[3:]), _waiting(session, host_id, certification, row[0])
        )
        for row in rows
    ]


def _waiting(session: Session, host_id: int, certification: int, course: int) -> int:
    """Learners who are enrolled and have not completed this course."""
    return int(
        session.scalar(
            text(
                "SELECT count(*) FROM enrolment e WHERE e.host_id = :host AND e.certification = :certification"
                f" AND {ACTIVE} AND NOT EXISTS (SELECT 1 FROM completion d WHERE d.host_id = e.host_id"
                " AND d.person = e.person AND d.course = :course AND NOT d.gone AND NOT d.reset)"
            ),
            {"host": host_id, "certification": certification, "course": course},
        )
        or 0
    )


def with_unreachable(session: Session, host_id: int, certifications: Sequence[int]) -> set[int]:
    """Which of these certifications have a course that nobody can finish."""
    if not certifications:
        return set()
    listed = ", ".join(str(int(one)) for one in certifications)
    rows = session.execute(
        text(
            "SELECT DISTINCT k.certification FROM course_set k JOIN course c ON c.host_id = k.host_id AND c.id = k.course"
            f" WHERE k.host_id = :host AND k.certification IN ({listed}) AND {_AILS}"
        ),
        {"host": host_id},
    )
    return {int(row[0]) for row in rows}
