"""The wanting side of seats: what we want is written here, in the transaction that decided it (design point 5)."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch, insert_rows, numbers, only, update_rows
from plugin.core.database.columns import Ints
from plugin.core.database.dialect import is_sqlite
from plugin.core.logs import correlation
from plugin.delivery.tables import FOUND, IN, KEEP, NO_POLICY, NOBODYS, OUT, REMOVE, SUSPEND, SUSPENDED, Seat
from plugin.population.columns import ids_of

_AFTER = {REMOVE: OUT, SUSPEND: SUSPENDED, KEEP: IN}
"""What is wanted when the last claim went, by the gentlest policy (rules 6.2)."""
_FEW = 100
"""People of a course, up to which their seats are looked up one by one together with those of other courses."""
_COLUMNS = ("course", "person", "wanted", "confirmed", "leave", "origin", "generation")


@dataclass
class LockedSeats:
    """Locked seats as they stand, in (course, person) order."""

    course: Ints
    person: Ints
    wanted: Ints
    confirmed: Ints
    leave: Ints
    origin: Ints
    generation: Ints

    def of(self, course: int) -> BitMap:
        """Who has a seat in a course."""
        return BitMap(self.person[self.course == course].astype(np.uint32))

    def held_by(self, claims: Mapping[int, BitMap]) -> np.ndarray:
        """Which of them are claimed.

        :param claims: learners by course.
        """
        held = np.zeros(len(self.course), bool)
        for course, people in claims.items():
            here = np.flatnonzero(self.course == course)
            held[here] = np.isin(self.person[here], ids_of(people))
        return held


def take_seats(
    session: Session, host_id: int, claims: Mapping[int, BitMap], concerned: Mapping[int, Ints], at: int
) -> tuple[LockedSeats, int]:
    """Insert the seats that are claimed and absent, as wanted, and lock the others of whom it concerns.

    :param claims: learners by course. :param concerned: by course, the sorted ids of whose seats to lock.

    A claim is the strongest wish there is, so a new seat needs nobody else's. Both in (course, person) order, so that
    two settles never wait for each other in a circle. Returns the seats that were there, and how many are new.
    """
    while True:
        present = _lock(session, host_id, concerned)
        course, person = _absent(present, claims)
        fresh = {
            "host_id": host_id, "course": course, "person": person, "wanted": IN, "confirmed": OUT,
            "owed": is_owed(IN, OUT, NOBODYS), "generation": 1, "changed": at, "correlation": correlation(),
        }  # fmt: skip
        if insert_rows(session, Seat, fresh, skip_present=True):
            return present, len(person)
        # Another settle was faster with some of them: they are there now.


def _absent(present: LockedSeats, claims: Mapping[int, BitMap]) -> tuple[Ints, Ints]:
    courses, people = [], []
    for course in sorted(claims):
        missing = ids_of(claims[course] - present.of(course))
        courses.append(np.full(len(missing), course))
        people.append(missing)
    nothing = np.zeros(0, np.int64)
    return np.concatenate([nothing, *courses]), np.concatenate([nothing, *people])


def _lock(session: Session, host_id: int, concerned: Mapping[int, Ints]) -> LockedSeats:
    rows: list[tuple[int, ...]] = []
    few: dict[int, Ints] = {}
    for course in sorted(concerned):
        if len(concerned[course]) <= _FEW:
            few[course] = concerned[course]
            continue
        rows += _lock_pairs(session, host_id, few)  # those of smaller numbers first
        few = {}
        rows += _lock_course(session, host_id, course, concerned[course])
    rows += _lock_pairs(session, host_id, few)
    return LockedSeats(*np.array(rows, dtype=np.int64).reshape(-1, len(_COLUMNS)).T)


def _lock_course(session: Session, host_id: int, course: int, people: Ints) -> list[tuple[int, ...]]:
    sql = f"SELECT {', '.join(_COLUMNS)} FROM seat WHERE host_id = ? AND course = ? AND "
    order = " ORDER BY course, person"
    if not is_sqlite(session):
        ids = numbers(people.tolist())
        return fetch(session, f"{sql}person = ANY(?::int[]){order} FOR UPDATE", host_id, course, ids)
    wanted = set(people.tolist())
    return [row for row in fetch(session, sql + only("person", people) + order, host_id, course) if row[1] in wanted]


def _lock_pairs(session: Session, host_id: int, concerned: Mapping[int, Ints]) -> list[tuple[int, ...]]:
    """Those of many courses with a few people each, looked up pair by pair in one statement."""
    if not concerned:
        return []
    people = np.concatenate(list(concerned.values()))
    courses = np.repeat(list(concerned), [len(theirs) for theirs in concerned.values()])
    names = ", ".join(_COLUMNS)
    if not is_sqlite(session):
        sql = (
            f"SELECT {', '.join(f'found.{name}' for name in _COLUMNS)} FROM unnest(?::int[], ?::int[]) AS asked(c, p)"
            f" CROSS JOIN LATERAL (SELECT {names} FROM seat WHERE host_id = ? AND course = asked.c AND person = asked.p"
            " LIMIT 1 FOR UPDATE) AS found"
        )
        return fetch(session, sql, numbers(courses.tolist()), numbers(people.tolist()), host_id)
    pairs = ((courses.astype(np.int64) << 32) | people).tolist()
    sql = (
        f"SELECT {names} FROM json_each(?) AS asked CROSS JOIN seat"
        " ON host_id = ? AND course = asked.value >> 32 AND person = asked.value & 4294967295"
    )
    return fetch(session, sql, json.dumps(pairs), host_id)


def want(session: Session, host_id: int, seats: LockedSeats, claimed: np.ndarray, dropped: Ints, at: int) -> int:
    """Write what follows for seats from the enrolments; each change of what is wanted raises the generation.

    :param claimed: some active enrolment opens it. :param dropped: policy of the enrolment that let go of it now.
    :returns: how many seats changed.
    """
    leave = np.maximum(seats.leave, dropped)
    # A new round forgets the policies of the last one.
    leave = np.where(claimed & (seats.wanted != IN), NO_POLICY, leave)
    wanted = np.where(claimed, IN, seats.wanted)
    for policy, left in _AFTER.items():
        wanted[~claimed & (seats.wanted == IN) & (leave == policy)] = left
    moved = wanted != seats.wanted
    changed = np.flatnonzero(moved | (leave != seats.leave))
    owed = [is_owed(*values) for values in zip(wanted[changed].tolist(), seats.confirmed[changed].tolist(),
                                               seats.origin[changed].tolist(), strict=True)]  # fmt: skip
    update_rows(
        session,
        Seat,
        {"host_id": host_id, "course": seats.course[changed], "person": seats.person[changed]},
        {
            "wanted": wanted[changed], "leave": leave[changed], "owed": [int(one) for one in owed],
            "generation": (seats.generation + moved)[changed], "changed": at, "attempts": 0, "next_at": 0,
            "parked": None, "correlation": correlation(),
        },
    )  # fmt: skip
    return len(changed)


def is_owed(wanted: int, confirmed: int, origin: int) -> bool:
    """Whether the host still has to hear of a seat. A seat found is never removed or downgraded (design point 7).

    A seat that the host never had and that nobody wants any more is owed nothing.
    """
    if origin == FOUND and wanted != IN:
        return False
    return wanted != confirmed and not (wanted == SUSPENDED and confirmed == OUT)
