"""The first rows of an order without sorting all: a look at the bare table tells beyond which value none of them lies.

Rows with the value at that boundary, or without any, may be very many; these are read in the order of people, which is kept.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plugin.reports.asking.statement import Sql, aliases_of, tables_of

if TYPE_CHECKING:
    from plugin.reports.asking.statement import RowOrder, Statement

MANY = 5_000
"""Rows with the same value from which on they are not sorted."""


@dataclass(frozen=True)
class ListPart:
    """A part of a list: more conditions, and whether its rows are all alike in the column they are sorted by."""

    extra: Sql
    alike: bool
    of_people: bool = False
    """The condition is of people: these are found first."""
    keyed: bool = False
    """The condition names rows, or people, who are among those asked about."""


def parts(statement: Statement, order: RowOrder, after: list[Any] | None, limit: int) -> list[ListPart] | None:
    """The parts in which so many rows after a cursor are found; ``None``: read as they are.

    Together they hold every row up to the boundary, so that fewer than asked for means that there are no more.
    """
    column, source = order.column, statement.source
    if column is None or not column.sql or not source.slim or statement.asker.as_of is not None:
        return None
    sort = statement.ordered(column.sql, text=column.type not in _NUMBERS)
    if after is not None and after[0] is None:
        return [ListPart((f"{sort} IS NULL", []), alike=True)]
    boundary = _boundary(statement, column.sql, sort, order.descending, after, limit)
    if boundary is None:
        return None
    value, better = boundary
    way, back = (">", "<") if order.descending else ("<", ">")
    first, beyond, values = [], "", []
    if after is not None:  # first those that have the value of the cursor too
        alike = _are_many(statement, column.sql, sort, after[0])
        first, beyond, values = [ListPart((f"{sort} = ?", [after[0]]), alike)], f"{sort} {back} ? AND ", [after[0]]
    if value is None:
        rest = [
            ListPart((f"{beyond}{sort} IS NOT NULL", values), alike=False),
            ListPart((f"{sort} IS NULL", []), alike=True),
        ]
    elif _are_many(statement, column.sql, sort, value):
        before = [ListPart((f"{beyond}{sort} {way} ?", [*values, value]), alike=False)] if better else []
        rest = [*before, ListPart((f"{sort} = ?", [value]), alike=True)]
    else:
        of_people = aliases_of(column.sql) == {"p"}
        rest = [ListPart((f"{beyond}{sort} {way}= ?", [*values, value]), alike=False, of_people=of_people)]
    return first + rest


_NUMBERS = ("number", "percent", "flag", "instant", "local")


def _boundary(
    statement: Statement, bare: str, sort: str, descending: bool, after: list[Any] | None, limit: int
) -> tuple[Any, int] | None:
    """The value so many rows after the cursor, or none where there are fewer, and how many rows come before it.

    ``None`` where that cannot be told.
    """
    of_people = aliases_of(bare) == {"p"}
    tables, where = _tables(statement, bare)
    if tables is None:
        return None
    host, values = statement.asker.host_id, list(statement.values)
    way = "DESC" if descending else "ASC"
    beyond = "" if after is None else f" AND {sort} {'<' if descending else '>'} ?"
    if of_people:
        sql = (
            f"SELECT {sort} FROM person p WHERE p.host_id = ? AND {sort} IS NOT NULL{beyond} AND EXISTS"
            f" (SELECT 1 FROM {tables} WHERE {where} AND e.person = p.id)"
        )
        given = [host, *([] if after is None else [after[0]]), host, *values]
    else:
        sql = f"SELECT {sort} FROM {tables} WHERE {where} AND {sort} IS NOT NULL{beyond}"
        given = [host, *values, *([] if after is None else [after[0]])]
    if not of_people and after is None:  # very often all of them have the utmost value
        utmost = sql.replace(f"SELECT {sort}", f"SELECT {'max' if descending else 'min'}({sort})", 1)
        [(value,)] = statement.asker.rows(utmost, *given)
        if value is not None and _are_many(statement, bare, sort, value):
            return value, 0
    rows = statement.asker.rows(f"{sql} ORDER BY 1 {way} LIMIT {int(limit) + 1}", *given)
    if len(rows) <= limit:
        return None, len(rows)
    return rows[-1][0], sum(row[0] != rows[-1][0] for row in rows)


def _tables(statement: Statement, bare: str) -> tuple[str | None, str]:
    """The bare tables, where the conditions and the column ask for nothing else."""
    slim, where = statement.source.slim, statement.where
    there = tables_of(slim)
    asked = aliases_of(bare)
    enrolments = "{enrolment}" in slim  # people are looked for among those who are enrolled
    fits = aliases_of(where) <= there and (asked <= there or (asked == {"p"} and enrolments))
    return (statement.filled(slim) if fits else None), where


def _are_many(statement: Statement, bare: str, sort: str, value: Any) -> bool:
    if aliases_of(bare) == {"p"}:
        return False
    tables, where = _tables(statement, bare)
    sql = f"SELECT count(*) FROM (SELECT 1 FROM {tables} WHERE {where} AND {sort} = ? LIMIT {MANY}) q"
    return bool(statement.asker.rows(sql, statement.asker.host_id, *statement.values, value)[0][0] >= MANY)
