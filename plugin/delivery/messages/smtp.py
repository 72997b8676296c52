"""E-mail over SMTP (RFC 5321): one letter at a time, each at most once (rules 8.6).

SMTP has no keys: a letter whose last answer never came may or may not have arrived, and must not be sent again by
itself. So everything before the body is sent is safe to repeat, and nothing after it is.
"""

from __future__ import annotations

import base64
import hashlib
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from types import TracebackType
from typing import Any

from plugin.core.network.addresses import is_public
from plugin.core.text.stored import later

TIMEOUT = 10.0
"""Seconds of silence after which the server is given up."""
DEADLINE = 30.0
"""Seconds for one letter, however slowly the server's answers drip in."""
STARTTLS, TLS, PLAIN, OFFERED = "starttls", "tls", "none", "offered"
"""How the line is kept secret; ``offered``: by STARTTLS where the server offers it."""
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[^\s@<>,;:\"()\[\]\\]{1,190}")
_POLICY = SMTP_POLICY.clone(cte_type="7bit", raise_on_defect=False)
_LONGEST_WHY = 500


class MailTrouble(Exception):
    """The server cannot be used now; of the letter at hand nothing was sent.

    :ivar why: a sentence. :ivar lasting: a person has to change something first.
    """

    def __init__(self, why: str, *, lasting: bool = False) -> None:
        super().__init__(why)
        self.why, self.lasting = why, lasting


@dataclass(frozen=True)
class Server:
    """Where letters are handed in, and from whom they come.

    :ivar allow_private: whether the server may stand in a private network.
    """

    host: str
    port: int
    security: str
    username: str
    password: str
    sender: str
    sender_name: str = ""
    allow_private: bool = False


@dataclass(frozen=True)
class Posted:
    """What became of a letter: ``sent``, ``refused``, ``bounced`` (the address is refused), ``retry`` or ``maybe``."""

    word: str
    why: str = ""


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a letter."""

    name: str
    media: str
    data: bytes


def message_id(host_id: int, key: str, sender: str) -> str:
    """Always the same for one message, so that whoever gets it twice can tell."""
    digest = hashlib.sha256(f"{host_id}:{key}".encode()).hexdigest()[:40]
    return f"<muster.{digest}@{sender.rpartition('@')[2] or 'localhost'}>"


def usable(address: str) -> str | None:
    """An address as SMTP takes it, its domain in ASCII; ``None`` where it is none."""
    if not _ADDRESS.fullmatch(address):
        return None
    local, _at, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return None


def compose(
    server: Server, to: str, name: str, text: Mapping[str, str], *, identity: str, at: int, attachment: Attachment | None = None
) -> EmailMessage:  # fmt: skip
    """A letter of plain text and HTML. What could begin a header of its own is refused or made one line.

    :param to: an address as :func:`usable` gives it. :param text: ``subject``, ``text``, ``html``.
    :param at: the true time, epoch seconds.
    """
    letter = EmailMessage(policy=_POLICY)
    letter["From"] = Address(_line(server.sender_name), addr_spec=server.sender)
    letter["To"] = Address(_line(name), addr_spec=to)
    letter["Subject"] = _line(text["subject"])
    letter["Date"] = format_datetime(datetime.fromtimestamp(at, UTC))
    letter["Message-ID"] = identity
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(text["text"] + "\n")
    page = f'<!doctype html><html><head><meta charset="utf-8"></head><body>{text["html"]}</body></html>\n'
    letter.add_alternative(page, subtype="html")
    if attachment is not None:
        kind, _slash, more = attachment.media.partition(";")[0].partition("/")
        letter.add_attachment(attachment.data, maintype=kind, subtype=more, filename=attachment.name)
    return letter


def _line(words: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())[:300]


class Mailer:
    """A line to a mail server, for several letters; a context manager.

    :raises MailTrouble: on entering, where the server cannot be reached, is not secret enough or knows us not.
    """

    def __init__(self, server: Server, *, deadline: float = DEADLINE) -> None:
        self._server, self._deadline = server, deadline
        self._line: _SmtpConnection | None = None

    def __enter__(self) -> Mailer:
        line = _SmtpConnection(self._server)
        with _Cut(line, self._deadline):
            try:
                _open(line, self._server)
            except MailTrouble:
                line.close()
                raise
            except (OSError, smtplib.SMTPException, ValueError) as error:
                line.close()
                raise MailTrouble(_plain(error)) from None
        self._line = line
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._line is not None:
            with _Cut(self._line, TIMEOUT), suppress(OSError, smtplib.SMTPException, ValueError):
                self._line.quit()
            self._line.close()

    def send(self, to: str, letter: EmailMessage) -> Posted:
        """Hand in one letter.

        :raises MailTrouble: when the line broke before any of the letter was sent; it is as if nothing had been tried.
        """
        assert self._line is not None, "entered"
        with _Cut(self._line, self._deadline):
            return _hand_in(self._line, self._server.sender, to, _wire(letter))


class _SmtpConnection(smtplib.SMTP):
    """SMTP over a socket whose address was checked before it is used."""

    def __init__(self, server: Server) -> None:
        super().__init__(local_hostname=server.sender.rpartition("@")[2] or "localhost", timeout=TIMEOUT)
        self._checked = server
        self._host = server.host

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        server = self._checked
        found = _connect(server.host, server.port, timeout, allow_private=server.allow_private)
        self.sock = found
        if server.security == TLS:
            self.sock = found = ssl.create_default_context().wrap_socket(found, server_hostname=server.host)
        return found


def _connect(host: str, port: int, timeout: float, *, allow_private: bool) -> socket.socket:
    """The first of a name's addresses that answers; none of a private network, whatever the name resolves to now."""
    trouble: OSError | None = None
    for family, kind, protocol, _name, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if not allow_private and not is_public(str(address[0])):
            raise MailTrouble("The mail server is in a private network, which is not allowed here.", lasting=True)
        found = socket.socket(family, kind, protocol)
        found.settimeout(timeout)
        try:
            found.connect(address)
        except OSError as error:
            found.close()
            trouble = error
            continue
        return found
    raise trouble or OSError("no address")


