"""Writes what ``step`` decided: enrolments, reasons, exceptions, history, messages and seats, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from pyroaring import BitMap
from sqlalchemy import bindparam, delete, update
from sqlalchemy.orm import Session

from plugin.certifications.content import courses_of, parse_content
from plugin.certifications.store import definition_of
from plugin.core.bulk import among, fetch, insert_rows, update_rows
from plugin.core.ids import upsert_for
from plugin.core.journal import Entry, record_all
from plugin.enrolment.around import Around
from plugin.enrolment.claims import claim_seats
from plugin.enrolment.codes import DUPLICATE_COURSE, EXCEPTION_TYPES
from plugin.enrolment.enrolled import touch_enrolments
from plugin.enrolment.facts import COLUMNS, NEVER, NONE, Facts, Ints, Mask
from plugin.enrolment.gone import unpin
from plugin.enrolment.guard import LEAVING, WITHDRAWN, forget
from plugin.enrolment.inputs import Cause
from plugin.enrolment.lifecycle import Completions, Moved
from plugin.enrolment.owing import owe
from plugin.enrolment.step import DELETED_AT_HOST, NO_TYPE, Given, Step
from plugin.enrolment.tables import Decision, Enrolment, ExceptionRow, WhySet
from plugin.enrolment.terms import Terms
from plugin.enrolment.wanted import Membership
from plugin.notifications.triggers import Told, tell

_MESSAGES = {"certified": "completed", "complete": "completed", "window_open": "window_open", "expired": "expired"}
"""Which notification a state entered sets off (DOMAIN 8.1)."""


@dataclass
class Together:
    """What several certifications write in one transaction, and need write only once."""

    session: Session
    host_id: int
    at: int
    who: str
    entries: list[Entry] = field(default_factory=list)
    gone: dict[int, set[int]] = field(default_factory=dict)
    """By person, the certifications she left or was no longer active in."""

    def write(self) -> None:
        """History, and who is looked at again because a course became free (DOMAIN 4.1)."""
        record_all(self.session, self.host_id, self.at, self.who, self.entries)
        held: set[int] = set()
        people = np.array(sorted(self.gone), np.int64)
        for start in range(0, len(people), 500):
            sql = (
                "SELECT certification, person FROM exception WHERE host_id = ?"
                f" AND type = {DUPLICATE_COURSE} AND {among('person', people[start : start + 500])}"
            )
            for certification, person in fetch(self.session, sql, self.host_id):
                if self.gone.get(person, set()) - {certification}:
                    held.add(person)
        owe(self.session, self.host_id, sorted(held), self.at)


@dataclass
class Writing:
    """One chunk of one certification, decided and ready to be written."""

    around: Around
    terms: Terms
    cause: Cause
    old: Facts
    given: Given
    step: Step
    moved: Moved
    found: Sequence[Membership]
    done: Completions
    _entries: list[Entry] = field(default_factory=list)

    @property
    def session(self) -> Session:
        """The transaction it is written in."""
        return self.around.session

    def write(self, together: Together | None = None) -> int:
        """Write the differences and what follows from them; returns how many learners changed.

        :param together: takes what several certifications may write at once; its caller writes it.
        """
        shared = together or Together(self.session, self.terms.host_id, self.cause.otherwise, self.cause.who)
        new, old = self.step.facts, self.old
        changed = new.differs(old)
        self._why_sets()
        self._enrolments(changed)
        self._exceptions()
        self._decisions()
        self._history()
        shared.entries += self._entries
        self._guard_lists()
        self._messages()
        touched = changed | np.isin(new.person, np.array(sorted(self.done), np.int64))
        before = self._courses_before()
        touched |= before is not None  # other content opens other courses, whoever changed or not
        touched &= old.live | new.live
        claim_seats(
            self.around, self.terms, old.take(touched), new.take(touched), self.done, self.given.as_of,
            self.cause.otherwise, before=before or frozenset(),
        )  # fmt: skip
        if self.terms.courses:
            for person in new.person[self.step.deactivated | self.step.left].tolist():
                shared.gone.setdefault(person, set()).add(self.terms.id)
        if together is None:
            shared.write()
        return int(changed.sum())

    def _courses_before(self) -> frozenset[str] | None:
        """In a save of other content, or another way of opening it: the courses of the content settled last."""
        settled = self.around.settled(self.terms.id) if self.cause.version else 0
        if not settled or settled == self.cause.version:
            return None
        last = definition_of(self.session, self.terms.host_id, self.terms.id, settled)
        content = parse_content(last.content)
        if content == self.terms.content and last.enrol == self.terms.enrol:
            return None
        return courses_of(content.certification) | courses_of(content.recertification_path)

    def _why_sets(self) -> None:
        """Intern the sets of assignments that are new (DESIGN, point 8)."""
        new = self.step.facts
        whys, first = np.unique(new.why, return_index=True)
        fresh = (whys != 0) & (self.old.why[first] != whys)
        whys, first = whys[fresh], first[fresh]
        if not len(whys):
            return
        named: list[list[int]] = [[] for _why in whys]
        order = np.argsort(first)
        for rule, where in self.found:
            for at in order[np.isin(first[order], where)].tolist():
                named[at].append(rule.id)
        insert_rows(
            self.session,
            WhySet,
            {"host_id": self.terms.host_id, "id": whys, "assignments": [json.dumps(one) for one in named]},
            skip_present=True,
        )

    def _enrolments(self, changed: Mask) -> None:
        fresh = changed & (self.old.state == NEVER) & (self.step.facts.state != NEVER)
        known = changed & (self.old.state != NEVER)
        fixed = {"host_id": self.terms.host_id, "certification": self.terms.id}
        if fresh.any():
            new = self.step.facts.take(fresh)
            insert_rows(self.session, Enrolment, {**fixed, "person": new.person, **_columns(new), "rev": 1})
        if known.any():
            new = self.step.facts.take(known)
            update_rows(self.session, Enrolment, {**fixed, "person": new.person}, _columns(new), count="rev")
        if fresh.any() or known.any():
            came = int(self.step.facts.active.sum()) - int(self.old.active.sum())
            touch_enrolments(self.session, self.terms.host_id, self.terms.id, came)

    def _exceptions(self) -> None:
        """No row without its state, no state without its row (DOMAIN 4.2)."""
        step, new, questions = self.step, self.step.facts, self.given.questions
        had = questions.type != NO_TYPE
        closed = had & (step.raised == NO_TYPE)
        fresh = (step.raised != NO_TYPE) & (
            (step.raised != questions.type)
            | (step.asked != questions.wanted)
            | (step.asked_from != questions.wanted_from)
        )
        host, certification = self.terms.host_id, self.terms.id
        _each(
            self.session,
            delete(ExceptionRow).where(
                ExceptionRow.host_id == host, ExceptionRow.certification == certification,
                ExceptionRow.person.in_(bindparam("people", expanding=True)),
            ),
            new.person[closed],
        )  # fmt: skip
        rows = [
            {
                "host_id": host, "certification": certification, "person": int(new.person[i]),
                "type": int(step.raised[i]), "since": int(self.given.at[i]), "wanted_due": _null(step.asked[i]),
                "wanted_from": _null(step.asked_from[i]), "why": int(new.why[i]),
            }
            for i in np.flatnonzero(fresh).tolist()
        ]  # fmt: skip
        if rows:
            statement = upsert_for(self.session)(ExceptionRow)
            kept = ("type", "wanted_due", "wanted_from", "why")
            statement = statement.on_conflict_do_update(
                index_elements=["host_id", "certification", "person"],
                set_={name: getattr(statement.excluded, name) for name in kept},
            )
            self.session.execute(statement, rows)

    def _decisions(self) -> None:
        """Mark answers as carried out, and note what a standing answer decided (DOMAIN 4.5)."""
        step, new, questions = self.step, self.step.facts, self.given.questions
        applied = questions.pending & (step.raised != questions.type)
        host, certification = self.terms.host_id, self.terms.id
        _each(
            self.session,
            update(Decision)
            .where(
                Decision.host_id == host, Decision.certification == certification,
                Decision.person.in_(bindparam("people", expanding=True)),
            )
            .values(applied=True),
            new.person[applied],
        )  # fmt: skip
        rows = [
            {
                "host_id": host, "certification": certification, "person": int(new.person[i]),
                "spell": int(new.spell[i]), "type": int(step.ruled_type[i]), "action": str(step.ruled[i]),
                "why": int(new.why[i]), "at": int(self.given.at[i]), "who": "rule",
                "due": _null(self.given.wanted.date[i]), "applied": True,
            }
            for i in np.flatnonzero(step.ruled != "").tolist()
        ]  # fmt: skip
        if rows:
            statement = upsert_for(self.session)(Decision)
            statement = statement.on_conflict_do_update(
                index_elements=["host_id", "certification", "person"],
                set_={name: getattr(statement.excluded, name) for name in rows[0] if name not in _DECISION_KEY},
            )
            self.session.execute(statement, rows)

    def _history(self) -> None:
        """One entry for each thing that happened, with the set of learners it happened to."""
        step, given = self.step, self.given
        deleted = given.person_state == DELETED_AT_HOST
        was_active = self.old.active
        over = step.left & was_active & (self.old.leaves_on != NONE)
        self._tell_history("enrolled", step.activated & step.began)
        self._tell_history("released", step.activated & ~step.began)
        self._tell_history(LEAVING, step.grace_began, confirmed=self.cause.confirmed)
        self._tell_history(
            WITHDRAWN, step.left & was_active & ~deleted & ~given.exempt & ~over, confirmed=self.cause.confirmed
        )
        self._tell_history(WITHDRAWN, over, confirmed=True)
        self._tell_history(WITHDRAWN, step.left & deleted & ~over, confirmed=True, reason="deleted at the host")
        self._tell_history(WITHDRAWN, step.left & given.exempt & ~deleted & ~over, confirmed=True, reason="exempt")
        self._tell_history("due_changed", step.redated)
        questions = given.questions
        for kind, word in enumerate(EXCEPTION_TYPES):
            self._tell_history("exception_raised", (step.raised == kind) & (questions.type != kind), reason=word)
            by_itself = (questions.type == kind) & (step.raised != kind) & ~questions.pending
            self._tell_history("exception_closed", by_itself, reason=word)
            for action in ("assign", "realistic", "dismiss"):
                ruled = (step.ruled_type == kind) & (step.ruled == action)
                self._tell_history("exception_decided", ruled, reason=f"{word}: {action} (by rule)")
        for state, positions in self.moved.entered.items():
            where = np.zeros(len(step.left), bool)
            where[positions] = True
            self._tell_history(state, where)

    def _tell_history(self, what: str, where: Mask, *, confirmed: bool = False, reason: str = "") -> None:
        if where.any():
            self._entries.append(
                Entry(what, self.terms.id, self.terms.version, people=_bitmap(self.step.facts.person[where]),
                      confirmed=confirmed, reason=reason or self.cause.reason)
            )  # fmt: skip

    def _guard_lists(self) -> None:
        from plugin.enrolment.codes import HELD_BY_GUARD

        over = (self.old.hold == HELD_BY_GUARD) & ((self.step.facts.hold != HELD_BY_GUARD) | self.step.left)
        if over.any():
            forget(self.session, self.terms.host_id, self.terms.id, _bitmap(self.step.facts.person[over]))
        if self.step.left.any():
            unpin(self.session, self.terms.host_id, self.terms.id, _bitmap(self.step.facts.person[self.step.left]))

    def _messages(self) -> None:
        """A learner is told she is enrolled once a spell: when she goes from not active to active (DOMAIN 4.3)."""
        step, given, new = self.step, self.given, self.step.facts
        loud = (new.quiet == 0) & ~(self.cause.quiet & step.left)
        present = given.person_state == 0
        self._tell("assigned", step.activated & loud & present, wait=True)
        gone = step.deactivated & present & loud
        self._tell("withdrawn", gone)
        if not self.cause.quiet:
            self._tell("due_changed", step.redated & present & loud)
        raised = (step.raised != NO_TYPE) & (given.questions.type != step.raised)
        self._tell("exception", raised & present)
        for state, positions in self.moved.entered.items():
            if state in _MESSAGES:
                where = np.zeros(len(step.left), bool)
                where[positions] = True
                self._tell(_MESSAGES[state], where & present)

    def _tell(self, when: str, where: Mask, *, wait: bool = False) -> None:
        if when in self.around.told(self.terms.id) and where.any():
            facts = self.step.facts
            told = [
                Told(person, spell, cycle, wait)
                for person, spell, cycle in zip(
                    facts.person[where].tolist(), facts.spell[where].tolist(), facts.cycle[where].tolist(), strict=True
                )
            ]
            tell(self.session, self.terms.host_id, self.terms.id, when, told, at=self.cause.otherwise)


_DECISION_KEY = ("host_id", "certification", "person")


def _each(session: Session, statement: object, people: Ints) -> None:
    for start in range(0, len(people), 500):
        session.execute(
            statement,  # type: ignore[call-overload]
            {"people": people[start : start + 500].tolist()},
            execution_options={"synchronize_session": False},
        )


def _bitmap(people: Ints) -> BitMap:
    return BitMap(people.astype(np.uint32))


def _null(value: object) -> int | None:
    number = int(value)  # type: ignore[call-overload]
    return None if number == NONE else number


def _columns(facts: Facts) -> dict[str, Ints]:
    return {name: getattr(facts, name) for name in COLUMNS}
