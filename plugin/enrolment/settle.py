"""Settling: ``step`` over whoever is owed a look, in short transactions, from any process, killed at any instant.

Two ways in. :func:`settle_people`: those the mirror or an answer changed, in all their certifications.
:func:`settle_certifications`: everybody whom a saved version touches. Both end in the same chunk, which decides
afresh from the rows of its own transaction; nothing decided outside is ever written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np
from pyroaring import BitMap
from sqlalchemy import CursorResult, bindparam, select, text, update
from sqlalchemy.orm import Session

from plugin.certifications.resolve import Rule, matches_of, resolve, rules_of
from plugin.certifications.tables import Certification, Version
from plugin.core.ids import read_clock
from plugin.core.journal import record
from plugin.core.logs import log, use_correlation
from plugin.core.runtime import Runtime
from plugin.delivery.claim import is_dead, worker_token
from plugin.enrolment.chunk import Work, decide, prepare
from plugin.enrolment.facts import Ints
from plugin.enrolment.gone import TEAM_GONE, learners_by, mark_missing, pin
from plugin.enrolment.guard import Limits, judge
from plugin.enrolment.inputs import Cause, lock_certification
from plugin.enrolment.owing import mark_settled, owe, owed_people
from plugin.enrolment.step import NO_TYPE
from plugin.enrolment.tables import Settling, WhySet
from plugin.population.sets import Population, population

BATCH = 20_000
CHUNK = {True: 400, False: 2_000}
"""People in one transaction, by whether the database is SQLite: a writer there makes all others wait."""
LEASE = 120
EVERYBODY = 10_000_000
_log = log("enrolment")


@dataclass(frozen=True)
class Progress:
    """A save's work under way: learners done, of how many."""

    state: str
    done: int
    total: int


# --- people ---------------------------------------------------------------------------------------------------


def settle_people(runtime: Runtime, host_id: int, limit: int = BATCH) -> int:
    """Settle everybody the mirror, an answer or the time changed. Returns how many people were looked at."""
    limits = Limits.of(runtime.settings)
    with runtime.db.read() as session:
        owed = owed_people(session, host_id, limit)
    if not owed:
        return 0
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


def _judge_people(
    runtime: Runtime, host_id: int, owed: Mapping[int, int], limits: Limits, size: int
) -> dict[int, BitMap]:
    """Look at a batch too large for one transaction as a whole, so that slices do not slip past the guard.

    The looking is done in short reads, so that nobody waits for it; only the verdict is written.
    """
    runtime.db.transact(partial(_mark_gone, host_id=host_id, owed=owed))
    leaving: dict[int, BitMap] = {}
    everyone = sorted(owed)
    for start in range(0, len(everyone), size):
        part = {person: owed[person] for person in everyone[start : start + size]}
        with runtime.db.read() as session:
            people = population(session, host_id)
            for work, cause in _works(session, people, part):
                leaving[work.terms.id] = leaving.get(work.terms.id, BitMap()) | work.undecided(cause)
    as_of = people.as_of
    return runtime.db.transact(lambda session: judge(session, host_id, leaving, as_of, limits, by_sync=True))


def _mark_gone(session: Session, host_id: int, owed: Mapping[int, int]) -> None:
    people = population(session, host_id)
    mark_missing(session, host_id, people.as_of)
    _pin_emptied_teams(session, people, owed, people.as_of)


