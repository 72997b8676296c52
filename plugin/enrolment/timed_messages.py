"""Messages that a moment sets off: due soon, overdue, expiring (rules 8.1). A moment passed before is never sent."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from functools import partial

import numpy as np
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from plugin.core.ids import read_clock
from plugin.core.runtime import Runtime
from plugin.enrolment.codes import FIRST_TIME, STILL_TO_DO, VALID, active, listed
from plugin.enrolment.tables import TAKEN
from plugin.enrolment.terms import terms_of
from plugin.mirror.tables import ACTIVE, DELETED
from plugin.notifications.tables import Notification
from plugin.notifications.triggers import EventLearners, tell_one

_MOMENT = {"due": "due", "overdue": "due", "expiring": "expires"}
"""Which date of the enrolment a moment is counted from."""
PART = 5_000
"""People in one transaction."""


def owe_timed(runtime: Runtime, host_id: int) -> int:
    """Owe the messages whose moment has come; returns how many were added."""
    with runtime.db.read() as session:
        wanted = session.scalars(
            select(Notification.id).where(
                Notification.host_id == host_id, Notification.on, Notification.when.in_(tuple(_MOMENT))
            )
        ).all()
    return sum(_owe_all(runtime, host_id, one) for one in wanted)


def _owe_all(runtime: Runtime, host_id: int, notification: int) -> int:
    """Part by part: learners with nobody to write to come again every time, and keep nobody else waiting."""
    count, last = 0, 0
    while True:
        added, last = runtime.db.transact(partial(_owe, host_id=host_id, notification=notification, after=last))
        count += added
        if not last:
            return count


def _owe(session: Session, host_id: int, notification: int, after: int) -> tuple[int, int]:
    """The next part after a person; how many messages were added, and the last person, 0 at the end."""
    row = session.get(Notification, (host_id, notification))
    _seq, as_of = read_clock(session, host_id)
    if row is None:
        return 0, 0
    date = _MOMENT[row.when]
    states = VALID if row.when == "expiring" else STILL_TO_DO
    if row.when == "due" and row.offset < 0:
        states = FIRST_TIME  # the due date of somebody expired is past: nothing is left to remind of beforehand
    people = session.execute(
        text(
            "SELECT e.person, e.spell, e.cycle, p.state FROM enrolment e"
            " JOIN person p ON p.host_id = e.host_id AND p.id = e.person AND p.state <> :deleted"
            f" WHERE e.host_id = :host AND e.certification = :c AND e.state IN {listed(*states)} AND {active('e.')}"
            " AND e.person > :after"
            f" AND e.{date} IS NOT NULL AND e.{date} + :offset <= :now"
            f" AND e.{date} + :offset >= e.began AND e.{date} + :offset >= :since"
            # Of what passed before a record was imported nobody is told (rules 7.6).
            " AND NOT EXISTS (SELECT 1 FROM brought b WHERE b.host_id = e.host_id AND b.certification = e.certification"
            f"  AND b.person = e.person AND b.state = :taken AND e.{date} + :offset <= b.at)"
            " AND NOT EXISTS (SELECT 1 FROM message m WHERE m.host_id = e.host_id AND m.notification = :n"
            "  AND m.learner = e.person AND m.certification = e.certification AND m.spell = e.spell AND m.cycle = e.cycle)"
            " ORDER BY e.person LIMIT :most"
        ),
        {"host": host_id, "c": row.certification, "offset": row.offset, "now": as_of, "since": row.since,
         "n": notification, "after": after, "most": PART, "deleted": DELETED, "taken": TAKEN},
    ).all()  # fmt: skip
    # What passes while a certification is not available is missed, and not told later either.
    over = not terms_of(session, host_id, row.certification).live(as_of)
    person, spell, cycle, state = np.array([tuple(one) for one in people], np.int64).reshape(-1, 4).T
    last = people[-1][0] if len(people) == PART else 0
    return tell_one(session, row, EventLearners(person, spell, cycle, missed=over | (state != ACTIVE)), at=as_of), last
