"""Pulling a host: whole, since a mark, or by id; resumable page by page; nothing deleted without a second look."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from plugin.core import outbox
from plugin.core.days import known_zone
from plugin.core.db import DATABASE_AWAY
from plugin.core.errors import Unavailable
from plugin.core.host_time import move_on
from plugin.core.ids import read_clock, take_ids
from plugin.core.logs import log
from plugin.core.network.call_counts import Cost, Meter
from plugin.core.runtime import Runtime
from plugin.core.tables import Host as HostRow
from plugin.core.text.stored import later
from plugin.core.text.texts import clean, shown
from plugin.hosts.port import Caps, Garbled, HostTrouble, Locked, MarkTooOld, Page, Refused, Wait
from plugin.mirror import problems
from plugin.mirror.changes import stamp
from plugin.mirror.connections.date_settings import move_zone
from plugin.mirror.connections.store import connection_of, open_connection
from plugin.mirror.pulling import lost_values, row_guard
from plugin.mirror.pulling.fields import Unread
from plugin.mirror.pulling.pages import HostReader, Superseded, finish, write_page
from plugin.mirror.pulling.rows import KINDS, Kind, drop_rows, mark_seen
from plugin.mirror.pulling.unit_trees import recount
from plugin.mirror.tables import DELETED, Connection, Person, Suspect, SyncRun

_log = log("mirror")
T = TypeVar("T")
_AGAIN = 5
_BACKOFF = (2, 5, 15, 30, 60, 120, 300)


@dataclass
class SyncResult:
    """What a pull brought: rows changed, by kind; deletions on hold, by kind; and what it took."""

    changed: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    costs: dict[str, Cost] = field(default_factory=dict)
    """What was asked of the host, by kind; ``describe`` for what it says of itself."""
    failed: list[str] = field(default_factory=list)
    """Kinds that could not be read, because the host does not give them or through a fault of ours; the others were."""
    locked: Locked | None = None
    """The first right that the host said is missing."""


def pull(
    runtime: Runtime, host_id: int, *, full: bool = False, kinds: Collection[str] | None = None
) -> SyncResult:  # fmt: skip
    """Bring the mirror up to date. Each page is its own transaction; a pull cut short goes on where it was.

    :param full: read every kind whole, also where the host offers deltas. :param kinds: only these, where not all.
    :raises Unavailable: with a sentence, when the host is down, locks us out or breaks the contract. What was read
        before stays.
    """
    with runtime.db.read() as session:
        connection = connection_of(session, host_id)
    run = _begin_run(runtime, host_id, connection, "full" if full else "delta")
    result = SyncResult()
    try:
        _again(lambda: _pull(runtime, host_id, result, full=full, kinds=kinds))
    except HostTrouble as trouble:
        note_trouble(runtime, connection, trouble)
        _end_run(runtime, host_id, run, "failed", trouble.why, SyncResult(costs=result.costs))
        raise Unavailable(trouble.why) from None
    note_health(runtime, connection)
    if result.failed:
        why = later(
            "These records could not be read, the others were: %(kinds)s. See Data problems.",
            kinds=", ".join(result.failed),
        )
        _end_run(runtime, host_id, run, "failed", why, result)
        raise Unavailable(why)
    _end_run(runtime, host_id, run, "held" if result.held else "done", "", result)
    return result


def _again(read: Callable[[], T]) -> T:
    """Read; from the start where the host's zone or mapping was changed meanwhile."""
    for _time in range(_AGAIN):
        with suppress(Superseded):
            return read()
    return read()


def _pull(
    runtime: Runtime, host_id: int, result: SyncResult, *, full: bool, kinds: Collection[str] | None
) -> None:  # fmt: skip
    with runtime.db.read() as session:
        connection = connection_of(session, host_id)
    meter = Meter(runtime.http)
    host = open_connection(runtime, connection, meter)
    with _counted(meter, result, "describe"):
        caps = host.describe()
    zone = runtime.db.transact(lambda session: _learn(session, host_id, connection, caps, runtime.clock.now()))
    reader = HostReader(runtime, host_id, connection, host, caps, zone)
    for kind in KINDS.values():
        if kinds is not None and kind.name not in kinds:
            continue
        if caps.can(kind.name, "full") or caps.can(kind.name, "delta"):
            with _counted(meter, result, kind.name):
                changed = _read_or_put_aside(reader, kind, result, full=full)
            result.changed += changed
            result.counts[kind.name] = changed
    with runtime.db.read() as session:
        result.held = row_guard.held_records(session, host_id)
    if result.changed:
        runtime.db.transact(lambda session: recount(session, host_id))
    if result.locked is not None:
        raise result.locked


