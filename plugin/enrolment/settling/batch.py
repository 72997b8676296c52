"""What several certifications decide and write in one transaction: each table is written once for all of them.

A person who moves changes in many certifications at once; statements are what that costs, not rows.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from pyroaring import BitMap
from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from plugin.certifications.rules.due_dates import AfterDue, parse_due
from plugin.certifications.tables import Assignment
from plugin.core.database.bulk import among, fetch, insert_rows, update_rows
from plugin.core.database.slices import slices
from plugin.core.journal import Entry, record_all
from plugin.enrolment.codes import DUPLICATE_COURSE
from plugin.enrolment.earlier_rows import EarlierRows, write_changes
from plugin.enrolment.facts import COLUMNS, NEVER, Facts, Ints
from plugin.enrolment.reading.gather import Cause
from plugin.enrolment.reading.live_rows import touch_enrolments
from plugin.enrolment.reading.shared_courses import sharing_ids
from plugin.enrolment.rules.lifecycle import course_ids
from plugin.enrolment.settling.chunk import Chunk, decide_all
from plugin.enrolment.settling.course_resets import restart_courses
from plugin.enrolment.settling.owed_looks import owe
from plugin.enrolment.settling.seat_claims import claim_seats
from plugin.enrolment.settling.write import Writing
from plugin.enrolment.tables import Enrolment, WhySet
from plugin.enrolment.waves.make_draws import have_begun
from plugin.notifications.triggers import with_unsent


@dataclass
class SettledTogether:
    """Certifications decided and written in one transaction, and what is written once at its end."""

    session: Session
    host_id: int
    at: int
    who: str
    entries: list[Entry] = field(default_factory=list)
    changes: list[EarlierRows] = field(default_factory=list)
    gone: dict[int, set[int]] = field(default_factory=dict)
    """By person, the certifications she left or was no longer active in."""
    completed: dict[str, set[int]] = field(default_factory=dict)
    """By code of a certification, the people whose completion of it is another than before."""

    def decide(self, works: Sequence[Chunk], cause: Cause, may_go: Mapping[int, BitMap]) -> int:
        """Decide certifications, each named once, and write them; returns how many rows of learners changed.

        What shares a course is decided one after the other, with the earlier written (rules 4); the rest at once.

        :param may_go: by certification, whom the guard let go.
        """
        changed = 0
        course_ids(self.session, self.host_id, frozenset().union(*(work.terms.courses for work in works)))  # in one go
        for run in _runs(works):
            outcomes = decide_all(run, cause, may_go)
            decided = [writing for _outcome, writing in outcomes]
            self._write_side_by_side(decided)
            for work, (outcome, _writing) in zip(run, outcomes, strict=True):
                if any(rule.wave for rule, _where in work.found) and outcome.began.any():
                    begun = BitMap(work.facts.person[outcome.began].astype(np.uint32))
                    have_begun(self.session, self.host_id, work.terms.id, begun)
            changed += sum(int(one.changed.sum()) for one in decided)
        return changed

    def _write_side_by_side(self, decided: list[Writing]) -> None:
        self._why_sets(decided)
        self._enrolments(decided)
        self.changes += [change for one in decided if (change := one.past()) is not None]
        for one in decided:
            self.entries += one.write_rest()
        self._messages(decided)
        for one in decided:
            one.write_scores()
            restart_courses(one)
        claim_seats([share for one in decided if (share := one.share()) is not None])
        self._note(decided)

    def close(self, *, one_of_many: bool = False) -> None:
        """Write history, and who is looked at again: a course is free (rules 4.1), a date counts from now (3.1).

        :param one_of_many: other chunks of the same settle tell of other learners.
        """
        record_all(self.session, self.host_id, self.at, self.who, self.entries, one_settle=one_of_many)
        write_changes(self.session, self.host_id, self.changes)
        held: set[int] = set()
        people = np.array(sorted(self.gone), np.int64)
        for part in slices(people):
            sql = (
                "SELECT certification, person FROM exception WHERE host_id = ?"
                f" AND type = {DUPLICATE_COURSE} AND {among('person', part)}"
            )
            for certification, person in fetch(self.session, sql, self.host_id):
                if self.gone.get(person, set()) - {certification}:
                    held.add(person)
        owe(self.session, self.host_id, sorted(held | self._dated_by()), self.at)

    def _dated_by(self) -> set[int]:
        """Whose due date elsewhere may count from a completion written here (rules 3.1)."""
        if not any(self.completed.values()):
            return set()
        dues = self.session.scalars(
            select(Assignment.due).where(
                Assignment.host_id == self.host_id, Assignment.live,
                cast(Assignment.due, Text).like("%certification_completion%"),
            )
        )  # fmt: skip
        named = {due.item for one in dues if isinstance(due := parse_due(one), AfterDue)}
        return set().union(*(people for code, people in self.completed.items() if code in named))

    def _why_sets(self, decided: list[Writing]) -> None:
        """Intern the sets of assignments that are new (design point 8)."""
        named: dict[int, str] = {}
        for one in decided:
            named.update(one.new_whys())
        if named:
            columns = {"host_id": self.host_id, "id": list(named), "assignments": list(named.values())}
            insert_rows(self.session, WhySet, columns, skip_present=True)

    def _enrolments(self, decided: list[Writing]) -> None:
        fresh, known, before, touched = [], [], [], {}
        for one in decided:
            new, old = one.step.facts, one.old
            first = one.changed & (old.state == NEVER) & (new.state != NEVER)
            again = one.changed & (old.state != NEVER)
            fresh += [(one.terms.id, new.take(first))] if first.any() else []
            if again.any():
                known.append((one.terms.id, new.take(again)))
                before.append(old.take(again))
            if first.any() or again.any():
                touched[one.terms.id] = int(new.active.sum()) - int(old.active.sum())
        if fresh:
            insert_rows(self.session, Enrolment, {"host_id": self.host_id, **_keys(fresh), **_columns(fresh), "rev": 1})
        if known:
            keys = {"host_id": self.host_id, **_keys(known)}
            update_rows(self.session, Enrolment, keys, _changed(known, before), count="rev")
        touch_enrolments(self.session, self.host_id, touched)

    def _messages(self, decided: list[Writing]) -> None:
        left = [one for one in decided if one.deactivated().any()]
        unsent = set()
        if left:
            people = np.unique(np.concatenate([one.step.facts.person[one.deactivated()] for one in left]))
            unsent = with_unsent(self.session, self.host_id, [one.terms.id for one in left], people)
        for one in decided:
            one.write_messages(unsent=one.terms.id in unsent)

    def _note(self, decided: list[Writing]) -> None:
        for one in decided:
            if one.terms.courses:
                for person in one.step.facts.person[one.step.deactivated | one.step.left].tolist():
                    self.gone.setdefault(person, set()).add(one.terms.id)
            new = one.step.facts
            again = new.person[new.certified_at != one.old.certified_at]
            self.completed.setdefault(one.terms.code, set()).update(again.tolist())


def _runs(works: Sequence[Chunk]) -> Iterator[list[Chunk]]:
    """Certifications in their order, as many together as share no course with each other."""
    run: list[Chunk] = []
    for work in works:
        theirs = sharing_ids(work.snapshot, work.terms)
        if theirs and any(one.terms.id in theirs for one in run):
            yield run
            run = []
        run.append(work)
    if run:
        yield run


Part = tuple[int, Facts]
"""A certification, and rows of it."""


def _keys(parts: list[Part]) -> dict[str, Ints]:
    return {
        "certification": np.concatenate([np.full(len(facts.person), number) for number, facts in parts]),
        "person": np.concatenate([facts.person for _number, facts in parts]),
    }


def _columns(parts: list[Part]) -> dict[str, Ints]:
    if len(parts) == 1:
        return {name: getattr(parts[0][1], name) for name in COLUMNS}
    return {name: np.concatenate([getattr(facts, name) for _number, facts in parts]) for name in COLUMNS}


def _changed(parts: list[Part], before: list[Facts]) -> dict[str, Ints]:
    """Of all columns those that differ for somebody."""
    return {
        name: column
        for name, column in _columns(parts).items()
        if (column != np.concatenate([getattr(one, name) for one in before])).any()
    }
