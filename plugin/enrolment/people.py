"""Settling the people whom the mirror, an answer or the time changed, in all their certifications."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial

import numpy as np
from pyroaring import BitMap
from sqlalchemy import text
from sqlalchemy.orm import Session

from plugin.certifications.resolve import rules_of
from plugin.core.bulk import among, fetch
from plugin.core.caches import keep, kept
from plugin.core.ids import read_clock
from plugin.core.runtime import Runtime
from plugin.enrolment.around import Around, lock_certification
from plugin.enrolment.chunk import Work, prepare, prepare_all
from plugin.enrolment.glance import Glance, glance
from plugin.enrolment.gone import TEAM_GONE, learners_by, look_for_missing, mark_missing, pin
from plugin.enrolment.guard import Limits, judge
from plugin.enrolment.inputs import Cause, matched_memberships
from plugin.enrolment.owing import mark_settled, owe, owed_people, take_owed
from plugin.enrolment.settle import settle_everything, without
from plugin.enrolment.together import Together
from plugin.population.sets import Population, population

BATCH = 20_000
"""With more people than this it is cheaper to settle every certification whole."""
_FEW_RULES = 500
CHUNK = {True: 400, False: 2_000}
"""People in one transaction, by whether the database is SQLite: a writer there makes all others wait."""


def settle_people(runtime: Runtime, host_id: int, limit: int = BATCH) -> int:
    """Settle everybody the mirror, an answer or the time changed. Returns how many people were looked at."""
    limits = Limits.of(runtime.settings)
    with runtime.db.read() as session:
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
    for start in range(0, len(everyone), size):
        part = {person: owed[person] for person in everyone[start : start + size]}
        looked += runtime.db.transact(
            partial(_people_chunk, host_id=host_id, owed=part, limits=limits, verdict=verdict)
        )
    return looked


def _owed_by_targets(runtime: Runtime, host_id: int, limit: int) -> dict[int, int]:
    """Whoever is owed a look because a target went or came back, when the mirror changed and stamped nobody."""
    name = ("targets", host_id)
    with runtime.db.read() as session:
        seq, _as_of = read_clock(session, host_id)
        if kept(session, name) == seq:
            return {}
    look_for_missing(runtime, host_id)
    with runtime.db.read() as session:
        keep(session, name, seq)
        return owed_people(session, host_id, limit + 1)


def _settle_whole(runtime: Runtime, host_id: int) -> int:
    """A batch so large that sets are cheaper; who changes meanwhile, or waits for a save, stays owed."""
    with runtime.db.read() as session:
        seq, _as_of = read_clock(session, host_id)
        owed = owed_people(session, host_id, 10_000_000)
    runtime.db.transact(lambda session: take_owed(session, host_id))
    runtime.db.transact(lambda session: _pin_all(session, host_id, owed))
    settle_everything(runtime, host_id, owed)
    return runtime.db.transact(lambda session: _all_settled(session, host_id, owed, seq))


def _pin_all(session: Session, host_id: int, owed: Mapping[int, int]) -> None:
    people = population(session, host_id)
    mark_missing(session, host_id, people.as_of)
    seen = glance(session, people, sorted(owed))
    _pin_emptied_teams(session, people, seen, people.as_of)


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
                waiting |= people.matching(rule.key)
        rows = session.execute(
            text("SELECT person FROM enrolment WHERE host_id = :host AND certification = :c AND state > 0"),
            {"host": host_id, "c": certification},
        )
        waiting |= BitMap(row[0] for row in rows)
    return set(waiting)


def _judge_people(
    runtime: Runtime, host_id: int, owed: Mapping[int, int], limits: Limits, size: int
) -> dict[int, BitMap]:
    """Look at a batch too large for one transaction as a whole, so that slices do not slip past the guard.

    The looking is done in short reads, so that nobody waits for it; only the verdict is written.
    """
    runtime.db.transact(lambda session: _pin_all(session, host_id, owed))
    leaving: dict[int, BitMap] = {}
    everyone = sorted(owed)
    for start in range(0, len(everyone), size):
        part = {person: owed[person] for person in everyone[start : start + size]}
        with runtime.db.read() as session:
            people = population(session, host_id)
            cause = Cause(otherwise=people.as_of, at=part)
            for work in _works(session, people, glance(session, people, sorted(part)), cause):
                leaving[work.terms.id] = leaving.get(work.terms.id, BitMap()) | work.undecided(cause)
    as_of = people.as_of
    return runtime.db.transact(lambda session: judge(session, host_id, leaving, as_of, limits, by_sync=True))


def _people_chunk(
    session: Session, host_id: int, owed: Mapping[int, int], limits: Limits, verdict: Mapping[int, BitMap] | None
) -> int:
    read_clock(session, host_id, share=True)  # no change of the mirror commits until we do (DESIGN, point 4)
    people = population(session, host_id)
    one_of_many, cause = verdict is not None, Cause(otherwise=people.as_of, at=owed)
    if verdict is None:
        mark_missing(session, host_id, people.as_of, sorted(owed))
    seen = glance(session, people, sorted(owed))
    if verdict is None and _pin_emptied_teams(session, people, seen, people.as_of):
        seen = glance(session, people, sorted(owed))
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
            works[position], unjudged = _judged_only(session, people, work, cause, may_go)
            later |= unjudged
    together = Together(session, host_id, people.as_of, cause.who)
    together.decide(works, cause, verdict)
    together.close(one_of_many=one_of_many)
    owe(session, host_id, later, people.as_of)
    return len(settled)


def _judged_only(session: Session, people: Population, work: Work, cause: Cause, may_go: BitMap) -> tuple[Work, BitMap]:
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
    rows = fetch(session, "SELECT certification FROM settling WHERE host_id = ? AND state <> 'done'", host_id)
    return {row[0] for row in rows}


def _works(session: Session, people: Population, seen: Glance, cause: Cause, *, lock: bool = False) -> list[Work]:
    """One work for each certification that may change for any of these people, in the order of their ids."""
    host_id = people.host_id
    concerned = sorted(seen.concerned)
    if lock:
        lock_certification(session, host_id, *concerned)
    everyone = np.array(sorted(set().union(*seen.concerned.values())), np.int64)
    # Of thousands of assignments only those they match; read anew, for the lock may have waited for a save.
    matched = {rule.id for rules in seen.matches.values() for rule in rules}
    around = Around(session, host_id, concerned, everyone, matched if len(matched) <= _FEW_RULES else None)
    asked = []
    for certification in concerned:
        theirs = np.array(sorted(seen.concerned[certification]), np.int64)
        rules, pins = around.rules[certification], around.held(certification).pins
        asked.append((certification, theirs, matched_memberships(seen.matches, theirs, pins, rules)))
    return prepare_all(around, people, asked, cause)


def _pin_emptied_teams(session: Session, people: Population, seen: Glance, at: int) -> bool:
    """A manager whose team goes from two or more to none in one batch keeps it until somebody answers (2.3).

    Returns whether there was one.
    """
    whys = sorted({why for _certification, why in seen.lost if why})
    named: set[int] = set()
    for start in range(0, len(whys), 500):
        some = among("id", np.array(whys[start : start + 500]))
        sql = f"SELECT CAST(assignments AS TEXT) FROM why_set WHERE host_id = ? AND {some}"
        for (found,) in fetch(session, sql, people.host_id):
            named.update(json.loads(found))
    managers = [
        row
        for start in range(0, len(named), 500)
        for row in fetch(
            session,
            "SELECT id, certification FROM assignment WHERE host_id = ? AND live AND NOT missing AND type = 'manager'"
            f" AND {among('id', np.array(sorted(named)[start : start + 500]))}",
            people.host_id,
        )
    ]
    pinned_one = False
    for assignment, certification in managers:
        rule = next(r for r in rules_of(session, people.host_id, certification) if r.id == assignment)
        if rule.key is not None and not people.matching(rule.key):
            had = learners_by(session, people.host_id, assignment) & people.existing
            if len(had) >= 2:
                pin(session, people.host_id, certification, assignment, had, TEAM_GONE, at)
                pinned_one = True
    return pinned_one
