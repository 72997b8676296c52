"""Receivers that do not behave: whatever comes back, nothing is lost, nothing is believed, nobody waits for ever."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from plugin.core.clock import Clock
from plugin.core.network import http
from plugin.core.network.http import CallFailed, Outbound
from plugin.core.runtime import Runtime
from plugin.delivery.seats.send import drain
from plugin.delivery.tables import IN, UNKNOWN, Call, Seat
from plugin.enrolment.message_dates import render
from plugin.mirror.tables import Connection
from tests.delivery.seats import a_host_with_seats

Behave = Callable[[socket.socket, list[dict[str, Any]]], None]


@contextmanager
def receiver(behave: Behave) -> Iterator[str]:
    """A server that reads one whole request and then does what it likes with the line."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(line,), daemon=True).start()

    def answer(line: socket.socket) -> None:
        with line, suppress(OSError, ValueError):
            got = b""
            while b"\r\n\r\n" not in got:
                got += line.recv(65536)
            head, _, body = got.partition(b"\r\n\r\n")
            length = int((re.search(rb"content-length: (\d+)", head.lower()) or [0, b"0"])[1])
            while len(body) < length:
                body += line.recv(65536)
            behave(line, json.loads(body)["data"]["items"] if body else [])

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
    finally:
        listener.close()


def whole(line: socket.socket, body: bytes, status: str = "200 OK", *headers: str) -> None:
    more = "".join(f"{one}\r\n" for one in headers)
    line.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body)


def outcomes(*listed: Any) -> bytes:
    return json.dumps({"outcomes": listed}).encode()


def drips(line: socket.socket, _items: object) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _turn in range(200):
        line.sendall(b" ")
        time.sleep(0.05)


def drips_headers(line: socket.socket, _items: object) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _turn in range(200):
        line.sendall(b"a")
        time.sleep(0.05)


def garbage(line: socket.socket, _items: object) -> None:
    whole(line, b"\xff\xfe<html>ok</html>")


def deep(line: socket.socket, _items: object) -> None:
    whole(line, b'{"outcomes": ' + b"[" * 100_000)


def redirects(line: socket.socket, _items: object) -> None:
    whole(line, b"", "307 Temporary Redirect", "Location: http://169.254.169.254/latest/meta-data/")


def too_large(line: socket.socket, _items: object) -> None:
    whole(line, b" " * 10_000_000)


