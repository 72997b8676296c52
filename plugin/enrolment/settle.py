"""Settling whole certifications: who needs a look is found set-wise, then ``step`` decides them chunk by chunk.

A chunk is one short transaction that decides afresh from the rows it sees; nothing decided outside is ever written.
So a settle may be killed at any instant and begun again, by anybody. Single people go by :mod:`people`, saves by
:mod:`owed_saves`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.tables import Certification
from plugin.core.ahead import side_by_side
from plugin.core.ids import read_clock
from plugin.core.runtime import Runtime
from plugin.enrolment.around import Around, lock_certification
from plugin.enrolment.chunk import Work, prepare, prepare_all
from plugin.enrolment.glance import completed_by
from plugin.enrolment.gone import look_for_missing
from plugin.enrolment.guard import Limits, judge
from plugin.enrolment.inputs import Cause
from plugin.enrolment.owing import owe
from plugin.enrolment.plan import Piece, Plan, lanes, pieces, plans
from plugin.enrolment.tables import Settling
from plugin.enrolment.together import Together
from plugin.population.sets import Population, population

CHUNK = {True: 10_000, False: 20_000}
"""People in one transaction, by whether the database is SQLite: a writer there makes all others wait."""


def settle_everything(runtime: Runtime, host_id: int, owed: Mapping[int, int] | None = None) -> int:
    """Settle every certification whole: the nightly check, and the way of large batches of changed people.

    A certification with a save still to be settled is left to that save.

    :param owed: people the mirror changed, with the instant of the cause.
    :returns: how many learners were looked at.
    """
    limits = Limits.of(runtime.settings)
    look_for_missing(runtime, host_id)
    with runtime.db.read() as session:
        people = population(session, host_id)
        cause = Cause(otherwise=people.as_of, at=owed or {})
        done = completed_by(session, host_id, sorted(owed or {}))
        around = Around(session, host_id, None)
        made = [
            one for one in plans(runtime.db, around, people, _settled(session, host_id), cause, also=done) if len(one)
        ]
        dealt = lanes(runtime.db, around, made, CHUNK[runtime.db.sqlite])
    may_go = judge_leaving(runtime, host_id, made, cause, by_sync=True, limits=limits)

    def write(lane: Sequence[Plan]) -> int:
        chunk = partial(_plain_chunk, host_id=host_id, cause=cause, may_go=may_go)
        return sum(runtime.db.transact(partial(chunk, part=part)) for part in pieces(lane, CHUNK[runtime.db.sqlite]))

    return sum(side_by_side(write, dealt))


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
    theirs = np.unique(np.concatenate([made.skim.people[start:stop] for made, start, stop in part]))
    around = Around(session, people.host_id, [made.certification for made, _start, _stop in part], theirs)
    works = prepare_all(around, people, [made.asked(around, people, start, stop) for made, start, stop in part], cause)
    for position, work in enumerate(works):
        late = work.undecided(cause) - may_go[work.terms.id]
        if late:
            owe(session, people.host_id, late, cause.otherwise)
            works[position] = without(session, people, work, late, cause)
    together = Together(session, people.host_id, cause.otherwise, cause.who)
    changed = together.decide(works, cause, may_go)
    together.close(one_of_many=True)
    return changed


def without(session: Session, people: Population, work: Work, late: BitMap, cause: Cause) -> Work:
    """The same work, less some of its people."""
    kept = work.facts.person[~np.isin(work.facts.person, np.array(late, dtype=np.int64))]
    return prepare(session, people, work.terms.id, kept, cause)


def judge_leaving(
    runtime: Runtime, host_id: int, made: Sequence[Plan], cause: Cause, *, by_sync: bool, limits: Limits | None = None
) -> dict[int, BitMap]:
    """Judge all withdrawals of a batch at once, before any of them happens; by certification, who may go."""
    nobody: dict[int, BitMap] = {one.certification: BitMap() for one in made}
    losing = [one for one in made if len(one.skim.leaving)]
    if cause.confirmed or not losing:
        return nobody
    allowed = limits or Limits.of(runtime.settings)

    def work(session: Session) -> dict[int, BitMap]:
        read_clock(session, host_id, share=True)
        people = population(session, host_id)
        everyone = np.unique(np.concatenate([one.skim.leaving for one in losing]))
        around = Around(session, host_id, sorted(one.certification for one in losing), everyone)
        works = prepare_all(around, people, [one.leaving(around, people) for one in losing], cause)
        going = {one.terms.id: one.undecided(cause) for one in works}
        return judge(session, host_id, going, people.as_of, allowed, by_sync=by_sync)

    return nobody | runtime.db.transact(work)
