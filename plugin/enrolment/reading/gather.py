"""Gathers what ``step`` decides from, for some people in some certifications, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.resolve import Rule
from plugin.core.database.slices import slices
from plugin.enrolment.facts import NONE, Facts, Ints, Mask
from plugin.enrolment.reading.event_dates import Bases
from plugin.enrolment.reading.reach import reached
from plugin.enrolment.reading.snapshot import Snapshot
from plugin.enrolment.reading.stacking import cut, joined
from plugin.enrolment.reading.time_of_change import Turns, drawn_since, not_before
from plugin.enrolment.rules.step import NO_TYPE, Questions, StepInput
from plugin.enrolment.rules.wanted import Membership, Wanted, wanted_of
from plugin.enrolment.tables import WhySet
from plugin.enrolment.terms import Terms
from plugin.population.columns import are_in
from plugin.population.sets import Population


@dataclass(frozen=True)
class Cause:
    """Why settling happens now.

    :ivar at: for each person the ``as_of`` of what is being settled; everybody else takes ``otherwise``.
    :ivar earlier_of: where dates move earlier, only those that these assignments gave; ``None``: whatever gave them.
    :ivar earlier_by: besides, any date moves earlier by less than so many seconds, to one that is known; 0: none does.
    :ivar version: of the save being settled, or 0: rules new in it count as *added*.
    """

    otherwise: int
    at: Mapping[int, int] = field(default_factory=dict)
    version: int = 0
    earlier: bool = False
    earlier_of: frozenset[int] | None = None
    earlier_by: int = 0
    quiet: bool = False
    confirmed: bool = False
    by_sync: bool = True
    who: str = "sync"
    reason: str = ""

    @property
    def moves_earlier(self) -> bool:
        """Whether any date may move earlier."""
        return self.earlier or bool(self.earlier_by)


def instants(people: Ints, cause: Cause) -> Ints:
    """The ``as_of`` of each person's cause."""
    if not cause.at:
        return np.full(len(people), cause.otherwise)
    return np.array([cause.at.get(person, cause.otherwise) for person in people.tolist()], np.int64)


def memberships(
    session: Session, population: Population, rules: Sequence[Rule], people: Ints, pins: Mapping[int, BitMap]
) -> list[Membership]:
    """For each rule the positions of those of ``people`` it matches; pinned learners included (rules 5.10)."""
    everyone = BitMap(people.astype(np.uint32))
    found: list[Membership] = []
    for rule, matched in zip(rules, reached(session, population, rules, everyone), strict=True):
        if rule.id in pins:
            matched = matched | (pins[rule.id] & everyone)
        found.append((rule, np.searchsorted(people, np.array(matched, dtype=np.int64))))
    return found


def matched_memberships(matches: Mapping[int, Sequence[Rule]], people: Ints, pins: Mapping[int, BitMap],
                        rules: Sequence[Rule]) -> list[Membership]:  # fmt: skip
    """The same from the person-wise side (:func:`plugin.certifications.resolve.matches_of`)."""
    positions: dict[int, list[int]] = {rule.id: [] for rule in rules}
    for position, person in enumerate(people.tolist()):
        hit = {rule.id for rule in matches.get(person, ())}
        hit |= {rule for rule, kept in pins.items() if person in kept}
        for rule_id in hit & positions.keys():
            positions[rule_id].append(position)
    return [(rule, np.array(positions[rule.id], np.int64)) for rule in rules]


@dataclass(frozen=True)
class GatheredCertification:
    """One certification's side of what is gathered.

    :ivar found: its memberships, as positions among the people of ``facts``.
    """

    terms: Terms
    facts: Facts
    found: Sequence[Membership]


def gather(
    snapshot: Snapshot, population: Population, sides: Sequence[GatheredCertification], cause: Cause
) -> list[StepInput]:
    """Everything but the facts, for each side. ``let_go`` starts as nobody: the guard has yet to judge."""
    facts, lengths = joined([side.facts for side in sides]), [len(side.facts.person) for side in sides]
    people, n = facts.person, len(facts.person)
    at = instants(people, cause)
    exists, suspended = _standing(population, people, distinct=len(sides) == 1)
    # What is decided now cannot have been caused before what was decided already.
    at = np.maximum(at, np.where(facts.live, facts.began, NONE))
    as_of = max(population.as_of, cause.otherwise)
    added, only_gone, exempt = np.zeros(n, bool), np.ones(n, bool), np.zeros(n, bool)
    found: list[Membership] = []
    turns = Turns(snapshot.session, population.host_id, people, at, as_of)
    start = 0
    for side, when in zip(sides, cut(at, lengths), strict=True):
        turns.first_days(side.facts.person, side.found, when)
    for side, length in zip(sides, lengths, strict=True):
        _since(snapshot, turns, side, at[start : start + length], as_of)
        pins = snapshot.held(side.terms.id).pins
        for rule, positions in side.found:
            if not len(positions):
                continue
            where = positions + start
            found.append((rule, where))
            if cause.version and rule.since_version == cause.version:
                added[where] = True
            only_gone[where[~are_in(people[where], pins[rule.id])] if rule.id in pins else where] = False
        if len(kept_out := snapshot.exempt(side.terms.id, as_of)):
            exempt[start : start + length] = np.isin(side.facts.person, kept_out)
        start += length
    for side, when in zip(sides, cut(at, lengths), strict=True):
        drawn_since(snapshot.session, side.terms, side.facts, side.found, when)
    began = np.where(facts.live, facts.began, at)
    terms = sides[0].terms
    wanted = wanted_of(found, Bases(snapshot.session, terms.host_id, terms.zone, people, began), n)
    questions = _no_questions(n)
    for side, why, theirs in zip(sides, cut(wanted.why, lengths), cut(questions, lengths), strict=True):
        _ask(snapshot, side, why, theirs)
    given = StepInput(
        person_state=np.where(exists, np.where(suspended, 1, 0), 2),
        wanted=wanted,
        questions=questions,
        at=np.maximum(at, questions.since),
        as_of=as_of,
        let_go=np.zeros(n, bool),
        kept_by_gone=only_gone & (wanted.why != 0),
        exempt=exempt,
        elsewhere=np.zeros(n, bool),
        added=added,
        earlier=cause.moves_earlier,
        may_move=_may_move(facts, wanted, cause),
        quiet=cause.quiet,
    )
    return cut(given, lengths)


