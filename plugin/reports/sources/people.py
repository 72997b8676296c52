"""The person columns of every source with a person (contract, 2.1)."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from pyroaring import BitMap

from plugin.mirror.tables import DELETED
from plugin.reports.asking.reader import Asker, condition_of
from plugin.reports.columns import TEXT, Column, Row
from plugin.reports.sources.cells import ACCOUNT, text

_JOBS = (
    "SELECT j.person, j.organisation, j.position, CASE WHEN j.temporary THEN NULL WHEN j.manager_job_ext <> ''"
    " THEN b.person ELSE j.manager END"
    " FROM job j LEFT JOIN job b ON b.host_id = j.host_id AND b.id = j.manager_job AND NOT b.gone"
    " WHERE j.host_id = ? AND NOT j.gone AND (j.starts IS NULL OR j.starts <= ?) AND (j.ends IS NULL OR j.ends > ?)"
    " AND {people} ORDER BY j.person, j.id"
)
Job = tuple[int, int | None, int | None, int | None]


def _jobs(asker: Asker, rows: Sequence[Row]) -> dict[int, list[Job]]:
    """Current jobs of the people of these rows."""
    people = BitMap(row["_person"] for row in rows if row["_person"] is not None)
    kept: tuple[BitMap, dict[int, list[Job]]] | None = asker.memo.get("jobs")
    if kept is not None and kept[0] == people:
        return kept[1]
    where, values = condition_of(asker, "j.person", people)
    now = asker.population.as_of
    found: dict[int, list[Job]] = {}
    for row in asker.rows(_JOBS.format(people=where), asker.host_id, now, now, *values):
        found.setdefault(row[0], []).append((row[0], row[1], row[2], row[3]))
    asker.memo["jobs"] = (people, found)
    return found


def _units(asker: Asker) -> dict[int, tuple[str, int | None]]:
    """Every unit's name and parent."""
    if "units" not in asker.memo:
        sql = "SELECT id, name, ext, parent FROM unit WHERE host_id = ? AND NOT gone"
        asker.memo["units"] = {row[0]: (row[1] or row[2], row[3]) for row in asker.rows(sql, asker.host_id)}
    found: dict[int, tuple[str, int | None]] = asker.memo["units"]
    return found


def path_of(asker: Asker, unit: int) -> str:
    """A unit's name with those above it, the highest first."""
    units, names, seen = _units(asker), [], set()
    at: int | None = unit
    while at is not None and at in units and at not in seen:
        seen.add(at)
        names.append(units[at][0])
        at = units[at][1]
    return " / ".join(reversed(names))


def _named(asker: Asker, people: Iterable[int], column: str) -> dict[int, str]:
    where, values = condition_of(asker, "id", BitMap(people))
    sql = f"SELECT id, {column} FROM person WHERE host_id = ? AND state <> {DELETED} AND {where}"
    return {row[0]: row[1] for row in asker.rows(sql, asker.host_id, *values)}


def _joined(values: Iterable[str | None]) -> str | None:
    return "; ".join(dict.fromkeys(value for value in values if value)) or None


def _of_units(place: int, *, whole: bool = False) -> Any:
    def late(asker: Asker, rows: Sequence[Row]) -> list[str | None]:
        jobs, units = _jobs(asker, rows), _units(asker)

        def name(unit: Any) -> str | None:
            if unit is None or unit not in units:
                return None
            return path_of(asker, unit) if whole else units[unit][0]

        return [_joined(name(job[place]) for job in jobs.get(row["_person"], ())) for row in rows]

    return late


def _of_manager(column: str) -> Any:
    def late(asker: Asker, rows: Sequence[Row]) -> list[str | None]:
        jobs = _jobs(asker, rows)
        managers = {job[3] for theirs in jobs.values() for job in theirs if job[3] is not None}
        names = _named(asker, managers, column)
        return [
            _joined(
                names.get(job[3]) for job in jobs.get(row["_person"], ()) if job[3] is not None and job[3] != job[0]
            )
            for row in rows
        ]

    return late


def field_column(name: str) -> Column:
    """A profile field of the host's."""

    def late(asker: Asker, rows: Sequence[Row]) -> list[str | None]:
        where, values = condition_of(asker, "id", BitMap(row["_person"] for row in rows if row["_person"] is not None))
        there = f" AND state <> {DELETED}" if asker.as_of is not None else ""  # of a day that is past, like a name
        sql = f"SELECT id, CAST(fields AS TEXT) FROM person WHERE host_id = ? AND {where}{there}"
        found = {row[0]: json.loads(row[1] or "{}").get(name) for row in asker.rows(sql, asker.host_id, *values)}
        told = (found.get(row["_person"]) for row in rows)
        return [None if one in (None, "") else one if isinstance(one, str) else json.dumps(one) for one in told]

    return Column(f"fields.{name}", TEXT, late=late)


PERSON = (
    Column("person", TEXT, "p.ext", known="person"),
    Column("username", TEXT, text("p.username")),
    Column("number", TEXT, text("p.number")),
    Column("name", TEXT, text("p.name")),
    Column("email", TEXT, text("p.email")),
    ACCOUNT,
    Column("organisation", TEXT, late=_of_units(1), parts=True),
    Column("organisation_path", TEXT, late=_of_units(1, whole=True), parts=True),
    Column("position", TEXT, late=_of_units(2), parts=True),
    Column("manager", TEXT, late=_of_manager("name"), parts=True),
    Column("manager_email", TEXT, late=_of_manager("email"), parts=True),
)
