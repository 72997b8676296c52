"""The wanting side of seats: what we want is written here, in the transaction that decided it (DESIGN, point 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.core.bulk import among, fetch, insert_rows, numbers, update_rows
from plugin.core.logs import correlation
from plugin.delivery.tables import FOUND, IN, KEEP, NO_POLICY, NOBODYS, OUT, REMOVE, SUSPEND, SUSPENDED, Seat
from plugin.population.columns import Ints

_AFTER = {REMOVE: OUT, SUSPEND: SUSPENDED, KEEP: IN}
"""What is wanted when the last claim went, by the gentlest policy (DOMAIN 6.2)."""
_COLUMNS = ("course", "person", "wanted", "confirmed", "leave", "origin", "generation")


@dataclass
class Seats:
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
            held[here] = np.isin(self.person[here], np.array(people, dtype=np.int64))
        return held


def take_seats(
    session: Session, host_id: int, claims: Mapping[int, BitMap], concerned: Mapping[int, Ints], at: int
) -> tuple[Seats, int]:
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


def _absent(present: Seats, claims: Mapping[int, BitMap]) -> tuple[Ints, Ints]:
    courses, people = [], []
    for course in sorted(claims):
        missing = np.array(claims[course] - present.of(course), dtype=np.int64)
        courses.append(np.full(len(missing), course))
        people.append(missing)
    nothing = np.zeros(0, np.int64)
    return np.concatenate([nothing, *courses]), np.concatenate([nothing, *people])


def _lock(session: Session, host_id: int, concerned: Mapping[int, Ints]) -> Seats:
    sqlite = session.get_bind().dialect.name == "sqlite"
    courses, people = np.array(sorted(concerned)), np.unique(np.concatenate(list(concerned.values())))
    sql = f"SELECT {', '.join(_COLUMNS)} FROM seat WHERE host_id = ? AND {among('course', courses)} AND "
    order = " ORDER BY course, person"
    if sqlite:
        rows = fetch(session, sql + among("person", people) + order, host_id)
    else:
        rows = fetch(session, f"{sql}person = ANY(?::int[]){order} FOR UPDATE", host_id, numbers(people.tolist()))
    found = np.array(rows, dtype=np.int64).reshape(-1, len(_COLUMNS))
    asked = np.zeros(len(found), bool)
    for course, theirs in concerned.items():
        here = np.flatnonzero(found[:, 0] == course)
        asked[here] = np.isin(found[here, 1], theirs)
    return Seats(*found[asked].T)


def want(session: Session, host_id: int, seats: Seats, claimed: np.ndarray, dropped: Ints, at: int) -> int:
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
    """Whether the host still has to hear of a seat. A seat found is never removed or downgraded (DESIGN, point 7).

    A seat that the host never had and that nobody wants any more is owed nothing.
    """
    if origin == FOUND and wanted != IN:
        return False
    return wanted != confirmed and not (wanted == SUSPENDED and confirmed == OUT)
