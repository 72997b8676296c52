"""Numbers and sets of certifications that the process keeps for as long as no row of them changes.

Who stands how is kept as sets of people, a few bytes a learner: the rows of most questions are counted by them. What the
clock does is looked up in sorted dates, so that numbers are of the instant that is asked about.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from pyroaring import BitMap

from plugin.core.database.bulk import NULL, fetch
from plugin.core.database.columns import read_columns
from plugin.core.database.process_cache import cached, keep
from plugin.core.database.slices import slices
from plugin.core.days import DAY
from plugin.enrolment.codes import (
    ASSIGNED,
    CERTIFIED,
    COMPLETE,
    EXPIRED,
    HELD_BY_EXCEPTION,
    IN_PROGRESS,
    INACTIVE_HOLDS,
    WINDOW_OPEN,
    WITHDRAWN,
)
from plugin.enrolment.facts import Ints
from plugin.population.columns import one_of
from plugin.reports.asking.reader import Asker

SOON = 30 * DAY
_KEY = (
    "(CAST(e.certification AS BIGINT) * 2199023255552 + CAST(e.person AS BIGINT) * 512 + e.state + e.hold * 16"
    " + CASE WHEN e.frozen_since IS NULL THEN 0 ELSE 256 END)"
)
"""Certification, person (32 bits) and how she stands (9 bits), in one number."""
_TOGETHER = 8
"""Certifications that are read together: a column of all of a large host's rows as one text is some hundred megabytes."""


@dataclass(frozen=True)
class Dates:
    """Dates, each once and in order, and how many there are up to each."""

    at: Ints
    upto: Ints

    @classmethod
    def of(cls, dates: Ints) -> Dates:
        """Of these, those that are none left out."""
        at, each = np.unique(dates[dates != NULL], return_counts=True)
        return cls(at, np.concatenate([[0], np.cumsum(each)]))

    def until(self, instant: int) -> int:
        """How many are no later than an instant."""
        return int(self.upto[np.searchsorted(self.at, instant, "right")])


@dataclass(frozen=True)
class CodedDates:
    """Dates of rows, each as its place among the distinct ones: a byte or two a row.

    :ivar at: the distinct ones, in order; ``NULL``, which is the least, for none.
    """

    at: Ints
    code: np.ndarray

    @classmethod
    def of(cls, dates: Ints) -> CodedDates:
        """Of these."""
        at, code = np.unique(dates, return_inverse=True)
        return cls(at, code.astype(np.min_scalar_type(max(len(at) - 1, 0))))


@dataclass(frozen=True)
class RowsOfLearners:
    """The rows of a certification, in the order of people.

    :ivar how: state (4 bits), hold (4 bits), and whether she is frozen. ``dates``: by column of the table.
    """

    person: np.ndarray
    how: np.ndarray
    dates: dict[str, CodedDates]


Class = tuple[int, int]
"""State and hold of rows."""
DATES = ("due", "expires", "began", "certified_at")
"""Columns that are kept row by row."""


@dataclass(frozen=True)
class KeptCounts:
    """One certification: what does not depend on the time, and the dates that do.

    :ivar classes: who stands so, withdrawn people too. ``whys``: by set of assignments, and the one that gives the date where one
        does, how many it holds.
    """

    rev: int
    classes: dict[Class, BitMap]
    whys: dict[tuple[int, int | None], int]
    fixed: dict[str, int]
    due: Dates
    expires: Dates
    rows: RowsOfLearners

    def numbers(self, now: int) -> dict[str, int]:
        """The numbers of an overview at an instant."""
        overdue = self.due.until(now)
        return {
            **self.fixed, "overdue": overdue, "due_30": self.due.until(now + SOON) - overdue,
            "expiring_30": self.expires.until(now + SOON) - self.expires.until(now),
        }  # fmt: skip


def numbers(asker: Asker, certifications: Iterable[int]) -> dict[int, dict[str, int]]:
    """The numbers of certifications by id."""
    return {number: one.numbers(asker.now) for number, one in standing(asker, certifications).items()}


