"""gunicorn's threads, given a request only once all of it is here: who sends slowly costs a buffer, never a thread.

gunicorn's own threaded worker reads headers and bodies in the thread that answers, so that as many stalled requests as there
are threads stop the process. Here the loop that accepts connections reads them, and hands over what is whole.
"""

from __future__ import annotations

import re
import socket
import struct
import time
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]  # gunicorn has no types

HEADERS, BODY = 10.0, 60.0
"""Seconds for all headers, and for the whole request, however they drip in."""
UNREAD = 20
"""Seconds in which whoever is answered must take in some of the answer."""
LARGEST_HEADERS = 64 * 1024
LARGEST_BODY = 6 * 1024 * 1024
"""Bytes; with more than that the application is asked at once, which refuses it."""
TOGETHER = 256 * 1024 * 1024
"""Bytes of requests that are not whole yet, of all connections; with more the oldest is given up."""
_READ = 256 * 1024
LINGER = 5.0
"""Seconds in which the rest of a request that was refused is read and thrown away, so that the refusal arrives."""
_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*([0-9]{1,15})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding[ \t]*:[^\r\n]*chunked", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect[ \t]*:[^\r\n]*", re.IGNORECASE)


_SAFE_HEADERS = "".join(
    f"{name}: {value}\r\n" for name, value in (
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"), ("X-Content-Type-Options", "nosniff"),
        ("Strict-Transport-Security", "max-age=31536000"), ("Cross-Origin-Opener-Policy", "same-origin-allow-popups"),
        ("Referrer-Policy", "no-referrer"), ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
        ("Cache-Control", "no-store"),
    )
)  # fmt: skip
"""As the application's; a browser heeds the one about https over https alone."""


def _saying(status: str, sentence: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
    return f"{head}{_SAFE_HEADERS}Content-Length: {len(sentence)}\r\n\r\n{sentence}".encode()


_LATE = _saying("408 Request Timeout", "The request took too long to arrive.")
_LARGE = _saying("413 Content Too Large", "That is too much at once.")
_HEADS = _saying("431 Request Header Fields Too Large", "The headers of this request are too large.")
_CHUNK = _saying("400 Bad Request", "The body of this request is not understood.")


class Arriving:
    """A request that is not whole yet.

    :ivar begun: when its first byte came, or the connection was made; monotonic.
    """

    def __init__(self, connection: Any, data: bytes) -> None:
        self.connection = connection
        self.data = bytearray(data)
        self.begun = time.monotonic()
        self._body: int | None = None
        """Where the body begins, once the headers are here."""
        self._length: int | None = None
        """How long it is; ``None``: it comes in chunks."""
        self._chunk = 0
        """Where the next chunk begins."""
        self.refused = b""
        """What was answered at once."""

    @property
    def until(self) -> float:
        """When it is given up."""
        return self.begun + (LINGER if self.refused else HEADERS if self._body is None else BODY)

    def is_whole(self) -> bool:
        """Whether there is nothing left to wait for. What can never be whole has :attr:`refused` set."""
        if self._body is None and not self._headers():
            self.refused = _HEADS if len(self.data) > LARGEST_HEADERS else b""
            return False
        body = len(self.data) - int(self._body or 0)
        if body > LARGEST_BODY or (self._length or 0) > LARGEST_BODY:
            self.refused = _LARGE
            return False
        return body >= self._length if self._length is not None else self._chunks()

    def _headers(self) -> bool:
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self.data[: end + 2])
        expected = _EXPECTS.search(head)
        if expected is not None:  # said here, since nobody else looks before the body has come
            with suppress(OSError):
                self.connection.sock.send(_GO_ON)
            del self.data[expected.start() : expected.end()]
            end -= expected.end() - expected.start()
        self._body = self._chunk = end + 4
        length = _LENGTH.search(head)
        if _CHUNKED.search(head) is None:
            self._length = int(length[1]) if length is not None else 0
        return True

    def _chunks(self) -> bool:
        """Step over the chunks that are here; the last one is empty, and an empty line ends what may follow it."""
        while (line := self.data.find(b"\r\n", self._chunk)) >= 0:
            digits = bytes(self.data[self._chunk : line]).partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,12}", digits):
                self.refused = _CHUNK
                return False
            size = int(digits, 16)
            if size == 0:
                return self.data.startswith(b"\r\n", line + 2) or self.data.find(b"\r\n\r\n", line + 2) >= 0
            if size > LARGEST_BODY:
                self.refused = _LARGE
            if len(self.data) < line + 2 + size + 2:
                return False
            self._chunk = line + 2 + size + 2
        if len(self.data) - self._chunk > 1024:
            self.refused = _CHUNK
        return False


class BufferingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Threads that never wait for a request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.arriving: dict[Any, Arriving] = {}

    def accept(self, listener: Any) -> None:
        """Take a connection; what it sends is read by this loop."""
        try:
            client, address = listener.accept()
        except OSError:
            return  # gone already, or another worker was faster
        self.nr_conns += 1
        patience = struct.pack("ll", UNREAD, 0)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
        self.enqueue_req(TConn(self.cfg, client, address, listener.getsockname()))

    def enqueue_req(self, conn: Any) -> None:
        """Wait until a request of this connection is whole. With TLS of gunicorn's own, as gunicorn does."""
        if self.cfg.is_ssl:
            super().enqueue_req(conn)
            return
        read_ahead = conn.parser.unreader.take_buffered() if conn.parser is not None else b""
        one = Arriving(conn, read_ahead)
        conn.sock.setblocking(False)
        self.arriving[conn] = one
        self.poller.register(conn.sock, EVENT_READ, partial(self._more, one))
        if read_ahead:
            self._look(one)

    def _more(self, one: Arriving, _socket: Any) -> None:
        """Something arrived, or the other side is gone."""
        try:
            data = one.connection.sock.recv(_READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._drop(one)
        elif not one.refused:
            one.begun = one.begun if one.data else time.monotonic()
            one.data += data
            self._look(one)

    def _look(self, one: Arriving) -> None:
        if one.is_whole():
            self._hand_over(one)
        elif one.refused:
            self._refuse(one)
        elif sum(len(other.data) for other in self.arriving.values()) > TOGETHER:
            self._drop(min(self.arriving.values(), key=lambda other: other.begun), _LATE)

    def _refuse(self, one: Arriving) -> None:
        """Say so now; what still comes is thrown away for a while, or closing would take the answer back."""
        one.begun, one.data = time.monotonic(), bytearray()
        with suppress(OSError):
            one.connection.sock.send(one.refused)
            one.connection.sock.shutdown(socket.SHUT_WR)

    def _hand_over(self, one: Arriving) -> None:
        conn = one.connection
        self._forget(one)
        try:
            conn.init()
        except OSError:
            self._close(conn)
            return
        conn.parser.unreader.unread(bytes(one.data))
        conn.data_ready = True
        super().enqueue_req(conn)

    def _forget(self, one: Arriving) -> None:
        self.arriving.pop(one.connection, None)
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(one.connection.sock)

    def _drop(self, one: Arriving, saying: bytes = b"") -> None:
        self._forget(one)
        if saying and one.data:
            with suppress(OSError):
                one.connection.sock.send(saying)
        self._close(one.connection)

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """Give up whoever took too long, too."""
        super().murder_pending()
        now = time.monotonic()
        for one in list(self.arriving.values()):
            if one.until < now or not self.alive:
                self._drop(one, b"" if one.refused else _LATE)
