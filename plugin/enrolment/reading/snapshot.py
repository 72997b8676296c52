"""Rules, holds, exemptions, exceptions and answers of certifications: what decides beside their rows, read once for all."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.resolve import Rule, rules_of_many
from plugin.certifications.tables import CourseSetCourse
from plugin.core.database.bulk import among, fetch
from plugin.core.database.dialect import for_update
from plugin.enrolment.answers.withdrawal_guard import GUARD
from plugin.enrolment.facts import Facts, Ints, arranged_apart, nobody, read_facts, read_pairs, read_rows
from plugin.enrolment.imported.record_facts import Open, open_records
from plugin.enrolment.rules.lifecycle import Completions, completions_among, completions_of, read_completions
from plugin.enrolment.terms import Terms, terms_of_many

_FEW = 500
_FEW_ROWS = 100_000
"""People times certifications, up to which their rows are read at once."""
_PAIRS = 2_000
"""People of a certification, up to which their rows are looked up one by one together with those of others."""


@dataclass
class HeldPeople:
    """Learners of one certification whose withdrawal somebody has to answer, or has answered.

    :ivar pins: by assignment, those kept on it because its target or its team went (rules 2.3, 5.10).
    :ivar let_go: those whom somebody released from one, until they are looked at.
    :ivar held: by the guard, open or refused; ``released`` by a person.
    """

    pins: dict[int, BitMap] = field(default_factory=dict)
    held: BitMap = field(default_factory=BitMap)
    released: BitMap = field(default_factory=BitMap)
    let_go: BitMap = field(default_factory=BitMap)


ReadFacts = Callable[[Ints], Facts]
"""The rows of these people, sorted ids, in one certification."""


@dataclass(frozen=True)
class Beside:
    """Another certification as it would be, once what is saved with this one is settled.

    :ivar people: everybody for whom something may change there.
    """

    terms: Terms
    facts: ReadFacts
    people: BitMap


class Snapshot:
    """Rules, terms, holds, exemptions, exceptions and answers of some certifications.

    :param certifications: ids; ``None`` for all of the host.
    :param people: sorted ids whose exceptions and answers are asked for; ``None`` for everybody's.
    :param rules: ids of the assignments that matter besides those somebody is kept on; ``None`` for all.
    """

    def __init__(
        self,
        session: Session,
        host_id: int,
        certifications: Sequence[int] | None,
        people: Ints | None = None,
        rules: Collection[int] | None = None,
    ) -> None:
        self.session, self.host_id, self._only = session, host_id, rules
        self._certifications, self._people = certifications, people
        self.beside: Sequence[Beside] = ()
        """Certifications that are proposed with one of these; of them this holds, not what is saved."""

    @cached_property
    def rules(self) -> Mapping[int, list[Rule]]:
        """The live assignments of each."""
        if self._only is None:
            return rules_of_many(self.session, self.host_id, self._certifications)
        kept = {rule for one in self._held.values() for rule in one.pins}
        return rules_of_many(self.session, self.host_id, self._certifications, {*self._only, *kept})

    @cached_property
    def _terms(self) -> Mapping[int, Terms]:
        return terms_of_many(self.session, self.host_id, self._certifications)

    def terms(self, certification: int) -> Terms:
        """The saved terms."""
        return self._terms[certification]

    @cached_property
    def _revisions(self) -> dict[int, tuple[int, int, int]]:
        """Of each, the version that was settled last, how often its rows changed, and the version saved last."""
        columns = "id, settled_version, enrolments_rev, version"
        rows = self._rows(f"SELECT {columns} FROM certification WHERE host_id = ?", key="id")
        return {number: (settled, rev, version) for number, settled, rev, version in rows}

    def settled(self, certification: int) -> int:
        """The version that was settled last."""
        return self._revisions.get(certification, (0, 0, 0))[0]

    def version(self, certification: int) -> int:
        """The version that was saved last."""
        return self._revisions.get(certification, (0, 0, 0))[2]

    @cached_property
    def _held(self) -> dict[int, HeldPeople]:
        found: dict[int, HeldPeople] = {}
        sql = "SELECT certification, cause, assignment, state, people FROM held WHERE host_id = ?"
        for certification, cause, assignment, state, people in self._rows(sql):
            one, learners = found.setdefault(certification, HeldPeople()), BitMap.deserialize(bytes(people))
            if cause == GUARD and state == "released":
                one.released |= learners
            elif cause == GUARD:
                one.held |= learners
            elif assignment is not None and state in ("open", "refused"):
                one.pins[assignment] = one.pins.get(assignment, BitMap()) | learners
            elif assignment is not None:
                one.let_go |= learners
        for one in found.values():
            one.released -= one.held
        return found

    def held(self, certification: int) -> HeldPeople:
        """Whose withdrawal waits, or was answered."""
        return self._held.get(certification) or HeldPeople()

    @cached_property
    def _exempt(self) -> dict[int, list[tuple[int, int | None]]]:
        return _grouped(self._rows("SELECT certification, person, until FROM exemption WHERE host_id = ?"))

    def exemptions(self, certification: int) -> Sequence[tuple[int, int | None]]:
        """Whom an exemption keeps out, or kept out until an instant."""
        return self._exempt.get(certification, ())

    def exempt(self, certification: int, as_of: int) -> Ints:
        """Whom an exemption in force keeps out."""
        rows = self.exemptions(certification)
        return np.array([person for person, until in rows if until is None or until > as_of], np.int64)

    @cached_property
    def _exceptions(self) -> dict[int, list[tuple[Any, ...]]]:
        columns = "certification, person, type, since, wanted_due, wanted_from"
        return _grouped(self._rows(f"SELECT {columns} FROM exception WHERE host_id = ?", theirs=True))

    def exceptions(self, certification: int) -> list[tuple[Any, ...]]:
        """Open exceptions: person, type, since, wanted date, and what gives it."""
        return self._exceptions.get(certification, [])

    @cached_property
    def _decisions(self) -> dict[int, list[tuple[Any, ...]]]:
        columns = "certification, person, spell, why, action, type, due, applied, at"
        return _grouped(self._rows(f"SELECT {columns} FROM decision WHERE host_id = ?", theirs=True))

    def decisions(self, certification: int) -> list[tuple[Any, ...]]:
        """Answers in force: person, spell, why, action, type, due, applied, at."""
        return self._decisions.get(certification, [])

    @cached_property
    def _brought(self) -> dict[int, list[Open]]:
        people = self._people
        theirs = f" AND {among('person', people)}" if people is not None and len(people) else ""
        return open_records(self.session, self.host_id, theirs)

    def brought(self, certification: int) -> list[Open]:
        """Imported records that wait for a spell, or are to be taken back."""
        return self._brought.get(certification, [])

    @cached_property
    def _woken(self) -> dict[int, list[tuple[int, int]]]:
        sql = (
            "SELECT certification, person, wakes FROM enrolment WHERE host_id = ? AND wakes IS NOT NULL AND wakes <= ?"
        )
        as_of = fetch(self.session, "SELECT as_of FROM host_clock WHERE host_id = ?", self.host_id)
        return _grouped(fetch(self.session, sql, self.host_id, as_of[0][0] if as_of else 0))

    def asked(self, certification: int) -> list[int]:
        """Who has an exception open, an answer to be carried out, an imported record, or an alarm gone off."""
        found = [row[0] for row in self.exceptions(certification)]
        found += [one.person for one in self.brought(certification)]
        found += [row[0] for row in self.decisions(certification) if not row[6]]
        return found + [row[0] for row in self._woken.get(certification, ())]

    @cached_property
    def _told(self) -> dict[int, list[tuple[str]]]:
        return _grouped(
            self._rows('SELECT DISTINCT certification, "when" FROM notification WHERE "on" AND host_id = ?')
        )

    def told(self, certification: int) -> set[str]:
        """Events for which a notification is switched on."""
        return {row[0] for row in self._told.get(certification, ())}

    @cached_property
    def _of_course(self) -> dict[int, set[int]]:
        found: dict[int, set[int]] = {}
        table = CourseSetCourse.__tablename__
        for certification, course in fetch(
            self.session, f"SELECT certification, course FROM {table} WHERE host_id = ?", self.host_id
        ):
            found.setdefault(course, set()).add(certification)
        return found

    @cached_property
    def _facts(self) -> np.ndarray | None:
        """Everybody's rows at once, where people and certifications are few."""
        people, certifications = self._people, self._certifications
        if people is None or certifications is None or not 0 < len(people) <= _FEW:
            return None
        if len(people) * len(certifications) > _FEW_ROWS:
            return None
        return read_rows(self.session, self.host_id, certifications, people)

    def facts(self, asked: Sequence[tuple[int, Ints]]) -> list[Facts]:
        """The stored facts of people in certifications.

        :param asked: certifications, each with sorted ids among those asked about.
        """
        if self._facts is None:
            return self._of_many(asked)
        return arranged_apart(self._facts, asked)

    def _of_many(self, asked: Sequence[tuple[int, Ints]]) -> list[Facts]:
        """Of a few people in each certification at once, of many in one after the other."""
        known = [one for one in asked if self._revisions.get(one[0], (0, 0, 0))[1]]  # the others never had a row
        small = [one for one in known if len(one[1]) <= _PAIRS]
        found = {number: read_facts(self.session, self.host_id, number, people) for number, people in known
                 if len(people) > _PAIRS}  # fmt: skip
        if small:
            rows = read_pairs(self.session, self.host_id, small)
            found |= zip((number for number, _people in small), arranged_apart(rows, small), strict=True)
        return [found[number] if number in found else nobody(people) for number, people in asked]

    @cached_property
    def _done(self) -> list[tuple[int, ...]] | None:
        """Everybody's completions at once, where people and certifications are few."""
        return read_completions(self.session, self.host_id, self._people) if self._facts is not None else None

    def completions(self, terms: Terms, people: Ints) -> Completions:
        """What these people, sorted ids among those asked about, completed of a certification's courses."""
        if self._done is None:
            return completions_of(self.session, terms, people)
        return completions_among(self.session, terms, people, self._done) if self._done else {}

    def sharing(self, certification: int, courses: Iterable[int]) -> list[int]:
        """Other certifications with one of these courses on their paths."""
        found: set[int] = set().union(*(self._of_course.get(course, ()) for course in courses))
        return sorted(found - {certification})

    def _rows(self, sql: str, *, theirs: bool = False, key: str = "certification") -> list[tuple[Any, ...]]:
        if self._certifications is not None and len(self._certifications) <= _FEW:
            sql += f" AND {among(key, np.array(self._certifications, np.int64))}"
        if theirs and self._people is not None and len(self._people):
            sql += f" AND {among('person', self._people)}"
        return fetch(self.session, sql, self.host_id)


def _grouped(rows: Sequence[tuple[Any, ...]]) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = {}
    for certification, *rest in rows:
        found.setdefault(certification, []).append(tuple(rest))
    return found


def lock_certification(session: Session, host_id: int, *certifications: int) -> None:
    """Let one settle at a time write a certification; different ones go on side by side. Locked in order of ids."""
    lock = for_update(session, order="id")
    if lock and certifications:
        listed = ", ".join(str(int(one)) for one in certifications)
        fetch(session, f"SELECT 1 FROM certification WHERE host_id = ? AND id IN ({listed}){lock}", host_id)
