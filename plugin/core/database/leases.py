"""Leases: who works on what is owed, and until when. One way to take, to hold longer and to give back.

A lease is on a row that has something owed (:class:`Leased`), or on a piece of work that has no row
(:class:`plugin.core.tables.Lease`: one worker reads a host). Times are true ones. Whoever finds the lease of a process of
this machine that is gone takes it over at once.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from sqlalchemy import BigInteger, CursorResult, String, text
from sqlalchemy.orm import Mapped, Session, mapped_column

LEASE = 120
"""Seconds; more than three times the deadline of a call (:data:`plugin.core.network.http.DEADLINE`)."""


def worker_token() -> str:
    """Names this process: machine, pid and when it began, so that a dead one is recognised."""
    return f"{socket.gethostname()[:30]}:{os.getpid()}:{_started(os.getpid())}:{secrets.token_hex(4)}"


def _started(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[19]
    except OSError:
        return "0"


def is_dead(lease: str) -> bool:
    """Whether the process that holds a lease ran on this machine and is gone."""
    parts = lease.split(":")
    if len(parts) != 4 or parts[0] != socket.gethostname()[:30] or not parts[1].isdigit():
        return False
    pid = int(parts[1])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return _started(pid) != parts[2]


def is_free(lease: str, until: int, true_now: int) -> bool:
    """Whether nobody works on it: it was given back, its time is over, or its holder is dead."""
    return not lease or until < true_now or is_dead(lease)


class Leased:
    """Columns of a table whose rows are worked on under a lease, and what is done with it."""

    lease: Mapped[str] = mapped_column(String(64), default="")
    """Who works on it; empty without anybody."""
    lease_until: Mapped[int] = mapped_column(BigInteger, default=0)

    def is_free(self, true_now: int) -> bool:
        """Whether it may be taken."""
        return is_free(self.lease, self.lease_until, true_now)

    def take(self, token: str, true_now: int, seconds: int = LEASE) -> None:
        """It is ours for so many seconds from now on. Also to hold it longer."""
        self.lease, self.lease_until = token, true_now + seconds

    def give_back(self) -> None:
        """Others may take it at once."""
        self.lease, self.lease_until = "", 0


_TAKE = (
    "INSERT INTO lease (host_id, name, holder, lease_until) VALUES (:host, :name, :token, :until)"
    " ON CONFLICT (host_id, name) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until"
    " WHERE lease.lease_until < :now"
)
_TAKE_OVER = (
    "UPDATE lease SET holder = :token, lease_until = :until WHERE host_id = :host AND name = :name AND holder = :holder"
)
_END = "UPDATE lease SET holder = '', lease_until = 0 WHERE host_id = :host AND name = :name AND holder = :token"

Row = TypeVar("Row", bound=Leased)


def still_ours(session: Session, table: type[Row], key: tuple[Any, ...], token: str) -> Row | None:
    """The row as it is now, locked; ``None`` where somebody else has taken it, and what we found out is too late."""
    row = session.get(table, key, with_for_update=True, populate_existing=True)
    return row if row is not None and row.lease == token else None


def take_turn(session: Session, host_id: int, name: str, true_now: int, seconds: int) -> str | None:
    """Take a piece of work.

    :returns: the token to give it back with; ``None`` where somebody is at it.
    """
    token = worker_token()
    given = {"host": host_id, "name": name, "token": token, "until": true_now + seconds, "now": true_now}
    if _touched(session, _TAKE, given):
        return token
    holder = session.scalar(text("SELECT holder FROM lease WHERE host_id = :host AND name = :name"), given)
    if holder is None or not is_dead(holder):
        return None
    return token if _touched(session, _TAKE_OVER, {**given, "holder": holder}) else None


def end_turn(session: Session, host_id: int, name: str, token: str) -> None:
    """Give a piece of work back, if it is still ours."""
    _touched(session, _END, {"host": host_id, "name": name, "token": token})


def _touched(session: Session, sql: str, given: Mapping[str, Any]) -> bool:
    return bool(cast("CursorResult[Any]", session.execute(text(sql), given)).rowcount)
