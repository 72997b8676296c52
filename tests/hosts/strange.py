"""A host written from the contract of the host API alone, with everything in it that is unusual and allowed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from plugin.core.runtime import Runtime
from plugin.mirror.connections.store import NewHost, add_host

KEY = b"a-key-of-the-strange-host-alone!"
TOKEN = "strange"
KINDS = ("people", "units", "jobs", "audiences", "members", "courses", "completions", "enrolments")

Answer = tuple[int, dict[str, str], Any]
Call = dict[str, Any]


class Strange:
    """Gives three rows a page, no marks and no reads by id unless told so, more fields than asked for, outcomes backwards."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in KINDS}
        self.kinds = {kind: ["full"] for kind in KINDS}
        self.described: dict[str, Any] = {"writes": {"seats": 2, "messages": 2}}
        self.mark: str | None = None
        self.changes: dict[tuple[str, str], dict[str, Any]] = {}
        """By kind and mark: ``items`` and ``gone``. A mark of ``forgotten`` is too old."""
        self.reads: list[tuple[str, dict[str, str]]] = []
        self.calls: list[Call] = []
        self.outcome: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda _item: None
        self.answer: Callable[[Call], Answer | None] = lambda _call: None
        self.jobs: dict[str, list[dict[str, Any]]] = {}

    def add(self, kind: str, *rows: dict[str, Any]) -> None:
        """Put records into the world."""
        self.rows[kind].update({row["id"]: row for row in rows})

    def sent(self, kind: str = "seats.changed") -> list[tuple[Any, ...]]:
        """What was pushed: person, generation, want; of messages the person."""
        items = [item for call in self.calls if call["type"] == kind for item in call["items"]]
        return [tuple(item[name] for name in ("person", "generation", "want") if name in item) for item in items]

    def wants_in(self, course: str) -> set[str]:
        """Who is active in a course."""
        return {row["person"] for row in self.rows["enrolments"].values()
                if row["course"] == course and row["state"] == "active"}  # fmt: skip

    # --- the wire

    def read(self, path: str, asked: dict[str, str]) -> Answer:
        """Answer a GET."""
        self.reads.append((path, asked))
        kind = path.strip("/")
        if not kind:
            return 200, {}, {"version": 1, "name": "Strange", "time_zone": "Europe/London", "kinds": self.kinds,
                             "colour": ["blue"], **self.described}  # fmt: skip
        if kind.startswith("jobs-status/"):
            states = self.jobs[unquote(kind.partition("/")[2])]
            return 200, {}, states.pop(0) if len(states) > 1 else states[0]
        if asked.get("since") == "forgotten":
            return 410, {}, {"detail": "That was long ago."}
        if "since" in asked:
            return 200, {}, {"items": [], "mark": self.mark, **self.changes.get((kind, asked["since"]), {})}
        if "ids" in asked:
            found = [self.rows[kind][one] for one in asked["ids"].split(",") if one in self.rows[kind]]
            return 200, {}, {"items": found}
        rows = [{**row, "shoe_size": 43, "number": None} for _id, row in sorted(self.rows[kind].items())]
        start = int(asked.get("cursor", "page-0").removeprefix("page-"))
        more = start + 3 < len(rows)
        document = {"items": rows[start : start + 3], "gone": None, "next": f"page-{start + 3}" if more else None}
        return 200, {}, document | ({} if more or self.mark is None else {"mark": self.mark})

    def take(self, headers: dict[str, str], body: bytes) -> Answer:
        """Answer a POST."""
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        mine = "v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        if mine not in headers["webhook-signature"].split(" "):
            return 401, {}, {"detail": "Who are you?"}
        document = json.loads(body)
        call = {"id": headers["webhook-id"], "body": body, "type": document["type"], "items": document["data"]["items"]}
        self.calls.append(call)
        return self.answer(call) or (200, {}, {"outcomes": self.outcomes(call), "more": {"x": 1}})

    def outcomes(self, call: Call) -> list[dict[str, Any]]:
        """One outcome an item, backwards."""
        if call["type"] == "message.send":
            return [{"message": item["message"], "outcome": "done"} for item in call["items"]][::-1]
        found = [
            {"seat": item["seat"], "note": "x", **(self.outcome(item) or self._enrol(item))} for item in call["items"]
        ]
        return found[::-1]

    def _enrol(self, item: dict[str, Any]) -> dict[str, Any]:
        name = f"{item['person']} in {item['course']}"
        if item["want"] == "out":
            return {"outcome": "done" if self.rows["enrolments"].pop(name, None) else "same"}
        state = "active" if item["want"] == "in" else "suspended"
        row = {"id": name, "person": item["person"], "course": item["course"], "state": state, "by": "muster"}
        self.add("enrolments", row)
        return {"outcome": "done"}


@contextmanager
def serve(strange: Strange) -> Iterator[str]:
    """On a real socket; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                return self._say(401, {}, {"detail": "Which token?"})
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            return self._say(*strange.read(parts.path.removeprefix("/odd/v9"), asked))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._say(*strange.take({name.lower(): value for name, value in self.headers.items()}, body))

        def _say(self, status: int, headers: dict[str, str], document: Any) -> None:
            body = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_said: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def register(runtime: Runtime, base: str) -> int:
    """Make it known to Muster; returns the host's number."""
    new = NewHost(name="strange", issuer="https://strange.example", client_id="s", deployment="1", auth_url=base,
                  token_url=base, jwks_url=base, api_url=f"{base}/odd/v9", api_token=TOKEN, webhook_url=f"{base}/push",
                  webhook_secret="whsec_" + base64.b64encode(KEY).decode())  # fmt: skip
    return int(runtime.db.transact(lambda session: add_host(session, new, runtime.clock.now()).id))
