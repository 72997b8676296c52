"""Draws that are made: read, decided and written in the caller's transaction, before what is drawn is settled."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.resolve import Rule
from plugin.certifications.rules.waves import next_period
from plugin.core.database.bulk import run
from plugin.enrolment.reading.live_rows import enrolled
from plugin.enrolment.reading.reach import counted
from plugin.enrolment.reading.snapshot import Snapshot
from plugin.enrolment.terms import Terms
from plugin.enrolment.waves.decide_draws import (
    DrawCandidates,
    Drawn,
    draw,
    has_waves,
    lanes_of,
    need_not_wait,
    waiting_in,
)
from plugin.enrolment.waves.stored_draws import read_drawn
from plugin.population.sets import Population

_MOST_PERIODS = 400
"""Periods that are caught up at once."""


def candidates_of(
    snapshot: Snapshot, people: Population, terms: Terms, rules: Sequence[Rule], as_of: int
) -> DrawCandidates:
    """Whom draws of a saved certification choose from."""
    session, host_id = snapshot.session, people.host_id
    exempt = BitMap(snapshot.exempt(terms.id, as_of).astype(np.uint32))
    matched = {rule.id: counted(session, people, rule) for rule in rules}
    return DrawCandidates(matched, enrolled(session, host_id, terms.id).everyone, people.suspended | exempt)


def draw_waves(
    session: Session, people: Population, certifications: Iterable[int], at: int, owed: Mapping[int, int] | None = None
) -> BitMap:
    """Draw for certifications what has become due since they drew last; returns who was drawn.

    The caller holds the host's clock and locks the certifications.

    :param at: the instant of what is settled. :param owed: people the mirror changed, each with hers: she begins then.
    """
    wanted = sorted(set(certifications))
    snapshot, fresh = Snapshot(session, people.host_id, wanted), BitMap()
    for number in wanted:
        rules, terms = snapshot.rules[number], snapshot.terms(number)
        if has_waves(rules):
            fresh |= _draw(snapshot, people, terms, rules, min(at, people.as_of), owed or {})
    return fresh


def _draw(
    snapshot: Snapshot, people: Population, terms: Terms, rules: Sequence[Rule], at: int, owed: Mapping[int, int]
) -> BitMap:
    session, host_id = snapshot.session, people.host_id
    states = read_drawn(session, host_id, terms.id)
    crowd, fresh = candidates_of(snapshot, people, terms, rules, people.as_of), BitMap()
    for state in states.values():
        state.people = {one: found - crowd.live for one, found in state.people.items() if found - crowd.live}
    for instant in _instants(rules, terms, at, people.as_of):
        if terms.live(instant):
            fresh |= draw(rules, terms.code, states, crowd, instant, terms.zone)
    for state in states.values():
        state.people = _at_their_own(state.people, fresh, owed)
    _write(session, host_id, terms, rules, states, crowd)
    return fresh


def _instants(rules: Sequence[Rule], terms: Terms, at: int, as_of: int) -> list[int]:
    """The instant of what is settled, and the beginnings of periods that passed since."""
    found = {at}
    for lane in lanes_of(rules, terms.code):
        turn = at
        for _period in range(_MOST_PERIODS):
            turn = next_period(turn, lane.wave.every, terms.zone)
            if turn > as_of:
                break
            found.add(turn)
    return sorted(found)


def _at_their_own(people: Mapping[int, BitMap], fresh: BitMap, owed: Mapping[int, int]) -> dict[int, BitMap]:
    """Who was drawn at once as the mirror changed begins at the instant of that change, not when it was noticed."""
    moved: dict[int, BitMap] = {}
    for at, found in people.items():
        for person in found:
            own = owed.get(person, at) if person in fresh else at
            moved.setdefault(min(own, at), BitMap()).add(person)
    return moved


def _write(
    session: Session,
    host_id: int,
    terms: Terms,
    rules: Sequence[Rule],
    states: Mapping[int, Drawn],
    crowd: DrawCandidates,
) -> None:
    taken, lanes = need_not_wait(rules, states, crowd), lanes_of(rules, terms.code)
    run(session, "DELETE FROM wave WHERE host_id = ? AND certification = ?", host_id, terms.id)
    for lane in lanes:
        state = states.get(lane.number)
        if state is None or state.at is None:
            continue
        more = lane.wave.learners and waiting_in(lane, crowd, taken)
        turn = next_period(state.at, lane.wave.every, terms.zone) if more else None
        run(
            session,
            "INSERT INTO wave (host_id, certification, assignment, drawn, used, turn, people) VALUES (?, ?, ?, ?, ?, ?, ?)",
            host_id, terms.id, lane.number, state.at, state.used, turn,
            json.dumps({str(at): list(found) for at, found in state.people.items()}),
        )  # fmt: skip


def have_begun(session: Session, host_id: int, certification: int, people: BitMap) -> None:
    """These were drawn and have begun: should they leave and come back, they wait again."""
    states = read_drawn(session, host_id, certification)
    for number, state in states.items():
        if state.everyone & people:
            left = {at: found - people for at, found in state.people.items() if found - people}
            run(
                session, "UPDATE wave SET people = ? WHERE host_id = ? AND certification = ? AND assignment = ?",
                json.dumps({str(at): list(found) for at, found in left.items()}), host_id, certification, number,
            )  # fmt: skip
