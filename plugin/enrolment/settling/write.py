"""Writes what ``step`` decided: enrolments, reasons, exceptions, history, messages and seats, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import SupportsInt

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.rules.content import courses_of
from plugin.certifications.rules.written_content import parse_content
from plugin.certifications.store import definition_of
from plugin.core.database.bulk import exactly, run
from plugin.core.database.slices import slices
from plugin.core.ids import upsert_for
from plugin.core.journal import Entry
from plugin.delivery.results.owed_scores import owe_scores
from plugin.enrolment.answers.gone_targets import unpin
from plugin.enrolment.answers.withdrawal_guard import LEAVING, WITHDRAWN, forget
from plugin.enrolment.codes import EXCEPTION_TYPES, EXEMPT
from plugin.enrolment.earlier_rows import EarlierRows, change_of, set_aside
from plugin.enrolment.facts import NONE, Facts, Ints, Mask
from plugin.enrolment.imported.record_facts import RecordChange, write_taken
from plugin.enrolment.reading.gather import Cause
from plugin.enrolment.reading.snapshot import Snapshot
from plugin.enrolment.rules.lifecycle import Completions, Moved
from plugin.enrolment.rules.step import DELETED_AT_HOST, NO_TYPE, Step, StepInput
from plugin.enrolment.rules.wanted import Membership
from plugin.enrolment.settling.seat_claims import Share
from plugin.enrolment.tables import Decision, ExceptionRow
from plugin.enrolment.terms import Terms, from_definition
from plugin.notifications.triggers import EventLearners, cancel_enrolled, tell

STATE_MESSAGES = {"certified": "completed", "complete": "completed", "window_open": "window_open", "expired": "expired"}
"""Which notification a state entered sets off (rules 8.1)."""


@dataclass
class Writing:
    """One chunk of one certification, decided and ready to be written."""

    snapshot: Snapshot
    terms: Terms
    cause: Cause
    old: Facts
    given: StepInput
    step: Step
    moved: Moved
    found: Sequence[Membership]
    done: Completions
    taken: Sequence[RecordChange] = ()
    _entries: list[Entry] = field(default_factory=list)

    @property
    def session(self) -> Session:
        """The transaction it is written in."""
        return self.snapshot.session

    @cached_property
    def changed(self) -> Mask:
        """Whose row differs from the stored one."""
        return self.step.facts.differs(self.old)

    def past(self) -> EarlierRows | None:
        """What these rows and questions said before."""
        questions = (self.given.questions.type, self.step.raised)
        return change_of(self.terms.id, self.old, self.step.facts, questions, self.given.at, self.changed)

    def write_rest(self) -> list[Entry]:
        """Exceptions, answers and lists, which are of one certification each; returns what history is to tell."""
        self._exceptions()
        self._decisions()
        write_taken(self.session, self.terms.host_id, self.terms.id, self.taken)
        self._history()
        self._guard_lists()
        return self._entries

    def share(self) -> Share | None:
        """Whose seats may change with these rows; ``None`` where nobody's."""
        new, old = self.step.facts, self.old
        touched = self.changed | np.isin(new.person, np.array(sorted(self.done), np.int64))
        before = self._courses_before()
        touched |= before is not None  # other content opens other courses, whoever changed or not
        touched &= old.live | new.live
        if not touched.any():
            return None
        return Share(self.snapshot, self.terms, old.take(touched), new.take(touched), self.done, self.given.as_of,
                     self.cause.otherwise, before or frozenset())  # fmt: skip

    def _courses_before(self) -> frozenset[str] | None:
        """In a save of other content, another way of opening it or another end: the courses settled last."""
        settled = self.snapshot.settled(self.terms.id) if self.cause.version else 0
        if not settled:
            return None
        if settled == self.cause.version:
            return self.terms.courses if self.terms.lets_go(self.given.as_of) else None  # its last day is over
        last = definition_of(self.session, self.terms.host_id, self.terms.id, settled)
        content = parse_content(last.content)
        before = from_definition(self.terms.host_id, self.terms.id, settled, last, self.terms.zone)
        same = before.ends_seats == self.terms.ends_seats and before.ends == self.terms.ends
        if same and (content, last.enrol, last.state) == (self.terms.content, self.terms.enrol, self.terms.state):
            return None
        return courses_of(content.certification) | courses_of(content.recertification_path)

    def new_whys(self) -> dict[int, str]:
        """Sets of assignments that no row of these had before: the ids they name, as JSON, by their key."""
        new = self.step.facts
        whys, first = np.unique(new.why, return_index=True)
        fresh = (whys != 0) & (self.old.why[first] != whys)
        whys, first = whys[fresh], first[fresh]
        if not len(whys):
            return {}
        named: list[list[int]] = [[] for _why in whys]
        place = np.full(len(new.why), -1)
        place[first] = np.arange(len(first))
        for rule, where in self.found:
            theirs = place[where]
            for at in theirs[theirs >= 0].tolist():
                named[at].append(rule.id)
        return {why: json.dumps(one) for why, one in zip(whys.tolist(), named, strict=True)}

    def _exceptions(self) -> None:
        """No row without its state, no state without its row (rules 4.2)."""
        step, new, questions = self.step, self.step.facts, self.given.questions
        had = questions.type != NO_TYPE
        closed = had & (step.raised == NO_TYPE)
        fresh = (step.raised != NO_TYPE) & (
            (step.raised != questions.type)
            | (step.asked != questions.wanted)
            | (step.asked_from != questions.wanted_from)
        )
        host, certification = self.terms.host_id, self.terms.id
        _each(self.session, _CLOSE, host, certification, new.person[closed])
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
        """Mark answers as carried out, and note what a standing answer decided (rules 4.5)."""
        step, new, questions = self.step, self.step.facts, self.given.questions
        applied = questions.pending & (step.raised != questions.type)
        host, certification = self.terms.host_id, self.terms.id
        _each(self.session, _APPLY, host, certification, new.person[applied])
        rows = [
            {
                "host_id": host, "certification": certification, "person": int(new.person[i]),
                "spell": int(new.spell[i]), "type": int(step.ruled_type[i]), "action": str(step.ruled[i]),
                "why": int(new.why[i]), "at": int(self.given.at[i]), "who": "rule",
                "due": _null(self.given.wanted.date[i]), "applied": True, "raised": int(self.given.at[i]),
            }
            for i in np.flatnonzero(step.ruled != "").tolist()
        ]  # fmt: skip
        if rows:
            set_aside(self.session, host, certification, new.person[step.ruled != ""])
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
        left = step.left & was_active & ~over  # whoever was held back was never enrolled, and is not withdrawn
        self._tell_history(WITHDRAWN, left & ~deleted & ~given.exempt, confirmed=self.cause.confirmed)
        self._tell_history(WITHDRAWN, over, confirmed=True)
        self._tell_history(WITHDRAWN, left & deleted, confirmed=True, reason="deleted at the host")
        self._tell_history(WITHDRAWN, left & given.exempt & ~deleted, confirmed=True, reason="exempt")
        self._tell_history("due_changed", step.redated)
        questions = given.questions
        asked = (step.raised != NO_TYPE) | (questions.type != NO_TYPE) | (step.ruled_type != NO_TYPE)
        for kind, word in enumerate(EXCEPTION_TYPES) if asked.any() else ():
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
        stays = (self.old.leaves_on != NONE) & (step.facts.leaves_on == NONE) & ~step.left
        self._tell_history("staying", stays, aloud=True)
        ended = (self.old.hold == EXEMPT) & (step.facts.hold != EXEMPT) & ~given.exempt
        self._tell_history("exemption_ended", ended, aloud=True)

    def _tell_history(
        self, what: str, where: Mask, *, confirmed: bool = False, reason: str = "", aloud: bool = False
    ) -> None:
        if where.any():
            self._entries.append(
                Entry(what, self.terms.id, self.terms.version, people=_bitmap(self.step.facts.person[where]),
                      confirmed=confirmed, reason=reason or self.cause.reason, aloud=aloud)
            )  # fmt: skip

    def _guard_lists(self) -> None:
        from plugin.enrolment.codes import HELD_BY_GUARD

        over = (self.old.hold == HELD_BY_GUARD) & ((self.step.facts.hold != HELD_BY_GUARD) | self.step.left)
        if over.any():
            forget(self.session, self.terms.host_id, self.terms.id, _bitmap(self.step.facts.person[over]))
        held = self.snapshot.held(self.terms.id)
        if self.step.left.any() and held.pins:
            unpin(self.session, self.terms.host_id, self.terms.id, _bitmap(self.step.facts.person[self.step.left]))
        if held.let_go and (seen := held.let_go & _bitmap(self.step.facts.person)):
            unpin(self.session, self.terms.host_id, self.terms.id, seen, states=("released",))

    def deactivated(self) -> Mask:
        """Who is enrolled no longer, told or not, of those who are told anything in this spell."""
        return self.step.deactivated & (self.given.person_state == 0) & (self.step.facts.quiet == 0)

    @property
    def _loud(self) -> Mask:
        return (self.step.facts.quiet == 0) & ~(self.cause.quiet & self.step.left)

    def write_messages(self, *, unsent: bool) -> None:
        """A learner is told she is enrolled once a spell: when she goes from not active to active (rules 4.3).

        :param unsent: some of them have messages that were not sent yet: "enrolled" and "withdrawn" cancel out.
        """
        if not unsent and not self.snapshot.told(self.terms.id):
            return
        step, given = self.step, self.given
        if not self.terms.live(given.as_of):
            return  # what has ended goes on as facts, and tells nobody
        present = given.person_state == 0
        self._tell("assigned", step.activated & self._loud & present, wait=True)
        self._tell("withdrawn", self.deactivated() & self._loud, even_if_off=unsent)
        if not self.cause.quiet:
            self._tell("due_changed", step.redated & present & self._loud)
        elif unsent:  # a withdrawal that nobody is told of leaves no "you are enrolled" behind (rules 8.4)
            cancel_enrolled(self.session, self.terms.host_id, self.terms.id, step.facts.person[self.deactivated()])
        raised = (step.raised != NO_TYPE) & (given.questions.type != step.raised)
        self._tell("exception", raised & present)
        for state, positions in self.moved.entered.items():
            if state in STATE_MESSAGES:
                where = np.zeros(len(step.left), bool)
                where[positions] = True
                self._tell(STATE_MESSAGES[state], where & present)

    def write_scores(self) -> None:
        """Who is certified once more than before is owed a result in the gradebooks that take it (rules 7.3)."""
        facts = self.step.facts
        where = facts.live & (facts.cycle > self.old.cycle)
        if where.any():
            reached = zip(facts.person[where].tolist(), facts.cycle[where].tolist(), strict=True)
            owe_scores(self.session, self.terms.host_id, self.terms.id, reached, self.cause.otherwise)

    def _tell(self, when: str, where: Mask, *, wait: bool = False, even_if_off: bool = False) -> None:
        if where.any() and (even_if_off or when in self.snapshot.told(self.terms.id)):
            facts = self.step.facts
            nobody = np.zeros(int(where.sum()), bool)
            told = EventLearners(facts.person[where], facts.spell[where], facts.cycle[where], nobody, wait)
            tell(self.session, self.terms.host_id, self.terms.id, when, told, at=self.cause.otherwise)


_DECISION_KEY = ("host_id", "certification", "person")
_CLOSE = "DELETE FROM exception WHERE host_id = ? AND certification = ? AND {people}"
_APPLY = "UPDATE decision SET applied = true WHERE host_id = ? AND certification = ? AND {people}"


def _each(session: Session, sql: str, host_id: int, certification: int, people: Ints) -> None:
    for chosen in slices(people):
        run(session, sql.format(people=exactly("person", chosen)), host_id, certification)


def _bitmap(people: Ints) -> BitMap:
    return BitMap(people.astype(np.uint32))


def _null(value: SupportsInt) -> int | None:
    number = int(value)
    return None if number == NONE else number
