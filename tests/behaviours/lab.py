"""A small host for the behaviours: who is in, by when, why, what waits, what is told; and a control that never moves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from plugin.certifications.definition import AssignmentDef
from plugin.delivery.tables import WANTS, Message, Seat
from plugin.enrolment.answers.exceptions import answer
from plugin.enrolment.saving.proposal import certification_id
from plugin.enrolment.tables import Enrolment
from plugin.enrolment.views.show import show_rows
from plugin.mirror.tables import Course, Person
from tests.world import HOST, World, row

__all__ = ["CONTENT", "DAY", "PERIOD", "Lab", "on", "row"]

DAY = 86_400
CONTENT = {"certification": [{"name": "Core", "courses": ["c1"], "needs": "all"}]}
BOTH = {**CONTENT, "recertification": [{"name": "Again", "courses": ["c2"], "needs": "all"}]}
PERIOD = {"active": "1 year", "window": "1 month", "expiry_from": "completion"}


def on(text: str) -> int:
    """The instant of a day (noon) or a date-time, UTC."""
    moment = datetime.fromisoformat(text if "T" in text else text + "T12:00")
    return int(moment.replace(tzinfo=UTC).timestamp())


def timed(days: int, course: str = "c1") -> dict[str, Any]:
    """Content that takes at least so many days."""
    return {"certification": [{"name": "Core", "courses": [course], "needs": "all", "minimum": f"{days} days"}]}


class Lab(World):
    """A world with questions: the same that pages and commands ask."""

    def number(self, code: str = "fs") -> int:
        """Our id of a certification."""
        with self.runtime.db.read() as session:
            return certification_id(session, HOST, code)

    def rows(self, code: str = "fs") -> dict[str, dict[str, Any]]:
        """What ``muster show`` prints, by person."""
        with self.runtime.db.read() as session:
            return {one["person"]: one for one in show_rows(session, HOST, certification_id(session, HOST, code))}

    def active(self, code: str = "fs") -> set[str]:
        return {who for who, one in self.rows(code).items() if one["active"]}

    def due(self, person: str, code: str = "fs") -> str | None:
        found: str | None = self.rows(code)[person]["due"]
        return found

    def exception(self, person: str, code: str = "fs") -> str | None:
        found = self.rows(code)[person]["exception"]
        return found["type"] if found else None

    def exceptions(self, code: str = "fs") -> dict[str, str]:
        return {who: one["exception"]["type"] for who, one in self.rows(code).items() if one["exception"]}

    def facts(self, code: str = "fs") -> list[tuple[Any, ...]]:
        """Every column of every row: for saying that nothing at all changed."""
        with self.runtime.db.read() as session:
            found = session.scalars(
                select(Enrolment)
                .where(Enrolment.certification == certification_id(session, HOST, code))
                .order_by(Enrolment.person)
            )
            return [tuple(getattr(one, column.name) for column in Enrolment.__table__.columns) for one in found]

    def seats(self, course: str) -> dict[str, str]:
        """What is wanted of a course, by person."""
        with self.runtime.db.read() as session:
            found = session.execute(
                select(Person.ext, Seat.wanted)
                .join(Seat, (Seat.host_id == Person.host_id) & (Seat.person == Person.id))
                .join(Course, (Course.host_id == Seat.host_id) & (Course.id == Seat.course))
                .where(Course.ext == course)
            )
            return {person: WANTS[wanted] for person, wanted in found}

    def told(self, *states: str) -> list[tuple[str, str, str]]:
        """Messages: event, learner, recipient, oldest first; cancelled ones left out."""
        with self.runtime.db.read() as session:
            names = {one.id: one.ext for one in session.scalars(select(Person))}
            found = session.scalars(select(Message).order_by(Message.id))
            wanted = states or ("waiting", "owed", "sending", "sent")
            return [(one.when, names[one.learner], names[one.recipient]) for one in found if one.state in wanted]

    def answer(self, action: str, *people: str, code: str = "fs", kind: str | None = None) -> int:
        """Answer exceptions as an administrator, and settle."""
        ids = [self.id(one) for one in people]
        done = answer(self.runtime, HOST, self.number(code), action, who="admin", people=ids, kind=kind)
        self.settle()
        return done

    def id(self, person: str) -> int:
        with self.runtime.db.read() as session:
            return session.scalars(select(Person.id).where(Person.ext == person)).one()

    def later(self, days: float) -> None:
        """Move the clock on and do what is owed then."""
        self.at(self.now + int(days * DAY))
        self.settle()


def individuals(*names: str, due: Any = "none") -> list[AssignmentDef]:
    """An assignment for each."""
    return [row("individual", name, due=due) for name in names]
