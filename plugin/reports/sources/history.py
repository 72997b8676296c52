"""``history``: a thing that happened; down to the learner where a person is asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from plugin.core.clock import format_instant
from plugin.reports.asking.reader import Asker
from plugin.reports.columns import INSTANT, NUMBER, TEXT, Column, ReportSource, Row
from plugin.reports.sources.cells import CERTIFICATION, OVERDUE, of_enrolment, text
from plugin.reports.sources.learners import held_by
from plugin.reports.sources.people import PERSON

_NOBODY = "j.people IS NULL AND j.person IS NULL AND substr(j.what, 1, 6) NOT IN ('export', 'report')"


def _told(name: str) -> Any:
    def late(asker: Asker, rows: Sequence[Row]) -> list[str | None]:
        return [_value(row, name) for row in rows]

    return late


def _value(row: Row, name: str) -> str | None:
    if row["_what"] == "saved" and row["_version"] is not None:
        version = row["_version"] - (name == "before")
        return f"version {version}" if version else None
    data = json.loads(row["_data"] or "{}")
    value = data.get(name)
    if value is None and name == "after":
        value = data.get("until")
        value = format_instant(value) if isinstance(value, int) else value
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True)


def _save(asker: Asker, rows: Sequence[Row]) -> list[int | None]:
    """The number of the save that this follows from."""
    if "saves" not in asker.memo:
        sql = "SELECT certification, version, n FROM journal WHERE host_id = ? AND what = 'saved'"
        asker.memo["saves"] = {(row[0], row[1]): row[2] for row in asker.rows(sql, asker.host_id)}
    return [asker.memo["saves"].get((row["_certification"], row["_version"])) for row in rows]


COLUMNS = (
    *CERTIFICATION,
    *PERSON,
    Column("at", INSTANT, "j.at"),
    Column("who", TEXT, "j.who"),
    Column("what", TEXT, "j.what", known="what"),
    Column("before", TEXT, late=_told("before")),
    Column("after", TEXT, late=_told("after")),
    Column("count", NUMBER, f"CASE WHEN {_NOBODY} THEN 0 ELSE j.count END"),
    Column("reason", TEXT, text("j.reason")),
    Column("save", NUMBER, late=_save),
)
_KEYS = {
    "_certification": "j.certification", "_version": "j.version", "_what": "j.what", "_n": "j.n",
    "_data": "CAST(j.data AS TEXT)",
}  # fmt: skip
_OF_CERTIFICATION = " LEFT JOIN certification c ON c.host_id = j.host_id AND c.id = j.certification"
_OF_PERSON = " LEFT JOIN person p ON p.host_id = j.host_id AND p.id = {person}"
_DEFAULT = (
    "at", "who", "what", "certification", "certification_name", "before", "after", "count", "reason", "save",
)  # fmt: skip

ENTRIES = ReportSource(
    name="history",
    base="journal j" + _OF_CERTIFICATION + _OF_PERSON.format(person="j.person"),
    where="j.host_id = ?",
    columns=COLUMNS,
    keys={**_KEYS, "_person": "j.person"},
    ties=("j.n",),
    identity=("_n",),
    found_by=("_n",),
    default=_DEFAULT,
    certification="j.certification",
    person="j.person",
    overdue=of_enrolment("j.certification", "j.person", OVERDUE),
    held_by=lambda asker, ids: of_enrolment("j.certification", "j.person", held_by(asker, ids)),
    order="-at",
)
"""One row an entry."""
BY_LEARNER = ReportSource(
    name="history",
    base="told u JOIN journal j ON j.n = u.n" + _OF_CERTIFICATION + _OF_PERSON.format(person="u.person"),
    where="j.host_id = ?",
    columns=tuple(Column("count", NUMBER, "1 + 0") if one.name == "count" else one for one in COLUMNS),
    keys={**_KEYS, "_person": "u.person"},
    ties=("j.n", "COALESCE(u.person, 0)"),
    identity=("_n", "_person"),
    found_by=("_n",),
    default=_DEFAULT,
    certification="j.certification",
    person="u.person",
    overdue=of_enrolment("j.certification", "u.person", OVERDUE),
    held_by=lambda asker, ids: of_enrolment("j.certification", "u.person", held_by(asker, ids)),
    order="-at",
)
"""One row an entry and learner, of the entries and learners in the temporary table ``told``. Rows ordered by a bare 1 would be
ordered by their first column."""
