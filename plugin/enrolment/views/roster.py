"""The learners of a certification, a page at a time, with why each is there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from plugin.certifications.tables import Assignment
from plugin.core.database.area_conditions import among_people, inside
from plugin.enrolment.answers.exception_list import counts_open
from plugin.enrolment.codes import EXCEPTION_TYPES, HOLDS, INACTIVE_HOLDS, STATES, WITHDRAWN
from plugin.enrolment.tables import Enrolment, ExceptionRow, WhySet
from plugin.mirror.lookup.browse import Described, describe, names_of_people
from plugin.mirror.lookup.search import find
from plugin.mirror.tables import Person

_MOST_FOUND = 5_000


@dataclass(frozen=True)
class HoldingAssignment:
    """An assignment that holds a learner."""

    type: str
    name: str


@dataclass(frozen=True)
class Learner:
    """A learner's row. ``held`` and ``exception`` are the words of AS-CODE, or ``None``."""

    person: Person
    state: str
    active: bool
    held: str | None
    due: int | None
    due_from: HoldingAssignment | None
    reasons: tuple[HoldingAssignment, ...]
    exception: str | None
    frozen: bool
    completed: int | None = None
    """When she completed it last; ``expires``: until when that is valid, ``window_opens``: from when she can renew it."""
    expires: int | None = None
    window_opens: int | None = None


_DATES = {"due": Enrolment.due, "completed": Enrolment.certified_at, "expires": Enrolment.expires}
ORDERS = ("name", "state", *_DATES)
"""What a list of learners may be ordered by; with ``-`` in front the other way round."""


def _ordered(order: str) -> tuple[Any, ...]:
    """Whoever has no date comes last, either way round; equal ones by name."""
    name, down = order.removeprefix("-"), order.startswith("-")
    if name == "name":
        return (Person.name.desc(), Enrolment.person.desc()) if down else (Person.name, Enrolment.person)
    column = _DATES.get(name, Enrolment.state)
    missing = (column.is_(None),) if name in _DATES else ()
    return (*missing, column.desc() if down else column, Person.name, Enrolment.person)


def learners(
    session: Session,
    host_id: int,
    certification: int,
    *,
    order: str = "",
    limit: int = 50,
    offset: int = 0,
    **asked: Any,
) -> tuple[int, list[Learner]]:
    """Learners with a live spell, by person id or by name, and how many there are in all.

    :param order: of :data:`ORDERS`; else by person. :param asked: the filters of :func:`_conditions`.
    """
    conditions = _conditions(session, host_id, certification, **asked)
    total = session.scalar(select(func.count()).select_from(Enrolment).where(*conditions)) or 0
    listed = select(Enrolment).where(*conditions)
    if order.removeprefix("-") in ORDERS:
        same = (Person.host_id == Enrolment.host_id) & (Person.id == Enrolment.person)
        listed = listed.join(Person, same).order_by(*_ordered(order))
    else:
        listed = listed.order_by(Enrolment.person)
    rows = session.scalars(listed.limit(limit).offset(offset)).all()
    return int(total), described(session, host_id, certification, rows)


def matching(session: Session, host_id: int, certification: int, **asked: Any) -> list[int]:
    """Our ids of all learners whom :func:`learners` lists when it is asked so."""
    conditions = _conditions(session, host_id, certification, **asked)
    return list(session.scalars(select(Enrolment.person).where(*conditions).order_by(Enrolment.person)))


def _conditions(
    session: Session,
    host_id: int,
    certification: int,
    *,
    query: str = "",
    assignment: int | None = None,
    person: int | None = None,
    kind: str = "",
    state: str = "",
    exception: str = "",
    condition: str = "",
    people: BitMap | None = None,
) -> list[Any]:
    """What rows must be, to be listed.

    :param condition: SQL over rows ``e`` of enrolments, of ours. :param people: only these.
    :param query: words of a name, address or number. :param assignment: only those this assignment holds.
    :param kind: only those held by an assignment of this type; ``state``: only in this state; ``exception``: only
        with an open exception of this type, with ``any`` of whatever type. Unknown words match nobody.
    """
    conditions: list[Any] = [
        Enrolment.host_id == host_id,
        Enrolment.certification == certification,
        Enrolment.state != WITHDRAWN,
        *inside(session, host_id, Enrolment.person),
    ]
    if query.strip():
        found = find(session, host_id, "person", query, limit=_MOST_FOUND)
        conditions.append(Enrolment.person.in_([row.id for row in found.rows]))
    if person is not None:
        conditions.append(Enrolment.person == person)
    if assignment is not None:
        conditions.append(Enrolment.why.in_(_whys(session, host_id, {assignment})))
    if kind:
        of_kind = select(Assignment.id).where(
            Assignment.host_id == host_id, Assignment.certification == certification, Assignment.type == kind
        )
        conditions.append(Enrolment.why.in_(_whys(session, host_id, set(session.scalars(of_kind)))))
    if state:
        conditions.append(Enrolment.state == (STATES.index(state) if state in STATES else -1))
    if exception:
        conditions.append(Enrolment.person.in_(_with_exception(host_id, certification, exception)))
    if condition:
        conditions.append(text(re.sub(r"\be\.", "enrolment.", condition)))
    if people is not None:
        conditions.append(among_people(session, Enrolment.person, people))
    return conditions


