"""Gathers what ``step`` decides from, for some people in one certification, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from pyroaring import BitMap
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from plugin.certifications.content import courses_of
from plugin.certifications.resolve import Rule, resolve
from plugin.certifications.tables import CourseSetCourse
from plugin.core.bulk import among
from plugin.enrolment.bases import Bases
from plugin.enrolment.codes import ASSIGNED, EXPIRED, IN_PROGRESS
from plugin.enrolment.facts import NONE, Facts, Ints, Mask, read_facts
from plugin.enrolment.lifecycle import course_ids
from plugin.enrolment.step import NO_TYPE, Given, Questions
from plugin.enrolment.tables import Decision, ExceptionRow, Exemption, WhySet
from plugin.enrolment.terms import Terms, terms_of
from plugin.enrolment.wanted import Membership, wanted_of
from plugin.population.sets import Population


@dataclass(frozen=True)
class Cause:
    """Why settling happens now.

    :ivar at: for each person the ``as_of`` of what is being settled; everybody else takes ``otherwise``.
    :ivar version: of the save being settled, or 0: rules new in it count as *added*.
    """

    otherwise: int
    at: Mapping[int, int] = field(default_factory=dict)
    version: int = 0
    earlier: bool = False
    quiet: bool = False
    confirmed: bool = False
    by_sync: bool = True
    who: str = "sync"
    reason: str = ""


def instants(people: Ints, cause: Cause) -> Ints:
    """The ``as_of`` of each person's cause."""
    if not cause.at:
        return np.full(len(people), cause.otherwise)
    return np.array([cause.at.get(person, cause.otherwise) for person in people.tolist()], np.int64)


def memberships(
    session: Session, population: Population, rules: Sequence[Rule], people: Ints, pins: Mapping[int, BitMap]
) -> list[Membership]:
    """For each rule the positions of those of ``people`` it matches; pinned learners included (DOMAIN 5.10)."""
    everyone = BitMap(people.astype(np.uint32))
    found: list[Membership] = []
    for rule in rules:
        matched = resolve(session, population, rule.key) & everyone
        if rule.id in pins:
            matched |= pins[rule.id] & everyone
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


def gather(
    session: Session,
    population: Population,
    terms: Terms,
    facts: Facts,
    found: Sequence[Membership],
    pins: Mapping[int, BitMap],
    cause: Cause,
) -> Given:
    """Everything but the facts. ``let_go`` starts as nobody: the guard has yet to judge."""
    people, n = facts.person, len(facts.person)
    at = instants(people, cause)
    exists, suspended = _has(people, population.existing), _has(people, population.suspended)
    # What is decided now cannot have been caused before what was decided already.
    at = np.maximum(at, np.where(facts.live, facts.began, NONE))
    began = np.where(facts.live, facts.began, at)
    wanted = wanted_of(found, Bases(session, terms.host_id, terms.zone, people, began), n)
    added, only_gone = np.zeros(n, bool), np.ones(n, bool)
    for rule, where in found:
        if cause.version and rule.since_version == cause.version:
            added[where] = True
        if rule.id not in pins:
            only_gone[where] = False
    questions = _questions(session, terms, facts, wanted.why)
    return Given(
        person_state=np.where(exists, np.where(suspended, 1, 0), 2),
        wanted=wanted,
        questions=questions,
        at=np.maximum(at, questions.since),
        as_of=max(population.as_of, cause.otherwise),
        let_go=np.zeros(n, bool),
        kept_by_gone=only_gone & (wanted.why != 0),
        exempt=_exempt(session, terms, people, max(population.as_of, cause.otherwise)),
        elsewhere=np.zeros(n, bool),
        added=added,
        earlier=cause.earlier,
        quiet=cause.quiet,
    )


def _has(people: Ints, members: BitMap) -> Mask:
    inside = np.array(BitMap(people.astype(np.uint32)) & members, dtype=np.int64)
    return np.isin(people, inside, assume_unique=True)


def _exempt(session: Session, terms: Terms, people: Ints, as_of: int) -> Mask:
    return np.isin(people, exempt_people(session, terms, as_of))


def exempt_people(session: Session, terms: Terms, as_of: int) -> Ints:
    """Whom an exemption in force keeps out of a certification."""
    rows = session.execute(
        select(Exemption.person).where(
            Exemption.host_id == terms.host_id,
            Exemption.certification == terms.id,
            (Exemption.until.is_(None)) | (Exemption.until > as_of),
        )
    )
    return np.array([row[0] for row in rows], np.int64)


