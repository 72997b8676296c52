"""Whom a whole settle will look at, found set-wise outside of any transaction that writes, and cut into slices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.resolve import Rule
from plugin.core.database.parallel import hands, read_ahead
from plugin.core.db import Database
from plugin.enrolment.reading.gather import Cause, memberships
from plugin.enrolment.reading.live_rows import Enrolled, read_enrolled
from plugin.enrolment.reading.needs_look import NeedsLook, began_matters, date_matters, who_needs_look
from plugin.enrolment.reading.shared_courses import sharing_ids
from plugin.enrolment.reading.snapshot import Snapshot
from plugin.enrolment.reading.some_people import SomePeople
from plugin.enrolment.settling.chunk import Asked
from plugin.population.sets import Population


@dataclass(frozen=True)
class SettlePlan:
    """Whom a whole settle will look at, as of one seq. A hint: each chunk decides from what it reads itself."""

    certification: int
    seq: int
    as_of: int
    rules: list[Rule]
    pins: Mapping[int, BitMap]
    needs_look: NeedsLook

    def __len__(self) -> int:
        return len(self.needs_look.people)

    def asked(self, snapshot: Snapshot, people: Population, start: int, stop: int) -> Asked:
        """A slice of its people, with the memberships as they are now."""
        theirs = self.needs_look.people[start:stop]
        if self._stands(snapshot, people):
            return self.certification, theirs, self.needs_look.part(start, stop)
        rules, pins = snapshot.rules[self.certification], snapshot.held(self.certification).pins
        return self.certification, theirs, memberships(snapshot.session, people, rules, theirs, pins)

    def leaving(self, snapshot: Snapshot, people: Population) -> Asked:
        """Those whom nothing matched, likewise."""
        theirs = self.needs_look.leaving
        if self._stands(snapshot, people):
            return self.certification, theirs, []
        rules, pins = snapshot.rules[self.certification], snapshot.held(self.certification).pins
        return self.certification, theirs, memberships(snapshot.session, people, rules, theirs, pins)

    def _stands(self, snapshot: Snapshot, people: Population) -> bool:
        """Whether nothing has changed that the memberships follow from."""
        fits = (self.seq, self.as_of) == (people.seq, people.as_of)
        fits = fits and snapshot.rules[self.certification] == self.rules
        return fits and snapshot.held(self.certification).pins == self.pins


def plans(
    db: Database, snapshot: Snapshot, people: Population, certifications: Sequence[int], cause: Cause, *,
    everyone: Mapping[int, bool] | None = None, also: Mapping[int, BitMap] | None = None,
    only: Sequence[SomePeople] | None = None,
) -> Iterator[SettlePlan]:  # fmt: skip
    """A plan for each certification, in their order; rows of the next ones are read meanwhile. Of a few people, only of
    certifications where they may need a look.

    :param everyone: by certification, whether to look at all live rows. :param also: of the live rows, at these.
    :param only: these people alone, where they are few beside all: their rows are read at once.
    """
    whole, some = everyone or {}, also or {}
    known: dict[int, SomePeople] = {}
    if only is not None:
        known = {number: one for one in only for number in one.worth_a_look(some)}
        certifications = sorted(known)
        snapshot = Snapshot(snapshot.session, people.host_id, certifications)
    wanted = [_columns(snapshot, certification, cause) for certification in certifications]
    read = (
        map(_of_some(known), wanted)
        if only is not None
        else read_ahead(db, wanted, partial(_read, host_id=people.host_id))
    )
    for one, rows in zip(wanted, read, strict=True):
        number, settled = one.certification, one.settled
        found = who_needs_look(snapshot, people, snapshot.terms(number), rows, cause, everyone=whole.get(number, False),
                     also=some.get(number), only=known.get(number), settled=settled)  # fmt: skip
        rules, pins = snapshot.rules[number], snapshot.held(number).pins
        yield SettlePlan(number, people.seq, people.as_of, rules, pins, found)


@dataclass(frozen=True)
class _Columns:
    """Of a certification's rows, the columns that can tell something.

    :ivar settled: these rules were settled before.
    """

    certification: int
    settled: bool
    began: bool
    due: bool


def _columns(snapshot: Snapshot, certification: int, cause: Cause) -> _Columns:
    rules, terms = snapshot.rules[certification], snapshot.terms(certification)
    settled = not cause.version and not cause.moves_earlier and snapshot.settled(certification) == terms.version
    return _Columns(certification, settled, not settled and began_matters(rules), not settled or date_matters(rules))


def _of_some(known: Mapping[int, SomePeople]) -> Callable[[_Columns], Enrolled]:
    return lambda one: known[one.certification].rows(one.certification, dates=one.began or one.due)


def _read(session: Session, one: _Columns, host_id: int) -> Enrolled:
    return read_enrolled(session, host_id, one.certification, began=one.began, due=one.due)


Piece = tuple[SettlePlan, int, int]
"""A slice of a plan's people."""


def pieces(made: Sequence[SettlePlan], size: int) -> Iterator[list[Piece]]:
    """Slices for one transaction each: small plans together, large ones cut, in the order of the certifications.

    A plan of nobody has one slice too.
    """
    together: list[Piece] = []
    room = size
    for one in made:
        start, total = 0, len(one)
        if not total:
            together.append((one, 0, 0))
        while start < total:
            stop = min(start + room, total)
            together.append((one, start, stop))
            room -= stop - start
            start = stop
            if not room:
                yield together
                together, room = [], size
    if together:
        yield together


def lanes(db: Database, snapshot: Snapshot, made: Sequence[SettlePlan], size: int) -> list[list[SettlePlan]]:
    """Lists to be written side by side, where the database takes more than one writer and there is work for them.

    What shares a course stays together, in its order (rules 4).

    :param size: people in one transaction.
    """
    many = 1 if db.sqlite else min(hands(), -(-_learners(made) // size))
    if many < 2 or len(made) < 2:
        return [list(made)] if made else []
    tied: list[list[SettlePlan]] = []
    for one in made:
        theirs = {one.certification, *sharing_ids(snapshot, snapshot.terms(one.certification))}
        apart, with_it = list[list[SettlePlan]](), [one]
        for group in tied:
            if any(other.certification in theirs for other in group):
                with_it += group
            else:
                apart.append(group)
        tied = [*apart, with_it]
    dealt: list[list[SettlePlan]] = [[] for _lane in range(min(many, len(tied)))]
    for group in sorted(tied, key=_learners, reverse=True):
        min(dealt, key=_learners).extend(group)
    order = {one.certification: place for place, one in enumerate(made)}
    return [sorted(lane, key=lambda one: order[one.certification]) for lane in dealt]


def _learners(group: Sequence[SettlePlan]) -> int:
    return sum(len(one) for one in group)