def _whys(session: Session, host_id: int, assignments: set[int]) -> list[int]:
    """The sets of reasons that name any of these assignments."""
    sets = session.execute(select(WhySet.id, WhySet.assignments).where(WhySet.host_id == host_id))
    return [row[0] for row in sets if not assignments.isdisjoint(row[1])]


def _with_exception(host_id: int, certification: int, kind: str) -> Select[int]:
    found = select(ExceptionRow.person).where(
        ExceptionRow.host_id == host_id, ExceptionRow.certification == certification
    )
    if kind == "any":
        return found
    return found.where(ExceptionRow.type == (EXCEPTION_TYPES.index(kind) if kind in EXCEPTION_TYPES else -1))


def due_dates_of(
    session: Session, host_id: int, certification: int, people: Mapping[str, BitMap]
) -> dict[str, int | None]:
    """The due date of the one learner behind each key; keys whose learner is not enrolled are left out."""
    wanted = {next(iter(one)): key for key, one in people.items() if len(one) == 1}
    rows = session.execute(
        select(Enrolment.person, Enrolment.due).where(
            Enrolment.host_id == host_id,
            Enrolment.certification == certification,
            Enrolment.state != WITHDRAWN,
            Enrolment.person.in_(sorted(wanted)),
            *inside(session, host_id, Enrolment.person),
        )
    )
    return {wanted[row[0]]: row[1] for row in rows}


def certifications_of(session: Session, host_id: int, person: int) -> list[tuple[int, Learner]]:
    """Every certification a person is in now, by its id, with why."""
    rows = session.scalars(
        select(Enrolment).where(Enrolment.host_id == host_id, Enrolment.person == person, Enrolment.state != WITHDRAWN)
    ).all()
    return [
        (row.certification, learner)
        for row in rows
        for learner in described(session, host_id, row.certification, [row])
    ]


def described(session: Session, host_id: int, certification: int, rows: Sequence[Enrolment]) -> list[Learner]:
    """Enrolments of one certification, each with its person, reasons and exception, in the order given."""
    people = names_of_people(session, host_id, [row.person for row in rows])
    whys = {
        row.id: row.assignments
        for row in session.scalars(
            select(WhySet).where(WhySet.host_id == host_id, WhySet.id.in_({row.why for row in rows}))
        )
    }
    reasons = _reasons(session, host_id, certification)
    exceptions = {
        row.person: row
        for row in session.scalars(
            select(ExceptionRow).where(
                ExceptionRow.host_id == host_id,
                ExceptionRow.certification == certification,
                ExceptionRow.person.in_([row.person for row in rows]),
            )
        )
    }
    found = []
    for row in rows:
        raised = exceptions.get(row.person)
        found.append(
            Learner(
                person=people[row.person],
                state=STATES[row.state],
                active=row.hold not in INACTIVE_HOLDS,
                held=HOLDS[row.hold],
                due=row.due,
                due_from=reasons.get(row.due_from) if row.due_from is not None else None,
                reasons=tuple(reasons[number] for number in whys.get(row.why, ()) if number in reasons),
                exception=EXCEPTION_TYPES[raised.type] if raised is not None else None,
                frozen=row.frozen_since is not None,
                completed=row.certified_at,
                expires=row.expires,
                window_opens=row.window_opens,
            )
        )
    return found


def _reasons(session: Session, host_id: int, certification: int) -> dict[int, HoldingAssignment]:
    """Every assignment of a certification by id, removed ones too: a date may still come from one."""
    rows = session.scalars(
        select(Assignment).where(Assignment.host_id == host_id, Assignment.certification == certification)
    ).all()
    names = describe(session, host_id, [(row.type, row.target) for row in rows])
    return {
        row.id: HoldingAssignment(row.type, names.get((row.type, row.target), Described(row.target)).name)
        for row in rows
    }


def state_counts(session: Session, host_id: int, certification: int) -> dict[str, int]:
    """How many learners are in each state, in the order of the cycle; withdrawn ones left out."""
    rows = session.execute(
        select(Enrolment.state, func.count())
        .where(Enrolment.host_id == host_id, Enrolment.certification == certification, Enrolment.state != WITHDRAWN)
        .where(*inside(session, host_id, Enrolment.person))
        .group_by(Enrolment.state)
    )
    found = {int(row[0]): int(row[1]) for row in rows}
    return {word: found[code] for code, word in enumerate(STATES) if found.get(code)}


def open_count(session: Session, host_id: int, certification: int) -> int:
    """How many exceptions wait for an answer."""
    return sum(counts_open(session, host_id, certification).values())
