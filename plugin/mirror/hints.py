"""Hints: stored and answered at once, worked off later by reading the records again (DESIGN, idea 3).

What a hint led to is kept as a word and numbers: ``read 3`` (rows changed by reading the ids it names), ``delta 17 12345``
(by one read of what changed, for so many hints together), ``whole 17 1`` (by a read of everything); ``differed 2 5`` is
of delivery, which looks after hints about enrolments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from plugin.core.clock import Clock
from plugin.core.errors import Unavailable
from plugin.core.ids import take_ids, upsert_for
from plugin.core.logs import correlation, use_correlation
from plugin.core.runtime import Runtime
from plugin.hosts.port import Caps, HostTrouble, Locked, Refused
from plugin.hosts.port import Hint as Heard
from plugin.mirror.connections import connection_named, connection_of, open_connection
from plugin.mirror.sync import note_health, note_trouble, pull, read_by_ids
from plugin.mirror.tables import Connection, Hint

STORM = 1000
"""With more ids or hints than this waiting, one read of what changed costs less than asking for each."""
QUIET, LONGEST = 10, 60
"""Seconds without a hint after which a storm counts as over; seconds after which it is read all the same."""
PAUSE, PATIENCE = 3, 15
"""The same for hints that name no ids, each of which would be a read of what changed."""
STORING = 3
"""Seconds for which a hint waits to be stored; then the host is asked to send it again."""
KEPT = 15 * 24 * 3600
"""Seconds for which keys are known again: longer than Totara tries (47 hours after the first attempt)."""
LEASE = 300
_ENROLMENTS = "enrolments"
"""Hints of this kind are delivery's, which knows what is an echo of our own writes."""


class UnknownConnection(Exception):
    """Nobody has a connection of this name."""


def store(runtime: Runtime, name: str, headers: Mapping[str, str], body: bytes) -> int:
    """Verify and store one message; returns how many hints were new. Nothing else happens here.

    :raises UnknownConnection: for a name nobody has.
    :raises Locked: for a bad signature. :raises Refused: when it is not understood.
    :raises SQLAlchemyError: (or the driver's own error) when it cannot be stored soon.
    """
    with runtime.db.read() as session:
        connection = connection_named(session, name)
    if connection is None:
        raise UnknownConnection(name)
    hints = open_connection(runtime, connection).hear(headers, body)
    for text in (one for hint in hints for one in (hint.key, *hint.ids)):
        if "\x00" in text or not text.isprintable():
            raise Refused("An id of this hint contains a character that cannot be used.")
    return runtime.db.briefly(
        lambda session: _insert(session, connection, hints, runtime.clock.true()), seconds=STORING
    )


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


def look_again(session: Session, host_id: int, key: str, wanted: Mapping[str, Sequence[str]]) -> None:
    """Have records read again because an answer of the host puts them in doubt; as if it had hinted at them.

    :param key: names the answer: asked once for each. :param wanted: the host's ids, by kind.
    """
    connection = connection_of(session, host_id)
    reads = Caps.from_json(connection.caps).reads
    hints = [Heard(kind, tuple(ids), f"{key}:{kind}") for kind, ids in sorted(wanted.items()) if ids and kind in reads]
    _insert(session, connection, hints, Clock().true())


def waiting(session: Session, host_id: int) -> list[Hint]:
    """Hints not worked off yet, oldest first, no more than make a storm."""
    return list(
        session.scalars(
            select(Hint)
            .where(Hint.host_id == host_id, Hint.done.is_(False), Hint.kind != _ENROLMENTS)
            .order_by(Hint.id)
            .limit(STORM + 1)
        )
    )


def work(runtime: Runtime, host_id: int, *, patient: bool = False) -> int:
    """Read again what the waiting hints name, each record once. Returns how many hints were worked off.

    A host in trouble costs nothing but delay: its hints stay.

    :param patient: come back later while a storm goes on, so that it ends in one read of what changed.
    """
    with runtime.db.read() as session:
        hints = waiting(session, host_id)
        connection = connection_of(session, host_id) if hints else None
    if connection is None or (connection.state != "active" and connection.retry_at > runtime.clock.now()):
        return 0
    use_correlation(hints[0].correlation)
    try:
        if len(hints) > STORM or max(_sizes(hints).values(), default=0) > STORM:
            return _collapse(runtime, connection, patient=patient)
        done = _by_ids(runtime, connection, [one for one in hints if one.ids])
        return done + _of_kinds(runtime, connection, [one for one in hints if not one.ids], patient=patient)
    except (HostTrouble, Unavailable) as trouble:
        if isinstance(trouble, HostTrouble):
            note_trouble(runtime, connection, trouble)
        return 0


def _sizes(hints: Sequence[Hint]) -> dict[str, int]:
    found: dict[str, int] = {}
    for hint in hints:
        found[hint.kind] = found.get(hint.kind, 0) + len(hint.ids)
    return found


