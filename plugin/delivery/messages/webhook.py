"""Messages by a signed webhook of the host's own choice: repeated to the letter until it answers."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from plugin.core.logs import correlation, use_correlation
from plugin.core.network import outcome_counts
from plugin.delivery.calls import call_again, our_call
from plugin.delivery.messages.channels import WEBHOOK
from plugin.delivery.messages.queue import apply_messages, claim_messages
from plugin.delivery.messages.rounds import POSTS, HostChannel, claim_call, give_back
from plugin.delivery.seats.outcomes import backoff
from plugin.delivery.tables import Call
from plugin.hosts.port import Caps, ConnectionSpec, HostTrouble, Refused
from plugin.hosts.webhook import WebhookHost

BATCH = 100


def one_post(made: HostChannel) -> int:
    """Make one call; returns how many were made, 0 where nothing is owed.

    :raises HostTrouble: when the receiver did not take it.
    """
    receiver = _receiver(made)

    def claim(session: Session) -> Call | None:
        return claim_messages(
            session, made.host_id, made.now, made.runtime.clock.true(), BATCH, made.lease,
            lambda kind, items: receiver.prepare(kind, items, correlation()), made.render, channel=WEBHOOK, kind=POSTS,
            gathered=made.gathered,
        )  # fmt: skip

    call = claim_call(made, claim)
    if call is None:
        return 0
    use_correlation(call.correlation or None)
    try:
        reply = receiver.send(call.id, "messages", call.body)
        if reply.outcomes is None:
            raise Refused("The receiver took the messages as a job; it has to answer at once.")
    except Refused as trouble:
        made.runtime.db.transact(lambda session: give_back(session, made, call, backoff(6)))
        raise trouble
    except HostTrouble as trouble:
        why, attempts = trouble.why, call.attempts + 1
        made.runtime.db.transact(lambda session: _again(session, made, call, why, attempts))
        raise
    outcomes = reply.outcomes
    made.runtime.db.transact(lambda session: _answered(session, made, call, outcomes))
    return 1


def _receiver(made: HostChannel) -> WebhookHost:
    row = made.channel
    spec = ConnectionSpec(
        name="messages", kind="webhook", api_url="", api_token="", webhook_url=row.url, webhook_secret=row.secret or "",
        hooks_secret="", mapping={}, settings={}, caps=Caps(writes_all_or_nothing=True),
    )  # fmt: skip
    return WebhookHost(spec, made.runtime.http, made.runtime.clock)


def _again(session: Session, made: HostChannel, call: Call, why: str, attempts: int) -> None:
    row = our_call(session, call, made.lease)
    if row is not None:
        call_again(row, why, made.now + backoff(attempts), attempts=attempts)
        outcome_counts.count(session, made.host_id, made.now, "calls", {"wait": 1})


def _answered(session: Session, made: HostChannel, call: Call, outcomes: Any) -> None:
    row = our_call(session, call, made.lease)
    if row is not None:
        outcome_counts.count(
            session, made.host_id, made.now, "messages", apply_messages(session, made.host_id, row, outcomes, made.now)
        )
        session.delete(row)
