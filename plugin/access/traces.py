"""Traces: who read what of whom, written down beside the pages and never in their way (ACCESS 6)."""

from __future__ import annotations

import atexit
import json
import queue
import socket
import sys
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import time
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from plugin.access.tables import Trace
from plugin.certifications.tables import Certification
from plugin.core.clock import format_instant
from plugin.core.database.bulk import insert_rows
from plugin.core.database.tenant import inside
from plugin.core.days import add_calendar, instant_of, local_day
from plugin.core.db import Database
from plugin.core.ids import take_ids
from plugin.core.logs import log
from plugin.core.tables import Host
from plugin.mirror.lookup.browse import names_of_people
from plugin.mirror.tables import Person

MONTHS = 13
"""How long traces are kept, unless the host says otherwise."""
SETTING = "trace_months"
PAGE, API, COMMAND = "page", "api", "command"
_MOST = 10_000
_AT_ONCE = 500
_AUDIT, _SECONDS = 13 * 8 + 6, 5.0
"""The facility *log audit* at the level *informational*, and how long somebody may let us wait."""
_log = log("traces")


@dataclass(frozen=True)
class Read:
    """One look at people.

    :ivar who: a reference: a subject of launches, ``api:NAME``, or a user of the server.
    :ivar what: the page, operation or command.
    :ivar person: the host's id of her whom it was about; empty for a list. :ivar count: of how many people.
    """

    host_id: int
    at: int
    who: str
    how: str
    what: str
    certification: int | None = None
    person: str = ""
    count: int = 0
    correlation: str = ""


class Sink:
    """Where traces go besides the database: JSON lines for whoever collects logs."""

    def __init__(self, address: str) -> None:
        """:param address: empty for nowhere, ``stdout``, or ``syslog://HOST:PORT`` (``syslog+tcp://`` for TCP)."""
        self._address, self._parts = address, urlsplit(address)
        self._socket: socket.socket | None = None

    def tell(self, read: Read) -> None:
        """One line, where lines are wanted.

        :raises OSError: where nobody takes it.
        """
        if not self._address:
            return
        line = json.dumps({"trace": "read", **asdict(read), "at": format_instant(read.at)}, ensure_ascii=False)
        if self._address == "stdout":
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        else:
            self._send(f"<{_AUDIT}>1 {format_instant(read.at)} - muster - read - {line}".encode())

    def _send(self, message: bytes) -> None:
        """By RFC 5424; over TCP with the length before it (RFC 6587)."""
        place = (str(self._parts.hostname), self._parts.port or 514)
        if self._parts.scheme == "syslog":
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
                sending.settimeout(_SECONDS)
                sending.sendto(message, place)
            return
        try:
            if self._socket is None:
                self._socket = socket.create_connection(place, timeout=_SECONDS)
            self._socket.sendall(f"{len(message)} ".encode() + message)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Give the connection back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Traces:
    """Takes what was read from the pages, and writes it in a thread of its own."""

    def __init__(self, database: Database, address: str = "") -> None:
        self._database = database
        self._address = address
        self._sink: Sink | None = None
        self._queue: queue.Queue[Read] = queue.Queue(_MOST)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, read: Read, *, start: bool = True) -> None:
        """Take one down; where very many wait it is lost, and the log says so.

        :param start: whether a thread writes it; else the next :meth:`flush` does.
        """
        try:
            self._queue.put_nowait(read)
        except queue.Full:
            _log.error("a trace was lost: the database is too slow", what=read.what)
        if start and self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, name="traces", daemon=True)
                    self._thread.start()
                    atexit.register(self.flush)

    def _work(self) -> None:
        while True:
            first = self._queue.get()
            try:
                self.write([first, *self._waiting()])
            except Exception as error:
                _log.error("traces were not written", error=type(error).__name__)

    def _waiting(self) -> Iterable[Read]:
        for _number in range(_AT_ONCE - 1):
            try:
                yield self._queue.get_nowait()
            except queue.Empty:
                return

    def flush(self) -> None:
        """Write what waits, now."""
        while reads := list(self._waiting()):
            self.write(reads)

    def write(self, reads: Sequence[Read]) -> None:
        """Write these: the lines first, so that they are out even where the database is away."""
        for read in reads:
            self._tell(read)
        for host_id in sorted({one.host_id for one in reads}):
            here = [one for one in reads if one.host_id == host_id]
            with inside(host_id):
                self._database.transact(partial(_store, host_id, here))

    def close(self) -> None:
        """Give back what lines are sent by."""
        if self._sink is not None:
            self._sink.close()

    def _tell(self, read: Read) -> None:
        try:
            if self._sink is None:
                self._sink = Sink(self._address)
            self._sink.tell(read)
        except OSError as error:
            _log.error("a trace was not sent", error=type(error).__name__)


