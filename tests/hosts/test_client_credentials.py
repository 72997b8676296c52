"""A host whose API takes tokens that are given by OAuth 2.0 client credentials (HOST-API, Pull)."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from plugin.core.clock import Clock
from plugin.core.network.http import Outbound
from plugin.hosts import client_credentials
from plugin.hosts.client_credentials import ClientCredentials, credentials_in
from plugin.hosts.port import ConnectionSpec, Garbled, HostTrouble, Locked, Wait
from plugin.hosts.webhook import WebhookHost

DESCRIPTION = {"version": 1, "name": "Guarded", "kinds": {"people": ["full"]}, "writes": {}}


class Guarded:
    """A host and the address that gives its tokens; counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.reads: list[str] = []
        self.good = "first"
        self.answer: tuple[int, dict[str, str], Any] | None = None
        self.base = ""

    def token(self, headers: Any, body: str) -> tuple[int, dict[str, str], Any]:
        who = base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode()
        self.asked.append({"who": who, **{name: one for name, (one,) in parse_qs(body).items()}})
        return self.answer or (200, {}, {"access_token": self.good, "token_type": "Bearer", "expires_in": 3600})

    def read(self, headers: Any) -> tuple[int, dict[str, str], Any]:
        self.reads.append(headers["Authorization"])
        good = headers["Authorization"] == f"Bearer {self.good}"
        return (200, {}, DESCRIPTION) if good else (401, {}, {"detail": "Which token?"})

    def host(self, credentials: str = "muster:s3%3Acret:w@rd", scope: str = "#read people") -> WebhookHost:
        token = f"{credentials}@{self.base}/oauth/token{scope}"
        return WebhookHost(
            ConnectionSpec("g", "webhook", f"{self.base}/api", token), Outbound(allow_private=True), Clock()
        )


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Guarded]:
    """On a real socket."""
    made = Guarded()
    monkeypatch.setattr(client_credentials, "_kept", {})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._say(*made.read(self.headers))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._say(*made.token(self.headers, body))

        def _say(self, status: int, headers: dict[str, str], document: Any) -> None:
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            for one in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(*one)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_said: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    made.base = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    server.server_close()


def test_a_token_is_asked_for_once_and_sent_with_every_read(guarded: Guarded) -> None:
    assert guarded.host().describe().name == "Guarded"
    assert guarded.host().describe().name == "Guarded"
    assert guarded.asked == [
        {"who": "muster:s3%253Acret%3Aw%40rd", "grant_type": "client_credentials", "scope": "read people"}
    ]
    assert guarded.reads == ["Bearer first"] * 2
    guarded.host(scope="").describe()
    assert guarded.asked[1:] == [{"who": "muster:s3%253Acret%3Aw%40rd", "grant_type": "client_credentials"}]


def test_a_token_that_ended_early_costs_one_more_and_a_host_that_takes_none_is_said(guarded: Guarded) -> None:
    guarded.host().describe()
    guarded.good = "second"
    assert guarded.host().describe().name == "Guarded"
    assert (len(guarded.asked), guarded.reads[1:]) == (2, ["Bearer first", "Bearer second"])
    guarded.read = lambda _headers: (401, {}, {"detail": "Which token?"})  # type: ignore[method-assign]
    with pytest.raises(Locked, match="Which token"):
        guarded.host().describe()
    assert len(guarded.asked) == 3


def test_a_token_is_asked_for_anew_a_minute_before_it_ends(guarded: Guarded) -> None:
    guarded.answer = (200, {}, {"access_token": "first", "expires_in": 59})
    guarded.host().describe()
    guarded.host().describe()
    assert len(guarded.asked) == 2


@pytest.mark.parametrize(
    ("answer", "trouble", "said"),
    [
        ((401, {}, {"error": "invalid_client", "error_description": "Unknown client"}), Locked, "Unknown client"),
        ((400, {}, {"error": "invalid_scope"}), Locked, "invalid_scope"),
        ((403, {}, b"<html>"), Locked, "403"),
        ((503, {"Retry-After": "90"}, b""), Wait, "503"),
        ((429, {"Retry-After": "90"}, {}), Wait, "429"),
        ((200, {"Content-Type": "text/html"}, b"<html>Sign in</html>"), Garbled, "something else"),
        ((200, {}, {"access_token": ["x"]}), Garbled, "something else"),
        ((200, {}, {"access_token": "a\nb"}), Garbled, "something else"),
        ((302, {"Location": "http://169.254.169.254/"}, b""), Garbled, "something else"),
    ],
)  # fmt: skip
def test_an_address_that_gives_no_token_is_said_and_the_host_is_not_read(
    guarded: Guarded, answer: Any, trouble: type[HostTrouble], said: str
) -> None:
    guarded.answer = answer
    with pytest.raises(trouble, match=said) as found:
        guarded.host().describe()
    assert guarded.reads == []
    if trouble is Wait:
        assert found.value.after == 90  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("token", "found"),
    [
        ("plain-token", None), ("muster:word", None), ("a:b@example.org", None), ("a:b@ftp://example.org", None), ("", None),
        ("a:b@https://x.example/t", ClientCredentials("a", "b", "https://x.example/t")),
        ("api%3A//a:b:c@d@https://x.example/t?x=1#r w", ClientCredentials("api://a", "b:c@d", "https://x.example/t?x=1", "r w")),
    ],
)  # fmt: skip
def test_what_stands_for_a_token_is_told_from_a_fixed_one(token: str, found: ClientCredentials | None) -> None:
    assert credentials_in(token) == found