def _read_or_put_aside(reader: HostReader, kind: Kind, result: SyncResult, *, full: bool) -> int:
    """Read a kind; one that the host denies us, or a fault of ours in it, is said and costs no other."""
    now = reader.runtime.clock.now()
    try:
        changed = _read_kind(reader, kind, full=full)
    except (Wait, Garbled, MarkTooOld, *DATABASE_AWAY, Unavailable):
        raise
    except Exception as error:
        result.failed.append(kind.name)
        if isinstance(error, HostTrouble):
            why = error.why
            result.locked = result.locked or (error if isinstance(error, Locked) else None)
        else:
            _log.exception("a kind could not be read", host=reader.host_id, kind=kind.name)
            why = type(error).__name__
        reader.runtime.db.transact(
            lambda session: problems.put_aside(session, reader.host_id, "read", kind.name, why, now)
        )
        return 0
    reader.runtime.db.transact(lambda session: problems.done(session, reader.host_id, "read", [kind.name]))
    return changed


@contextmanager
def _counted(meter: Meter, result: SyncResult, kind: str) -> Iterator[None]:
    """Add what is asked meanwhile to a kind's cost, also where it ends badly."""
    before = meter.cost
    try:
        yield
    finally:
        result.costs[kind] = result.costs.get(kind, Cost()) + (meter.cost - before)


def _learn(session: Session, host_id: int, connection: Connection, caps: Caps, now: int) -> str:
    """Keep what the host says of itself; returns its zone."""
    row = session.get_one(Connection, (host_id, connection.id))
    row.caps = caps.to_json()
    host = session.get_one(HostRow, host_id)
    if caps.name:
        host.title = clean(caps.name)
    problems.ended(session, host_id, "time_zone", sweep=1)
    if caps.time_zone:
        if not (zone := known_zone(caps.time_zone, "")):
            unread = Unread("time_zone", shown(caps.time_zone), "zone")
            problems.note(session, host_id, "time_zone", [problems.Problem("", unread)], now, sweep=0)
        move_zone(session, host_id, zone, at=now, who="sync")
    return host.time_zone


def _read_kind(reader: HostReader, kind: Kind, *, full: bool) -> int:
    marks = _marks(reader, kind)
    if marks.get("cursor") is not None or full or not marks.get("mark") or not reader.caps.can(kind.name, "delta"):
        return _read_whole(reader, kind, marks)
    try:
        return _read_since(reader, kind, str(marks["mark"]))
    except MarkTooOld:
        return _read_whole(reader, kind, {})


def _marks(reader: HostReader, kind: Kind) -> dict[str, Any]:
    with reader.runtime.db.read() as session:
        row = session.get_one(Connection, (reader.host_id, reader.connection.id))
        return dict(row.marks.get(kind.name, {}))


def _read_since(reader: HostReader, kind: Kind, mark: str) -> int:
    changed = 0
    for page in reader.host.read(kind.name, since=mark):
        changed += write_page(reader, kind, page, sweep=0, marks={"mark": page.mark or mark})
    return changed


def _read_whole(reader: HostReader, kind: Kind, marks: dict[str, Any]) -> int:
    """Everything there is; goes on at the cursor where an earlier read of this sweep was cut short.

    A host says in many ways that it does not know a cursor any more, so whatever it answers there but *later* begins the
    read anew: at once, or with the next pull where the answer may have another cause.
    """
    cursor = marks.get("cursor")
    sweep = int(marks.get("sweep", 0)) if cursor is not None else _next_sweep(reader, kind)
    changed, kept = 0, lost_values.kept_for(reader.connection.mapping) if kind.name == "jobs" else None
    pages = reader.host.read(kind.name, cursor=cursor)
    while True:
        try:
            page = next(pages)
        except StopIteration:
            return changed
        except (Refused, MarkTooOld, Garbled):
            _forget_cursor(reader, kind)
            if cursor is None:
                raise
            pages, cursor, sweep = reader.host.read(kind.name), None, _next_sweep(reader, kind)
            continue
        except Wait as trouble:
            if cursor is not None and trouble.after is None:
                _forget_cursor(reader, kind)
            raise
        cursor = None
        if page.whole:
            changed += write_page(reader, kind, page, sweep, {"mark": page.mark, "sweep": sweep}, kept)
            changed += _emptied(reader, kind, sweep, kept) if kept is not None else 0
            changed += _absent(reader, kind, sweep)
            reader.runtime.db.transact(partial(problems.ended, host_id=reader.host_id, kind=kind.name, sweep=sweep))
        else:
            changed += write_page(reader, kind, page, sweep, {"cursor": page.cursor, "sweep": sweep}, kept)


def _forget_cursor(reader: HostReader, kind: Kind) -> None:
    def forget(session: Session) -> None:
        row = session.get_one(Connection, (reader.host_id, reader.connection.id), with_for_update=True)
        if kind.name in row.marks:
            row.marks = {**row.marks, kind.name: {**row.marks[kind.name], "cursor": None}}

    reader.runtime.db.transact(forget)


