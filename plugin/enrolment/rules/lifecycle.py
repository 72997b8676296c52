"""The certification cycle over many learners: only those are looked at whom a completion or the time may move."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.rules import cycle
from plugin.core.database.bulk import fetch, only
from plugin.core.database.process_cache import cached, keep
from plugin.core.database.slices import slices
from plugin.enrolment.codes import STATES
from plugin.enrolment.facts import NONE, Facts, Ints
from plugin.enrolment.terms import Terms
from plugin.mirror.tables import Course

Completions = Mapping[int, Mapping[str, list[int]]]
"""By person and course (the host's id): when it was completed, oldest first."""


@dataclass
class Moved:
    """Positions of the learners who entered a state now, by the state's word, in the order of their trail."""

    entered: dict[str, list[int]] = field(default_factory=dict)


def course_ids(session: Session, host_id: int, courses: frozenset[str]) -> dict[str, int]:
    """Our ids of courses named by the host's. An id is never given to another, so what was found is kept."""
    name = ("courses", host_id)
    known: dict[str, int] = cached(session, name) or {}
    listed = sorted(courses - known.keys())
    if listed:
        known = dict(known)
        for part in slices(listed):
            rows = session.execute(select(Course.ext, Course.id).where(Course.host_id == host_id, Course.ext.in_(part)))
            known.update({row[0]: row[1] for row in rows})
        keep(session, name, known)
    return {course: known[course] for course in courses if course in known}


def read_completions(
    session: Session, host_id: int, people: Ints | None, courses: Iterable[int] | None = None
) -> list[tuple[int, ...]]:
    """Person, course (ours) and instant of what these people completed. Records that were reset do not count."""
    sql = "SELECT person, course, at FROM completion WHERE host_id = ? AND NOT gone AND NOT reset AND at IS NOT NULL"
    if people is not None:
        sql += f" AND {only('person', people)}"
    if courses is not None:
        sql += f" AND course IN ({', '.join(map(str, sorted(courses)))})"
    return fetch(session, sql, host_id)


def completions_of(session: Session, terms: Terms, people: Ints) -> Completions:
    """What these people (sorted ids) completed of a certification's courses."""
    numbers = course_ids(session, terms.host_id, terms.courses).values()
    if not numbers or not len(people):
        return {}
    return completions_among(session, terms, people, read_completions(session, terms.host_id, people, numbers))


def completions_among(session: Session, terms: Terms, people: Ints, rows: Sequence[tuple[int, ...]]) -> Completions:
    """The same from rows that may hold more (:func:`read_completions`)."""
    names = {number: ext for ext, number in course_ids(session, terms.host_id, terms.courses).items()}
    found: dict[int, dict[str, list[int]]] = {}
    inside = set(people.tolist())
    for person, course, at in rows:
        if person in inside and course in names:
            found.setdefault(person, {}).setdefault(names[course], []).append(at)
    for courses in found.values():
        for instants in courses.values():
            instants.sort()
    return found


def advance(facts: Facts, terms: Terms, done: Completions, as_of: int) -> Moved:
    """Bring the cycle of these learners up to date, in place, and say who entered which state."""
    moved = Moved()
    if terms.kind == "program" or terms.settings is not None:
        has_done = np.isin(facts.person, np.array(sorted(done), np.int64))
        asleep = (facts.wakes == NONE) | (facts.wakes > as_of)
        begun = facts.state == STATES.index("in_progress")  # perhaps no longer, where what she did was taken away
        for position in np.flatnonzero(facts.active & (has_done | begun | ~asleep)).tolist():
            _advance_one(facts, position, terms, done.get(int(facts.person[position]), {}), as_of, moved)
    _set_alarm(facts, terms, as_of)
    return moved


def state_of(facts: Facts, position: int) -> cycle.CycleState:
    """The cycle's part of one learner's facts."""
    return cycle.CycleState(
        state=STATES[int(facts.state[position])],
        certified_at=_value(facts.certified_at, position),
        expires=_value(facts.expires, position),
        window_opens=_value(facts.window_opens, position),
        baseline=_value(facts.baseline, position),
        cycle=int(facts.cycle[position]),
    )


def _advance_one(
    facts: Facts, position: int, terms: Terms, done: Mapping[str, list[int]], as_of: int, moved: Moved
) -> None:
    due = _value(facts.due, position)
    known = cycle.CycleFacts(completions=done, due=due, baseline_due=_value(facts.baseline_due, position))
    for state in cycle.steps(state_of(facts, position), known, terms.settings, terms.content, as_of, terms.zone):
        moved.entered.setdefault(state.state, []).append(position)
        facts.state[position] = STATES.index(state.state)
        for name in ("certified_at", "expires", "window_opens", "baseline"):
            value = getattr(state, name)
            getattr(facts, name)[position] = NONE if value is None else value
        facts.cycle[position] = state.cycle
        if state.due is not None:
            facts.due[position], facts.due_from[position] = state.due, NONE
            facts.baseline_due[position] = NONE


def _set_alarm(facts: Facts, terms: Terms, as_of: int) -> None:
    """``wakes``: the next instant at which time alone may change a row.

    Nobody leaves while a certification is not available: a grace that is over by then waits for no instant.
    """
    never = np.iinfo(np.int64).max
    waits = (facts.leaves_on != NONE) & ((facts.leaves_on > as_of) | terms.live(as_of))
    alarm = np.where(waits, facts.leaves_on, never)
    for state, column in (("certified", facts.window_opens), ("window_open", facts.expires)):
        here = (facts.state == STATES.index(state)) & (column != NONE)
        alarm = np.where(here, np.minimum(alarm, column), alarm)
    facts.wakes = np.where(facts.live & (alarm != never), alarm, NONE)


def _value(column: Ints, position: int) -> int | None:
    value = int(column[position])
    return None if value == NONE else value
