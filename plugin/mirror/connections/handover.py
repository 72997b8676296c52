"""What Muster's plugin in Moodle hands over: a registration and a token, signed with a one-time code.

The code itself never travels: both sides make a secret of it, and we keep only its hash.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from plugin.core import journal
from plugin.core.days import known_zone
from plugin.core.errors import Invalid
from plugin.core.network.signing import BadSignature, verify
from plugin.core.runtime import Runtime
from plugin.core.tables import Host, HostClock, OnceLink
from plugin.lti.approval import add_deployment, free_name
from plugin.lti.login import digest
from plugin.mirror.connections.date_settings import move_zone
from plugin.mirror.connections.store import NewHost, add_host, connection_of

PURPOSE = "companion"
LASTS = 3600
"""Seconds that a code is good for."""
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_MOST = 500


@dataclass(frozen=True)
class Handover:
    """A site's side, checked."""

    site: str
    name: str
    zone: str
    token: str
    role: int
    client_id: str
    deployment: str


def new_code(made: Runtime) -> str:
    """A code to type in at Moodle, good once and for an hour; only its hash is kept."""
    code = "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(5))

    def work(session: Session) -> None:
        now = made.clock.true()
        session.execute(delete(OnceLink).where(OnceLink.expires < now))
        session.add(OnceLink(digest=digest(plain_code(code)), purpose=PURPOSE, expires=now + LASTS))

    made.db.transact(work)
    return code


def plain_code(code: str) -> str:
    """A code as both sides hash it: letters and digits alone, in capitals."""
    return re.sub(r"[^A-Z0-9]", "", code.upper())


def secret_of(hashed: str) -> str:
    """The secret that both sides make of a code, from the hash that we keep."""
    return "whsec_" + base64.b64encode(bytes.fromhex(hashed)).decode()


def signed_with(session: Session, now: int, headers: Mapping[str, str], body: bytes) -> str:
    """Which open code signed a handover: its hash.

    :param now: the true time. :raises BadSignature: where none did.
    """
    for hashed in session.scalars(select(OnceLink.digest).where(OnceLink.purpose == PURPOSE, OnceLink.expires >= now)):
        try:
            verify(secret_of(hashed), headers, body)
        except BadSignature:
            continue
        return str(hashed)
    raise BadSignature("No open code signed this.")


def read_handover(document: Any) -> Handover:
    """A handover as it was sent.

    :raises Invalid: where it is not one.
    """
    if not isinstance(document, dict):
        raise Invalid("A handover is a JSON object.")
    said = {name: str(document.get(name) or "")[: _MOST + 1] for name in ("site", "name", "zone", "token", "client_id")}
    site = said["site"].rstrip("/")
    if not re.fullmatch(r"https?://[^\s?#]+", site) or any(len(one) > _MOST for one in said.values()):
        raise Invalid("A handover names the address of its site, and nothing in it is longer than 500 characters.")
    if not re.fullmatch(r"[0-9a-f]{32,128}", said["token"]) or not said["client_id"]:
        raise Invalid("A handover has the token of a web service and the client id of a registration.")
    role = document.get("role")
    return Handover(
        site, said["name"], said["zone"], said["token"], role if isinstance(role, int) and role > 0 else 5,
        said["client_id"][:255], str(document.get("deployment_id") or "")[:255],
    )  # fmt: skip


def accept(session: Session, hashed: str, new: Handover, at: int) -> tuple[str, str]:
    """Take a site in, or what it hands over anew; the code is used up. Returns the connection's name and its hooks' secret.

    :raises Invalid: where the code was used meanwhile, or what was handed over cannot be.
    """
    used = session.execute(
        delete(OnceLink).where(OnceLink.digest == hashed, OnceLink.purpose == PURPOSE).returning(OnceLink.digest)
    ).first()
    if used is None:
        raise Invalid("This code was used already.")
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    host = _host(session, new, at)
    row = connection_of(session, host.id)
    row.kind, row.api_url, row.api_token, row.hooks_secret = "moodle", new.site, new.token, secret
    row.settings = {**row.settings, "role": new.role}
    row.state, row.reason, row.failures, row.retry_at, row.since = "active", "", 0, 0, at
    if new.name:
        host.title = new.name[:255]
    move_zone(session, host.id, known_zone(new.zone or None, host.time_zone), at=at, who="setup")
    journal.record(session, host.id, at, "setup", "handed_over", data={"site": new.site})
    return row.name, secret


def _host(session: Session, new: Handover, at: int) -> Host:
    """The site's registration: the one of this client, else the one there is, else a new one."""
    known = list(session.scalars(select(Host).where(Host.issuer == new.site).order_by(Host.id)))
    host = next((one for one in known if one.client_id == new.client_id), None) or next(
        (one for one in known if one.state == "active"), None
    )
    if host is None:
        lti = f"{new.site}/mod/lti"
        made = NewHost(
            free_name(session, new.site), new.site, new.client_id, new.deployment, f"{lti}/auth.php", f"{lti}/token.php",
            f"{lti}/certs.php", kind="moodle", api_url=new.site,
        )  # fmt: skip
        return add_host(session, made, at)
    host.client_id = new.client_id
    if host.state == "pending":
        host.state, host.name = "active", free_name(session, new.site)
        session.add(HostClock(host_id=host.id, seq=0, as_of=at))
    if new.deployment:
        add_deployment(session, host.id, new.deployment)
    session.flush()
    return host