def _open(line: _SmtpConnection, server: Server) -> None:
    code, words = line.connect(server.host, server.port)
    if code != 220:
        raise MailTrouble(_said(code, words))
    line.ehlo_or_helo_if_needed()
    offered = line.has_extn("starttls")
    if server.security == STARTTLS and not offered:
        raise MailTrouble("The mail server does not offer STARTTLS; nothing is sent in the open.", lasting=True)
    if offered and server.security in (STARTTLS, OFFERED):
        code, words = line.starttls(context=ssl.create_default_context())
        if code != 220:
            raise MailTrouble(_said(code, words))
        line.ehlo_or_helo_if_needed()
    if server.username:
        _sign_in(line, server)


def _sign_in(line: _SmtpConnection, server: Server) -> None:
    """By PLAIN where it is offered, because that alone says how letters outside ASCII are written (RFC 4616)."""
    try:
        if "PLAIN" in line.esmtp_features.get("auth", "").upper().split():
            given = base64.b64encode(f"\0{server.username}\0{server.password}".encode()).decode("ascii")
            code, words = line.docmd("AUTH", f"PLAIN {given}")
            if code != 235:
                raise smtplib.SMTPAuthenticationError(code, words)
        else:
            line.login(server.username, server.password)
    except smtplib.SMTPAuthenticationError as error:
        said = _said(error.smtp_code, error.smtp_error)
        raise MailTrouble(
            later("The mail server does not accept the user or the password: %(said)s", said=said), lasting=True
        ) from None
    except smtplib.SMTPNotSupportedError:
        raise MailTrouble("The mail server knows no way of signing in that Muster knows.", lasting=True) from None


def _hand_in(line: _SmtpConnection, sender: str, to: str, body: bytes) -> Posted:
    try:
        code, words = line.mail(sender)
        if code // 100 != 2:
            return _no(line, code, words, "refused")
        code, words = line.rcpt(to)
        if code // 100 != 2:
            return _no(line, code, words, "bounced")
        code, words = line.docmd("DATA")
        if code != 354:
            return _no(line, code, words, "refused")
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise MailTrouble(_plain(error)) from None
    try:
        line.send(body)
        code, words = line.getreply()
    except (OSError, smtplib.SMTPException, ValueError) as error:
        line.close()
        return Posted("maybe", f"The mail server took it and never said what became of it. {_plain(error)}")
    if code // 100 == 2:
        return Posted("sent")
    if code // 100 in (4, 5):
        return _no(line, code, words, "refused")
    line.close()
    return Posted("maybe", "The mail server took it and answered something that Muster does not understand.")


def _no(line: _SmtpConnection, code: int, words: bytes, final: str) -> Posted:
    """A clear no: for now (4xx) or for good (5xx). Anything else is no answer at all."""
    said = _said(code, words)
    if code == 421 or code // 100 not in (4, 5):
        line.close()
        raise MailTrouble(said)
    with suppress(OSError, smtplib.SMTPException, ValueError):
        line.rset()
    return Posted("retry" if code // 100 == 4 else final, said)


def _wire(letter: EmailMessage) -> bytes:
    """The letter as it goes over the line, dots doubled, with its end (RFC 5321 §4.5.2)."""
    body = re.sub(rb"(?m)^\.", b"..", letter.as_bytes())
    return body + (b"" if body.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _said(code: int, words: bytes | str) -> str:
    """The server's own words, as a page can show them."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    if not 200 <= code < 600:
        return "The mail server answered something that is not SMTP."
    return f"{code} {_line(text)}"[:_LONGEST_WHY]


def _plain(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "The certificate of the mail server is not valid."
    if isinstance(error, ssl.SSLError):
        return "No secret line could be agreed on with the mail server."
    if isinstance(error, socket.gaierror):
        return "There is no mail server of this name."
    if isinstance(error, TimeoutError):
        return "The mail server did not answer in time."
    if isinstance(error, ConnectionRefusedError):
        return "The mail server refuses the connection."
    if isinstance(error, smtplib.SMTPResponseException):
        return _said(error.smtp_code, error.smtp_error)
    return "The line to the mail server broke."


class _Cut:
    """Cuts the line when the time is over: a server that drips bytes outlasts every read timeout."""

    def __init__(self, line: _SmtpConnection, seconds: float) -> None:
        self._line = line
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()

    def _cut(self) -> None:
        found = self._line.sock
        if found is not None:
            with suppress(OSError):
                socket.socket.shutdown(found, socket.SHUT_RDWR)