def _people_chunk(
    session: Session, host_id: int, owed: Mapping[int, int], limits: Limits, verdict: Mapping[int, BitMap] | None
) -> int:
    read_clock(session, host_id, share=True)  # no change of the mirror commits until we do (DESIGN, point 4)
    people = population(session, host_id)
    if verdict is None:
        mark_missing(session, host_id, people.as_of)
        _pin_emptied_teams(session, people, owed, people.as_of)
    works = list(_works(session, people, owed, lock=True))
    if verdict is None:
        leaving = {work.terms.id: work.undecided(cause) for work, cause in works}
        verdict = judge(session, host_id, leaving, people.as_of, limits, by_sync=True)
    later: BitMap = BitMap()
    waiting = _of_pending_saves(session, host_id, works)
    works = [(work, cause) for work, cause in works if work.terms.id not in waiting]
    settled = owed.keys() - {person for who in waiting.values() for person in who}
    mark_settled(session, host_id, settled)
    for work, cause in works:
        may_go = verdict.get(work.terms.id, BitMap())
        # Judged or held meanwhile by nobody: these wait for the next batch rather than slip past the guard.
        unjudged = work.undecided(cause) - may_go
        fresh = prepare(session, people, work.terms.id, work.facts.person, cause, matches=None) if unjudged else work
        unjudged = fresh.undecided(cause) - may_go
        later |= unjudged
        if unjudged:
            kept = np.array(BitMap(fresh.facts.person.astype(np.uint32)) - unjudged, dtype=np.int64)
            fresh = prepare(session, people, work.terms.id, kept, cause)
        _outcome, writing = decide(session, fresh, cause, may_go)
        writing.write()
    owe(session, host_id, later, people.as_of)
    return len(settled)


def _of_pending_saves(session: Session, host_id: int, works: Sequence[tuple[Work, Cause]]) -> dict[int, list[int]]:
    """By certification with a save not settled yet, the people it concerns: they belong to that save first.

    What a save decides (no messages, a number confirmed, the instant its spells begin) is its own; whoever is owed a
    look besides keeps being owed it until the save is done.
    """
    pending = set(
        session.scalars(select(Settling.certification).where(Settling.host_id == host_id, Settling.state != "done"))
    )
    return {work.terms.id: work.facts.person.tolist() for work, _cause in works if work.terms.id in pending}


def _works(
    session: Session, people: Population, owed: Mapping[int, int], *, lock: bool = False
) -> Sequence[tuple[Work, Cause]]:
    """One work for each certification that concerns any of these people, in the order of their ids."""
    host_id = people.host_id
    matches = matches_of(session, host_id, sorted(owed), people.as_of)
    concerned = _concerned(session, host_id, matches, sorted(owed))
    cause = Cause(otherwise=people.as_of, at=owed)
    found = []
    for certification, who in sorted(concerned.items()):
        if lock:
            lock_certification(session, host_id, certification)
        ids = np.array(sorted(who), np.int64)
        rules = rules_of(session, host_id, certification)
        found.append((prepare(session, people, certification, ids, cause, rules=rules, matches=matches), cause))
    return found


def _concerned(
    session: Session, host_id: int, matches: Mapping[int, Sequence[Rule]], people: Sequence[int]
) -> dict[int, set[int]]:
    concerned: dict[int, set[int]] = {}
    for person, rules in matches.items():
        for rule in rules:
            concerned.setdefault(rule.certification, set()).add(person)
    statement = text(
        "SELECT certification, person FROM enrolment WHERE host_id = :host AND person IN :people AND state > 0"
    ).bindparams(bindparam("people", expanding=True))
    for start in range(0, len(people), 500):
        rows = session.execute(statement, {"host": host_id, "people": list(people[start : start + 500])})
        for certification, person in rows:
            concerned.setdefault(certification, set()).add(person)
    return concerned


def _pin_emptied_teams(session: Session, people: Population, owed: Mapping[int, int], at: int) -> None:
    """A manager whose team goes from two or more to none in one batch keeps it until somebody answers (2.3)."""
    statement = text(
        "SELECT DISTINCT e.why FROM enrolment e WHERE e.host_id = :host AND e.person IN :people AND e.state > 0"
    ).bindparams(bindparam("people", expanding=True))
    whys: set[int] = set()
    listed = sorted(owed)
    for start in range(0, len(listed), 500):
        rows = session.execute(statement, {"host": people.host_id, "people": listed[start : start + 500]})
        whys.update(row[0] for row in rows)
    named: set[int] = set()
    for start in range(0, len(whys), 500):
        part = sorted(whys)[start : start + 500]
        query = select(WhySet.assignments).where(WhySet.host_id == people.host_id, WhySet.id.in_(part))
        named.update(assignment for found in session.scalars(query) for assignment in found)
    if not named:
        return
    statement = text(
        "SELECT id, certification FROM assignment WHERE host_id = :host AND live AND NOT missing AND type = 'manager'"
        " AND id IN :ids"
    ).bindparams(bindparam("ids", expanding=True))
    for assignment, certification in session.execute(statement, {"host": people.host_id, "ids": sorted(named)}).all():
        rule = next(r for r in rules_of(session, people.host_id, certification) if r.id == assignment)
        if rule.key is not None and not people.matching(rule.key):
            had = learners_by(session, people.host_id, assignment) & people.existing
            if len(had) >= 2:
                pin(session, people.host_id, certification, assignment, had, TEAM_GONE, at)


