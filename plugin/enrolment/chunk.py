"""One chunk of settling: some people in one certification, decided and written in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.resolve import Rule
from plugin.enrolment.around import Around, HeldPeople
from plugin.enrolment.brought import Taking, leave_absent, take
from plugin.enrolment.codes import ASSIGNED, DUPLICATE_COURSE, IN_PROGRESS, TIME_ALLOWANCE, UNKNOWN_DATE
from plugin.enrolment.facts import Facts, Ints
from plugin.enrolment.inputs import Cause, elsewhere, gather, matched_memberships, memberships
from plugin.enrolment.lifecycle import advance
from plugin.enrolment.step import NO_TYPE, Given, Step, step, would_leave
from plugin.enrolment.terms import Terms
from plugin.enrolment.wanted import Membership
from plugin.enrolment.writer import Writing
from plugin.population.columns import are_in, one_of
from plugin.population.sets import Population


@dataclass
class Work:
    """Some people in one certification, gathered and not yet decided."""

    terms: Terms
    facts: Facts
    given: Given
    found: Sequence[Membership]
    around: Around

    @property
    def held(self) -> HeldPeople:
        """Whose withdrawal the guard holds, or somebody released."""
        return self.around.held(self.terms.id)

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
    matches: Mapping[int, Sequence[Rule]] | None = None,
    found: Sequence[Membership] | None = None,
    around: Around | None = None,
) -> Work:
    """Gather one certification's side of these people.

    :param people: sorted ids.
    :param rules: in place of the saved ones, for a preview.
    :param matches: what the person-wise resolver found, where it was asked; else sets are used.
    :param found: the memberships, where they are known already.
    :param around: what was read for several certifications at once.
    """
    host_id = population.host_id
    around = around or Around(session, host_id, [certification], people)
    terms = terms or around.terms(certification)
    rules = around.rules[certification] if rules is None else rules
    facts = around.facts(certification, people)
    pins = around.held(certification).pins
    if found is None and matches is None:
        found = memberships(session, population, rules, people, pins)
    elif found is None and matches is not None:
        found = matched_memberships(matches, people, pins, rules)
    assert found is not None
    return Work(terms, facts, gather(around, population, terms, facts, found, cause), found, around)


def decide(session: Session, work: Work, cause: Cause, may_go: BitMap) -> tuple[Step, Writing]:
    """Decide without writing: ``step``, then the cycle.

    :param may_go: whom the guard let go.
    """
    allowed = work.held.released | may_go
    people = work.facts.person
    work.given.let_go = np.full(len(people), True) if cause.confirmed else are_in(people, allowed)
    start, taken = _with_records(work)
    work.given.elsewhere = elsewhere(work.around, work.terms, start, work.given.as_of)
    outcome = step(start, work.given, work.terms)
    taken = leave_absent(outcome.facts, work.facts, taken)
    released = [one.position for one in taken if outcome.activated[one.position] and not outcome.began[one.position]]
    outcome.facts.quiet[released] = 1  # a record brought along sends no messages (DOMAIN 7.6)
    done = work.around.completions(work.terms, people[outcome.facts.live])
    before = outcome.facts.copy()
    moved = advance(outcome.facts, work.terms, done, work.given.as_of)
    outcome.redated &= before.due == outcome.facts.due  # a date the cycle sets is no changed date
    _close_answered_by_the_cycle(work, outcome, before)
    return outcome, Writing(work.around, work.terms, cause, work.facts, work.given, outcome, moved, work.found, done,
                            taken)  # fmt: skip


def _with_records(work: Work) -> tuple[Facts, list[Taking]]:
    """The facts with the records brought along in them (DOMAIN 7.6)."""
    records = work.around.brought(work.terms.id)
    if not records:
        return work.facts, []
    theirs = np.intersect1d(work.facts.person, np.array([one.person for one in records], np.int64))
    done = work.around.completions(work.terms, theirs)
    return take(work.facts, records, work.terms, done, work.given.as_of)


def _close_answered_by_the_cycle(work: Work, outcome: Step, before: Facts) -> None:
    """Certified with a question open: the cycle sets her date and puts her on another path (DOMAIN 3.6, 4.7)."""
    entered = (outcome.facts.state != before.state) & ~one_of(outcome.facts.state, (ASSIGNED, IN_PROGRESS))
    asked = entered & (outcome.raised != NO_TYPE)
    if asked.any():
        shared = elsewhere(work.around, work.terms, outcome.facts, work.given.as_of)
        over = one_of(outcome.raised, (TIME_ALLOWANCE, UNKNOWN_DATE)) | ((outcome.raised == DUPLICATE_COURSE) & ~shared)
        outcome.raised[asked & over] = NO_TYPE
