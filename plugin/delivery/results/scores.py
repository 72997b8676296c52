"""Results owed to courses and how they get there: one row for each learner, line and cycle, sent until it stands.

AGS 2.0 §3.4: a repeat with the same timestamp changes nothing, so an unanswered one is sent again to the letter.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch, run
from plugin.core.database.leases import still_ours, worker_token
from plugin.core.logs import log
from plugin.core.network import outcome_counts
from plugin.core.network.http import HttpAnswer
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.core.text.stored import later
from plugin.delivery.results.gradebook_lines import find_address, item_is_gone, links_of, offered
from plugin.delivery.results.score_tables import Score, ScoreLine
from plugin.delivery.seats.outcomes import GIVE_UP, backoff
from plugin.delivery.tables import IN
from plugin.lti import grades
from plugin.lti.services import ServiceTrouble, call_service, trouble_of
from plugin.mirror.connections.store import subject_column
from plugin.mirror.tables import SUSPENDED

BATCH = 100
MOST_FAILURES = 3
"""Failed calls in a row after which a line rests."""
_LONGEST = 300
_TALLIED = {"sent": "done", "parked": "refused", "again": "retry", "dropped": "gone"}
_log = log("delivery")

_DUE = "s.host_id = ? AND s.state = 'owed' AND s.next_at <= ?"
_OWED = f"""
SELECT s.person, s.cycle, s.at, s.created, s.attempts, p.state, p.{{subject}} FROM score s
 JOIN person p ON p.host_id = s.host_id AND p.id = s.person AND p.state <> {SUSPENDED}
 WHERE {_DUE} AND s.line = ? AND NOT EXISTS (SELECT 1 FROM seat t
   JOIN course k ON k.host_id = t.host_id AND k.id = t.course AND k.ext = ?
   WHERE t.host_id = s.host_id AND t.person = s.person AND t.wanted = {IN} AND t.owed AND t.parked IS NULL)
 ORDER BY s.next_at, s.person, s.cycle LIMIT ?
"""
"""Results of people suspended at the host wait, and so do those of whoever is only on her way into the course."""


@dataclass
class _LeasedLine:
    """A line of which this worker holds the lease."""

    runtime: Runtime
    host: Host
    row: ScoreLine
    subject: str
    lease: str
    until: float | None
    done: int = 0
    failures: int = 0
    words: Counter[str] = field(default_factory=Counter)

    def service(self, scopes: Sequence[str], method: str, url: str, **more: Any) -> HttpAnswer:
        """A call with a token for these scopes."""
        return call_service(self.runtime, self.host, scopes, method, url, max_bytes=2_000_000, **more)


def deliver_scores(runtime: Runtime, host_id: int, *, seconds: float | None = None) -> int:
    """Report what is owed to the courses of one host; returns how much was done. Never raises for the host's sake.

    :param seconds: no new call is begun after so many.
    """
    now, until = runtime.clock.now(), time.monotonic() + seconds if seconds is not None else None
    made = 0
    with runtime.db.read() as session:
        sql = f"SELECT DISTINCT s.line FROM score s WHERE {_DUE} ORDER BY 1"
        due = [row[0] for row in fetch(session, sql, host_id, now)]
    for number in due:
        if until is None or time.monotonic() < until:
            made += _work(runtime, host_id, number, until)
    return made


def _work(runtime: Runtime, host_id: int, number: int, until: float | None) -> int:
    lease = worker_token()
    row = runtime.db.transact(lambda session: _take(session, runtime, host_id, number, lease))
    if row is None:
        return 0
    with runtime.db.read() as session:
        host, subject = session.get_one(Host, host_id), subject_column(session, host_id)
    line = _LeasedLine(runtime, host, row, subject, lease, until)
    try:
        _all_of(line)
    except ServiceTrouble as trouble:
        problem = trouble
        runtime.db.transact(lambda session: _rest(session, line, problem))
    else:
        runtime.db.transact(lambda session: _let_go(session, line))
    if line.words:
        _log.info("results reported", host=host_id, line=number, outcomes=dict(line.words))
    return line.done


def _take(session: Session, runtime: Runtime, host_id: int, number: int, lease: str) -> ScoreLine | None:
    """The line, leased to us; nothing while another worker has it, or it rests."""
    row = session.get(ScoreLine, (host_id, number), with_for_update=True, populate_existing=True)
    true_now = runtime.clock.true()
    if row is None or row.next_at > runtime.clock.now() or not row.is_free(true_now):
        return None
    row.take(lease, true_now)
    return row


def _ours(session: Session, line: _LeasedLine) -> ScoreLine | None:
    return still_ours(session, ScoreLine, (line.host.id, line.row.id), line.lease)


def _all_of(line: _LeasedLine) -> None:
    """Send what is due, result by result.

    :raises ServiceTrouble: for what concerns the whole line.
    """
    found_again = False
    while line.until is None or time.monotonic() < line.until:
        with line.runtime.db.read() as session:
            sql = _OWED.format(subject=line.subject)
            row, now = line.row, line.runtime.clock.now()
            rows = fetch(session, sql, row.host_id, now, row.id, row.context, BATCH)
        if not rows:
            return
        if not line.row.url:
            _address(line)
        for person, cycle, at, created, attempts, state, subject in rows:
            one = _Owed(person, cycle, at, created, attempts)
            if state == 2 or not subject:
                _note(line, one, "dropped", "")
                continue
            answer = _sent(line, one, str(subject))
            if answer is None:
                continue
            if answer.status in (404, 410) and not found_again and _is_gone(line):
                found_again = True
                _forget(line)
                break  # once more, with the item that another link names, or a new one
            _judge(line, one, answer)
            if line.until is not None and time.monotonic() > line.until:
                return


@dataclass(frozen=True)
class _Owed:
    person: int
    cycle: int
    at: int
    created: int
    attempts: int


def _address(line: _LeasedLine) -> None:
    """Look for the line item, and keep where it is."""
    with line.runtime.db.read() as session:
        given = offered(session, line.row)
    url = find_address(line.service, given)

    def keep(session: Session) -> None:
        row = _ours(session, line)
        if row is not None:
            row.url, row.why = url, ""

    line.runtime.db.transact(keep)
    line.row.url = url


def _sent(line: _LeasedLine, one: _Owed, subject: str) -> HttpAnswer | None:
    """The answer to one result; ``None`` where there was none, and the line goes on.

    :raises ServiceTrouble: where the line is to rest.
    """
    try:
        answer = grades.send_score(line.service, line.row.url, subject, one.at)
    except ServiceTrouble as trouble:
        _note(line, one, "again", trouble.why)  # it may have arrived
        raise
    if answer.status in (401, 403):
        raise ServiceTrouble(
            later(
                "The learning site does not let Muster report results to this course: it answered %(status)s.",
                status=answer.status,
            ),
            permanent=True, status=answer.status,
        )  # fmt: skip
    if answer.status in (429, 503):
        raise trouble_of(answer)
    if answer.status < 500:
        line.failures = 0
        return answer
    _note(line, one, "again", trouble_of(answer).why)
    line.failures += 1
    if line.failures >= MOST_FAILURES:
        raise trouble_of(answer)
    return None


def _is_gone(line: _LeasedLine) -> bool:
    """Whether it is the line item that the platform does not know, and not the learner."""
    with line.runtime.db.read() as session:
        scopes = {scope for one in links_of(session, line.row) for scope in one.scopes}
    scope = grades.may_read(sorted(scopes))
    return bool(scope) and not grades.line_stands(line.service, line.row.url, scope)


def _forget(line: _LeasedLine) -> None:
    def work(session: Session) -> None:
        row = _ours(session, line)
        if row is not None:
            item_is_gone(session, row)

    line.runtime.db.transact(work)
    line.row.url = ""


def _judge(line: _LeasedLine, one: _Owed, answer: HttpAnswer) -> None:
    if answer.ok or (answer.status == 409 and one.attempts):  # what we sent before did arrive
        _note(line, one, "sent", "")
    elif answer.status == 409:
        _note(line, one, "parked", "A newer result stands at the learning site; it was left as it is.")
    else:
        _note(line, one, "parked", _words(answer))


def _words(answer: HttpAnswer) -> str:
    """The platform's own words, or at least its status."""
    try:
        document = json.loads(answer.body)
    except ValueError:
        document = None
    said = None
    if isinstance(document, dict):
        said = next(
            (document[key] for key in ("detail", "message", "error_description", "error") if document.get(key)), None
        )
    if isinstance(said, str):
        return "".join(letter for letter in said[:_LONGEST] if letter.isprintable())
    return f"The learning site took no result for this learner: it answered {answer.status}. Perhaps she is not in the course."


