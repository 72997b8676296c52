"""Gathers what ``step`` decides from, for some people in one certification, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.content import courses_of
from plugin.certifications.resolve import Rule, resolve
from plugin.enrolment.around import Around
from plugin.enrolment.bases import Bases
from plugin.enrolment.codes import ASSIGNED, EXPIRED, IN_PROGRESS
from plugin.enrolment.facts import NONE, Facts, Ints, Mask, read_facts
from plugin.enrolment.lifecycle import course_ids
from plugin.enrolment.step import NO_TYPE, Given, Questions
from plugin.enrolment.tables import WhySet
from plugin.enrolment.terms import Terms, terms_of_many
from plugin.enrolment.wanted import Membership, wanted_of
from plugin.population.columns import are_in, one_of
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
    around: Around, population: Population, terms: Terms, facts: Facts, found: Sequence[Membership], cause: Cause
) -> Given:
    """Everything but the facts. ``let_go`` starts as nobody: the guard has yet to judge."""
    session, pins = around.session, around.held(terms.id).pins
    people, n = facts.person, len(facts.person)
    at = instants(people, cause)
    exists, suspended = are_in(people, population.existing), are_in(people, population.suspended)
    # What is decided now cannot have been caused before what was decided already.
    at = np.maximum(at, np.where(facts.live, facts.began, NONE))
    began = np.where(facts.live, facts.began, at)
    wanted = wanted_of(found, Bases(session, terms.host_id, terms.zone, people, began), n)
    added, only_gone = np.zeros(n, bool), np.ones(n, bool)
    for rule, where in found:
        if cause.version and rule.since_version == cause.version:
            added[where] = True
        only_gone[where[~are_in(people[where], pins.get(rule.id, BitMap()))]] = False
    questions = _questions(around, terms, facts, wanted.why, found)
    return Given(
        person_state=np.where(exists, np.where(suspended, 1, 0), 2),
        wanted=wanted,
        questions=questions,
        at=np.maximum(at, questions.since),
        as_of=max(population.as_of, cause.otherwise),
        let_go=np.zeros(n, bool),
        kept_by_gone=only_gone & (wanted.why != 0),
        exempt=np.isin(people, around.exempt(terms.id, max(population.as_of, cause.otherwise))),
        elsewhere=np.zeros(n, bool),
        added=added,
        earlier=cause.earlier,
        quiet=cause.quiet,
    )


def _questions(
    around: Around, terms: Terms, facts: Facts, why: Ints, memberships_of: Sequence[Membership]
) -> Questions:
    n = len(facts.person)
    found = Questions(since=np.full(n, NONE),
        type=np.full(n, NO_TYPE), wanted=np.full(n, NONE), wanted_from=np.full(n, NONE),
        answer=np.full(n, "", dtype="<U9"), answer_type=np.full(n, NO_TYPE), answer_due=np.full(n, NONE),
        covers=np.zeros(n, bool), pending=np.zeros(n, bool), at=np.full(n, NONE),
    )  # fmt: skip
    position = _Positions(facts.person)
    for person, kind, since, wanted, source in around.exceptions(terms.id):
        if (i := position(person)) is not None:
            found.type[i], found.since[i] = kind, since
            found.wanted[i] = NONE if wanted is None else wanted
            found.wanted_from[i] = NONE if source is None else source
    decisions = [row for row in around.decisions(terms.id) if position(row[0]) is not None]
    known = _why_sets(around.session, terms.host_id, {row[2] for row in decisions}) if decisions else {}
    for person, spell, decided, action, kind, due, applied, at in decisions:
        i = position(person)
        if i is None or spell != facts.spell[i] or not facts.live[i]:  # a new spell is asked anew
            continue
        found.answer[i], found.answer_type[i] = action, kind
        found.answer_due[i] = NONE if due is None else due
        found.pending[i], found.at[i] = not applied, at
        # What she matches now may be a set that no row has named yet.
        present = {rule.id for rule, where in memberships_of if _contains(where, i)}
        found.covers[i] = int(why[i]) == decided or present <= known.get(decided, frozenset())
    return found


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
    for start in range(0, len(listed), 500):
        rows = session.execute(
            select(WhySet.id, WhySet.assignments).where(
                WhySet.host_id == host_id, WhySet.id.in_(listed[start : start + 500])
            )
        )
        found.update({row[0]: frozenset(row[1]) for row in rows})
    return found


_FIRST_PATH = (ASSIGNED, IN_PROGRESS, EXPIRED)


def elsewhere(around: Around, terms: Terms, facts: Facts, as_of: int) -> Mask:
    """Who is active in another certification while the paths she is on share a course (DOMAIN §4)."""
    n = len(facts.person)
    result = np.zeros(n, bool)
    if terms.kind == "program" or not terms.courses:
        return result
    # Who comes back certified is on the path she comes back to (DOMAIN 6.3).
    again = ~facts.live & (facts.expires != NONE) & (facts.expires > as_of)
    first_here = (~facts.live & ~again) | (facts.live & one_of(facts.state, _FIRST_PATH))
    for theirs in sharing(around, terms):
        if theirs.kind == "program" or not theirs.live(as_of):
            continue
        rows = read_facts(around.session, terms.host_id, theirs.id, facts.person)
        first_there = one_of(rows.state, _FIRST_PATH)
        for mine in (True, False):
            for their in (True, False):
                if _path(terms, first=mine) & _path(theirs, first=their):
                    result |= rows.active & (first_here == mine) & (first_there == their)
    return result


def _path(terms: Terms, *, first: bool) -> frozenset[str]:
    return courses_of(terms.content.certification if first else terms.content.recertification_path)


def sharing(around: Around, terms: Terms) -> list[Terms]:
    """Other certifications with a course on one of these paths."""
    mine = sorted(course_ids(around.session, terms.host_id, terms.courses).values())
    others = around.sharing(terms.id, mine)
    return list(terms_of_many(around.session, terms.host_id, others).values()) if others else []
