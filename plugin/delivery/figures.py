"""What the delivery page and the gauges show: owed, oldest, rate, end, parked; of a host and of its certifications."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch
from plugin.core.network import outcome_counts
from plugin.delivery.tables import FOUND
from plugin.mirror.tables import SUSPENDED

RATE_OVER = 10 * 60
"""Seconds over which the rate is measured."""
GOOD = ("seats.done", "seats.same", "seats.found")

_WAITS = "s.owed AND s.parked IS NULL"
_PARKED = "s.parked IS NOT NULL AND s.dismissed <> s.generation"


@dataclass(frozen=True)
class Figures:
    """How delivery to one host stands.

    :ivar owed: seats that wait or are on their way. :ivar frozen: of these, seats of people suspended at the host, of
        which nothing is sent. :ivar oldest: since when the oldest of the others is wanted; 0 without.
    :ivar rate: seats confirmed a minute lately. :ivar ends: seconds until all is sent at that rate; ``None`` where unknown.
    :ivar failures: by reason, in the last day.
    """

    owed: int
    frozen: int
    oldest: int
    in_calls: int
    parked: int
    found: int
    rate: float
    ends: int | None
    failures: dict[str, int]


@dataclass(frozen=True)
class CertificationPlaces:
    """How the courses of one certification stand; a seat that two of them share counts in both."""

    id: int
    name: str
    owed: int
    oldest: int
    parked: int
    found: int


def figures(session: Session, host_id: int, now: int, *, found: bool = True) -> Figures:
    """A host's figures at an instant.

    :param found: count the seats found too, which looks at every seat.
    """
    owed, oldest, in_calls, frozen = fetch(
        session,
        f"SELECT count(*), min(CASE WHEN p.state <> {SUSPENDED} THEN s.changed END),"
        " sum(CASE WHEN s.call <> '' THEN 1 ELSE 0 END),"
        f" sum(CASE WHEN p.state = {SUSPENDED} THEN 1 ELSE 0 END) FROM seat s LEFT JOIN person p ON p.host_id = s.host_id AND"
        f" p.id = s.person WHERE s.host_id = ? AND {_WAITS}",
        host_id,
    )[0]
    parked = parked_count(session, host_id)
    stood = f"SELECT count(*) FROM seat s WHERE s.host_id = ? AND s.origin = {FOUND}"
    lately = outcome_counts.counted(session, host_id, now - RATE_OVER, now)
    rate = sum(lately.get(word, 0) for word in GOOD) / (RATE_OVER / 60)
    waiting = int(owed) - int(frozen or 0)
    day = outcome_counts.counted(session, host_id, now - 24 * 3600, now)
    return Figures(
        int(owed), int(frozen or 0), int(oldest or 0), int(in_calls or 0), parked,
        int(fetch(session, stood, host_id)[0][0]) if found else 0, rate,
        max(1, int(waiting / rate * 60)) if rate and waiting else (0 if not waiting else None),
        {word: number for word, number in day.items()
         if not word.endswith((".done", ".same", ".found")) and not word.startswith("events.")},
    )  # fmt: skip


def parked_count(session: Session, host_id: int) -> int:
    """Course places that the host refused and nobody has dismissed."""
    return int(fetch(session, f"SELECT count(*) FROM seat s WHERE s.host_id = ? AND {_PARKED}", host_id)[0][0])


def by_certification(session: Session, host_id: int) -> list[CertificationPlaces]:
    """Certifications with something owed, parked or found, those that owe most first."""
    rows = fetch(
        session,
        "SELECT k.id, k.name, sum(t.owed) AS owed, min(t.oldest), sum(t.parked), sum(t.found) FROM certification k"
        " JOIN (SELECT DISTINCT host_id, certification, course FROM course_set) c"
        "  ON c.host_id = k.host_id AND c.certification = k.id"
        f" JOIN (SELECT s.course, sum(CASE WHEN {_WAITS} THEN 1 ELSE 0 END) AS owed,"
        f"  min(CASE WHEN {_WAITS} THEN s.changed END) AS oldest, sum(CASE WHEN {_PARKED} THEN 1 ELSE 0 END) AS parked,"
        f"  sum(CASE WHEN s.origin = {FOUND} THEN 1 ELSE 0 END) AS found FROM seat s WHERE s.host_id = ?"
        "  GROUP BY s.course) t ON t.course = c.course"
        " WHERE k.host_id = ? GROUP BY k.id, k.name"
        " HAVING sum(t.owed) + sum(t.parked) + sum(t.found) > 0 ORDER BY owed DESC, k.name",
        host_id, host_id,
    )  # fmt: skip
    return [
        CertificationPlaces(row[0], row[1], int(row[2]), int(row[3] or 0), int(row[4]), int(row[5])) for row in rows
    ]


@dataclass(frozen=True)
class RefusalReason:
    """What the host said of parked seats, and of how many."""

    why: str
    count: int


@dataclass(frozen=True)
class Parked:
    """A parked seat with the names and ids Muster knows."""

    key: str
    person: str
    name: str
    course: str
    course_name: str
    wanted: int
    why: str
    changed: int


def reasons(session: Session, host_id: int) -> list[RefusalReason]:
    """The host's own words, the commonest first."""
    sql = f"SELECT s.parked, count(*) AS n FROM seat s WHERE s.host_id = ? AND {_PARKED} GROUP BY s.parked ORDER BY n DESC, 1"
    return [RefusalReason(row[0], int(row[1])) for row in fetch(session, sql, host_id)]


PARKED_BY = {"name": "p.name", "course": "c.name", "why": "s.parked", "changed": "s.changed"}
"""What parked seats may be ordered by."""


def parked(
    session: Session, host_id: int, *, why: str = "", limit: int = 50, offset: int = 0, order: str = ""
) -> tuple[int, Sequence[Parked]]:
    """Parked seats, oldest first, and how many there are.

    :param why: only those of which the host said this. :param order: of :data:`PARKED_BY`, with ``-`` in front the other
        way round.
    """
    column = PARKED_BY.get(order.removeprefix("-"), "s.changed")
    by = f"{column} DESC" if order.startswith("-") else column
    where, values = (
        f"s.host_id = ? AND {_PARKED}" + (" AND s.parked = ?" if why else ""),
        (host_id, why) if why else (host_id,),
    )
    total = int(fetch(session, f"SELECT count(*) FROM seat s WHERE {where}", *values)[0][0])
    rows = fetch(
        session,
        "SELECT s.course, s.person, p.ext, p.name, c.ext, c.name, s.wanted, s.parked, s.changed FROM seat s"
        " JOIN person p ON p.host_id = s.host_id AND p.id = s.person JOIN course c ON c.host_id = s.host_id AND c.id = s.course"
        f" WHERE {where} ORDER BY {by}, s.changed, s.course, s.person LIMIT ? OFFSET ?",
        *values, limit, offset,
    )  # fmt: skip
    return total, [
        Parked(f"{row[0]}.{row[1]}", row[2], row[3] or row[2], row[4], row[5] or row[4], *row[6:]) for row in rows
    ]


def messages_by_state(session: Session, host_id: int) -> dict[str, int]:
    """How many messages stand in each state in which something is still to happen."""
    sql = (
        "SELECT state, count(*) FROM message WHERE host_id = ? AND state IN"
        " ('waiting', 'owed', 'sending', 'maybe', 'parked', 'bounced', 'held') GROUP BY state ORDER BY state"
    )
    return {row[0]: int(row[1]) for row in fetch(session, sql, host_id)}
