"""Settling whole certifications: who needs a look is found set-wise, then ``step`` decides them chunk by chunk.

A chunk is one short transaction that decides afresh from the rows it sees; nothing decided outside is ever written.
So a settle may be killed at any instant and begun again, by anybody. Single people go by :mod:`people`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np
from pyroaring import BitMap
from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from plugin.certifications.resolve import Rule
from plugin.certifications.tables import Certification, Version
from plugin.core.bulk import fetch
from plugin.core.ids import read_clock
from plugin.core.journal import record
from plugin.core.logs import use_correlation
from plugin.core.runtime import Runtime
from plugin.delivery.claim import is_dead, worker_token
from plugin.enrolment.around import Around, lock_certification
from plugin.enrolment.chunk import Asked, Work, prepare, prepare_all
from plugin.enrolment.ending import free_courses
from plugin.enrolment.enrolled import read_enrolled
from plugin.enrolment.glance import completed_by
from plugin.enrolment.gone import mark_missing
from plugin.enrolment.guard import Limits, judge
from plugin.enrolment.inputs import Cause, memberships
from plugin.enrolment.owing import owe, owed_people
from plugin.enrolment.skim import Skim, began_matters, date_matters, skim
from plugin.enrolment.tables import Settling
from plugin.enrolment.terms import terms_of
from plugin.enrolment.together import Together
from plugin.enrolment.told import tell_applied
from plugin.enrolment.wanted import Membership
from plugin.population.sets import Population, population

CHUNK = {True: 2_000, False: 10_000}
"""People in one transaction, by whether the database is SQLite: a writer there makes all others wait."""
LEASE = 120
EVERYBODY = 10_000_000


@dataclass(frozen=True)
class Progress:
    """A save's work under way: learners done, of how many."""

    state: str
    done: int
    total: int


@dataclass(frozen=True)
class Plan:
    """Whom a whole settle will look at, as of one seq. A hint: each chunk decides from what it reads itself."""

    certification: int
    seq: int
    as_of: int
    version: int
    rules: list[Rule]
    pins: Mapping[int, BitMap]
    skim: Skim

    def found(self, around: Around, people: Population, start: int, stop: int) -> list[Membership] | None:
        """The memberships of a slice of its people, while nothing they follow from has changed; else ``None``."""
        fits = (self.seq, self.as_of) == (people.seq, people.as_of)
        fits = fits and around.rules[self.certification] == self.rules
        return self.skim.part(start, stop) if fits and around.held(self.certification).pins == self.pins else None


def request_settling(
    session: Session, host_id: int, certification: int, *, number: int, version: int, at: int, who: str,
    choices: dict[str, object], correlation: str,
) -> None:  # fmt: skip
    """Ask for a whole settle of a certification; a later save takes the place of one still owed."""
    present = session.get(Settling, (host_id, certification))
    if present is None:
        present = Settling(host_id=host_id, certification=certification)
        session.add(present)
    present.number, present.version, present.requested, present.as_of = number, version, at, at
    present.who, present.choices, present.correlation = who, choices, correlation
    present.state, present.done, present.total, present.lease, present.lease_until = "owed", 0, 0, "", 0
    session.flush()


def progress(session: Session, host_id: int, certification: int) -> Progress | None:
    """How far the latest save's work is; ``None`` where there never was one."""
    row = session.get(Settling, (host_id, certification))
    return Progress(row.state, row.done, row.total) if row is not None else None


# --- saves ------------------------------------------------------------------------------------------------------


def settle_certifications(runtime: Runtime, host_id: int) -> int:
    """Work off every whole settle that is owed, in the order of the saves. Returns how many were finished."""
    finished, looked_at = 0, -1
    while (claimed := _claim(runtime, host_id)) is not None:
        use_correlation(claimed.correlation)
        with runtime.db.read() as session:
            seq, _as_of = read_clock(session, host_id)
        if seq != looked_at:
            runtime.db.transact(partial(_mark_missing, host_id=host_id))
            looked_at = seq
        finished += _settle_save(runtime, host_id, claimed)
    return finished


