"""Open exceptions and the answers to them: singly, in bulk, and taken back (rules 4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flask_babel import gettext as _
from flask_babel import ngettext
from pyroaring import BitMap
from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from plugin.core.clock import format_instant
from plugin.core.database.area_conditions import inside
from plugin.core.errors import Conflict, Invalid, RefusedByRule
from plugin.core.host_time import move_on
from plugin.core.ids import read_clock, upsert_for
from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.enrolment.answers.ended import refuse_ended
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
from plugin.enrolment.earlier_rows import keep_rows, set_aside
from plugin.enrolment.reading.live_rows import touch_enrolments
from plugin.enrolment.settling.owed_looks import owe
from plugin.enrolment.tables import Decision, Enrolment, ExceptionRow
from plugin.mirror.lookup.search import named
from plugin.mirror.tables import Person
from plugin.population.area import acting_area

ALLOWED = {
    TIME_ALLOWANCE: ("realistic", "assign", "dismiss"),
    UNKNOWN_DATE: ("realistic", "dismiss"),
    DUPLICATE_COURSE: ("assign", "dismiss"),
    ALREADY_ASSIGNED: ("assign", "dismiss"),
}
"""What an administrator can do about each type."""
ACTIONS = ("realistic", "assign", "dismiss", "reopen")


@dataclass(frozen=True)
class ChosenExceptions:
    """Which exceptions, or answers to take back: those that fit all of it.

    :ivar people: our ids; empty is everybody. :ivar kind: the word of a type; empty is every type.
    :ivar words: begin words of the learner's name, address or number (:func:`plugin.mirror.lookup.search.named`).
    :ivar expected: how many were shown; ``None`` where nobody counted.
    """

    people: Sequence[int] = ()
    kind: str = ""
    words: str = ""
    expected: int | None = None

    def conditions(self, session: Session, host_id: int, table: Any) -> list[ColumnElement[bool]]:
        """The same as conditions on a table with ``person`` and ``type``; people are left to the caller."""
        found = named(session, host_id, table.person, self.words)
        return [*found, table.type == EXCEPTION_TYPES.index(self.kind)] if self.kind else found


def waits() -> ColumnElement[bool]:
    """Of an exception: nobody has answered it, and settling has no answer to carry out."""
    return ~exists().where(
        Decision.host_id == ExceptionRow.host_id, Decision.certification == ExceptionRow.certification,
        Decision.person == ExceptionRow.person, Decision.type == ExceptionRow.type, Decision.applied.is_(False),
    )  # fmt: skip


def of_same(table: Any) -> ColumnElement[bool]:
    """The enrolment that a row of a table with ``person`` and ``certification`` is about."""
    return (
        (Enrolment.host_id == table.host_id)
        & (Enrolment.certification == table.certification)
        & (Enrolment.person == table.person)
    )


def open_exceptions(
    session: Session, host_id: int, certification: int, *, after: str = "", limit: int | None = None
) -> list[dict[str, Any]]:
    """Those nobody has answered, by the host's id of the person.

    :param after: only of people behind this id.
    """
    rows = session.execute(
        select(ExceptionRow, Person.ext)
        .join(Person, (Person.host_id == ExceptionRow.host_id) & (Person.id == ExceptionRow.person))
        .where(
            ExceptionRow.host_id == host_id, ExceptionRow.certification == certification, waits(), Person.ext > after
        )
        .where(*inside(session, host_id, ExceptionRow.person))
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
    kind: str | None = None, words: str = "", expected: int | None = None,
) -> int:  # fmt: skip
    """Answer exceptions of named people, of one type, or of those found by words; returns how many.

    The parameters are those of :class:`ChosenExceptions`.

    :raises Invalid: for an action or type there is not.
    :raises RefusedByRule: when one of them does not allow the action, then none is answered; or when the
        certification has ended.
    :raises Conflict: when there are more or fewer than were shown.
    """
    if action not in ACTIONS:
        raise Invalid(f"'{action}' is no answer; use one of {', '.join(ACTIONS)}.")
    if kind and kind not in EXCEPTION_TYPES:
        raise Invalid(f"'{kind}' is no type of exception; use one of {', '.join(EXCEPTION_TYPES)}.")
    chosen = ChosenExceptions(people, kind or "", words, expected)

    def work(session: Session) -> int:
        _seq, as_of = read_clock(session, host_id)
        at = max(as_of, runtime.clock.now())
        refuse_ended(session, host_id, certification, at)
        if action == "reopen":
            done = _reopen(session, host_id, certification, chosen, at)
        else:
            done = _answer(session, host_id, certification, action, chosen, who, at)
        if done:
            about: dict[str, Any] = {"person": done[0]} if len(done) == 1 else {"people": BitMap(done)}
            record(session, host_id, at, who, f"exception_{action}", certification=certification, **about)
        owe(session, host_id, done, at)
        return len(done)

    move_on(runtime, host_id)
    return runtime.db.transact(work)


def _answer(
    session: Session, host_id: int, certification: int, action: str, chosen: ChosenExceptions, who: str, at: int
) -> list[int]:
    rows = _open(session, host_id, certification, chosen)
    _check_found(len(set(chosen.people) - {row.person for row in rows}), _none_open)
    _check_number(len(rows), chosen)
    for kind in sorted({row.type for row in rows}):
        if action not in ALLOWED[kind]:
            about = {
                "action": action,
                "kind": EXCEPTION_TYPES[kind].replace("_", " "),
                "use": " or ".join(ALLOWED[kind]),
            }
            raise RefusedByRule(_("'%(action)s' does not answer %(kind)s; use %(use)s.", **about))
    answers = [
        {
            "host_id": host_id, "certification": certification, "person": row.person, "spell": row.spell,
            "type": row.type, "action": action, "why": row.why, "at": at, "who": who, "due": row.wanted_due,
            "applied": False, "raised": row.since,
        }
        for row in rows
    ]  # fmt: skip
    if answers:
        set_aside(session, host_id, certification, np.array([row.person for row in rows], np.int64))
        statement = upsert_for(session)(Decision)
        kept = ("spell", "type", "action", "why", "at", "who", "due", "applied", "raised")
        statement = statement.on_conflict_do_update(
            index_elements=["host_id", "certification", "person"],
            set_={name: getattr(statement.excluded, name) for name in kept},
        )
        session.execute(statement, answers)
    return sorted(row.person for row in rows)


def _open(session: Session, host_id: int, certification: int, chosen: ChosenExceptions) -> list[Any]:
    """The exceptions chosen, with spell and reasons of their learners."""
    columns = (ExceptionRow.type, ExceptionRow.since, ExceptionRow.wanted_due, Enrolment.spell, Enrolment.why)
    more = () if chosen.people else (waits(),)  # whoever is named may be answered anew before settling came to her
    return _chosen(session, host_id, certification, chosen, ExceptionRow, *columns, more=more)


def _chosen(
    session: Session, host_id: int, certification: int, chosen: ChosenExceptions, table: Any, *columns: Any,
    more: Sequence[ColumnElement[bool]] = (),
) -> list[Any]:  # fmt: skip
    """Exceptions or answers chosen, locked, beside the enrolments of their learners: ``person`` and the columns named."""
    query = (
        select(table.person, *columns)
        .join(Enrolment, of_same(table))
        .where(table.host_id == host_id, table.certification == certification)
        .where(*chosen.conditions(session, host_id, table), *more)
        .order_by(table.person)
        .with_for_update(of=table)
    )
    only, area = set(chosen.people), acting_area(session, host_id)
    rows = (row for row in session.execute(query).all() if not only or row.person in only)
    return [row for row in rows if area is None or row.person in area]


def _none_open(missing: int) -> str:
    return str(
        ngettext(
            "There is no open exception for this learner.", "%(num)s of these learners have no open exception.", missing
        )
    )


def _none_answered(missing: int) -> str:
    return str(
        ngettext(
            "There is no answer to take back for this learner.",
            "%(num)s of these learners have no answer to take back.",
            missing,
        )
    )


def _check_found(missing: int, sentence: Callable[[int], str]) -> None:
    if missing:
        raise RefusedByRule(sentence(missing))


def _check_number(found: int, chosen: ChosenExceptions) -> None:
    if chosen.expected is not None and found != chosen.expected:
        numbers = {"found": found, "expected": chosen.expected}
        raise Conflict(_("It would be %(found)s learners now, not %(expected)s: look at the list again.", **numbers))


def _reopen(session: Session, host_id: int, certification: int, chosen: ChosenExceptions, at: int) -> list[int]:
    """Take answers back: the question is open again, and settling looks whether its cause still stands."""
    rows = _chosen(session, host_id, certification, chosen, Decision, Decision, Enrolment)
    _check_found(len(set(chosen.people) - {row.person for row in rows}), _none_answered)
    asked = set(
        session.scalars(
            select(ExceptionRow.person).where(
                ExceptionRow.host_id == host_id, ExceptionRow.certification == certification
            )
        )
    )
    done, changed = [], False
    keep_rows(session, host_id, certification, [row.person for row in rows], at)
    for _person, decision, enrolment in rows:
        session.delete(decision)
        if enrolment.state == WITHDRAWN or enrolment.spell != decision.spell:
            continue
        if enrolment.hold == DISMISSED:
            enrolment.hold, changed = HELD_BY_EXCEPTION, True
        if decision.person not in asked:
            session.add(
                ExceptionRow(host_id=host_id, certification=certification, person=decision.person, type=decision.type,
                             since=at, wanted_due=decision.due, why=decision.why)
            )  # fmt: skip
        done.append(decision.person)
    _check_number(len(done), chosen)
    session.flush()
    if changed:
        touch_enrolments(session, host_id, {certification: 0})
    return done
