"""What assignments point at: the host's ids of units, audiences, jobs and people, and ours."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef, Exclusion
from plugin.core.database.slices import slices
from plugin.mirror.tables import DELETED, Audience, Job, Person, Unit
from plugin.population.area import acting_area

Ids = dict[tuple[str, str], int | None]
"""Our ids of targets named by type and the host's id; ``None`` for groups, absent where the host knows none."""


def target_ids(session: Session, host_id: int, wanted: Iterable[tuple[str, str]], *, deleted: bool = False) -> Ids:
    """Our ids of these targets.

    :param deleted: of people the host deleted too.
    """
    by_type: dict[str, set[str]] = {}
    for kind, target in wanted:
        by_type.setdefault(kind, set()).add(target)
    found: Ids = {}
    for kind, names in by_type.items():
        if kind == "group":
            found.update({(kind, name): None for name in names})
            continue
        table, condition = _source(kind, deleted)
        listed = sorted(names)
        for part in slices(listed):
            rows = session.execute(
                select(table.ext, table.id).where(table.host_id == host_id, condition, table.ext.in_(part))
            )
            found.update({(kind, row[0]): row[1] for row in rows})
    return found


def within_reach(session: Session, host_id: int, found: Ids) -> Ids:
    """Without the people, and the jobs of managers, that do not exist for whoever acts on an area now (ACCESS 3)."""
    area = acting_area(session, host_id)
    if area is None:
        return found
    jobs = sorted(number for (kind, _target), number in found.items() if kind == "manager" and number is not None)
    whose: dict[int, int | None] = {}
    for part in slices(jobs):
        rows = session.execute(select(Job.id, Job.person).where(Job.host_id == host_id, Job.id.in_(part)))
        whose.update({row[0]: row[1] for row in rows})

    def is_within(kind: str, number: int | None) -> bool:
        if kind not in ("individual", "manager"):
            return True
        return ((whose.get(number or 0) if kind == "manager" else number) or 0) in area

    return {one: number for one, number in found.items() if is_within(one[0], number)}


def exclusion_ids(session: Session, host_id: int, rows: Iterable[AssignmentDef]) -> Ids:
    """Our ids of what rows except; of a person who was deleted too: she may come back."""
    return target_ids(session, host_id, {one[:2] for row in rows for one in row.exclusions}, deleted=True)


def unseen_exclusions(session: Session, host_id: int, rows: Iterable[AssignmentDef]) -> set[Exclusion]:
    """What these rows except that does not exist for whoever acts on an area now: it stays, whatever she keeps (ACCESS 3)."""
    people = {one for row in rows for one in row.exclusions if one[0] == "individual"}
    if not people or acting_area(session, host_id) is None:
        return set()
    seen = within_reach(session, host_id, target_ids(session, host_id, {one[:2] for one in people}, deleted=True))
    return {one for one in people if one[:2] not in seen}


def _source(
    kind: str, deleted: bool
) -> tuple[type[Unit] | type[Audience] | type[Job] | type[Person], ColumnElement[bool]]:
    if kind in ("organisation", "position"):
        return Unit, Unit.kind == kind
    if kind == "audience":
        return Audience, Audience.host_id.is_not(None)
    if kind == "manager":
        return Job, Job.host_id.is_not(None)
    return Person, Person.host_id.is_not(None) if deleted else Person.state != DELETED
