"""Stored hints are worked off by reading the records again (design idea 3).

What a hint led to is kept as a word and numbers: ``read 3`` (rows changed by reading the ids it names), ``delta 17 12345``
(by one read of what changed, for so many hints together), ``whole 17 1`` (by a read of everything); ``differed 2 5`` is
of delivery, which looks after hints about enrolments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from plugin.core.database.leases import end_turn, take_turn
from plugin.core.database.slices import slices
from plugin.core.db import DATABASE_AWAY
from plugin.core.errors import Unavailable
from plugin.core.logs import correlation, log, use_correlation
from plugin.core.runtime import Runtime
from plugin.hosts.port import HostTrouble, Locked, Wait
from plugin.mirror import problems
from plugin.mirror.connections.store import connection_of
from plugin.mirror.pulling.pull import note_health, note_trouble, pull, read_by_ids
from plugin.mirror.tables import Connection, StoredHint

STORM = 1000
"""With more ids or hints than this waiting, one read of what changed costs less than asking for each."""
QUIET, LONGEST = 10, 60
"""Seconds without a hint after which a storm counts as over; seconds after which it is read all the same."""
PAUSE, PATIENCE = 3, 15
"""The same for hints that name no ids, each of which would be a read of what changed."""
KEPT = 15 * 24 * 3600
"""Seconds for which keys are known again: longer than Totara tries (47 hours after the first attempt)."""
_TURN, LEASE = "hints", 300
TRIES, LAST = 3, 8
"""How often a hint is tried before it is put aside: where others can be worked off, and where none can."""
_log = log("mirror")
_ENROLMENTS = "enrolments"
"""Hints of this kind are delivery's, which knows what is an echo of our own writes."""


