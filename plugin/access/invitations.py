"""Registrations that come by an address of ours, and need not wait for approval (ACCESS 5)."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.access.setup_links import REGISTER, use
from plugin.core.tables import Host
from plugin.mirror.connections.settings import approve_registration


def admit(session: Session, token: str, host_id: int, *, now: int, at: int) -> bool:
    """Let a registration in that came by an address of ours; false leaves it waiting for an operator.

    An administrator's address lets in her own platform alone.
    """
    link = use(session, token, now)
    host = session.get_one(Host, host_id)
    if link is None or link.purpose.partition(":")[0] != REGISTER:
        return False
    maker = link.purpose.partition(":")[2]
    if (
        maker
        and session.scalar(select(Host.issuer).where(Host.id == int(maker), Host.state == "active")) != host.issuer
    ):
        return False
    approve_registration(session, host_id, host.client_id or "", at=at, who=link.who)
    return True
