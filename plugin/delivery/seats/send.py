"""The drain: everything owed goes out in calls; every call is repeated to the letter until it is answered."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch, run
from plugin.core.database.leases import worker_token
from plugin.core.errors import Unavailable
from plugin.core.logs import correlation, log, use_correlation
from plugin.core.network import outcome_counts
from plugin.core.runtime import Runtime
from plugin.delivery.calls import call_again, claim_open_call, our_call, wait_for_job
from plugin.delivery.messages.channels import BY_HOST, channel_of
from plugin.delivery.messages.queue import (
    Render,
    apply_messages,
    claim_messages,
    keys_of,
    release_call,
    release_waiting,
)
from plugin.delivery.messages.storm import cap_of, hold_storm
from plugin.delivery.seats.claim import Prepare, claim_seats
from plugin.delivery.seats.outcomes import apply_seats, backoff, pause_after, release_seats
from plugin.delivery.tables import Call
from plugin.hosts.port import Garbled, HostDialect, HostTrouble, Outcome, Refused, Reply
from plugin.mirror.connections.store import connection_of, open_connection
from plugin.mirror.pulling.pull import note_health, note_trouble
from plugin.mirror.tables import Connection

DEFAULT_BATCH = 100
LONGEST_JOB = 6 * 3600
"""Seconds for which a host's own job is asked after; then its items are owed anew."""
_ANY_MESSAGE = "SELECT 1 FROM message WHERE host_id = ? AND state = 'owed' AND next_at <= ? LIMIT 1"
_UNANSWERED = (
    "SELECT 1 FROM call WHERE host_id = ? AND kind = 'messages' AND attempts > 0 AND job = '' AND next_at > ? LIMIT 1"
)
"""Messages the host did not answer for: no others are sent after them before it does."""
_log = log("delivery")


@dataclass
class Drained:
    """What a drain did: calls made, and how many items met each outcome. ``stopped``: why it could not go on."""

    calls: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    stopped: str = ""


@dataclass
class _SeatSender:
    """One host's way out, for the length of a drain."""

    runtime: Runtime
    host_id: int
    connection: Connection
    host: HostDialect
    lease: str
    render: Render
    drained: Drained
    messages: bool = True
    """Whether messages go by the host, and it took the last of them."""
    gathered: bool = True
    messages_next: bool = False
    failed: int = 0


def drain(
    runtime: Runtime, host_id: int, render: Render, *, seconds: float | None = None, gathered: bool = True
) -> Drained:
    """Send all that is owed to one host now. Never raises for the host's sake: what cannot go stays owed.

    :param render: gives messages their texts; the room that owns the templates passes it in.
    :param seconds: no new call is begun after so many, so that other hosts have their turn.
    :param gathered: whether everything that a digest would tell of has been settled.
    """
    drained = Drained()
    with runtime.db.read() as session:
        connection = connection_of(session, host_id)
        by_host = channel_of(session, host_id).kind == BY_HOST
    if connection.state != "active" and connection.retry_at > runtime.clock.now():
        drained.stopped = connection.reason
        return drained
    line = _SeatSender(runtime, host_id, connection, open_connection(runtime, connection), worker_token(), render, drained,
                 by_host, gathered)  # fmt: skip
    until = time.monotonic() + seconds if seconds is not None else None
    try:
        while _one_call(line):
            drained.calls += 1
            if until is not None and time.monotonic() > until:
                break
    except HostTrouble as trouble:
        note_trouble(runtime, connection, trouble)
        drained.stopped = trouble.why
    else:
        if drained.calls > line.failed:
            note_health(runtime, connection)
    return drained


def _one_call(line: _SeatSender) -> bool:
    call = line.runtime.db.transact(lambda session: _claim(session, line))
    if call is None:
        return False
    use_correlation(call.correlation or None)
    began = time.monotonic()
    try:
        reply = _believed(line, call)
    except Refused as trouble:
        reason = trouble.why
        line.runtime.db.transact(lambda session: _refused(session, line, call, reason))
        return True
    except HostTrouble as trouble:
        problem = trouble
        line.runtime.db.transact(lambda session: _again(session, line, call, problem))
        if call.kind == "messages":  # whatever is wrong with messages, it keeps nobody from her course
            line.messages, line.failed = False, line.failed + 1
            return True
        raise
    if reply is not None:
        line.runtime.db.transact(lambda session: _answered(session, line, call, reply, began))
    return True


def _believed(line: _SeatSender, call: Call) -> Reply | None:
    """The host's answer; one that our own reading stumbles over counts as one that breaks the contract."""
    try:
        return _send(line, call)
    except (HostTrouble, SQLAlchemyError, Unavailable):
        raise
    except Exception as error:
        _log.exception("answer not understood", call=call.id, error=type(error).__name__)
        raise Garbled("The host answered something that Muster cannot read.") from error


