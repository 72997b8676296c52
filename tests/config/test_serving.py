"""The real gunicorn with the Procfile's settings: whoever sends slowly, or not at all, is in nobody's way."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[2]
HELD = 48


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("serving")
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {
        **os.environ, "MUSTER_ENV": "development", "MUSTER_DATABASE_URL": f"sqlite:///{folder}/muster.sqlite3", "PORT": str(port),
        "WEB_CONCURRENCY": "1", "PYTHONPATH": str(ROOT), "MUSTER_BASE_URL": f"http://127.0.0.1:{port}",
    }  # fmt: skip
    subprocess.run(
        [sys.executable, "-c", "from plugin.cli import console; console()", "db", "upgrade"],
        cwd=ROOT,
        env=environ,
        check=True,
        timeout=120,
    )
    command = [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py", "plugin.wsgi:app"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.DEVNULL) as server:
        address = f"http://127.0.0.1:{port}"
        try:
            for _try in range(300):
                try:
                    requests.get(f"{address}/healthz", timeout=1)
                    break
                except requests.RequestException:
                    time.sleep(0.2)
            yield address
        finally:
            server.terminate()
            server.wait(20)


def connect(base: str, sent: bytes) -> socket.socket:
    host, port = base.removeprefix("http://").split(":")
    made = socket.create_connection((host, int(port)), timeout=20)
    made.sendall(sent)
    return made


def answers_at_once(base: str) -> None:
    """``/healthz`` and the first step of a launch, each within a second."""
    for method, path, status in (("GET", "/healthz", 200), ("POST", "/lti/login", 400), ("GET", "/lti/jwks", 200)):
        began = time.monotonic()
        assert requests.request(method, base + path, timeout=10).status_code == status, path
        assert time.monotonic() - began < 1.0, path


STALLED = {
    "body": b"POST /lti/launch HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nContent-Type: text/plain\r\n\r\nhalf",
    "chunks": b"POST /lti/launch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "headers": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Half: ",
    "nothing": b"",
    "waiting to be told": b"POST /lti/launch HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
}


@pytest.mark.parametrize("kind", sorted(STALLED))
def test_stalled_requests_stop_nobody(base: str, kind: str) -> None:
    requests.get(f"{base}/lti/jwks", timeout=30)  # the first key is made once
    held = [connect(base, STALLED[kind]) for _number in range(HELD)]
    try:
        time.sleep(0.2)
        answers_at_once(base)
    finally:
        for one in held:
            one.close()


def test_who_takes_no_answer_in_stops_nobody(base: str) -> None:
    held = [connect(base, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 400) for _number in range(HELD)]
    try:
        answers_at_once(base)
    finally:
        for one in held:
            one.close()


def received(made: socket.socket) -> bytes:
    found = b""
    while b"\r\n\r\n" not in found.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n"):
        part = made.recv(65536)
        if not part:
            break
        found += part
    return found


@pytest.mark.parametrize(
    "parts",
    [
        [b"POST /lti/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Le", b"ngth: 5\r\n",
         b"\r\n", b"a=", b"b&c"],
        [b"POST /lti/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"3", b"\r\na=b", b"\r\n", b"0\r\n", b"\r\n"],
        [b"POST /lti/login HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", b"a=b"],
    ],
)  # fmt: skip
def test_what_drips_in_is_answered_when_it_is_whole_and_the_line_stays_open(base: str, parts: list[bytes]) -> None:
    made = connect(base, b"")
    for part in parts:
        made.sendall(part)
        time.sleep(0.05)
    answer = received(made)
    assert b"HTTP/1.1 400" in answer
    assert answer.startswith(b"HTTP/1.1 100") == (b"Expect" in parts[0])
    made.close()
    again = connect(
        base, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    found = b""
    while part := again.recv(65536):
        found += part
    again.close()
    assert (found.count(b"HTTP/1.1 200"), found.count(b"HTTP/1.1 404")) == (1, 1)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /lti/login HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\nx", b"413"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: " + b"y" * 70_000, b"431"),
        (b"POST /lti/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"nonsense\r\n\r\n", b"400"),
    ],
)
def test_what_is_too_much_or_no_request_is_refused_at_once(base: str, sent: bytes, status: bytes) -> None:
    began = time.monotonic()
    made = connect(base, sent)
    assert received(made).split(b" ")[1] == status
    made.close()
    assert time.monotonic() - began < 5
    answers_at_once(base)


def test_a_large_upload_is_told_that_it_is_too_large(base: str) -> None:
    answer = requests.post(f"{base}/lti/login", data=b"x" * 8_000_000, timeout=20)
    assert (answer.status_code, answer.text) == (413, "That is too much at once.")


def test_headers_that_never_end_are_given_up(base: str) -> None:
    made = connect(base, STALLED["headers"])
    began = time.monotonic()
    answer = received(made)
    assert b"408" in answer
    for name in (
        b"Strict-Transport-Security",
        b"Permissions-Policy",
        b"Cross-Origin-Opener-Policy",
        b"frame-ancestors",
    ):
        assert name in answer
    made.close()
    assert time.monotonic() - began < 15
