"""What an administrator changes of a host's connection: its kind, addresses, secrets and settings."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core import journal
from plugin.core.days import known_zone
from plugin.core.errors import Invalid
from plugin.core.ids import take_ids
from plugin.core.network.addresses import server_of
from plugin.core.network.signing import check_secret
from plugin.core.tables import Host
from plugin.core.text.languages import SOURCE, is_offered, offered, parsed
from plugin.hosts.registry import DIALECTS
from plugin.lti import approval
from plugin.mirror.connections.date_settings import mark_formats, mark_meaning, move_zone
from plugin.mirror.connections.store import connection_of
from plugin.mirror.tables import Connection

LONGEST = 1000
ADDRESSES = ("auth_url", "token_url", "jwks_url", "token_audience")
"""What may be corrected of a registration."""
SHORTEST = 12
ROTATING = 2
"""Secrets of one purpose that hold at the same time, while the other side changes over."""


@dataclass(frozen=True)
class Changes:
    """A configuration as it was entered. ``None`` for a secret keeps what is stored, an empty one removes it.

    :ivar settings: of the dialect; names not given keep their values.
    :ivar language: for readers whose own language nobody tells; ``None`` keeps what is stored.
    """

    kind: str
    api_url: str = ""
    api_token: str | None = None
    webhook_url: str = ""
    webhook_secret: str | None = None
    hooks_secret: str | None = None
    title: str = ""
    time_zone: str = ""
    language: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


def approve_registration(session: Session, host_id: int, client_id: str, *, at: int, who: str) -> Host:
    """Let a pending registration in, with a connection still to be configured.

    :raises NotFound: when none of this number and client waits.
    """
    host = approval.approve(session, host_id, client_id, at)
    product = str(dict(host.settings.get("registration") or {}).get("product") or "")
    _new_connection(session, host, product if product in DIALECTS else "webhook", at)
    journal.record(session, host.id, at, who, "approved", data={"issuer": host.issuer, "client": host.client_id})
    return host


def _new_connection(session: Session, host: Host, kind: str, at: int) -> Connection:
    name, number = host.name, 1
    while session.scalars(select(Connection.id).where(Connection.name == name)).first() is not None:
        number += 1
        name = f"{host.name[:60]}-{number}"
    row = Connection(
        host_id=host.id, id=take_ids(session, host.id, "connection"), name=name, kind=kind, mapping={}, settings={},
        caps={}, marks={}, since=at,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def change_connection(session: Session, host_id: int, new: Changes, *, at: int, who: str) -> Connection:
    """Write a configuration; what the host's old address told about where reads go on is forgotten with it.

    :raises Invalid: for a kind, address, zone or secret that cannot be; then nothing is changed.
    """
    row = connection_of(session, host_id)
    session.refresh(row, with_for_update=True)
    host = session.get_one(Host, host_id, with_for_update=True)
    _check(row, new)
    if known_zone(new.time_zone or None, "") != new.time_zone:
        raise Invalid(_("'%(zone)s' is no time zone; write one like Europe/London.", zone=new.time_zone))
    moved = (row.kind, row.api_url.rstrip("/")) != (new.kind, new.api_url.rstrip("/"))
    if moved:
        row.marks, row.caps = {}, {}
    row.kind, row.api_url, row.webhook_url = new.kind, new.api_url, new.webhook_url
    for name in ("api_token", "webhook_secret", "hooks_secret"):
        value = getattr(new, name)
        if value is not None:
            setattr(row, name, value or None)
    row.settings = {**row.settings, **new.settings} | ({"whole_read": 0} if moved else {})
    if row.state != "active":
        row.state, row.reason, row.since = "active", "", at
    row.retry_at = row.failures = 0
    host.title = new.title or host.title
    if new.language is not None:
        set_language(session, host_id, new.language, at=at, who=who)
    move_zone(session, host_id, new.time_zone, at=at, who=who)
    journal.record(session, host_id, at, who, "connection_changed", data={"kind": row.kind, "api": row.api_url})
    return row


def set_language(session: Session, host_id: int, language: str, *, at: int, who: str) -> None:
    """The language of pages and messages for whoever has none that is known, or none that Muster speaks.

    :param language: such as ``de``; empty for English.
    :raises Invalid: for one that is not offered.
    """
    spoken = parsed(language or SOURCE)
    if spoken is None or not is_offered(spoken.language):
        words = {"language": language, "offered": ", ".join(offered())}
        raise Invalid(_("'%(language)s' is no language that Muster speaks. It speaks: %(offered)s.", **words))
    host = session.get_one(Host, host_id, with_for_update=True)
    after = str(spoken).replace("_", "-")
    if host.language != after:
        journal.record(session, host_id, at, who, "language_changed", data={"before": host.language, "after": after})
        host.language = after


def _check(row: Connection, new: Changes) -> None:
    if new.kind not in DIALECTS:
        raise Invalid(f"'{new.kind}' is no kind of host; use one of {', '.join(sorted(DIALECTS))}.")
    for label, address in ((_("API address"), new.api_url), (_("webhook address"), new.webhook_url)):
        if address:
            check_address(label, address)
    if new.webhook_secret:
        _check_secret(_("webhook secret"), new.webhook_secret, standard=new.kind == "webhook")
    if new.hooks_secret:
        _check_secret(_("secret of its hints"), new.hooks_secret, standard=False)
    if row.api_token and new.api_token is None and server_of(row.api_url) != server_of(new.api_url):
        raise Invalid(_("Enter the token again: what was given for one address is not sent to another."))


def _check_secret(label: str, secret: str, *, standard: bool) -> None:
    """Totara and webhook plugins have secrets of their own kind; those only have to be long enough."""
    try:
        check_secret(secret)
    except ValueError as error:
        if standard:
            raise Invalid(_("The %(label)s cannot be used. %(error)s", label=label, error=error)) from None
        if len(secret) < SHORTEST or any(letter.isspace() for letter in secret):
            words = {"label": label, "least": SHORTEST}
            raise Invalid(_("The %(label)s needs at least %(least)s characters and no spaces.", **words)) from None


def check_address(label: str, address: str) -> None:
    """Refuse what is no web address.

    :raises Invalid: naming it.
    """
    try:
        parts = urlsplit(address)
        fits = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        fits = False
    if not fits or len(address) > LONGEST or any(letter.isspace() for letter in address):
        raise Invalid(_("The %(label)s must begin with https:// or http:// and name a host.", label=label))


def new_webhook_secret(session: Session, host_id: int, *, at: int, who: str) -> str:
    """Make a webhook secret, which holds beside the one before until that is forgotten. Returned this once."""
    row = connection_of(session, host_id)
    session.refresh(row, with_for_update=True)
    made = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    before = [one.strip() for one in (row.webhook_secret or "").split(",") if one.strip()]
    row.webhook_secret = ",".join([made, *before[: ROTATING - 1]])
    journal.record(session, host_id, at, who, "secret_made")
    return made


def forget_old_secrets(session: Session, host_id: int, *, at: int, who: str) -> None:
    """Keep the newest webhook secret alone."""
    row = connection_of(session, host_id)
    session.refresh(row, with_for_update=True)
    if row.webhook_secret:
        row.webhook_secret = row.webhook_secret.split(",")[0].strip()
    journal.record(session, host_id, at, who, "old_secrets_forgotten")


def secrets_held(row: Connection) -> int:
    """How many webhook secrets hold now."""
    return len([one for one in (row.webhook_secret or "").split(",") if one.strip()])


def change_mapping(session: Session, host_id: int, mapping: Mapping[str, Any], *, at: int, who: str) -> None:
    """Write a mapping; everything is read again by it. Deletions that come of it pass the guards as any other."""
    row = connection_of(session, host_id)
    session.refresh(row, with_for_update=True)
    if row.mapping == dict(mapping):
        return
    journal.record(session, host_id, at, who, "mapping_changed", data={"before": row.mapping, "after": dict(mapping)})
    mark_formats(row, mapping)
    row.mapping = dict(mapping)
    row.marks = {}
    mark_meaning(session, host_id, at)
    row.settings = {**row.settings, "whole_read": 0}
    row.retry_at = 0


def change_registration(session: Session, host_id: int, form: Mapping[str, str], *, at: int, who: str) -> None:
    """Correct the addresses of a registration.

    :param form: by the names of :data:`ADDRESSES`; the audience may be empty.
    :raises Invalid: naming the address that cannot be.
    """
    labels = {"auth_url": _("authorisation address"), "token_url": _("token address"), "jwks_url": _("key set address")}
    for name, label in labels.items():
        check_address(label, form.get(name, ""))
    if len(form.get("token_audience", "")) > LONGEST:
        raise Invalid(_("The audience of tokens is too long."))
    host = session.get_one(Host, host_id, with_for_update=True)
    before = {name: getattr(host, name) for name in ADDRESSES}
    for name in ADDRESSES:
        setattr(host, name, form.get(name, "") or None)
    after = {name: getattr(host, name) for name in ADDRESSES}
    if after != before:
        journal.record(session, host_id, at, who, "registration_changed", data={"before": before, "after": after})


def set_state(session: Session, host_id: int, state: str, *, at: int, who: str) -> None:
    """Close a host off (``disabled``: no launch, no read, nothing sent) or let it in again (``active``)."""
    host = session.get_one(Host, host_id, with_for_update=True)
    if host.state != state:
        host.state = state
        journal.record(session, host_id, at, who, "closed_off" if state == "disabled" else "let_in")
