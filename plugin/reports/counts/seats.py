"""How many rows ``courses`` has: learners who stand so, times the courses of their paths; by seat, where seats are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pyroaring import BitMap

from plugin.core.database.columns import read_columns
from plugin.core.database.slices import slices
from plugin.delivery.tables import CONFIRMED, WANTS
from plugin.enrolment.codes import CERTIFIED, WINDOW_OPEN, WITHDRAWN
from plugin.population.columns import bitmap
from plugin.reports.asking.reader import Asker
from plugin.reports.counts.kept import Class, KeptCounts

SEAT_WORDS: Mapping[str, tuple[str, ...]] = {"want": WANTS, "confirmed": CONFIRMED}
"""Filters that a seat answers, and their values, each at its code."""
_COLUMNS = {"want": "s.wanted", "confirmed": "s.confirmed"}
_TOGETHER = 50
"""Courses whose seats are read together."""


def courses_counted(
    asker: Asker, kept: Mapping[int, KeptCounts], people: BitMap | None, seats: Mapping[str, Sequence[str]]
) -> int:
    """The rows of these certifications, of these people; with ``seats`` those alone whose seat is so.

    Who has no seat is *out*, confirmed as *none*.
    """
    paths = _paths(asker)
    found, claims = 0, dict[int, list[BitMap]]()
    for number, one in kept.items():
        for how, some in one.classes.items():
            courses = paths.get((number, _path(how)), ()) if how[0] > WITHDRAWN else ()
            if courses and not seats:
                found += len(courses) * (len(some) if people is None else some.intersection_cardinality(people))
            elif courses:
                hers = some if people is None else some & people
                for course in courses:
                    claims.setdefault(course, []).append(hers)
    return found + (_so(asker, claims, seats) if claims else 0)


def _so(asker: Asker, claims: Mapping[int, list[BitMap]], seats: Mapping[str, Sequence[str]]) -> int:
    codes = {name: [SEAT_WORDS[name].index(value) for value in values] for name, values in seats.items()}
    condition = " AND ".join(f"{_COLUMNS[name]} IN ({', '.join(map(str, some))})" for name, some in codes.items())
    bare = all(0 in some for some in codes.values())  # nobody's seat is so too: then the others are counted
    where = f"NOT ({condition})" if bare else f"({condition})"
    found = sum(len(one) for learners in claims.values() for one in learners) if bare else 0
    for some in slices(sorted(claims), _TOGETHER):
        listed = ", ".join(map(str, some))
        names = ["CAST(s.course AS BIGINT) * 4294967296 + s.person"]
        condition = f"s.host_id = ? AND s.course IN ({listed}) AND {where}"
        [both] = read_columns(asker.session, "seat s", names, condition, asker.host_id)
        course, person = both >> 32, both & (2**32 - 1)
        order = course.argsort(kind="stable")
        course, person = course[order], person[order]
        for number in some:
            low, high = np.searchsorted(course, [number, number + 1])
            such = bitmap(person[low:high])
            found += (-1 if bare else 1) * sum(one.intersection_cardinality(such) for one in claims[number])
    return found


def _path(how: Class) -> str:
    return "recertification" if how[0] in (CERTIFIED, WINDOW_OPEN) else "certification"


def _paths(asker: Asker) -> dict[tuple[int, str], list[int]]:
    """The courses of each path that the host has told of."""
    sql = (
        "SELECT DISTINCT s.certification, s.path, s.course FROM course_set s JOIN course k"
        " ON k.host_id = s.host_id AND k.id = s.course WHERE s.host_id = ?"
    )
    found: dict[tuple[int, str], list[int]] = {}
    for certification, path, course in asker.rows(sql, asker.host_id):
        found.setdefault((certification, path), []).append(course)
    return found
