"""A real SMTP server on loopback, in whatever mood a test wants."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.live import free_port

USER, PASSWORD = "muster", "pass word: ünï"


@dataclass
class Mailbox:
    """What the server was handed, and how it answers.

    :ivar rcpt: answers to RCPT TO by address. :ivar data: answers to a letter, by the first recipient; ``hang``,
        ``drop`` and ``garbage`` are no answers. :ivar auth: whether somebody signed in.
    """

    letters: list[EmailMessage] = field(default_factory=list)
    rcpt: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    auth: list[bool] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        answer = self.rcpt.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:
        answer = self.data.get(envelope.rcpt_tos[0], "250 OK")
        if answer == "hang":
            await asyncio.sleep(30)
        if not answer.startswith(("4", "5")):
            self.letters.append(cast(EmailMessage, message_from_bytes(envelope.content, policy=policy.default)))
        if answer == "drop":
            server.transport.abort()
        return "What?" if answer == "garbage" else answer

    def sign_in(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        fits = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        self.auth.append(fits)
        return AuthResult(success=fits, handled=False)

    @property
    def to(self) -> list[str]:
        """Addresses of the letters taken, in order."""
        return [str(letter["To"].addresses[0].addr_spec) for letter in self.letters]


@contextmanager
def mail_server(**options: Any) -> Iterator[Mailbox]:
    """Serve a mailbox."""
    box = Mailbox()
    signing = {"authenticator": box.sign_in} if options.pop("auth", False) else {}
    box.port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=box.port, **signing, **options)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@contextmanager
def dripping_server(greeting: bytes = b"220 slow\r\n", drip: bytes = b"250-") -> Iterator[int]:
    """A server that is polite and then answers a byte at a time, for ever; yields its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                line, _peer = listener.accept()
            except OSError:
                return
            with line:
                try:
                    line.sendall(greeting)
                    while not stop.wait(0.05):
                        line.sendall(drip)
                except OSError:
                    pass

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        stop.set()
        listener.close()
