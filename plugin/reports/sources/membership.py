"""``membership``: a learner, a certification and an assignment that matches her now."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from plugin.core.database.bulk import among
from plugin.enrolment.codes import WITHDRAWN
from plugin.reports.asking.reader import Asker
from plugin.reports.columns import FLAG, INSTANT, SETTING, TEXT, WORD, Column, ReportSource, Row
from plugin.reports.sources import assignment_names
from plugin.reports.sources.assigned_since import since
from plugin.reports.sources.cells import CERTIFICATION, OF_ENROLMENT, OF_HOST, OVERDUE, flag, text
from plugin.reports.sources.learners import TYPES
from plugin.reports.sources.people import PERSON


def _name(asker: Asker, rows: Sequence[Row]) -> list[str]:
    named = assignment_names.named(asker, {row["_assignment"] for row in rows})
    return [named[row["_assignment"]][3] for row in rows]


def _setting(asker: Asker, rows: Sequence[Row]) -> list[Any]:
    settings = asker.memo.get("settings_then")
    if settings is None:
        settings = asker.memo.setdefault("settings", {})
        if missing := sorted({row["_assignment"] for row in rows} - settings.keys()):
            some = among("id", np.array(missing))
            sql = f"SELECT id, CAST(due AS TEXT) FROM assignment WHERE host_id = ? AND {some}"
            settings.update({row[0]: json.loads(row[1]) for row in asker.rows(sql, asker.host_id)})
    return [settings.get(row["_assignment"]) for row in rows]


def _include(asker: Asker, rows: Sequence[Row]) -> list[str | None]:
    then: dict[int, str | None] = asker.memo["includes_then"]
    return [then.get(row["_assignment"]) for row in rows]


INCLUDE_THEN = Column("include", WORD, late=_include, words=("below", "direct"))
"""Of a day that is past, as it was saved then."""


COLUMNS = (
    *CERTIFICATION,
    *PERSON,
    Column("assignment_type", WORD, "a.type", words=TYPES),
    Column("assignment_name", TEXT, late=_name),
    Column("assignment", TEXT, "a.type || ':' || a.target", known="assignment"),
    Column("include", WORD, text("a.include"), words=("below", "direct")),
    Column("assignment_due", SETTING, late=_setting),
    Column("gives_due", FLAG, flag("e.due IS NOT NULL AND e.due_from = a.id")),
    Column("since", INSTANT, late=since),
)


def base(*, sqlite: bool) -> str:
    """The rows of learners, each with the members of the set of assignments that holds her."""
    if sqlite:  # in this order: from an assignment there is no way to the sets that hold it
        join, member, number = "CROSS JOIN", "CROSS JOIN json_each(w.assignments) v ON 1", "v.value"
    else:
        join, member = "JOIN", "CROSS JOIN json_array_elements_text(w.assignments) v(one)"
        number = "CAST(v.one AS INT)"
    return (
        f"{OF_ENROLMENT} {join} why_set w ON w.host_id = e.host_id AND w.id = e.why {member}"
        f" {join} assignment a ON a.host_id = e.host_id AND a.id = {number}"
    )


def held_by(_asker: Asker, assignments: set[int]) -> str:
    """Condition: the row is of any of these."""
    return f"a.id IN ({', '.join(map(str, sorted(assignments))) or 'NULL'})"


SOURCE = ReportSource(
    name="membership",
    base="",
    slim="{enrolment} e JOIN why_set w ON w.host_id = e.host_id AND w.id = e.why",
    size="COALESCE(sum(json_array_length(w.assignments)), 0)",
    where=f"{OF_HOST} AND e.state > {WITHDRAWN}",
    columns=COLUMNS,
    keys={"_certification": "e.certification", "_person": "e.person", "_assignment": "a.id", "_began": "e.began"},
    ties=("p.ext", "c.code", "a.type || ':' || a.target"),
    identity=("_certification", "_person", "_assignment"),
    default=(
        "certification", "certification_name", "person", "name",
        *(one.name for one in COLUMNS[len(CERTIFICATION) + len(PERSON) :]),
    ),
    certification="e.certification",
    person="e.person",
    overdue=OVERDUE,
    as_of=True,
    held_by=held_by,
)  # fmt: skip