def _questions(session: Session, terms: Terms, facts: Facts, why: Ints) -> Questions:
    n = len(facts.person)
    found = Questions(since=np.full(n, NONE),
        type=np.full(n, NO_TYPE), wanted=np.full(n, NONE), wanted_from=np.full(n, NONE),
        answer=np.full(n, "", dtype="<U9"), answer_type=np.full(n, NO_TYPE), answer_due=np.full(n, NONE),
        covers=np.zeros(n, bool), pending=np.zeros(n, bool), at=np.full(n, NONE),
    )  # fmt: skip
    if not n:
        return found
    position, among_them = _Positions(facts.person), text(among("person", facts.person))
    rows = session.execute(
        select(ExceptionRow.person, ExceptionRow.type, ExceptionRow.since, ExceptionRow.wanted_due,
               ExceptionRow.wanted_from)
        .where(ExceptionRow.host_id == terms.host_id, ExceptionRow.certification == terms.id, among_them)
    )  # fmt: skip
    for person, kind, since, wanted, source in rows:
        if (i := position(person)) is not None:
            found.type[i], found.since[i] = kind, since
            found.wanted[i] = NONE if wanted is None else wanted
            found.wanted_from[i] = NONE if source is None else source
    decisions = session.execute(
        select(Decision.person, Decision.spell, Decision.why, Decision.action, Decision.type, Decision.due,
               Decision.applied, Decision.at)
        .where(Decision.host_id == terms.host_id, Decision.certification == terms.id, among_them)
    ).all()  # fmt: skip
    known = _why_sets(session, terms.host_id, {d.why for d in decisions} | set(why.tolist())) if decisions else {}
    for decision in decisions:
        i = position(decision.person)
        if i is None or decision.spell != facts.spell[i]:
            continue
        found.answer[i], found.answer_type[i] = decision.action, decision.type
        found.answer_due[i] = NONE if decision.due is None else decision.due
        found.pending[i], found.at[i] = not decision.applied, decision.at
        present = known.get(int(why[i]))
        found.covers[i] = int(why[i]) == decision.why or (
            present is not None and present <= known.get(decision.why, frozenset())
        )
    return found


class _Positions:
    """Position of a person in a sorted array, or ``None``."""

    def __init__(self, people: Ints) -> None:
        self._people = people

    def __call__(self, person: int) -> int | None:
        i = int(self._people.searchsorted(person))
        return i if i < len(self._people) and self._people[i] == person else None


def _why_sets(session: Session, host_id: int, ids: set[int]) -> dict[int, frozenset[int]]:
    listed, found = sorted(ids), {}
    for start in range(0, len(listed), 500):
        rows = session.execute(
            select(WhySet.id, WhySet.assignments).where(
                WhySet.host_id == host_id, WhySet.id.in_(listed[start : start + 500])
            )
        )
        found.update({row[0]: frozenset(row[1]) for row in rows})
    return found


_FIRST_PATH = (ASSIGNED, IN_PROGRESS, EXPIRED)


def elsewhere(session: Session, terms: Terms, facts: Facts) -> Mask:
    """Who is active in another certification while the paths she is on share a course (DOMAIN §4)."""
    n = len(facts.person)
    result = np.zeros(n, bool)
    if terms.kind == "program" or not terms.courses:
        return result
    first_here = ~facts.live | np.isin(facts.state, _FIRST_PATH)
    for other in sharing(session, terms):
        theirs = terms_of(session, terms.host_id, other)
        if theirs.kind == "program":
            continue
        rows = read_facts(session, terms.host_id, other, facts.person)
        first_there = np.isin(rows.state, _FIRST_PATH)
        for mine in (True, False):
            for their in (True, False):
                if _path(terms, first=mine) & _path(theirs, first=their):
                    result |= rows.active & (first_here == mine) & (first_there == their)
    return result


def _path(terms: Terms, *, first: bool) -> frozenset[str]:
    return courses_of(terms.content.certification if first else terms.content.recertification_path)


def sharing(session: Session, terms: Terms) -> list[int]:
    """Other certifications with a course on one of these paths."""
    mine = sorted(course_ids(session, terms.host_id, terms.courses).values())
    rows = session.execute(
        select(CourseSetCourse.certification)
        .where(
            CourseSetCourse.host_id == terms.host_id,
            CourseSetCourse.certification != terms.id,
            CourseSetCourse.course.in_(mine),
        )
        .distinct()
    )
    return sorted(row[0] for row in rows)


def lock_certification(session: Session, host_id: int, certification: int) -> None:
    """Let one settle at a time write a certification; different ones go on side by side."""
    if session.get_bind().dialect.name != "sqlite":
        session.execute(
            text("SELECT 1 FROM certification WHERE host_id = :host AND id = :id FOR UPDATE"),
            {"host": host_id, "id": certification},
        )
