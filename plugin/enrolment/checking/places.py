"""Seats that are not what all enrolments together say (design point 5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.tables import Certification
from plugin.core.database.columns import Ints, read_columns
from plugin.delivery.seats.wanted_seats import is_owed
from plugin.delivery.tables import IN, KEEP, UNKNOWN, Seat
from plugin.enrolment.facts import read_facts
from plugin.enrolment.rules.lifecycle import completions_of, course_ids
from plugin.enrolment.settling.seat_claims import claims_of
from plugin.enrolment.terms import terms_of
from plugin.population.columns import bitmap, ids_of

_COLUMNS = (
    "person", "wanted", "confirmed", "origin", "CASE WHEN owed THEN 1 ELSE 0 END", "leave",
    "CASE WHEN call = '' THEN 0 ELSE 1 END",
)  # fmt: skip


@dataclass(frozen=True)
class OfCourse:
    """One course: who claims a seat in it, and whose seat is wrong.

    :ivar missing: claimed and not there. :ivar wanting: they want something else than the enrolments say.
    :ivar owing: they are owed and should not be, or the other way round.
    """

    course: int
    certifications: tuple[int, ...]
    missing: BitMap
    wanting: BitMap
    owing: BitMap


def claimed(session: Session, host_id: int, as_of: int) -> tuple[dict[int, BitMap], dict[int, list[int]]]:
    """By course (ours), who claims a seat in it; and the certifications that have it on a path."""
    claims: dict[int, BitMap] = {}
    having: dict[int, list[int]] = {}
    listed = select(Certification.id).where(Certification.host_id == host_id).order_by(Certification.id)
    for number in session.scalars(listed).all():
        terms = terms_of(session, host_id, number)
        ids = course_ids(session, host_id, terms.courses)
        for course in ids.values():
            having.setdefault(course, []).append(number)
        facts = read_facts(session, host_id, number, None)
        done = completions_of(session, terms, facts.person)
        for name, people in claims_of(session, terms, facts, done, as_of).items():
            claims[ids[name]] = claims.get(ids[name], BitMap()) | people
    return claims, having


def of_courses(session: Session, host_id: int, as_of: int) -> Iterator[OfCourse]:
    """Every course with a seat that is wrong."""
    claims, having = claimed(session, host_id, as_of)
    seats = select(Seat.course).where(Seat.host_id == host_id).distinct()
    for course in sorted({*session.scalars(seats), *claims}):
        found = _look(session, host_id, course, claims.get(course, BitMap()), tuple(having.get(course, ())))
        if found.missing or found.wanting or found.owing:
            yield found


def _look(session: Session, host_id: int, course: int, claims: BitMap, having: tuple[int, ...]) -> OfCourse:
    where = "host_id = ? AND course = ?"
    person, wanted, confirmed, origin, owed, leave, called = read_columns(
        session, "seat", _COLUMNS, where, host_id, course
    )
    held = np.isin(person, ids_of(claims))
    # A seat nobody claims may stay wanted only where the policy keeps it.
    wanting = (held & (wanted != IN)) | (~held & (wanted == IN) & (leave != KEEP))
    free = (called == 0) & (confirmed != UNKNOWN)
    owing = free & (_owed(wanted, confirmed, origin) != (owed != 0))
    return OfCourse(course, having, claims - bitmap(person), bitmap(person[wanting]), bitmap(person[owing]))


def _owed(wanted: Ints, confirmed: Ints, origin: Ints) -> np.ndarray:
    triples = np.stack([wanted, confirmed, origin])
    kinds, which = np.unique(triples, axis=1, return_inverse=True)
    return np.array([is_owed(*one) for one in kinds.T.tolist()], bool)[which.reshape(-1)]
