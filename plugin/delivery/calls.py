"""The life of a call: written and leased before it is made; answered, or made again to the letter until it is (design point 6).

Seats, messages and resets differ in what a call carries and in what an answer means; they share what is here.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch
from plugin.core.database.leases import still_ours
from plugin.core.logs import correlation
from plugin.delivery.tables import Call

TO_HOST = ("seats", "messages", "resets")
"""Kinds of calls that go to the host itself; messages may also go elsewhere (:mod:`plugin.delivery.messages.dispatch`)."""
_ENDLESS = ("open", "waiting", "broken")
_SOON = 30
"""Seconds between two questions whether a job is over, at most."""


def new_call(
    session: Session, host_id: int, kind: str, body: str, token: str, now: int, true_now: int
) -> Call:  # fmt: skip
    """Write a call down, leased to us."""
    call = Call(
        host_id=host_id, id=f"msg_{secrets.token_hex(12)}", kind=kind, body=body, state="open", job="", attempts=0,
        last_error="", created=now, next_at=now, correlation=correlation(),
    )  # fmt: skip
    call.take(token, true_now)
    session.add(call)
    session.flush()
    return call


def claim_open_call(
    session: Session, host_id: int, now: int, true_now: int, token: str, kinds: Sequence[str] = TO_HOST
) -> Call | None:
    """Take over a call that is due for repeating: its lease ran out, or its holder is dead.

    A call taken from a holder who never said how it ended is *broken*: it may have reached the host.
    """
    if not fetch(session, "SELECT 1 FROM call WHERE host_id = ? AND next_at <= ? LIMIT 1", host_id, now):
        return None
    rows = session.scalars(
        select(Call)
        .where(Call.host_id == host_id, Call.state.in_(_ENDLESS), Call.next_at <= now, Call.kind.in_(kinds))
        .order_by(Call.next_at, Call.created, Call.id)
        .limit(50)
        .with_for_update(skip_locked=True)
    )
    for call in rows:
        if call.is_free(true_now):
            if call.lease and call.state == "open":
                call.state = "broken"
            call.take(token, true_now)
            session.flush()
            return call
    return None


def our_call(session: Session, call: Call, token: str) -> Call | None:
    """The call's row, if our lease on it still stands; an answer that comes too late changes nothing."""
    return still_ours(session, Call, (call.host_id, call.id), token)


def wait_for_job(row: Call, job: str | None, now: int) -> None:
    """The receiver works on it and has not ended: ask again soon."""
    row.state, row.job, row.attempts = "waiting", job or row.job, row.attempts + 1
    row.next_at = now + min(_SOON, 1 + row.attempts)
    row.give_back()


def call_again(row: Call, why: str, next_at: int, *, attempts: int) -> None:
    """No answer, or none that can be believed: the same call again at that instant, same id and body."""
    row.attempts, row.last_error, row.next_at = attempts, why, next_at
    row.give_back()
