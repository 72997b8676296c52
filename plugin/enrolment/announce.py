"""What outside subscribers are told of a save: its assignments at once, its numbers when it has reached everybody."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.tables import Assignment
from plugin.certifications.versions import WrittenVersion
from plugin.core import outbox
from plugin.core.database.bulk import fetch

_COUNTED = {
    "enrolled": ("enrolled", "released"), "withdrawn": ("withdrawn",), "withdrawal_scheduled": ("leaving",),
    "due_changed": ("due_changed",), "exceptions": ("exception_raised",),
}  # fmt: skip


def tell_assignments(session: Session, host_id: int, written: WrittenVersion, at: int, who: str) -> None:
    """``assignment.added``, ``changed`` and ``removed`` of a save."""
    changes = {"assignment.added": written.added, "assignment.changed": written.changed,
               "assignment.removed": written.removed}  # fmt: skip
    ids = [one for numbers in changes.values() for one in numbers]
    if not ids or not outbox.subscribed(session, host_id) & changes.keys():
        return
    rows = session.scalars(select(Assignment).where(Assignment.host_id == host_id, Assignment.id.in_(ids)))
    shown = {row.id: {"id": row.id, "type": row.type, "target": row.target, "include": row.include} for row in rows}
    told = [
        outbox.OutboxEntry(kind, written.certification, data={"assignment": shown[one], "version": written.version})
        for kind, numbers in changes.items()
        for one in numbers
        if one in shown
    ]
    outbox.append(session, host_id, at, who, told)


def tell_applied(
    session: Session, host_id: int, certifications: Sequence[int], version: int, at: int, who: str
) -> None:
    """``assignment.applied``: how many learners the save of each certification did what to."""
    if "assignment.applied" not in outbox.subscribed(session, host_id):
        return
    told = []
    for certification in certifications:
        rows = fetch(
            session,
            "SELECT what, sum(count) FROM journal WHERE host_id = ? AND certification = ? AND version = ? AND who = ?"
            " GROUP BY what",
            host_id, certification, version, who,
        )  # fmt: skip
        found = {what: int(count) for what, count in rows}
        counts = {word: sum(found.get(one, 0) for one in of) for word, of in _COUNTED.items()}
        told.append(
            outbox.OutboxEntry("assignment.applied", certification, data={"version": version, "counts": counts})
        )
    outbox.append(session, host_id, at, who, told)