def _store(host_id: int, reads: Sequence[Read], session: Session) -> None:
    if session.get(Host, host_id) is None:
        return
    exts = sorted({one.person for one in reads if one.person})
    rows = session.execute(select(Person.ext, Person.id).where(Person.host_id == host_id, Person.ext.in_(exts)))
    known = {row[0]: row[1] for row in rows}
    first = take_ids(session, host_id, "trace", len(reads))
    columns: dict[str, Any] = {
        "host_id": host_id, "id": list(range(first, first + len(reads))), "at": [one.at for one in reads],
        "who": [one.who[:255] for one in reads], "how": [one.how for one in reads],
        "what": [one.what[:80] for one in reads], "certification": [one.certification for one in reads],
        "person": [known.get(one.person) for one in reads], "count": [one.count for one in reads],
        "correlation": [one.correlation[:32] for one in reads],
    }  # fmt: skip
    insert_rows(session, Trace, columns)


def found(
    session: Session, host_id: int, *, who: str = "", person: int | None = None, since: int = 0, before: int | None = None,
    limit: int = 100,
) -> Sequence[Trace]:  # fmt: skip
    """Traces, newest first.

    :param who: only of this reader, to the letter. :param person: only of looks at her alone. :param before: only older
        than this number.
    """
    query = select(Trace).where(Trace.host_id == host_id, Trace.at >= since)
    if who:
        query = query.where(Trace.who == who)
    if person is not None:
        query = query.where(Trace.person == person)
    if before is not None:
        query = query.where(Trace.id < before)
    return session.scalars(query.order_by(Trace.id.desc()).limit(limit)).all()


def documents(session: Session, host_id: int, rows: Sequence[Trace]) -> list[dict[str, Any]]:
    """Traces as they are told outside."""
    people = names_of_people(session, host_id, [row.person for row in rows if row.person is not None])
    query = select(Certification.id, Certification.code).where(Certification.host_id == host_id)
    codes = {row[0]: row[1] for row in session.execute(query)}
    return [
        {
            "id": row.id, "at": format_instant(row.at), "who": row.who, "how": row.how, "what": row.what,
            "certification": codes.get(row.certification or 0),
            "person": people[row.person].ext if row.person in people else None,
            "count": row.count,
        }
        for row in rows
    ]  # fmt: skip


def months_of(host: Host) -> int:
    """How many months a host keeps its traces."""
    return int(host.settings.get(SETTING) or MONTHS)


def forget(session: Session, host_id: int, now: int) -> None:
    """Drop what is kept no longer."""
    host = session.get_one(Host, host_id)
    first = add_calendar(local_day(now, host.time_zone), -months_of(host), "months")
    until = instant_of(first, time(0), host.time_zone)
    session.execute(delete(Trace).where(Trace.host_id == host_id, Trace.at < until))


def trace_now(database: Database, address: str, read: Read) -> None:
    """Write one at once: of commands, which end before a thread would have its turn."""
    made = Traces(database, address)
    made.write([read])
    made.close()


__all__ = [
    "API",
    "COMMAND",
    "MONTHS",
    "PAGE",
    "Read",
    "Sink",
    "Traces",
    "documents",
    "forget",
    "found",
    "months_of",
    "trace_now",
]
