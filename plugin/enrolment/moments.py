"""Moments told to outside subscribers: a due date passed, a certification about to expire. Passed before, never told."""

from __future__ import annotations

from functools import partial

from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.core import events
from plugin.core.bulk import fetch, run
from plugin.core.ids import read_clock
from plugin.core.runtime import Runtime

EXPIRING = 30 * 24 * 3600
"""Seconds before the expiry at which ``certification.expiring`` is told."""
AT_LEAST = 60
"""Seconds between two looks."""
OVERDUE, SOON = "learner.overdue", "certification.expiring"
_WHO = {
    OVERDUE: ("e.due", 0, "(1, 2, 5)"),  # assigned, in progress, expired: who still has to do it
    SOON: ("e.expires", EXPIRING, "(3, 4)"),
}
_KEY = "moments"


def tell_moments(runtime: Runtime, host_id: int) -> int:
    """Tell what came since the last look, where somebody has subscribed; returns how many events were written."""
    with runtime.db.read() as session:
        wanted = events.subscribed(session, host_id) & set(_WHO)
        before = fetch(session, "SELECT value FROM counter WHERE host_id = ? AND name = ?", host_id, _KEY)
        _seq, as_of = read_clock(session, host_id)
    if not wanted and not before:
        return 0
    if wanted and before and as_of - int(before[0][0]) < AT_LEAST:
        return 0
    return runtime.db.transact(partial(_tell, host_id=host_id))


def _tell(session: Session, host_id: int) -> int:
    wanted = events.subscribed(session, host_id) & set(_WHO)
    _seq, now = read_clock(session, host_id)
    run(
        session,
        "INSERT INTO counter (host_id, name, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        host_id,
        _KEY,
        now,
    )
    lock = "" if session.get_bind().dialect.name == "sqlite" else " FOR UPDATE"
    since = int(fetch(session, f"SELECT value FROM counter WHERE host_id = ? AND name = ?{lock}", host_id, _KEY)[0][0])
    if not wanted:  # whoever subscribes later is not told what passed meanwhile
        run(session, "DELETE FROM counter WHERE host_id = ? AND name = ?", host_id, _KEY)
        return 0
    if since >= now:
        return 0
    run(session, "UPDATE counter SET value = ? WHERE host_id = ? AND name = ?", now, host_id, _KEY)
    told = [one for kind in sorted(wanted) for one in _passed(session, host_id, kind, since, now)]
    return events.append(session, host_id, now, "rule", told)


def _passed(session: Session, host_id: int, kind: str, since: int, now: int) -> list[events.Told]:
    date, ahead, states = _WHO[kind]
    rows = fetch(
        session,
        "SELECT e.certification, e.person FROM enrolment e"
        " JOIN person p ON p.host_id = e.host_id AND p.id = e.person AND p.state = 0"
        f" WHERE e.host_id = ? AND {date} > ? AND {date} <= ? AND e.state IN {states} AND e.hold NOT IN (1, 2, 3)",
        host_id, since + ahead, now + ahead,
    )  # fmt: skip
    people: dict[int, list[int]] = {}
    for certification, person in rows:
        people.setdefault(certification, []).append(person)
    return [events.Told(kind, one, people=BitMap(of_it)) for one, of_it in sorted(people.items())]