def _by_ids(runtime: Runtime, connection: Connection, hints: Sequence[Hint]) -> int:
    if not hints:
        return 0
    wanted: dict[str, dict[str, None]] = {}
    for hint in hints:
        wanted.setdefault(hint.kind, {}).update(dict.fromkeys(hint.ids))
    changed = read_by_ids(runtime, connection.host_id, {kind: list(ids) for kind, ids in wanted.items()})
    note_health(runtime, connection)
    numbers = [one.id for one in hints]
    runtime.db.transact(lambda session: _done(session, runtime, connection.host_id, numbers, f"read {changed}"))
    return len(hints)


@dataclass(frozen=True)
class _Waiting:
    """Hints for one read together: their kinds, how many, since when the oldest waits, when the newest came."""

    kinds: frozenset[str]
    last: int
    count: int
    since: int
    newest: int
    numbers: tuple[int, ...] | None = None
    """Which they are; ``None``: all that wait, up to ``last``."""


def _collapse(runtime: Runtime, connection: Connection, *, patient: bool) -> int:
    """A storm: everything that waits becomes one read of what changed, of the kinds it names."""
    query = (
        select(Hint.kind, func.max(Hint.id), func.count(), func.min(Hint.received), func.max(Hint.received))
        .where(Hint.host_id == connection.host_id, Hint.done.is_(False), Hint.kind != _ENROLMENTS)
        .group_by(Hint.kind)
    )
    with runtime.db.read() as session:
        rows = session.execute(query).all()
    if not rows:
        return 0
    found = _Waiting(frozenset(row[0] for row in rows), max(row[1] for row in rows), sum(row[2] for row in rows),
                     min(row[3] for row in rows), max(row[4] for row in rows))  # fmt: skip
    return _pull(runtime, connection, found, QUIET, LONGEST, patient=patient)


def _of_kinds(runtime: Runtime, connection: Connection, hints: Sequence[Hint], *, patient: bool) -> int:
    """Hints that name no ids: one read of what changed of their kinds, and never for more than a tenth of the time."""
    if not hints:
        return 0
    received = [one.received for one in hints]
    found = _Waiting(frozenset(one.kind for one in hints), hints[-1].id, len(hints), min(received), max(received),
                     tuple(one.id for one in hints))  # fmt: skip
    longest = max(PATIENCE, 10 * int(connection.settings.get("pull_took", 0)))
    return _pull(runtime, connection, found, PAUSE, longest, patient=patient)


def _pull(
    runtime: Runtime, connection: Connection, found: _Waiting, quiet: int, longest: int, *, patient: bool
) -> int:  # fmt: skip
    host_id, now = connection.host_id, runtime.clock.true()
    if patient and now - found.newest < quiet and now - found.since < longest:
        return 0
    if not runtime.db.transact(lambda session: _take(session, host_id, now)):
        return 0
    try:
        full = "all" in found.kinds
        changed = pull(runtime, host_id, full=full, kinds=None if full else found.kinds).changed
    finally:
        runtime.db.transact(lambda session: _take(session, host_id, 0))
    caused = f"{'whole' if full else 'delta'} {changed} {found.count}"
    if found.numbers is not None:
        numbers = found.numbers
        runtime.db.transact(lambda session: _done(session, runtime, host_id, numbers, caused))
    else:
        runtime.db.transact(lambda session: _all_done(session, runtime, host_id, found.last, caused))
    return found.count


def _take(session: Session, host_id: int, now: int) -> bool:
    """Of many workers one reads for all hints; ``now`` 0 gives the turn back."""
    row = connection_of(session, host_id)
    session.refresh(row, with_for_update=True)
    if now and int(row.settings.get("hints_until", 0)) > now:
        return False
    row.settings = {**row.settings, "hints_until": now + LEASE if now else 0}
    return True


def _done(session: Session, runtime: Runtime, host_id: int, numbers: Sequence[int], caused: str) -> None:
    values = {"done": True, "caused": caused, "worked": runtime.clock.true(), "batch": correlation()}
    for start in range(0, len(numbers), 500):
        part = numbers[start : start + 500]
        session.execute(update(Hint).where(Hint.host_id == host_id, Hint.id.in_(part)).values(**values))


def _all_done(session: Session, runtime: Runtime, host_id: int, last: int, caused: str) -> None:
    session.execute(
        update(Hint)
        .where(Hint.host_id == host_id, Hint.id <= last, Hint.done.is_(False), Hint.kind != _ENROLMENTS)
        .values(done=True, caused=caused, worked=runtime.clock.true(), batch=correlation()),
        execution_options={"synchronize_session": False},
    )


def forget(session: Session, host_id: int, now: int) -> None:
    """Drop hints worked off long ago. :param now: the true time."""
    rows = session.execute(
        select(Hint.id, Hint.received).where(Hint.host_id == host_id, Hint.done).order_by(Hint.id).limit(20_000)
    ).all()
    old = [row.id for row in rows if row.received < now - KEPT]
    if old:
        session.execute(
            delete(Hint).where(Hint.host_id == host_id, Hint.done, Hint.id <= old[-1], Hint.received < now - KEPT)
        )


__all__ = ["Locked", "Refused", "UnknownConnection", "forget", "store", "waiting", "work"]
