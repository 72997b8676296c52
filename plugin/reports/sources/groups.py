"""Whom the rows of a grouped overview count: units with everything below, teams, and what each assignment holds."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pyroaring import BitMap

from plugin.certifications.resolve import key_of, resolve
from plugin.enrolment.codes import WITHDRAWN
from plugin.reports.asking.reader import Asker
from plugin.reports.sources import assignment_names


@dataclass(frozen=True)
class OverviewSubject:
    """What an overview is asked about: certifications by id, whose learners, what to group by, and under which units."""

    codes: dict[int, tuple[str, str]]
    people: BitMap | None
    assignments: set[int] | None
    by: str
    units: frozenset[int]
    overdue: bool | None = None


Group = tuple[str, str, BitMap, int | None, str]
"""The host's id, a name, its people, the certification it is of where it is of one alone, and its place in the order."""
_BELOW = "\x1f"
"""Between a unit's id and those above it, in its place: whoever is below stands right behind."""


def groups_of(asker: Asker, asked: OverviewSubject, only: frozenset[str] | None) -> list[Group]:
    """Whom each row counts, in the order of rows.

    :param only: these units alone, by the host's id.
    """
    if asked.by == "assignment":
        return _assignments(asker, asked)
    if asked.by == "manager":
        return _managers(asker)
    sql = (
        "SELECT id, ext, name, lft, rgt, parent FROM unit WHERE host_id = ? AND kind = ? AND NOT gone ORDER BY lft, ext"
    )
    units = asker.rows(sql, asker.host_id, asked.by)
    above = {row[0]: (row[1], row[5]) for row in units}
    if asked.units:
        spans = [(row[3], row[4]) for row in units if row[0] in asked.units]
        units = [row for row in units if any(low <= row[3] and row[4] <= high for low, high in spans)]
    if only is not None:
        units = [row for row in units if row[1] in only]
    found = [
        (row[1], row[2] or row[1], resolve(asker.session, asker.population, key_of(asked.by, row[0], "below")), None,
         _place(above, row[0]))
        for row in units
    ]  # fmt: skip
    return sorted(found, key=lambda group: group[4])


def _place(above: Mapping[int, tuple[str, int | None]], unit: int) -> str:
    """A unit's place in the tree, which no other unit's coming or going moves."""
    names: list[str] = []
    at: int | None = unit
    while at is not None and at in above and len(names) < len(above):
        names.append(above[at][0])
        at = above[at][1]
    return _BELOW.join(reversed(names))


def people_of_units(asker: Asker) -> Iterator[tuple[int, BitMap]]:
    """Every organisation by our id, with everybody in it or below it."""
    sql = "SELECT id FROM unit WHERE host_id = ? AND kind = 'organisation' AND NOT gone ORDER BY id"
    for (number,) in asker.rows(sql, asker.host_id):
        yield number, resolve(asker.session, asker.population, key_of("organisation", number, "below"))


def _managers(asker: Asker) -> list[Group]:
    """Everybody others report to, with the direct team of all her jobs."""
    sql = (
        "SELECT DISTINCT p.ext, p.name, j.id FROM job j JOIN person p ON p.host_id = j.host_id AND p.id = j.person"
        " WHERE j.host_id = ? AND NOT j.gone AND (EXISTS (SELECT 1 FROM job r WHERE r.host_id = j.host_id"
        " AND NOT r.gone AND NOT r.temporary AND r.manager_job = j.id) OR EXISTS (SELECT 1 FROM job r"
        " WHERE r.host_id = j.host_id AND NOT r.gone AND NOT r.temporary AND r.manager_job_ext = '' AND r.manager = p.id))"
    )
    found: dict[str, Group] = {}
    for ext, name, job in asker.rows(sql, asker.host_id):
        team = resolve(asker.session, asker.population, key_of("manager", job, "direct"))
        before = found[ext][2] if ext in found else BitMap()
        found[ext] = (ext, name or ext, before | team, None, ext)
    return [found[ext] for ext in sorted(found)]


def _assignments(asker: Asker, asked: OverviewSubject) -> list[Group]:
    """Whom each assignment holds; each belongs to its certification."""
    known = assignment_names.sets(asker)
    held: dict[int, list[BitMap]] = {}
    sql = (
        f"SELECT e.why, e.person FROM {asker.enrolment} e WHERE e.host_id = ? AND e.state > {WITHDRAWN} AND e.why <> 0"
    )
    people: dict[int, list[int]] = {}
    for why, person in asker.rows(sql.replace("{host}", str(int(asker.host_id))), asker.host_id):
        people.setdefault(why, []).append(person)
    for why, some in people.items():
        for one in known.get(why, ()):
            held.setdefault(one, []).append(BitMap(some))
    wanted = [one for one in held if asked.assignments is None or one in asked.assignments]
    named = assignment_names.named(asker, wanted)
    found = [
        (ext := f"{named[one][1]}:{named[one][2]}", named[one][3], BitMap.union(*held[one]), named[one][0], ext)
        for one in wanted
        if one in named
    ]
    return sorted(found, key=lambda group: group[0])
