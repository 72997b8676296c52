"""Rows of ``membership`` by learner: an assignment's filters are asked of the few sets of assignments, not of every row."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from functools import cached_property
from typing import Any

from plugin.reports.asking.statement import RowOrder, Sql, Statement, aliases_of
from plugin.reports.sources import assignment_names
from plugin.reports.sources.cells import BY_PERSON, OF_ENROLMENT, OF_HOST

_LEARNER = {"e", "c", "p"}


class MembershipQuestion:
    """What a question about membership asks of learners, and what of assignments.

    :ivar mixed: it asks something of both together, so that neither tells.
    """

    def __init__(self, statement: Statement) -> None:
        self.statement, self.mixed = statement, False
        self._learners: Sql = ("", [])
        self._assignments: Sql = ("", [])
        left = list(statement.values)
        for condition in statement.conditions:
            values = [left.pop(0) for _mark in range(condition.count("?"))]
            asked = aliases_of(statement.filled(condition))
            if asked <= {"a"}:
                self._assignments = _and(self._assignments, condition, values)
            elif asked <= _LEARNER:
                self._learners = _and(self._learners, condition, values)
            else:
                self.mixed = True

    @cached_property
    def wanted(self) -> dict[int, frozenset[int]]:
        """By set of assignments, those of its members that are asked for; sets without any are left out."""
        asker, (condition, values) = self.statement.asker, self._assignments
        sets = assignment_names.sets(asker)
        if not condition:
            return {why: frozenset(members) for why, members in sets.items() if members}
        sql = f"SELECT a.id FROM assignment a WHERE a.host_id = ?{self.statement.filled(condition)}"
        wanted = frozenset(row[0] for row in asker.rows(sql, asker.host_id, *values))
        found = ((why, wanted.intersection(members)) for why, members in sets.items())
        return {why: some for why, some in found if some}

    def count(self) -> int:
        """How many rows there are."""
        statement, wanted = self.statement, self.wanted
        condition, values = self._learners
        where = statement.filled(f"{statement.source.where}{condition}")
        base = "{enrolment} e" if aliases_of(where) <= {"e"} else OF_ENROLMENT
        sql = f"SELECT e.why, count(*) FROM {statement.filled(base)} WHERE {where} GROUP BY e.why"
        rows = statement.asker.rows(sql, statement.asker.host_id, *values)
        return sum(count * len(wanted.get(why, ())) for why, count in rows)

    def first(self, after: list[Any] | None, limit: int) -> list[tuple[int, int]]:
        """Certification and person of the first learners, in the order of rows: each has a row at least.

        :param after: keys of a row; the learner it is of comes first, who may have more.
        """
        statement, (condition, values) = self.statement, self._learners
        where = f"{statement.source.where} AND e.why IN ({', '.join(map(str, self.wanted)) or 'NULL'}){condition}"
        base = OF_ENROLMENT
        if statement.asker.sqlite:
            base, where = BY_PERSON, where.replace(OF_HOST, "e.host_id = ?")
        keys = ", ".join(statement.ordered(one, text=True) for one in statement.source.ties[:2])
        if after is not None:
            RowOrder(None, False, statement.source.ties).check(after)
            where, values = f"{where} AND ({keys}) >= (?, ?)", [*values, *after[:2]]
        sql = f"SELECT e.certification, e.person FROM {base} WHERE {where} ORDER BY {keys} LIMIT {int(limit)}"
        return [
            (row[0], row[1]) for row in statement.asker.rows(statement.filled(sql), statement.asker.host_id, *values)
        ]


def _and(sql: Sql, condition: str, values: list[Any]) -> Sql:
    return f"{sql[0]} AND {condition}", [*sql[1], *values]
