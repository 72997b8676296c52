"""The row guard: a whole read that lost too much deletes nothing until a person says so (rules 5.6)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from plugin.core.database.slices import slices
from plugin.core.ids import upsert_for
from plugin.core.text.stored import later
from plugin.mirror.changes import stamp
from plugin.mirror.pulling import lost_values
from plugin.mirror.pulling.rows import KINDS, drop_rows
from plugin.mirror.pulling.unit_trees import recount, renumber
from plugin.mirror.tables import Suspect

PERCENT, LEAST, MOST = 5, 10, 50
GONE = {
    "people": later("%(gone)s of %(known)s people would be gone: more than the row guard lets through."),
    "organisations": later("%(gone)s of %(known)s organisations would be gone: more than the row guard lets through."),
    "positions": later("%(gone)s of %(known)s positions would be gone: more than the row guard lets through."),
    "audience members": later(
        "%(gone)s of %(known)s audience members would be gone: more than the row guard lets through."
    ),
}
LOST = {
    "organisation": later(
        "%(gone)s of %(known)s people would lose their organisation: more than the row guard lets through."
    ),
    "position": later("%(gone)s of %(known)s people would lose their position: more than the row guard lets through."),
    "manager": later("%(gone)s of %(known)s people would lose their manager: more than the row guard lets through."),
}
"""What a person is told of a source's delivery that loses too much."""


def loses_too_much(absent: int, known: int, read: int) -> bool:
    """Above 5 % and at least 10, or above 50, or a kind that had at least 10 rows reads empty."""
    if known >= LEAST and not read:
        return True
    return absent > MOST or (absent >= LEAST and absent * 100 > PERCENT * known)


def suspect(
    session: Session, host_id: int, connection: int, kind: str, exts: Sequence[str], at: int, *, held: bool
) -> None:
    """Note records that were absent from a whole read."""
    rows = [
        {"host_id": host_id, "connection": connection, "kind": kind, "ext": ext, "since": at, "held": held}
        for ext in exts
    ]
    if rows:
        statement = upsert_for(session)(Suspect)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["host_id", "connection", "kind", "ext"], set_={"held": statement.excluded.held}
            ),
            rows,
        )


def clear(session: Session, host_id: int, kind: str, exts: Sequence[str] | None = None) -> None:
    """Forget suspicions: of these records, or of the whole kind."""
    statement = delete(Suspect).where(Suspect.host_id == host_id, Suspect.kind == kind)
    if exts is None:
        session.execute(statement)
        return
    for part in slices(exts):
        session.execute(statement.where(Suspect.ext.in_(part)))


def held_records(session: Session, host_id: int) -> dict[str, int]:
    """How many deletions of each kind wait for a person."""
    rows = session.execute(
        select(Suspect.kind, func.count()).where(Suspect.host_id == host_id, Suspect.held).group_by(Suspect.kind)
    )
    return {row[0]: row[1] for row in rows}


def release_records(session: Session, host_id: int, kind: str, now: int) -> int:
    """Let the held deletions of a kind happen; returns how many."""
    exts = list(
        session.scalars(select(Suspect.ext).where(Suspect.host_id == host_id, Suspect.kind == kind, Suspect.held))
    )
    if kind in lost_values.KINDS:
        stamp(session, host_id, lost_values.empty_fields(session, host_id, lost_values.KINDS[kind], exts), now)
        recount(session, host_id)
        clear(session, host_id, kind, exts)
        return len(exts)
    written = drop_rows(session, host_id, KINDS[kind], exts)
    if written.trees:
        renumber(session, host_id)
    if kind == "people":
        from plugin.mirror.sources.learning_site import accounts_changed  # which judges deliveries by this guard

        written.add(accounts_changed(session, host_id, written.accounts, now))
    stamp(session, host_id, written.people, now)
    recount(session, host_id)
    clear(session, host_id, kind, exts)
    return written.changed


def refuse_records(session: Session, host_id: int, kind: str) -> int:
    """Keep the records; the next whole read asks again."""
    rows = session.execute(
        update(Suspect)
        .where(Suspect.host_id == host_id, Suspect.kind == kind, Suspect.held)
        .values(held=False)
        .returning(Suspect.ext)
    ).all()
    clear(session, host_id, kind, [row[0] for row in rows])
    return len(rows)
