"""Which owed seats go next: fair between certifications, and a small urgent change never waits behind a million.

What is wanted at one instant in one course is a *line*: a save of one certification, a read of the host. Every batch takes
an equal share from each of the oldest and the newest lines, so that whatever came last goes out with the next call, and
whatever waits longest goes on; what one line does not need, the others get. Repeats are a line of their own.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch
from plugin.core.database.dialect import for_update
from plugin.delivery.tables import OURS, WANTS
from plugin.mirror.tables import SUSPENDED

ENDS = 8
"""Lines looked at from either end; with more, those between wait until one of these is through."""

_WAITS = "s.host_id = ? AND s.owed AND s.call = '' AND s.parked IS NULL"
_SEATS = (
    "SELECT s.course, s.person, s.wanted, s.generation, c.ext, p.ext, s.origin, s.correlation FROM seat s"
    f" CROSS JOIN person p CROSS JOIN course c WHERE p.host_id = s.host_id AND p.id = s.person AND p.state <> {SUSPENDED}"
    f" AND c.host_id = s.host_id AND c.id = s.course AND {_WAITS}"
)
"""SQLite keeps the order of a CROSS JOIN: left to itself it walks through the people to find a few seats."""


@dataclass(frozen=True, slots=True)
class OwedSeat:
    """A seat to be sent: ids ours and the host's."""

    course: int
    person: int
    wanted: int
    generation: int
    course_ext: str
    person_ext: str
    origin: int
    correlation: str

    def item(self) -> dict[str, Any]:
        """As ``seats.changed`` carries it; ``ours`` is for dialects that must look before their first write."""
        return {
            "seat": f"{self.course}.{self.person}",
            "generation": self.generation,
            "person": self.person_ext,
            "course": self.course_ext,
            "want": WANTS[self.wanted],
            "ours": self.origin == OURS,
        }


@dataclass
class _OwedCourse:
    """Seats wanted at one instant in one course; ``changed`` is ``None`` for the repeats.

    :ivar after: the last person taken. :ivar more: whether the line may have more than was taken.
    """

    changed: int | None
    course: int
    after: int = -1
    more: bool = True


def owed_seats(session: Session, host_id: int, now: int, limit: int) -> list[OwedSeat]:
    """Seats owed and not in a call, of people who are not suspended at the host; locked.

    Several workers each take other ones.
    """
    lines = _lines(session, host_id, now)
    taken: list[OwedSeat] = []
    for number, line in enumerate(lines):
        taken += _take(session, host_id, now, line, -(-(limit - len(taken)) // (len(lines) - number)))
    for line in lines:
        if len(taken) < limit and line.more and line.changed is not None:
            taken += _take(session, host_id, now, line, limit - len(taken))
    return taken


def _take(session: Session, host_id: int, now: int, line: _OwedCourse, limit: int) -> list[OwedSeat]:
    lock = for_update(session, of="s", skip_locked=True)
    if limit <= 0:
        return []
    if line.changed is None:
        sql = f"{_SEATS} AND s.next_at > 0 AND s.next_at <= ? ORDER BY s.next_at, s.changed, s.course LIMIT ?{lock}"
        rows = fetch(session, sql, host_id, now, limit)
    else:
        sql = (
            f"{_SEATS} AND s.next_at = 0 AND s.changed = ? AND s.course = ? AND s.person > ?"
            f" ORDER BY s.next_at, s.changed, s.course, s.person LIMIT ?{lock}"
        )
        rows = fetch(session, sql, host_id, line.changed, line.course, line.after, limit)
    line.more = len(rows) == limit
    line.after = rows[-1][1] if rows else line.after
    return [OwedSeat(*row) for row in rows]


def _lines(session: Session, host_id: int, now: int) -> list[_OwedCourse]:
    """The repeats, if any are due, the newest lines and the oldest ones."""
    found: list[_OwedCourse] = []
    if fetch(
        session, f"SELECT 1 FROM seat s WHERE {_WAITS} AND s.next_at > 0 AND s.next_at <= ? LIMIT 1", host_id, now
    ):
        found.append(_OwedCourse(None, 0))
    old = _ends(session, host_id, ">", "")
    new = _ends(session, host_id, "<", " DESC") if len(old) == ENDS else []
    keys = dict.fromkeys([*new, *reversed(old)])
    return found + [_OwedCourse(changed, course) for changed, course in keys]


def _ends(session: Session, host_id: int, beyond: str, order: str) -> list[tuple[int, int]]:
    """(changed, course) from one end, each a look or two into the index: never past a line seat by seat."""
    found: list[tuple[int, int]] = []
    sql = f"SELECT s.changed, s.course FROM seat s WHERE {_WAITS} AND s.next_at = 0"
    last = f" ORDER BY s.next_at{order}, s.changed{order}, s.course{order} LIMIT 1"
    rows = fetch(session, sql + last, host_id)
    while rows and len(found) < ENDS:
        changed, course = rows[0]
        found.append((changed, course))
        rows = fetch(session, f"{sql} AND s.changed = ? AND s.course {beyond} ?{last}", host_id, changed, course)
        rows = rows or fetch(session, f"{sql} AND s.changed {beyond} ?{last}", host_id, changed)
    return found
