"""Settling whole certifications: who needs a look is found set-wise, then ``step`` decides them chunk by chunk.

A chunk is one short transaction that decides afresh from the rows it sees; nothing decided outside is ever written.
So a settle may be killed at any instant and begun again, by anybody. Single people go by
:mod:`plugin.enrolment.settling.people`, saves by :mod:`plugin.enrolment.settling.saves`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.resolve import Rule
from plugin.certifications.tables import Certification
from plugin.core.database.parallel import side_by_side
from plugin.core.ids import read_clock
from plugin.core.runtime import Runtime
from plugin.enrolment.answers.emptied_teams import keep_emptied_teams
from plugin.enrolment.answers.gone_targets import look_for_missing
from plugin.enrolment.answers.withdrawal_guard import Limits, judge
from plugin.enrolment.reading.gather import Cause
from plugin.enrolment.reading.needs_look_people import completed_by
from plugin.enrolment.reading.snapshot import Snapshot, lock_certification
from plugin.enrolment.reading.some_people import some_people
from plugin.enrolment.settling.batch import SettledTogether
from plugin.enrolment.settling.chunk import Chunk, prepare, prepare_all
from plugin.enrolment.settling.owed_looks import owe
from plugin.enrolment.settling.plan import Piece, SettlePlan, lanes, pieces, plans
from plugin.enrolment.tables import Settling
from plugin.enrolment.waves.decide_draws import has_waves
from plugin.enrolment.waves.make_draws import draw_waves
from plugin.population.columns import ids_of
from plugin.population.sets import Population, population

_ROWS_AT_ONCE = 2
"""As many rows are read in a scan as one is looked up in the same time."""
CHUNK = {True: 10_000, False: 20_000}
"""People in one transaction, by whether the database is SQLite: a writer there makes all others wait."""


def settle_everything(
    runtime: Runtime, host_id: int, owed: Mapping[int, int] | None = None, turned: BitMap | None = None
) -> int:
    """Settle every certification whole: the nightly check, and the way of large batches of changed people.

    A certification with a save still to be settled is left to that save.

    :param owed: people the mirror changed, with the instant of the cause. :param turned: whom of them nothing but jobs
        that began or ended since made be owed a look.
    :returns: how many learners were looked at.
    """
    limits = Limits.of(runtime.settings)
    look_for_missing(runtime, host_id)
    for drawn in (False, True):
        with runtime.db.read() as session:
            snapshot, people = Snapshot(session, host_id, None), population(session, host_id)
            waves = [] if drawn else [number for number, rules in snapshot.rules.items() if has_waves(rules)]
            if not waves:
                cause = Cause(otherwise=people.as_of, at=owed or {})
                done = completed_by(session, host_id, sorted(owed or {}))
                settled = _settled(session, host_id)
                only = _only(people, owed, turned or BitMap())
                some = (
                    None if only is None else some_people(snapshot, people, settled, only, turned or BitMap(), cause.at)
                )
                found = plans(runtime.db, snapshot, people, settled, cause, also=done, only=some)
                made = [one for one in found if len(one)]
                dealt = lanes(runtime.db, snapshot, made, CHUNK[runtime.db.sqlite])
                break
        runtime.db.transact(partial(_draw, host_id=host_id, certifications=waves, owed=owed or {}))
    may_go = judge_leaving(runtime, host_id, made, cause, by_sync=True, limits=limits)

    def write(lane: Sequence[SettlePlan]) -> int:
        chunk = partial(_plain_chunk, host_id=host_id, cause=cause, may_go=may_go)
        return sum(runtime.db.transact(partial(chunk, part=part)) for part in pieces(lane, CHUNK[runtime.db.sqlite]))

    return sum(side_by_side(write, dealt))


def _only(people: Population, owed: Mapping[int, int] | None, turned: BitMap) -> BitMap | None:
    """Whom to look at: those whom the mirror changed, where looking them up costs less than reading everybody."""
    return BitMap(owed) if owed and (len(owed) - len(turned)) * _ROWS_AT_ONCE < len(people.existing) else None


def _draw(session: Session, host_id: int, certifications: Sequence[int], owed: Mapping[int, int]) -> None:
    """Draw for certifications with a wave that wait for no save (rules 11.3)."""
    read_clock(session, host_id, share=True)
    numbers = sorted(set(certifications) & set(_settled(session, host_id)))
    lock_certification(session, host_id, *numbers)
    people = population(session, host_id)
    draw_waves(session, people, numbers, people.as_of, owed)


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
    session: Session, host_id: int, part: Sequence[Piece], cause: Cause, may_go: Mapping[int, BitMap]
) -> int:
    read_clock(session, host_id, share=True)
    people = population(session, host_id)
    lock_certification(session, host_id, *(made.certification for made, _start, _stop in part))
    free = set(_settled(session, host_id))
    part = [piece for piece in part if piece[0].certification in free]
    settle_pieces(session, people, part, cause, may_go)
    return sum(stop - start for _made, start, stop in part)


def settle_pieces(
    session: Session, people: Population, part: Sequence[Piece], cause: Cause, may_go: Mapping[int, BitMap]
) -> int:
    """Decide and write slices of plans, each of another certification; returns how many rows of learners changed.

    Who would leave and was not judged waits for the next batch rather than slip past the guard.
    """
    part = [(made, start, stop) for made, start, stop in part if stop > start]
    if not part:
        return 0
    theirs = np.unique(np.concatenate([made.needs_look.people[start:stop] for made, start, stop in part]))
    snapshot = Snapshot(session, people.host_id, [made.certification for made, _start, _stop in part], theirs)
    keep_emptied_teams(session, people, _all_rules(snapshot), people.as_of)  # before what is held is read
    works = prepare_all(
        snapshot, people, [made.asked(snapshot, people, start, stop) for made, start, stop in part], cause
    )
    for position, work in enumerate(works):
        late = work.undecided(cause) - may_go[work.terms.id]
        if late:
            owe(session, people.host_id, late, cause.otherwise)
            works[position] = without(session, people, work, late, cause)
    together = SettledTogether(session, people.host_id, cause.otherwise, cause.who)
    changed = together.decide(works, cause, may_go)
    together.close(one_of_many=True)
    return changed


def _all_rules(snapshot: Snapshot) -> Iterator[Rule]:
    return (rule for rules in snapshot.rules.values() for rule in rules)


def without(session: Session, people: Population, work: Chunk, late: BitMap, cause: Cause) -> Chunk:
    """The same work, less some of its people."""
    kept = work.facts.person[~np.isin(work.facts.person, ids_of(late))]
    return prepare(session, people, work.terms.id, kept, cause)


def judge_leaving(
    runtime: Runtime,
    host_id: int,
    made: Sequence[SettlePlan],
    cause: Cause,
    *,
    by_sync: bool,
    limits: Limits | None = None,
) -> dict[int, BitMap]:
    """Judge all withdrawals of a batch at once, before any of them happens; by certification, who may go."""
    nobody: dict[int, BitMap] = {one.certification: BitMap() for one in made}
    losing = [one for one in made if len(one.needs_look.leaving)]
    if cause.confirmed or not losing:
        return nobody
    allowed = limits or Limits.of(runtime.settings)

    def work(session: Session) -> dict[int, BitMap]:
        read_clock(session, host_id, share=True)
        people = population(session, host_id)
        everyone = np.unique(np.concatenate([one.needs_look.leaving for one in losing]))
        snapshot = Snapshot(session, host_id, sorted(one.certification for one in losing), everyone)
        keep_emptied_teams(session, people, _all_rules(snapshot), people.as_of)
        works = prepare_all(snapshot, people, [one.leaving(snapshot, people) for one in losing], cause)
        going = {one.terms.id: one.undecided(cause) for one in works}
        return judge(session, host_id, going, people.as_of, allowed, by_sync=by_sync)

    return nobody | runtime.db.transact(work)