def _may_move(facts: Facts, wanted: Wanted, cause: Cause) -> Mask:
    """Whose date this cause may move earlier."""
    may = np.ones(len(facts.person), bool)
    if cause.earlier_of is not None:
        may &= np.isin(facts.due_from, list(cause.earlier_of))
    if cause.earlier_by:
        little = (wanted.date != NONE) & (facts.due - wanted.date < cause.earlier_by)
        may = may | little if cause.earlier else little
    return may


def _since(snapshot: Snapshot, turns: Turns, side: GatheredCertification, at: Ints, as_of: int) -> None:
    """Since when the people of one side come or go, into ``at``."""
    facts, matched = side.facts, np.zeros(len(at), bool)
    exempt = snapshot.exemptions(side.terms.id)
    if not turns and not exempt and side.terms.begins is None:
        return
    for _rule, positions in side.found:
        matched[positions] = True
    coming = matched & ~facts.live
    if turns:
        turns.move(side.terms, facts.person, at, coming, facts.live & ~matched)
    not_before(at, facts.person, coming, side.terms, exempt, as_of)


def _standing(population: Population, people: Ints, *, distinct: bool) -> tuple[Mask, Mask]:
    """Who exists, and who is suspended."""
    if distinct:
        return are_in(people, population.existing), are_in(people, population.suspended)
    once, back = np.unique(people, return_inverse=True)
    return are_in(once, population.existing)[back], are_in(once, population.suspended)[back]


def _no_questions(n: int) -> Questions:
    return Questions(since=np.full(n, NONE),
        type=np.full(n, NO_TYPE), wanted=np.full(n, NONE), wanted_from=np.full(n, NONE),
        answer=np.full(n, "", dtype="<U9"), answer_type=np.full(n, NO_TYPE), answer_due=np.full(n, NONE),
        covers=np.zeros(n, bool), pending=np.zeros(n, bool), at=np.full(n, NONE),
    )  # fmt: skip


def _ask(snapshot: Snapshot, side: GatheredCertification, why: Ints, found: Questions) -> None:
    """Fill in one certification's open exceptions and answers."""
    terms, facts = side.terms, side.facts
    exceptions, answers = snapshot.exceptions(terms.id), snapshot.decisions(terms.id)
    if not exceptions and not answers:
        return
    position = _Positions(facts.person)
    for person, kind, since, wanted, source in exceptions:
        if (i := position(person)) is not None:
            found.type[i], found.since[i] = kind, since
            found.wanted[i] = NONE if wanted is None else wanted
            found.wanted_from[i] = NONE if source is None else source
    decisions = [row for row in answers if position(row[0]) is not None]
    known = _why_sets(snapshot.session, terms.host_id, {row[2] for row in decisions}) if decisions else {}
    for person, spell, decided, action, kind, due, applied, at in decisions:
        i = position(person)
        if i is None or spell != facts.spell[i] or not facts.live[i]:  # a new spell is asked anew
            continue
        found.answer[i], found.answer_type[i] = action, kind
        found.answer_due[i] = NONE if due is None else due
        found.pending[i], found.at[i] = not applied, at
        # What she matches now may be a set that no row has named yet.
        present = {rule.id for rule, where in side.found if _contains(where, i)}
        found.covers[i] = int(why[i]) == decided or present <= known.get(decided, frozenset())


def _contains(positions: Ints, position: int) -> bool:
    at = int(positions.searchsorted(position))
    return at < len(positions) and int(positions[at]) == position


class _Positions:
    """Position of a person in a sorted array, or ``None``."""

    def __init__(self, people: Ints) -> None:
        self._people = people

    def __call__(self, person: int) -> int | None:
        i = int(self._people.searchsorted(person))
        return i if i < len(self._people) and self._people[i] == person else None


def _why_sets(session: Session, host_id: int, ids: set[int]) -> dict[int, frozenset[int]]:
    listed, found = sorted(ids), {}
    for part in slices(listed):
        rows = session.execute(
            select(WhySet.id, WhySet.assignments).where(WhySet.host_id == host_id, WhySet.id.in_(part))
        )
        found.update({row[0]: frozenset(row[1]) for row in rows})
    return found
