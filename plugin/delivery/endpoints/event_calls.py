"""Sending events to endpoints: each endpoint's list in its own pace, one at a time, in order for each subject.

At least once: a message is written down before it is sent, and every repeat is the same to the letter and carries the
same ``webhook-id``. An event whose subject has an earlier one still to be tried again waits for that one.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from plugin.core import outbox
from plugin.core.database.bulk import fetch
from plugin.core.database.leases import still_ours, worker_token
from plugin.core.journal import record
from plugin.core.logs import log, use_correlation
from plugin.core.network import outcome_counts
from plugin.core.network.http import CallFailed
from plugin.core.network.signing import signed_headers
from plugin.core.network.waits import asked_to_wait
from plugin.core.runtime import Runtime
from plugin.core.text.stored import later
from plugin.delivery.endpoints.event_lists import bodies
from plugin.delivery.learner_dates import DatesOf
from plugin.delivery.tables import Endpoint, EndpointDelivery

SCHEDULE = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds before the second, third … attempt (Standard Webhooks 1.0, "Deliverability and reliability"); each ± 10 %."""
JITTER = 0.1
DEADLINE = 15.0
"""Seconds a receiver has for its whole answer."""
BATCH = 50
AT_LEAST_EVERY = 5.0
"""Seconds after which what was learnt is written down, however few of a batch were sent."""
MOST_ANSWER = 64 * 1024
SHOWN = 2000
"""Bytes read of an answer, and characters kept of it."""
PATIENT, LONGEST_PAUSE = 3, 900
"""Failures in a row from which on the endpoint as a whole is left alone for a while; seconds at most."""
DISABLED_AFTER = 5 * 24 * 3600
TRIES_KEPT = 20
PING = "endpoint.ping"
_BUSY = (429, 502, 503, 504)
_DUE = text(
    "NOT EXISTS (SELECT 1 FROM endpoint_delivery b WHERE b.host_id = endpoint_delivery.host_id"
    " AND b.endpoint = endpoint_delivery.endpoint AND b.subject = endpoint_delivery.subject AND b.state = 'owed'"
    " AND b.next_at > 0 AND b.next_at > :at AND b.n < endpoint_delivery.n)"
)
_log = log("delivery")


@dataclass(frozen=True)
class Attempt:
    """What came of one try. ``status`` is ``None`` where no answer came; ``after``: seconds the receiver asked for."""

    n: int
    at: int
    ms: int
    status: int | None
    why: str
    answer: str = ""
    after: int | None = None
    sent: dict[str, str] | None = None

    @property
    def ok(self) -> bool:
        """2xx; a redirect is none (never followed)."""
        return self.status is not None and 200 <= self.status < 300


def due_endpoints(session: Session, now: int) -> list[tuple[int, int]]:
    """``(host, endpoint)`` of those with something to send now."""
    rows = fetch(
        session,
        "SELECT p.host_id, p.id FROM endpoint p WHERE p.state = 'active' AND p.retry_at <= ? AND EXISTS"
        " (SELECT 1 FROM endpoint_delivery d WHERE d.host_id = p.host_id AND d.endpoint = p.id AND d.state = 'owed'"
        "  AND d.next_at <= ?) ORDER BY p.host_id, p.id",
        now, now,
    )  # fmt: skip
    return [(row[0], row[1]) for row in rows]


def drain_endpoint(
    runtime: Runtime, host_id: int, endpoint: int, dates_of: DatesOf, *, seconds: float | None = None
) -> int:
    """Send what one endpoint is owed now; returns how many attempts were made. Never raises for the receiver's sake.

    :param dates_of: answers when learners are due, for events that tell it. :param seconds: no new batch is begun after so many.
    """
    lease = worker_token()
    if not runtime.db.transact(lambda session: _take(session, runtime, host_id, endpoint, lease)):
        return 0
    made, until = 0, time.monotonic() + seconds if seconds is not None else None
    try:
        while until is None or time.monotonic() < until:
            claimed = runtime.db.transact(lambda session: _claim(session, runtime, host_id, endpoint, lease, dates_of))
            if claimed is None:
                break
            tried = _send_all(runtime, *claimed)
            made += len(tried)
            row, rows = claimed
            if not runtime.db.transact(_writer(runtime, row, rows, tried, lease)):
                break
    finally:
        runtime.db.transact(lambda session: _release(session, host_id, endpoint, lease))
    return made


