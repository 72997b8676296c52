"""Hints about enrolments: most are echoes of our own writes; where one is not, the seat has drifted."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from plugin.core.logs import use_correlation
from plugin.core.runtime import Runtime
from plugin.delivery.reconcile import look_at, reconcile
from plugin.hosts.port import HostTrouble
from plugin.mirror.connections import connection_of
from plugin.mirror.sync import note_trouble
from plugin.mirror.tables import Hint

STORM = 2000
"""With more enrolments than this hinted at once, one whole reconcile costs less than asking for each."""


def heed(runtime: Runtime, host_id: int) -> int:
    """Read again the enrolments that waiting hints name. Returns how many hints were worked off.

    A host in trouble costs nothing but delay: its hints stay.
    """
    with runtime.db.read() as session:
        hints = _waiting(session, host_id)
        connection = connection_of(session, host_id) if hints else None
    if connection is None:
        return 0
    if connection.state != "active" and connection.retry_at > runtime.clock.now():
        return 0
    use_correlation(hints[0].correlation)
    ids = list(dict.fromkeys(one for hint in hints for one in hint.ids))
    try:
        drift = look_at(runtime, host_id, ids) if len(ids) <= STORM else reconcile(runtime, host_id)
    except HostTrouble as trouble:
        note_trouble(runtime, connection, trouble)
        return 0
    caused = f"{drift.found} enrolments differed, {drift.echoes} were echoes"
    done = [hint.id for hint in hints]
    runtime.db.transact(
        lambda session: session.execute(
            update(Hint).where(Hint.host_id == host_id, Hint.id.in_(done)).values(done=True, caused=caused)
        )
    )
    return len(hints)


def _waiting(session: Session, host_id: int) -> list[Hint]:
    return list(
        session.scalars(
            select(Hint)
            .where(Hint.host_id == host_id, Hint.done.is_(False), Hint.kind == "enrolments")
            .order_by(Hint.id)
            .limit(500)
        )
    )