def _send(line: _SeatSender, call: Call) -> Reply | None:
    """Make a call, or ask after one; ``None`` where it is no longer ours.

    A host that drops no repeats gets no message twice: one that may have gone out is *maybe sent* (rules 8.6).
    """
    if call.job:
        return line.host.poll(call.job)
    if call.kind == "messages" and call.state == "broken" and not line.connection.caps.get("keyed_messages", True):
        keys = line.runtime.db.transact(lambda session: keys_of(session, line.host_id, call))
        return Reply(outcomes=[Outcome(key, "maybe", "Muster stopped while this was being sent.") for key in keys])
    body = line.host.look(call.kind, call.body)
    if body is not None and not line.runtime.db.transact(lambda session: _keep_body(session, line, call, body)):
        return None
    return line.host.send(call.id, call.kind, body or call.body)


def _keep_body(session: Session, line: _SeatSender, call: Call, body: str) -> bool:
    """What was found is written down before anything is sent, so that a repeat does not take ours for somebody else's."""
    row = our_call(session, call, line.lease)
    if row is not None:
        row.body = body
    return row is not None


def _claim(session: Session, line: _SeatSender) -> Call | None:
    """A call to repeat, or a new one. Seats and messages take turns, so that neither waits for a million of the other."""
    now, true_now = line.runtime.clock.now(), line.runtime.clock.true()
    found = claim_open_call(session, line.host_id, now, true_now, line.lease)
    if found is not None:
        return found
    for kind in ("messages", "seats", "messages") if line.messages_next else ("seats", "messages"):
        if kind == "messages" and not line.messages_next:  # no seats are left: see whose stand by now
            release_waiting(session, line.host_id, now)
        if kind == "messages" and not line.messages:
            continue
        found = _claim_new(session, line, kind, now, true_now)
        if found is not None:
            line.messages_next = kind == "seats"
            return found
        line.messages_next = False
    return None


def _claim_new(session: Session, line: _SeatSender, kind: str, now: int, true_now: int) -> Call | None:
    size = int(line.connection.caps.get("writes", {}).get(kind) or DEFAULT_BATCH)
    if kind == "seats":
        return claim_seats(session, line.host_id, now, true_now, size, line.lease, _preparer(line))
    if not fetch(session, _ANY_MESSAGE, line.host_id, now) or fetch(session, _UNANSWERED, line.host_id, now):
        return None
    hold_storm(session, line.host_id, cap_of(session, line.host_id, line.runtime.settings.message_cap))
    return claim_messages(
        session, line.host_id, now, true_now, size, line.lease, _preparer(line), line.render, gathered=line.gathered
    )


def _preparer(line: _SeatSender) -> Prepare:
    return lambda kind, items: line.host.prepare(kind, items, correlation())


def _answered(session: Session, line: _SeatSender, call: Call, reply: Reply, began: float) -> None:
    row = our_call(session, call, line.lease)
    if row is None:
        _log.info("answer came too late", call=call.id)
        return
    now = line.runtime.clock.now()
    if reply.outcomes is None:
        if now - row.created > LONGEST_JOB:
            _owe_anew(session, line, row, "unfinished", now)
            return
        wait_for_job(row, reply.job, now)
        return
    applied = apply_seats if row.kind == "seats" else apply_messages
    counts = applied(session, line.host_id, row, reply.outcomes, now)
    for word, count in counts.items():
        line.drained.outcomes[word] = line.drained.outcomes.get(word, 0) + count
    outcome_counts.count(session, line.host_id, now, row.kind, counts)
    run(session, "DELETE FROM call WHERE host_id = ? AND id = ?", line.host_id, row.id)
    _log.info("call answered", host=line.host_id, call=row.id, kind=row.kind, attempts=row.attempts + 1,
              seconds=round(time.monotonic() - began, 3), outcomes=counts)  # fmt: skip


def _again(session: Session, line: _SeatSender, call: Call, trouble: HostTrouble) -> None:
    """No answer, or none that can be believed: the same call again later, same id and body."""
    row = our_call(session, call, line.lease)
    if row is None:
        return
    now = line.runtime.clock.now()
    if row.job and now - row.created > LONGEST_JOB:
        _owe_anew(session, line, row, "unfinished", now)
        return
    call_again(row, trouble.why, now + pause_after(trouble, row.attempts + 1), attempts=row.attempts + 1)
    outcome_counts.count(session, line.host_id, now, "calls", {type(trouble).__name__.lower(): 1})
    _log.warning("call not answered", host=line.host_id, call=row.id, attempts=row.attempts, why=trouble.why,
                 trouble=type(trouble).__name__)  # fmt: skip


def _refused(session: Session, line: _SeatSender, call: Call, why: str) -> None:
    """The whole call is refused for good: its items are owed anew, in other calls, after a while."""
    row = our_call(session, call, line.lease)
    if row is None:
        return
    _owe_anew(session, line, row, "refused", line.runtime.clock.now())
    line.drained.outcomes["refused"] = line.drained.outcomes.get("refused", 0) + 1
    _log.warning("call refused", host=line.host_id, call=call.id, why=why)


def _owe_anew(session: Session, line: _SeatSender, row: Call, word: str, now: int) -> None:
    release = release_seats if row.kind == "seats" else release_call
    release(session, line.host_id, row, now, backoff(6))
    outcome_counts.count(session, line.host_id, now, "calls", {word: 1})
    session.delete(row)
