"""Addresses that open once: the setup link, and an address by which a learning site registers and is let in (ACCESS 5)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import delete
from sqlalchemy.orm import Session

from plugin.core.runtime import Runtime
from plugin.core.tables import OnceLink
from plugin.lti.login import digest

SETUP_LASTS, REGISTER_LASTS = 30 * 60, 86400
"""Seconds for which a setup link and a registration address are good."""
SETUP, REGISTER = "setup", "register"


@dataclass(frozen=True)
class Link:
    """What a one-use address is for, and who made it or for whom."""

    purpose: str
    who: str


def new_setup_link(made: Runtime, name: str = "") -> str:
    """A one-use address that opens *Hosts* without a launch.

    :param name: of the operator it is for, as the history will name her.
    """
    return f"{made.settings.base_url}/setup/{_new(made, SETUP, ' '.join(name.split())[:200], SETUP_LASTS)}"


def new_registration_address(made: Runtime, who: str, host_id: int | None = None) -> str:
    """A one-use registration address: what registers by it need not wait for approval.

    :param host_id: of the administrator who makes it: then only her own platform registers by it. ``None``: an operator.
    """
    purpose = REGISTER if host_id is None else f"{REGISTER}:{host_id}"
    return f"{made.settings.base_url}/lti/register/{_new(made, purpose, who, REGISTER_LASTS)}"


def _new(made: Runtime, purpose: str, who: str, lasts: int) -> str:
    token = secrets.token_urlsafe(32)

    def work(session: Session) -> None:
        now = made.clock.true()
        session.execute(delete(OnceLink).where(OnceLink.expires < now))
        session.add(OnceLink(digest=digest(token), purpose=purpose, who=who, expires=now + lasts))

    made.db.transact(work)
    return token


def look(session: Session, token: str, now: int) -> Link | None:
    """What an address is for; looking uses nothing up. ``None`` where it was used, or is too old."""
    row = session.get(OnceLink, digest(token))
    return Link(row.purpose, row.who) if row is not None and row.expires >= now else None


def use(session: Session, token: str, now: int) -> Link | None:
    """Use an address up."""
    found = session.execute(
        delete(OnceLink)
        .where(OnceLink.digest == digest(token), OnceLink.expires >= now)
        .returning(OnceLink.purpose, OnceLink.who)
    ).first()
    return Link(found[0], found[1]) if found else None