def _next_sweep(reader: HostReader, kind: Kind) -> int:
    def take(session: Session) -> int:
        return take_ids(session, reader.host_id, f"sweep:{kind.name}"[:32])

    return reader.runtime.db.transact(take)


def _emptied(reader: HostReader, kind: Kind, sweep: int, kept: lost_values.KeptRows) -> int:
    """The rows that lose a mapped value: written like any other, or held where they are too many."""
    now = reader.runtime.clock.now()

    def judge(session: Session) -> list[str]:
        known = lost_values.known_values(session, reader.host_id)
        held: set[str] = set()
        for name, exts in kept.lost.items():
            row_guard.clear(session, reader.host_id, lost_values.FIELDS[name])
            if row_guard.loses_too_much(len(exts), known[name], known[name] - len(exts)):
                suspects = sorted(exts)
                row_guard.suspect(
                    session, reader.host_id, reader.connection.id, lost_values.FIELDS[name], suspects, now, held=True
                )
                held.update(exts)
        mark_seen(session, reader.host_id, kind, sorted(held), sweep)
        return sorted(held)

    held = set(reader.runtime.db.transact(judge))
    rows = [row for ext, row in kept.rows.items() if ext not in held]
    return write_page(reader, kind, Page(kind.name, rows), sweep, {}) if rows else 0


def _absent(reader: HostReader, kind: Kind, sweep: int) -> int:
    """Whoever was not seen in a whole read is suspect: confirmed by id, or absent twice, before anything is deleted."""
    with reader.runtime.db.read() as session:
        absent, known = _not_seen(session, reader.host_id, kind, sweep)
        earlier = set(
            session.scalars(
                select(Suspect.ext).where(Suspect.host_id == reader.host_id, Suspect.kind == kind.name, ~Suspect.held)
            )
        )
    if not absent:
        reader.runtime.db.transact(lambda session: row_guard.clear(session, reader.host_id, kind.name))
        return 0
    if reader.caps.can(kind.name, "ids"):
        absent, confirmed, changed = _confirm(reader, kind, absent, earlier)
    else:
        confirmed, changed = [ext for ext in absent if ext in earlier], 0
    held = row_guard.loses_too_much(len(absent), known, known - len(absent))
    move_on(reader.runtime, reader.host_id)
    return changed + reader.runtime.db.transact(
        lambda session: _delete_or_hold(session, reader, kind, absent, confirmed, held=held)
    )


def _not_seen(session: Session, host_id: int, kind: Kind, sweep: int) -> tuple[list[str], int]:
    table = kind.table
    here = [table.host_id == host_id]
    if table is Person:
        here.append(Person.state != DELETED)
    elif hasattr(table, "gone"):
        here.append(table.gone.is_(False))
    if hasattr(table, "connection"):
        here.append(table.connection == 0)  # what sources supply is not the site's to tell
    known = session.scalar(select(func.count()).select_from(table).where(*here)) or 0
    return list(session.scalars(select(table.ext).where(*here, table.sweep < sweep).order_by(table.ext))), int(known)


def _confirm(
    reader: HostReader, kind: Kind, absent: list[str], earlier: Collection[str]
) -> tuple[list[str], list[str], int]:  # fmt: skip
    """Ask for the suspects by id: those that are there after all are written.

    :returns: those still missing, those of them that may go, and how many rows changed. One whose id no list can name
        was not judged by the answer: it may go when it was absent in a whole read before.
    """
    changed = 0
    gone: set[str] = set()
    there: set[str] = set()
    for page in reader.host.read(kind.name, ids=absent):
        gone |= set(page.gone)
        there |= {row.id for row in page.rows}
        if page.rows:
            changed += write_page(reader, kind, Page(kind.name, page.rows), 0, {})
    missing = [ext for ext in absent if ext not in there]
    return missing, [ext for ext in missing if ext in gone or ext in earlier], changed


def _delete_or_hold(
    session: Session, reader: HostReader, kind: Kind, absent: Sequence[str], confirmed: Sequence[str], *, held: bool
) -> int:
    now = reader.runtime.clock.now()
    row_guard.clear(session, reader.host_id, kind.name)
    if held:
        row_guard.suspect(session, reader.host_id, reader.connection.id, kind.name, absent, now, held=True)
        return 0
    rest = sorted(set(absent) - set(confirmed))
    row_guard.suspect(session, reader.host_id, reader.connection.id, kind.name, rest, now, held=False)
    gone = drop_rows(session, reader.host_id, kind, list(confirmed))
    finish(session, reader, gone)
    return gone.changed


