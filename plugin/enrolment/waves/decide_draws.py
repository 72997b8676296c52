"""Draws: who of those that wait for a wave may begin, decided from sets alone (rules 11.3).

A lane is a row with a wave of its own, or all rows that share the certification's. At each draw a lane may fill what is
left of its period; so somebody waits only while its period is full.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from pyroaring import BitMap

from plugin.certifications.resolve import Rule
from plugin.certifications.rules.waves import Wave, in_order, next_period

WHOLE = 0
"""The number of the lane of a certification's own wave; else it is the assignment's id."""


@dataclass(frozen=True)
class Lane:
    """Rows that one wave holds for, and the name that their order hangs on."""

    number: int
    wave: Wave
    rules: tuple[Rule, ...]
    name: str


@dataclass
class Drawn:
    """What a lane has drawn.

    :ivar at: the instant of the latest draw; ``None`` before the first. :ivar used: how many were drawn in its period.
    :ivar people: by instant, who was drawn and has not begun yet.
    """

    at: int | None = None
    used: int = 0
    people: dict[int, BitMap] = field(default_factory=dict)

    @property
    def everyone(self) -> BitMap:
        """All of these people."""
        return BitMap.union(BitMap(), *self.people.values())


@dataclass(frozen=True)
class DrawCandidates:
    """Whom draws choose from.

    :ivar matched: by assignment, whom it counts. :ivar live: who is enrolled. :ivar out: suspended or exempt: left as they are.
    """

    matched: Mapping[int, BitMap]
    live: BitMap
    out: BitMap

    def of(self, rules: Sequence[Rule]) -> BitMap:
        """Everybody whom any of these assignments counts."""
        return BitMap.union(BitMap(), *(self.matched[rule.id] for rule in rules))


def lanes_of(rules: Sequence[Rule], code: str) -> list[Lane]:
    """The lanes of a certification, in the order in which they draw: its own, then rows by their names."""
    ordered = sorted((rule for rule in rules if rule.wave), key=lambda rule: rule.name)
    whole = tuple(rule for rule in ordered if rule.wave and rule.wave.whole)
    found = [Lane(WHOLE, whole[0].wave, whole, f"certification {code}")] if whole and whole[0].wave else []
    return found + [
        Lane(rule.id, rule.wave, (rule,), f"assignment {code} {rule.name}")
        for rule in ordered
        if rule.wave and not rule.wave.whole
    ]


def has_waves(rules: Sequence[Rule]) -> bool:
    """Whether anybody may have to wait."""
    return any(rule.wave for rule in rules)


def free_of(rules: Sequence[Rule], crowd: DrawCandidates) -> BitMap:
    """Who is matched by a row without a wave: she begins at once."""
    return crowd.of([rule for rule in rules if not rule.wave])


def waiting_in(lane: Lane, crowd: DrawCandidates, taken: BitMap) -> BitMap:
    """Who waits for a lane."""
    return crowd.of(lane.rules) - taken - crowd.out


def draw(
    rules: Sequence[Rule], code: str, states: dict[int, Drawn], crowd: DrawCandidates, at: int, zone: str
) -> BitMap:
    """Fill what is left of each lane's period at an instant, into ``states``; returns who was drawn."""
    taken = crowd.live | free_of(rules, crowd)
    for state in states.values():
        taken |= state.everyone
    fresh: BitMap = BitMap()
    for lane in lanes_of(rules, code):
        state = states.setdefault(lane.number, Drawn())
        same = state.at is not None and at < next_period(state.at, lane.wave.every, zone)
        used, waiting = state.used if same else 0, waiting_in(lane, crowd, taken)
        chosen = first(lane, waiting, max(lane.wave.learners - used, 0))
        state.at, state.used = at if state.at is None else max(at, state.at), used + len(chosen)
        if chosen:
            state.people[at] = state.people.get(at, BitMap()) | chosen
            taken |= chosen
            fresh |= chosen
    return fresh


def first(lane: Lane, waiting: BitMap, many: int) -> BitMap:
    """The first of those who wait, in the order of the lane."""
    if many >= len(waiting):
        return waiting
    return BitMap(in_order(np.array(waiting, np.int64), lane.name)[:many].astype(np.uint32)) if many else BitMap()


def need_not_wait(rules: Sequence[Rule], states: Mapping[int, Drawn], crowd: DrawCandidates) -> BitMap:
    """Who need not wait: enrolled, matched by a row without a wave, or drawn."""
    return BitMap.union(crowd.live, free_of(rules, crowd), *(state.everyone for state in states.values()))


@dataclass(frozen=True)
class DrawStep:
    """These begin at an instant through a lane."""

    lane: Lane
    at: int
    people: BitMap


def foreseen(
    rules: Sequence[Rule], code: str, states: Mapping[int, Drawn], crowd: DrawCandidates, at: int, zone: str
) -> Iterator[DrawStep]:
    """The draws to come, for the people of today, one after the other; a stopped lane has none.

    :param states: as of the latest draw, which :func:`draw` made. :param at: now.
    """
    taken = need_not_wait(rules, states, crowd)
    lanes = [lane for lane in lanes_of(rules, code) if lane.wave.learners]
    queues = [in_order(np.array(waiting_in(lane, crowd, taken), np.int64), lane.name).tolist()[::-1] for lane in lanes]
    turns = [next_period(at, lane.wave.every, zone) for lane in lanes]
    while any(queues):
        now = min(turn for turn, queue in zip(turns, queues, strict=True) if queue)
        for number, lane in enumerate(lanes):
            if not queues[number] or turns[number] != now:
                continue
            turns[number] = next_period(now, lane.wave.every, zone)
            if chosen := _next_of(queues[number], lane.wave.learners, taken):
                taken |= chosen
                yield DrawStep(lane, now, chosen)


def _next_of(queue: list[int], many: int, taken: BitMap) -> BitMap:
    """The next so many of a queue, from its end, who are not taken by another lane."""
    chosen = BitMap()
    while queue and len(chosen) < many:
        one = queue.pop()
        if one not in taken:
            chosen.add(one)
    return chosen
