"""Parked seats, which the host refused for good: tried again, or left alone, because somebody said so."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import re
from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch, run, update_rows
from plugin.core.database.dialect import for_update
from plugin.core.errors import Invalid
from plugin.core.journal import record
from plugin.core.logs import correlation
from plugin.delivery.tables import IN, OUT, Drift, Seat

RETRY, DISMISS = "retry", "dismiss"
DELETED_COURSE = "The learning site has deleted this course."
_KEY = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})")


def answer_parked(
    session: Session, host_id: int, action: str, keys: Sequence[str] | None, *, why: str = "", at: int, who: str
) -> int:
    """Retry or dismiss parked seats; returns how many.

    *Retry* sends what is wanted anew, with a new generation and 48 hours of trying. *Dismiss* leaves it alone until
    something else is wanted.

    :param keys: as the page names them, ``course.person``; ``None`` for all. :param why: only those with these words.
    :raises Invalid: for another action, or a key that is none.
    """
    if action not in (RETRY, DISMISS):
        raise Invalid(_("Choose Retry or Dismiss."))
    chosen = _pairs(keys) if keys is not None else None
    sql = (
        "SELECT s.course, s.person, s.generation FROM seat s WHERE s.host_id = ? AND s.parked IS NOT NULL"
        " AND s.dismissed <> s.generation AND s.call = ''" + (" AND s.parked = ?" if why else "")
    )
    lock = for_update(session)
    rows = fetch(session, f"{sql} ORDER BY s.course, s.person{lock}", host_id, *([why] if why else []))
    rows = [row for row in rows if chosen is None or (row[0], row[1]) in chosen]
    if rows:
        seats = {"host_id": host_id, "course": [row[0] for row in rows], "person": [row[1] for row in rows]}
        generations = [row[2] for row in rows]
        if action == DISMISS:
            update_rows(session, Seat, seats, {"dismissed": generations})
        else:
            again = {"parked": None, "generation": [one + 1 for one in generations], "attempts": 0, "next_at": 0,
                     "changed": at, "correlation": correlation()}  # fmt: skip
            update_rows(session, Seat, seats, again)
        _drift_answered(session, host_id, [(row[0], row[1]) for row in rows], action)
        record(session, host_id, at, who, f"parked_{action}", reason=why, data={"count": len(rows)})
    return len(rows)


def park_deleted_courses(session: Session, host_id: int) -> None:
    """Send nobody to a course that the host has deleted: what is owed there waits, with a reason, and goes on when it is back.

    Who was to leave such a course has left it.
    """
    gone = [row[0] for row in fetch(session, "SELECT id FROM course WHERE host_id = ? AND gone", host_id)]
    deleted = ", ".join(map(str, gone)) or "NULL"
    if gone:
        run(
            session,
            f"UPDATE seat SET confirmed = {OUT}, attempts = 0, next_at = 0, owed = (wanted = {IN}),"
            f" parked = CASE WHEN wanted = {IN} THEN ? ELSE NULL END"
            f" WHERE host_id = ? AND owed AND call = '' AND course IN ({deleted}) AND (parked IS NULL OR parked <> ?)",
            DELETED_COURSE, host_id, DELETED_COURSE,
        )  # fmt: skip
    run(
        session,
        "UPDATE seat SET parked = NULL, next_at = 0 WHERE host_id = ? AND parked IS NOT NULL AND parked = ?"
        f" AND course NOT IN ({deleted if gone else -1})",
        host_id, DELETED_COURSE,
    )  # fmt: skip


def _drift_answered(session: Session, host_id: int, pairs: Sequence[tuple[int, int]], action: str) -> None:
    """A question about drift is a parked seat too: answered here, it is answered there."""
    chosen = set(pairs)
    rows = fetch(
        session,
        "SELECT d.course, d.person, c.id, p.id FROM drift d JOIN course c ON c.host_id = d.host_id AND c.ext = d.course"
        " JOIN person p ON p.host_id = d.host_id AND p.ext = d.person WHERE d.host_id = ? AND d.state = 'asked'",
        host_id,
    )
    rows = [row for row in rows if (row[2], row[3]) in chosen]
    if rows:
        keys = {"host_id": host_id, "course": [row[0] for row in rows], "person": [row[1] for row in rows]}
        update_rows(session, Drift, keys, {"state": "accepted" if action == DISMISS else "reasserted"})


def _pairs(keys: Sequence[str]) -> set[tuple[int, int]]:
    found = [_KEY.fullmatch(key) for key in keys]
    if not found or not all(found):
        raise Invalid(_("Choose at least one of them."))
    return {(int(one[1]), int(one[2])) for one in found if one}
