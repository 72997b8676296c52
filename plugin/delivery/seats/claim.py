"""Claiming what is owed: seats become a call in the transaction that marks them *unknown* (design point 6)."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from plugin.core.database.bulk import run
from plugin.core.logs import log, use_correlation
from plugin.delivery.calls import new_call
from plugin.delivery.seats.owed import owed_seats
from plugin.delivery.seats.parking import park_deleted_courses
from plugin.delivery.tables import UNKNOWN, Call

_CAUSES = 20
_SENT = (
    f"UPDATE seat SET confirmed = {UNKNOWN}, sent = wanted, sent_generation = generation, call = ?"
    " WHERE host_id = ? AND course = ?"
)
_log = log("delivery")

Prepare = Callable[[str, Sequence[dict[str, Any]]], str]


def claim_seats(
    session: Session, host_id: int, now: int, true_now: int, limit: int, lease: str, prepare: Prepare
) -> Call | None:
    """Take a batch of owed seats into a new call, leased to us. The body is written before it is sent.

    The call carries the correlation id of what its seats are about; where they come from several causes, its own, and
    the log says which.
    """
    park_deleted_courses(session, host_id)
    owed = owed_seats(session, host_id, now, limit)
    if not owed:
        return None
    owed.sort(key=lambda seat: (seat.course, seat.person))
    causes = list(dict.fromkeys(seat.correlation for seat in owed))
    use_correlation(causes[0] if len(causes) == 1 else None)
    body = prepare("seats", [seat.item() for seat in owed])
    call = new_call(session, host_id, "seats", body, lease, now, true_now)
    by_course: dict[int, list[int]] = {}
    for seat in owed:
        by_course.setdefault(seat.course, []).append(seat.person)
    for course, people in by_course.items():  # locked, so that what is wanted is what was read
        run(session, f"{_SENT} AND person IN ({', '.join(map(str, people))})", call.id, host_id, course)
    _log.info("seats claimed", host=host_id, call=call.id, seats=len(owed), causes=causes[:_CAUSES])
    return call


def try_at_once(session: Session, host_id: int, now: int) -> None:
    """The connection works again: what waits for its next attempt waits no longer."""
    run(session, "UPDATE seat SET next_at = ? WHERE host_id = ? AND owed AND call = '' AND parked IS NULL AND next_at > ?",
        now, host_id, now)  # fmt: skip
    run(
        session,
        "UPDATE call SET next_at = ? WHERE host_id = ? AND state = 'open' AND next_at > ?",
        now,
        host_id,
        now,
    )
