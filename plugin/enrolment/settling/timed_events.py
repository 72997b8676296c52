"""Moments told to outside subscribers: a due date passed, a certification about to expire. Passed before, never told."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from functools import partial

from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.core import outbox
from plugin.core.database.bulk import fetch, run
from plugin.core.database.dialect import for_update
from plugin.core.ids import read_clock
from plugin.core.runtime import Runtime
from plugin.enrolment.codes import STILL_TO_DO, VALID, active, listed
from plugin.mirror.tables import ACTIVE

EXPIRING = 30 * 24 * 3600
"""Seconds before the expiry at which ``certification.expiring`` is told."""
AT_LEAST = 60
"""Seconds between two looks."""
OVERDUE, SOON = "learner.overdue", "certification.expiring"
_WHO = {
    OVERDUE: ("e.due", 0, STILL_TO_DO),
    SOON: ("e.expires", EXPIRING, VALID),
}
_KEY = "moments"


def tell_moments(runtime: Runtime, host_id: int) -> int:
    """Tell what came since the last look, where somebody has subscribed; returns how many events were written."""
    with runtime.db.read() as session:
        wanted = outbox.subscribed(session, host_id) & set(_WHO)
        before = fetch(session, "SELECT value FROM counter WHERE host_id = ? AND name = ?", host_id, _KEY)
        _seq, as_of = read_clock(session, host_id)
    if not wanted and not before:
        return 0
    if wanted and before and as_of - int(before[0][0]) < AT_LEAST:
        return 0
    return runtime.db.transact(partial(_tell, host_id=host_id))


def _tell(session: Session, host_id: int) -> int:
    wanted = outbox.subscribed(session, host_id) & set(_WHO)
    _seq, now = read_clock(session, host_id)
    run(
        session,
        "INSERT INTO counter (host_id, name, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        host_id,
        _KEY,
        now,
    )
    lock = for_update(session)
    since = int(fetch(session, f"SELECT value FROM counter WHERE host_id = ? AND name = ?{lock}", host_id, _KEY)[0][0])
    if not wanted:  # whoever subscribes later is not told what passed meanwhile
        run(session, "DELETE FROM counter WHERE host_id = ? AND name = ?", host_id, _KEY)
        return 0
    if since >= now:
        return 0
    run(session, "UPDATE counter SET value = ? WHERE host_id = ? AND name = ?", now, host_id, _KEY)
    told = [one for kind in sorted(wanted) for one in _passed(session, host_id, kind, since, now)]
    return outbox.append(session, host_id, now, "rule", told)


def _passed(session: Session, host_id: int, kind: str, since: int, now: int) -> list[outbox.OutboxEntry]:
    date, ahead, states = _WHO[kind]
    rows = fetch(
        session,
        "SELECT e.certification, e.person FROM enrolment e"
        f" JOIN person p ON p.host_id = e.host_id AND p.id = e.person AND p.state = {ACTIVE}"
        f" WHERE e.host_id = ? AND {date} > ? AND {date} <= ? AND e.state IN {listed(*states)} AND {active('e.')}",
        host_id, since + ahead, now + ahead,
    )  # fmt: skip
    people: dict[int, list[int]] = {}
    for certification, person in rows:
        people.setdefault(certification, []).append(person)
    return [outbox.OutboxEntry(kind, one, people=BitMap(of_it)) for one, of_it in sorted(people.items())]
