"""Pulling a host: whole, since a mark, or by id; resumable page by page; nothing deleted without a second look."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from plugin.core import events
from plugin.core.days import known_zone
from plugin.core.errors import Unavailable
from plugin.core.ids import read_clock, take_ids
from plugin.core.logs import log
from plugin.core.metering import Cost, Meter
from plugin.core.runtime import Runtime
from plugin.core.tables import Host as HostRow
from plugin.hosts.port import Caps, Garbled, Host, HostTrouble, Locked, MarkTooOld, Page, Refused, Wait
from plugin.mirror import guard, lost
from plugin.mirror.changes import stamp
from plugin.mirror.connections import connection_of, open_connection
from plugin.mirror.records import KINDS, Kind, Written, drop_rows, mark_seen, write_rows
from plugin.mirror.tables import DELETED, Connection, Person, Suspect, SyncRun
from plugin.mirror.trees import recount, renumber

_log = log("mirror")
_BACKOFF = (2, 5, 15, 30, 60, 120, 300)


@dataclass
class SyncResult:
    """What a pull brought: rows changed, by kind; deletions on hold, by kind; and what it took."""

    changed: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    costs: dict[str, Cost] = field(default_factory=dict)
    """What was asked of the host, by kind; ``describe`` for what it says of itself."""


@dataclass(frozen=True)
class _Reader:
    runtime: Runtime
    host_id: int
    connection: Connection
    host: Host
    caps: Caps
    zone: str


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
        _pull(runtime, host_id, connection, result, full=full, kinds=kinds)
    except HostTrouble as trouble:
        note_trouble(runtime, connection, trouble)
        _end_run(runtime, host_id, run, "failed", trouble.why, SyncResult(costs=result.costs))
        raise Unavailable(trouble.why) from None
    note_health(runtime, connection)
    _end_run(runtime, host_id, run, "held" if result.held else "done", "", result)
    return result


def _pull(
    runtime: Runtime, host_id: int, connection: Connection, result: SyncResult, *, full: bool,
    kinds: Collection[str] | None,
) -> None:  # fmt: skip
    meter = Meter(runtime.http)
    host = open_connection(runtime, connection, meter)
    with _counted(meter, result, "describe"):
        caps = host.describe()
    zone = runtime.db.transact(lambda session: _learn(session, host_id, connection, caps))
    reader = _Reader(runtime, host_id, connection, host, caps, zone)
    for kind in KINDS.values():
        if kinds is not None and kind.name not in kinds:
            continue
        if caps.can(kind.name, "full") or caps.can(kind.name, "delta"):
            with _counted(meter, result, kind.name):
                changed = _read_kind(reader, kind, full=full)
            result.changed += changed
            result.counts[kind.name] = changed
    with runtime.db.read() as session:
        result.held = guard.held_records(session, host_id)
    if result.changed:
        runtime.db.transact(lambda session: recount(session, host_id))


@contextmanager
def _counted(meter: Meter, result: SyncResult, kind: str) -> Iterator[None]:
    """Add what is asked meanwhile to a kind's cost, also where it ends badly."""
    before = meter.cost
    try:
        yield
    finally:
        result.costs[kind] = result.costs.get(kind, Cost()) + (meter.cost - before)


def _learn(session: Session, host_id: int, connection: Connection, caps: Caps) -> str:
    """Keep what the host says of itself; returns its zone."""
    row = session.get_one(Connection, (host_id, connection.id))
    row.caps = caps.to_json()
    host = session.get_one(HostRow, host_id)
    if caps.name:
        host.title = caps.name[:255]
    if caps.time_zone:
        host.time_zone = known_zone(caps.time_zone, host.time_zone)
    return host.time_zone


def _read_kind(reader: _Reader, kind: Kind, *, full: bool) -> int:
    marks = _marks(reader, kind)
    if marks.get("cursor") is not None or full or not marks.get("mark") or not reader.caps.can(kind.name, "delta"):
        return _read_whole(reader, kind, marks)
    try:
        return _read_since(reader, kind, str(marks["mark"]))
    except MarkTooOld:
        return _read_whole(reader, kind, {})


