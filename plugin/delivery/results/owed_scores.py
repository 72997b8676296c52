"""Results become owed when somebody is certified; :mod:`plugin.enrolment.earlier_results` adds those of before."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch, insert_rows
from plugin.core.logs import correlation
from plugin.delivery.results.score_tables import Score


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
