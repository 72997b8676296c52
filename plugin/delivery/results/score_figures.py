"""What the pages show of results reported to courses, and the answers to those that were refused."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch, update_rows
from plugin.core.database.dialect import for_update
from plugin.core.errors import Invalid
from plugin.core.journal import record
from plugin.core.logs import correlation
from plugin.delivery.results.score_tables import Score, ScoreLine
from plugin.delivery.seats.parking import DISMISS, RETRY

_KEY = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})")


@dataclass(frozen=True)
class Reported:
    """How the results of one certification in one course stand.

    :ivar waits: what is in the way, while something is. :ivar next_at: when it is tried again.
    """

    line: int
    course: str
    certification: int
    certification_name: str
    sent: int
    owed: int
    parked: int
    waits: str
    next_at: int


@dataclass(frozen=True)
class RefusedResult:
    """A result that a course did not take."""

    key: str
    name: str
    course: str
    certification_name: str
    why: str
    at: int


def reported(session: Session, host_id: int) -> list[Reported]:
    """Every line of a host, those with refused results first."""
    rows = fetch(
        session,
        "SELECT n.id, n.title, k.id, k.name, coalesce(t.sent, 0), coalesce(t.owed, 0), coalesce(t.parked, 0), n.why, n.next_at"
        " FROM score_line n JOIN certification k ON k.host_id = n.host_id AND k.id = n.certification"
        " LEFT JOIN (SELECT line, sum(CASE WHEN state = 'sent' THEN 1 ELSE 0 END) AS sent,"
        "  sum(CASE WHEN state = 'owed' THEN 1 ELSE 0 END) AS owed, sum(CASE WHEN state = 'parked' THEN 1 ELSE 0 END) AS parked"
        "  FROM score WHERE host_id = ? GROUP BY line) t ON t.line = n.id"
        " WHERE n.host_id = ? ORDER BY 7 DESC, n.title, k.name",
        host_id, host_id,
    )  # fmt: skip
    return [
        Reported(row[0], row[1], row[2], row[3], int(row[4]), int(row[5]), int(row[6]), row[7], int(row[8]))
        for row in rows
    ]


def unknown_codes(session: Session, host_id: int) -> list[tuple[str, str]]:
    """Links that name a certification which is not there: the course and the code."""
    sql = (
        "SELECT DISTINCT e.title, e.certification FROM score_endpoint e WHERE e.host_id = ? AND e.certification <> '' AND NOT"
        " EXISTS (SELECT 1 FROM certification c WHERE c.host_id = e.host_id AND c.code = e.certification) ORDER BY 1, 2"
    )
    return [(row[0], row[1]) for row in fetch(session, sql, host_id)]


def refused_results(
    session: Session, host_id: int, *, line: int = 0, limit: int = 50, offset: int = 0
) -> tuple[int, Sequence[RefusedResult]]:
    """Refused results, oldest first, and how many there are.

    :param line: of this line only.
    """
    where = "s.host_id = ? AND s.state = 'parked'" + (" AND s.line = ?" if line else "")
    values = (host_id, line) if line else (host_id,)
    total = int(fetch(session, f"SELECT count(*) FROM score s WHERE {where}", *values)[0][0])
    rows = fetch(
        session,
        "SELECT s.line, s.person, s.cycle, p.ext, p.name, n.title, k.name, s.why, s.created FROM score s"
        " JOIN person p ON p.host_id = s.host_id AND p.id = s.person"
        " JOIN score_line n ON n.host_id = s.host_id AND n.id = s.line"
        " JOIN certification k ON k.host_id = n.host_id AND k.id = n.certification"
        f" WHERE {where} ORDER BY s.created, s.line, s.person, s.cycle LIMIT ? OFFSET ?",
        *values, limit, offset,
    )  # fmt: skip
    return total, [RefusedResult(f"{row[0]}.{row[1]}.{row[2]}", row[4] or row[3], *row[5:]) for row in rows]


def answer_results(
    session: Session, host_id: int, action: str, keys: Sequence[str] | None, *, line: int = 0, at: int, who: str
) -> int:
    """Retry or dismiss refused results; returns how many.

    *Retry* sends them anew, as of now. *Dismiss* leaves them; the next cycle is reported again.

    :param keys: as the page names them, ``line.person.cycle``; ``None`` for all. :param line: of this line only.
    :raises Invalid: for another action, or a key that is none.
    """
    if action not in (RETRY, DISMISS):
        raise Invalid(_("Choose Retry or Dismiss."))
    chosen = _keys(keys) if keys is not None else None
    sql = "SELECT line, person, cycle FROM score WHERE host_id = ? AND state = 'parked'" + (
        " AND line = ?" if line else ""
    )
    lock = for_update(session)
    rows = fetch(session, f"{sql} ORDER BY line, person, cycle{lock}", *((host_id, line) if line else (host_id,)))
    rows = [row for row in rows if chosen is None or tuple(row) in chosen]
    if rows:
        names = ("line", "person", "cycle")
        found = {"host_id": host_id, **{name: [row[n] for row in rows] for n, name in enumerate(names)}}
        again = {
            "state": "owed",
            "at": at,
            "created": at,
            "attempts": 0,
            "next_at": 0,
            "why": "",
            "correlation": correlation(),
        }
        update_rows(session, Score, found, again if action == RETRY else {"state": "dismissed"})
        if action == RETRY:
            lines = sorted({row[0] for row in rows})
            update_rows(session, ScoreLine, {"host_id": host_id, "id": lines}, {"next_at": 0, "attempts": 0, "why": ""})
        record(session, host_id, at, who, f"results_{action}", data={"count": len(rows)})
    return len(rows)


def _keys(keys: Sequence[str]) -> set[tuple[int, ...]]:
    found = [_KEY.fullmatch(key) for key in keys]
    if not found or not all(found):
        raise Invalid(_("Choose at least one of them."))
    return {tuple(int(part) for part in one.groups()) for one in found if one}
