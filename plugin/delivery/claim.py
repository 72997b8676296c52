"""Claiming what is owed: seats become a call in the transaction that marks them *unknown* (DESIGN, point 6)."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.bulk import fetch, insert_rows, run
from plugin.core.logs import correlation, log, use_correlation
from plugin.delivery.owed import owed_seats
from plugin.delivery.tables import UNKNOWN, Call

TO_HOST = ("seats", "messages", "resets")
"""Kinds of calls that go to the host itself; messages may also go elsewhere (:mod:`plugin.delivery.posting`)."""
LEASE = 120
"""Seconds; more than three times the deadline of a call (:data:`plugin.core.http.DEADLINE`)."""

_CAUSES = 20
_SENT = (
    f"UPDATE seat SET confirmed = {UNKNOWN}, sent = wanted, sent_generation = generation, call = ?"
    " WHERE host_id = ? AND course = ?"
)
_log = log("delivery")

Prepare = Callable[[str, Sequence[dict[str, Any]]], str]


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


def claim_seats(
    session: Session, host_id: int, now: int, true_now: int, limit: int, lease: str, prepare: Prepare
) -> Call | None:
    """Take a batch of owed seats into a new call, leased to us. The body is written before it is sent.

    The call carries the correlation id of what its seats are about; where they come from several causes, its own, and
    the log says which.
    """
    owed = owed_seats(session, host_id, now, limit)
    if not owed:
        return None
    owed.sort(key=lambda seat: (seat.course, seat.person))
    call_id, causes = f"msg_{secrets.token_hex(12)}", list(dict.fromkeys(seat.correlation for seat in owed))
    use_correlation(causes[0] if len(causes) == 1 else None)
    body = prepare("seats", [seat.item() for seat in owed])
    row = {
        "host_id": host_id, "id": [call_id], "kind": "seats", "state": "open", "lease": lease,
        "lease_until": true_now + LEASE, "created": now, "next_at": now, "correlation": correlation(),
        "body": [body],
    }  # fmt: skip
    insert_rows(session, Call, row)
    by_course: dict[int, list[int]] = {}
    for seat in owed:
        by_course.setdefault(seat.course, []).append(seat.person)
    for course, people in by_course.items():  # locked, so that what is wanted is what was read
        run(session, f"{_SENT} AND person IN ({', '.join(map(str, people))})", call_id, host_id, course)
    call = Call(**{**row, "id": call_id, "body": body, "job": "", "attempts": 0, "last_error": ""})
    _log.info("seats claimed", host=host_id, call=call_id, seats=len(owed), causes=causes[:_CAUSES])
    return call


def claim_open_call(
    session: Session, host_id: int, now: int, true_now: int, lease: str, kinds: Sequence[str] = TO_HOST
) -> Call | None:
    """Take over a call that is due for repeating: its lease ran out, or its holder is dead.

    A call taken from a holder who never said how it ended is *broken*: it may have reached the host.
    """
    if not fetch(session, "SELECT 1 FROM call WHERE host_id = ? AND next_at <= ? LIMIT 1", host_id, now):
        return None
    rows = session.scalars(
        select(Call)
        .where(
            Call.host_id == host_id, Call.state.in_(("open", "waiting", "broken")), Call.next_at <= now,
            Call.kind.in_(kinds),
        )
        .order_by(Call.next_at, Call.created, Call.id)
        .limit(50)
        .with_for_update(skip_locked=True)
    )  # fmt: skip
    for call in rows:
        if not call.lease or call.lease_until < true_now or is_dead(call.lease):
            if call.lease and call.state == "open":
                call.state = "broken"
            call.lease, call.lease_until = lease, true_now + LEASE
            session.flush()
            return call
    return None
