"""``courses``: a learner, a certification and a course on the path she is on."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyroaring import BitMap

from plugin.delivery.tables import CONFIRMED, WANTS
from plugin.enrolment.codes import CERTIFIED, DISMISSED, EXPIRED, HELD_BY_EXCEPTION, WINDOW_OPEN, WITHDRAWN
from plugin.enrolment.terms import Terms
from plugin.reports.asking.reader import Asker
from plugin.reports.asking.statement import Statement, aliases_of
from plugin.reports.columns import INSTANT, TEXT, WORD, Column, ReportSource, Row, words_sql
from plugin.reports.sources.cells import CERTIFICATION, OF_ENROLMENT, OF_HOST, OVERDUE, text
from plugin.reports.sources.learners import held_by
from plugin.reports.sources.people import PERSON
from plugin.reports.sources.progress import terms

_PATH = f"CASE WHEN e.state IN ({CERTIFIED}, {WINDOW_OPEN}) THEN 'recertification' ELSE 'certification' END"
_PLACES = (
    "(SELECT host_id, certification, path, course, min(position) AS position FROM course_set"
    " GROUP BY host_id, certification, path, course)"
)
"""A course that stands in several sets of a path stands in the first."""
_DONE = (
    f"(SELECT CASE WHEN e.state = {CERTIFIED} THEN max(o.at) ELSE min(o.at) END FROM completion o"
    " WHERE o.host_id = e.host_id AND o.person = e.person AND o.course = t.course AND NOT o.gone AND NOT o.reset"
    f" AND +o.at <= :now AND (e.state NOT IN ({WINDOW_OPEN}, {EXPIRED}) OR o.at > e.window_opens))"
)
"""Found by person and course: the plus keeps SQLite from reading every completion until now. The completion that counts on the
path she is on: the first, in a cycle after the first one since her window opened.
Somebody certified has her next path before her: the last time she completed the course."""


def _set(asker: Asker, rows: Sequence[Row]) -> list[str | None]:
    said = terms(asker, {row["_certification"] for row in rows})
    found: list[str | None] = []
    for row in rows:
        one = said.get(row["_certification"])
        content = one.content if one is not None else None
        path = () if content is None else content.certification
        if content is not None and row["_path"] == "recertification":
            path = content.recertification_path
        found.append(path[row["_position"]].name or None if row["_position"] < len(path) else None)
    return found


def _why_not(asker: Asker, rows: Sequence[Row]) -> list[str | None]:
    said = terms(asker, {row["_certification"] for row in rows})
    return [None if row["_want"] == "in" else _reason(row, said.get(row["_certification"]), asker.now) for row in rows]


def _reason(row: Row, one: Terms | None, now: int) -> str:
    if row["_frozen"] is not None:
        return "suspended at the learning site"
    if row["_hold"] == HELD_BY_EXCEPTION:
        return "an exception waits for an answer"
    if row["_hold"] == DISMISSED:
        return "not to be assigned"
    if row["_done"] is not None:
        return "completed"
    if row["_state"] == CERTIFIED:
        return "opens with the window"
    if one is not None and not one.live(now):
        return "the certification is not live"
    if one is not None and one.enrol == "on_open":
        return "opens when the learner opens it"
    return "the sets before it are not done"


COLUMNS = (
    *CERTIFICATION,
    *PERSON,
    Column("course", TEXT, "k.ext", known="course"),
    Column("course_name", TEXT, text("k.name")),
    Column("set", TEXT, late=_set),
    Column("want", WORD, f"COALESCE({words_sql('s.wanted', WANTS)}, 'out')", words=WANTS, code="COALESCE(s.wanted, 0)"),
    Column(
        "confirmed",
        WORD,
        f"COALESCE({words_sql('s.confirmed', CONFIRMED)}, 'none')",
        words=CONFIRMED,
        code="COALESCE(s.confirmed, 0)",
    ),  # fmt: skip
    Column("completed_at", INSTANT, _DONE),
    Column("why_not", TEXT, late=_why_not),
)
_OF_PATH = (
    f" JOIN {_PLACES} t ON t.host_id = e.host_id AND t.certification = e.certification"
    f" AND t.path = {_PATH} JOIN course k ON k.host_id = e.host_id AND k.id = t.course"
)
SOURCE = ReportSource(
    name="courses",
    base=(
        f"{OF_ENROLMENT}{_OF_PATH}"
        " LEFT JOIN seat s ON s.host_id = e.host_id AND s.course = t.course AND s.person = e.person"
    ),
    slim=(
        f"{{enrolment}} e JOIN {_PLACES} t ON t.host_id = e.host_id AND t.certification = e.certification"
        f" AND t.path = {_PATH}"
    ),
    where=f"{OF_HOST} AND e.state > {WITHDRAWN}",
    columns=COLUMNS,
    keys={
        "_certification": "e.certification", "_person": "e.person", "_path": "t.path", "_position": "t.position",
        "_want": f"COALESCE({words_sql('s.wanted', WANTS)}, 'out')", "_frozen": "e.frozen_since", "_hold": "e.hold",
        "_state": "e.state", "_done": _DONE, "_course": "t.course",
    },
    ties=("p.ext", "c.code", "k.ext"),
    identity=("_certification", "_person", "_course"),
    default=(
        "certification", "certification_name", "person", "name",
        *(one.name for one in COLUMNS[len(CERTIFICATION) + len(PERSON) :]),
    ),
    certification="e.certification",
    person="e.person",
    overdue=OVERDUE,
    held_by=held_by,
)  # fmt: skip


def in_order(base: str) -> str:
    """The tables for SQLite where learners come first, in their order: it would begin with the paths, and sort every row."""
    return base.replace(_OF_PATH, _OF_PATH.replace(" JOIN ", " CROSS JOIN "))


_FEW = 20_000


def with_such_seats(statement: Statement) -> BitMap | None:
    """The people whose seats are such as the conditions ask; ``None`` where who has no seat is one of them, or they are
    very many."""
    asker, left, asked = statement.asker, list(statement.values), list[str]()
    values: list[Any] = []
    for condition in statement.conditions:
        its = [left.pop(0) for _mark in range(condition.count("?"))]
        if aliases_of(condition) == {"s"}:
            asked.append(condition)
            values += its
    where = " AND ".join(asked)
    nothing = "SELECT 1 FROM (SELECT CAST(NULL AS INT) AS wanted, CAST(NULL AS INT) AS confirmed) s"
    if not asked or asker.rows(f"{nothing} WHERE {where}", *values):
        return None
    sql = f"SELECT DISTINCT s.person FROM seat s WHERE s.host_id = ? AND {where} LIMIT {_FEW + 1}"
    people = BitMap(row[0] for row in asker.rows(sql, asker.host_id, *values))
    return people if len(people) <= _FEW else None
