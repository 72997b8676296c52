"""How many rows a question has, counted by the sets that the process keeps, where its filters ask for nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pyroaring import BitMap

from plugin.enrolment.codes import CERTIFIED, HOLDS, INACTIVE_HOLDS, STATES, WINDOW_OPEN, WITHDRAWN
from plugin.reports.asking.question import Question
from plugin.reports.asking.reader import Asker
from plugin.reports.asking.sets import KINDS, certifications
from plugin.reports.counts.kept import Class, standing
from plugin.reports.sources import whys

_OF_STANDING: Mapping[str, Callable[[Class, str], bool]] = {
    "state": lambda one, value: STATES[one[0]] == value,
    "active": lambda one, value: (one[0] > WITHDRAWN and one[1] not in INACTIVE_HOLDS) == (value == "true"),
    "held": lambda one, value: one[0] > WITHDRAWN and HOLDS[one[1]] == value,
}
"""Filters that a state and a hold answer."""
_OF_PEOPLE = (*KINDS, "search")


def total(asker: Asker, question: Question, people: BitMap | None) -> int | None:
    """How many rows a question about learners or courses has; ``None`` where the sets do not tell.

    :param people: who is asked about, by filters and rights together; ``None``: everybody.
    """
    if question.source not in ("learners", "courses", "membership") or asker.as_of is not None:
        return None
    if question.source == "membership" and (
        people is not None or any(name != "certification" for name, _v in question.filters)
    ):
        return None
    asked: dict[str, list[str]] = {}
    for name, value in question.filters:
        asked.setdefault(name, []).append(value)
    if set(asked) - {"certification", *(_OF_STANDING if question.source == "learners" else ()), *_OF_PEOPLE}:
        return None
    known = certifications(asker)
    codes = asked.pop("certification", list(known))
    tests = [(_OF_STANDING[name], values) for name, values in asked.items() if name in _OF_STANDING]
    if question.source == "membership":
        sizes = {why: len(members) for why, members in whys.sets(asker).items()}
        kept = standing(asker, {known[code] for code in codes}).values()
        return sum(count * sizes.get(why, 0) for one in kept for why, count in one.whys.items())
    times = _courses(asker) if question.source == "courses" else None
    found = 0
    for number, one in standing(asker, {known[code] for code in codes}).items():
        for how, some in one.classes.items():
            if all(any(test(how, value) for value in values) for test, values in tests):
                each = 1 if times is None else 0 if how[0] <= WITHDRAWN else times.get((number, _path(how)), 0)
                if each:
                    found += each * (len(some) if people is None else some.intersection_cardinality(people))
    return found


def _path(how: Class) -> str:
    return "recertification" if how[0] in (CERTIFIED, WINDOW_OPEN) else "certification"


def _courses(asker: Asker) -> dict[tuple[int, str], int]:
    """How many courses each path has that the host has told of."""
    sql = (
        "SELECT s.certification, s.path, count(DISTINCT s.course) FROM course_set s JOIN course k"
        " ON k.host_id = s.host_id AND k.id = s.course WHERE s.host_id = ? GROUP BY s.certification, s.path"
    )
    return {(row[0], row[1]): row[2] for row in asker.rows(sql, asker.host_id)}