def _take(session: Session, runtime: Runtime, host_id: int, endpoint: int, lease: str) -> bool:
    row = session.get(Endpoint, (host_id, endpoint), with_for_update=True, populate_existing=True)
    now, true_now = runtime.clock.now(), runtime.clock.true()
    if row is None or row.state != "active" or row.retry_at > now or not row.is_free(true_now):
        return False
    row.take(lease, true_now)
    return True


def _release(session: Session, host_id: int, endpoint: int, lease: str) -> None:
    row = still_ours(session, Endpoint, (host_id, endpoint), lease)
    if row is not None:
        row.give_back()


def _claim(
    session: Session, runtime: Runtime, host_id: int, endpoint: int, lease: str, dates_of: DatesOf
) -> tuple[Endpoint, list[EndpointDelivery]] | None:
    """The next ones that are due, with their bodies written down; while an endpoint is in doubt a single one."""
    row = still_ours(session, Endpoint, (host_id, endpoint), lease)
    now = runtime.clock.now()
    if row is None or row.state != "active" or row.retry_at > now:
        return None
    row.take(lease, runtime.clock.true())
    mine = EndpointDelivery
    rows = list(
        session.scalars(
            select(mine)
            .where(mine.host_id == host_id, mine.endpoint == endpoint, mine.state == "owed", mine.next_at <= now)
            .where(_DUE.bindparams(at=now))
            .order_by(mine.n)
            .limit(1 if row.failures >= PATIENT else BATCH)
        )
    )
    write_bodies(session, row, rows, dates_of)
    return (row, rows) if rows else None


def write_bodies(session: Session, endpoint: Endpoint, rows: Sequence[EndpointDelivery], dates_of: DatesOf) -> None:
    """Give those that have none yet their message and its id."""
    fresh = [one for one in rows if not one.body]
    names = bool(endpoint.settings.get("names"))
    made = bodies(session, endpoint.host_id, [one.n for one in fresh], names=names, dates_of=dates_of)
    for one in fresh:
        one.body, one.sent = made.get(one.n, "{}"), {"webhook-id": f"msg_{secrets.token_hex(12)}"}
    session.flush()


def _send_all(runtime: Runtime, endpoint: Endpoint, rows: Sequence[EndpointDelivery]) -> list[Attempt]:
    """Try them in order. A subject whose earlier event failed waits; an endpoint that seems down is not asked on."""
    found: list[Attempt] = []
    waits: set[str] = set()
    until = time.monotonic() + AT_LEAST_EVERY
    failures = endpoint.failures
    for row in rows:
        if row.subject in waits:
            continue
        tried = attempt(runtime, endpoint, row)
        found.append(tried)
        failures = 0 if tried.ok else failures + 1
        if not tried.ok:
            waits.add(row.subject)
        if failures >= PATIENT or tried.status == 410 or tried.after is not None or time.monotonic() > until:
            break
    return found


def secrets_of(endpoint: Endpoint, now: int) -> str:
    """The secrets that sign now, the newest first: the old one too, until its time is over."""
    old = endpoint.old_secret if endpoint.old_until > now else None
    return ",".join(one for one in (endpoint.secret, old) if one)


def attempt(runtime: Runtime, endpoint: Endpoint, row: EndpointDelivery, *, deadline: float = DEADLINE) -> Attempt:
    """Send one message now and see what comes of it."""
    use_correlation(row.correlation or None)
    at = runtime.clock.true()
    sent = signed_headers(secrets_of(endpoint, runtime.clock.now()), row.sent["webhook-id"], row.body, at=at)
    began = time.monotonic()
    try:
        answer = runtime.http.post(
            endpoint.url, data=row.body.encode(), headers=sent, deadline=deadline, read_timeout=deadline,
            max_bytes=MOST_ANSWER, cut=True,
        )  # fmt: skip
    except CallFailed as failure:
        ms = int((time.monotonic() - began) * 1000)
        return Attempt(row.n, runtime.clock.now(), ms, None, failure.reason, sent=sent)
    after = asked_to_wait(answer.headers, runtime.clock.true()) if answer.status in _BUSY else None
    return Attempt(row.n, runtime.clock.now(), int(answer.elapsed * 1000), answer.status, _why(answer.status),
                   shown(answer.body), after, sent)  # fmt: skip


