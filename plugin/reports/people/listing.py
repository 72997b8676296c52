"""Everybody the learning site knows as a list: where each works, and how she stands in the certifications a reader sees."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyroaring import BitMap

from plugin.mirror.lookup.search import find
from plugin.mirror.tables import DELETED
from plugin.reports.asking.learner_sets import found, people_of
from plugin.reports.asking.reader import Asker, condition_of
from plugin.reports.columns import Row
from plugin.reports.sources.cells import ACTIVE, OVERDUE
from plugin.reports.sources.people import PERSON

_JOBS = {one.name: one.late for one in PERSON if one.name in ("organisation", "position", "manager")}
_COLUMNS = ("_person", "person", "name", "username", "email", "account")


@dataclass(frozen=True)
class ListedPerson:
    """One person. ``organisation``, ``position`` and ``manager`` are of her current jobs, several joined.

    :ivar enrolled: certifications she is active in. :ivar overdue: of these, past their due date.
    """

    person: str
    name: str
    known_by: str
    suspended: bool
    organisation: str
    position: str
    manager: str
    enrolled: int
    overdue: int


def listed(
    asker: Asker,
    *,
    query: str = "",
    unit: tuple[str, str] | None = None,
    limit: int,
    offset: int,
    backwards: bool = False,
) -> tuple[int, list[ListedPerson]]:
    """People by name, those whom the query names exactly first, and how many there are in all.

    :param unit: a kind and the host's id: only who works there or below. :param backwards: from Z to A.
    :raises Refused: for a unit that there is not.
    """
    if unit is None:
        answer = find(asker.session, asker.host_id, "person", query, limit=limit, offset=offset, backwards=backwards)
        rows: list[Row] = [
            dict(zip(_COLUMNS, (one.id, one.ext, one.name, one.username, one.email, one.state), strict=True))
            for one in answer.rows
        ]
        return answer.total, _filled(asker, rows)
    people = people_of(asker, unit[0], [unit[1]])
    if asker.reader.people is not None:
        people &= asker.reader.people
    if query.strip():
        people &= found(asker, [query])
    condition, values = condition_of(asker, "id", people)
    where = f"FROM person WHERE host_id = ? AND state <> {DELETED} AND {condition}"
    total = int(asker.rows(f"SELECT count(*) {where}", asker.host_id, *values)[0][0])
    order = "name DESC, id DESC" if backwards else "name, id"
    sql = f"SELECT id, ext, name, username, email, state {where} ORDER BY {order} LIMIT ? OFFSET ?"
    part = asker.rows(sql, asker.host_id, *values, limit, offset)
    return total, _filled(asker, [dict(zip(_COLUMNS, row, strict=True)) for row in part])


def _filled(asker: Asker, rows: Sequence[Row]) -> list[ListedPerson]:
    if not rows:
        return []
    cells = {name: late(asker, rows) for name, late in _JOBS.items() if late is not None}
    counts = _counts(asker, BitMap(row["_person"] for row in rows))
    found = []
    for at, row in enumerate(rows):
        organisation, position, manager = (cells[name][at] or "" for name in ("organisation", "position", "manager"))
        enrolled, overdue = counts.get(row["_person"], (0, 0))
        found.append(
            ListedPerson(row["person"], row["name"] or row["person"], row["username"] or row["email"], row["account"] == 1,
                   organisation, position, manager, enrolled, overdue)
        )  # fmt: skip
    return found


def _counts(asker: Asker, people: BitMap) -> dict[int, tuple[int, int]]:
    """By person how many certifications she is active in, and overdue in."""
    condition, values = condition_of(asker, "e.person", people)
    if asker.reader.certifications is not None:
        condition += f" AND e.certification IN ({', '.join(map(str, sorted(asker.reader.certifications))) or 'NULL'})"
    overdue = OVERDUE.replace(":now", str(asker.now))
    sql = (
        f"SELECT e.person, count(*), sum(CASE WHEN {overdue} THEN 1 ELSE 0 END) FROM enrolment e"
        f" WHERE e.host_id = ? AND {ACTIVE} AND {condition} GROUP BY e.person"
    )
    return {row[0]: (int(row[1]), int(row[2])) for row in asker.rows(sql, asker.host_id, *values)}
