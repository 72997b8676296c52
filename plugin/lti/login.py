"""The first half of a launch: a platform sends somebody, we send her to its authorisation endpoint."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.core.text.stored import later
from plugin.lti.errors import LtiRejected
from plugin.lti.tables import Nonce

LASTS = 600
"""Seconds a login may take."""
_LONGEST = 4000


@dataclass(frozen=True)
class Login:
    """Where to go, and what the browser keeps until it comes back.

    :ivar secret: binds the launch to this browser, by cookie or by the platform's storage.
    :ivar storage: the platform's frame to store in (``_parent`` or a name); empty where it offers none.
    :ivar platform: origin of the authorisation endpoint, for messages to that frame.
    """

    address: str
    state: str
    secret: str
    storage: str
    platform: str


def digest(value: str) -> str:
    """SHA-256 in hex: handles and secrets are stored so."""
    return hashlib.sha256(value.encode()).hexdigest()


def launch_address(runtime: Runtime) -> str:
    """The one redirect address."""
    return f"{runtime.settings.base_url}/lti/launch"


def is_ours(runtime: Runtime, address: str) -> bool:
    """Whether an address is one of ours: the base address or below it."""
    base = runtime.settings.base_url
    return address == base or address.startswith(f"{base}/")


def begin_login(runtime: Runtime, asked: Mapping[str, str]) -> Login:
    """Answer a third-party initiated login (LTI 1.3 §5.1.1).

    :raises LtiRejected: when it lacks something, or comes from a platform nobody registered.
    """
    for name in ("iss", "login_hint", "target_link_uri"):
        if not asked.get(name):
            raise LtiRejected("login_incomplete", later("The learning site's request lacks '%(name)s'.", name=name))
    if any(len(value) > _LONGEST for value in asked.values()):
        raise LtiRejected("login_too_long", "The learning site's request is too long.")
    if not is_ours(runtime, asked["target_link_uri"]):
        raise LtiRejected("target_foreign", "The learning site asks for an address that is not Muster's.")
    state, nonce, secret = (secrets.token_urlsafe(32) for _ in range(3))
    storage = asked.get("lti_storage_target", "")

    def work(session: Session) -> Host:
        host = _registration(session, asked["iss"], asked.get("client_id"))
        now = runtime.clock.true()
        session.execute(delete(Nonce).where(Nonce.expires < now))
        data = {"nonce": nonce, "host": host.id, "secret": digest(secret), "storage": storage}
        session.add(Nonce(digest=digest(state), kind="login", data=data, expires=now + LASTS))
        return host

    host = runtime.db.transact(work)
    return Login(_address(runtime, host, asked, state, nonce), state, secret, storage, _origin(host.auth_url or ""))


def _registration(session: Session, issuer: str, client_id: str | None) -> Host:
    query = select(Host).where(Host.issuer == issuer)
    if client_id:
        query = query.where(Host.client_id == client_id)
    found = session.scalars(query.where(Host.state == "active").limit(2)).all()
    if not found and session.scalars(query.where(Host.state == "pending").limit(1)).first() is not None:
        raise LtiRejected(
            "registration_pending",
            "This learning site has registered Muster, but nobody has approved that yet. Whoever runs Muster does so"
            " under Hosts.",
            403,
        )
    if len(found) != 1:
        raise LtiRejected("registration_unknown", "This learning site is not connected to Muster.", 403)
    return found[0]


def _address(runtime: Runtime, host: Host, asked: Mapping[str, str], state: str, nonce: str) -> str:
    query = {
        "scope": "openid", "response_type": "id_token", "response_mode": "form_post", "prompt": "none",
        "client_id": host.client_id or "", "redirect_uri": launch_address(runtime), "login_hint": asked["login_hint"],
        "state": state, "nonce": nonce,
    }  # fmt: skip
    for name in ("lti_message_hint", "lti_storage_target"):
        if asked.get(name):
            query[name] = asked[name]
    address = host.auth_url or ""
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(query)}"


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
