"""A platform with a token endpoint and a gradebook on a real socket, which answers as a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/"
ALL = ("lineitem", "lineitem.readonly", "score", "result.readonly")


@dataclass
class Call:
    """One call, as it came."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


class Gradebook:
    """Line items of course ``c1`` under ``/c1/items``; the address of each ends in a query, as Moodle's do."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.tokens: list[str] = []
        """Scopes asked for, one entry a token."""
        self.grants = {SCOPE + name for name in ALL}
        self.items: dict[int, dict[str, Any]] = {}
        self.scores: dict[tuple[int, str], dict[str, Any]] = {}
        self.say: list[tuple[str, int, dict[str, str], bytes]] = []
        """Answers to give instead of the truth: to the next call whose method and path contain the word."""
        self.members: set[str] | None = None
        self.page = 2
        book = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                raw, parts = self.rfile.read(length), urlsplit(self.path)
                if parts.path == "/token":
                    status, headers, body = book.token(parse_qs(raw.decode()))
                else:
                    body_in = json.loads(raw) if raw else None
                    call = Call(self.command, parts.path, parse_qs(parts.query), dict(self.headers), body_in)
                    book.calls.append(call)
                    status, headers, body = book.told(call) or book.answer(call)
                self.send_response(status)
                for name, value in {"Content-Type": "text/html", **headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                self.handle_any()

            def do_POST(self) -> None:
                self.handle_any()

            def log_message(self, *_arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def address(self, number: int) -> str:
        return f"{self.base}/c1/items/{number}?type_id=2"

    def add(self, **fields: Any) -> int:
        number = max(self.items, default=0) + 1
        self.items[number] = {"label": "Column", "scoreMaximum": 100, **fields}
        return number

    def token(self, form: dict[str, list[str]]) -> tuple[int, dict[str, str], bytes]:
        asked = form["scope"][0]
        self.tokens.append(asked)
        granted = [one for one in asked.split() if one in self.grants]
        if not granted:
            return 400, {}, b'{"error": "invalid_scope"}'
        made = {"access_token": f"t{len(self.tokens)}", "expires_in": 3600, "scope": " ".join(granted)}
        return 200, {}, json.dumps(made).encode()

    def told(self, call: Call) -> tuple[int, dict[str, str], bytes] | None:
        for one in self.say:
            if one[0] in f"{call.method} {call.path}":
                self.say.remove(one)
                return one[1:]
        return None

    def answer(self, call: Call) -> tuple[int, dict[str, str], bytes]:
        parts = call.path.strip("/").split("/")
        if parts == ["c1", "items"]:
            return self._listed(call) if call.method == "GET" else self._made(call)
        number = int(parts[2])
        if number not in self.items:
            return 404, {}, b"{}"
        if parts[3:] == ["scores"]:
            return self._scored(number, call)
        return 200, {}, json.dumps({**self.items[number], "id": self.address(number)}).encode()

    def _listed(self, call: Call) -> tuple[int, dict[str, str], bytes]:
        if call.headers.get("Accept") != "application/vnd.ims.lis.v2.lineitemcontainer+json":
            return 400, {}, b"No context or unsupported content type"
        after = int(call.query.get("Cursor", ["AbC0"])[0].removeprefix("AbC"))
        rows = [{**one, "id": self.address(n)} for n, one in sorted(self.items.items())]  # looks past the filter
        more = f'<{self.base}/c1/items?Cursor=AbC{after + self.page}>; rel="next"'
        headers = {"Link": more} if after + self.page < len(rows) else {}
        return 200, headers, json.dumps(rows[after : after + self.page]).encode()

    def _made(self, call: Call) -> tuple[int, dict[str, str], bytes]:
        if call.headers.get("Content-Type") != "application/vnd.ims.lis.v2.lineitem+json":
            return 400, {}, b"No handler found"
        number = self.add(**call.body)
        return 201, {}, json.dumps({**call.body, "id": self.address(number)}).encode()

    def _scored(self, number: int, call: Call) -> tuple[int, dict[str, str], bytes]:
        if call.headers.get("Content-Type") != "application/vnd.ims.lis.v1.score+json":
            return 400, {}, b"No handler found for a POST"
        user = call.body["userId"]
        if self.members is not None and user not in self.members:
            return 400, {}, b"[]"
        known = self.scores.get((number, user))
        if known and known["timestamp"] >= call.body["timestamp"]:
            return 409, {}, b"[]"
        self.scores[number, user] = call.body
        return 200, {}, b""

    def posted(self) -> list[str]:
        """Whose scores were posted, call by call."""
        return [call.body["userId"] for call in self.calls if call.path.endswith("/scores")]


@contextmanager
def gradebook() -> Iterator[Gradebook]:
    """Served until the end."""
    made = Gradebook()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
