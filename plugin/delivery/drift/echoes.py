"""Hints about enrolments: most are echoes of our own writes; where one is not, the seat has drifted."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.orm import Session

from plugin.core.db import DATABASE_AWAY
from plugin.core.errors import Unavailable
from plugin.core.logs import correlation, use_correlation
from plugin.core.runtime import Runtime
from plugin.delivery.drift.reconcile import look_at, reconcile
from plugin.hosts.port import HostTrouble
from plugin.mirror.connections.store import connection_of
from plugin.mirror.hints.inbox import TRIES
from plugin.mirror.problems import put_aside
from plugin.mirror.pulling.pull import note_trouble
from plugin.mirror.tables import StoredHint

STORM = 2000
"""With more enrolments than this hinted at once, one whole reconcile costs less than asking for each."""


def reread_hinted(runtime: Runtime, host_id: int) -> int:
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
    storm = len(ids) > STORM or any(not hint.ids for hint in hints)
    with runtime.db.read() as session:
        last = _newest(session, host_id) if storm else hints[-1].id
    try:
        drift = reconcile(runtime, host_id) if storm else look_at(runtime, host_id, ids)
    except HostTrouble as trouble:
        note_trouble(runtime, connection, trouble)
        return 0
    except (*DATABASE_AWAY, Unavailable):
        raise
    except Exception as error:
        why, now = type(error).__name__, runtime.clock.now()
        runtime.db.transact(lambda session: _failed(session, host_id, hints, why, now))
        raise
    values = {"done": True, "caused": f"differed {drift.found} {drift.echoes}", "worked": runtime.clock.true(),
              "batch": correlation()}  # fmt: skip
    return runtime.db.transact(lambda session: _done(session, host_id, last, values))


def _failed(session: Session, host_id: int, hints: list[StoredHint], why: str, now: int) -> None:
    """Count a try; hints that failed too often are put aside, so that the next are looked at by themselves."""
    for hint in hints:
        row = session.get_one(StoredHint, (host_id, hint.id))
        row.tries += 1
        if row.tries >= TRIES:
            row.done, row.caused = True, "aside"
            what = f"enrolments: {', '.join(row.ids[:5])}"
            put_aside(session, host_id, "hint", what, why, now)


def _done(session: Session, host_id: int, last: int, values: dict[str, Any]) -> int:
    result = session.execute(
        update(StoredHint)
        .where(
            StoredHint.host_id == host_id,
            StoredHint.done.is_(False),
            StoredHint.kind == "enrolments",
            StoredHint.id <= last,
        )
        .values(**values),
        execution_options={"synchronize_session": False},
    )
    return int(cast("CursorResult[Any]", result).rowcount)


def _newest(session: Session, host_id: int) -> int:
    query = select(func.max(StoredHint.id)).where(
        StoredHint.host_id == host_id, StoredHint.done.is_(False), StoredHint.kind == "enrolments"
    )
    return int(session.scalar(query) or 0)


def _waiting(session: Session, host_id: int) -> list[StoredHint]:
    return list(
        session.scalars(
            select(StoredHint)
            .where(StoredHint.host_id == host_id, StoredHint.done.is_(False), StoredHint.kind == "enrolments")
            .order_by(StoredHint.id)
            .limit(STORM + 1)
        )
    )
