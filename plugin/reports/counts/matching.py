"""Rows of learners that a question asks for, found among the rows that the process keeps: how many, and whose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property

import numpy as np
from pyroaring import BitMap

from plugin.core.database.bulk import NULL
from plugin.core.database.columns import Ints
from plugin.enrolment.codes import ASSIGNED, EXPIRED, HOLDS, IN_PROGRESS, INACTIVE_HOLDS, STATES, WINDOW_OPEN, WITHDRAWN
from plugin.population.columns import Mask
from plugin.reports.asking.filters import OPERATORS, instants_that_pass
from plugin.reports.asking.learner_sets import KINDS, certifications
from plugin.reports.asking.question import Question
from plugin.reports.asking.reader import Asker
from plugin.reports.columns import Column
from plugin.reports.counts.kept import RowsOfLearners, standing

DATED: Mapping[str, str] = {
    "due": "due", "expires": "expires", "enrolled_at": "began", "completed_at": "certified_at",
}  # fmt: skip
"""Columns of the report that are one of the table's, kept row by row."""
_STATE, _HOLD = np.arange(512) & 15, (np.arange(512) >> 4) & 15
_ACTIVE = (_STATE > WITHDRAWN) & ~np.isin(_HOLD, INACTIVE_HOLDS)
_TO_DO = _ACTIVE & np.isin(_STATE, (ASSIGNED, IN_PROGRESS, WINDOW_OPEN, EXPIRED))
_STANDING: Mapping[str, Callable[[str], Mask]] = {
    "state": lambda value: np.isin(_STATE, STATES.index(value)),
    "active": lambda value: _ACTIVE if value == "true" else ~_ACTIVE,
    "held": lambda value: (
        (_STATE > WITHDRAWN) & np.isin(_HOLD, [code for code, one in enumerate(HOLDS) if one == value])
    ),
}
"""Filters that a state and a hold answer: for each way to stand, whether it passes."""
Test = Callable[[RowsOfLearners], Mask]
Row = tuple[int, int]
"""Certification and person."""


class Matching:
    """Rows that pass every filter, by certification. :param people: these alone; ``None``: everybody's."""

    def __init__(self, asker: Asker, numbers: Iterable[int], tests: list[Test], people: BitMap | None) -> None:
        self._found: dict[int, tuple[RowsOfLearners, np.ndarray]] = {}
        kept = standing(asker, numbers)
        self._top = max((int(one.rows.person[-1]) for one in kept.values() if len(one.rows.person)), default=0)
        hers = None if people is None else np.zeros(max(self._top, people.max() if people else 0) + 1, bool)
        if hers is not None and people:
            hers[np.array(people.to_array(), np.int64)] = True
        for number, one in kept.items():
            where = np.ones(len(one.rows.person), bool) if hers is None else hers[one.rows.person]
            for test in tests:
                where &= test(one.rows)
            places = np.flatnonzero(where)
            if len(places):
                self._found[number] = (one.rows, places)

    @cached_property
    def total(self) -> int:
        """How many rows there are."""
        return sum(len(places) for _rows, places in self._found.values())

    @cached_property
    def people(self) -> Mask:
        """Whose they are: for each of our ids up to the greatest, whether she is one of them."""
        found = np.zeros(self._top + 1, bool)
        for rows, places in self._found.values():
            found[rows.person[places]] = True
        return found

    def rows(self) -> list[Row]:
        """All of them."""
        return [
            (number, person)
            for number, (rows, places) in self._found.items()
            for person in rows.person[places].tolist()
        ]

    def dated(self, column: str, passes: Callable[[Ints], Mask]) -> list[Row]:
        """Those whose date passes a test."""
        found = []
        for number, rows, places, at, code in self._dates(column):
            found += [(number, person) for person in rows.person[places[passes(at)[code]]].tolist()]
        return found

    def people_dated(self, column: str, passes: Callable[[Ints], Mask]) -> Mask:
        """Whose they are, of rows whose date passes a test."""
        found = np.zeros(self._top + 1, bool)
        for _number, rows, places, at, code in self._dates(column):
            found[rows.person[places[passes(at)[code]]]] = True
        return found

    def sizes(self, column: str) -> tuple[Ints, Ints]:
        """The distinct dates in order, and how many rows have each; those without one are left out."""
        dates, many = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for _number, _rows, _places, at, code in self._dates(column):
            dates.append(at)
            many.append(np.bincount(code, minlength=len(at)))
        each, place = np.unique(np.concatenate(dates), return_inverse=True)
        counted = np.bincount(place, np.concatenate(many), minlength=len(each)).astype(np.int64)
        there = (counted > 0) & (each != NULL)
        return each[there], counted[there]

    def _dates(self, column: str) -> Iterator[tuple[int, RowsOfLearners, np.ndarray, Ints, np.ndarray]]:
        for number, (rows, places) in self._found.items():
            dates = rows.dates[DATED[column]]
            yield number, rows, places, dates.at, dates.code[places]


def matching(
    asker: Asker, question: Question, people: BitMap | None, column_of: Callable[[str], Column | None]
) -> Matching | None:
    """The rows that a question about learners asks for; ``None`` where its filters ask for more than is kept.

    :param people: who is asked about, by filters and rights together; ``None``: everybody.
    """
    if question.source != "learners" or asker.as_of is not None:
        return None
    asked: dict[str, list[str]] = {}
    for name, value in question.filters:
        asked.setdefault(name, []).append(value)
    known = certifications(asker)
    numbers = [known[code] for code in asked.pop("certification", list(known))]
    tests = []
    for name, given in asked.items():
        if name in KINDS or name == "search":
            continue
        test = _test(asker, name, given, column_of)
        if test is None:
            return None
        tests.append(test)
    return Matching(asker, numbers, tests, people)


def _test(asker: Asker, name: str, given: list[str], column_of: Callable[[str], Column | None]) -> Test | None:
    if name in _STANDING:
        table = np.logical_or.reduce([_STANDING[name](value) for value in given])
        return lambda rows: table[rows.how]
    if name == "overdue":
        return _overdue(asker.now, {value == "true" for value in given})
    stem, _dot, operator = name.rpartition(".")
    if operator not in OPERATORS:
        stem, operator = name, ""
    column = column_of(stem) if stem in DATED else None
    if column is None:
        return None
    passes, kept = instants_that_pass(asker, column, operator, given), DATED[stem]
    return lambda rows: passes(rows.dates[kept].at)[rows.dates[kept].code]


def _overdue(now: int, wanted: set[bool]) -> Test:
    def test(rows: RowsOfLearners) -> Mask:
        due = rows.dates["due"]
        over: Mask = _TO_DO[rows.how] & ((due.at != NULL) & (due.at <= now))[due.code]
        return np.ones(len(over), bool) if len(wanted) > 1 else over if True in wanted else ~over

    return test