def _marks(reader: _Reader, kind: Kind) -> dict[str, Any]:
    with reader.runtime.db.read() as session:
        row = session.get_one(Connection, (reader.host_id, reader.connection.id))
        return dict(row.marks.get(kind.name, {}))


def _read_since(reader: _Reader, kind: Kind, mark: str) -> int:
    changed = 0
    for page in reader.host.read(kind.name, since=mark):
        changed += _write_page(reader, kind, page, sweep=0, marks={"mark": page.mark or mark})
    return changed


def _read_whole(reader: _Reader, kind: Kind, marks: dict[str, Any]) -> int:
    """Everything there is; goes on at the cursor where an earlier read of this sweep was cut short."""
    cursor = marks.get("cursor")
    sweep = int(marks.get("sweep", 0)) if cursor is not None else _next_sweep(reader, kind)
    changed, kept = 0, lost.kept_for(reader.connection.mapping) if kind.name == "jobs" else None
    pages = reader.host.read(kind.name, cursor=cursor)
    while True:
        try:
            page = next(pages)
        except StopIteration:
            return changed
        except (Refused, MarkTooOld):
            if cursor is None:
                raise
            pages, cursor = reader.host.read(kind.name), None  # the host forgot the cursor: from the start
            continue
        if page.whole:
            changed += _write_page(reader, kind, page, sweep, {"mark": page.mark, "sweep": sweep}, kept)
            changed += _emptied(reader, kind, sweep, kept) if kept is not None else 0
            changed += _absent(reader, kind, sweep)
        else:
            changed += _write_page(reader, kind, page, sweep, {"cursor": page.cursor, "sweep": sweep}, kept)


def _next_sweep(reader: _Reader, kind: Kind) -> int:
    def take(session: Session) -> int:
        return take_ids(session, reader.host_id, f"sweep:{kind.name}"[:32])

    return reader.runtime.db.transact(take)


def _emptied(reader: _Reader, kind: Kind, sweep: int, kept: lost.Kept) -> int:
    """The rows that lose a mapped value: written like any other, or held where they are too many."""
    now = reader.runtime.clock.now()

    def judge(session: Session) -> list[str]:
        known = lost.known_values(session, reader.host_id)
        held: set[str] = set()
        for name, exts in kept.lost.items():
            guard.clear(session, reader.host_id, lost.FIELDS[name])
            if guard.loses_too_much(len(exts), known[name], known[name] - len(exts)):
                suspects = sorted(exts)
                guard.suspect(
                    session, reader.host_id, reader.connection.id, lost.FIELDS[name], suspects, now, held=True
                )
                held.update(exts)
        mark_seen(session, reader.host_id, kind, sorted(held), sweep)
        return sorted(held)

    held = set(reader.runtime.db.transact(judge))
    rows = [row for ext, row in kept.rows.items() if ext not in held]
    return _write_page(reader, kind, Page(kind.name, rows), sweep, {}) if rows else 0


def _write_page(
    reader: _Reader, kind: Kind, page: Page, sweep: int, marks: dict[str, Any], kept: lost.Kept | None = None
) -> int:
    """One page, its marks and its stamps in one transaction."""

    def work(session: Session) -> int:
        rows = page.rows if kept is None else lost.keep_back(session, reader.host_id, page.rows, kept)
        written = write_rows(session, reader.host_id, kind, rows, reader.zone, sweep, partial=page.partial)
        gone = drop_rows(session, reader.host_id, kind, list(page.gone))
        _finish(session, reader, written, gone)
        row = session.get_one(Connection, (reader.host_id, reader.connection.id), with_for_update=True)
        before = dict(row.marks.get(kind.name, {}))
        row.marks = {**row.marks, kind.name: {**before, "cursor": None, **marks, "read": reader.runtime.clock.now()}}
        return written.changed + gone.changed

    return reader.runtime.db.transact(work)


