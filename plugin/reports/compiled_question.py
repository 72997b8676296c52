"""A question compiled: its source as it is needed, its columns, conditions and order."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from pyroaring import BitMap

from plugin.reports.asking.filters import OPERATORS, where_of
from plugin.reports.asking.learner_sets import KINDS, must_be_a_field
from plugin.reports.asking.membership_rows import MembershipQuestion
from plugin.reports.asking.question import Question
from plugin.reports.asking.reader import Asker, condition_of
from plugin.reports.asking.statement import RowOrder, Statement
from plugin.reports.asking.unknown import RefusedReport, unknown
from plugin.reports.catalogue import SOURCES, as_it_stood, asks_for_people, column_of, columns_of, source_named
from plugin.reports.columns import ReportSource
from plugin.reports.counts.matching import Matching, matching
from plugin.reports.history_learners import by_learner
from plugin.reports.sources import courses, membership
from plugin.reports.sources.cells import BY_PERSON, ENROLMENT_FIRST, OF_ENROLMENT, OF_HOST


def _source_for(asker: Asker, question: Question) -> ReportSource:
    """The source, where the reader may ask for it."""
    allowed = asker.reader.sources
    if allowed is not None and question.source in SOURCES and question.source not in allowed:
        raise unknown("source", question.source, sorted(allowed))
    return source_named(question.source)


class Compiled:
    """One question about one source.

    :raises Refused: for anything that is asked for and is not there.
    """

    def __init__(self, asker: Asker, question: Question, order: RowOrder | None = None) -> None:
        source = _source_for(asker, question)
        if asker.as_of is not None:
            source = as_it_stood(source)
        self.columns = columns_of(source, question.columns)
        if question.by:
            raise RefusedReport("'by' groups the source overview alone.")
        self.asker, self.question = asker, question
        self._must_know_fields()
        self.source = self._at_hand(source)
        self.where = where_of(asker, self.source, question, lambda name: column_of(self.source, name))
        self.order = order or self._order()
        self.statement = Statement(asker, self.source, list(self.where.conditions), list(self.where.values))
        self._rights()
        self.by_keys = replace(self.statement, conditions=[*self.statement.conditions], values=[*self.statement.values])
        if self.people is not None and source.person:
            self._only(self.people)
        if source.name == "courses" and (people := courses.with_such_seats(self.statement)) is not None:
            self._only(people)
        self.reading = replace(self.statement, source=self._in_order(self.source))
        self.members = MembershipQuestion(self.statement) if source.name == "membership" else None

    def _at_hand(self, source: ReportSource) -> ReportSource:
        """The source as this question and database need it."""
        if source.name == "membership":
            return replace(source, base=membership.base(sqlite=self.asker.sqlite))
        if source.name == "history" and self._asks_for_people():
            exploded = by_learner(self.asker, self.question)
            self.columns = columns_of(exploded, self.question.columns)
            return exploded
        return source

    def _must_know_fields(self) -> None:
        asked = [("column", one) for one in (*self.question.columns, self._sorted_by)]
        for name, _value in self.question.filters:
            stem, _dot, operator = name.rpartition(".")
            asked.append(("filter", stem if operator in OPERATORS else name))
        for what, name in asked:
            if name.startswith("fields.") and name != "fields.":
                must_be_a_field(self.asker, what, name)

    def _in_order(self, source: ReportSource) -> ReportSource:
        """On SQLite, rows in the order of people are found in it, where nothing else orders them."""
        if self.question.sort or source.order:
            return source
        return self._by_person(source)

    def _asks_for_people(self) -> bool:
        source = source_named("history")
        named = (*self.question.columns, *(name for name, _value in self.question.filters), self._sorted_by)
        stems = tuple(name.partition(".")[0] if not name.startswith("fields.") else name for name in named)
        sets = any(name in (*KINDS, "search", "assignment", "overdue") for name in named)
        return sets or asks_for_people(source, stems) or self.asker.reader.people is not None

    @property
    def _sorted_by(self) -> str:
        return self.question.sort.removeprefix("-")

    def _order(self) -> RowOrder:
        sort = self.question.sort or self.source.order
        if not sort:
            return RowOrder(None, False, self.source.ties)
        column = column_of(self.source, sort.removeprefix("-"))
        if column is None:
            raise unknown("column", sort.removeprefix("-"), [one.name for one in self.source.columns])
        return RowOrder(column, sort.startswith("-"), self.source.ties)

    def _rights(self) -> None:
        reader, statement = self.asker.reader, self.statement
        if reader.certifications is not None and self.source.certification:
            listed = ", ".join(map(str, sorted(reader.certifications))) or "NULL"
            statement.conditions.append(f"{self.source.certification} IN ({listed})")

    def _only(self, people: BitMap) -> None:
        condition, values = condition_of(self.asker, self.source.person, people)
        self.statement.conditions.append(condition)
        self.statement.values += values

    def _by_person(self, source: ReportSource) -> ReportSource:
        if not self.asker.sqlite:
            return source
        base = courses.in_order(source.base.replace(OF_ENROLMENT, BY_PERSON))
        return replace(source, base=base, where=source.where.replace(OF_HOST, "e.host_id = ?"))

    def _found_first(self, source: ReportSource) -> ReportSource:
        """On SQLite, enrolments are found before all else: a condition leaves few of them."""
        if not self.asker.sqlite:
            return source
        return replace(source, base=source.base.replace(OF_ENROLMENT, ENROLMENT_FIRST))

    @cached_property
    def people(self) -> BitMap | None:
        """Who is asked about, by filters and rights together; ``None``: everybody."""
        people, hers = self.where.people, self.asker.reader.people
        if hers is not None:
            people = hers if people is None else people & hers
        return people

    @cached_property
    def kept(self) -> Matching | None:
        """The rows asked for among those that the process keeps; ``None`` where these do not tell."""
        return matching(self.asker, self.question, self.people, lambda name: column_of(self.source, name))
