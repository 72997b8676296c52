"""Courses that begin anew with a cycle, at hosts that can reset completions (HOST-API ``completions.reset``, rules 7.4).

Rows are owed once; a call is written down before it is made and repeated to the letter until it is answered.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from plugin.core.clock import format_instant
from plugin.core.database.bulk import fetch, insert_rows, run, update_rows
from plugin.core.database.dialect import for_update
from plugin.core.database.leases import worker_token
from plugin.core.logs import correlation, log, use_correlation
from plugin.core.network import outcome_counts
from plugin.core.runtime import Runtime
from plugin.core.text.stored import later
from plugin.delivery.calls import call_again, claim_open_call, new_call, our_call, wait_for_job
from plugin.delivery.resets.reset_tables import CourseReset
from plugin.delivery.seats.outcomes import GIVE_UP, backoff, pause_after
from plugin.delivery.seats.send import DEFAULT_BATCH, LONGEST_JOB
from plugin.delivery.tables import Call
from plugin.hosts.port import Caps, HostDialect, HostTrouble, Outcome, Refused, Reply
from plugin.mirror.connections.store import connection_of, open_connection, site_of
from plugin.mirror.pulling.pull import note_health, note_trouble
from plugin.mirror.tables import ACTIVE, Connection

KIND = "reset"
"""The kind of these calls."""
_log = log("delivery")


def owe_resets(
    session: Session, host_id: int, certification: int, wanted: Iterable[tuple[int, int, int]], at: int
) -> None:
    """Owe that courses begin anew; nothing where the host cannot do it.

    :param wanted: person, course (ours) and the instant before which what she completed counts no longer.
    """
    rows = sorted(set(wanted))
    connection = site_of(session, host_id) if rows else None
    if connection is None or not Caps.from_json(connection.caps).resets_completion:
        return
    columns = {
        "host_id": host_id, "certification": certification, "created": at, "correlation": correlation(),
        **{name: np.array([row[n] for row in rows]) for n, name in enumerate(("person", "course", "before"))},
    }  # fmt: skip
    insert_rows(session, CourseReset, columns, skip_present=True)


@dataclass
class _ResetSender:
    """One host's way out, for the length of a round."""

    runtime: Runtime
    host_id: int
    connection: Connection
    host: HostDialect
    lease: str

    @property
    def now(self) -> int:
        return self.runtime.clock.now()


def send_resets(runtime: Runtime, host_id: int, *, seconds: float | None = None) -> int:
    """Send what is owed to one host now; returns how many calls were made. Never raises for the host's sake.

    :param seconds: no new call is begun after so many.
    """
    with runtime.db.read() as session:
        sql = "SELECT 1 FROM course_reset WHERE host_id = ? AND state IN ('owed', 'sending') LIMIT 1"
        connection = connection_of(session, host_id) if fetch(session, sql, host_id) else None
    if connection is None or (connection.state != "active" and connection.retry_at > runtime.clock.now()):
        return 0
    line = _ResetSender(runtime, host_id, connection, open_connection(runtime, connection), worker_token())
    until, done = time.monotonic() + seconds if seconds is not None else None, 0
    try:
        while (until is None or time.monotonic() < until) and _one_call(line):
            done += 1
    except HostTrouble as trouble:
        note_trouble(runtime, connection, trouble)
        return done
    if done:
        note_health(runtime, connection)
    return done


def _one_call(line: _ResetSender) -> bool:
    call = line.runtime.db.transact(lambda session: _claim(session, line))
    if call is None:
        return False
    use_correlation(call.correlation or None)
    try:
        reply = line.host.poll(call.job) if call.job else line.host.send(call.id, "resets", call.body)
    except Refused as trouble:
        reason = trouble.why
        line.runtime.db.transact(lambda session: _over(session, line, call, "refused", reason))
    except HostTrouble as trouble:
        problem = trouble
        line.runtime.db.transact(lambda session: _again(session, line, call, problem))
        raise
    else:
        line.runtime.db.transact(lambda session: _answered(session, line, call, reply))
    return True


