"""The stored facts S of some people in one certification, as arrays: what ``step`` decides from and what it returns."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from plugin.core.database.bulk import NULL, NULL_SQL, among, fetch, numbers, only
from plugin.core.database.dialect import is_sqlite
from plugin.enrolment.codes import INACTIVE_HOLDS, WITHDRAWN
from plugin.enrolment.reading.stacking import cut
from plugin.population.columns import one_of

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
NEVER = -1
"""``state`` of somebody who has no row."""
NONE = NULL
"""NULL in the arrays of instants and of the assignment that gave a date."""
_FEW = 4

COLUMNS = (
    "state", "hold", "spell", "began", "ended", "due", "due_from", "baseline_due", "why", "frozen_since", "leaves_on",
    "quiet", "cycle", "certified_at", "expires", "window_opens", "baseline", "wakes",
)  # fmt: skip


@dataclass
class Facts:
    """One array an attribute, one position a person; ``person`` is sorted. Names as in the enrolment table."""

    person: Ints
    state: Ints
    hold: Ints
    spell: Ints
    began: Ints
    ended: Ints
    due: Ints
    due_from: Ints
    baseline_due: Ints
    why: Ints
    frozen_since: Ints
    leaves_on: Ints
    quiet: Ints
    cycle: Ints
    certified_at: Ints
    expires: Ints
    window_opens: Ints
    baseline: Ints
    wakes: Ints

    @property
    def live(self) -> Mask:
        """A spell is under way, active or not."""
        return self.state > WITHDRAWN

    @property
    def active(self) -> Mask:
        """Enrolled, and not held back (AS-CODE ``active``)."""
        return self.live & ~one_of(self.hold, INACTIVE_HOLDS)

    def copy(self) -> Facts:
        """Arrays of one's own to change."""
        return replace(self, **{field.name: getattr(self, field.name).copy() for field in fields(self)})

    def differs(self, other: Facts) -> Mask:
        """Where any attribute is not the same."""
        changed = np.zeros(len(self.person), bool)
        for name in COLUMNS:
            changed |= getattr(self, name) != getattr(other, name)
        return changed

    def take(self, where: Mask) -> Facts:
        """Only some positions; the same facts where that is all of them."""
        if where.all():
            return self
        return replace(self, **{field.name: getattr(self, field.name)[where] for field in fields(self)})


def nobody(people: Ints) -> Facts:
    """Facts of people without a row."""
    n = len(people)
    zeros = {name: np.zeros(n, np.int64) for name in ("hold", "spell", "began", "why", "quiet", "cycle")}
    empty = {name: np.full(n, NONE) for name in COLUMNS if name not in zeros and name != "state"}
    return Facts(person=people, state=np.full(n, NEVER), **zeros, **empty)


def read_facts(session: Session, host_id: int, certification: int, people: Ints | None) -> Facts:
    """The rows of these people (or of everybody who has one) in a certification.

    :param people: sorted ids; everyone named gets a position, with a row or without.
    """
    if people is not None and not len(people):
        return nobody(people)
    sql = f"SELECT person, {_SELECTED} FROM enrolment WHERE host_id = ? AND certification = ?"
    if people is not None:
        sql += f" AND {only('person', people)}"
    return arranged(fetch(session, sql, host_id, certification), people)


def read_rows(session: Session, host_id: int, certifications: Sequence[int], people: Ints) -> np.ndarray:
    """Rows of these people in some certifications, a column each: certification, person, then ``COLUMNS``."""
    sql = f"SELECT certification, person, {_SELECTED} FROM enrolment WHERE host_id = ? AND {among('person', people)}"
    if len(certifications) <= _FEW:  # with more, a person's rows are mostly of them
        sql += f" AND {among('certification', np.array(certifications))}"
    return np.array(fetch(session, sql, host_id), np.int64).reshape(-1, len(COLUMNS) + 2)


def read_pairs(session: Session, host_id: int, asked: Sequence[tuple[int, Ints]]) -> np.ndarray:
    """The rows of each certification's own people, a column each as :func:`read_rows` has them."""
    people = np.concatenate([theirs for _number, theirs in asked])
    certifications = np.repeat([number for number, _theirs in asked], [len(theirs) for _number, theirs in asked])
    if is_sqlite(session):
        pairs = ((certifications.astype(np.int64) << _BITS) | people).tolist()
        sql = (
            f"SELECT certification, person, {_SELECTED} FROM json_each(?) AS asked CROSS JOIN enrolment ON host_id = ?"
            f" AND certification = asked.value >> {_BITS} AND person = asked.value & {2**_BITS - 1}"
        )
        rows = fetch(session, sql, json.dumps(pairs), host_id)
    else:
        sql = (
            "SELECT found.* FROM unnest(?::int[], ?::int[]) AS asked(c, p) CROSS JOIN LATERAL"
            f" (SELECT certification, person, {_SELECTED} FROM enrolment"
            "   WHERE host_id = ? AND certification = asked.c AND person = asked.p LIMIT 1) AS found"
        )
        rows = fetch(session, sql, numbers(certifications.tolist()), numbers(people.tolist()), host_id, binary=True)
    return np.array(rows, np.int64).reshape(-1, len(COLUMNS) + 2)


_SURE = ("state", "hold", "spell", "began", "why", "cycle")
_SELECTED = ", ".join(
    name
    if name in _SURE
    else f"CASE WHEN {name} THEN 1 ELSE 0 END"
    if name == "quiet"
    else f"coalesce({name}, {NULL_SQL})"
    for name in COLUMNS
)


def arranged(rows: list[tuple[int, ...]], people: Ints | None) -> Facts:
    """Facts of rows (person, then the columns); everyone named gets a position."""
    if not rows:
        return nobody(people if people is not None else np.zeros(0, np.int64))
    found = np.array(rows, dtype=np.int64)
    found = found[np.argsort(found[:, 0], kind="stable")]
    facts = nobody(found[:, 0].copy() if people is None else people)
    where: Ints | slice = slice(None)
    if people is not None:
        found = found[np.isin(found[:, 0], people)]
        where = np.searchsorted(people, found[:, 0])
    for position, name in enumerate(COLUMNS, start=1):
        getattr(facts, name)[where] = found[:, position]
    return facts


def arranged_apart(rows: np.ndarray, asked: Sequence[tuple[int, Ints]]) -> list[Facts]:
    """Facts of rows of several certifications (:func:`read_rows`); everyone named gets a position.

    :param asked: certifications, each once, with sorted ids of people.
    """
    lengths = [len(people) for _number, people in asked]
    facts = nobody(np.concatenate([people for _number, people in asked]))
    numbers = np.array([number for number, _people in asked], np.int64)
    places = np.repeat(np.arange(len(asked)), lengths)
    order = np.argsort(numbers)
    rows = rows[np.isin(rows[:, 0], numbers)]
    there = order[np.searchsorted(numbers[order], rows[:, 0])]
    keys, theirs = (places << _BITS) | facts.person, (there << _BITS) | rows[:, 1]
    where = np.searchsorted(keys, theirs)
    known = where < len(keys)
    known[known] = keys[where[known]] == theirs[known]
    for position, name in enumerate(COLUMNS, start=2):
        getattr(facts, name)[where[known]] = rows[known, position]
    return cut(facts, lengths)


_BITS = 32
"""More than any person's number has."""
