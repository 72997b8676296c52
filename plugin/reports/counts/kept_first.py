"""The first rows of a list of learners, found among the rows that the process keeps; the database reads these by their keys."""

from __future__ import annotations

from typing import Any

import numpy as np

from plugin.core.database.bulk import NULL
from plugin.reports.asking.first_rows import MANY, ListPart
from plugin.reports.asking.ranking import found_by
from plugin.reports.asking.reader import condition_of
from plugin.reports.asking.statement import RowOrder, Statement, aliases_of
from plugin.reports.columns import TEXT
from plugin.reports.counts.matching import DATED, Matching
from plugin.reports.counts.people_in_order import first_people

_FEW = 200
"""Rows that are found by their keys and sorted, whatever they are sorted by."""
_ID = "p.ext"
"""What equal rows are sorted by first; everybody has one."""


def parts(
    matching: Matching, statement: Statement, order: RowOrder, after: list[Any] | None, limit: int
) -> list[ListPart] | None:
    """The parts in which so many rows after a cursor are found; ``None`` where what is kept does not tell.

    Together they hold every row up to the last one asked for, so that fewer than asked for means that there are no more.
    """
    if matching.total <= _FEW:
        return [_keys(statement, matching.rows())]
    column = order.column
    if column is None:
        return _by_text(matching, statement, _ID, "", order, after, limit)
    if not column.sql:
        return None
    sort = statement.ordered(column.sql, text=column.type == TEXT)
    if column.name in DATED:
        return _by_date(matching, statement, column.name, sort, order, after, limit)
    if after is not None and after[0] is None:
        return [ListPart((f"{sort} IS NULL", []), alike=True)]
    if column.type == TEXT and aliases_of(column.sql) == {"p"}:
        return _by_text(matching, statement, column.sql, sort, order, after, limit)
    return None


def _by_date(
    matching: Matching, statement: Statement, name: str, sort: str, order: RowOrder, after: list[Any] | None, limit: int
) -> list[ListPart]:
    """Those before the boundary, then those at it; of very many alike the first in the order of people."""

    def alike(value: int, last: list[Any] | None) -> ListPart:
        people = matching.people_dated(name, lambda at: at == value)
        some, _over = first_people(statement, _ID, people, last, limit + 1, descending=False)
        condition, values = condition_of(statement.asker, "e.person", some)
        same = f"{sort} IS NULL" if value == NULL else f"{sort} = {value}"
        return ListPart((f"{same} AND {condition}", values), alike=True, keyed=True)

    dates, many = matching.sizes(name)
    found: list[ListPart] = []
    if after is not None and after[0] is None:
        return [alike(NULL, after[1:])]
    if order.descending:
        dates, many = dates[::-1], many[::-1]
    if after is not None:
        if int(many[dates == after[0]].sum()):
            found.append(alike(int(after[0]), after[1:]))
        rest = dates < after[0] if order.descending else dates > after[0]
        dates, many = dates[rest], many[rest]
    upto = many.cumsum()
    place = int(upto.searchsorted(limit))  # the boundary lies at this one
    better = np.sort(dates[:place])
    if len(better):
        found.append(_keys(statement, matching.dated(name, lambda at: np.isin(at, better))))
    if place >= len(dates):
        return [*found, alike(NULL, None)]
    value = int(dates[place])
    if many[place] >= MANY:
        return [*found, alike(value, None)]
    return [*found, _keys(statement, matching.dated(name, lambda at: at == value))]


def _by_text(
    matching: Matching, statement: Statement, sql: str, sort: str, order: RowOrder, after: list[Any] | None, limit: int
) -> list[ListPart] | None:
    if statement.asker.reader.units:
        return None  # whoever sees an area alone reads no order of everybody
    people, over = first_people(statement, sql, matching.people, after, limit + 1, descending=order.descending)
    condition, values = condition_of(statement.asker, "e.person", people)
    if not sort:
        return [ListPart((condition, values), alike=False, keyed=True)]
    found = [ListPart((f"{sort} IS NOT NULL AND {condition}", values), alike=False, keyed=True)]
    return [*found, ListPart((f"{sort} IS NULL", []), alike=True)] if over else found


def _keys(statement: Statement, rows: list[tuple[int, int]]) -> ListPart:
    return ListPart((found_by(statement.source, rows), []), alike=False, keyed=True)
