"""Dense ids from per-host counters, and the host's clock."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch, run
from plugin.core.database.dialect import for_share, for_update, is_sqlite
from plugin.core.database.process_cache import provisional
from plugin.core.tables import HostClock


def upsert_for(session: Session) -> Callable[[Any], Any]:
    """The INSERT … ON CONFLICT construct of this session's database."""
    return sqlite_insert if is_sqlite(session) else pg_insert


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


def keep_number(session: Session, host_id: int, name: str, value: int) -> None:
    """Keep a number of the host under a name, in place of the one before."""
    sql = "INSERT INTO counter (host_id, name, value) VALUES (?, ?, ?) ON CONFLICT (host_id, name)"
    run(session, f"{sql} DO UPDATE SET value = excluded.value", host_id, name, value)


def kept_number(session: Session, host_id: int, name: str) -> int | None:
    """The number that is kept under a name."""
    rows = fetch(session, "SELECT value FROM counter WHERE host_id = ? AND name = ?", host_id, name)
    return int(rows[0][0]) if rows else None


def advance_seq(session: Session, host_id: int, now: int) -> int:
    """Take the host's clock for a change of the mirror: its row lock and a new ``seq``, to be stamped on every changed
    person. Time is not moved on by it: only the tick does that (:mod:`plugin.core.host_time`).

    :param now: where the clock of a host begins that has none yet.
    """
    provisional(session)
    rows = fetch(session, "UPDATE host_clock SET seq = seq + 1 WHERE host_id = ? RETURNING seq", host_id)
    if not rows:
        session.add(HostClock(host_id=host_id, seq=1, as_of=now))
        session.flush()
        return 1
    return int(rows[0][0])


def read_clock(session: Session, host_id: int, *, share: bool = False, lock: bool = False) -> tuple[int, int]:
    """The host's ``(seq, as_of)``.

    :param share: no change of the mirror can commit until we do (point 4). :param lock: nobody else takes it meanwhile.
    """
    words = for_update(session) if lock else for_share(session) if share else ""
    rows = fetch(session, f"SELECT seq, as_of FROM host_clock WHERE host_id = ?{words}", host_id)
    return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)
