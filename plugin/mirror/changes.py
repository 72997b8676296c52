"""Stamping: every change of the mirror names the people it touches, under the host's clock (design point 1)."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from plugin.core.database.bulk import run_each
from plugin.core.ids import advance_seq, read_clock


def stamp(session: Session, host_id: int, people: Iterable[int], now: int) -> int:
    """Take the host's clock and stamp these people as of it; returns the seq.

    Call it in the transaction that changes the rows, and :func:`plugin.core.host_time.move_on` before. The row of the
    clock stays locked until that commits.

    :param now: where the clock of a host begins that has none yet.
    """
    seq = advance_seq(session, host_id, now)
    _seq, as_of = read_clock(session, host_id)
    run_each(session, f"{NOTE} SET seq = excluded.seq, at = {EARLIER}",
             [(host_id, int(person), seq, as_of) for person in sorted(set(people))])  # fmt: skip
    return seq


# Shared with :mod:`plugin.enrolment.settling.owed_looks`, which asks for another look at people the mirror did not change.
NOTE = (
    "INSERT INTO change (host_id, person, seq, settled, at) VALUES (?, ?, ?, -1, ?)"
    " ON CONFLICT (host_id, person) DO UPDATE"
)
EARLIER = "CASE WHEN change.settled < change.seq THEN change.at ELSE excluded.at END"
"""Who is owed already keeps the earlier instant: a spell it causes began then."""
