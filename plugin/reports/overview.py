"""Counts the states of certifications: of everybody, of some, and by unit, manager or assignment."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from pyroaring import BitMap

from plugin.core.database.columns import read_columns
from plugin.enrolment.codes import (
    ASSIGNED,
    CERTIFIED,
    COMPLETE,
    EXPIRED,
    HELD_BY_EXCEPTION,
    IN_PROGRESS,
    WINDOW_OPEN,
    WITHDRAWN,
)
from plugin.reports.asking import learner_sets
from plugin.reports.asking.filters import names_of, where_of
from plugin.reports.asking.question import Question
from plugin.reports.asking.reader import Asker, certifications_of, condition_of
from plugin.reports.asking.statement import RowOrder
from plugin.reports.asking.unknown import unknown
from plugin.reports.columns import Column, Row
from plugin.reports.counts.kept import SOON, numbers
from plugin.reports.sources import assignment_names
from plugin.reports.sources.cells import ACTIVE, OF_HOST, OVERDUE, TO_DO
from plugin.reports.sources.groups import OverviewSubject, groups_of
from plugin.reports.sources.overview import BY, NUMBERS, SOURCE, grouped

TOTAL = "Total, each learner once"
_CERTIFIED = f"({ACTIVE} AND e.state IN ({CERTIFIED}, {WINDOW_OPEN}, {COMPLETE}))"
CONDITIONS: Mapping[str, str] = {
    "enrolled": ACTIVE,
    "certified": _CERTIFIED,
    "in_progress": f"({ACTIVE} AND e.state = {IN_PROGRESS})",
    "not_started": f"({ACTIVE} AND e.state = {ASSIGNED})",
    "expired": f"({ACTIVE} AND e.state = {EXPIRED})",
    "suspended": f"({ACTIVE} AND e.frozen_since IS NOT NULL)",
    "held": f"(e.state > {WITHDRAWN} AND e.hold = {HELD_BY_EXCEPTION})",
    "due_30": f"({TO_DO} AND e.due > :now AND e.due <= :now + {SOON})",
    "overdue": OVERDUE,
    "expiring_30": f"({_CERTIFIED} AND e.expires > :now AND e.expires <= :now + {SOON})",
}
"""What each number counts, over rows ``e``."""


def rows(
    asker: Asker, question: Question, *, only: frozenset[str] | None = None
) -> tuple[tuple[Column, ...], list[Row]]:
    """The columns and rows of an overview, in order; each with the keys of that order.

    :param only: rows of these groups alone, by the host's id.
    :raises Refused: for anything that is asked for and is not there.
    """
    if question.by and question.by not in BY:
        raise unknown("grouping", question.by, BY)
    every = grouped(question.by)
    known = {one.name: one for one in every}
    for name in question.columns:
        if name not in known:
            raise unknown("column", name, list(known))
    asked, tests = overview_subject(asker, question, known)
    counted = list(_by(asker, asked, only)) if question.by else list(_plain(asker, asked))
    kept = [row for row in counted if all(test(row[column.name]) for column, test in tests)]
    columns = tuple(known[name] for name in question.columns) or every
    return columns, _sorted(kept, _order(question.sort, known))


TIES = ("certification", "place")
"""What orders rows and tells them apart: the code, then the group, the total last."""
_OF_TOTAL = "2"


def order_of(question: Question) -> RowOrder:
    """How the rows of an overview are ordered.

    :raises Refused: for a column there is not.
    """
    return _order(question.sort, {one.name: one for one in grouped(question.by)})


def _order(sort: str, known: Mapping[str, Column]) -> RowOrder:
    name = sort.removeprefix("-")
    if name and name not in known:
        raise unknown("column", name, list(known))
    return RowOrder(known.get(name), sort.startswith("-"), TIES)


def overview_subject(
    asker: Asker, question: Question, known: Mapping[str, Column] | None = None
) -> tuple[OverviewSubject, list[Any]]:
    """What a question asks about, and tests of the rows counted.

    :raises Refused: for anything that is asked for and is not there.
    """
    known = {one.name: one for one in grouped(question.by)} if known is None else known
    found = asker.rows("SELECT id, code, name FROM certification WHERE host_id = ? ORDER BY code", asker.host_id)
    allowed = certifications_of(asker)
    codes = {row[0]: (row[1], row[2]) for row in found if allowed is None or row[0] in allowed}
    people, assignments = asker.reader.people, None
    grouped_filters: dict[str, list[str]] = {}
    for name, value in question.filters:
        grouped_filters.setdefault(name, []).append(value)
    rest: list[tuple[str, str]] = []
    overdue = None
    for name, given in grouped_filters.items():
        if name in learner_sets.KINDS or name == "search":
            some = learner_sets.found(asker, given) if name == "search" else learner_sets.people_of(asker, name, given)
            people = some if people is None else people & some
        elif name == "assignment":
            assignments = learner_sets.assignments_of(asker, given)
        elif name == "overdue" and set(given) <= {"true", "false"}:
            overdue = given[0] == "true" if len(set(given)) == 1 else None
        elif name.partition(".")[0] not in known:
            raise unknown("filter", name, [*names_of(SOURCE), *learner_sets.KINDS, "search", "assignment"])
        else:
            rest += [(name, value) for value in given]
    where = where_of(asker, SOURCE, Question("overview", filters=tuple(rest)), known.get)
    units = {learner_sets.target_id(asker, name, value) for name, value in question.filters
             if name == question.by and name in ("organisation", "position")}  # fmt: skip
    named = {value for name, value in rest if name == "certification"}
    if named:
        codes = {number: one for number, one in codes.items() if one[0] in named}
    if (saved := asker.memo.get("saved_then")) is not None:  # before its first save a certification is not there
        codes = {number: one for number, one in codes.items() if number in saved}
    return OverviewSubject(codes, people, assignments, question.by, frozenset(units), overdue), where.tests


def _conditions(asker: Asker, asked: OverviewSubject) -> tuple[str, list[Any]]:
    where, values = OF_HOST, [asker.host_id]
    if len(asked.codes) < 50:
        where += f" AND e.certification IN ({', '.join(map(str, asked.codes)) or 'NULL'})"
    if asked.people is not None:
        condition, more = condition_of(asker, "e.person", asked.people)
        where, values = f"{where} AND {condition}", [*values, *more]
    if asked.assignments is not None:
        listed = ", ".join(map(str, assignment_names.naming(asker, asked.assignments))) or "NULL"
        where += f" AND e.state > {WITHDRAWN} AND e.why IN ({listed})"
    return where + _overdue(asked), values


def _overdue(asked: OverviewSubject) -> str:
    """``overdue=true`` counts learners who are overdue alone; ``false`` all others."""
    if asked.overdue is None:
        return ""
    return f" AND {OVERDUE}" if asked.overdue else f" AND NOT COALESCE({OVERDUE}, FALSE)"


def _plain(asker: Asker, asked: OverviewSubject) -> Iterator[Row]:
    """Of everybody as things stand: what the process keeps. Else one scan counts all."""
    everybody = asked.people is None and asked.assignments is None and asked.overdue is None
    found = numbers(asker, asked.codes) if everybody and asker.as_of is None else scanned(asker, asked)
    for number, (code, name) in asked.codes.items():
        yield {**_row(code, name, found.get(number) or dict.fromkeys(NUMBERS, 0)), "_keys": (code, "")}


def scanned(asker: Asker, asked: OverviewSubject) -> dict[int, dict[str, int]]:
    """Numbers by certification, counted in one scan."""
    listed = ", ".join(f"sum(CASE WHEN {CONDITIONS[name]} THEN 1 ELSE 0 END)" for name in NUMBERS)
    where, values = _conditions(asker, asked)
    sql = f"SELECT e.certification, {listed} FROM {asker.enrolment} e WHERE {where} GROUP BY e.certification"
    rows = asker.rows(_filled(asker, sql), *values)
    return {row[0]: {one: int(n) for one, n in zip(NUMBERS, row[1:], strict=True)} for row in rows}


def _filled(asker: Asker, sql: str) -> str:
    return sql.replace(":now", str(asker.now)).replace("{host}", str(int(asker.host_id)))


def _row(code: str, name: str, counts: dict[str, int]) -> Row:
    enrolled = counts["enrolled"]
    return {
        "certification": code, "certification_name": name, **counts,
        "certified_percent": _percent(counts["certified"], enrolled),
        "not_overdue_percent": _percent(enrolled - counts["overdue"], enrolled),
    }  # fmt: skip


def _percent(part: int, whole: int) -> float | None:
    """Floored to one decimal; nothing where nobody is enrolled."""
    return math.floor(1000 * part / whole) / 10 if whole else None


def _by(asker: Asker, asked: OverviewSubject, only: frozenset[str] | None) -> Iterator[Row]:
    groups = groups_of(asker, asked, only)
    for number, (code, name) in asked.codes.items():
        counted = bitmaps(asker, asked, number)
        some = counted["enrolled"] | counted["held"]
        for ext, label, people, of, place in groups:
            if of is not None and of != number:
                continue
            if people.isdisjoint(some):
                continue
            row = _row(code, name, {one: people.intersection_cardinality(counted[one]) for one in NUMBERS})
            yield {asked.by: ext, f"{asked.by}_name": label, **row, "total": False, "_keys": (code, f"1{place}")}
        row = _row(code, name, {one: len(counted[one]) for one in NUMBERS})
        yield {asked.by: None, f"{asked.by}_name": TOTAL, **row, "total": True, "_keys": (code, _OF_TOTAL)}


def bitmaps(asker: Asker, asked: OverviewSubject, number: int) -> dict[str, BitMap]:
    """By number, who is counted."""
    bits = " + ".join(
        f"CASE WHEN {CONDITIONS[name]} THEN {1 << place} ELSE 0 END" for place, name in enumerate(NUMBERS)
    )
    where = f"e.host_id = ? AND e.certification = {int(number)} AND e.state > {WITHDRAWN}"
    if asked.assignments is not None:
        where += f" AND e.why IN ({', '.join(map(str, assignment_names.naming(asker, asked.assignments))) or 'NULL'})"
    where = _filled(asker, where + _overdue(asked))
    table = _filled(asker, f"{asker.enrolment} e")
    people, flags = read_columns(asker.session, table, ["e.person", _filled(asker, bits)], where, asker.host_id)
    found = {}
    for place, name in enumerate(NUMBERS):
        found[name] = BitMap(people[(flags & (1 << place)) != 0].astype(np.uint32))
        if asked.people is not None:
            found[name] &= asked.people
    return found


def _sorted(found: list[Row], order: RowOrder) -> list[Row]:
    """In order, and each row's keys with the value of the order before them."""
    found.sort(key=lambda row: row["_keys"])
    if order.column is None:
        return found
    name = order.column.name
    full = [row for row in found if row[name] is not None]
    full.sort(key=lambda row: row[name], reverse=order.descending)  # equals stay as they stand
    found = full + [row for row in found if row[name] is None]
    for row in found:
        row["_keys"] = (row[name], *row["_keys"])
    return found
