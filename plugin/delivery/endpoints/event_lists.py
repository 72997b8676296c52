"""Events on their way to endpoints: each one's own list, and the message that goes out."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from plugin.core.clock import format_instant
from plugin.core.database.bulk import fetch, run
from plugin.core.ids import take_ids
from plugin.delivery.learner_dates import NO_DATES, Dates, DatesOf

KEPT = 14 * 24 * 3600
"""Seconds for which events and what became of them are kept; also for an endpoint that is paused or disabled."""
SLICE = 5000
_IN_BRACKETS = re.compile(r"\(([^()]*)\)$")
_WITH_DATES = ("learner.", "certification.")
_REASONED = ("exception.", "push.", "sync.", "endpoint.")
"""Types whose reason is Muster's own word or the host's; elsewhere it is what a person wrote."""

_SPREAD = (
    "INSERT INTO endpoint_delivery (host_id, endpoint, n, type, subject, state, attempts, next_at, created, body, sent,"
    " answer, why, tries, correlation)"
    " SELECT e.host_id, p.id, e.n, e.type, e.subject, 'owed', 0, 0, e.at, '', '{}', '', '', '[]', e.correlation"
    " FROM event e JOIN subscription s ON s.host_id = e.host_id AND s.type = e.type"
    " JOIN endpoint p ON p.host_id = s.host_id AND p.id = s.endpoint AND (p.state = 'active' OR p.since > ?)"
    " WHERE e.host_id = ? AND e.done = 0 AND e.n <= ? ON CONFLICT DO NOTHING"
)
_EVENTS = (
    "SELECT e.n, e.type, e.subject, e.at, e.data, e.correlation, e.certification, k.code, k.name, e.person, p.ext, p.name,"
    " p.email FROM event e"
    " LEFT JOIN certification k ON k.host_id = e.host_id AND k.id = e.certification"
    " LEFT JOIN person p ON p.host_id = e.host_id AND p.id = e.person"
    " WHERE e.host_id = ? AND e.n IN ({})"
)


def to_spread(session: Session) -> list[int]:
    """Hosts with events that are in nobody's list yet."""
    return [row[0] for row in fetch(session, "SELECT DISTINCT host_id FROM event WHERE done = 0 ORDER BY host_id")]


def spread(session: Session, host_id: int, now: int) -> int:
    """Put new events into the list of every endpoint that subscribes to them; returns how many events there were.

    One at a time for each host, so that every list is in the order of the events.
    """
    take_ids(session, host_id, "spread")
    sql = "SELECT max(n) FROM (SELECT n FROM event WHERE host_id = ? AND done = 0 ORDER BY n LIMIT ?) AS t"
    last = fetch(session, sql, host_id, SLICE)[0][0]
    if last is None:
        return 0
    run(session, _SPREAD, now - KEPT, host_id, last)
    return run(session, "UPDATE event SET done = 1 WHERE host_id = ? AND done = 0 AND n <= ?", host_id, last)


def bodies(session: Session, host_id: int, numbers: Sequence[int], *, names: bool, dates_of: DatesOf) -> dict[int, str]:
    """The messages of these events, by number (``docs/webhooks.md``). Without ``names`` nothing in them names a person."""
    if not numbers:
        return {}
    rows = fetch(session, _EVENTS.format(", ".join(str(int(one)) for one in numbers)), host_id)
    pairs = {
        row[0]: (row[6], row[9]) for row in rows if str(row[1]).startswith(_WITH_DATES) and None not in (row[6], row[9])
    }
    dates = dates_of(session, host_id, set(pairs.values())) if pairs else {}
    return {row[0]: _body(row, dates.get(pairs.get(row[0], (0, 0)), NO_DATES), names=names) for row in rows}


def _body(row: Sequence[Any], dates: Dates, *, names: bool) -> str:
    n, kind, subject, at, stored, correlation, certification, code, title, person, ext, name, email = row
    more: dict[str, Any] = dict(json.loads(stored) if isinstance(stored, str) else stored)
    cause, reason = dict(more.pop("cause", {})), str(more.pop("reason", "") or "")
    actor = str(cause.get("actor") or "")
    found = _IN_BRACKETS.search(actor)
    kept = actor if names or actor in ("rule", "sync") else found[1] if found else ""
    cause = {"kind": cause.get("kind", "rule"), "id": correlation, "actor": kept}
    data: dict[str, Any] = {"seq": n, "subject": subject, "at": format_instant(at), "cause": cause}
    if certification is not None:
        data["certification"] = {"id": certification, "code": code} | ({"name": title} if names else {})
    if person is not None:
        data["learner"] = {"id": person, "external": ext} | ({"name": name, "email": email} if names else {})
        if kind.startswith(_WITH_DATES):
            data |= {"due": format_instant(dates[0]), "expires": format_instant(dates[1])}
    if reason and (names or kind.startswith(_REASONED)):
        data["reason"] = reason
    return json.dumps({"type": kind, "timestamp": format_instant(at), "data": data | more}, separators=(",", ":"))


def forget(session: Session, host_id: int, now: int) -> None:
    """Drop what is older than is kept; what is still owed after so long has failed, and is shown as such."""
    run(
        session,
        "UPDATE endpoint_delivery SET state = 'failed', ended = ?, why = 'Not delivered within 14 days.'"
        " WHERE host_id = ? AND state = 'owed' AND created < ?",
        now, host_id, now - KEPT,
    )  # fmt: skip
    run(
        session,
        "DELETE FROM endpoint_delivery WHERE host_id = ? AND state <> 'owed' AND ended < ?",
        host_id,
        now - KEPT,
    )
    run(
        session,
        "DELETE FROM subscription WHERE host_id = ? AND endpoint IN"
        " (SELECT id FROM endpoint WHERE host_id = ? AND state <> 'active' AND since <= ?)",
        host_id, host_id, now - KEPT,
    )  # fmt: skip
    first = fetch(session, "SELECT n, at FROM event WHERE host_id = ? AND done = 1 ORDER BY n LIMIT ?", host_id, SLICE)
    old = [row[0] for row in first if row[1] < now - KEPT]
    if old:
        run(
            session, "DELETE FROM event WHERE host_id = ? AND done = 1 AND n <= ? AND at < ?",
            host_id, old[-1], now - KEPT,
        )  # fmt: skip
