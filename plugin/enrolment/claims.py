"""Which courses an enrolment claims for a learner: the seats it wants (DOMAIN 7.2, DESIGN point 5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications import cycle
from plugin.delivery.seats import take_seats, want
from plugin.delivery.tables import NO_POLICY
from plugin.enrolment.around import Around
from plugin.enrolment.facts import Facts, Ints, read_facts
from plugin.enrolment.lifecycle import Completions, completions_of, course_ids, state_of
from plugin.enrolment.tables import Opened
from plugin.enrolment.terms import Terms, terms_of_many

Claims = dict[str, BitMap]
"""By course (the host's id), the learners for whom it is wanted."""


def claims_of(session: Session, terms: Terms, facts: Facts, done: Completions, as_of: int) -> Claims:
    """What the active enrolments among ``facts`` claim."""
    claims: Claims = {}
    active = np.flatnonzero(facts.active)
    own = np.isin(facts.person[active], np.array(sorted(done), np.int64))
    # Without a completion only the state and the path matter, so those learners are asked for together.
    alike = active[~own]
    kinds = facts.state[alike] * 2 + (facts.cycle[alike] > 1)
    for kind in np.unique(kinds).tolist():
        these = alike[kinds == kind]
        courses = cycle.open_courses(state_of(facts, int(these[0])), cycle.Facts(completions={}), terms.content, as_of)
        _claim(claims, courses, BitMap(facts.person[these].astype(np.uint32)))
    for position in active[own].tolist():
        person = int(facts.person[position])
        known = cycle.Facts(completions=done[person])
        _claim(claims, cycle.open_courses(state_of(facts, position), known, terms.content, as_of), BitMap([person]))
    return _opened_only(session, terms, claims) if terms.enrol == "on_open" else claims


def _claim(claims: Claims, courses: frozenset[str], people: BitMap) -> None:
    for course in courses:
        claims[course] = claims.get(course, BitMap()) | people


def _opened_only(session: Session, terms: Terms, claims: Claims) -> Claims:
    """Where seats wait until she opens the course from Muster."""
    ids = course_ids(session, terms.host_id, frozenset(claims))
    rows = session.execute(
        select(Opened.course, Opened.person).where(Opened.host_id == terms.host_id, Opened.certification == terms.id)
    )
    opened: dict[int, BitMap] = {}
    for course, person in rows:
        opened.setdefault(course, BitMap()).add(person)
    return {course: people & opened.get(ids.get(course, 0), BitMap()) for course, people in claims.items()}


def claim_seats(
    around: Around, terms: Terms, old: Facts, new: Facts, done: Completions, as_of: int, at: int,
    *, before: frozenset[str] = frozenset(),
) -> int:  # fmt: skip
    """Recompute the seats of these people in this certification's courses, over *all* their enrolments.

    Enrolment rows must be written before. Returns how many seats changed what is wanted.

    :param before: courses of the content that was settled last, where this content has replaced it.
    """
    courses = terms.courses | before
    if not courses or not len(new.person):
        return 0
    session = around.session
    ids = course_ids(session, terms.host_id, courses)
    found = claims_of(session, terms, new, done, as_of)
    mine = {ids[course]: people for course, people in found.items() if course in ids}
    # Insert what is missing and lock in (course, person) order, then read the others' claims in a new statement.
    seats, added = take_seats(session, terms.host_id, mine, sorted(ids.values()), new.person, at)
    if not len(seats.person):
        return added
    ours = seats.held_by(mine)
    claimed = ours
    if not ours.all():
        alone = np.unique(seats.person[~ours])
        claimed = ours | seats.held_by(_others(around, terms, sorted(ids.values()), alone, as_of))
    was_active = np.isin(seats.person, old.person[old.active])
    dropped = np.where(~ours & was_active, terms.leave, NO_POLICY)
    return added + want(session, terms.host_id, seats, claimed, dropped, at)


def _others(around: Around, terms: Terms, courses: Sequence[int], people: Ints, as_of: int) -> dict[int, BitMap]:
    """By course (ours), who is claimed by any other certification."""
    session, found = around.session, dict[int, BitMap]()
    sharing = around.sharing(terms.id, courses)
    for other, theirs in terms_of_many(session, terms.host_id, sharing).items() if sharing else ():
        facts = read_facts(session, terms.host_id, other, people)
        facts = facts.take(facts.active)
        if not len(facts.person):
            continue
        ids = course_ids(session, terms.host_id, theirs.courses)
        done = completions_of(session, theirs, facts.person)
        for course, members in claims_of(session, theirs, facts, done, as_of).items():
            if course in ids:
                found[ids[course]] = found.get(ids[course], BitMap()) | members
    return found
