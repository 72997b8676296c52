"""What time alone changes of what sources say: a last day gone by, a job that changes on its day, 90 days after going."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from plugin.core.database.slices import slices
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.mirror.pulling.rows import Written, drop_rows
from plugin.mirror.sources.intake import follow
from plugin.mirror.sources.managing.matching import finish
from plugin.mirror.sources.projecting import JOBS, STAYS, job_exts, next_turn
from plugin.mirror.sources.source import Source, source_of
from plugin.mirror.sources.source_data import PersonData
from plugin.mirror.sources.tables import Identity
from plugin.mirror.tables import Connection

MOST = 5_000
"""Identities of one transaction."""


def turn(runtime: Runtime, host_id: int) -> int:
    """Bring the mirror in line with the time; returns how many identities were looked at."""
    now, looked = runtime.clock.now(), 0
    due = (Identity.host_id == host_id, Identity.turns.is_not(None), Identity.turns <= now)
    while True:
        with runtime.db.read() as session:
            waits = session.scalars(select(Identity.id).where(*due).limit(1)).first() is not None
        if not waits:
            return looked
        looked += runtime.db.transact(lambda session: _turn(session, host_id, now))


def _turn(session: Session, host_id: int, now: int) -> int:
    rows = session.scalars(
        select(Identity)
        .where(Identity.host_id == host_id, Identity.turns.is_not(None), Identity.turns <= now)
        .order_by(Identity.turns, Identity.id)
        .limit(MOST)
        .with_for_update()
    ).all()
    zone = str(session.get_one(Host, host_id).time_zone)
    by_source: dict[int, list[Identity]] = {}
    for row in rows:
        by_source.setdefault(row.source, []).append(row)
    written = Written()
    for number, theirs in by_source.items():
        source = source_of(session, session.get_one(Connection, (host_id, number)))
        over = [row for row in theirs if row.gone is not None and row.gone + STAYS <= now]
        stay = [row for row in theirs if row not in over]
        for row in stay:
            row.turns = next_turn(row, PersonData.from_json(row.ext, row.said), now, zone, source.freeze)
        session.flush()
        written.add(follow(session, source, stay, {}, now, zone).written)
        written.add(_forget(session, source, over))
    if written.changed or written.people:
        finish(session, host_id, written, now)
    return len(rows)


def _forget(session: Session, source: Source, rows: list[Identity]) -> Written:
    """An identity that whole deliveries have lacked for so long gives up its place in the chain."""
    exts = [ext for row in rows for ext in job_exts(source, row.ext, PersonData.from_json(row.ext, row.said).jobs)]
    written = drop_rows(session, source.host_id, JOBS, exts)
    if rows:
        ids = [row.id for row in rows]
        for row in rows:
            session.expunge(row)
        for part in slices(ids):
            gone = delete(Identity).where(Identity.host_id == source.host_id, Identity.id.in_(part))
            session.execute(gone, execution_options={"synchronize_session": False})
    return written
