"""The lists of the user's own document, and how a journey follows one: every number once at least, in its order.

The numbers of "Adding groups" and of the introduction are its sentences, because the document numbers none there.
Slips of the document are decided in the rules: "by position" 2 selects Position, and removing warns for groups too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

LISTS = {
    "Assign learners to a certification": 4,
    "Adding learners by organisation": 10,
    "Adding learners by position": 10,
    "Adding learners by audience": 8,
    "Adding learners by management hierarchy": 9,
    "Adding individual learners": 8,
    "Adding groups (self-enrolment)": 6,
    "Adding assignments": 2,
    "Removing assignments": 2,
    "These warnings will apply to all assignment types": 5,
}
"""Heading of a list, and how many steps it has."""


class Walk:
    """One list, followed. ``with Walk(heading) as walk:`` fails at its end when a number was left out.

    :raises KeyError: for a heading the document does not have.
    """

    def __init__(self, heading: str) -> None:
        self.heading, self.count = heading, LISTS[heading]
        self.seen: set[int] = set()

    @contextmanager
    def step(self, number: int, words: str) -> Iterator[None]:
        """A step: printed, and named by a failure."""
        assert 1 <= number <= self.count, f"{self.heading} has no step {number}."
        name = f"{self.heading} {number}: {words}"
        print(name)
        try:
            yield
        except BaseException as failure:
            failure.add_note(f"At: {name}")
            raise
        self.seen.add(number)

    def __enter__(self) -> Walk:
        return self

    def __exit__(self, kind: object, _value: object, _trace: object) -> None:
        missing = sorted(set(range(1, self.count + 1)) - self.seen)
        if kind is None:
            assert not missing, f"{self.heading}: steps {missing} were not followed."
