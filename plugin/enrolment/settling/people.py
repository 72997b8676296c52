"""Settling the people whom the mirror, an answer or the time changed, in all their certifications."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.resolve import matched_by, rules_of, rules_of_many
from plugin.core.database.bulk import among, fetch
from plugin.core.database.process_cache import cached, keep
from plugin.core.database.slices import slices
from plugin.core.ids import read_clock
from plugin.core.runtime import Runtime
from plugin.enrolment.answers.emptied_teams import keep_emptied_teams
from plugin.enrolment.answers.gone_targets import look_for_missing, mark_missing
from plugin.enrolment.answers.withdrawal_guard import Limits, judge
from plugin.enrolment.codes import WITHDRAWN
from plugin.enrolment.reading.gather import Cause, matched_memberships
from plugin.enrolment.reading.needs_look_people import WhereToLook, where_to_look
from plugin.enrolment.reading.pending_acts import attributed
from plugin.enrolment.reading.snapshot import Snapshot, lock_certification
from plugin.enrolment.settling.batch import SettledTogether
from plugin.enrolment.settling.chunk import Chunk, prepare, prepare_all
from plugin.enrolment.settling.everyone import settle_everything, without
from plugin.enrolment.settling.owed_looks import mark_settled, owe, owed_people, take_owed
from plugin.enrolment.waves.make_draws import draw_waves
from plugin.population.sets import Population, population

BATCH = 20_000
"""With more people than this it is cheaper to settle every certification whole, however many assignments there are."""
_LEAST, _RULES_READ = 1_000, 10
"""With fewer people than this it never is; a whole settle reads so many assignments in the time of one person."""
_FEW_RULES = 500
CHUNK = {True: 400, False: 2_000}
"""People in one transaction, by whether the database is SQLite: a writer there makes all others wait."""


def settle_people(runtime: Runtime, host_id: int, limit: int | None = None) -> int:
    """Settle everybody the mirror, an answer or the time changed. Returns how many people were looked at.

    :param limit: with more people than this every certification is settled whole; else what is cheaper.
    """
    limits = Limits.of(runtime.settings)
    with runtime.db.read() as session:
        limit = _most(session, host_id) if limit is None else limit
        owed = owed_people(session, host_id, limit + 1)
    if not owed:
        owed = _owed_by_targets(runtime, host_id, limit)
    if not owed:
        return 0
    if len(owed) > limit:
        return _settle_whole(runtime, host_id)
    size = CHUNK[runtime.db.sqlite]
    everyone = sorted(owed)
    verdict: dict[int, BitMap] | None = None
    if len(everyone) > size:
        verdict = _judge_people(runtime, host_id, owed, limits, size)
    looked = 0
    for some_of_them in slices(everyone, size):
        part = {person: owed[person] for person in some_of_them}
        looked += runtime.db.transact(partial(people_chunk, host_id=host_id, owed=part, limits=limits, verdict=verdict))
    return looked


def _most(session: Session, host_id: int) -> int:
    """How many people are looked up one by one, before a whole settle of every certification is cheaper: it reads all
    assignments."""
    [(assignments,)] = fetch(session, "SELECT count(*) FROM assignment WHERE host_id = ? AND live", host_id)
    return min(BATCH, max(_LEAST, int(assignments) // _RULES_READ))


WITHIN = 20_000
"""People decided at once by :func:`settle_within`."""


def settle_within(
    session: Session, host_id: int, limits: Limits, *, confirmed: str = "",
    before: Callable[[Sequence[int]], None] | None = None,
) -> int:  # fmt: skip
    """Settle whoever is owed a look in the caller's transaction, as :func:`settle_people` would: for a plan that is rolled
    back, or where a change and what follows of it are one.

    :param confirmed: who confirmed the withdrawals of it; the guard holds none then.
    :param before: told whom is looked at next.
    :returns: how many people were looked at.
    """
    _seq, as_of = read_clock(session, host_id)
    mark_missing(session, host_id, as_of)
    looked, last = 0, {-1: 0}
    while True:
        owed = owed_people(session, host_id, 10_000_000)
        if not owed or owed == last:  # what waits for a save stays owed
            return looked
        last = owed
        everyone = sorted(owed)
        if before is not None:
            before(everyone)
        parts = list(slices(everyone, WITHIN))
        verdict: dict[int, BitMap] | None = None
        if len(parts) > 1 and not confirmed:
            _pin_all(session, host_id)
            leaving: dict[int, BitMap] = {}
            for part in parts:
                _add_leaving(session, host_id, {person: owed[person] for person in part}, leaving)
            verdict = judge(session, host_id, leaving, read_clock(session, host_id)[1], limits, by_sync=True)
        for part in parts:
            these = {person: owed[person] for person in part}
            looked += people_chunk(session, host_id, these, limits, verdict, confirmed=confirmed)


def _owed_by_targets(runtime: Runtime, host_id: int, limit: int) -> dict[int, int]:
    """Whoever is owed a look because a target went or came back, when the mirror changed and stamped nobody."""
    name = ("targets", host_id)
    with runtime.db.read() as session:
        seq, _as_of = read_clock(session, host_id)
        if cached(session, name) == seq:
            return {}
    look_for_missing(runtime, host_id)
    with runtime.db.read() as session:
        keep(session, name, seq)
        return owed_people(session, host_id, limit + 1)


def _settle_whole(runtime: Runtime, host_id: int) -> int:
    """A batch so large that sets are cheaper; who changes meanwhile, or waits for a save, stays owed."""

    def take(session: Session) -> tuple[int, dict[int, int], BitMap]:
        seq, _as_of = read_clock(session, host_id, share=True)
        return seq, *take_owed(session, host_id)

    seq, owed, turned = runtime.db.transact(take)
    runtime.db.transact(lambda session: _pin_all(session, host_id))
    settle_everything(runtime, host_id, owed, turned)
    return runtime.db.transact(lambda session: _all_settled(session, host_id, owed, seq))


def _pin_all(session: Session, host_id: int) -> None:
    read_clock(session, host_id, share=True)
    people = population(session, host_id)
    mark_missing(session, host_id, people.as_of)
    managers = rules_of_many(session, host_id, None, kind="manager")
    keep_emptied_teams(session, people, (rule for rules in managers.values() for rule in rules), people.as_of)


def _all_settled(session: Session, host_id: int, owed: Mapping[int, int], seq: int) -> int:
    read_clock(session, host_id, share=True)
    waiting = _waiting_for_saves(session, host_id)
    done = sorted(owed.keys() - waiting)
    mark_settled(session, host_id, done, upto=seq)
    return len(done)


def _waiting_for_saves(session: Session, host_id: int) -> set[int]:
    """Whoever is owed a look and belongs to a certification with a save still to be settled."""
    pending = list(_pending(session, host_id))
    if not pending:
        return set()
    people = population(session, host_id)
    waiting: BitMap = BitMap()
    for certification in pending:
        for rule in rules_of(session, host_id, certification):
            if rule.key is not None and rule.key[0] != "group":
                waiting |= matched_by(session, people, rule)
        sql = f"SELECT person FROM enrolment WHERE host_id = ? AND certification = ? AND state > {WITHDRAWN}"
        waiting |= BitMap([row[0] for row in fetch(session, sql, host_id, certification)])
    return set(waiting)


def _judge_people(
    runtime: Runtime, host_id: int, owed: Mapping[int, int], limits: Limits, size: int
) -> dict[int, BitMap]:
    """Look at a batch too large for one transaction as a whole, so that slices do not slip past the guard.

    The looking is done in short reads, so that nobody waits for it; only the verdict is written.
    """
    runtime.db.transact(lambda session: _pin_all(session, host_id))
    leaving: dict[int, BitMap] = {}
    everyone = sorted(owed)
    for some_of_them in slices(everyone, size):
        part = {person: owed[person] for person in some_of_them}
        with runtime.db.read() as session:
            as_of = _add_leaving(session, host_id, part, leaving)
    return runtime.db.transact(lambda session: judge(session, host_id, leaving, as_of, limits, by_sync=True))


def _add_leaving(session: Session, host_id: int, part: Mapping[int, int], leaving: dict[int, BitMap]) -> int:
    """Whom of these people the guard has to judge, by certification; returns ``as_of``."""
    people = population(session, host_id)
    cause = Cause(otherwise=people.as_of, at=part)
    for work in _works(session, people, where_to_look(session, people, sorted(part)), cause):
        leaving[work.terms.id] = leaving.get(work.terms.id, BitMap()) | work.undecided(cause)
    return people.as_of


def people_chunk(
    session: Session, host_id: int, owed: Mapping[int, int], limits: Limits, verdict: Mapping[int, BitMap] | None,
    *, confirmed: str = "",
) -> int:  # fmt: skip
    """Settle some of the people who are owed a look; returns how many are done.

    :param owed: with the instant of the cause. :param verdict: whom the guard let go, where more than these were judged.
    """
    read_clock(session, host_id, share=True)  # no change of the mirror commits until we do (design point 4)
    people = population(session, host_id)
    one_of_many, cause = verdict is not None, Cause(otherwise=people.as_of, at=owed)
    if confirmed:
        cause = replace(cause, confirmed=True, who=confirmed)
    if verdict is None:
        mark_missing(session, host_id, people.as_of, sorted(owed))
    seen = where_to_look(session, people, sorted(owed))
    lock_certification(session, host_id, *sorted(seen.concerned))
    if _keep_emptied_teams(session, people, seen):
        seen = where_to_look(session, people, sorted(owed))
    drawn: BitMap = BitMap()
    if waves := seen.waves - _pending(session, host_id):  # a save still to be settled draws by itself
        lock_certification(session, host_id, *waves)
        drawn = draw_waves(session, people, waves, people.as_of, owed)
        seen = where_to_look(session, people, sorted(owed)) if drawn else seen
    works = _works(session, people, seen, cause, lock=True)
    leaving = {work.terms.id: work.undecided(cause) for work in works}
    if verdict is None:
        verdict = judge(session, host_id, leaving, people.as_of, limits, by_sync=True)
    pending = _pending(session, host_id)
    waiting = {person for work in works if work.terms.id in pending for person in work.facts.person.tolist()}
    works = [work for work in works if work.terms.id not in pending]
    settled = owed.keys() - waiting
    mark_settled(session, host_id, settled)
    later: BitMap = BitMap()
    for position, work in enumerate(works):
        may_go = verdict.get(work.terms.id, BitMap())
        if leaving[work.terms.id] - may_go:  # the guard holds them now, or they were not judged
            works[position], unjudged = _judged(session, people, work, cause, may_go)
            later |= unjudged
    together = SettledTogether(session, host_id, people.as_of, cause.who)
    together.decide(works, cause, verdict)
    together.entries = attributed(session, host_id, together.entries, owed)
    together.close(one_of_many=one_of_many)
    owe(session, host_id, later | drawn - BitMap(owed), people.as_of)
    return len(settled)


def _judged(session: Session, people: Population, work: Chunk, cause: Cause, may_go: BitMap) -> tuple[Chunk, BitMap]:
    """The same work as the guard's lists say now, less those who were not judged: they wait for the next batch
    rather than slip past the guard."""
    fresh = prepare(session, people, work.terms.id, work.facts.person, cause)
    unjudged = fresh.undecided(cause) - may_go
    return without(session, people, fresh, unjudged, cause) if unjudged else fresh, unjudged


def _pending(session: Session, host_id: int) -> set[int]:
    """Certifications with a save not settled yet: whom it concerns, it settles first.

    What a save decides (no messages, a number confirmed, the instant its spells begin) is its own; whoever is owed a
    look besides keeps being owed it until the save is done.
    """
    rows = fetch(
        session, "SELECT certification FROM settling WHERE host_id = ? AND state NOT IN ('done', 'aside')", host_id
    )
    return {row[0] for row in rows}


def _works(session: Session, people: Population, seen: WhereToLook, cause: Cause, *, lock: bool = False) -> list[Chunk]:
    """One work for each certification that may change for any of these people, in the order of their ids."""
    host_id = people.host_id
    concerned = sorted(seen.concerned)
    if lock:
        lock_certification(session, host_id, *concerned)
    everyone = np.array(sorted(set().union(*seen.concerned.values())), np.int64)
    # Of thousands of assignments only those they match; read anew, for the lock may have waited for a save.
    matched = {rule.id for rules in seen.matches.values() for rule in rules}
    snapshot = Snapshot(session, host_id, concerned, everyone, matched if len(matched) <= _FEW_RULES else None)
    asked = []
    for certification in concerned:
        theirs = np.array(sorted(seen.concerned[certification]), np.int64)
        rules, pins = snapshot.rules[certification], snapshot.held(certification).pins
        asked.append((certification, theirs, matched_memberships(seen.matches, theirs, pins, rules)))
    return prepare_all(snapshot, people, asked, cause)


def _keep_emptied_teams(session: Session, people: Population, seen: WhereToLook) -> bool:
    """Of the rows that somebody here is enrolled by and no longer matched by; returns whether somebody is kept now."""
    whys = sorted({why for _certification, why in seen.lost if why})
    named: set[int] = set()
    for part in slices(whys):
        some = among("id", np.array(part))
        sql = f"SELECT CAST(assignments AS TEXT) FROM why_set WHERE host_id = ? AND {some}"
        for (found,) in fetch(session, sql, people.host_id):
            named.update(json.loads(found))
    if not named:
        return False
    managers = rules_of_many(session, people.host_id, None, named, kind="manager")
    return keep_emptied_teams(session, people, (rule for rules in managers.values() for rule in rules), people.as_of)
