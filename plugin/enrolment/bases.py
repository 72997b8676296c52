"""From what day is a relative due date counted? The event of each setting, for many people (DOMAIN 3.1, 3.2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from plugin.certifications.dates import AfterDue, Due, FixedDue, NoDue, due_instant, relative_due
from plugin.certifications.profile_dates import parse_profile_date
from plugin.certifications.tables import Certification
from plugin.enrolment.facts import NONE, Ints
from plugin.mirror.tables import Connection, Course, Unit

_EVERYONE_ABOVE = 4000


class Bases:
    """Looks events up, once for each setting and set of people.

    :param began: for each of ``people``, when the present spell began (the enrolment date).
    """

    def __init__(self, session: Session, host_id: int, zone: str, people: Ints, began: Ints) -> None:
        self._session, self._host_id, self._zone = session, host_id, zone
        self._people, self._began = people, began

    def dates(self, due: Due, where: Ints) -> Ints:
        """The due dates that a setting means for the people at these positions; ``NONE`` where there is none yet."""
        if isinstance(due, NoDue):
            return np.full(len(where), NONE)
        if isinstance(due, FixedDue):
            return self._fixed(due, where)
        return relative_due(self.events(due, where), due.amount, due.unit, self._zone)

    def _fixed(self, due: FixedDue, where: Ints) -> Ints:
        if due.zone != "learner":
            return np.full(len(where), due_instant(due, None, self._zone))
        zones = self._column("SELECT id, time_zone FROM person WHERE host_id = :host", where, str)
        instants = {zone: due_instant(due, None, self._zone, zone or None) for zone in set(zones.values()) | {""}}
        return np.array([instants[zones.get(person, "")] for person in self._people[where].tolist()], np.int64)

    def events(self, due: AfterDue, where: Ints) -> Ints:
        """The instants of the event; ``NONE`` where it is not known."""
        finders: dict[str, Callable[[str | None, Ints], dict[int, int]]] = {
            "first_login": self._first_login,
            "position_assigned": self._position_assigned,
            "job_start": self._job_start,
            "certification_completion": self._certification,
            "course_completion": self._course,
            "profile_date": self._profile,
        }
        if due.event == "enrolment":
            return self._began[where]
        found = finders[due.event](due.item, where)
        return np.array([found.get(person, NONE) for person in self._people[where].tolist()], np.int64)

    def _first_login(self, _item: str | None, where: Ints) -> dict[int, int]:
        sql = "SELECT id, first_login FROM person WHERE host_id = :host AND first_login IS NOT NULL"
        return self._column(sql, where, int)

    def _position_assigned(self, item: str | None, where: Ints) -> dict[int, int]:
        return self._latest_of_jobs("position_since", item, where)

    def _job_start(self, item: str | None, where: Ints) -> dict[int, int]:
        return self._latest_of_jobs("starts", item, where)

    def _latest_of_jobs(self, column: str, item: str | None, where: Ints) -> dict[int, int]:
        """The latest over the learner's jobs with the position (DOMAIN 3.2)."""
        unit = self._session.scalar(select(Unit.id).where(Unit.host_id == self._host_id, Unit.ext == item))
        sql = (
            f"SELECT person, max({column}) FROM job WHERE host_id = :host AND NOT gone AND position = :item"
            f" AND {column} IS NOT NULL{{people}} GROUP BY person"
        )
        return self._column(sql, where, int, item=unit, name="person")

    def _certification(self, item: str | None, where: Ints) -> dict[int, int]:
        other = self._session.scalar(
            select(Certification.id).where(Certification.host_id == self._host_id, Certification.code == item)
        )
        sql = (
            "SELECT person, certified_at FROM enrolment WHERE host_id = :host AND certification = :item"
            " AND certified_at IS NOT NULL"
        )
        return self._column(sql, where, int, item=other, name="person")

    def _course(self, item: str | None, where: Ints) -> dict[int, int]:
        course = self._session.scalar(select(Course.id).where(Course.host_id == self._host_id, Course.ext == item))
        sql = (
            "SELECT person, max(at) FROM completion WHERE host_id = :host AND course = :item AND NOT gone"
            " AND NOT reset AND at IS NOT NULL{people} GROUP BY person"
        )
        return self._column(sql, where, int, item=course, name="person")

    def _profile(self, item: str | None, where: Ints) -> dict[int, int]:
        mapping = self._session.scalar(select(Connection.mapping).where(Connection.host_id == self._host_id)) or {}
        declared = (mapping.get("date_formats") or {}).get(item)
        found: dict[int, int] = {}
        for person, fields in self._column(
            "SELECT id, fields FROM person WHERE host_id = :host", where, _fields
        ).items():
            instant = parse_profile_date(fields.get(item), declared, self._zone)
            if instant is not None:
                found[person] = instant
        return found

    def _column(
        self, sql: str, where: Ints, read: Callable[[Any], Any], *, item: int | None = None, name: str = "id"
    ) -> dict[int, Any]:
        """Run ``SELECT person, value …`` for these people, in slices, or for everyone where they are many."""
        people = self._people[where]
        parameters: dict[str, Any] = {"host": self._host_id, "item": item}
        found: dict[int, Any] = {}
        for ids in self._slices(people):
            condition = "" if ids is None else f" AND {name} IN :ids"
            full = sql.replace("{people}", condition) if "{people}" in sql else sql + condition
            statement = text(full)
            if ids is not None:
                statement = statement.bindparams(bindparam("ids", expanding=True))
                parameters["ids"] = ids
            for person, value in self._session.execute(statement, parameters):
                if value is not None:
                    found[int(person)] = read(value)
        return found

    def _slices(self, people: Ints) -> Iterator[list[int] | None]:
        if len(people) > _EVERYONE_ABOVE:
            yield None
            return
        for start in range(0, len(people), 500):
            yield people[start : start + 500].tolist()


def _fields(value: Any) -> dict[str, Any]:
    loaded = json.loads(value) if isinstance(value, str) else value
    return loaded if isinstance(loaded, dict) else {}
