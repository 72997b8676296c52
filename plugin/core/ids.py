"""Dense ids from per-host counters, and the host's clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from plugin.core.bulk import fetch
from plugin.core.caches import provisional
from plugin.core.tables import HostClock


def upsert_for(session: Session) -> Callable[[Any], Any]:
    """The INSERT … ON CONFLICT construct of this session's database."""
    return sqlite_insert if session.get_bind().dialect.name == "sqlite" else pg_insert


def take_ids(session: Session, host_id: int, name: str, count: int = 1) -> int:
    """Reserve ``count`` consecutive ids and return the first.

    The counter row stays locked until the transaction ends, so ids appear in commit order.
    """
    rows = fetch(
        session,
        "INSERT INTO counter (host_id, name, value) VALUES (?, ?, ?)"
        " ON CONFLICT (host_id, name) DO UPDATE SET value = counter.value + excluded.value RETURNING value",
        host_id,
        name,
        count,
    )
    return int(rows[0][0]) - count + 1


def advance_seq(session: Session, host_id: int, as_of: int) -> int:
    """Take the host's clock for a change of the mirror: its row lock, a new ``seq``, and time moved on.

    ``as_of`` never steps back (DESIGN, point 1). Returns the new seq, to be stamped on every changed person.
    """
    provisional(session)
    rows = fetch(
        session,
        "UPDATE host_clock SET seq = seq + 1, as_of = CASE WHEN as_of > ? THEN as_of ELSE ? END WHERE host_id = ?"
        " RETURNING seq",
        as_of, as_of, host_id,
    )  # fmt: skip
    if not rows:
        session.add(HostClock(host_id=host_id, seq=1, as_of=as_of))
        session.flush()
        return 1
    return int(rows[0][0])


def read_clock(session: Session, host_id: int, *, share: bool = False) -> tuple[int, int]:
    """The host's ``(seq, as_of)``; with ``share`` no change of the mirror can commit until we do (point 4)."""
    lock = " FOR SHARE" if share and session.get_bind().dialect.name != "sqlite" else ""
    rows = fetch(session, f"SELECT seq, as_of FROM host_clock WHERE host_id = ?{lock}", host_id)
    return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)
