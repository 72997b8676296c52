"""A question as one SQL statement."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from plugin.core.database.dialect import by_bytes
from plugin.core.days import epoch_day, local_day
from plugin.reports.asking.reader import Asker
from plugin.reports.asking.unknown import RefusedReport
from plugin.reports.columns import FLAG, INSTANT, LOCAL, NUMBER, PERCENT, Column, ReportSource
from plugin.reports.sources.cells import ENROLMENT_FIRST, OF_ENROLMENT

_NUMBERS = (NUMBER, PERCENT, FLAG, INSTANT, LOCAL)
_NUMERIC_TIES = frozenset({"j.n", "g.id", "COALESCE(u.person, 0)", "COALESCE(q.at, 0)", "q.latest"})
_ALIAS = re.compile(r"\b([a-z])\.")


def tables_of(slim: str) -> set[str]:
    """The tables of a source's bare ones, by their letters; ``e`` also where only conditions of their own ask for it."""
    words = slim.split()
    return aliases_of(slim) | {"e"} | ({words[1]} if len(words) == 2 else set())


def aliases_of(sql: str) -> set[str]:
    """The tables that an expression asks for, by the letters they go by."""
    return set(_ALIAS.findall(sql))


Sql = tuple[str, list[Any]]


@dataclass
class RowOrder:
    """How rows are ordered: by a column, then by what tells them apart. Rows without a value come last."""

    column: Column | None
    descending: bool
    ties: tuple[str, ...]

    @property
    def length(self) -> int:
        """How many keys a cursor has."""
        return len(self.ties) + (self.column is not None)

    def check(self, after: Sequence[Any]) -> None:
        """Refuse keys that no row can have.

        :raises Refused: for those.
        """
        kinds = [tie not in _NUMERIC_TIES for tie in self.ties]
        if self.column is not None:
            kinds.insert(0, self.column.type not in _NUMBERS)
        for place, (text, value) in enumerate(zip(kinds, after, strict=True)):
            good = isinstance(value, str) if text else isinstance(value, int | float)
            if not good and not (value is None and self.column is not None and not place):
                raise RefusedReport("This cursor is none that an answer gave.")

    def is_beyond(self, keys: Sequence[Any], after: Sequence[Any]) -> bool:
        """Whether a row with these keys comes after one with those."""
        if self.column is None:
            return list(keys) > list(after)
        here, last = keys[0], after[0]
        if here == last:
            return list(keys[1:]) > list(after[1:])
        if here is None or last is None:
            return here is None
        return bool(here < last if self.descending else here > last)


@dataclass
class Statement:
    """The parts of a query that do not depend on which part of the list is asked for."""

    asker: Asker
    source: ReportSource
    conditions: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def filled(self, sql: str) -> str:
        """SQL with this question's instant, tables and days in it."""
        asker = self.asker
        sql = sql.replace("{enrolment}", asker.enrolment).replace("{exception}", asker.exception)
        if "{today}" in sql:
            today = epoch_day(local_day(asker.now, asker.zone))
            sql = sql.replace("{today}", str(today)).replace("{due}", asker.day_sql.replace(":at", "e.due"))
        return sql.replace(":now", str(asker.now)).replace("{host}", str(int(asker.host_id)))

    def tables(self, *texts: str) -> str:
        """``FROM`` with whatever else these texts name."""
        named = {alias for text in texts for alias in _ALIAS.findall(text)}
        more = [join for alias, join in self.source.joins.items() if alias in named]
        return self.filled(" ".join([self.source.base, *more]))

    @property
    def where(self) -> str:
        """The condition, without ``WHERE``."""
        return self.filled(" AND ".join([self.source.where, *self.conditions]))

    def count(self) -> int:
        """How many rows there are."""
        slim = self.source.slim
        if slim and aliases_of(self.where) <= tables_of(slim):
            sql = f"SELECT {self.source.size} FROM {self.filled(slim)} WHERE {self.where}"
        else:
            tables = self.tables(self.where)
            if self.asker.sqlite:
                tables = tables.replace(self.filled(OF_ENROLMENT), self.filled(ENROLMENT_FIRST))
            sql = f"SELECT count(*) FROM {tables} WHERE {self.where}"
        return int(self.asker.rows(sql, self.asker.host_id, *self.values)[0][0])

    def select(
        self, columns: Sequence[Column], order: RowOrder, after: list[Any] | None, limit: int | None, *,
        extra: Sql = ("", []), alike: bool = False, bare: bool = False,
    ) -> Sql:  # fmt: skip
        """The rows: hidden keys, then columns of SQL, then the keys of the order.

        :param extra: one more condition. :param alike: these rows have all the same value in the column of the order.
        :param bare: the columns alone, without any keys.
        """
        keys = [f"({self.filled(sql)})" for sql in self.source.keys.values()]
        shown = [f"({self.filled(one.sql)})" for one in columns]
        tied = [self.ordered(tie, text=tie not in _NUMERIC_TIES) for tie in order.ties]
        sort, ways = [], [*tied]
        if order.column is not None:
            sort = [self.ordered(order.column.sql, text=order.column.type not in _NUMBERS)]
            ways = [f"({sort[0]}) IS NULL", f"{sort[0]} {'DESC' if order.descending else 'ASC'}", *tied]
        listed = ", ".join(shown if bare else [*keys, *shown, *sort, *tied])
        where, values = self.where, list(self.values)
        if extra[0]:
            where, values = f"{where} AND {extra[0]}", [*values, *extra[1]]
        ways = tied if alike else ways
        if after is not None:
            condition, more = self.beyond(order, sort, tied, after)
            where, values = f"{where} AND {condition}", [*values, *more]
        sql = f"SELECT {listed} FROM {self.tables(listed, where, *ways)} WHERE {where} ORDER BY {', '.join(ways)}"
        return (sql if limit is None else f"{sql} LIMIT {int(limit)}"), [self.asker.host_id, *values]

    def beyond(self, order: RowOrder, sort: list[str], tied: list[str], after: list[Any]) -> Sql:
        """The condition of rows that come after one."""
        order.check(after)
        last = after[len(sort) :]
        later = f"({', '.join(tied)}) > ({', '.join('?' * len(tied))})" if len(tied) > 1 else f"{tied[0]} > ?"
        if not sort:
            return f"({later})", last
        if after[0] is None:
            return f"({sort[0]} IS NULL AND {later})", last
        way = "<" if order.descending else ">"
        condition = f"({sort[0]} {way} ? OR {sort[0]} IS NULL OR ({sort[0]} = ? AND {later}))"
        return condition, [after[0], after[0], *last]

    def ordered(self, sql: str, *, text: bool) -> str:
        """An expression as both databases order it: texts by their letters' numbers."""
        filled = f"({self.filled(sql)})"
        collated = by_bytes(self.asker.session) if text else ""
        return f"({filled}{collated})" if collated else filled
