"""A learning site on a real socket, of as many people as one likes, whose lists may be made to take their time."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.histories.truth import KINDS, Truth

TOKEN = "a-token-of-the-host"
SECRET = "whsec_bXVzdGVyLXRlc3Qtc2VjcmV0LW9mLXRoZS1ob3N0"


class ServedTruth:
    """What the host knows, and what it was told to enrol.

    :ivar before_page: called with a kind and the number of the page before it is answered.
    """

    def __init__(self, zone: str) -> None:
        self.truth = Truth(zone)
        self.lock = threading.Lock()
        self.wants: dict[tuple[str, str], tuple[int, str]] = {}
        self.asked: dict[str, int] = {}
        self.before_page: Callable[[str, int], None] = lambda _kind, _page: None
        self.base = ""

    def roster(self, course: str) -> set[str]:
        """Who is in a course."""
        with self.lock:
            return {person for (person, one), (_n, want) in self.wants.items() if one == course and want == "in"}

    def put(self, record: str, id: str, /, **fields: Any) -> None:
        """Make or change a record."""
        with self.lock:
            self.truth.put(record, id, fields)

    def options(self, name: str) -> list[str]:
        """How Muster is told of it: the words after ``host add``."""
        given = {
            "issuer": self.base, "client-id": "muster", "deployment": "1", "auth-url": f"{self.base}/auth",
            "token-url": f"{self.base}/token", "jwks-url": f"{self.base}/jwks", "kind": "webhook", "api-url": f"{self.base}/api",
            "api-token": TOKEN, "webhook-url": f"{self.base}/webhook", "webhook-secret": SECRET,
        }  # fmt: skip
        return [name, *(f"--{key}={value}" for key, value in given.items())]

    # --- answers

    def description(self) -> dict[str, Any]:
        kinds = {kind: ["full", "delta", "ids"] for kind in KINDS}
        return {"version": 1, "name": "Host", "time_zone": self.truth.zone, "kinds": kinds, "writes": {"seats": 500}}

    def list(self, kind: str, query: dict[str, str]) -> dict[str, Any]:
        if "ids" in query:
            with self.lock:
                rows = self.truth._page(kind, query["ids"].split(",")).rows
            return {"items": [{"id": row.id, **row.fields} for row in rows], "gone": [], "next": None, "mark": None}
        self.asked[kind] = self.asked.get(kind, 0) + 1
        self.before_page(kind, self.asked[kind])
        with self.lock:
            limit = min(int(query.get("limit", "1000")), self.truth.page)
            rows, gone, cursor, mark = self.truth.page_of(
                kind, since=query.get("since"), cursor=query.get("cursor"), limit=limit
            )
        return {"items": [{"id": row.id, **row.fields} for row in rows], "gone": gone, "next": cursor, "mark": mark}

    def take(self, body: dict[str, Any]) -> dict[str, Any]:
        """``seats.changed``, and whatever else is sent: done."""
        outcomes = []
        with self.lock:
            for item in body["data"]["items"]:
                if "seat" not in item:
                    outcomes.append({"message": item.get("message", ""), "outcome": "done"})
                    continue
                key, wanted = (item["person"], item["course"]), (item["generation"], item["want"])
                taken = self.wants.get(key, (0, "out"))
                if wanted[0] > taken[0]:
                    self.wants[key] = wanted
                outcomes.append({"seat": item["seat"], "outcome": "same" if wanted <= taken else "done"})
        return {"outcomes": outcomes}


def _handler(host: ServedTruth) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            kind = address.path.removeprefix("/api").strip("/")
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            if kind in KINDS:
                self._answer(200, host.list(kind, query))
            else:
                self._answer(*((200, host.description()) if not kind else (404, {"detail": "not here"})))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(200, host.take(json.loads(body)))

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: Any) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def serve_truth(zone: str) -> Iterator[ServedTruth]:
    """Serve a host on a free port of this machine."""
    host = ServedTruth(zone)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(host))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    host.base = f"http://localhost:{server.server_address[1]}"
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
