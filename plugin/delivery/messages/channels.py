"""How a host's messages go out: by the host itself, by a signed webhook, or by e-mail; chosen for each connection."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from config.settings import Settings
from plugin.core import journal
from plugin.core.errors import Invalid
from plugin.core.network.addresses import why_not_allowed
from plugin.core.network.signing import check_secret
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.delivery.messages.smtp import (
    OFFERED,
    PLAIN,
    STARTTLS,
    TLS,
    Mailer,
    MailTrouble,
    Server,
    compose,
    message_id,
    usable,
)
from plugin.delivery.tables import Channel

BY_HOST, WEBHOOK, MAIL = "host", "webhook", "mail"
KINDS = (BY_HOST, WEBHOOK, MAIL)
SECURITY = (STARTTLS, TLS, PLAIN)
_PAUSES = (30, 60, 120, 300, 900, 1800, 3600)
"""Seconds until a channel that cannot be used is tried again."""


@dataclass(frozen=True)
class EnteredChannel:
    """A channel as somebody entered it. ``None`` for a secret keeps what is stored, an empty one removes it."""

    kind: str
    url: str = ""
    secret: str | None = None
    server: str = ""
    port: str = "587"
    security: str = STARTTLS
    username: str = ""
    password: str | None = None
    sender: str = ""
    sender_name: str = ""


def channel_of(session: Session, host_id: int) -> Channel:
    """A host's channel; without a row a fresh one, not added to the session."""
    return session.get(Channel, host_id) or Channel(
        host_id=host_id, kind=BY_HOST, url="", server="", port=587, security=STARTTLS, username="", sender="",
        sender_name="", reason="", since=0, retry_at=0, failures=0,
    )  # fmt: skip


def change_channel(session: Session, runtime: Runtime, host_id: int, new: EnteredChannel, *, who: str) -> None:
    """Write a channel; what was not sent yet goes by it.

    :raises Invalid: naming what cannot be; then nothing is changed.
    """
    row = channel_of(session, host_id)
    port = _check(runtime.settings, row, new)
    session.add(row)
    if (row.server, row.port) != (new.server, port):
        row.password = None  # given for that one alone, whichever way messages go now
    row.kind, row.url, row.server, row.port = new.kind, new.url, new.server, port
    row.security, row.username = new.security, new.username
    row.sender, row.sender_name = new.sender, new.sender_name
    if new.secret is not None:
        row.secret = new.secret or None
    if new.password is not None:
        row.password = new.password or None
    row.reason, row.since, row.retry_at, row.failures = "", 0, 0, 0
    data = {"kind": row.kind, "url": row.url, "server": row.server, "sender": row.sender}
    journal.record(session, host_id, runtime.clock.now(), who, "channel_changed", data=data)


def _check(settings: Settings, row: Channel, new: EnteredChannel) -> int:
    """Every field, however messages go out now: what is stored is used once that changes."""
    if new.kind not in KINDS:
        raise Invalid(_("Choose how messages go out."))
    for label, text in ((_("user"), new.username), (_("name"), new.sender_name), (_("server"), new.server)):
        if len(text) > 255 or any(not letter.isprintable() for letter in text):
            raise Invalid(_("The %(label)s is too long or contains a character that cannot be used.", label=label))
    if new.security not in SECURITY:
        raise Invalid(_("Choose how the line to the mail server is kept secret."))
    if new.kind == WEBHOOK or new.url:
        _check_webhook(settings, row, new)
    port = _port(new.port)
    _check_mail(settings, new)
    if new.kind == MAIL and row.password and new.password is None and (row.server, row.port) != (new.server, port):
        raise Invalid(_("Enter the password again: what was given for one mail server is not sent to another."))
    return port


def _check_webhook(settings: Settings, row: Channel, new: EnteredChannel) -> None:
    why = why_not_allowed(new.url, allow_private=settings.allow_private_addresses)
    if why or len(new.url) > 1000:
        raise Invalid(why or _("The address is too long."))
    if new.kind != WEBHOOK and not new.secret:
        return
    if new.secret:
        try:
            check_secret(new.secret)
        except ValueError as error:
            raise Invalid(str(error)) from None
    elif new.secret == "" or not row.secret:
        raise Invalid(_("A webhook needs a secret to be signed with; make one with the button."))