def waiting(session: Session, host_id: int) -> list[StoredHint]:
    """Hints not worked off yet, oldest first, no more than make a storm."""
    return list(
        session.scalars(
            select(StoredHint)
            .where(StoredHint.host_id == host_id, StoredHint.done.is_(False), StoredHint.kind != _ENROLMENTS)
            .order_by(StoredHint.id)
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


def _sizes(hints: Sequence[StoredHint]) -> dict[str, int]:
    found: dict[str, int] = {}
    for hint in hints:
        found[hint.kind] = found.get(hint.kind, 0) + len(hint.ids)
    return found


def _by_ids(runtime: Runtime, connection: Connection, hints: Sequence[StoredHint]) -> int:
    """Read what these hints name, together; where that fails each by itself, so that one holds up no other."""
    if not hints:
        return 0
    try:
        _read(runtime, connection, hints)
        return len(hints)
    except (Wait, Locked, Unavailable, *DATABASE_AWAY):
        raise
    except Exception as error:
        if isinstance(error, HostTrouble) and len(hints) == 1:
            _failed(runtime, connection, hints[0], error, most=LAST)
            raise
        trouble: Exception = error
    done = 0
    failed: list[tuple[StoredHint, Exception]] = []
    for hint in hints:
        try:
            _read(runtime, connection, [hint])
            done += 1
        except (Wait, Locked, Unavailable, *DATABASE_AWAY):
            raise
        except Exception as error:
            failed.append((hint, error))
    of_host = not done and isinstance(trouble, HostTrouble)
    for hint, raised in failed:
        _failed(runtime, connection, hint, raised, most=LAST if of_host else TRIES)
    if of_host:
        raise trouble
    return done


def _read(runtime: Runtime, connection: Connection, hints: Sequence[StoredHint]) -> None:
    wanted: dict[str, dict[str, None]] = {}
    for hint in hints:
        wanted.setdefault(hint.kind, {}).update(dict.fromkeys(hint.ids))
    changed = read_by_ids(runtime, connection.host_id, {kind: list(ids) for kind, ids in wanted.items()})
    note_health(runtime, connection)
    numbers = [one.id for one in hints]
    runtime.db.transact(lambda session: _done(session, runtime, connection.host_id, numbers, f"read {changed}"))


def _failed(runtime: Runtime, connection: Connection, hint: StoredHint, error: Exception, *, most: int) -> None:
    """Count a try; after ``most`` the hint is put aside and shown among the data problems."""
    why = error.why if isinstance(error, HostTrouble) else type(error).__name__
    what = f"{hint.kind}: {', '.join(hint.ids[:5])}{'…' if len(hint.ids) > 5 else ''}"

    def note(session: Session) -> None:
        row = session.get_one(StoredHint, (connection.host_id, hint.id), with_for_update=True)
        row.tries += 1
        if row.tries >= most:
            _done(session, runtime, connection.host_id, [hint.id], "aside")
            problems.put_aside(session, connection.host_id, "hint", what, why, runtime.clock.now())

    _log.warning("a hint could not be worked off", host=connection.host_id, kind=hint.kind, why=why)
    runtime.db.transact(note)


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
        select(
            StoredHint.kind,
            func.max(StoredHint.id),
            func.count(),
            func.min(StoredHint.received),
            func.max(StoredHint.received),
        )
        .where(StoredHint.host_id == connection.host_id, StoredHint.done.is_(False), StoredHint.kind != _ENROLMENTS)
        .group_by(StoredHint.kind)
    )
    with runtime.db.read() as session:
        rows = session.execute(query).all()
    if not rows:
        return 0
    found = _Waiting(frozenset(row[0] for row in rows), max(row[1] for row in rows), sum(row[2] for row in rows),
                     min(row[3] for row in rows), max(row[4] for row in rows))  # fmt: skip
    return _pull(runtime, connection, found, QUIET, LONGEST, patient=patient)


def _of_kinds(runtime: Runtime, connection: Connection, hints: Sequence[StoredHint], *, patient: bool) -> int:
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
    turn = runtime.db.transact(lambda session: take_turn(session, host_id, _TURN, now, LEASE))
    if turn is None:
        return 0
    try:
        full = "all" in found.kinds
        changed = pull(runtime, host_id, full=full, kinds=None if full else found.kinds).changed
    finally:
        runtime.db.transact(lambda session: end_turn(session, host_id, _TURN, turn))
    caused = f"{'whole' if full else 'delta'} {changed} {found.count}"
    if found.numbers is not None:
        numbers = found.numbers
        runtime.db.transact(lambda session: _done(session, runtime, host_id, numbers, caused))
    else:
        runtime.db.transact(lambda session: _all_done(session, runtime, host_id, found.last, caused))
    return found.count


def _done(session: Session, runtime: Runtime, host_id: int, numbers: Sequence[int], caused: str) -> None:
    values = {"done": True, "caused": caused, "worked": runtime.clock.true(), "batch": correlation()}
    for part in slices(numbers):
        session.execute(
            update(StoredHint).where(StoredHint.host_id == host_id, StoredHint.id.in_(part)).values(**values)
        )


def _all_done(session: Session, runtime: Runtime, host_id: int, last: int, caused: str) -> None:
    session.execute(
        update(StoredHint)
        .where(
            StoredHint.host_id == host_id,
            StoredHint.id <= last,
            StoredHint.done.is_(False),
            StoredHint.kind != _ENROLMENTS,
        )
        .values(done=True, caused=caused, worked=runtime.clock.true(), batch=correlation()),
        execution_options={"synchronize_session": False},
    )


def forget(session: Session, host_id: int, now: int) -> None:
    """Drop hints worked off long ago. :param now: the true time."""
    rows = session.execute(
        select(StoredHint.id, StoredHint.received)
        .where(StoredHint.host_id == host_id, StoredHint.done)
        .order_by(StoredHint.id)
        .limit(20_000)
    ).all()
    old = [row.id for row in rows if row.received < now - KEPT]
    if old:
        session.execute(
            delete(StoredHint).where(
                StoredHint.host_id == host_id,
                StoredHint.done,
                StoredHint.id <= old[-1],
                StoredHint.received < now - KEPT,
            )
        )
