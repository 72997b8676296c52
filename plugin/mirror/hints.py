"""Hints: stored and answered at once, worked off later by reading the records again (DESIGN, idea 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from plugin.core.errors import Unavailable
from plugin.core.ids import take_ids, upsert_for
from plugin.core.logs import correlation, use_correlation
from plugin.core.runtime import Runtime
from plugin.hosts.port import Hint as Heard
from plugin.hosts.port import HostTrouble, Locked, Refused
from plugin.mirror.connections import connection_named, connection_of, open_connection
from plugin.mirror.sync import note_health, note_trouble, pull, read_by_ids
from plugin.mirror.tables import Connection, Hint

STORM = 1000
"""With more ids of a kind than this waiting, one read of what changed costs less than asking for each."""


class UnknownConnection(Exception):
    """Nobody has a connection of this name."""


def store(runtime: Runtime, name: str, headers: Mapping[str, str], body: bytes) -> int:
    """Verify and store one message; returns how many hints were new. Nothing else happens here.

    :raises UnknownConnection: for a name nobody has.
    :raises Locked: for a bad signature. :raises Refused: when it is not understood.
    """
    with runtime.db.read() as session:
        connection = connection_named(session, name)
    if connection is None:
        raise UnknownConnection(name)
    hints = open_connection(runtime, connection).hear(headers, body)
    return runtime.db.transact(lambda session: _insert(session, connection, hints, runtime.clock.true()))


def _insert(session: Session, connection: Connection, hints: Sequence[Heard], now: int) -> int:
    stored = 0
    for hint in hints:
        number = take_ids(session, connection.host_id, "hint")
        statement = (
            upsert_for(session)(Hint)
            .values(host_id=connection.host_id, id=number, connection=connection.id, key=hint.key, kind=hint.kind,
                    ids=list(hint.ids), received=now, done=False, caused="", correlation=correlation())
            .on_conflict_do_nothing(index_elements=["host_id", "connection", "key"])
            .returning(Hint.id)
        )  # fmt: skip
        stored += len(session.execute(statement).all())
    return stored


def waiting(session: Session, host_id: int) -> list[Hint]:
    """Hints not worked off yet, oldest first."""
    return list(
        session.scalars(
            select(Hint).where(Hint.host_id == host_id, Hint.done.is_(False)).order_by(Hint.id).limit(20_000)
        )
    )


def work(runtime: Runtime, host_id: int) -> int:
    """Read again what the waiting hints name, each record once. Returns how many hints were worked off.

    A host in trouble costs nothing but delay: its hints stay.
    """
    with runtime.db.read() as session:
        hints = waiting(session, host_id)
        connection = connection_of(session, host_id) if hints else None
    if connection is None or (connection.state != "active" and connection.retry_at > runtime.clock.now()):
        return 0
    use_correlation(hints[0].correlation)
    wanted: dict[str, dict[str, None]] = {}
    for hint in hints:
        wanted.setdefault(hint.kind, {}).update(dict.fromkeys(hint.ids))
    try:
        changed = _read(runtime, host_id, {kind: list(ids) for kind, ids in wanted.items()})
    except (HostTrouble, Unavailable) as trouble:
        if isinstance(trouble, HostTrouble):
            note_trouble(runtime, connection, trouble)
        return 0
    note_health(runtime, connection)
    last = hints[-1].id
    runtime.db.transact(lambda session: _done(session, host_id, last, changed))
    return len(hints)


def _read(runtime: Runtime, host_id: int, wanted: dict[str, list[str]]) -> int:
    if "all" in wanted:
        return pull(runtime, host_id, full=True).changed
    if any(len(ids) > STORM for ids in wanted.values()):
        return pull(runtime, host_id).changed
    return read_by_ids(runtime, host_id, wanted)


def _done(session: Session, host_id: int, last: int, changed: int) -> None:
    session.execute(
        update(Hint)
        .where(Hint.host_id == host_id, Hint.id <= last, Hint.done.is_(False))
        .values(done=True, caused=f"{changed} rows changed")
    )


__all__ = ["Locked", "Refused", "UnknownConnection", "store", "waiting", "work"]
