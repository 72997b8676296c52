"""What the delivery page shows of courses that are to begin anew, and the answers to those the host refused."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch, run
from plugin.core.errors import Invalid
from plugin.core.journal import record
from plugin.delivery.seats.parking import DISMISS, RETRY


@dataclass(frozen=True)
class ResetFigures:
    """How many are owed, and the host's words for those it refused, the commonest first, with how many."""

    owed: int
    refused: tuple[tuple[str, int], ...]


def reset_figures(session: Session, host_id: int) -> ResetFigures:
    """A host's figures."""
    sql = "SELECT count(*) FROM course_reset WHERE host_id = ? AND state IN ('owed', 'sending')"
    words = (
        "SELECT why, count(*) FROM course_reset WHERE host_id = ? AND state = 'parked'"
        " GROUP BY why ORDER BY 2 DESC, 1 LIMIT 50"
    )
    rows = fetch(session, words, host_id)
    return ResetFigures(int(fetch(session, sql, host_id)[0][0]), tuple((row[0], int(row[1])) for row in rows))


def answer_resets(session: Session, host_id: int, action: str, why: str, *, at: int, who: str) -> int:
    """Retry or dismiss all that were refused with these words; returns how many.

    :raises Invalid: for another action.
    """
    if action not in (RETRY, DISMISS):
        raise Invalid(_("Choose Retry or Dismiss."))
    state = "owed" if action == RETRY else "dismissed"
    count = run(
        session,
        "UPDATE course_reset SET state = ?, attempts = 0, next_at = 0, created = ?, why = '' WHERE host_id = ?"
        " AND state = 'parked' AND why = ?",
        state, at, host_id, why,
    )  # fmt: skip
    if count:
        record(session, host_id, at, who, f"resets_{action}", reason=why, data={"count": count})
    return count
