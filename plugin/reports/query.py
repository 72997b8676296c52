"""Answers questions: a part of a list with its total, or all rows one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from plugin.core.database.bulk import stream
from plugin.core.database.slices import slices
from plugin.reports import overview
from plugin.reports.answers import ReportAnswer, WholeReport
from plugin.reports.as_of import Moment, asker_as_of
from plugin.reports.asking import cursors, first_rows
from plugin.reports.asking.membership_rows import MembershipQuestion
from plugin.reports.asking.question import Question
from plugin.reports.asking.ranking import Ranking, found_by, in_order
from plugin.reports.asking.reader import Asker
from plugin.reports.asking.statement import RowOrder, Statement
from plugin.reports.asking.unknown import RefusedReport
from plugin.reports.catalogue import source_named
from plugin.reports.columns import SETTING, Column, Row
from plugin.reports.compiled_question import Compiled
from plugin.reports.counts import kept_first
from plugin.reports.counts.totals import total

_PART = 2_000
Identity = tuple[Any, ...]


class Query(Compiled):
    """One question about one source, to be answered.

    :raises Refused: for anything that is asked for and is not there.
    """

    @property
    def _slow(self) -> bool:
        """Rows are filtered or ordered by what is computed from them."""
        return bool(self.where.tests) or (self.order.column is not None and not self.order.column.sql)

    def page(self) -> ReportAnswer:
        """The part of the list asked for."""
        after = cursors.read(self.question, self.order.length)
        if self._slow:
            return self._computed_page(after)
        limit = self.question.limit
        rows = self._first(after, limit + 1)
        self._compute(rows[:limit], self.columns)
        following = cursors.written(self.question, rows[limit - 1]["_keys"]) if len(rows) > limit else None
        return ReportAnswer(self.columns, rows[:limit], following, self._total())

    def _total(self) -> int:
        found = total(self.asker, self.question, self.people, self.members)
        if found is not None:
            return found
        if self.kept is not None:
            return self.kept.total
        counts = self.members if self.members is not None and not self.members.mixed else self.statement
        return counts.count()

    def _first(self, after: list[Any] | None, limit: int) -> list[Row]:
        """So many rows after a cursor."""
        if self.members is not None and self.order.column is None:
            return self._first_of(self.members, after, limit)
        rows: list[Row] = []
        for one in self._list_parts(after, limit) or [first_rows.ListPart(("", []), alike=False)]:
            statement = self.by_keys if one.keyed else self.reading
            if (one.alike and not one.keyed) or one.of_people:
                statement = replace(statement, source=self._by_person(self.source))
            elif one.extra[0]:  # the condition leaves few rows: they are found before all else
                statement = replace(statement, source=self._found_first(self.source))
            left = limit - len(rows)
            if left > 0:
                read = self._read(statement, self.columns, self.order, after, left, extra=one.extra, alike=one.alike)
                rows += [row for part in read for row in part]
        return rows

    def _list_parts(self, after: list[Any] | None, limit: int) -> list[first_rows.ListPart] | None:
        if after is not None:
            self.order.check(after)
        if self.kept is not None:
            found = kept_first.parts(self.kept, self.statement, self.order, after, limit)
            if found is not None:
                return found
        return first_rows.parts(self.statement, self.order, after, limit)

    def _first_of(self, members: MembershipQuestion, after: list[Any] | None, limit: int) -> list[Row]:
        """The same of membership: the first learners are found, then their rows."""
        statement, many = replace(self.statement, source=self._found_first(self.source)), limit + 1
        while True:  # the cursor's own learner comes first, perhaps without another row
            learners = members.first(after, many)
            extra = (found_by(self.source, [(*one, 0) for one in learners]), list[Any]())
            read = self._read(statement, self.columns, self.order, after, limit, extra=extra)
            rows = [row for part in read for row in part]
            if len(rows) >= limit or len(learners) < many or not members.mixed:
                return rows
            many *= 8

    def numbered(self, page: int) -> ReportAnswer:
        """A page by its number, from 1."""
        size = self.question.limit
        start = (page - 1) * size
        if self._slow:
            identities, _values, many = self._identified(None, start + size)
            return ReportAnswer(self.columns, self._full(identities[start:]), None, many)
        found = [row for part in self._fetched(self.columns, self.order, None, start + size) for row in part]
        self._compute(found[start:], self.columns)
        return ReportAnswer(self.columns, found[start:], None, self.statement.count())

    def parts(self) -> Iterator[list[Row]]:
        """All rows in their order, in parts, whatever the cursor."""
        if self._slow:
            yield from self._computed_parts()
            return
        for part in self._fetched(self.columns, self.order, None, None):
            self._compute(part, self.columns)
            yield part

    def tables(self) -> Iterator[list[tuple[Any, ...]]] | None:
        """All rows in their order, in parts, as the database gives them; ``None`` where a column has to be computed."""
        if self._slow or any(not one.sql for one in self.columns):
            return None
        sql, values = self.reading.select(self.columns, self.order, None, None, bare=True)
        return stream(self.asker.session, sql, *values, size=_PART)

    def _fetched(
        self, columns: Sequence[Column], order: RowOrder, after: list[Any] | None, limit: int | None
    ) -> Iterator[list[Row]]:
        return self._read(self.reading, columns, order, after, limit)

    def _read(
        self, statement: Statement, columns: Sequence[Column], order: RowOrder, after: list[Any] | None, limit: int | None,
        **more: Any,
    ) -> Iterator[list[Row]]:  # fmt: skip
        plain = [one for one in columns if one.sql]
        sql, values = statement.select(plain, order, after, limit, **more)
        keys, n = list(self.source.keys), len(self.source.keys)
        names = [one.name for one in plain]
        end = n + len(names)
        for part in stream(self.asker.session, sql, *values, size=_PART):
            rows = []
            for found in part:
                row: Row = dict(zip(keys, found, strict=False))
                row.update(zip(names, found[n:end], strict=True))
                row["_keys"] = found[end:]
                rows.append(row)
            yield rows

    def _compute(self, rows: list[Row], columns: Sequence[Column]) -> None:
        for column in columns:
            if column.late is not None and rows and column.name not in rows[0]:
                for row, value in zip(rows, column.late(self.asker, rows), strict=True):
                    row[column.name] = value

    # --- rows that are filtered or ordered by what is computed from them

    def _passing(self, columns: Sequence[Column]) -> Iterator[list[Row]]:
        """Rows that pass the tests, in the order that SQL knows, with these columns."""
        tested = [column for column, _test in self.where.tests]
        order = self.order if self._by is None else RowOrder(None, False, self.source.ties)
        for part in self._fetched(list(dict.fromkeys([*columns, *tested])), order, None, None):
            self._compute(part, tested)
            kept = [row for row in part if all(test(row[column.name]) for column, test in self.where.tests)]
            if kept:
                self._compute(kept, columns)
                yield kept

    @property
    def _by(self) -> Column | None:
        """The computed column that rows are ordered by."""
        column = self.order.column
        return None if column is None or column.sql else column

    def _ranked(self, after: list[Any] | None) -> tuple[Ranking, int]:
        """Rows after a cursor in the order of a computed column, and how many there are in all."""
        by = self._by
        assert by is not None
        ranking, many = Ranking(self.source.identity, descending=self.order.descending), 0
        for part in self._passing([by]):
            many += len(part)
            values = [row[by.name] for row in part]
            if by.type == SETTING:
                values = [None if one is None else json.dumps(one, sort_keys=True) for one in values]
            if after is not None:
                beyond = [
                    self.order.is_beyond((one, *row["_keys"]), after) for one, row in zip(values, part, strict=True)
                ]
                values = [one for one, there in zip(values, beyond, strict=True) if there]
                part = [row for row, there in zip(part, beyond, strict=True) if there]
            ranking.add(part, values)
        return ranking, many

    def _identified(self, after: list[Any] | None, limit: int) -> tuple[list[Identity], list[Any], int]:
        """What tells so many rows after a cursor from others, by what they are sorted, and how many there are in all."""
        if self._by is not None:
            ranking, many = self._ranked(after)
            places = ranking.places()[:limit].tolist()
            return ranking.identities(places), ranking.values(places), many
        found: list[Identity] = []
        values: list[Any] = []
        many = 0
        for part in self._passing(()):
            many += len(part)
            if len(found) < limit:
                rest = (row for row in part if after is None or self.order.is_beyond(row["_keys"], after))
                some = list(islice(rest, limit - len(found)))
                found += [tuple(row[key] for key in self.source.identity) for row in some]
                values += [row["_keys"][0] for row in some]
        return found, values, many

    def _full(self, identities: list[Identity]) -> list[Row]:
        """The rows identified, whole, in that order."""
        statement = replace(self.statement, source=self._found_first(self.source))
        order, extra = RowOrder(None, False, self.source.ties), (found_by(self.source, identities), list[Any]())
        read = self._read(statement, self.columns, order, None, None, extra=extra)
        rows = in_order(self.source, (row for part in read for row in part), identities)
        self._compute(rows, self.columns)
        return rows

    def _computed_parts(self) -> Iterator[list[Row]]:
        if self._by is None:
            yield from self._passing(self.columns)
            return
        ranking, _many = self._ranked(None)
        for places in slices(ranking.places().tolist(), _PART):
            yield self._full(ranking.identities(places))

    def _computed_page(self, after: list[Any] | None) -> ReportAnswer:
        if after is not None:
            self.order.check(after)
        limit = self.question.limit
        found, values, many = self._identified(after, limit + 1)
        rows = self._full(found[:limit])
        following = None
        if len(found) > limit:
            sorted_by = [] if self.order.column is None else [values[limit - 1]]
            following = cursors.written(self.question, [*sorted_by, *rows[-1]["_keys"]])
        return ReportAnswer(self.columns, rows, following, many)


def _begins(rows: list[Row], order: RowOrder, after: list[Any]) -> int:
    """The place of the first row after a cursor.

    :raises Refused: for keys that no row can have.
    """
    order.check(after)
    return sum(1 for row in rows if not order.is_beyond(row["_keys"], after))


def ask(asker: Asker, question: Question) -> ReportAnswer:
    """Answer a question.

    :raises Refused: for anything it names that is not there.
    """
    asker, moment = _in_time(asker, question)
    if question.source == "overview":
        columns, rows = overview.rows(asker, question)
        order = overview.order_of(question)
        after = cursors.read(question, order.length)
        start = 0 if after is None else _begins(rows, order, after)
        part = rows[start : start + question.limit]
        more = len(rows) > start + question.limit
        following = cursors.written(question, part[-1]["_keys"]) if more else None
        return ReportAnswer(columns, part, following, len(rows), moment)
    return replace(Query(asker, question).page(), moment=moment)


def whole(asker: Asker, question: Question) -> WholeReport:
    """All rows of a report; refused before the first of them.

    :raises Refused: for anything it names that is not there.
    """
    asker, moment = _in_time(asker, question)
    if question.source == "overview":
        columns, rows = overview.rows(asker, question)
        return WholeReport(columns, iter([rows]), moment)
    query = Query(asker, question)
    return WholeReport(query.columns, query.parts(), moment, query.tables)


def _in_time(asker: Asker, question: Question) -> tuple[Asker, Moment | None]:
    if not question.as_of:
        return asker, None
    source = source_named(question.source)
    if not source.as_of:
        raise RefusedReport(f"'{source.name}' cannot be asked as of a day; membership, learners and overview can.")
    return asker_as_of(asker, question)
