"""Which courses an enrolment claims for a learner: the seats it wants (rules 7.2, design point 5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.rules import cycle
from plugin.delivery.seats.wanted_seats import take_seats, want
from plugin.delivery.tables import NO_POLICY
from plugin.enrolment.facts import Facts, Ints, read_facts
from plugin.enrolment.reading.snapshot import Snapshot
from plugin.enrolment.rules.lifecycle import Completions, completions_of, course_ids, state_of
from plugin.enrolment.tables import OpenedCourse
from plugin.enrolment.terms import Terms, terms_of_many

Claims = dict[str, BitMap]
"""By course (the host's id), the learners for whom it is wanted."""


def claims_of(session: Session, terms: Terms, facts: Facts, done: Completions, as_of: int) -> Claims:
    """What the active enrolments among ``facts`` claim: nothing where the certification ended and let go of seats."""
    return {} if terms.lets_go(as_of) else _open_to(session, terms, facts, done, as_of)


def _open_to(session: Session, terms: Terms, facts: Facts, done: Completions, as_of: int) -> Claims:
    """By course, the active learners to whom it is open."""
    claims: Claims = {}
    active = np.flatnonzero(facts.active)
    own = np.isin(facts.person[active], np.array(sorted(done), np.int64))
    # Without a completion only the state and the path matter, so those learners are asked for together.
    alike = active[~own]
    kinds = facts.state[alike] * 2 + (facts.cycle[alike] > 1)
    for kind in np.unique(kinds).tolist():
        these = alike[kinds == kind]
        courses = cycle.open_courses(
            state_of(facts, int(these[0])), cycle.CycleFacts(completions={}), terms.content, as_of
        )
        _claim(claims, courses, BitMap(facts.person[these].astype(np.uint32)))
    for position in active[own].tolist():
        person = int(facts.person[position])
        known = cycle.CycleFacts(completions=done[person])
        _claim(claims, cycle.open_courses(state_of(facts, position), known, terms.content, as_of), BitMap([person]))
    return _opened_only(session, terms, claims) if terms.enrol == "on_open" else claims


def _claim(claims: Claims, courses: frozenset[str], people: BitMap) -> None:
    for course in courses:
        claims[course] = claims.get(course, BitMap()) | people


def _opened_only(session: Session, terms: Terms, claims: Claims) -> Claims:
    """Where seats wait until she opens the course from Muster."""
    ids = course_ids(session, terms.host_id, frozenset(claims))
    rows = session.execute(
        select(OpenedCourse.course, OpenedCourse.person).where(
            OpenedCourse.host_id == terms.host_id, OpenedCourse.certification == terms.id
        )
    )
    opened: dict[int, BitMap] = {}
    for course, person in rows:
        opened.setdefault(course, BitMap()).add(person)
    return {course: people & opened.get(ids.get(course, 0), BitMap()) for course, people in claims.items()}


@dataclass(frozen=True)
class Share:
    """One certification's side of the seats: its rows before and now.

    :ivar before: courses of the content that was settled last, where this content has replaced it.
    """

    snapshot: Snapshot
    terms: Terms
    old: Facts
    new: Facts
    done: Completions
    as_of: int
    at: int
    before: frozenset[str] = frozenset()

    @cached_property
    def courses(self) -> dict[str, int]:
        """The courses it may claim or let go, with our ids."""
        return course_ids(self.snapshot.session, self.terms.host_id, self.terms.courses | self.before)

    def wanted_before(self, people: Ints) -> dict[int, BitMap]:
        """By course (ours), for whom of these people it was wanted until now; of other content all its courses were."""
        session, some = self.snapshot.session, self.old.take(self.old.active & np.isin(self.old.person, people))
        if self.before:
            return {self.courses[one]: BitMap(some.person.astype(np.uint32)) for one in self.before & set(self.courses)}
        done = completions_of(session, self.terms, some.person)
        found = _open_to(session, self.terms, some, done, self.as_of)
        return {self.courses[course]: members for course, members in found.items() if course in self.courses}


def claim_seats(shares: Sequence[Share]) -> int:
    """Recompute the seats of these people in these certifications' courses, over *all* their enrolments.

    Enrolment rows must be written before. Returns how many seats changed what is wanted.

    :param shares: of one host and one instant.
    """
    shares = [one for one in shares if one.courses and len(one.new.person)]
    return sum(_claim_seats(some) for some in _groups(shares))


def _groups(shares: Sequence[Share]) -> Iterator[Sequence[Share]]:
    """All in one go where no course is named twice; else one certification after the other."""
    courses = [course for one in shares for course in one.courses]
    if len(shares) > 1 and len(set(courses)) == len(courses):
        yield shares
    else:
        yield from ([one] for one in shares)


def _claim_seats(shares: Sequence[Share]) -> int:
    session, host_id, at = shares[0].snapshot.session, shares[0].terms.host_id, shares[0].at
    mine: dict[int, BitMap] = {}
    for one in shares:
        found = claims_of(session, one.terms, one.new, one.done, one.as_of)
        mine |= {one.courses[course]: people for course, people in found.items() if course in one.courses}
    # Insert what is missing and lock in (course, person) order, then read the others' claims in a new statement.
    concerned = {number: one.new.person for one in shares for number in one.courses.values()}
    seats, added = take_seats(session, host_id, mine, concerned, at)
    if not len(seats.person):
        return added
    ours = seats.held_by(mine)
    claimed, dropped = ours.copy(), np.full(len(ours), NO_POLICY)
    for one in shares:
        here = ~ours & np.isin(seats.course, list(one.courses.values()))
        if here.any():
            alone = np.unique(seats.person[here])
            claimed |= here & seats.held_by(_others(one, sorted(one.courses.values()), alone))
            let_go = here & np.isin(seats.person, one.old.person[one.old.active])
            # Alone its policy counts; beside another's only where this one wanted the seat (rules 6.2).
            beside = let_go & (claimed | (seats.leave != NO_POLICY))
            if beside.any():
                let_go &= ~beside | seats.held_by(one.wanted_before(np.unique(seats.person[beside])))
            dropped[let_go] = one.terms.leave
    return added + want(session, host_id, seats, claimed, dropped, at)


def _others(share: Share, courses: Sequence[int], people: Ints) -> dict[int, BitMap]:
    """By course (ours), who is claimed by any other certification."""
    session, host_id, found = share.snapshot.session, share.terms.host_id, dict[int, BitMap]()
    sharing = share.snapshot.sharing(share.terms.id, courses)
    for other, theirs in terms_of_many(session, host_id, sharing).items() if sharing else ():
        facts = read_facts(session, host_id, other, people)
        facts = facts.take(facts.active)
        if not len(facts.person):
            continue
        ids = course_ids(session, host_id, theirs.courses)
        done = completions_of(session, theirs, facts.person)
        for course, members in claims_of(session, theirs, facts, done, share.as_of).items():
            if course in ids:
                found[ids[course]] = found.get(ids[course], BitMap()) | members
    return found