def _why(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"The receiver answered {status} and pointed elsewhere; Muster does not follow."
    return f"The receiver answered {status}."


def shown(body: bytes) -> str:
    """The beginning of an answer as a database keeps it and a page shows it: no NUL, no half characters."""
    return body[: 4 * SHOWN].decode("utf-8", "replace").replace("\x00", "")[:SHOWN]


def _writer(
    runtime: Runtime, endpoint: Endpoint, rows: Sequence[EndpointDelivery], tried: Sequence[Attempt], lease: str
) -> Callable[[Session], bool]:
    return lambda session: _write(session, runtime, endpoint, rows, tried, lease)


def _write(
    session: Session, runtime: Runtime, endpoint: Endpoint, rows: Sequence[EndpointDelivery],
    tried: Sequence[Attempt], lease: str,
) -> bool:  # fmt: skip
    """Write what came of a batch; ``False`` when the endpoint is not ours any more, and nothing is written."""
    row = still_ours(session, Endpoint, (endpoint.host_id, endpoint.id), lease)
    if row is None:
        return False
    by_number = {one.n: one for one in rows}
    session.execute(update(EndpointDelivery), [outcome(by_number[one.n], one) for one in tried])
    for one in tried:
        _health(session, row, one)
    words = ["done" if one.ok else "failed" for one in tried]
    now = runtime.clock.now()
    outcome_counts.count(session, row.host_id, now, "events", {word: words.count(word) for word in set(words)})
    return row.state == "active"


def outcome(row: EndpointDelivery, tried: Attempt) -> dict[str, Any]:
    """The columns of a delivery after an attempt, with its key."""
    attempts = row.attempts + 1
    over = attempts > len(SCHEDULE) or row.type == PING
    if tried.ok or over:
        state, next_at, ended = ("done" if tried.ok else "failed"), 0, tried.at
    else:
        usual = SCHEDULE[attempts - 1]
        wait = tried.after if tried.after is not None else usual * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads calls; no secret
        state, next_at, ended = "owed", tried.at + max(1, round(wait)), None
    told = {"at": tried.at, "status": tried.status, "ms": tried.ms, "why": tried.why}
    return {
        "host_id": row.host_id, "endpoint": row.endpoint, "n": row.n, "state": state, "attempts": attempts,
        "next_at": next_at, "ended": ended, "sent": tried.sent or row.sent, "status": tried.status,
        "answer": tried.answer, "why": tried.why, "tries": [*row.tries, told][-TRIES_KEPT:],
    }  # fmt: skip


def _health(session: Session, row: Endpoint, tried: Attempt) -> None:
    """What an attempt says of the endpoint: it is well, in doubt, or to be disabled."""
    if tried.ok:
        row.failures, row.failing_since, row.retry_at, row.succeeded = 0, 0, 0, tried.at
        return
    row.failures += 1
    row.failing_since = row.failing_since or tried.at
    if tried.after is not None:
        row.retry_at = tried.at + tried.after
    elif row.failures >= PATIENT:
        pause = min(LONGEST_PAUSE, 15 * 2 ** min(row.failures - PATIENT, 10))
        row.retry_at = tried.at + round(pause * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - not a secret
    if row.state == "active" and (tried.status == 410 or tried.at - row.failing_since >= DISABLED_AFTER):
        _disable(session, row, tried)


def _disable(session: Session, row: Endpoint, tried: Attempt) -> None:
    """Enough: administrators see it on the page, other subscribers are told."""
    if tried.status == 410:
        reason = later("The receiver answered 410: it is gone.")
    else:
        reason = later("Nothing was taken for %(days)s days.", days=DISABLED_AFTER // 86400) + f" {tried.why}"
    row.state, row.reason, row.since = "disabled", reason, tried.at
    record(session, row.host_id, tried.at, "rule", "endpoint_disabled", reason=reason, data={"endpoint": row.id})
    told = outbox.OutboxEntry("endpoint.disabled", subject=f"endpoint/{row.id}", reason=reason,
                       data={"endpoint": {"id": row.id, "url": row.url}})  # fmt: skip
    outbox.append(session, row.host_id, tried.at, "rule", [told])
    _log.warning("endpoint disabled", host=row.host_id, endpoint=row.id, why=reason)
