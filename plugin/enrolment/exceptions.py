"""Open exceptions and the answers to them: singly, in bulk, and taken back (DOMAIN §4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.clock import format_instant
from plugin.core.errors import Invalid, RefusedByRule
from plugin.core.ids import read_clock
from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.enrolment.codes import (
    ALREADY_ASSIGNED,
    DISMISSED,
    DUPLICATE_COURSE,
    EXCEPTION_TYPES,
    HELD_BY_EXCEPTION,
    TIME_ALLOWANCE,
    UNKNOWN_DATE,
    WITHDRAWN,
)
from plugin.enrolment.ending import refuse_ended
from plugin.enrolment.enrolled import touch_enrolments
from plugin.enrolment.owing import owe
from plugin.enrolment.tables import Decision, Enrolment, ExceptionRow
from plugin.mirror.tables import Person

ALLOWED = {
    TIME_ALLOWANCE: ("realistic", "assign", "dismiss"),
    UNKNOWN_DATE: ("realistic", "dismiss"),
    DUPLICATE_COURSE: ("assign", "dismiss"),
    ALREADY_ASSIGNED: ("assign", "dismiss"),
}
"""What an administrator can do about each type."""
ACTIONS = ("realistic", "assign", "dismiss", "reopen")


def open_exceptions(
    session: Session, host_id: int, certification: int, *, after: str = "", limit: int | None = None
) -> list[dict[str, Any]]:
    """Open ones, by the host's id of the person.

    :param after: only of people behind this id.
    """
    rows = session.execute(
        select(ExceptionRow, Person.ext)
        .join(Person, (Person.host_id == ExceptionRow.host_id) & (Person.id == ExceptionRow.person))
        .where(ExceptionRow.host_id == host_id, ExceptionRow.certification == certification, Person.ext > after)
        .order_by(Person.ext)
        .limit(limit)
    )
    return [
        {
            "person": ext,
            "type": EXCEPTION_TYPES[row.type],
            "since": format_instant(row.since),
            "wanted_due": format_instant(row.wanted_due),
        }
        for row, ext in rows
    ]


def answer(
    runtime: Runtime, host_id: int, certification: int, action: str, *, who: str, people: Sequence[int] = (),
    kind: str | None = None,
) -> int:  # fmt: skip
    """Answer exceptions of named people, or all of one type; returns how many.

    :raises Invalid: for an action or type there is not.
    :raises RefusedByRule: when one of them does not allow the action, then none is answered; or when the certification has ended.
    """
    if action not in ACTIONS:
        raise Invalid(f"'{action}' is no answer; use one of {', '.join(ACTIONS)}.")
    if kind is not None and kind not in EXCEPTION_TYPES:
        raise Invalid(f"'{kind}' is no type of exception; use one of {', '.join(EXCEPTION_TYPES)}.")

    def work(session: Session) -> int:
        _seq, as_of = read_clock(session, host_id)
        at = max(as_of, runtime.clock.now())
        refuse_ended(session, host_id, certification, at)
        if action == "reopen":
            done = _reopen(session, host_id, certification, people, kind, at)
        else:
            done = _answer(session, host_id, certification, action, people, kind, who, at)
        for person in done:
            record(session, host_id, at, who, f"exception_{action}", certification=certification, person=person)
        owe(session, host_id, done, at)
        return len(done)

    return runtime.db.transact(work)


def _answer(
    session: Session, host_id: int, certification: int, action: str, people: Sequence[int], kind: str | None, who: str,
    at: int,
) -> list[int]:  # fmt: skip
    query = select(ExceptionRow).where(ExceptionRow.host_id == host_id, ExceptionRow.certification == certification)
    if kind is not None:
        query = query.where(ExceptionRow.type == EXCEPTION_TYPES.index(kind))
    rows = {
        row.person: row for row in session.scalars(query.with_for_update()) if not people or row.person in set(people)
    }
    missing = set(people) - rows.keys()
    if missing:
        raise RefusedByRule("There is no open exception for this learner." if len(missing) == 1 else
                            f"{len(missing)} of these learners have no open exception.")  # fmt: skip
    for row in rows.values():
        if action not in ALLOWED[row.type]:
            raise RefusedByRule(
                f"'{action}' does not answer {EXCEPTION_TYPES[row.type].replace('_', ' ')};"
                f" use {' or '.join(ALLOWED[row.type])}."
            )
    for row in rows.values():
        enrolment = session.get_one(Enrolment, (host_id, certification, row.person))
        present = session.get(Decision, (host_id, certification, row.person))
        if present is None:
            present = Decision(host_id=host_id, certification=certification, person=row.person)
            session.add(present)
        present.spell, present.type, present.action = enrolment.spell, row.type, action
        present.why, present.at, present.who, present.due, present.applied = (
            enrolment.why,
            at,
            who,
            row.wanted_due,
            False,
        )
    session.flush()
    return sorted(rows)


def _reopen(
    session: Session, host_id: int, certification: int, people: Sequence[int], kind: str | None, at: int
) -> list[int]:
    """Take answers back: the question is open again, and settling looks whether its cause still stands."""
    query = select(Decision).where(Decision.host_id == host_id, Decision.certification == certification)
    if kind is not None:
        query = query.where(Decision.type == EXCEPTION_TYPES.index(kind))
    rows = [row for row in session.scalars(query.with_for_update()) if not people or row.person in set(people)]
    if people and {row.person for row in rows} != set(people):
        raise RefusedByRule("There is no answer to take back for this learner.")
    done = []
    for row in rows:
        enrolment = session.get(Enrolment, (host_id, certification, row.person))
        if enrolment is None or enrolment.state == WITHDRAWN or enrolment.spell != row.spell:
            session.delete(row)
            continue
        if enrolment.hold == DISMISSED:
            enrolment.hold = HELD_BY_EXCEPTION
            session.flush()
            touch_enrolments(session, host_id, {certification: 0})
        if session.get(ExceptionRow, (host_id, certification, row.person)) is None:
            session.add(
                ExceptionRow(host_id=host_id, certification=certification, person=row.person, type=row.type, since=at,
                             wanted_due=row.due, why=row.why)
            )  # fmt: skip
        session.delete(row)
        done.append(row.person)
    session.flush()
    return done
