"""Who would wait if something were saved now, and what is foreseen of it: as the draws themselves decide (rules 11.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.resolve import Rule
from plugin.enrolment.reading.live_rows import Enrolled, enrolled
from plugin.enrolment.reading.reach import counted
from plugin.enrolment.reading.snapshot import Snapshot
from plugin.enrolment.terms import Terms
from plugin.enrolment.waves.decide_draws import (
    DrawCandidates,
    Drawn,
    DrawStep,
    draw,
    foreseen,
    lanes_of,
    need_not_wait,
    waiting_in,
)
from plugin.enrolment.waves.stored_draws import read_drawn
from plugin.population.sets import Population, population

MOST_STEPS = 5_000


@dataclass(frozen=True)
class Queue:
    """What waves do with the people of today.

    :ivar waiting: who is matched by rows with a wave alone and is not drawn at once. :ivar at: the instant of the draw.
    """

    rules: Sequence[Rule]
    code: str
    zone: str
    at: int
    states: dict[int, Drawn]
    crowd: DrawCandidates
    waiting: BitMap
    now: BitMap

    @cached_property
    def steps(self) -> list[DrawStep]:
        """The draws to come, in their order."""
        found: list[DrawStep] = []
        for step in foreseen(self.rules, self.code, self.states, self.crowd, self.at, self.zone):
            found.append(step)
            if len(found) == MOST_STEPS:
                break
        return found

    @cached_property
    def expected(self) -> BitMap:
        """Who waits and is drawn one day: neither suspended nor exempt."""
        return self.waiting - self.crowd.out

    @cached_property
    def stopped(self) -> BitMap:
        """Who waits for a wave that is stopped, and for no other."""
        moving = [rule for lane in lanes_of(self.rules, self.code) if lane.wave.learners for rule in lane.rules]
        return self.expected - self.crowd.of(moving)

    @cached_property
    def beyond(self) -> BitMap:
        """Who begins after the last of ``steps``."""
        return self.expected - self.stopped - BitMap.union(BitMap(), *(step.people for step in self.steps))

    def day_of(self, person: int) -> int | None:
        """The instant foreseen for somebody who waits; ``None`` where none is: she is of no step."""
        return next((step.at for step in self.steps if person in step.people), None)


def queue_now(session: Session, host_id: int, certification: int) -> Queue:
    """Of a saved certification as it is."""
    people, snapshot = population(session, host_id), Snapshot(session, host_id, [certification])
    rules, rows = snapshot.rules[certification], enrolled(session, host_id, certification)
    sets = [counted(session, people, rule) for rule in rules]
    return queue_of(snapshot, people, snapshot.terms(certification), rules, sets, rows, people.as_of)


def queue_of(
    snapshot: Snapshot,
    people: Population,
    terms: Terms,
    rules: Sequence[Rule],
    sets: Sequence[BitMap],
    rows: Enrolled,
    at: int,
) -> Queue:
    """Draw at an instant without writing.

    :param sets: by rule, whom it counts.
    """
    states = read_drawn(snapshot.session, people.host_id, terms.id)
    exempt = BitMap(snapshot.exempt(terms.id, max(at, people.as_of)).astype(np.uint32))
    matched = {rule.id: found for rule, found in zip(rules, sets, strict=True)}
    crowd = DrawCandidates(matched, rows.everyone, people.suspended | exempt)
    for state in states.values():
        state.people = {one: found - crowd.live for one, found in state.people.items()}
    kept = {lane.number for lane in lanes_of(rules, terms.code)}
    states = {number: state for number, state in states.items() if number in kept}
    now = draw(rules, terms.code, states, crowd, min(at, people.as_of), terms.zone)
    taken, waiting = need_not_wait(rules, states, crowd), BitMap()
    for lane in lanes_of(rules, terms.code):
        waiting |= waiting_in(lane, crowd, taken)
    # Whoever is suspended or exempt is left as she is, and no wave draws her.
    for lane in lanes_of(rules, terms.code):
        waiting |= (crowd.of(lane.rules) & crowd.out) - taken
    return Queue(rules, terms.code, terms.zone, min(at, people.as_of), states, crowd, waiting, now)