def standing(asker: Asker, certifications: Iterable[int]) -> dict[int, KeptCounts]:
    """How certifications stand now, by id."""
    sql = "SELECT id, enrolments_rev FROM certification WHERE host_id = ?"
    revs = dict(fetch(asker.session, sql, asker.host_id))
    name = ("standing", asker.host_id)
    known: dict[int, KeptCounts] = cached(asker.session, name) or {}
    wanted = [one for one in certifications if one in revs]
    changed = [one for one in wanted if one not in known or known[one].rev != revs[one]]
    if changed:
        known = {number: one for number, one in known.items() if number in revs} | _read(asker, changed, revs)
        keep(asker.session, name, known)
    return {one: known[one] for one in wanted}


def _read(asker: Asker, changed: list[int], revs: dict[int, int]) -> dict[int, KeptCounts]:
    found = {}
    for some in slices(sorted(changed), _TOGETHER):
        found.update(_read_some(asker, some, revs))
    return found


def _read_some(asker: Asker, changed: list[int], revs: dict[int, int]) -> dict[int, KeptCounts]:
    where = f"e.host_id = ? AND e.certification IN ({', '.join(map(str, changed))})"
    live = f"e.state > {WITHDRAWN}"
    names = [_KEY, f"CASE WHEN {live} THEN e.why ELSE 0 END",
             f"CASE WHEN {live} AND e.due IS NOT NULL THEN e.due_from END", *(f"e.{one}" for one in DATES)]  # fmt: skip
    columns = read_columns(asker.session, "enrolment e", names, where, asker.host_id, null=NULL)
    order = columns[0].argsort(kind="stable")
    key, why, gives, *dates = (column[order] for column in columns)
    certification, person, flags = key >> 41, (key >> 9) & (2**32 - 1), key & 511
    found = {}
    for number in changed:
        low, high = np.searchsorted(certification, [number, number + 1])
        part = slice(low, high)
        hers = {name: column[part] for name, column in zip(DATES, dates, strict=True)}
        found[number] = _kept(revs[number], person[part], flags[part], hers, _sizes(why[part], gives[part]))
    return found


def _sizes(why: Ints, gives: Ints) -> dict[tuple[int, int | None], int]:
    """By set of assignments and the one of which the due date is, how many."""
    order = np.lexsort((gives, why))
    why, gives = why[order], gives[order]
    first = (
        np.flatnonzero(np.concatenate([[True], (why[1:] != why[:-1]) | (gives[1:] != gives[:-1])])) if len(why) else why
    )
    many = np.diff(np.append(first, len(why)))
    return {
        (one, None if of == NULL else of): size
        for one, of, size in zip(why[first].tolist(), gives[first].tolist(), many.tolist(), strict=True)
    }


def _kept(
    rev: int, person: Ints, flags: Ints, dates: dict[str, Ints], whys: dict[tuple[int, int | None], int]
) -> KeptCounts:
    state, hold = flags & 15, (flags >> 4) & 15
    active = (state > 0) & ~one_of(hold, INACTIVE_HOLDS)
    certified = active & one_of(state, (CERTIFIED, WINDOW_OPEN, COMPLETE))
    to_do = active & one_of(state, (ASSIGNED, IN_PROGRESS, WINDOW_OPEN, EXPIRED))
    fixed = {
        "enrolled": active, "certified": certified, "in_progress": active & (state == IN_PROGRESS),
        "not_started": active & (state == ASSIGNED), "expired": active & (state == EXPIRED),
        "suspended": active & ((flags & 256) != 0), "held": (state > 0) & (hold == HELD_BY_EXCEPTION),
    }  # fmt: skip
    counted = {name: int(np.count_nonzero(mask)) for name, mask in fixed.items()}
    both = flags & 255
    classes = {
        (int(one) & 15, int(one) >> 4): BitMap(person[both == one].astype(np.uint32)) for one in np.unique(both)
    }  # fmt: skip
    rows = RowsOfLearners(
        person.astype(np.uint32), flags.astype(np.uint16), {name: CodedDates.of(one) for name, one in dates.items()}
    )
    due, expires = Dates.of(dates["due"][to_do]), Dates.of(dates["expires"][certified])
    return KeptCounts(rev, classes, whys, counted, due, expires, rows)
