"""From what day is a relative due date counted? The event of each setting, for many people (rules 3.1, 3.2)."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.rules.due_dates import AfterDue, Due, FixedDue, NoDue, due_instant, relative_due
from plugin.certifications.rules.profile_dates import parse_profile_date
from plugin.certifications.tables import Certification
from plugin.core.database.bulk import fetch, only
from plugin.enrolment.facts import NONE, Ints
from plugin.mirror.connections.store import site_of
from plugin.mirror.tables import Course, Unit


class Bases:
    """Looks events up, once for each setting and set of people.

    :param people: sorted ids.
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
        zones = dict(self._rows("SELECT id, time_zone FROM person WHERE host_id = ?", where, (), "id"))
        instants = {zone: due_instant(due, None, self._zone, zone or None) for zone in {*zones.values(), ""}}
        return np.array([instants[zones.get(person, "")] for person in self._people[where].tolist()], np.int64)

    def events(self, due: AfterDue, where: Ints) -> Ints:
        """The instants of the event; ``NONE`` where it is not known."""
        finders: dict[str, Callable[[str | None, Ints], Ints]] = {
            "first_login": self._first_login,
            "position_assigned": self._position_assigned,
            "job_start": self._job_start,
            "certification_completion": self._certification,
            "course_completion": self._course,
            "profile_date": self._profile,
        }
        if due.event == "enrolment":
            return self._began[where]
        return finders[due.event](due.item, where)

    def _first_login(self, _item: str | None, where: Ints) -> Ints:
        return self._numbers("SELECT id, first_login FROM person WHERE host_id = ? AND first_login IS NOT NULL", where)

    def _position_assigned(self, item: str | None, where: Ints) -> Ints:
        return self._latest_of_jobs("position_since", item, where)

    def _job_start(self, item: str | None, where: Ints) -> Ints:
        return self._latest_of_jobs("starts", item, where)

    def _latest_of_jobs(self, column: str, item: str | None, where: Ints) -> Ints:
        """The latest over the learner's jobs with the position (rules 3.2)."""
        unit = self._session.scalar(
            select(Unit.id).where(Unit.host_id == self._host_id, Unit.kind == "position", Unit.ext == item)
        )
        sql = (
            f"SELECT person, {column} FROM job WHERE host_id = ? AND NOT gone AND position = ? AND {column} IS NOT NULL"
        )
        return self._numbers(sql, where, unit or 0, name="person")

    def _certification(self, item: str | None, where: Ints) -> Ints:
        other = self._session.scalar(
            select(Certification.id).where(Certification.host_id == self._host_id, Certification.code == item)
        )
        sql = (
            "SELECT person, certified_at FROM enrolment WHERE host_id = ? AND certification = ?"
            " AND certified_at IS NOT NULL"
        )
        return self._numbers(sql, where, other or 0, name="person")

    def _course(self, item: str | None, where: Ints) -> Ints:
        course = self._session.scalar(select(Course.id).where(Course.host_id == self._host_id, Course.ext == item))
        sql = (
            "SELECT person, at FROM completion WHERE host_id = ? AND course = ? AND NOT gone AND NOT reset"
            " AND at IS NOT NULL AND person IS NOT NULL"
        )
        return self._numbers(sql, where, course or 0, name="person")

    def _profile(self, item: str | None, where: Ints) -> Ints:
        site = site_of(self._session, self._host_id)
        mapping = site.mapping if site is not None else {}
        declared = (mapping.get("date_formats") or {}).get(item or "")
        rows = []
        for person, fields in self._rows("SELECT id, fields FROM person WHERE host_id = ?", where, (), "id"):
            instant = parse_profile_date(_fields(fields).get(item or ""), declared, self._zone)
            if instant is not None:
                rows.append((person, instant))
        return self._latest(rows, where)

    def _numbers(self, sql: str, where: Ints, *values: int, name: str = "id") -> Ints:
        """Run ``SELECT person, number …`` for these people; the latest of each."""
        return self._latest(self._rows(sql, where, values, name), where)

    def _rows(self, sql: str, where: Ints, values: Sequence[int], name: str) -> list[tuple[Any, ...]]:
        people = self._people[where]
        if not len(people):
            return []
        return fetch(self._session, f"{sql} AND {only(name, people)}", self._host_id, *values)

    def _latest(self, rows: list[tuple[int, int]], where: Ints) -> Ints:
        people = self._people[where]
        found = np.full(len(people), NONE)
        if rows:
            pairs = np.array(rows, dtype=np.int64)
            pairs = pairs[np.isin(pairs[:, 0], people)]
            np.maximum.at(found, np.searchsorted(people, pairs[:, 0]), pairs[:, 1])
        return found


def _fields(value: Any) -> dict[str, Any]:
    loaded = json.loads(value) if isinstance(value, str) else value
    return loaded if isinstance(loaded, dict) else {}
