"""A team, or one learner, at a glance: what comes next first, from the same rows as every report."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyroaring import BitMap

from plugin.core.days import DAY
from plugin.enrolment.codes import WINDOW_OPEN
from plugin.mirror.tables import DELETED
from plugin.reports import overview
from plugin.reports.answers import ReportAnswer
from plugin.reports.asking.question import Question, parse_question
from plugin.reports.asking.reader import Asker, condition_of
from plugin.reports.asking.statement import RowOrder
from plugin.reports.catalogue import source_named
from plugin.reports.columns import INSTANT, Column, Row
from plugin.reports.counts.kept import SOON
from plugin.reports.query import Query
from plugin.reports.sources.cells import ACTIVE, TO_DO

_NEXT = Column(
    "next", INSTANT,
    f"CASE WHEN {TO_DO} AND e.state <> {WINDOW_OPEN} THEN e.due WHEN {TO_DO} THEN COALESCE(e.due, e.expires)"
    " ELSE e.expires END",
)  # fmt: skip
"""What comes next for a learner: what she has to complete by when, else the day her certification expires."""
LATE, SOON_DUE, EXPIRING = "overdue", "due_30", "expiring_30"
_ACTIVE = ("active", "true")
_TO_COMPLETE = ("assigned", "in_progress", "window_open", "expired")
_NEXT_FIRST = RowOrder(_NEXT, False, source_named("learners").ties)
SHOWN: dict[str, tuple[tuple[str, str], ...]] = {
    LATE: (("overdue", "true"),),
    SOON_DUE: (("due.next", str(SOON // DAY)), *(("state", one) for one in _TO_COMPLETE)),
    EXPIRING: (("expires.next", str(SOON // DAY)), ("state", "certified"), ("state", "window_open")),
}  # fmt: skip
"""Filters of the numbers at the head of the page, as reports take them."""
COLUMNS = (
    "person", "name", "username", "email", "organisation", "position", "account_state", "certification",
    "certification_name", "state", "due", "days_overdue", "expires", "window_opens", "certified_at", "completed_at",
    "progress", "enrolled_at",
)  # fmt: skip


def glance_question(pairs: Sequence[tuple[str, str]], *, sort: str = "", limit: int = 50) -> Question:
    """The question of a glance. :param sort: a column, else what comes next is first."""
    named = [("columns", ",".join(COLUMNS)), ("limit", str(limit)), *([("sort", sort)] if sort else [])]
    return parse_question("learners", [*named, _ACTIVE, *pairs])


def glance(asker: Asker, question: Question, page: int = 1) -> ReportAnswer:
    """A page of it.

    :raises Refused: for a filter or order that is not there.
    """
    return Query(asker, question, None if question.sort else _NEXT_FIRST).numbered(page)


def to_remind(asker: Asker, pairs: Sequence[tuple[str, str]]) -> Iterator[list[Row]]:
    """Everybody whom these filters show, who is active and has something to complete, what comes next first, in parts.

    :raises Refused: for a filter that is not there.
    """
    states = [] if any(name == "state" for name, _value in pairs) else [("state", one) for one in _TO_COMPLETE]
    filters = [*pairs, ("account_state", "active"), *states]
    question = parse_question("learners", [("columns", "person"), _ACTIVE, *filters])
    return Query(asker, question, _NEXT_FIRST).parts()


def numbers(asker: Asker) -> dict[str, int]:
    """Enrolled, overdue, due and expiring within thirty days, certified: over all certifications."""
    _columns, rows = overview.rows(asker, parse_question("overview", []))
    names = ("enrolled", "certified", LATE, SOON_DUE, EXPIRING)
    return {name: sum(int(row[name]) for row in rows) for name in names}


def without_any(asker: Asker) -> list[tuple[int, str]]:
    """Those of the reader's people who are enrolled in nothing, by name: our id, and the name."""
    people = asker.reader.people or BitMap()
    among, values = condition_of(asker, "p.id", people)
    sql = (
        f"SELECT p.id, p.name FROM person p WHERE p.host_id = ? AND {among} AND p.state <> {DELETED} AND NOT EXISTS"
        f" (SELECT 1 FROM enrolment e WHERE e.host_id = p.host_id AND e.person = p.id AND {ACTIVE}) ORDER BY p.name, p.id"
    )
    return [(int(row[0]), str(row[1])) for row in asker.rows(sql, asker.host_id, *values)]
