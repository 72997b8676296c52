"""Stamping: every change of the mirror names the people it touches, under the host's clock (DESIGN, point 1)."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from plugin.core.bulk import run_each
from plugin.core.ids import advance_seq


def stamp(session: Session, host_id: int, people: Iterable[int], as_of: int) -> int:
    """Take the host's clock and stamp these people; returns the seq.

    Call it in the transaction that changes the rows. The row of the clock stays locked until that commits.
    """
    seq = advance_seq(session, host_id, as_of)
    run_each(session, f"{NOTE} SET seq = excluded.seq, at = {EARLIER}",
             [(host_id, int(person), seq, as_of) for person in sorted(set(people))])  # fmt: skip
    return seq


# Shared with :mod:`plugin.enrolment.owing`, which asks for another look at people the mirror did not change.
NOTE = (
    "INSERT INTO change (host_id, person, seq, settled, at) VALUES (?, ?, ?, -1, ?)"
    " ON CONFLICT (host_id, person) DO UPDATE"
)
EARLIER = "CASE WHEN change.settled < change.seq THEN change.at ELSE excluded.at END"
"""Who is owed already keeps the earlier instant: a spell it causes began then."""
