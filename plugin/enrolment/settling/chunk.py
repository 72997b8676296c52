"""One chunk of settling: some people in some certifications, gathered and decided in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.resolve import Rule
from plugin.enrolment.codes import ASSIGNED, DUPLICATE_COURSE, IN_PROGRESS, TIME_ALLOWANCE, UNKNOWN_DATE
from plugin.enrolment.facts import Facts, Ints
from plugin.enrolment.imported.record_facts import RecordChange, leave_absent, take
from plugin.enrolment.reading.gather import Cause, GatheredCertification, gather, memberships
from plugin.enrolment.reading.shared_courses import elsewhere
from plugin.enrolment.reading.snapshot import HeldPeople, Snapshot
from plugin.enrolment.reading.stacking import cut, joined
from plugin.enrolment.rules.lifecycle import advance
from plugin.enrolment.rules.step import NO_TYPE, Step, StepInput, step, would_leave
from plugin.enrolment.rules.wanted import Membership
from plugin.enrolment.settling.write import Writing
from plugin.enrolment.terms import Terms, spread_terms
from plugin.population.columns import are_in, one_of
from plugin.population.sets import Population


@dataclass
class Chunk:
    """Some people in one certification, gathered and not yet decided."""

    terms: Terms
    facts: Facts
    given: StepInput
    found: Sequence[Membership]
    snapshot: Snapshot

    @property
    def held(self) -> HeldPeople:
        """Whose withdrawal the guard holds, or somebody released."""
        return self.snapshot.held(self.terms.id)

    def undecided(self, cause: Cause) -> BitMap:
        """Who would leave and whom the guard has not judged yet."""
        if cause.confirmed or not self.terms.live(self.given.as_of):
            return BitMap()
        leaving = self.facts.person[would_leave(self.facts, self.given)]
        return BitMap(leaving.astype(np.uint32)) - self.held.held - self.held.released


def prepare(
    session: Session,
    population: Population,
    certification: int,
    people: Ints,
    cause: Cause,
    *,
    terms: Terms | None = None,
    rules: Sequence[Rule] | None = None,
    found: Sequence[Membership] | None = None,
    snapshot: Snapshot | None = None,
) -> Chunk:
    """Gather one certification's side of these people.

    :param people: sorted ids.
    :param rules: in place of the saved ones, for a preview.
    :param found: the memberships, where they are known already; else sets are used.
    :param snapshot: what was read for several certifications at once.
    """
    snapshot = snapshot or Snapshot(session, population.host_id, [certification], people)
    rules = snapshot.rules[certification] if rules is None else rules
    if found is None:
        found = memberships(session, population, rules, people, snapshot.held(certification).pins)
    terms = terms or snapshot.terms(certification)
    [facts] = snapshot.facts([(certification, people)])
    return _gathered(snapshot, population, [GatheredCertification(terms, facts, found)], cause)[0]


Asked = tuple[int, Ints, Sequence[Membership]]
"""A certification, sorted ids of people, and the memberships of these."""


def prepare_all(snapshot: Snapshot, population: Population, asked: Sequence[Asked], cause: Cause) -> list[Chunk]:
    """Gather the sides of several certifications, each named once."""
    if not asked:
        return []
    facts = snapshot.facts([(number, people) for number, people, _found in asked])
    sides = [
        GatheredCertification(snapshot.terms(one[0]), stored, one[2]) for one, stored in zip(asked, facts, strict=True)
    ]
    return _gathered(snapshot, population, sides, cause)


def _gathered(
    snapshot: Snapshot, population: Population, sides: Sequence[GatheredCertification], cause: Cause
) -> list[Chunk]:
    every = gather(snapshot, population, sides, cause)
    return [
        Chunk(side.terms, side.facts, given, side.found, snapshot) for side, given in zip(sides, every, strict=True)
    ]


Decided = tuple[Step, Writing]
"""What ``step`` and the cycle say of one certification, and how it is to be written."""


def decide(work: Chunk, cause: Cause, may_go: BitMap) -> Decided:
    """Decide one certification without writing (:func:`decide_all`)."""
    return decide_all([work], cause, {work.terms.id: may_go})[0]


def decide_all(works: Sequence[Chunk], cause: Cause, may_go: Mapping[int, BitMap]) -> list[Decided]:
    """Decide without writing: ``step`` once for all, then the cycle of each.

    :param works: of certifications that share no course, since they cannot see what is decided here of each other.
    :param may_go: by certification, whom the guard let go.
    """
    starts, takings = [], []
    for work in works:
        people, allowed = work.facts.person, work.held.released | may_go.get(work.terms.id, BitMap())
        work.given.let_go = np.full(len(people), True) if cause.confirmed else are_in(people, allowed)
        start, taken = _with_records(work)
        work.given.elsewhere = elsewhere(work.snapshot, work.terms, start, work.given.as_of)
        starts.append(start)
        takings.append(taken)
    lengths = [len(work.facts.person) for work in works]
    spread = spread_terms([(work.terms, n) for work, n in zip(works, lengths, strict=True)], works[0].given.as_of)
    outcomes = cut(step(joined(starts), joined([work.given for work in works]), spread), lengths)
    return [_moved_on(*one, cause) for one in zip(works, outcomes, takings, strict=True)]


def _moved_on(work: Chunk, outcome: Step, taken: list[RecordChange], cause: Cause) -> Decided:
    """Bring the cycle of one certification up to date with what was decided."""
    taken = leave_absent(outcome.facts, work.facts, taken)
    released = [one.position for one in taken if outcome.activated[one.position] and not outcome.began[one.position]]
    outcome.facts.quiet[released] = 1  # an imported record sends no messages (rules 7.6)
    done = work.snapshot.completions(work.terms, work.facts.person[outcome.facts.live])
    state, due = outcome.facts.state.copy(), outcome.facts.due.copy()
    moved = advance(outcome.facts, work.terms, done, work.given.as_of)
    outcome.redated &= due == outcome.facts.due  # a date the cycle sets is no changed date
    _close_answered_by_the_cycle(work, outcome, state)
    return outcome, Writing(work.snapshot, work.terms, cause, work.facts, work.given, outcome, moved, work.found, done,
                            taken)  # fmt: skip


def _with_records(work: Chunk) -> tuple[Facts, list[RecordChange]]:
    """The facts with the imported records in them (rules 7.6)."""
    records = work.snapshot.brought(work.terms.id)
    if not records:
        return work.facts, []
    theirs = np.intersect1d(work.facts.person, np.array([one.person for one in records], np.int64))
    done = work.snapshot.completions(work.terms, theirs)
    return take(work.facts, records, work.terms, done, work.given.as_of)


def _close_answered_by_the_cycle(work: Chunk, outcome: Step, before: Ints) -> None:
    """Certified with a question open: the cycle sets her date and puts her on another path (rules 3.6, 4.7)."""
    entered = (outcome.facts.state != before) & ~one_of(outcome.facts.state, (ASSIGNED, IN_PROGRESS))
    asked = entered & (outcome.raised != NO_TYPE)
    if asked.any():
        shared = elsewhere(work.snapshot, work.terms, outcome.facts, work.given.as_of)
        over = one_of(outcome.raised, (TIME_ALLOWANCE, UNKNOWN_DATE)) | ((outcome.raised == DUPLICATE_COURSE) & ~shared)
        outcome.raised[asked & over] = NO_TYPE
