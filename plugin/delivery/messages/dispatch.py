"""Messages that do not go by the host: posted to a signed webhook, or sent as e-mail. Nothing here keeps a seat waiting."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import time

from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch
from plugin.core.database.leases import worker_token
from plugin.core.logs import log
from plugin.core.runtime import Runtime
from plugin.delivery.calls import claim_open_call
from plugin.delivery.messages.channels import BY_HOST, WEBHOOK, channel_of, in_trouble, well
from plugin.delivery.messages.mail import left_behind, some_letters
from plugin.delivery.messages.queue import Render, apply_messages, keys_of
from plugin.delivery.messages.rounds import KINDS, LETTERS, HostChannel
from plugin.delivery.messages.smtp import MailTrouble
from plugin.delivery.messages.webhook import one_post
from plugin.hosts.port import HostTrouble, Outcome

_CHANGED = "The way messages go out was changed before the webhook had answered."
_log = log("delivery")


def post(runtime: Runtime, host_id: int, render: Render, *, seconds: float | None = None, gathered: bool = True) -> int:
    """Send what is owed by a channel of its own now; returns how many calls and letters were made.

    Never raises for the channel's sake: what cannot go stays owed.

    :param seconds: nothing new is begun after so many.
    """
    with runtime.db.read() as session:
        channel = channel_of(session, host_id)
    made = HostChannel(runtime, host_id, channel, render, gathered, worker_token())
    _end_others(made)
    if channel.kind == BY_HOST or channel.retry_at > runtime.clock.now():
        return 0
    one_round = one_post if channel.kind == WEBHOOK else some_letters
    until = time.monotonic() + seconds if seconds is not None else None
    done = 0
    try:
        while count := one_round(made):
            done += count
            if until is not None and time.monotonic() > until:
                break
    except (MailTrouble, HostTrouble) as trouble:
        why, now = trouble.why, made.now
        runtime.db.transact(lambda session: in_trouble(session, host_id, why, now))
        _log.warning("channel in trouble", host=host_id, channel=channel.kind, why=why)
    else:
        if done:
            runtime.db.transact(lambda session: well(session, host_id))
    return done


def _end_others(made: HostChannel) -> None:
    """Calls of a way that is no longer chosen: nobody would ever answer for them."""
    kinds = [kind for way, kind in KINDS.items() if way != made.channel.kind]
    sql = f"SELECT 1 FROM call WHERE host_id = ? AND kind IN ({', '.join(repr(kind) for kind in kinds)}) LIMIT 1"

    def work(session: Session) -> bool:
        now, true_now = made.now, made.runtime.clock.true()
        call = claim_open_call(session, made.host_id, now, true_now, made.lease, kinds=kinds)
        if call is not None and call.kind == LETTERS:
            left_behind(session, made, call)
        elif call is not None:
            said = [Outcome(key, "maybe", _CHANGED) for key in keys_of(session, made.host_id, call)]
            apply_messages(session, made.host_id, call, said, now)
            session.delete(call)
        return call is not None

    with made.runtime.db.read() as session:
        there = bool(fetch(session, sql, made.host_id))
    while there and made.runtime.db.transact(work):
        pass
