"""Who of a whole certification needs a look: everybody for whom ``step`` could decide something new.

A few columns of the live rows are compared with what the assignments want, in arrays; only those who differ are
gathered and decided. Whoever is left out would be decided as she stands. What the host reports of one person, a
completion for one, is no business of this module: that person is stamped, and looked at by herself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.resolve import Rule
from plugin.certifications.rules.due_dates import AfterDue, Due, FixedDue, NoDue
from plugin.core.database.bulk import fetch
from plugin.enrolment.codes import ALREADY_ASSIGNED, ASSIGNED, IN_PROGRESS, UNKNOWN_DATE
from plugin.enrolment.facts import NONE, Ints, Mask
from plugin.enrolment.reading.event_dates import Bases
from plugin.enrolment.reading.gather import Cause
from plugin.enrolment.reading.live_rows import Enrolled
from plugin.enrolment.reading.reach import counted, has_not_begun, within_waves
from plugin.enrolment.reading.snapshot import Snapshot
from plugin.enrolment.rules.wanted import Membership
from plugin.enrolment.terms import Terms
from plugin.enrolment.waves.decide_draws import has_waves
from plugin.population.columns import bitmap, ids_of
from plugin.population.sets import Population


@dataclass(frozen=True)
class NeedsLook:
    """Whom to look at, in the order of their ids.

    :ivar found: for each rule the positions among ``people`` of those it matches.
    :ivar leaving: active ones whom nothing matches any more: the guard judges them.
    """

    people: Ints
    found: list[Membership]
    leaving: Ints

    def part(self, start: int, stop: int) -> list[Membership]:
        """The memberships of a slice of the people."""
        cuts = []
        for rule, where in self.found:
            low, high = where.searchsorted(start), where.searchsorted(stop)
            cuts.append((rule, where[low:high] - start))
        return cuts


def who_needs_look(
    snapshot: Snapshot,
    people: Population,
    terms: Terms,
    rows: Enrolled,
    cause: Cause,
    *,
    everyone: bool = False,
    also: BitMap | None = None,
    only: Some | None = None,
    settled: bool = False,
) -> NeedsLook:
    """Compare a certification's rows with what its rules want.

    :param rows: the live ones, with ``began`` (:func:`began_matters`) and ``due`` (:func:`date_matters`).
    :param everyone: look at all live rows, as when content changed. :param also: of the live rows, look at these.
    :param only: of everybody, at these alone, whose rows these are.
    :param settled: these rules were settled before: of the due dates only those can differ that hang on the person.
    """
    session, rules, pins = snapshot.session, snapshot.rules[terms.id], snapshot.held(terms.id).pins
    members = [_members(session, people, rule, pins, rows, only) for rule in rules]
    if has_waves(rules):
        sets = within_waves(session, people.host_id, rules, [bitmap(one) for one in members], rows.everyone)
        members = [ids_of(one) for one in sets]
    top = max([int(found.max(initial=0)) for found in (*members, rows.person)], default=0)
    expected = np.zeros(top + 1, np.int64)
    for rule, found in zip(rules, members, strict=True):
        expected[found] ^= np.int64(rule.why_key)
    as_of = max(people.as_of, cause.otherwise)
    here = expected[rows.person]
    look = rows_to_look_at(
        snapshot, people, terms, rules, _MatchedRows(rows, members, top), here, rows, cause, settled=settled
    )
    if everyone:
        look[:] = True
    if also:
        look |= _marked(also, top)[rows.person]
    leaving = rows.person[(here == 0) & ~rows.leaving]
    expected[rows.person] = 0
    marks = expected != 0 if terms.live(as_of) else np.zeros(top + 1, bool)  # newcomers
    marks &= ~_marked(people.suspended, top)
    marks[rows.person[look]] = True
    chosen = np.flatnonzero(marks)
    return NeedsLook(chosen, _positions(chosen, rules, members, top), leaving)


def rows_to_look_at(
    snapshot: Snapshot, people: Population, terms: Terms, rules: Sequence[Rule], where_of: MatchedPositions, expected: Ints,
    rows: Enrolled, cause: Cause, *, settled: bool = False,
) -> Mask:  # fmt: skip
    """Of the live rows of a certification, saved or proposed, those that ``step`` could change.

    :param expected: for each row the reason that the rules give now. :param settled: as :func:`who_needs_look` takes it.
    """
    as_of = max(people.as_of, cause.otherwise)
    frozen = _marked(people.suspended, int(rows.person.max(initial=0)))[rows.person]
    look = differs(rows.why, expected, rows.frozen, frozen, rows.waiting)
    look |= np.isin(rows.person, always_looked_at(snapshot, terms.id, as_of))
    if not settled:
        look |= np.isin(rows.person, _extended(snapshot.session, terms))
    look |= _dated(snapshot.session, terms, rules, where_of, rows, cause, settled=settled)
    if terms.live(as_of):  # whose last assignment went while it was not available leaves now
        look |= (expected == 0) & ~rows.leaving
    return look


Flags = TypeVar("Flags", bound="Mask | bool")


def differs(why: Any, expected: Any, frozen: Flags, suspended: Flags, waiting: Flags) -> Flags:
    """Whether a row alone says that it needs a look; of one row or of many.

    :param why: the stored reason, ``expected`` what it should be. :param frozen: noted as suspended at the host, where
        she is or is not ``suspended``. :param waiting: held back, or in her days of grace.
    """
    return (why != expected) | (frozen != suspended) | waiting


def is_personal(due: Due) -> bool:
    """Whether a due date hangs on something the host says of the person, rather than on the rule and her row."""
    if isinstance(due, FixedDue):
        return due.zone == "learner"
    return isinstance(due, AfterDue) and due.event != "enrolment"


def date_matters(rules: Sequence[Rule]) -> bool:
    """Whether, of rules settled before, some due date may be another now."""
    return any(is_personal(rule.due) for rule in rules)


def began_matters(rules: Sequence[Rule]) -> bool:
    """Whether a due date of these rules counts from the beginning of the enrolment."""
    return any(isinstance(rule.due, AfterDue) and rule.due.event == "enrolment" for rule in rules)


def _members(
    session: Session, people: Population, rule: Rule, pins: Mapping[int, BitMap], rows: Enrolled, only: Some | None
) -> Ints:
    """Whom a rule matches, somebody perhaps twice; learners pinned to it included (rules 5.10)."""
    known = only.members(rule) if only is not None else None
    if rule.key is None:
        found = np.zeros(0, np.int64)
    elif known is not None:
        found = known
    elif only is not None:
        found = ids_of(counted(session, people, rule, only.everyone))
    elif rule.key[0] == "group" or rule.exclusions or has_not_begun(rule, people.as_of):
        found = ids_of(counted(session, people, rule))
    else:
        found = people.people(rule.key)
    if rule.id in pins:
        kept = pins[rule.id] & rows.everyone
        found = np.concatenate([found, ids_of(kept)])
    return found


def _marked(people: BitMap, top: int) -> Mask:
    marks = np.zeros(top + 1, bool)
    listed = ids_of(people)
    marks[listed[listed <= top]] = True
    return marks


def always_looked_at(snapshot: Snapshot, certification: int, as_of: int) -> Ints:
    """Who has an exception open, an answer to be carried out, or an exemption, whose alarm has gone off, and who is kept
    because a target or a team went: her reasons say the same as before."""
    kept: BitMap = BitMap.union(BitMap(), *snapshot.held(certification).pins.values())
    found = [
        np.array(snapshot.asked(certification), np.int64),
        snapshot.exempt(certification, as_of),
        ids_of(kept),
    ]
    return np.concatenate(found)


class Some(Protocol):
    """Some people, whose memberships were found before (:class:`plugin.enrolment.reading.some_people.SomePeople`)."""

    everyone: BitMap

    def members(self, rule: Rule, /) -> Ints | None:
        """Which of them a rule matches, where that is known."""
        ...


class _MatchedRows:
    """For each rule the positions of the rows it matches, found when asked for."""

    def __init__(self, rows: Enrolled, members: Sequence[Ints], top: int) -> None:
        self._rows, self._members, self._top = rows, members, top

    def __getitem__(self, number: int) -> Ints:
        hit = np.zeros(self._top + 1, bool)
        hit[self._members[number]] = True
        return np.flatnonzero(hit[self._rows.person])


class MatchedPositions(Protocol):
    """For each rule, by its number in the list, the sorted positions of the rows it matches."""

    def __getitem__(self, number: int, /) -> Ints: ...


def _dated(
    session: Session,
    terms: Terms,
    rules: Sequence[Rule],
    where_of: MatchedPositions,
    rows: Enrolled,
    cause: Cause,
    *,
    settled: bool = False,
) -> Mask:
    """Rows whose wanted due date would move theirs, or ask a question (rules 3.4, 3.5, 4)."""
    n = len(rows.person)
    if settled and not date_matters(rules):
        return np.zeros(n, bool)
    date, unknown, look = np.full(n, NONE), np.zeros(n, bool), np.zeros(n, bool)
    bases = Bases(session, terms.host_id, terms.zone, rows.person, rows.began)
    flags = terms.answers[ALREADY_ASSIGNED] not in ("off", "")
    for number, rule in enumerate(rules):
        due = rule.due
        if settled and not is_personal(due):
            continue
        added = flags and bool(cause.version) and rule.since_version == cause.version
        if not n or (isinstance(due, NoDue) and not added):
            continue
        where = where_of[number]
        if added:
            look[where] = True
        if not isinstance(due, NoDue):
            dates = bases.dates(due, where)
            date[where] = np.maximum(date[where], dates)
            if not (isinstance(due, AfterDue) and due.event == "first_login"):
                unknown[where[dates == NONE]] = True
    state = rows.state
    standing = (state == ASSIGNED) | (state == IN_PROGRESS)
    look |= standing & (date > rows.due)
    if terms.answers[UNKNOWN_DATE] != "wait":
        look |= standing & (rows.due == NONE) & unknown
    if cause.moves_earlier:
        look |= standing & (date != rows.due)
    return look


def _extended(session: Session, terms: Terms) -> list[int]:
    """Whose dates were extended: what they were before may move beneath the extension (rules 7.5)."""
    sql = "SELECT DISTINCT person FROM extension WHERE host_id = ? AND certification = ?"
    return [row[0] for row in fetch(session, sql, terms.host_id, terms.id)]


def _positions(chosen: Ints, rules: Sequence[Rule], members: Sequence[Ints], top: int) -> list[Membership]:
    if not len(chosen):
        return [(rule, chosen) for rule in rules]
    index = np.full(top + 1, -1, np.int64)
    index[chosen] = np.arange(len(chosen))
    found = []
    for rule, one in zip(rules, members, strict=True):
        where = index[one]
        hit = np.zeros(len(chosen), bool)
        hit[where[where >= 0]] = True
        found.append((rule, np.flatnonzero(hit)))
    return found
