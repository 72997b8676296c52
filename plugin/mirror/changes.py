"""Stamping: every change of the mirror names the people it touches, under the host's clock (DESIGN, point 1)."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import case
from sqlalchemy.orm import Session

from plugin.core.ids import advance_seq, upsert_for
from plugin.mirror.tables import Change


def stamp(session: Session, host_id: int, people: Iterable[int], as_of: int) -> int:
    """Take the host's clock and stamp these people; returns the seq.

    Call it in the transaction that changes the rows. The row of the clock stays locked until that commits.
    """
    seq = advance_seq(session, host_id, as_of)
    rows = [
        {"host_id": host_id, "person": person, "seq": seq, "settled": -1, "at": as_of} for person in sorted(set(people))
    ]
    statement = upsert_for(session)(Change)
    statement = statement.on_conflict_do_update(
        index_elements=["host_id", "person"],
        # Who is owed already keeps the earlier instant: a spell it causes began then.
        set_={"seq": seq, "at": case((Change.settled < Change.seq, Change.at), else_=statement.excluded.at)},
    )
    for start in range(0, len(rows), 2000):
        session.execute(statement, rows[start : start + 2000])
    return seq