def _claim(runtime: Runtime, host_id: int) -> Settling | None:
    """Take the oldest owed one under a lease; one whose lease ran out counts as owed."""
    now, token = runtime.clock.true(), worker_token()

    def take(session: Session, certification: int) -> Settling | None:
        row = session.scalar(
            select(Settling)
            .where(Settling.host_id == host_id, Settling.certification == certification, Settling.state != "done")
            .with_for_update(skip_locked=True)
        )
        if row is None or not (row.lease_until < now or is_dead(row.lease)):
            return None
        row.state, row.lease, row.lease_until = "running", token, now + LEASE
        return row

    sql = "SELECT certification, lease, lease_until FROM settling WHERE host_id = ? AND state <> 'done' ORDER BY number"
    with runtime.db.read() as session:
        owed = fetch(session, sql, host_id)
    for certification, lease, until in owed:
        if (until < now or is_dead(lease)) and (
            row := runtime.db.transact(partial(take, certification=certification))
        ) is not None:
            return row
    return None


def _cause(claimed: Settling) -> Cause:
    choices = claimed.choices
    return Cause(
        otherwise=claimed.as_of,
        version=claimed.version,
        earlier=bool(choices.get("earlier")),
        earlier_of=None if choices.get("earlier_of") is None else frozenset(cast("list[int]", choices["earlier_of"])),
        quiet=bool(choices.get("no_messages")),
        confirmed=bool(choices.get("confirmed")),
        by_sync=False,
        who=claimed.who,
        reason=str(choices.get("reason") or ""),
    )


def _settle_save(runtime: Runtime, host_id: int, claimed: Settling) -> int:
    cause, certification = _cause(claimed), claimed.certification
    with runtime.db.read() as session:
        # Whom the host changed after the save begins her spell then, not before (DOMAIN 3.2).
        changed = owed_people(session, host_id, EVERYBODY)
        cause = replace(cause, at={person: max(at, claimed.as_of) for person, at in changed.items()})
        people = population(session, host_id)
        around = Around(session, host_id, [certification])
        everyone = _content_changed(session, host_id, certification, cause.version)
        everyone |= around.terms(certification).lets_go(people.as_of)
        made = plan(around, people, certification, cause, everyone=everyone)
    may_go = _judge(runtime, host_id, {certification: made.skim.leaving}, cause, by_sync=False)[certification]
    size, total = CHUNK[runtime.db.sqlite], len(made.skim.people)
    for start in range(0, max(total, 1), size):
        work = partial(_save_chunk, claimed=claimed, plan=made, start=start, stop=min(start + size, total), cause=cause,
                       may_go=may_go, until=runtime.clock.true() + LEASE)  # fmt: skip
        if not runtime.db.transact(work):
            return 0
    return 1


def _mark_missing(session: Session, host_id: int) -> None:
    _seq, as_of = read_clock(session, host_id, share=True)
    mark_missing(session, host_id, as_of)


def _content_changed(session: Session, host_id: int, certification: int, version: int) -> bool:
    """Whether content, policy or enrol mode differ from the version that was settled last."""
    settled = session.get_one(Certification, (host_id, certification)).settled_version
    if not settled or not version:
        return True
    rows = session.execute(
        select(Version.n, Version.definition).where(
            Version.host_id == host_id, Version.certification == certification, Version.n.in_((settled, version))
        )
    )
    found = {n: definition for n, definition in rows}
    before, after = found[settled], found[version]
    return any(
        before.get(name) != after.get(name) for name in ("content", "enrol", "leaving", "period", "state", "available")
    )


def _save_chunk(
    session: Session, claimed: Settling, plan: Plan, start: int, stop: int, cause: Cause, may_go: BitMap, until: int
) -> bool:
    """One chunk; ``False`` when somebody else has taken the settle over (DESIGN, point 4)."""
    read_clock(session, claimed.host_id, share=True)
    people = population(session, claimed.host_id)
    lock_certification(session, claimed.host_id, claimed.certification)
    if not _still_ours(session, claimed, stop, len(plan.skim.people), until):
        return False
    if stop:
        settle_pieces(session, people, [(plan, start, stop)], cause, {claimed.certification: may_go})
    if stop == len(plan.skim.people):
        _finish(session, claimed, cause, stop)
    return True