def _claim(session: Session, line: _ResetSender) -> Call | None:
    """A call to repeat, or a new one of rows that are due; people suspended at the host wait."""
    now, true_now = line.now, line.runtime.clock.true()
    found = claim_open_call(session, line.host_id, now, true_now, line.lease, kinds=(KIND,))
    if found is not None:
        return found
    lock = for_update(session, of="r", skip_locked=True)
    size = int(line.connection.caps.get("writes", {}).get("resets") or DEFAULT_BATCH)
    rows = fetch(
        session,
        "SELECT r.person, r.course, r.before, p.ext, c.ext FROM course_reset r"
        f" JOIN person p ON p.host_id = r.host_id AND p.id = r.person AND p.state = {ACTIVE}"
        " JOIN course c ON c.host_id = r.host_id AND c.id = r.course AND NOT c.gone"
        f" WHERE r.host_id = ? AND r.state = 'owed' AND r.next_at <= ? ORDER BY r.next_at, r.person, r.course LIMIT ?{lock}",
        line.host_id, now, size,
    )  # fmt: skip
    if not rows:
        return None
    items = [
        {"reset": f"{row[0]}.{row[1]}.{row[2]}", "person": row[3], "course": row[4], "before": format_instant(row[2])}
        for row in rows
    ]
    body = line.host.prepare("resets", items, correlation())
    call = new_call(session, line.host_id, KIND, body, line.lease, now, true_now)
    _write(session, line, [row[:3] for row in rows], {"state": "sending", "call": call.id})
    return call


def _write(session: Session, line: _ResetSender, keys: Sequence[Sequence[int]], columns: dict[str, object]) -> None:
    names = ("person", "course", "before")
    found = {"host_id": line.host_id, **{name: [key[n] for key in keys] for n, name in enumerate(names)}}
    update_rows(session, CourseReset, found, columns)


def _answered(session: Session, line: _ResetSender, call: Call, reply: Reply) -> None:
    row, now = our_call(session, call, line.lease), line.now
    if row is None:
        return
    if reply.outcomes is None:
        if now - row.created > LONGEST_JOB:
            _over(session, line, call, "unfinished", "")
            return
        wait_for_job(row, reply.job, now)
        return
    answers = {outcome.key: outcome for outcome in reversed(reply.outcomes)}
    counts: dict[str, int] = {}
    sql = "SELECT person, course, before, attempts, created FROM course_reset WHERE host_id = ? AND call = ?"
    for person, course, before, attempts, created in fetch(session, sql, line.host_id, call.id):
        outcome = answers.get(f"{person}.{course}.{before}")
        word = outcome.outcome if outcome else "missing"
        counts[word] = counts.get(word, 0) + 1
        _write(session, line, [(person, course, before)], _after(outcome, attempts + 1, created, now))
    outcome_counts.count(session, line.host_id, now, "resets", counts)
    session.delete(row)
    _log.info("resets answered", host=line.host_id, call=call.id, outcomes=counts)


def _after(outcome: Outcome | None, attempts: int, created: int, now: int) -> dict[str, object]:
    word, why = (outcome.outcome, outcome.why) if outcome else ("missing", "")
    if word in ("done", "same", "found", "gone"):  # of somebody who is gone, nothing is left that could count
        return {"state": "done", "call": "", "why": ""}
    if word == "refused":
        return {"state": "parked", "call": "", "why": why or later("The host refuses.")}
    if now - created > GIVE_UP and attempts > 5:
        return {"state": "parked", "call": "", "why": why or later("The host did not answer for 48 hours.")}
    after = outcome.after if outcome and outcome.after is not None else backoff(attempts)
    return {"state": "owed", "call": "", "attempts": attempts, "next_at": now + max(1, after)}


def _again(session: Session, line: _ResetSender, call: Call, trouble: HostTrouble) -> None:
    """No answer: the same call again later, same id and body."""
    row = our_call(session, call, line.lease)
    if row is None:
        return
    if row.job and line.now - row.created > LONGEST_JOB:
        _over(session, line, call, "unfinished", "")
        return
    call_again(row, trouble.why, line.now + pause_after(trouble, row.attempts + 1), attempts=row.attempts + 1)
    outcome_counts.count(session, line.host_id, line.now, "calls", {type(trouble).__name__.lower(): 1})


def _over(session: Session, line: _ResetSender, call: Call, word: str, why: str) -> None:
    """The call will never be made again: refused whole, its rows are parked; never finished, they are owed anew."""
    row = our_call(session, call, line.lease)
    if row is None:
        return
    state, next_at = ("parked", 0) if word == "refused" else ("owed", line.now + backoff(6))
    run(
        session, "UPDATE course_reset SET state = ?, why = ?, call = '', next_at = ? WHERE host_id = ? AND call = ?",
        state, why, next_at, line.host_id, call.id,
    )  # fmt: skip
    outcome_counts.count(session, line.host_id, line.now, "calls", {word: 1})
    session.delete(row)
