"""Which courses an enrolment claims for a learner: the seats it wants (DOMAIN 7.2, DESIGN point 5)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications import cycle
from plugin.certifications.tables import CourseSetCourse
from plugin.delivery.seats import SeatWish, lock_seats, set_wanted
from plugin.enrolment.facts import Facts, Ints, read_facts
from plugin.enrolment.lifecycle import Completions, completions_of, course_ids, state_of
from plugin.enrolment.tables import Opened
from plugin.enrolment.terms import Terms, terms_of

Claims = dict[str, BitMap]
"""By course (the host's id), the learners for whom it is wanted."""


def claims_of(session: Session, terms: Terms, facts: Facts, done: Completions, as_of: int) -> Claims:
    """What the active enrolments among ``facts`` claim."""
    claims: Claims = {}
    open_to: dict[frozenset[str], list[int]] = {}
    alike: dict[tuple[int, bool], frozenset[str]] = {}
    for position in np.flatnonzero(facts.active).tolist():
        person = int(facts.person[position])
        mine = done.get(person)
        key = (int(facts.state[position]), int(facts.cycle[position]) > 1)
        if mine is None and key in alike:
            courses = alike[key]
        else:
            known = cycle.Facts(completions=mine or {})
            courses = cycle.open_courses(state_of(facts, position), known, terms.content, as_of)
            if mine is None:
                alike[key] = courses
        open_to.setdefault(courses, []).append(person)
    for courses, people in open_to.items():
        members = BitMap(people)
        for course in courses:
            claims[course] = claims.get(course, BitMap()) | members
    return _opened_only(session, terms, claims) if terms.enrol == "on_open" else claims


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


def claim_seats(session: Session, terms: Terms, old: Facts, new: Facts, done: Completions, as_of: int, at: int) -> int:
    """Recompute the seats of these people in this certification's courses, over *all* their enrolments.

    Enrolment rows must be written before. Returns how many seats changed what is wanted.
    """
    if not terms.courses or not len(new.person):
        return 0
    ids = course_ids(session, terms.host_id, terms.courses)
    mine = claims_of(session, terms, new, done, as_of)
    pairs = [(ids[course], person) for course, people in mine.items() if course in ids for person in people]
    # Insert what is missing and lock in (course, person) order, then read the others' claims in a new statement.
    locked = lock_seats(session, terms.host_id, pairs, sorted(ids.values()), new.person, at)
    names = {number: ext for ext, number in ids.items()}
    others = _others(session, terms, locked, new.person, as_of)
    was_active = BitMap(old.person[old.active].astype(np.uint32))
    wishes = []
    for (course, person), seat in locked.items():
        ours = person in mine.get(names[course], BitMap())
        claimed = ours or person in others.get(course, BitMap())
        dropped = terms.leave if not ours and person in was_active else 0
        wishes.append(SeatWish(course, person, claimed=claimed, dropped=dropped, seat=seat))
    return set_wanted(session, terms.host_id, wishes, at)


def _others(
    session: Session, terms: Terms, locked: Mapping[tuple[int, int], object], people: Ints, as_of: int
) -> dict[int, BitMap]:
    """By course (ours), who is claimed by any other certification."""
    courses = {course for course, _person in locked}
    rows = session.execute(
        select(CourseSetCourse.certification, CourseSetCourse.course).where(
            CourseSetCourse.host_id == terms.host_id, CourseSetCourse.certification != terms.id
        )
    )
    sharing = sorted({row[0] for row in rows if row[1] in courses})
    found: dict[int, BitMap] = {}
    for other in sharing:
        theirs = terms_of(session, terms.host_id, other)
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
