"""Messages on their way: released when their seats stand, rendered when they go, told once by key."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from plugin.core.logs import correlation, use_correlation
from plugin.delivery.claim import LEASE, Prepare
from plugin.delivery.outcomes import GIVE_UP, backoff
from plugin.delivery.tables import Call, Message
from plugin.hosts.port import Outcome
from plugin.mirror.tables import Person

LONGEST_WAIT = 24 * 3600
"""How long "you are enrolled" waits for its seats (DOMAIN 8.4)."""

Render = Callable[[Session, Sequence[Message]], dict[int, Mapping[str, str]]]
"""By message id: ``subject``, ``text``, ``html``, ``link``. Given by the room above, which owns the templates."""

_RELEASE = """
UPDATE message SET state = 'owed' WHERE host_id = :host AND state = 'waiting' AND (created <= :late OR NOT EXISTS (
  SELECT 1 FROM seat s WHERE s.host_id = message.host_id AND s.person = message.learner AND s.owed AND s.parked IS NULL
   AND s.course IN (SELECT c.course FROM course_set c
     WHERE c.host_id = message.host_id AND c.certification = message.certification)))
"""


def release_waiting(session: Session, host_id: int, now: int) -> int:
    """Let messages go whose seats are no longer owed, or that waited a day."""
    return int(session.execute(text(_RELEASE), {"host": host_id, "late": now - LONGEST_WAIT}).rowcount)  # type: ignore[attr-defined]


def claim_messages(
    session: Session, host_id: int, now: int, true_now: int, limit: int, lease: str, prepare: Prepare, render: Render
) -> Call | None:
    """Take a batch of owed messages into a new call."""
    rows = session.scalars(
        select(Message)
        .join(Person, (Person.host_id == Message.host_id) & (Person.id == Message.recipient))
        .where(
            Message.host_id == host_id, Message.state == "owed", Message.channel == "host", Message.next_at <= now,
            Person.state == 0,
        )
        .order_by(Message.next_at, Message.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Message)
    ).all()  # fmt: skip
    if not rows:
        return None
    texts = render(session, rows)
    names = _exts(session, host_id, {row.recipient for row in rows})
    items = []
    call_id, causes = f"msg_{secrets.token_hex(12)}", {row.correlation for row in rows}
    use_correlation(causes.pop() if len(causes) == 1 else None)
    for row in sorted(rows, key=lambda one: one.id):
        row.state, row.call = "sending", call_id
        items.append({"message": row.key, "person": names[row.recipient], **texts[row.id]})
    call = Call(
        host_id=host_id, id=call_id, kind="messages", body=prepare("messages", items), state="open", lease=lease,
        lease_until=true_now + LEASE, created=now, next_at=now, correlation=correlation(),
    )  # fmt: skip
    session.add(call)
    session.flush()
    return call


def _exts(session: Session, host_id: int, people: set[int]) -> dict[int, str]:
    statement = text("SELECT id, ext FROM person WHERE host_id = :host AND id IN :ids").bindparams(
        bindparam("ids", expanding=True)
    )
    return {row[0]: row[1] for row in session.execute(statement, {"host": host_id, "ids": sorted(people)})}


def apply_messages(session: Session, host_id: int, call: Call, outcomes: Sequence[Outcome], now: int) -> dict[str, int]:
    """Write the outcomes of a ``messages`` call. What is *maybe* sent waits for a person; nobody is told twice."""
    answers = {outcome.key: outcome for outcome in reversed(outcomes)}
    counts: dict[str, int] = {}
    for row in session.scalars(select(Message).where(Message.host_id == host_id, Message.call == call.id)):
        outcome = answers.get(row.key)
        word = outcome.outcome if outcome else "missing"
        counts[word] = counts.get(word, 0) + 1
        row.call = ""
        if word in ("done", "same", "found"):
            row.state, row.sent_at, row.why = "sent", now, ""
        elif outcome is not None and word == "maybe":
            row.state, row.why = "maybe", outcome.why
        elif outcome is not None and word in ("refused", "gone"):
            row.state, row.why = "parked", outcome.why or "The host refuses this message."
        else:
            row.state, row.attempts = "owed", row.attempts + 1
            row.next_at = now + (outcome.after if outcome and outcome.after is not None else backoff(row.attempts))
            if now - row.created > GIVE_UP and row.attempts > 5:
                row.state, row.why = "parked", "The host did not take it for 48 hours."
    session.flush()
    return counts


def keys_of(session: Session, host_id: int, call: Call) -> list[str]:
    """Keys of the messages in a call."""
    return list(session.scalars(select(Message.key).where(Message.host_id == host_id, Message.call == call.id)))


def release_call(session: Session, host_id: int, call: Call, now: int, after: int) -> None:
    """The call will never be made again: its messages are owed anew, with the same keys."""
    session.execute(
        text("UPDATE message SET state = 'owed', call = '', next_at = :at WHERE host_id = :host AND call = :call"),
        {"host": host_id, "call": call.id, "at": now + after},
    )
