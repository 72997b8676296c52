"""Open exceptions and the answers in force as lists: searched, counted by type, a page at a time (rules 4.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from plugin.core.database.area_conditions import inside
from plugin.enrolment.answers.exceptions import ChosenExceptions, of_same, waits
from plugin.enrolment.codes import EXCEPTION_TYPES, WITHDRAWN
from plugin.enrolment.tables import Decision, Enrolment, ExceptionRow
from plugin.mirror.tables import Person


@dataclass(frozen=True)
class OpenException:
    """An open exception of a learner.

    :ivar since: when it was raised; ``wanted`` the date it is about, epoch seconds, or ``None``.
    """

    person: Person
    type: str
    since: int
    wanted: int | None


@dataclass(frozen=True)
class Answered:
    """An answer in force: ``action`` as in AS-CODE; ``who`` is ``rule`` for a standing answer."""

    person: Person
    type: str
    action: str
    at: int
    who: str


def open_counts(session: Session, host_id: int) -> dict[int, int]:
    """By certification, how many exceptions wait for an answer."""
    rows = session.execute(
        select(ExceptionRow.certification, func.count())
        .where(ExceptionRow.host_id == host_id, waits(), *inside(session, host_id, ExceptionRow.person))
        .group_by(ExceptionRow.certification)
    )
    return {row[0]: int(row[1]) for row in rows}


def counts_open(session: Session, host_id: int, certification: int, words: str = "") -> Mapping[str, int]:
    """Open exceptions by type, of learners found by ``words``; types without any are left out."""
    conditions = ChosenExceptions(words=words).conditions(session, host_id, ExceptionRow)
    rows = session.execute(
        select(ExceptionRow.type, func.count())
        .where(ExceptionRow.host_id == host_id, ExceptionRow.certification == certification, waits(), *conditions)
        .where(*inside(session, host_id, ExceptionRow.person))
        .group_by(ExceptionRow.type)
    )
    return {EXCEPTION_TYPES[row[0]]: row[1] for row in rows}


def _ordered(order: str, columns: Mapping[str, Any], usual: tuple[Any, ...]) -> tuple[Any, ...]:
    """By a column, those without a value last, else as usual; ``-`` in front is the other way round."""
    column = columns.get(order.removeprefix("-"))
    if column is None:
        return usual
    return (column.is_(None), column.desc() if order.startswith("-") else column, Person.name, Person.id)


def open_page(
    session: Session,
    host_id: int,
    certification: int,
    chosen: ChosenExceptions,
    *,
    limit: int,
    offset: int,
    order: str = "",
) -> list[OpenException]:
    """Open exceptions by the learner's name.

    :param order: ``name``, ``type``, ``wanted`` or ``at``, with ``-`` in front the other way round.
    """
    columns = {
        "name": Person.name, "type": ExceptionRow.type, "wanted": ExceptionRow.wanted_due, "at": ExceptionRow.since,
    }  # fmt: skip
    same = (Person.host_id == ExceptionRow.host_id) & (Person.id == ExceptionRow.person)
    rows = session.execute(
        select(ExceptionRow, Person)
        .join(Person, same)
        .where(ExceptionRow.host_id == host_id, ExceptionRow.certification == certification)
        .where(
            waits(), *chosen.conditions(session, host_id, ExceptionRow), *inside(session, host_id, ExceptionRow.person)
        )
        .order_by(*_ordered(order, columns, (Person.name, Person.id)))
        .limit(limit)
        .offset(offset)
    )
    return [OpenException(person, EXCEPTION_TYPES[row.type], row.since, row.wanted_due) for row, person in rows]


def counts_answered(session: Session, host_id: int, certification: int, words: str = "") -> Mapping[str, int]:
    """Answers in force by type of what was answered."""
    rows = session.execute(
        select(Decision.type, func.count())
        .join(Enrolment, _SPELL)
        .where(*_in_force(host_id, certification))
        .where(
            *ChosenExceptions(words=words).conditions(session, host_id, Decision),
            *inside(session, host_id, Decision.person),
        )
        .group_by(Decision.type)
    )
    return {EXCEPTION_TYPES[row[0]]: row[1] for row in rows}


def answered_page(
    session: Session,
    host_id: int,
    certification: int,
    chosen: ChosenExceptions,
    *,
    limit: int,
    offset: int,
    order: str = "",
) -> list[Answered]:
    """Answers in force, the newest first.

    :param order: ``name``, ``type``, ``action``, ``who`` or ``at``, with ``-`` in front the other way round.
    """
    columns = {
        "name": Person.name, "type": Decision.type, "action": Decision.action, "who": Decision.who, "at": Decision.at,
    }  # fmt: skip
    same = (Person.host_id == Decision.host_id) & (Person.id == Decision.person)
    rows = session.execute(
        select(Decision, Person)
        .join(Enrolment, _SPELL)
        .join(Person, same)
        .where(*_in_force(host_id, certification))
        .where(*chosen.conditions(session, host_id, Decision), *inside(session, host_id, Decision.person))
        .order_by(*_ordered(order, columns, (Decision.at.desc(), Person.name, Person.id)))
        .limit(limit)
        .offset(offset)
    )
    return [Answered(person, EXCEPTION_TYPES[row.type], row.action, row.at, row.who) for row, person in rows]


_SPELL = of_same(Decision) & (Enrolment.spell == Decision.spell)
"""An answer stands for the spell it was given in."""


def _in_force(host_id: int, certification: int) -> tuple[ColumnElement[bool], ...]:
    return (Decision.host_id == host_id, Decision.certification == certification, Enrolment.state != WITHDRAWN)
