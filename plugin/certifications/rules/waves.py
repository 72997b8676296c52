"""Waves: of the people a row matches, at most so many begin in a period, in an order that is fixed for the row (rules 11.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from plugin.certifications.definition import AssignmentDef, Definition
from plugin.core.days import fixed_instant, local_day

EVERY = ("day", "week")
MOST = 1_000_000
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Wave:
    """How many may begin in each period; with 0 it is stopped.

    :ivar every: ``day``, or ``week`` from Monday, in the host's zone.
    :ivar whole: it is the certification's own, and all rows without one of their own share it.
    """

    learners: int
    every: str
    whole: bool = False


def wave_of(definition: Definition, row: AssignmentDef) -> Wave | None:
    """The wave that holds for a row: its own, or the certification's."""
    value = row.wave or definition.wave
    return Wave(int(value["learners"]), str(value["every"]), not row.wave) if value else None


def waves_in(definition: Definition) -> bool:
    """Whether a definition has any wave."""
    return bool(definition.assignments) and any(wave_of(definition, row) for row in definition.assignments)


def dump_wave(wave: Wave | None) -> dict[str, Any] | None:
    """As the table of assignments holds it."""
    return {"learners": wave.learners, "every": wave.every, "whole": wave.whole} if wave else None


def load_wave(stored: dict[str, Any] | None) -> Wave | None:
    """The reverse of :func:`dump_wave`."""
    return Wave(stored["learners"], stored["every"], stored["whole"]) if stored else None


def next_period(at: int, every: str, zone: str) -> int:
    """The first instant of the period after the one that an instant lies in."""
    day = local_day(at, zone)
    return fixed_instant(day + timedelta(days=1 if every == "day" else 7 - day.weekday()), time(0), zone)


def in_order(people: Ints, lane: str) -> Ints:
    """These people in the order in which they begin: by a hash of lane and person, so that nobody can jump the queue and no
    department is first by its name.

    :param lane: names the row, or the certification where the wave is its own.
    """
    seed = np.frombuffer(sha256(lane.encode()).digest()[:8], ">u8").astype(np.uint64)
    mixed = people.astype(np.uint64) + seed + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return people[np.lexsort((people, mixed))]