def _finish(session: Session, reader: _Reader, *parts: Written) -> None:
    people = set().union(*(part.people for part in parts))
    if any(part.trees for part in parts):
        renumber(session, reader.host_id)
    if people or any(part.changed for part in parts):
        stamp(session, reader.host_id, people, reader.runtime.clock.now())


def _absent(reader: _Reader, kind: Kind, sweep: int) -> int:
    """Whoever was not seen in a whole read is suspect: confirmed by id, or absent twice, before anything is deleted."""
    with reader.runtime.db.read() as session:
        absent, known = _not_seen(session, reader.host_id, kind, sweep)
        earlier = set(
            session.scalars(
                select(Suspect.ext).where(Suspect.host_id == reader.host_id, Suspect.kind == kind.name, ~Suspect.held)
            )
        )
    if not absent:
        reader.runtime.db.transact(lambda session: guard.clear(session, reader.host_id, kind.name))
        return 0
    if reader.caps.can(kind.name, "ids"):
        absent, changed = _confirm(reader, kind, absent)
        confirmed = absent
    else:
        confirmed, changed = [ext for ext in absent if ext in earlier], 0
    held = guard.loses_too_much(len(absent), known, known - len(absent))
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
    known = session.scalar(select(func.count()).select_from(table).where(*here)) or 0
    return list(session.scalars(select(table.ext).where(*here, table.sweep < sweep).order_by(table.ext))), int(known)


def _confirm(reader: _Reader, kind: Kind, absent: list[str]) -> tuple[list[str], int]:
    """Ask for the suspects by id: those that are there after all are written, the others returned."""
    changed = 0
    missing: list[str] = []
    for page in reader.host.read(kind.name, ids=absent):
        missing += page.gone
        if page.rows:
            changed += _write_page(reader, kind, Page(kind.name, page.rows), 0, {})
    return missing, changed


def _delete_or_hold(
    session: Session, reader: _Reader, kind: Kind, absent: Sequence[str], confirmed: Sequence[str], *, held: bool
) -> int:
    now = reader.runtime.clock.now()
    guard.clear(session, reader.host_id, kind.name)
    if held:
        guard.suspect(session, reader.host_id, reader.connection.id, kind.name, absent, now, held=True)
        return 0
    rest = sorted(set(absent) - set(confirmed))
    guard.suspect(session, reader.host_id, reader.connection.id, kind.name, rest, now, held=False)
    gone = drop_rows(session, reader.host_id, kind, list(confirmed))
    _finish(session, reader, gone)
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
    with runtime.db.read() as session:
        connection = connection_of(session, host_id)
        zone = str(session.scalar(select(HostRow.time_zone).where(HostRow.id == host_id)) or "UTC")
    host = open_connection(runtime, connection, meter)
    caps = Caps.from_json(connection.caps) if connection.caps else host.describe()
    reader = _Reader(runtime, host_id, connection, host, caps, zone)
    changed = 0
    for kind in KINDS.values():
        ids = wanted.get(kind.name)
        if not ids:
            continue
        if not caps.can(kind.name, "ids"):
            changed += _read_kind(reader, kind, full=False)
            continue
        for page in host.read(kind.name, ids=list(dict.fromkeys(ids)), since=since):
            changed += _write_page(reader, kind, page, 0, {})
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
        state = (
            "down" if isinstance(trouble, Wait) else "paused" if isinstance(trouble, Locked | Garbled) else row.state
        )
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
                Connection.host_id == connection.host_id, Connection.id == connection.id, Connection.state != "active"
            )
            .values(state="active", reason="", failures=0, retry_at=0, since=runtime.clock.now())
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
    told = events.Told(kind, reason=run.reason, data={"sync": {"kind": run.kind, "changed": run.counts}})
    events.append(session, run.host_id, int(run.ended or run.started), "sync", [told])