def _still_ours(session: Session, claimed: Settling, done: int, total: int, until: int) -> bool:
    """Write how far this chunk brings us and renew the lease, if it and the version we settle still stand."""
    result = session.execute(
        update(Settling)
        .where(
            Settling.host_id == claimed.host_id,
            Settling.certification == claimed.certification,
            Settling.lease == claimed.lease,
            Settling.number == claimed.number,
        )
        .values(done=done, total=total, lease_until=until)
    )
    return bool(cast("CursorResult[Any]", result).rowcount)


def _finish(session: Session, claimed: Settling, cause: Cause, learners: int) -> None:
    key = (claimed.host_id, claimed.certification)
    ended = terms_of(session, *key).ended(read_clock(session, claimed.host_id)[1])
    if ended or _content_changed(session, *key, claimed.version):
        free_courses(session, *key, cause.otherwise)
    session.execute(
        update(Settling)
        .where(Settling.host_id == key[0], Settling.certification == key[1])
        .values(state="done", lease="", lease_until=0)
    )
    session.execute(
        update(Certification)
        .where(Certification.host_id == key[0], Certification.id == key[1])
        .values(settled_version=claimed.version)
    )
    record(
        session, claimed.host_id, cause.otherwise, claimed.who, "settled", certification=claimed.certification,
        version=claimed.version, data={"learners": learners},
    )  # fmt: skip
    if claimed.version:
        tell_applied(session, *key, claimed.version, cause.otherwise, claimed.who)


# --- everything ---------------------------------------------------------------------------------------------------


def settle_everything(runtime: Runtime, host_id: int, owed: Mapping[int, int] | None = None) -> int:
    """Settle every certification whole: the nightly check, and the way of large batches of changed people.

    A certification with a save still to be settled is left to that save.

    :param owed: people the mirror changed, with the instant of the cause.
    :returns: how many learners were looked at.
    """
    limits = Limits.of(runtime.settings)
    runtime.db.transact(partial(_mark_missing, host_id=host_id))
    with runtime.db.read() as session:
        people = population(session, host_id)
        cause = Cause(otherwise=people.as_of, at=owed or {})
        done = completed_by(session, host_id, sorted(owed or {}))
        around = Around(session, host_id, None)
        plans = [
            made
            for number in _settled(session, host_id)
            if len((made := plan(around, people, number, cause, also=done.get(number))).skim.people)
        ]
    leaving = {made.certification: made.skim.leaving for made in plans}
    may_go = _judge(runtime, host_id, leaving, cause, by_sync=True, limits=limits)
    return sum(
        runtime.db.transact(partial(_plain_chunk, host_id=host_id, pieces=pieces, cause=cause, may_go=may_go))
        for pieces in _pieces(plans, CHUNK[runtime.db.sqlite])
    )


Piece = tuple[Plan, int, int]
"""A slice of a plan's people."""


def _pieces(plans: Sequence[Plan], size: int) -> Iterator[list[Piece]]:
    """Slices for one transaction each: small plans together, large ones cut, in the order of the certifications."""
    together: list[Piece] = []
    room = size
    for made in plans:
        start, total = 0, len(made.skim.people)
        while start < total:
            stop = min(start + room, total)
            together.append((made, start, stop))
            room -= stop - start
            start = stop
            if not room:
                yield together
                together, room = [], size
    if together:
        yield together


def _settled(session: Session, host_id: int) -> list[int]:
    """Certifications that wait for no save."""
    waiting = select(Settling.certification).where(Settling.host_id == host_id, Settling.state != "done")
    return list(
        session.scalars(
            select(Certification.id)
            .where(Certification.host_id == host_id, Certification.version > 0, Certification.id.not_in(waiting))
            .order_by(Certification.id)
        )
    )


