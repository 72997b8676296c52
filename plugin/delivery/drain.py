"""The drain: everything owed goes out in calls; every call is repeated to the letter until it is answered."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from plugin.core.logs import correlation, log, use_correlation
from plugin.core.runtime import Runtime
from plugin.delivery.claim import Prepare, claim_open_call, claim_seats, nothing_to_send, worker_token
from plugin.delivery.messages import Render, apply_messages, claim_messages, keys_of, release_call, release_waiting
from plugin.delivery.outcomes import apply_seats, backoff, release_seats
from plugin.delivery.tables import Call
from plugin.hosts.port import Garbled, Host, HostTrouble, Locked, Outcome, Refused, Reply, Wait
from plugin.mirror.connections import connection_of, open_connection
from plugin.mirror.sync import note_health, note_trouble
from plugin.mirror.tables import Connection

DEFAULT_BATCH = 100
_log = log("delivery")


@dataclass
class Drained:
    """What a drain did: calls made, and how many items met each outcome. ``stopped``: why it could not go on."""

    calls: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    stopped: str = ""


@dataclass
class _Line:
    """One host's way out, for the length of a drain."""

    runtime: Runtime
    host_id: int
    connection: Connection
    host: Host
    lease: str
    render: Render
    drained: Drained


def drain(runtime: Runtime, host_id: int, render: Render) -> Drained:
    """Send all that is owed to one host now. Never raises for the host's sake: what cannot go stays owed.

    :param render: gives messages their texts; the room that owns the templates passes it in.
    """
    drained = Drained()
    with runtime.db.read() as session:
        connection = connection_of(session, host_id)
    if connection.state != "active" and connection.retry_at > runtime.clock.now():
        drained.stopped = connection.reason
        return drained
    line = _Line(runtime, host_id, connection, open_connection(runtime, connection), worker_token(), render, drained)
    try:
        while _one_call(line):
            drained.calls += 1
    except HostTrouble as trouble:
        note_trouble(runtime, connection, trouble)
        drained.stopped = trouble.why
    else:
        if drained.calls:
            note_health(runtime, connection)
    return drained


def _one_call(line: _Line) -> bool:
    call = line.runtime.db.transact(lambda session: _claim(session, line))
    if call is None:
        return False
    use_correlation(call.correlation or None)
    try:
        reply = _send(line, call)
    except Refused as trouble:
        reason = trouble.why
        line.runtime.db.transact(lambda session: _refused(session, line, call, reason))
        return True
    except HostTrouble as trouble:
        problem = trouble
        line.runtime.db.transact(lambda session: _again(session, line, call, problem))
        raise
    if reply is not None:
        line.runtime.db.transact(lambda session: _answered(session, line, call, reply))
    return True


def _send(line: _Line, call: Call) -> Reply | None:
    """Make a call, or ask after one; ``None`` where it is no longer ours.

    A host that drops no repeats gets no message twice: one that may have gone out is *maybe sent* (DOMAIN 8.6).
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


def _keep_body(session: Session, line: _Line, call: Call, body: str) -> bool:
    """What was found is written down before anything is sent, so that a repeat does not take ours for somebody else's."""
    row = _ours(session, line, call)
    if row is not None:
        row.body = body
    return row is not None


def _claim(session: Session, line: _Line) -> Call | None:
    now, true_now = line.runtime.clock.now(), line.runtime.clock.true()
    found = claim_open_call(session, line.host_id, now, true_now, line.lease)
    if found is not None:
        return found
    nothing_to_send(session, line.host_id)
    writes = line.connection.caps.get("writes", {})
    found = claim_seats(
        session, line.host_id, now, true_now, int(writes.get("seats") or DEFAULT_BATCH), line.lease, _preparer(line)
    )
    if found is None:
        release_waiting(session, line.host_id, now)
        found = claim_messages(
            session, line.host_id, now, true_now, int(writes.get("messages") or DEFAULT_BATCH), line.lease,
            _preparer(line), line.render,
        )  # fmt: skip
    return found


def _preparer(line: _Line) -> Prepare:
    return lambda kind, items: line.host.prepare(kind, items, correlation())


def _ours(session: Session, line: _Line, call: Call) -> Call | None:
    """The call's row, if our lease on it still stands; an answer that comes too late changes nothing."""
    row = session.get(Call, (line.host_id, call.id), with_for_update=True, populate_existing=True)
    return row if row is not None and row.lease == line.lease and row.state != "done" else None


def _answered(session: Session, line: _Line, call: Call, reply: Reply) -> None:
    row = _ours(session, line, call)
    if row is None:
        return
    now = line.runtime.clock.now()
    if reply.outcomes is None:
        row.state, row.job, row.attempts = "waiting", reply.job or row.job, row.attempts + 1
        row.next_at, row.lease, row.lease_until = now + min(30, 1 + row.attempts), "", 0
        return
    applied = apply_seats if row.kind == "seats" else apply_messages
    for word, count in applied(session, line.host_id, row, reply.outcomes, now).items():
        line.drained.outcomes[word] = line.drained.outcomes.get(word, 0) + count
    session.delete(row)


def _again(session: Session, line: _Line, call: Call, trouble: HostTrouble) -> None:
    """No answer, or none that can be believed: the same call again later, same id and body."""
    row = _ours(session, line, call)
    if row is None:
        return
    now = line.runtime.clock.now()
    row.attempts, row.last_error, row.lease, row.lease_until = row.attempts + 1, trouble.why, "", 0
    after = trouble.after if isinstance(trouble, Wait) and trouble.after is not None else backoff(row.attempts)
    row.next_at = now + (after if isinstance(trouble, Wait) else max(after, 60))
    if isinstance(trouble, Locked | Garbled):
        _log.warning("call not believed", call=row.id, why=trouble.why)


def _refused(session: Session, line: _Line, call: Call, why: str) -> None:
    """The whole call is refused for good: its items are owed anew, in other calls, after a while."""
    row = _ours(session, line, call)
    if row is None:
        return
    now = line.runtime.clock.now()
    release = release_seats if row.kind == "seats" else release_call
    release(session, line.host_id, row, now, backoff(6))
    session.delete(row)
    line.drained.outcomes["refused"] = line.drained.outcomes.get("refused", 0) + 1
    _log.warning("call refused", call=call.id, why=why)
