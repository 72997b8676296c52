"""Receivers on real sockets, and a verifier of Standard Webhooks written from the specification alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sqlalchemy import select

from plugin.core.journal import record
from plugin.core.outbox import TYPES
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.delivery.endpoints.subscriptions import EnteredSubscription, create
from plugin.delivery.tables import Endpoint, EndpointDelivery

HOST = 1
EVERYTHING = tuple(one for one in TYPES if one != "endpoint.ping")


@dataclass(frozen=True)
class Got:
    """One request as it came in."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        return json.loads(self.body)  # type: ignore[no-any-return]

    @property
    def seq(self) -> int:
        return int(self.message["data"]["seq"])


@dataclass
class Receiver:
    """Keeps what it gets; answers as ``judge`` says: a status, or a status with headers and a body."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    judge: Callable[[Got], Any] = lambda _got: 204

    def taken(self) -> list[Got]:
        """What was answered with success, were the judge of now asked."""
        return [one for one in self.got if self.judge(one) == 204]


@contextmanager
def receiving(judge: Callable[[Got], Any] = lambda _got: 204) -> Iterator[Receiver]:
    """A receiver on a free port."""
    made = Receiver(judge=judge)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            got = Got({name.lower(): value for name, value in self.headers.items()}, body)
            answer = made.judge(got)
            made.got.append(got)
            status, headers, content = answer if isinstance(answer, tuple) else (answer, {}, b"")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_arguments: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}/events"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


def a_host(runtime: Runtime) -> None:
    with runtime.db.write() as session:
        session.add(Host(id=HOST, name="acme", title="Acme", state="active", settings={}))


def subscribe(runtime: Runtime, url: str, *types: str, names: bool = False) -> tuple[int, str]:
    """An endpoint and its secret."""
    number, secret = create(
        runtime,
        HOST,
        EnteredSubscription(url, "Data warehouse", types or EVERYTHING, names),
        form=f"f-{url}",
        who="Sam (U-1)",
    )
    assert secret is not None
    return number, secret


def happen(runtime: Runtime, what: str = "enrolled", person: int = 1, certification: int = 3) -> None:
    """Something of the history."""
    with runtime.db.write() as session:
        record(session, HOST, runtime.clock.now(), "Sam Hill (U-1)", what, certification=certification, person=person)


def rows(runtime: Runtime, number: int | None = None) -> list[EndpointDelivery]:
    with runtime.db.read() as session:
        query = select(EndpointDelivery).order_by(EndpointDelivery.endpoint, EndpointDelivery.n)
        if number is not None:
            query = query.where(EndpointDelivery.endpoint == number)
        return list(session.scalars(query))


def endpoint(runtime: Runtime, number: int) -> Endpoint:
    with runtime.db.read() as session:
        return session.get_one(Endpoint, (HOST, number))


# --- Standard Webhooks 1.0.0, from its text: "Verifying webhook authenticity"


def independent_signature(secret: str, message_id: str, timestamp: int | str, body: bytes) -> str:
    """``v1,`` and the base64 of the HMAC-SHA256 of ``id.timestamp.body``; the key is the base64 after ``whsec_``."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def independently_verified(
    secret: str, headers: Mapping[str, str], body: bytes, now: int, tolerance: int = 300
) -> bool:
    """What a careful receiver does, with the standard library and the specification."""
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(now - int(timestamp)) > tolerance:
        return False
    expected = independent_signature(secret, headers.get("webhook-id", ""), timestamp, body)
    offered = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(expected.encode(), one.encode()) for one in offered)
