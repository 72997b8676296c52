"""How each host's connection is doing, for the Hosts page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.core.tables import Host
from plugin.mirror.tables import DELETED, SITE, Connection, Person, StoredHint, SyncRun, Unit


@dataclass(frozen=True)
class HostSeen:
    """A host, its connection where it has one, and what the mirror holds of it."""

    host: Host
    connection: Connection | None
    people: int
    units: int
    hints: int


def trouble_of(session: Session, host_id: int) -> Connection | None:
    """The connection of a host while it does not work: its ``reason`` and ``since``; ``None`` while it does."""
    query = select(Connection).where(
        Connection.host_id == host_id, Connection.state != "active", Connection.reason != ""
    )
    return session.scalars(query.order_by(Connection.id)).first()


def hosts_seen(session: Session, host_id: int | None) -> list[HostSeen]:
    """One host, or all of them, by name."""
    query = select(Host).order_by(Host.name)
    if host_id is not None:
        query = query.where(Host.id == host_id)
    found = []
    for host in session.scalars(query):
        connection = session.scalars(
            select(Connection).where(Connection.host_id == host.id, Connection.role == SITE).order_by(Connection.id)
        ).first()
        people = select(func.count()).select_from(Person).where(Person.host_id == host.id, Person.state != DELETED)
        units = select(func.count()).select_from(Unit).where(Unit.host_id == host.id, Unit.gone.is_(False))
        hints = select(func.count()).select_from(StoredHint).where(StoredHint.host_id == host.id)
        counts = [int(session.scalar(one) or 0) for one in (people, units, hints)]
        found.append(HostSeen(host, connection, *counts))
    return found


def sync_runs(session: Session, host_id: int, limit: int = 10) -> Sequence[SyncRun]:
    """The latest pulls, newest first."""
    query = select(SyncRun).where(SyncRun.host_id == host_id).order_by(SyncRun.id.desc()).limit(limit)
    return session.scalars(query).all()


def latest_costs(session: Session, host_id: int, connection: Connection | None) -> dict[str, tuple[int, int]]:
    """Calls and bytes of the latest read of each kind, where something was asked."""
    found: dict[str, tuple[int, int]] = {}
    for run in sync_runs(session, host_id, 100):
        for kind, cost in (run.costs or {}).items():
            found.setdefault(kind, (int(cost.get("calls", 0)), int(cost.get("bytes", 0))))
    watched = connection.settings.get("watch_cost") if connection is not None else None
    if isinstance(watched, dict):
        found["completions"] = (int(watched.get("calls", 0)), int(watched.get("bytes", 0)))
    return found


def total_cost(run: SyncRun) -> tuple[int, int]:
    """Calls and bytes of one pull."""
    costs = list((run.costs or {}).values())
    return sum(int(one.get("calls", 0)) for one in costs), sum(int(one.get("bytes", 0)) for one in costs)