def _note(line: _LeasedLine, one: _Owed, word: str, why: str) -> None:
    """Write one outcome, while the lease is ours, and hold the lease longer."""
    clock = line.runtime.clock
    now = clock.now()

    def work(session: Session) -> None:
        row = _ours(session, line)
        key = {"host_id": line.host.id, "line": line.row.id, "person": one.person, "cycle": one.cycle}
        score = session.get(Score, tuple(key.values()), with_for_update=True, populate_existing=True)
        if row is None or score is None or score.state != "owed":
            return
        row.take(line.lease, clock.true())
        score.attempts, score.why = score.attempts + 1, why
        state = word
        if word == "again":
            state = "parked" if now - score.created > GIVE_UP and score.attempts > 5 else "owed"
            score.next_at = now + backoff(score.attempts)
        if word == "sent":
            score.sent_at, row.why, row.attempts, row.next_at = now, "", 0, 0
        score.state = state
        outcome_counts.count(session, line.host.id, now, "scores", {_TALLIED[word]: 1})

    line.runtime.db.transact(work)
    line.done += 1
    line.words[word] += 1


def _rest(session: Session, line: _LeasedLine, trouble: ServiceTrouble) -> None:
    """The whole line cannot go on: for a while, or until somebody acts."""
    row = _ours(session, line)
    if row is None:
        return
    now = line.runtime.clock.now()
    row.why = trouble.why
    row.give_back()
    if trouble.permanent:
        parked = run(
            session, "UPDATE score SET state = 'parked', why = ? WHERE host_id = ? AND line = ? AND state = 'owed'",
            trouble.why, row.host_id, row.id,
        )  # fmt: skip
        outcome_counts.count(session, row.host_id, now, "scores", {"refused": parked})
    else:
        row.attempts += 1
        row.next_at = now + (trouble.after if trouble.after is not None else backoff(row.attempts))
        outcome_counts.count(session, row.host_id, now, "calls", {"wait": 1})
    _log.warning("results not reported", host=row.host_id, line=row.id, why=trouble.why, permanent=trouble.permanent)


def _let_go(session: Session, line: _LeasedLine) -> None:
    row = _ours(session, line)
    if row is not None:
        row.why, row.attempts = "", 0
        row.give_back()
