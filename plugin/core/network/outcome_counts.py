"""Counting what happened to what was sent, by minute and outcome: rates and failures by reason."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

from plugin.core.database.bulk import run

KEPT = 2 * 24 * 60
"""Minutes."""


def count(session: Session, host_id: int, now: int, kind: str, words: Mapping[str, int]) -> None:
    """Add to this minute's counts.

    :param kind: ``seats``, ``messages``, ``calls`` …, put before each word.
    """
    for word, number in sorted(words.items()):
        run(
            session,
            "INSERT INTO tally (host_id, minute, word, count) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (host_id, minute, word) DO UPDATE SET count = tally.count + excluded.count",
            host_id,
            now // 60,
            f"{kind}.{word}"[:32],
            number,
        )


def counted(session: Session, host_id: int, since: int, now: int) -> dict[str, int]:
    """How many items met which outcome between two instants, whole minutes."""
    rows = session.execute(
        text(
            "SELECT word, sum(count) FROM tally WHERE host_id = :host AND minute > :since AND minute <= :now"
            " GROUP BY word ORDER BY word"
        ),
        {"host": host_id, "since": since // 60, "now": now // 60},
    )
    return {row[0]: int(row[1]) for row in rows}


def forget_old(session: Session, host_id: int, now: int) -> None:
    """Drop the counts of the day before yesterday."""
    run(session, "DELETE FROM tally WHERE host_id = ? AND minute < ?", host_id, now // 60 - KEPT)
