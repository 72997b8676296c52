"""``learners``: a learner and certification, her latest spell."""

from __future__ import annotations

import json
from collections.abc import Sequence

from plugin.enrolment.codes import EXCEPTION_TYPES, EXEMPT, HOLDS, STATES, WITHDRAWN
from plugin.mirror.tables import SUSPENDED
from plugin.reports.asking.reader import Asker
from plugin.reports.columns import FLAG, INSTANT, NUMBER, TEXT, WORD, Column, ReportSource, Row, words_sql
from plugin.reports.sources import assignment_names, progress
from plugin.reports.sources.cells import ACTIVE, CERTIFICATION, OF_ENROLMENT, OF_HOST, OVERDUE, STATE, flag
from plugin.reports.sources.people import PERSON

TYPES = ("organisation", "position", "audience", "manager", "individual", "group")
_LIVE = f"e.state > {WITHDRAWN}"
_WHY = f"CASE WHEN {_LIVE} THEN e.why ELSE 0 END"
_HELD = tuple(word for word in HOLDS if word)
DAYS = f"CASE WHEN {OVERDUE} THEN CASE WHEN {{today}} > {{due}} THEN {{today}} - {{due}} ELSE 1 END ELSE 0 END"
"""Calendar days in the host's zone, at least one once overdue."""

_SUSPENDED_NOW = f"(({ACTIVE} AND e.frozen_since IS NOT NULL) OR (NOT {ACTIVE} AND p.state = {SUSPENDED}))"
"""Of whoever is enrolled as it was settled, so that they are the people behind the number of ``overview``."""

COLUMNS = (
    *CERTIFICATION,
    *PERSON,
    Column("state", WORD, STATE, words=STATES, code="e.state"),
    Column("active", FLAG, flag(ACTIVE)),
    Column("suspended", FLAG, flag(_SUSPENDED_NOW)),
    Column("held", WORD, f"CASE WHEN {_LIVE} THEN {words_sql('e.hold', HOLDS)} END", words=_HELD),
    Column("enrolled_at", INSTANT, "e.began"),
    Column("due", INSTANT, "e.due"),
    Column("due_from", TEXT, "d.type || ':' || d.target", known="assignment"),
    Column("days_overdue", NUMBER, DAYS),
    Column("completed_at", INSTANT, "e.certified_at"),
    Column("certified_at", INSTANT, "CASE WHEN c.kind = 'program' THEN NULL ELSE e.certified_at END"),
    Column("expires", INSTANT, "e.expires"),
    Column("window_opens", INSTANT, "e.window_opens"),
    Column("cycle", NUMBER, "e.cycle"),
    Column("progress", TEXT, late=progress.late),
    Column(
        "assignment_types",
        WORD,
        late=assignment_names.joined(1),
        words=TYPES,
        parts=True,
        among=assignment_names.passing(1, _WHY),
    ),
    Column(
        "assignment_names", TEXT, late=assignment_names.joined(3), parts=True, among=assignment_names.passing(3, _WHY)
    ),
    Column("exception", WORD, words_sql("x.type", EXCEPTION_TYPES), words=EXCEPTION_TYPES),
    Column("exempt_until", INSTANT, f"CASE WHEN e.hold = {EXEMPT} AND m.until > :now THEN m.until END"),
    Column("withdrawn_at", INSTANT, f"CASE WHEN e.state = {WITHDRAWN} THEN e.ended END"),
    Column("leaves_on", INSTANT, f"CASE WHEN {_LIVE} THEN e.leaves_on END"),
)


def _exempt_then(asker: Asker, rows: Sequence[Row]) -> list[int | None]:
    """Until when, by the last decision before the moment: later ones overwrote its row, the history keeps it."""
    if "exempt_then" not in asker.memo:
        sql = (
            "SELECT certification, person, CAST(data AS TEXT) FROM journal WHERE host_id = ? AND what = 'exempted'"
            " AND at <= ? ORDER BY n"
        )
        told = asker.rows(sql, asker.host_id, asker.now)
        asker.memo["exempt_then"] = {(row[0], row[1]): json.loads(row[2] or "{}").get("until") for row in told}
    known: dict[tuple[int, int], int | None] = asker.memo["exempt_then"]
    found: list[int | None] = []
    for row in rows:
        until = known.get((row["_certification"], row["_person"])) if row["_hold"] == EXEMPT else None
        found.append(until if until is not None and until > asker.now else None)
    return found


EXEMPT_THEN = Column("exempt_until", INSTANT, late=_exempt_then)
"""Of a moment that is past."""


def held_by(asker: Asker, assignments: set[int]) -> str:
    """Condition: any of these assignments holds the learner."""
    return f"({_LIVE} AND e.why IN ({', '.join(map(str, assignment_names.naming(asker, assignments))) or 'NULL'}))"


_OF_E = "{0}.host_id = e.host_id AND {0}.certification = e.certification AND {0}.person = e.person"
SOURCE = ReportSource(
    name="learners",
    base=OF_ENROLMENT,
    slim="{enrolment} e",
    where=OF_HOST,
    columns=COLUMNS,
    keys={
        "_certification": "e.certification", "_person": "e.person", "_why": _WHY,
        "_state": "e.state", "_window_opens": "e.window_opens", "_hold": "e.hold",
    },
    ties=("p.ext", "c.code"),
    default=(
        "certification", "certification_name", "person", "name",
        *(one.name for one in COLUMNS[len(CERTIFICATION) + len(PERSON) :]),
    ),
    joins={
        "d": "LEFT JOIN assignment d ON d.host_id = e.host_id AND d.id = e.due_from",
        "x": "LEFT JOIN {exception} x ON " + _OF_E.format("x"),
        "m": "LEFT JOIN exemption m ON " + _OF_E.format("m"),
    },
    certification="e.certification",
    person="e.person",
    overdue=OVERDUE,
    as_of=True,
    held_by=held_by,
)  # fmt: skip
