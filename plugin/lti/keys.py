"""Our own signing keys: a current one signs, a retired one stays published until nobody can still rely on it."""

from __future__ import annotations

import secrets
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwcrypto.jwk import JWK
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from plugin.core.runtime import Runtime
from plugin.lti.tables import ToolKey

PUBLISHED_FOR = 7 * 86400


def current_key(session: Session, now: int) -> ToolKey:
    """The key that signs; made on first use."""
    found = session.scalars(select(ToolKey).where(ToolKey.state == "current").order_by(ToolKey.created.desc())).first()
    return found or _new_key(session, now)


def published(session: Session) -> list[dict[str, Any]]:
    """The key set that platforms read."""
    rows = session.scalars(select(ToolKey).order_by(ToolKey.created.desc()))
    return [row.public_jwk for row in rows]


def rotate(runtime: Runtime) -> str:
    """Retire the current key and make a new one; drop keys retired long ago. Returns the new key's id."""

    def work(session: Session) -> str:
        now = runtime.clock.true()
        for row in session.scalars(select(ToolKey).where(ToolKey.state == "current").with_for_update()):
            row.state, row.created = "retired", now
        session.execute(delete(ToolKey).where(ToolKey.state == "retired", ToolKey.created < now - PUBLISHED_FOR))
        return _new_key(session, now).kid

    return runtime.db.transact(work)


def _new_key(session: Session, now: int) -> ToolKey:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    kid = secrets.token_hex(8)
    public: dict[str, Any] = JWK.from_pem(pem).export_public(as_dict=True)
    row = ToolKey(
        kid=kid, private_pem=pem.decode(), state="current", created=now,
        public_jwk={**public, "kid": kid, "alg": "RS256", "use": "sig"},
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row
