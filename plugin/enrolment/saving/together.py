"""Proposals of one save, decided as they will be settled: in their order, each beside what the others make of it (rules 4.1).

Whoever begins in one certification is a duplicate in the next that shares a course with it; whoever leaves one is none any
more in all the others, since leaving one re-decides those that share its courses.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.definition import DEFAULT_EXCEPTIONS, Proposal
from plugin.certifications.resolve import Rule
from plugin.certifications.rules.content import courses_of
from plugin.certifications.rules.written_content import parse_content
from plugin.enrolment.facts import COLUMNS, Facts, Ints, read_facts
from plugin.enrolment.reading.snapshot import Beside
from plugin.enrolment.saving.proposal import Decided, decide_proposal, proposed_rules
from plugin.population.sets import Population


def decided_together(
    session: Session, people: Population, proposals: Sequence[Proposal], now: int
) -> list[tuple[list[Rule], Decided]]:
    """Each proposal's rules, and what it would do if all were saved now."""
    rules = [proposed_rules(session, people.host_id, one) for one in proposals]
    courses = [_courses(one) for one in proposals]
    leaving: dict[int, Beside] = {}
    for number, proposal in enumerate(proposals):
        if proposal.current is not None and any(courses[number] & before for before in courses[:number]):
            alone = decide_proposal(session, people, proposal, rules[number], now)
            leaving[number] = _beside(session, alone, leaving_only=True)
    found: list[tuple[list[Rule], Decided]] = []
    settled: list[Beside] = []
    for number, proposal in enumerate(proposals):
        # A standing answer is given while the later ones still stand; a question is asked anew once they are settled.
        asked = {**DEFAULT_EXCEPTIONS, **proposal.definition.exceptions}["duplicate_course"] == "hold"
        later = [one for place, one in leaving.items() if asked and place > number]
        decided = decide_proposal(session, people, proposal, rules[number], now, [*settled, *later])
        found.append((rules[number], decided))
        if any(courses[number] & after for after in courses[number + 1 :]):
            settled.append(_beside(session, decided))
    return found


def _courses(proposal: Proposal) -> frozenset[str]:
    """The courses it names, now or as proposed."""
    contents = [parse_content(one.content) for one in (proposal.definition, proposal.current) if one is not None]
    return frozenset().union(
        *(courses_of(one.certification) | courses_of(one.recertification_path) for one in contents)
    )


def _beside(session: Session, decided: Decided, *, leaving_only: bool = False) -> Beside:
    """What a decided proposal makes of its certification, for the others.

    :param leaving_only: only that some are active no longer.
    """
    after = decided.step.facts
    places = np.flatnonzero(~after.active) if leaving_only else np.arange(len(after.person))
    who, where = [after.person[places]], [places]
    for one, others in decided.alike.items():
        place = int(np.searchsorted(after.person, one))
        alike = np.array(others - BitMap([one]), dtype=np.int64)
        if not leaving_only or not after.active[place]:
            who.append(alike)
            where.append(np.full(len(alike), place))
    people, place_of = np.concatenate(who), np.concatenate(where)
    order = np.argsort(people, kind="stable")
    read = partial(_as_decided, session, decided, people[order], place_of[order])
    return Beside(decided.work.terms, read, BitMap(people.astype(np.uint32)))


def _as_decided(session: Session, decided: Decided, people: Ints, places: Ints, asked: Ints) -> Facts:
    """The rows of the people asked about: as decided, else as they are stored."""
    terms, after = decided.work.terms, decided.step.facts
    rows = read_facts(session, terms.host_id, terms.id, asked)
    _both, here, there = np.intersect1d(asked, people, return_indices=True)
    for name in COLUMNS:
        getattr(rows, name)[here] = getattr(after, name)[places[there]]
    return rows
