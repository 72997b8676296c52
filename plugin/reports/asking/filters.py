"""Filters of a question as conditions: in SQL where a column is of SQL, else as a test of the computed value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pyroaring import BitMap

from plugin.core.clock import parse_instant
from plugin.core.database.bulk import NULL
from plugin.core.database.columns import Ints
from plugin.core.errors import Invalid
from plugin.core.stamps import calendar_day, instant
from plugin.population.columns import Mask
from plugin.reports.asking import learner_sets
from plugin.reports.asking.question import Question
from plugin.reports.asking.reader import Asker
from plugin.reports.asking.unknown import RefusedReport, unknown
from plugin.reports.columns import FLAG, INSTANT, LOCAL, NUMBER, PERCENT, SETTING, WORD, Column, ReportSource
from plugin.reports.sources.cells import condition_of_flag

_DAY = 86_400
_MOST_DAYS = 36_500
OPERATORS = ("before", "after", "between", "next", "last", "empty")
_ORDERED = (INSTANT, LOCAL, NUMBER, PERCENT)
_NUMBER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_PERCENT = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?", re.ASCII)
_BOOLEAN = {"true": 1, "false": 0}
Test = Callable[[Any], bool]


@dataclass
class RowConditions:
    """What rows must fulfil.

    :ivar conditions: SQL with ``?`` for each of the values. ``tests``: by column, of computed values.
    :ivar people: only these; no condition says it yet. ``units``: units or managers named, for grouping.
    """

    conditions: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    tests: list[tuple[Column, Test]] = field(default_factory=list)
    people: BitMap | None = None
    certifications: set[int] | None = None

    def add(self, condition: str, *values: Any) -> None:
        """One more condition."""
        self.conditions.append(condition)
        self.values += values


def names_of(source: ReportSource) -> list[str]:
    """Every filter of a source, operators apart."""
    special = [*learner_sets.KINDS, "search"] if source.person else []
    special += ["overdue"] if source.overdue else []
    special += ["assignment"] if source.held_by else []
    return list(dict.fromkeys([one.name for one in source.columns] + special))


def where_of(
    asker: Asker, source: ReportSource, question: Question, column_of: Callable[[str], Column | None]
) -> RowConditions:
    """Compile a question's filters.

    :raises Refused: for a filter or value there is not.
    """
    where = RowConditions()
    grouped: dict[str, list[str]] = {}
    for name, value in question.filters:
        grouped.setdefault(name, []).append(value)
    for name, given in grouped.items():
        if name in learner_sets.KINDS and source.person:
            _only(where, learner_sets.people_of(asker, name, given))
        elif name == "search" and source.person:
            _only(where, learner_sets.found(asker, given))
        elif name == "overdue" and source.overdue:
            _overdue(where, source, given)
        elif name == "assignment" and source.held_by is not None:
            where.add(source.held_by(asker, learner_sets.assignments_of(asker, given)))
        else:
            _column(asker, source, where, name, given, column_of)
    return where


def _only(where: RowConditions, people: BitMap) -> None:
    where.people = people if where.people is None else where.people & people


def _overdue(where: RowConditions, source: ReportSource, given: Sequence[str]) -> None:
    where.add(_either(source.overdue, {_flag("overdue", value) for value in given}))


def _either(condition: str, wanted: set[int]) -> str:
    """A condition that holds, or does not, or either."""
    if len(wanted) > 1:
        return "1 = 1"
    return f"({condition})" if wanted == {1} else f"NOT COALESCE({condition}, FALSE)"


def _column(
    asker: Asker, source: ReportSource, where: RowConditions, name: str, given: Sequence[str],
    column_of: Callable[[str], Column | None],
) -> None:  # fmt: skip
    stem, _dot, operator = name.rpartition(".")
    column = column_of(stem) if operator in OPERATORS else None
    if column is None:
        column, operator = column_of(name), ""
    if column is None and column_of(stem) is not None:
        raise unknown("filter", name, [f"{stem}.{one}" for one in OPERATORS])
    if column is None:
        raise unknown("filter", name, names_of(source))
    if column.known == "certification" and not operator and source.certification:
        known = learner_sets.certifications(asker)
        for value in given:
            learner_sets.must_be_known(asker, "certification", value)
        where.add(f"{source.certification} IN ({', '.join(str(known[value]) for value in given)})")
        return
    parts = [_one(asker, column, operator, value) for value in given]
    if column.code and not operator:
        where.add(f"{column.code} IN ({', '.join(str(column.words.index(value)) for value in given)})")
    elif column.type == FLAG and (condition := condition_of_flag(column.sql)) and not operator:
        wanted = {_flag(column.name, value) for value in given}
        where.add(_either(condition, wanted))
    elif column.sql:
        conditions = [sql.replace(":col", f"({column.sql})") for sql, _values, _test in parts]
        where.add(f"({' OR '.join(conditions)})", *(value for _sql, values, _test in parts for value in values))
    else:
        _computed(asker, where, column, [test for _sql, _values, test in parts])


def _computed(asker: Asker, where: RowConditions, column: Column, tests: Sequence[Test]) -> None:
    def passes(value: Any) -> bool:
        return any(test(value) for test in tests)

    if column.among is not None:
        where.add(column.among(asker, passes))
    else:
        where.tests.append((column, passes))


_Part = tuple[str, list[Any], Test]
_IS_NULL, _IS_NOT_NULL, _BEFORE, _FROM, _WITHIN = (
    ":col IS NULL", ":col IS NOT NULL", ":col < ?", ":col >= ?", "(:col >= ? AND :col < ?)",
)  # fmt: skip
_OF_MANY: dict[str, Callable[..., Mask]] = {
    _IS_NULL: lambda at: at == NULL,
    _IS_NOT_NULL: lambda at: at != NULL,
    _BEFORE: lambda at, low: (at != NULL) & (at < low),
    _FROM: lambda at, high: (at != NULL) & (at >= high),
    _WITHIN: lambda at, low, high: (at != NULL) & (at >= low) & (at < high),
}


def instants_that_pass(asker: Asker, column: Column, operator: str, given: Sequence[str]) -> Callable[[Ints], Mask]:
    """The filter of a column of instants, of many of them at once; ``NULL`` is none.

    :raises Refused: for what is no instant.
    """
    parts = [_one(asker, column, operator, value) for value in given]
    return lambda at: np.logical_or.reduce([_OF_MANY[sql](at, *values) for sql, values, _test in parts])


def _one(asker: Asker, column: Column, operator: str, text: str) -> _Part:
    if operator == "empty":
        wanted = bool(_flag(f"{column.name}.empty", text))
        return _IS_NULL if wanted else _IS_NOT_NULL, [], lambda value: (value is None) == wanted
    if operator and column.type not in _ORDERED:
        raise RefusedReport(f"'{column.name}' is no date and no number: '.{operator}' cannot be asked of it.")
    if operator in ("next", "last"):
        return _around(asker, column, operator, text)
    if operator == "between":
        first, dots, last = text.partition("..")
        if not dots:
            raise RefusedReport(f"'{text}' is no range such as 2027-01-01..2027-03-31.")
        low, _first_end = _bounds(asker, column, first)
        _last_begin, high = _bounds(asker, column, last)
        if low >= high:
            raise RefusedReport(f"'{text}' is a range that ends before it begins.")
        return _between(low, high)
    if operator:
        low, high = _bounds(asker, column, text)
        if operator == "before":
            return _BEFORE, [low], lambda value: value is not None and value < low
        return _FROM, [high], lambda value: value is not None and value >= high
    if column.type in _ORDERED:
        return _between(*_bounds(asker, column, text))
    return _value(asker, column, text)


def _around(asker: Asker, column: Column, operator: str, text: str) -> _Part:
    if column.type not in (INSTANT, LOCAL):
        raise RefusedReport(f"'{column.name}' is no date: '.{operator}' cannot be asked of it.")
    if not (text.isascii() and text.isdigit() and int(text) <= _MOST_DAYS):
        raise RefusedReport(f"'{text}' is no number of days from 0 to {_MOST_DAYS}.")
    far = int(text) * _DAY
    low, high = (asker.now + 1, asker.now + far + 1) if operator == "next" else (asker.now - far, asker.now + 1)
    return _between(low, high)


def _between(low: float, high: float) -> _Part:
    return _WITHIN, [low, high], lambda value: value is not None and low <= value < high


def _value(asker: Asker, column: Column, text: str) -> _Part:
    if column.type == FLAG:
        flag = _flag(column.name, text)
        return ":col = ?", [flag], lambda value: bool(value) == bool(flag)
    words = text.split("; ") if column.parts else [text]
    if column.type == WORD and column.words and not set(words) <= set(column.words):
        raise unknown(column.name, text, column.words)
    if column.known:
        learner_sets.must_be_known(asker, column.known, text)
    if column.type == SETTING:
        return "", [], lambda value: value is not None and value == _as_in_a_file(text)
    if column.parts:
        return ":col = ?", [text], lambda value: value is not None and (value == text or text in value.split("; "))
    return ":col = ?", [text], lambda value: str(value) == text if value is not None else False


def _as_in_a_file(text: str) -> Any:
    """A setting as JSON writes it, or the bare word of one that is a word."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _flag(name: str, text: str) -> int:
    if text not in _BOOLEAN:
        raise RefusedReport(f"'{name}' is true or false, not '{text}'.")
    return _BOOLEAN[text]


def _bounds(asker: Asker, column: Column, text: str) -> tuple[float, float]:
    """From where to where a value lies that a filter names: a whole day, a second, or a number; the end is excluded."""
    if column.type not in (INSTANT, LOCAL):
        if (_PERCENT if column.type == PERCENT else _NUMBER).fullmatch(text) is None:
            raise RefusedReport(f"'{text}' is no number.")
        number = float(text) if column.type == PERCENT else int(text)
        return number, number + (1 if column.type == NUMBER else 1e-9)
    if len(text) == 10:
        return day_bounds(text, asker.zone)
    try:
        at = parse_instant(text)
    except (Invalid, OverflowError):
        raise RefusedReport(
            f"'{text}' is neither a day such as 2027-03-31 nor a time such as 2027-03-31T17:00:00Z."
        ) from None
    return at, at + 1


def day_bounds(text: str, zone: str) -> tuple[int, int]:
    """The first second of a day in a zone, and the first of the next.

    :raises Refused: for what is no day.
    """
    try:
        calendar_day(text)
    except ValueError:
        raise RefusedReport(f"'{text}' is no day such as 2027-03-31.") from None
    return instant(text, zone), instant(text, zone, day_after=True)