# --- certifications -------------------------------------------------------------------------------------------


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


def settle_certifications(runtime: Runtime, host_id: int) -> int:
    """Work off every whole settle that is owed, in the order of the saves. Returns how many were finished."""
    finished = 0
    while (claimed := _claim(runtime, host_id)) is not None:
        use_correlation(claimed.correlation)
        finished += _settle_one(runtime, host_id, claimed)
    return finished


def progress(session: Session, host_id: int, certification: int) -> Progress | None:
    """How far the latest save's work is; ``None`` where there never was one."""
    row = session.get(Settling, (host_id, certification))
    return Progress(row.state, row.done, row.total) if row is not None else None


def _claim(runtime: Runtime, host_id: int) -> Settling | None:
    """Take the oldest owed one under a lease; one whose lease ran out counts as owed."""
    now, token = runtime.clock.true(), worker_token()

    def take(session: Session) -> Settling | None:
        rows = session.scalars(
            select(Settling)
            .where(Settling.host_id == host_id, Settling.state != "done")
            .order_by(Settling.number)
            .with_for_update(skip_locked=True)
        )
        for row in rows:
            if row.lease_until < now or is_dead(row.lease):
                row.state, row.lease, row.lease_until = "running", token, now + LEASE
                return row
        return None

    return runtime.db.transact(take)


def _cause(claimed: Settling) -> Cause:
    choices = claimed.choices
    return Cause(
        otherwise=claimed.as_of,
        version=claimed.version,
        earlier=bool(choices.get("earlier")),
        quiet=bool(choices.get("no_messages")),
        confirmed=bool(choices.get("confirmed")),
        by_sync=False,
        who=claimed.who,
        reason=str(choices.get("reason") or ""),
    )


def _settle_one(runtime: Runtime, host_id: int, claimed: Settling) -> int:
    cause, certification = _cause(claimed), claimed.certification
    limits = Limits.of(runtime.settings)
    with runtime.db.read() as session:
        # Whom the host changed after the save begins her spell then, not before (DOMAIN 3.2).
        changed = owed_people(session, host_id, EVERYBODY)
    cause = replace(cause, at={person: max(at, claimed.as_of) for person, at in changed.items()})
    verdict = runtime.db.transact(lambda session: _judge_save(session, host_id, certification, cause, limits))
    with runtime.db.read() as session:
        touched = _touched(session, host_id, certification, cause, verdict)
    size = CHUNK[runtime.db.sqlite]
    if not _report(runtime, claimed, 0, len(touched)):
        return 0
    for start in range(0, len(touched), size):
        part = touched[start : start + size]
        runtime.db.transact(partial(_save_chunk, claimed=claimed, part=part, cause=cause, may_go=verdict))
        if not _report(runtime, claimed, start + len(part), len(touched)):
            return 0
    return runtime.db.transact(lambda session: _finish(session, claimed, cause))


def _judge_save(session: Session, host_id: int, certification: int, cause: Cause, limits: Limits) -> BitMap:
    """Judge all withdrawals of a save at once, before any of them happens."""
    if cause.confirmed:
        return BitMap()
    read_clock(session, host_id, share=True)
    people = population(session, host_id)
    mark_missing(session, host_id, people.as_of)
    work = prepare(session, people, certification, _everyone(session, people, certification), cause)
    leaving = {certification: work.undecided(cause)}
    return judge(session, host_id, leaving, people.as_of, limits, by_sync=False)[certification]


