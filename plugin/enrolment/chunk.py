"""One chunk of settling: some people in one certification, decided and written in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.resolve import Rule, rules_of
from plugin.enrolment.facts import Facts, Ints, read_facts
from plugin.enrolment.gone import pinned
from plugin.enrolment.guard import answers
from plugin.enrolment.inputs import Cause, elsewhere, gather, matched_memberships, memberships
from plugin.enrolment.lifecycle import advance, completions_of
from plugin.enrolment.step import Given, Step, step, would_leave
from plugin.enrolment.terms import Terms, terms_of
from plugin.enrolment.wanted import Membership
from plugin.enrolment.writer import Writing
from plugin.population.sets import Population


@dataclass
class Work:
    """Some people in one certification, gathered and not yet decided."""

    terms: Terms
    facts: Facts
    given: Given
    found: Sequence[Membership]
    held: BitMap
    released: BitMap

    def undecided(self, cause: Cause) -> BitMap:
        """Who would leave and whom the guard has not judged yet."""
        if cause.confirmed or not self.terms.live(self.given.as_of):
            return BitMap()
        leaving = self.facts.person[would_leave(self.facts, self.given)]
        return BitMap(leaving.astype(np.uint32)) - self.held - self.released


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
) -> Work:
    """Gather one certification's side of these people.

    :param people: sorted ids.
    :param rules: in place of the saved ones, for a preview.
    :param matches: what the person-wise resolver found, where it was asked; else sets are used.
    :param found: the memberships, where they are known already.
    """
    host_id = population.host_id
    terms = terms or terms_of(session, host_id, certification)
    rules = rules_of(session, host_id, certification) if rules is None else rules
    pins = pinned(session, host_id, certification)
    facts = read_facts(session, host_id, certification, people)
    if found is not None:
        pass
    elif matches is None:
        found = memberships(session, population, rules, people, pins)
    else:
        found = matched_memberships(matches, people, pins, rules)
    given = gather(session, population, terms, facts, found, pins, cause)
    held, released = answers(session, host_id, certification)
    return Work(terms, facts, given, found, held, released)


def decide(session: Session, work: Work, cause: Cause, may_go: BitMap) -> tuple[Step, Writing]:
    """Decide without writing: ``step``, then the cycle.

    :param may_go: whom the guard let go.
    """
    allowed = work.released | may_go
    people = work.facts.person
    work.given.let_go = np.full(len(people), True) if cause.confirmed else _has(people, allowed)
    work.given.elsewhere = elsewhere(session, work.terms, work.facts)
    outcome = step(work.facts, work.given, work.terms)
    done = completions_of(session, work.terms, people[outcome.facts.live])
    before = outcome.facts.copy()
    moved = advance(outcome.facts, work.terms, done, work.given.as_of)
    outcome.redated &= before.due == outcome.facts.due  # a date the cycle sets is no changed date
    return outcome, Writing(session, work.terms, cause, work.facts, work.given, outcome, moved, work.found, done)


def _has(people: Ints, members: BitMap) -> np.ndarray:
    inside = np.array(BitMap(people.astype(np.uint32)) & members, dtype=np.int64)
    return np.isin(people, inside, assume_unique=True)
