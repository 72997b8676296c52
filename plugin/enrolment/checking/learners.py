"""Whose row is not what settling her again would make of it (rules 2.8)."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.resolve import matched_by, rules_of
from plugin.core.clock import format_instant
from plugin.core.database.bulk import fetch
from plugin.core.database.slices import slices
from plugin.enrolment.codes import EXCEPTION_TYPES, HELD_BY_EXCEPTION, STATES, WITHDRAWN
from plugin.enrolment.facts import COLUMNS, NEVER, NONE, Facts, Ints, Mask
from plugin.enrolment.reading.gather import Cause
from plugin.enrolment.rules.step import NO_TYPE, Step
from plugin.enrolment.settling.chunk import Chunk, decide, prepare
from plugin.population.columns import ids_of
from plugin.population.sets import Population

PART = 20_000
"""People decided at once."""
_HOLDS = ("none", "exception", "dismissed", "exempt", "guard", "target_gone")
_INSTANTS = frozenset({
    "began", "ended", "due", "baseline_due", "frozen_since", "leaves_on", "certified_at", "expires", "window_opens",
    "baseline", "wakes",
})  # fmt: skip


@dataclass(frozen=True)
class CheckedLearners:
    """Some people of one certification as they are stored, and as they would be decided now."""

    work: Chunk
    step: Step

    @property
    def differs(self) -> Mask:
        """Whose row, or open question, would be another."""
        questions, facts = self.work.given.questions, self.work.facts
        unasked = facts.live & (facts.hold == HELD_BY_EXCEPTION) & (questions.type == NO_TYPE)
        return self.step.facts.differs(facts) | (self.step.raised != questions.type) | unasked

    def people(self) -> BitMap:
        """The ids of these."""
        return BitMap(self.work.facts.person[self.differs].astype(np.uint32))

    def stored_and_would(self, person: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is stored of her and what would be, where that differs, in words."""
        where = int(np.searchsorted(self.work.facts.person, person))
        stored, would = _said(self.work, self.work.facts, where), _said(self.work, self.step.facts, where)
        stored["exception"] = _exception(int(self.work.given.questions.type[where]))
        would["exception"] = _exception(int(self.step.raised[where]))
        names = [name for name in stored if stored[name] != would[name]] or ["exception"]
        return {name: stored[name] for name in names}, {name: would[name] for name in names}


def decide_again(session: Session, people: Population, certification: int, who: Ints) -> CheckedLearners:
    """Decide these people (sorted ids) anew, without writing."""
    cause = Cause(otherwise=people.as_of)
    work = prepare(session, people, certification, who, cause)
    outcome, _writing = decide(work, cause, BitMap())
    return CheckedLearners(work, outcome)


def in_parts(session: Session, people: Population, certification: int, without: BitMap) -> Iterator[CheckedLearners]:
    """Everybody whom a certification concerns, decided anew part by part.

    :param without: people who are owed a look: what they are to be is not decided yet.
    """
    everyone: BitMap = BitMap()
    for rule in rules_of(session, people.host_id, certification):
        everyone |= matched_by(session, people, rule)
    sql = f"SELECT person FROM enrolment WHERE host_id = ? AND certification = ? AND state > {WITHDRAWN}"
    everyone |= BitMap([row[0] for row in fetch(session, sql, people.host_id, certification)])
    listed = ids_of(everyone - without)
    for part in slices(listed, PART):
        yield decide_again(session, people, certification, part)


def _exception(kind: int) -> str | None:
    return None if kind == NO_TYPE else EXCEPTION_TYPES[kind]


def _said(work: Chunk, facts: Facts, where: int) -> dict[str, Any]:
    """A row in words; reasons as ``type:target`` where they are of now, else as the number they are stored under."""
    said: dict[str, Any] = {}
    for name in COLUMNS:
        value = int(getattr(facts, name)[where])
        if name in _INSTANTS:
            said[name] = None if value == NONE else format_instant(value)
        else:
            said[name] = None if value == NONE else value
    state = int(facts.state[where])
    said["state"] = None if state == NEVER else STATES[state]
    said["hold"] = _HOLDS[int(facts.hold[where])]
    now = sorted(rule.name for rule, found in work.found if where in found)
    said["why"] = now if facts.why[where] == work.given.wanted.why[where] else f"set {said['why']}"
    return said
