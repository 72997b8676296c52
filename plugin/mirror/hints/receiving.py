"""Hints as they come in: verified, stored and answered at once (design idea 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from plugin.core.clock import Clock
from plugin.core.database.tenant import across, inside
from plugin.core.ids import take_ids, upsert_for
from plugin.core.logs import correlation
from plugin.core.runtime import Runtime
from plugin.core.text.texts import usable
from plugin.hosts.port import Caps, Locked, Refused
from plugin.hosts.port import Hint as Heard
from plugin.mirror.connections.store import connection_named, connection_of, open_connection
from plugin.mirror.tables import Connection, StoredHint

STORING = 3
"""Seconds for which a hint waits to be stored; then the host is asked to send it again."""


class UnknownConnection(Exception):
    """Nobody has a connection of this name."""


def store(runtime: Runtime, name: str, headers: Mapping[str, str], body: bytes) -> int:
    """Verify and store one message; returns how many hints were new. Nothing else happens here.

    :raises UnknownConnection: for a name nobody has.
    :raises Locked: for a bad signature. :raises Refused: when it is not understood.
    :raises SQLAlchemyError: (or the driver's own error) when it cannot be stored soon.
    """
    with across("a connection by the name in its hooks' address"), runtime.db.read() as session:
        connection = connection_named(session, name)
    if connection is None:
        raise UnknownConnection(name)
    with inside(connection.host_id):
        return _store(runtime, connection, headers, body)


def _store(runtime: Runtime, connection: Connection, headers: Mapping[str, str], body: bytes) -> int:
    hints = open_connection(runtime, connection).hear(headers, body)
    if not all(usable(hint.key) for hint in hints):
        raise Refused("The id of this message contains a character that cannot be used.")
    hints = [kept for hint in hints if (kept := _usable(hint)) is not None]
    if not hints:
        raise Refused("An id of this hint contains a character that cannot be used.")
    return runtime.db.briefly(
        lambda session: _insert(session, connection, hints, runtime.clock.true()), seconds=STORING
    )


def _usable(hint: Heard) -> Heard | None:
    """The hint without ids that nobody can have; nothing where no other is left: it would mean all of its kind."""
    ids = tuple(one for one in hint.ids if usable(one, 520))
    return None if hint.ids and not ids else replace(hint, ids=ids)


def _insert(session: Session, connection: Connection, hints: Sequence[Heard], now: int) -> int:
    stored = 0
    for hint in hints:
        number = take_ids(session, connection.host_id, "hint")
        statement = (
            upsert_for(session)(StoredHint)
            .values(host_id=connection.host_id, id=number, connection=connection.id, key=hint.key, kind=hint.kind,
                    ids=list(hint.ids), received=now, done=False, caused="", correlation=correlation())
            .on_conflict_do_nothing(index_elements=["host_id", "connection", "key"])
            .returning(StoredHint.id)
        )  # fmt: skip
        stored += len(session.execute(statement).all())
    return stored


def look_again(session: Session, host_id: int, key: str, wanted: Mapping[str, Sequence[str]]) -> None:
    """Have records read again because an answer of the host puts them in doubt; as if it had hinted at them.

    :param key: names the answer: asked once for each. :param wanted: the host's ids, by kind.
    """
    connection = connection_of(session, host_id)
    reads = Caps.from_json(connection.caps).reads
    hints = [Heard(kind, tuple(ids), f"{key}:{kind}") for kind, ids in sorted(wanted.items()) if ids and kind in reads]
    _insert(session, connection, hints, Clock().true())


__all__ = ["Locked", "Refused", "UnknownConnection", "look_again", "store"]
