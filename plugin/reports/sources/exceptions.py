"""``exceptions``: an exception, open or answered."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Sequence

from pyroaring import BitMap

from plugin.enrolment.codes import EXCEPTION_TYPES
from plugin.reports.asking.reader import Asker
from plugin.reports.columns import INSTANT, TEXT, WORD, Column, ReportSource, Row, words_sql
from plugin.reports.sources.cells import CERTIFICATION, OVERDUE, of_enrolment
from plugin.reports.sources.learners import held_by
from plugin.reports.sources.people import PERSON

ANSWERS = ("realistic", "assign", "dismiss")
_KEYS = "o.host_id = q.host_id AND o.certification = q.certification AND o.person = q.person"
_ROWS = (
    "(SELECT q.host_id, q.certification, q.person, q.type, q.since, q.wanted_due, o.action, o.at, o.who, 1 AS latest"
    f" FROM exception q LEFT JOIN decision o ON {_KEYS} AND o.type = q.type AND NOT o.applied"
    " UNION ALL SELECT q.host_id, q.certification, q.person, q.type, q.raised, q.due, q.action, q.at, q.who, 1 FROM decision q"
    f" LEFT JOIN exception o ON {_KEYS} AND o.type = q.type WHERE q.applied OR o.person IS NULL"
    " UNION ALL SELECT q.host_id, q.certification, q.person, q.type, q.raised, q.due, q.action, q.at, q.who, 0"
    " FROM decision_past q)"
)
"""An answer that is not carried out yet stands on the exception it answers. One that another answer to the same learner took the
place of is told from that other by ``latest``."""


def _raised(asker: Asker, rows: Sequence[Row]) -> list[int | None]:
    """Of one answered before releases kept it: when the history says that it was raised last before the answer."""
    told: dict[tuple[int, str], list[tuple[int, BitMap]]] = {}
    for number in {row["_certification"] for row in rows if row["_since"] is None}:
        sql = (
            "SELECT at, reason, people FROM journal WHERE host_id = ? AND certification = ?"
            " AND what = 'exception_raised' AND people IS NOT NULL ORDER BY n"
        )
        for at, reason, people in asker.rows(sql, asker.host_id, number):
            told.setdefault((number, reason), []).append((at, BitMap.deserialize(bytes(people))))
    found: list[int | None] = []
    for row in rows:
        raised = row["_since"]
        for at, people in told.get((row["_certification"], row["_type"]), ()) if raised is None else ():
            if row["_person"] in people and at <= row["_answered"]:
                raised = at
        found.append(raised if raised is not None else row["_answered"])  # by rule: raised and answered at once
    return found


_TYPE = words_sql("q.type", EXCEPTION_TYPES)
COLUMNS = (
    *CERTIFICATION,
    *PERSON,
    Column("type", WORD, _TYPE, words=EXCEPTION_TYPES),
    Column("raised_at", INSTANT, late=_raised),
    Column("wanted_due", INSTANT, "q.wanted_due"),
    Column("answer", WORD, "q.action", words=ANSWERS),
    Column("answered_at", INSTANT, "q.at"),
    Column("answered_by", TEXT, "CASE WHEN q.who = 'rule' THEN 'by rule' ELSE q.who END"),
)
SOURCE = ReportSource(
    name="exceptions",
    base=(
        f"{_ROWS} q JOIN certification c ON c.host_id = q.host_id AND c.id = q.certification"
        " JOIN person p ON p.host_id = q.host_id AND p.id = q.person"
    ),
    where="q.host_id = ?",
    columns=COLUMNS,
    keys={
        "_certification": "q.certification", "_person": "q.person", "_since": "q.since", "_type": _TYPE,
        "_answered": "q.at", "_who": "q.who", "_answer": "q.action", "_latest": "q.latest",
    },
    ties=("p.ext", "c.code", _TYPE, "COALESCE(q.at, 0)", "COALESCE(q.action, '')", "q.latest"),
    identity=("_certification", "_person", "_type", "_answered", "_answer", "_latest"),
    default=(
        "certification", "certification_name", "person", "name",
        *(one.name for one in COLUMNS[len(CERTIFICATION) + len(PERSON) :]),
    ),
    certification="q.certification",
    person="q.person",
    overdue=of_enrolment("q.certification", "q.person", OVERDUE),
    held_by=lambda asker, ids: of_enrolment("q.certification", "q.person", held_by(asker, ids)),
)  # fmt: skip