def breaks_off(line: socket.socket, _items: object) -> None:
    line.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"outcomes": [')


def of_strangers(line: socket.socket, items: list[dict[str, Any]]) -> None:
    whole(line, outcomes(*({"seat": f"9{one['seat']}", "outcome": "done"} for one in items)))


def empty(line: socket.socket, _items: object) -> None:
    whole(line, b"")


def senseless(line: socket.socket, items: list[dict[str, Any]]) -> None:
    odd = ["done", None, {"seat": 5, "outcome": "done"}, {"seat": items[0]["seat"], "outcome": ["done"]},
           {"seat": items[1]["seat"], "outcome": "retry", "after": 1e999, "why": "a\x00b\ud800"}]  # fmt: skip
    whole(line, outcomes(*odd))


BAD: tuple[Behave, ...] = (
    drips, drips_headers, garbage, deep, redirects, too_large, breaks_off, of_strangers, empty, senseless,
)  # fmt: skip


def point_to(made: Runtime, host_id: int, address: str) -> None:
    with made.db.write() as session:
        row = session.scalars(select(Connection).where(Connection.host_id == host_id)).one()
        row.webhook_url, row.state, row.retry_at = address, "active", 0


@pytest.mark.parametrize("behave", BAD, ids=[one.__name__ for one in BAD])
def test_a_receiver_that_misbehaves_costs_nothing_but_delay(
    runtime: Runtime, behave: Behave, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "DEADLINE", 0.4)
    monkeypatch.setattr(http.Outbound.call, "__kwdefaults__", {**http.Outbound.call.__kwdefaults__, "deadline": 0.4})
    host_id = a_host_with_seats(runtime, 4)
    began = time.monotonic()
    with receiver(behave) as address:
        point_to(runtime, host_id, address)
        drain(runtime, host_id, render)
    assert time.monotonic() - began < 20  # the usual deadline is 30 s
    with runtime.db.read() as session:
        seats = session.scalars(select(Seat)).all()
        assert all(seat.owed and seat.confirmed == UNKNOWN and seat.parked is None for seat in seats)

    def good(line: socket.socket, items: list[dict[str, Any]]) -> None:
        whole(line, outcomes(*({"seat": one["seat"], "outcome": "done"} for one in items)))

    later = replace(runtime, clock=Clock(runtime.clock.now() + 2 * 24 * 3600))
    with receiver(good) as address:
        point_to(later, host_id, address)
        drain(later, host_id, render)
    with later.db.read() as session:
        assert {(seat.confirmed, seat.owed) for seat in session.scalars(select(Seat))} == {(IN, False)}
        assert session.scalars(select(Call)).all() == []


def test_fewer_outcomes_than_asked_confirm_those_and_ask_again_for_the_others(runtime: Runtime) -> None:
    host_id = a_host_with_seats(runtime, 5)

    def partly(line: socket.socket, items: list[dict[str, Any]]) -> None:
        whole(line, outcomes(*({"seat": one["seat"], "outcome": "done"} for one in items[:2])))

    with receiver(partly) as address:
        point_to(runtime, host_id, address)
        drain(runtime, host_id, render)
    with runtime.db.read() as session:
        confirmed = sorted(session.scalars(select(Seat.confirmed)))
        assert confirmed == [IN, IN, UNKNOWN, UNKNOWN, UNKNOWN]
        waiting = session.scalars(select(Seat.next_at).where(Seat.owed)).all()
        assert all(at > runtime.clock.now() for at in waiting)


def test_a_host_that_answers_busy_is_left_alone_for_as_long_as_it_asks(runtime: Runtime) -> None:
    host_id = a_host_with_seats(runtime, 2)
    asked: list[int] = []

    def busy(line: socket.socket, items: list[dict[str, Any]]) -> None:
        asked.append(len(items))
        whole(line, b'{"detail": "Too many calls."}', "429 Too Many Requests", "Retry-After: 77")

    with receiver(busy) as address:
        point_to(runtime, host_id, address)
        for wait in (0, 10, 76):
            drain(replace(runtime, clock=Clock(runtime.clock.now() + wait)), host_id, render)
        assert asked == [2]
        drain(replace(runtime, clock=Clock(runtime.clock.now() + 78)), host_id, render)
        assert asked == [2, 2]
    with runtime.db.read() as session:
        assert session.scalars(select(Connection)).one().reason == "Too many calls."


def test_a_redirect_to_a_private_address_and_a_private_address_itself_are_not_followed() -> None:
    with receiver(redirects) as address:
        assert Outbound(allow_private=True).post(address, data=b"").status == 307
        with pytest.raises(CallFailed) as refused:
            Outbound(allow_private=False).post(address, data=b"")
        assert refused.value.blocked


@pytest.mark.parametrize("first", ["203.0.114.10", "127.0.0.1"])
def test_a_name_that_means_another_address_at_every_look_never_leads_inside(
    monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """DNS rebinding: what was checked is what is called, also at the second try."""
    looks, called = [], []

    def look_up(name: str, *_asked: object, **_more: object) -> list[Any]:
        if name != "rebinds.example":  # an address means itself
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (name, 443))]
        looks.append(first if len(looks) % 2 == 0 else {"127.0.0.1": "203.0.114.10"}.get(first, "127.0.0.1"))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (looks[-1], 443))]

    def connect(_line: socket.socket, address: tuple[str, int]) -> None:
        called.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket.socket, "connect", connect)
    out = Outbound(allow_private=False)
    for _try in range(4):
        with pytest.raises(CallFailed):
            out.get("https://rebinds.example/hook")
    assert {"127.0.0.1", "203.0.114.10"} <= set(looks)
    assert set(called) <= {"203.0.114.10"}  # a look that means an inside address is refused, whichever comes first


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "[::1]", "0x7f000001", "2130706433", "127.1",
                                  "169.254.169.254", "10.0.0.1", "100.64.0.1", "[fe80::1]", "0.0.0.0"])  # fmt: skip
def test_however_a_private_address_is_written_it_is_refused(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    called: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _line, address: called.append(address))
    for scheme in ("https", "http"):
        with pytest.raises(CallFailed) as refused:
            Outbound(allow_private=False).post(f"{scheme}://{host}/hook", data=b"")
        assert refused.value.blocked
    assert called == []
