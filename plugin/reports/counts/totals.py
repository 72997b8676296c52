"""How many rows a question has, counted by the sets that the process keeps, where its filters ask for nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pyroaring import BitMap

from plugin.enrolment.codes import HOLDS, INACTIVE_HOLDS, STATES, WITHDRAWN
from plugin.reports.asking.learner_sets import KINDS, certifications
from plugin.reports.asking.membership_rows import MembershipQuestion
from plugin.reports.asking.question import Question
from plugin.reports.asking.reader import Asker
from plugin.reports.counts.kept import Class, standing
from plugin.reports.counts.seats import SEAT_WORDS, courses_counted

_OF_STANDING: Mapping[str, Callable[[Class, str], bool]] = {
    "state": lambda one, value: STATES[one[0]] == value,
    "active": lambda one, value: (one[0] > WITHDRAWN and one[1] not in INACTIVE_HOLDS) == (value == "true"),
    "held": lambda one, value: one[0] > WITHDRAWN and HOLDS[one[1]] == value,
}
"""Filters that a state and a hold answer."""
_OF_PEOPLE = (*KINDS, "search")


def total(
    asker: Asker, question: Question, people: BitMap | None, members: MembershipQuestion | None = None
) -> int | None:
    """How many rows a question about learners, courses or membership has; ``None`` where the sets do not tell.

    :param people: who is asked about, by filters and rights together; ``None``: everybody.
    :param members: what a question about membership asks of assignments.
    """
    if question.source not in ("learners", "courses", "membership") or asker.as_of is not None:
        return None
    asked: dict[str, list[str]] = {}
    for name, value in question.filters:
        asked.setdefault(name, []).append(value)
    known = certifications(asker)
    codes = asked.pop("certification", list(known))
    numbers = {known[code] for code in codes}
    if question.source == "membership":
        return _of_members(asker, asked, numbers, members) if members is not None and people is None else None
    if set(asked) - {*(_OF_STANDING if question.source == "learners" else SEAT_WORDS), *_OF_PEOPLE}:
        return None
    if question.source == "courses":
        seats = {name: values for name, values in asked.items() if name in SEAT_WORDS}
        return courses_counted(asker, standing(asker, numbers), people, seats)
    tests = [(_OF_STANDING[name], values) for name, values in asked.items() if name in _OF_STANDING]
    return sum(
        len(some) if people is None else some.intersection_cardinality(people)
        for one in standing(asker, numbers).values() for how, some in one.classes.items()
        if all(any(test(how, value) for value in values) for test, values in tests)
    )  # fmt: skip


_OF_ASSIGNMENTS = ("assignment_type", "include", "assignment")


def _of_members(
    asker: Asker, asked: dict[str, list[str]], numbers: set[int], members: MembershipQuestion
) -> int | None:
    if set(asked) - {*_OF_ASSIGNMENTS, "gives_due"}:
        return None
    wanted, gives = members.wanted, {value == "true" for value in asked.get("gives_due", ("true", "false"))}
    found = 0
    for one in standing(asker, numbers).values():
        for (why, of), many in one.whys.items():
            some = wanted.get(why, frozenset())
            giving = int(of in some)
            found += many * (giving * (True in gives) + (len(some) - giving) * (False in gives))
    return found
