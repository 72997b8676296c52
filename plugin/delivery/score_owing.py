"""Results become owed: when somebody is certified, and, once a line is new, for whoever was certified before."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from sqlalchemy.orm import Session

from plugin.core.bulk import fetch, insert_rows, run
from plugin.core.logs import correlation
from plugin.delivery.score_tables import Score

FILL = 2000
"""People looked through at a time for results of those certified before the line was."""

_REACHED = "(3, 4, 6)"  # certified, window open, complete


def owe_scores(session: Session, host_id: int, certification: int, reached: Iterable[tuple[int, int]], at: int) -> int:
    """Owe the result of learners who are certified now to every line of the certification; returns how many rows.

    :param reached: person and cycle.
    """
    people = list(reached)
    lines = lines_of(session, host_id, certification) if people else []
    for line in lines:
        columns = {
            "host_id": host_id, "line": line, "person": np.array([person for person, _cycle in people]),
            "cycle": np.array([cycle for _person, cycle in people]), "at": at, "created": at, "correlation": correlation(),
        }  # fmt: skip
        insert_rows(session, Score, columns, skip_present=True)
    return len(lines) * len(people)


def lines_of(session: Session, host_id: int, certification: int) -> list[int]:
    """The lines that a certification is reported to."""
    sql = "SELECT id FROM score_line WHERE host_id = ? AND certification = ? ORDER BY id"
    return [row[0] for row in fetch(session, sql, host_id, certification)]


def owe_again(session: Session, host_id: int, certification: int) -> None:
    """Look through a certification's learners once more: some became certified in another way than by settling."""
    run(session, "UPDATE score_line SET filled = -1 WHERE host_id = ? AND certification = ?", host_id, certification)


def to_fill(session: Session, host_id: int) -> list[tuple[int, ...]]:
    """The first line, its certification and how far it is, of those whose earlier learners are still looked through."""
    sql = (
        "SELECT id, certification, filled FROM score_line WHERE host_id = ? AND filled IS NOT NULL ORDER BY id LIMIT 1"
    )
    return fetch(session, sql, host_id)


def fill(session: Session, host_id: int, now: int) -> int:
    """Owe the results of some who were certified before their line was there; returns how many people were looked at."""
    sql = (
        "SELECT id, certification, filled FROM score_line WHERE host_id = ? AND filled IS NOT NULL ORDER BY id LIMIT 1"
    )
    rows = fetch(session, sql, host_id)
    if not rows:
        return 0
    line, certification, filled = rows[0]
    people = fetch(
        session,
        "SELECT person FROM enrolment WHERE host_id = ? AND certification = ? AND person > ? ORDER BY person LIMIT ?",
        host_id, certification, filled, FILL,
    )  # fmt: skip
    last = people[-1][0] if people else filled
    run(
        session,
        "INSERT INTO score (host_id, line, person, cycle, state, at, created, attempts, next_at, why, correlation)"
        " SELECT host_id, ?, person, cycle, 'owed', ?, ?, 0, 0, '', ? FROM enrolment WHERE host_id = ?"
        f" AND certification = ? AND person > ? AND person <= ? AND state IN {_REACHED} AND ended IS NULL"
        " ON CONFLICT DO NOTHING",
        line, now, now, correlation(), host_id, certification, filled, last,
    )  # fmt: skip
    run(
        session, "UPDATE score_line SET filled = ? WHERE host_id = ? AND id = ?",
        last if len(people) == FILL else None, host_id, line,
    )  # fmt: skip
    return max(1, len(people))
