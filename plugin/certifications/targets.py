"""What assignments point at: the host's ids of units, audiences, jobs and people, and ours."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from plugin.mirror.tables import DELETED, Audience, Job, Person, Unit


def target_ids(session: Session, host_id: int, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int | None]:
    """Our ids of targets named by type and the host's id; ``None`` for groups, absent where the host knows none."""
    by_type: dict[str, set[str]] = {}
    for kind, target in wanted:
        by_type.setdefault(kind, set()).add(target)
    found: dict[tuple[str, str], int | None] = {}
    for kind, names in by_type.items():
        if kind == "group":
            found.update({(kind, name): None for name in names})
            continue
        table, condition = _source(kind)
        listed = sorted(names)
        for start in range(0, len(listed), 500):
            rows = session.execute(
                select(table.ext, table.id).where(
                    table.host_id == host_id, condition, table.ext.in_(listed[start : start + 500])
                )
            )
            found.update({(kind, row[0]): row[1] for row in rows})
    return found


def _source(kind: str) -> tuple[type[Unit] | type[Audience] | type[Job] | type[Person], ColumnElement[bool]]:
    if kind in ("organisation", "position"):
        return Unit, Unit.kind == kind
    if kind == "audience":
        return Audience, Audience.host_id.is_not(None)
    if kind == "manager":
        return Job, Job.host_id.is_not(None)
    return Person, Person.state != DELETED