def read_by_ids(
    runtime: Runtime,
    host_id: int,
    wanted: dict[str, list[str]],
    *,
    since: str | None = None,
    until: float | None = None,
    meter: Meter | None = None,
) -> int:
    """Read exactly these records again, by kind; what is missing from the answer is deleted. Never guarded.

    :param since: of these, only what may have changed. :param until: monotonic time after which no more is asked for.
    :param meter: counts what is asked.
    :raises HostTrouble: as the host answers; the caller keeps what it owes.
    """
    return _again(lambda: _read_by_ids(runtime, host_id, wanted, since, until, meter))


def _read_by_ids(
    runtime: Runtime, host_id: int, wanted: dict[str, list[str]], since: str | None, until: float | None,
    meter: Meter | None,
) -> int:  # fmt: skip
    with runtime.db.read() as session:
        connection = connection_of(session, host_id)
        zone = str(session.scalar(select(HostRow.time_zone).where(HostRow.id == host_id)) or "UTC")
    host = open_connection(runtime, connection, meter)
    caps = Caps.from_json(connection.caps) if connection.caps else host.describe()
    reader = HostReader(runtime, host_id, connection, host, caps, zone)
    changed = 0
    for kind in KINDS.values():
        ids = wanted.get(kind.name)
        if not ids or not caps.reads.get(kind.name):
            continue
        if not caps.can(kind.name, "ids"):
            changed += _read_kind(reader, kind, full=False)
            continue
        for page in host.read(kind.name, ids=list(dict.fromkeys(ids)), since=since):
            written = write_page(reader, KINDS[page.kind], page, 0, {})
            changed += written if page.kind == kind.name else 0  # what is learnt on the way is not what was asked
            if until is not None and time.monotonic() > until:
                break
    if changed:
        runtime.db.transact(lambda session: recount(session, host_id))
    return changed


# --- health of the connection


def note_trouble(runtime: Runtime, connection: Connection, trouble: HostTrouble) -> None:
    """Remember why the host cannot be used now, and from when on to try again."""
    now = runtime.clock.now()

    def work(session: Session) -> None:
        row = session.get_one(Connection, (connection.host_id, connection.id), with_for_update=True)
        state = "down" if isinstance(trouble, Wait) else row.state if isinstance(trouble, Refused) else "paused"
        if row.state != state:
            row.state, row.since = state, now
        row.reason, row.failures = trouble.why, row.failures + 1
        after = trouble.after if isinstance(trouble, Wait) and trouble.after is not None else None
        row.retry_at = now + (after if after is not None else _BACKOFF[min(row.failures, len(_BACKOFF)) - 1])

    runtime.db.transact(work)
    _log.warning("host in trouble", host=connection.host_id, trouble=type(trouble).__name__, why=trouble.why)


def note_health(runtime: Runtime, connection: Connection) -> None:
    """The host answered as it should."""
    runtime.db.transact(
        lambda session: session.execute(
            update(Connection)
            .where(
                Connection.host_id == connection.host_id,
                Connection.id == connection.id,
                (Connection.state != "active") | (Connection.failures > 0),
            )
            .values(
                state="active",
                reason="",
                failures=0,
                retry_at=0,
                since=case((Connection.state == "active", Connection.since), else_=runtime.clock.now()),
            )
        )
    )


def _begin_run(runtime: Runtime, host_id: int, connection: Connection, kind: str) -> int:
    def work(session: Session) -> int:
        number = take_ids(session, host_id, "sync_run")
        session.add(
            SyncRun(host_id=host_id, id=number, connection=connection.id, kind=kind, started=runtime.clock.now())
        )
        if read_clock(session, host_id) == (0, 0):
            stamp(session, host_id, (), runtime.clock.now())
        return number

    return runtime.db.transact(work)


def _end_run(runtime: Runtime, host_id: int, run: int, state: str, reason: str, result: SyncResult) -> None:
    def work(session: Session) -> None:
        row = session.get_one(SyncRun, (host_id, run))
        row.ended, row.state, row.reason, row.counts = runtime.clock.now(), state, reason, result.counts
        row.costs = {kind: cost.to_json() for kind, cost in result.costs.items() if cost.calls}
        _tell(session, row)

    runtime.db.transact(work)


def _tell(session: Session, run: SyncRun) -> None:
    """Tell outside subscribers how a pull ended; what stays as bad as it was is told once."""
    before = session.scalars(
        select(SyncRun.state)
        .where(SyncRun.host_id == run.host_id, SyncRun.id < run.id, SyncRun.kind.in_(("full", "delta")))
        .order_by(SyncRun.id.desc())
        .limit(1)
    ).first()
    if run.state != "done" and run.state == before:
        return
    kind = "sync.completed" if run.state == "done" else f"sync.{run.state}"
    told = outbox.OutboxEntry(kind, reason=run.reason, data={"sync": {"kind": run.kind, "changed": run.counts}})
    outbox.append(session, run.host_id, int(run.ended or run.started), "sync", [told])
