"""The rolling row guard of a directory: too many deactivated or deleted within 24 hours wait for somebody (SOURCES 5.3)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.core import journal
from plugin.core.errors import RefusedByRule
from plugin.mirror.pulling.row_guard import loses_too_much
from plugin.mirror.pulling.unit_trees import recount
from plugin.mirror.sources.directory.mapping import person_data
from plugin.mirror.sources.directory.references import user_id
from plugin.mirror.sources.directory.tables import USER, DirectoryResource
from plugin.mirror.sources.intake import take
from plugin.mirror.sources.source import Source, source_of, source_row
from plugin.mirror.sources.source_data import Delivery

WINDOW = 24 * 3600
"""Seconds in which deactivations and deletions are counted together."""


def must_hold(session: Session, source: Source, now: int) -> bool:
    """Whether one more user who leaves is more than the guard lets through.

    :param now: the true time.
    """
    here = (
        DirectoryResource.host_id == source.host_id, DirectoryResource.source == source.id,
        DirectoryResource.kind == USER,
    )  # fmt: skip
    count = select(func.count()).select_from(DirectoryResource)
    lately = (DirectoryResource.withdrawn.is_not(None), DirectoryResource.withdrawn > now - WINDOW)
    leaving = int(session.scalar(count.where(*here, *lately)) or 0) + 1
    there = (DirectoryResource.active, DirectoryResource.deleted.is_(False))
    known = int(session.scalar(count.where(*here, *there)) or 0) + leaving - 1
    return loses_too_much(leaving, known, known - leaving)


def held(session: Session, host_id: int, source: int) -> list[DirectoryResource]:
    """Users whose leaving waits for somebody, by their names."""
    return list(
        session.scalars(
            select(DirectoryResource)
            .where(DirectoryResource.host_id == host_id, DirectoryResource.source == source, DirectoryResource.held)
            .order_by(DirectoryResource.name, DirectoryResource.id)
        )
    )


def held_shown(session: Session, host_id: int, source: int) -> dict[str, Any]:
    """How many leave as soon as they are released, and the first hundred of them."""
    rows = held(session, host_id, source)
    listed = [
        {"id": row.id, "name": str(row.document.get("userName") or row.id), "deleted": row.deleted}
        for row in rows[:100]
    ]
    return {"count": len(rows), "users": listed}


def release(session: Session, host_id: int, name: str, *, now: int, who: str) -> int:
    """Let the users who were held leave; returns how many. Whom it touches is stamped.

    :raises NotFound: for a name nobody has. :raises RefusedByRule: where nobody is held.
    """
    source = source_of(session, source_row(session, host_id, name, lock=True))
    rows = held(session, host_id, source.id)
    if not rows:
        raise RefusedByRule(f"Nobody of {name} is held.")
    gone = [row.id for row in rows if row.deleted]
    people = [
        person_data(source, row.id, row.document, manager=user_id(session, source, row.manager), active=False)
        for row in rows
        if not row.deleted
    ]
    take(session, host_id, source, Delivery(people=people, gone=gone), now)
    for row in held(session, host_id, source.id):
        row.held, row.withdrawn = False, None  # looked at by somebody: it does not count against the next ones
        if row.deleted:
            session.delete(row)
    session.flush()
    recount(session, host_id)
    journal.record(session, host_id, now, who, "source_released", reason=name, data={"users": len(rows)})
    return len(rows)