def _check_mail(settings: Settings, new: EnteredChannel) -> None:
    if new.kind == MAIL and not new.server and settings.smtp_url is None:
        raise Invalid(_("Enter the mail server; this installation has none of its own (MUSTER_SMTP_URL)."))
    if new.server and (not new.server.isascii() or any(letter in "/@: " for letter in new.server.strip("[]"))):
        raise Invalid(_("The mail server is a name or an address alone, such as mail.example.org."))
    if new.server and not new.sender:
        raise Invalid(_("Enter the address that messages come from."))
    if new.sender and usable(new.sender) is None:
        raise Invalid(_("The address that messages come from is no e-mail address."))
    if new.sender and not new.server and not _may_send_from(settings, new.sender):
        domain = settings.mail_from.rpartition("@")[2]
        raise Invalid(
            _("Through this installation's mail server messages come from an address at %(domain)s.", domain=domain)
        )


def _may_send_from(settings: Settings, sender: str) -> bool:
    """Whether the operator's own mail server may be used for a sender: his domain, or one he named."""
    domain = sender.rpartition("@")[2].lower()
    return domain in (settings.mail_from.rpartition("@")[2].lower(), *settings.mail_domains)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536):
        raise Invalid(_("The port is a number from 1 to 65535; usual are 587 and 465."))
    return int(text)


def new_secret(session: Session, runtime: Runtime, host_id: int, *, who: str) -> str:
    """Make a secret for the webhook; the one before it holds beside it. Returned this once."""
    row = channel_of(session, host_id)
    session.add(row)
    made = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    row.secret = ",".join([made, *(row.secret or "").split(",")[:1]]).rstrip(",")
    journal.record(session, host_id, runtime.clock.now(), who, "channel_secret_made")
    return made


def server_of(runtime: Runtime, row: Channel) -> Server:
    """The mail server of a channel, or the installation's.

    :raises MailTrouble: where neither is set, or the latter cannot be understood.
    """
    if row.server:
        return Server(
            row.server.strip("[]"), row.port, row.security, row.username, row.password or "", row.sender, row.sender_name,
            allow_private=runtime.settings.allow_private_addresses,
        )  # fmt: skip
    return _own_server(runtime.settings, row)


def _own_server(settings: Settings, row: Channel) -> Server:
    try:
        parts = urlsplit(settings.smtp_url or "")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in ("smtp", "smtps"):
        raise MailTrouble("No mail server is set: MUSTER_SMTP_URL is smtp://user:password@host:587.", lasting=True)
    security = TLS if parts.scheme == "smtps" else OFFERED
    allowed = row.sender and _may_send_from(settings, row.sender)
    sender = row.sender if allowed else settings.mail_from
    return Server(
        host, port or (465 if security == TLS else 587), security, unquote(parts.username or ""),
        unquote(parts.password or ""), sender, row.sender_name, allow_private=True,
    )  # fmt: skip


def try_mail(runtime: Runtime, host_id: int, to: str) -> tuple[bool, str]:
    """Send a letter to somebody now; whether it was taken, and what to say."""
    with runtime.db.read() as session:
        row = channel_of(session, host_id)
        title = session.get_one(Host, host_id).title
    address = usable(to)
    if address is None:
        return False, "This is no e-mail address."
    text = {"subject": "A test by Muster", "text": f"Messages of {title} arrive.", "html": "<p>Messages arrive.</p>"}
    now = runtime.clock.true()
    try:
        server = server_of(runtime, row)
        letter = compose(server, address, "", text, identity=message_id(host_id, f"test:{now}", server.sender), at=now)
        with Mailer(server) as mailer:
            posted = mailer.send(address, letter)
    except MailTrouble as trouble:
        return False, trouble.why
    return posted.word == "sent", posted.why


def in_trouble(session: Session, host_id: int, why: str, now: int) -> None:
    """Remember why a channel cannot be used now, and from when on to try again."""
    row = session.get(Channel, host_id, with_for_update=True, populate_existing=True)
    if row is not None:
        if not row.reason:
            row.since = now
        row.reason, row.failures = why, row.failures + 1
        row.retry_at = now + _PAUSES[min(row.failures, len(_PAUSES)) - 1]


def well(session: Session, host_id: int) -> None:
    """The channel took something again."""
    row = session.get(Channel, host_id)
    if row is not None and row.reason:
        row.reason, row.since, row.retry_at, row.failures = "", 0, 0, 0


def from_form(form: Mapping[str, str]) -> EnteredChannel:
    """What a page's form holds; an empty secret keeps what is stored, a tick removes it."""

    def kept(name: str, otherwise: str = "") -> str:
        return form.get(name, "").strip() or otherwise

    def hidden(name: str) -> str | None:
        return "" if f"forget_{name}" in form else kept(name) or None

    return EnteredChannel(
        kept("kind"), kept("url"), hidden("secret"), kept("server"), kept("port", "587"), kept("security", STARTTLS),
        kept("username"), hidden("password"), kept("sender"), kept("sender_name"),
    )  # fmt: skip