def _plain_chunk(
    session: Session, host_id: int, pieces: Sequence[Piece], cause: Cause, may_go: Mapping[int, BitMap]
) -> int:
    read_clock(session, host_id, share=True)
    people = population(session, host_id)
    lock_certification(session, host_id, *(made.certification for made, _start, _stop in pieces))
    free = set(_settled(session, host_id))
    pieces = [piece for piece in pieces if piece[0].certification in free]
    settle_pieces(session, people, pieces, cause, may_go)
    return sum(stop - start for _made, start, stop in pieces)


# --- both -----------------------------------------------------------------------------------------------------------


def plan(
    around: Around,
    people: Population,
    certification: int,
    cause: Cause,
    *,
    everyone: bool = False,
    also: BitMap | None = None,
) -> Plan:
    """Find out whom a whole settle has to look at.

    :param everyone: all live rows. :param also: of the live rows, these.
    """
    rules = around.rules[certification]
    terms = around.terms(certification)
    settled = not cause.version and not cause.earlier and around.settled(certification) == terms.version
    rows = read_enrolled(
        around.session,
        people.host_id,
        certification,
        began=not settled and began_matters(rules),
        due=not settled or date_matters(rules),
    )
    found = skim(around, people, terms, rows, cause, everyone=everyone, also=also, settled=settled)
    pins = around.held(certification).pins
    return Plan(certification, people.seq, people.as_of, terms.version, rules, pins, found)


def settle_pieces(
    session: Session, people: Population, pieces: Sequence[Piece], cause: Cause, may_go: Mapping[int, BitMap]
) -> int:
    """Decide and write slices of plans, each of another certification; returns how many rows of learners changed.

    Who would leave and was not judged waits for the next batch rather than slip past the guard.
    """
    if not pieces:
        return 0
    theirs = np.unique(np.concatenate([made.skim.people[start:stop] for made, start, stop in pieces]))
    around = Around(session, people.host_id, [made.certification for made, _start, _stop in pieces], theirs)
    works = prepare_all(around, people, [_asked(around, people, piece) for piece in pieces], cause)
    for position, work in enumerate(works):
        late = work.undecided(cause) - may_go[work.terms.id]
        if late:
            owe(session, people.host_id, late, cause.otherwise)
            works[position] = without(session, people, work, late, cause)
    together = Together(session, people.host_id, cause.otherwise, cause.who)
    changed = together.decide(works, cause, may_go)
    together.close(one_of_many=True)
    return changed


def _asked(around: Around, people: Population, piece: Piece) -> Asked:
    made, start, stop = piece
    theirs, pins = made.skim.people[start:stop], around.held(made.certification).pins
    found = made.found(around, people, start, stop)
    if found is None:
        found = memberships(around.session, people, around.rules[made.certification], theirs, pins)
    return made.certification, theirs, found


def without(session: Session, people: Population, work: Work, late: BitMap, cause: Cause) -> Work:
    """The same work, less some of its people."""
    kept = work.facts.person[~np.isin(work.facts.person, np.array(late, dtype=np.int64))]
    return prepare(session, people, work.terms.id, kept, cause)


def _judge(
    runtime: Runtime, host_id: int, leaving: Mapping[int, np.ndarray], cause: Cause, *, by_sync: bool,
    limits: Limits | None = None,
) -> dict[int, BitMap]:  # fmt: skip
    """Judge all withdrawals of a batch at once, before any of them happens; by certification, who may go."""
    nobody: dict[int, BitMap] = {certification: BitMap() for certification in leaving}
    asked = {certification: people for certification, people in leaving.items() if len(people)}
    if cause.confirmed or not asked:
        return nobody
    allowed = limits or Limits.of(runtime.settings)

    def work(session: Session) -> dict[int, BitMap]:
        read_clock(session, host_id, share=True)
        people = population(session, host_id)
        everyone = np.unique(np.concatenate(list(asked.values())))
        around = Around(session, host_id, sorted(asked), everyone)
        going = {
            certification: prepare(session, people, certification, who, cause, around=around).undecided(cause)
            for certification, who in asked.items()
        }
        return judge(session, host_id, going, people.as_of, allowed, by_sync=by_sync)

    return nobody | runtime.db.transact(work)