def _everyone(session: Session, people: Population, certification: int) -> Ints:
    """Who has a row in a certification, or is matched by one of its assignments."""
    rows = session.execute(
        text("SELECT person FROM enrolment WHERE host_id = :host AND certification = :c AND state > 0"),
        {"host": people.host_id, "c": certification},
    )
    found = BitMap(row[0] for row in rows)
    for rule in rules_of(session, people.host_id, certification):
        found |= resolve(session, people, rule.key)
    return np.array(found, dtype=np.int64)


def _touched(session: Session, host_id: int, certification: int, cause: Cause, may_go: BitMap) -> Ints:
    """Whom the settle will change: decided once over everybody, so that chunks only visit those."""
    people = population(session, host_id)
    everyone = _everyone(session, people, certification)
    work = prepare(session, people, certification, everyone, cause)
    outcome, writing = decide(session, work, cause, may_go)
    changed = outcome.facts.differs(work.facts) | (outcome.raised != work.given.questions.type)
    changed |= (outcome.raised != NO_TYPE) & (outcome.asked != work.given.questions.wanted)
    # Content may have changed what is claimed of people whose rows stay as they are.
    changed |= np.isin(everyone, np.array(sorted(writing.done), np.int64))
    if _content_changed(session, host_id, certification, cause.version):
        changed |= outcome.facts.live
    return everyone[changed]


def _content_changed(session: Session, host_id: int, certification: int, version: int) -> bool:
    """Whether this version's content, policy or enrol mode differs from the one before."""
    if version < 2:
        return version == 1
    rows = session.scalars(
        select(Version)
        .where(
            Version.host_id == host_id, Version.certification == certification, Version.n.in_((version - 1, version))
        )
        .order_by(Version.n)
    ).all()
    if len(rows) < 2:
        return True
    before, after = (row.definition for row in rows)
    return any(before.get(name) != after.get(name) for name in ("content", "enrol", "leaving", "period", "state"))


def _save_chunk(session: Session, claimed: Settling, part: Ints, cause: Cause, may_go: BitMap) -> int:
    read_clock(session, claimed.host_id, share=True)
    people = population(session, claimed.host_id)
    lock_certification(session, claimed.host_id, claimed.certification)
    if not _still_ours(session, claimed):
        return 0
    work = prepare(session, people, claimed.certification, part, cause)
    late = work.undecided(cause) - may_go
    if late:
        owe(session, claimed.host_id, late, cause.otherwise)
        work = prepare(session, people, claimed.certification, part[~np.isin(part, np.array(late, np.int64))], cause)
    _outcome, writing = decide(session, work, cause, may_go)
    return writing.write()


def _still_ours(session: Session, claimed: Settling) -> bool:
    """Whether our lease and the version we settle still stand (DESIGN, point 4)."""
    row = session.get(Settling, (claimed.host_id, claimed.certification), populate_existing=True)
    return row is not None and row.lease == claimed.lease and row.number == claimed.number


def _report(runtime: Runtime, claimed: Settling, done: int, total: int) -> bool:
    """Write how far we are and renew the lease; ``False`` when somebody else has taken over."""

    def write(session: Session) -> bool:
        result = session.execute(
            update(Settling)
            .where(
                Settling.host_id == claimed.host_id,
                Settling.certification == claimed.certification,
                Settling.lease == claimed.lease,
                Settling.number == claimed.number,
            )
            .values(done=done, total=total, lease_until=runtime.clock.true() + LEASE)
        )
        return bool(cast("CursorResult[Any]", result).rowcount)

    return runtime.db.transact(write)


def _finish(session: Session, claimed: Settling, cause: Cause) -> int:
    if not _still_ours(session, claimed):
        return 0
    row = session.get_one(Settling, (claimed.host_id, claimed.certification))
    row.state, row.lease, row.lease_until = "done", "", 0
    certification = session.get_one(Certification, (claimed.host_id, claimed.certification))
    certification.settled_version = claimed.version
    record(
        session, claimed.host_id, cause.otherwise, claimed.who, "settled", certification=claimed.certification,
        version=claimed.version, data={"learners": row.total},
    )  # fmt: skip
    return 1
