"""A storm of messages is held until somebody releases it: more than the cap within an hour (rules 8.5)."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch, run
from plugin.core.errors import Invalid
from plugin.core.journal import record
from plugin.core.tables import Host

WITHIN = 60
"""Minutes within which messages count as one storm."""
_KEPT = 2 * 24 * 60
"""Minutes."""
RELEASE, DISCARD = "release", "discard"
_WHY = "More messages than are sent within an hour before somebody looks at them."
_HOLD = (
    "UPDATE message SET state = 'held', why = ? WHERE host_id = ? AND state IN ('owed', 'waiting') AND leader = 0"
    " AND created >= ? AND created < ?"
)


def count_told(session: Session, host_id: int, at: int, number: int) -> None:
    """Remember that so many messages were asked for."""
    run(
        session,
        "INSERT INTO told (host_id, minute, count) VALUES (?, ?, ?)"
        " ON CONFLICT (host_id, minute) DO UPDATE SET count = told.count + excluded.count",
        host_id, at // 60, number,
    )  # fmt: skip


def forget_old(session: Session, host_id: int, now: int) -> None:
    """Drop what was asked for before the day before yesterday."""
    run(session, "DELETE FROM told WHERE host_id = ? AND minute < ?", host_id, now // 60 - _KEPT)


def cap_of(session: Session, host_id: int, usual: int) -> int:
    """How many messages of a host may go out within an hour."""
    host = session.get(Host, host_id)
    return int((host.settings.get("message_cap") if host else 0) or usual)


def change_cap(session: Session, host_id: int, cap: int, *, at: int, who: str) -> None:
    """Set how many messages of a host may go out within an hour."""
    host = session.get_one(Host, host_id, with_for_update=True)
    record(
        session,
        host_id,
        at,
        who,
        "message_cap_changed",
        data={"before": host.settings.get("message_cap"), "after": cap},
    )
    host.settings = {**host.settings, "message_cap": cap}


def hold_storm(session: Session, host_id: int, cap: int) -> int:
    """Hold what is not sent yet of every hour in which more was asked for than the cap; returns how many."""
    minutes = fetch(session, "SELECT minute, count FROM told WHERE host_id = ? ORDER BY minute", host_id)
    first, total, held = 0, 0, 0
    for last, (minute, count) in enumerate(minutes):
        total += count
        while minutes[first][0] <= minute - WITHIN:
            total -= minutes[first][1]
            first += 1
        if total > cap:
            held += run(session, _HOLD, _WHY, host_id, minutes[first][0] * 60, minutes[last][0] * 60 + 60)
    return held


def answer_held(session: Session, host_id: int, action: str, *, at: int, who: str) -> int:
    """Release or discard all that is held; the counting begins anew. Returns how many messages.

    "You are enrolled" goes back to waiting for its seats.

    :raises Invalid: for another action.
    """
    if action not in (RELEASE, DISCARD):
        raise Invalid(_("Choose Release or Discard."))
    if action == RELEASE:
        sql = "SET state = CASE WHEN \"when\" = 'assigned' THEN 'waiting' ELSE 'owed' END, why = ''"
    else:
        sql = "SET state = 'cancelled', why = 'Discarded: too many at once.'"
    count = run(session, f"UPDATE message {sql} WHERE host_id = ? AND state = 'held'", host_id)
    run(session, "DELETE FROM told WHERE host_id = ?", host_id)
    if count:
        what = "messages_released" if action == RELEASE else "messages_discarded"
        record(session, host_id, at, who, what, data={"count": count})
    return count
