"""The drain: batches of 500 to a host in the same process, against the bare updates of the same seats."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch

from sqlalchemy import text

from plugin.core.ids import take_ids
from plugin.core.runtime import Runtime
from plugin.delivery.seats import send as room
from plugin.delivery.seats.send import drain
from plugin.hosts.port import HostDialect, Outcome, Reply
from plugin.hosts.webhook import WebhookHost
from plugin.mirror.connections.store import spec_for
from plugin.mirror.tables import Connection
from tests.bench.meter import begun

BATCH = 500
SECRET = "whsec_" + "YS1zZWNyZXQtb2YtdGhlLWJlbmNoLW9ubHk="
_CLAIM = (
    "UPDATE seat SET confirmed = 3, sent = wanted, sent_generation = generation, call = :call WHERE host_id = :host AND"
    " (course, person) IN (SELECT course, person FROM seat WHERE host_id = :host AND owed AND call = ''"
    " AND next_at <= 0 ORDER BY next_at, changed, course, person LIMIT :size{lock})"
)
_CONFIRM = (
    "UPDATE seat SET confirmed = sent, origin = 1, owed = :no, call = '', confirmed_at = :at WHERE host_id = :host"
    " AND call = :call AND call <> ''"
)
LITERAL = (_CLAIM.format(lock=" FOR UPDATE SKIP LOCKED"), _CONFIRM)


class AtOnce:
    """A host in this process: everything is done at once."""

    def __init__(self, real: WebhookHost) -> None:
        self._real = real

    def prepare(self, kind: str, items: Sequence[Mapping[str, Any]], correlation: str) -> str:
        """As over HTTP."""
        return self._real.prepare(kind, items, correlation)

    def look(self, kind: str, body: str) -> None:
        """Nothing to look at."""

    def send(self, call_id: str, kind: str, body: str) -> Reply:
        """Done."""
        return Reply([Outcome(item["seat"], "done") for item in json.loads(body)["data"]["items"]])


def prepare(runtime: Runtime, host_id: int) -> int:
    """Give the host a connection, if it has none; returns how many seats there are."""
    with runtime.db.write() as session:
        row = session.get(Connection, (host_id, 1))
        if row is None:
            number = take_ids(session, host_id, "connection")
            row = Connection(
                host_id=host_id, id=number, name="bench", kind="webhook", mapping={}, settings={}, marks={}
            )
            session.add(row)
        row.caps = {"writes": {"seats": BATCH, "messages": 100}}
        row.webhook_secret = SECRET
        session.execute(text("UPDATE message SET state = 'cancelled'"))
        return int(
            session.execute(text("SELECT count(*) FROM seat WHERE host_id = :host"), {"host": host_id}).scalar_one()
        )


def owe_all(runtime: Runtime, host_id: int, most: int) -> int:
    """As after a save: seats wanted, nothing sent. Returns how many."""
    with runtime.db.write() as session:
        session.execute(
            text(
                "UPDATE seat SET confirmed = 0, origin = 0, owed = :no, call = '', generation = 1 WHERE host_id = :host"
                " AND (confirmed <> 0 OR origin <> 0 OR owed OR call <> '' OR generation <> 1)"
            ),
            {"host": host_id, "no": False},
        )
        rows = session.execute(
            text(
                "UPDATE seat SET owed = :yes WHERE host_id = :host AND wanted = 2 AND (course, person) IN (SELECT course,"
                " person FROM seat WHERE host_id = :host AND wanted = 2 ORDER BY course, person LIMIT :most)"
            ),
            {"host": host_id, "yes": True, "most": most},
        )
        return int(rows.rowcount)  # type: ignore[attr-defined]


def bare(runtime: Runtime, host_id: int, seats: int) -> float:
    """Milliseconds of the claim update plus the outcome update over so many seats, batch by batch, each committed."""
    lock = "" if runtime.db.sqlite else " FOR UPDATE SKIP LOCKED"
    passed = begun()
    for number in range(-(-seats // BATCH)):
        values = {"host": host_id, "call": f"msg_{number:024}", "size": BATCH}
        with runtime.db.write() as session:
            session.execute(text(_CLAIM.format(lock=lock)), values)
        with runtime.db.write() as session:
            session.execute(text(_CONFIRM), {**values, "no": False, "at": 1})
    return passed()


def product(runtime: Runtime, host_id: int, webhook_url: str = "") -> float:
    """Milliseconds of the drain, to a host in this process or over HTTP."""
    with runtime.db.write() as session:
        row = session.get_one(Connection, (host_id, 1))
        row.webhook_url = webhook_url or "http://127.0.0.1:9/"
    quiet = replace(runtime)

    def opened(made: Runtime, row: Connection) -> HostDialect:
        real = WebhookHost(spec_for(made, row), made.http, made.clock)
        return real if webhook_url else AtOnce(real)  # type: ignore[return-value]

    with patch.object(room, "open_connection", opened):
        passed = begun()
        drain(quiet, host_id, lambda _session, _rows: {})
        return passed()


@contextmanager
def answering() -> Iterator[str]:
    """A receiver on a real socket that says *done* to everything."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told = [{"seat": item["seat"], "outcome": "done"} for item in body["data"]["items"]]
            answer = json.dumps({"outcomes": told}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            self.wfile.flush()

        def log_message(self, *_said: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
