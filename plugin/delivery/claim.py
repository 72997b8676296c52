"""Claiming what is owed: seats become a call in the transaction that marks them *unknown* (DESIGN, point 6)."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from plugin.delivery.tables import OURS, OUT, SUSPENDED, UNKNOWN, WANTS, Call

LEASE = 120
"""Seconds; more than three times the deadline of a call (:data:`plugin.core.http.DEADLINE`)."""

Prepare = Callable[[str, Sequence[dict[str, Any]]], str]


@dataclass(frozen=True)
class OwedSeat:
    """A seat to be sent: ids ours and the host's."""

    course: int
    person: int
    wanted: int
    generation: int
    course_ext: str
    person_ext: str
    origin: int

    def item(self) -> dict[str, Any]:
        """As ``seats.changed`` carries it; ``ours`` is for dialects that must look before their first write."""
        return {
            "seat": f"{self.course}.{self.person}",
            "generation": self.generation,
            "person": self.person_ext,
            "course": self.course_ext,
            "want": WANTS[self.wanted],
            "ours": self.origin == OURS,
        }


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


def owed_seats(session: Session, host_id: int, now: int, limit: int) -> list[OwedSeat]:
    """Seats owed and not in a call, of people who are not suspended at the host, oldest wish first; locked.

    Several workers each take other ones.
    """
    lock = "" if session.get_bind().dialect.name == "sqlite" else " FOR UPDATE OF s SKIP LOCKED"
    sql = (
        "SELECT s.course, s.person, s.wanted, s.generation, c.ext, p.ext, s.origin FROM seat s"
        " JOIN person p ON p.host_id = s.host_id AND p.id = s.person AND p.state <> 1"
        " JOIN course c ON c.host_id = s.host_id AND c.id = s.course"
        " WHERE s.host_id = :host AND s.owed AND s.call = '' AND s.parked IS NULL AND s.next_at <= :now"
        f" ORDER BY s.next_at, s.changed, s.course, s.person LIMIT :limit{lock}"
    )
    rows = session.execute(text(sql), {"host": host_id, "now": now, "limit": limit})
    return [OwedSeat(*row) for row in rows]


def claim_seats(
    session: Session, host_id: int, now: int, true_now: int, limit: int, lease: str, prepare: Prepare
) -> Call | None:
    """Take a batch of owed seats into a new call, leased to us. The body is written before it is sent."""
    owed = owed_seats(session, host_id, now, limit)
    if not owed:
        return None
    owed.sort(key=lambda seat: (seat.course, seat.person))
    call = Call(
        host_id=host_id, id=f"msg_{secrets.token_hex(12)}", kind="seats", body=prepare("seats", [s.item() for s in owed]),
        state="open", lease=lease, lease_until=true_now + LEASE, created=now, attempts=0, next_at=now,
    )  # fmt: skip
    session.add(call)
    session.flush()
    session.connection().execute(
        text(
            "UPDATE seat SET confirmed = :unknown, sent = :sent, sent_generation = :generation, call = :call"
            " WHERE host_id = :host AND course = :course AND person = :person"
        ),
        [
            {"unknown": UNKNOWN, "sent": seat.wanted, "generation": seat.generation, "call": call.id, "host": host_id,
             "course": seat.course, "person": seat.person}
            for seat in owed
        ],
    )  # fmt: skip
    return call


def claim_open_call(session: Session, host_id: int, now: int, true_now: int, lease: str) -> Call | None:
    """Take over a call that is due for repeating: its lease ran out, or its holder is dead.

    A call taken from a holder who never said how it ended is *broken*: it may have reached the host.
    """
    rows = session.scalars(
        select(Call)
        .where(Call.host_id == host_id, Call.state.in_(("open", "waiting", "broken")), Call.next_at <= now)
        .order_by(Call.next_at, Call.created, Call.id)
        .limit(50)
        .with_for_update(skip_locked=True)
    )
    for call in rows:
        if not call.lease or call.lease_until < true_now or is_dead(call.lease):
            if call.lease and call.state == "open":
                call.state = "broken"
            call.lease, call.lease_until = lease, true_now + LEASE
            session.flush()
            return call
    return None


def nothing_to_send(session: Session, host_id: int) -> None:
    """A seat the host never heard of, and that nobody wants any more, is owed nothing."""
    session.execute(
        text(
            "UPDATE seat SET owed = :no WHERE host_id = :host AND owed AND call = '' AND confirmed = :out"
            " AND wanted IN (:out, :suspended)"
        ),
        {"host": host_id, "no": False, "out": OUT, "suspended": SUSPENDED},
    )
