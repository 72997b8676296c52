"""Who is active in another certification whose paths share a course with hers (rules 4): the one question, saved or proposed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from plugin.certifications.rules.content import courses_of
from plugin.enrolment.codes import ASSIGNED, EXPIRED, IN_PROGRESS
from plugin.enrolment.facts import NONE, Facts, Mask, read_facts
from plugin.enrolment.reading.snapshot import ReadFacts, Snapshot
from plugin.enrolment.rules.lifecycle import course_ids
from plugin.enrolment.terms import Terms, terms_of_many
from plugin.population.columns import one_of

_FIRST_PATH = (ASSIGNED, IN_PROGRESS, EXPIRED)


def elsewhere(snapshot: Snapshot, terms: Terms, facts: Facts, as_of: int) -> Mask:
    """Who is active in another certification while the paths she is on share a course (rules 4)."""
    n = len(facts.person)
    result = np.zeros(n, bool)
    if terms.kind == "program" or not terms.courses:
        return result
    # Who comes back certified is on the path she comes back to (rules 6.3).
    again = ~facts.live & (facts.expires != NONE) & (facts.expires > as_of)
    first_here = (~facts.live & ~again) | (facts.live & one_of(facts.state, _FIRST_PATH))
    for theirs, read in _others(snapshot, terms):
        if theirs.kind == "program" or theirs.ended(as_of):
            continue
        rows = read(facts.person)
        first_there = one_of(rows.state, _FIRST_PATH)
        for mine in (True, False):
            for their in (True, False):
                if _path(terms, first=mine) & _path(theirs, first=their):
                    result |= rows.active & (first_here == mine) & (first_there == their)
    return result


def _others(snapshot: Snapshot, terms: Terms) -> Iterator[tuple[Terms, ReadFacts]]:
    """Other certifications with a course on one of these paths, each with its rows: as proposed, else as they are saved."""
    proposed = {one.terms.code for one in snapshot.beside}
    for theirs in sharing(snapshot, terms):
        if theirs.code not in proposed:
            yield theirs, partial(read_facts, snapshot.session, terms.host_id, theirs.id)
    for one in snapshot.beside:
        if one.terms.courses & terms.courses:
            yield one.terms, one.facts


def _path(terms: Terms, *, first: bool) -> frozenset[str]:
    return courses_of(terms.content.certification if first else terms.content.recertification_path)


def sharing(snapshot: Snapshot, terms: Terms) -> list[Terms]:
    """Other certifications with a course on one of these paths."""
    others = sharing_ids(snapshot, terms)
    return list(terms_of_many(snapshot.session, terms.host_id, others).values()) if others else []


def sharing_ids(snapshot: Snapshot, terms: Terms) -> list[int]:
    """The same, as ids."""
    return snapshot.sharing(terms.id, course_ids(snapshot.session, terms.host_id, terms.courses).values())
