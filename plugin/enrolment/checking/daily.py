"""The daily check: every learner is looked at within a day, whoever should have stamped her; what differs is mended.

It finds what a fault of ours, a restored backup or a hand in the database left behind. In a sound system it finds
nothing: the number it keeps is an alarm (decision 0026).
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import numpy as np
from pyroaring import BitMap
from sqlalchemy import text
from sqlalchemy.orm import Session

from plugin.certifications.resolve import rules_of
from plugin.core.database.bulk import among, exactly, fetch, insert_rows, run
from plugin.core.database.leases import end_turn, take_turn
from plugin.core.database.slices import slices
from plugin.core.ids import keep_number, read_clock, take_ids
from plugin.core.journal import record
from plugin.core.logs import log
from plugin.core.runtime import Runtime
from plugin.delivery.seats.wanted_seats import is_owed
from plugin.delivery.tables import IN, NO_POLICY, Seat
from plugin.enrolment.answers.emptied_teams import keep_emptied_teams
from plugin.enrolment.answers.withdrawal_guard import Limits, judge
from plugin.enrolment.checking.learners import decide_again, in_parts
from plugin.enrolment.checking.places import OfCourse, of_courses
from plugin.enrolment.codes import HELD_BY_EXCEPTION, TIME_ALLOWANCE, WITHDRAWN, active
from plugin.enrolment.facts import Facts, Ints, read_facts
from plugin.enrolment.reading.gather import Cause
from plugin.enrolment.reading.snapshot import Snapshot, lock_certification
from plugin.enrolment.rules.lifecycle import completions_of
from plugin.enrolment.settling.batch import SettledTogether
from plugin.enrolment.settling.owed_looks import owed_people
from plugin.enrolment.settling.seat_claims import Share, claim_seats
from plugin.enrolment.tables import ExceptionRow
from plugin.mirror.changes import stamp
from plugin.mirror.pulling.unit_trees import recount
from plugin.population.columns import ids_of
from plugin.population.sets import population_read

EVERY = 20 * 3600
"""Seconds from one look at a certification to the next, so that a day never passes without one."""
FOUND, LAST, WORDS = "drift_found", "drift_last", "found by the daily check"
_CHECKED, _SEATS, _TURN = "checked:", "checked:seats", "check"
_LEASE, _AT_ONCE, _EVERYBODY = 900, 2_000, 10_000_000
_log = log("enrolment")


def check_daily(runtime: Runtime, host_id: int, *, seconds: float | None = None) -> int:
    """Look at the certifications, and then the seats, whose day is over; returns how many differences were mended.

    :param seconds: after so many no other certification is begun; the rest is due the next time.
    """
    with runtime.db.read() as session:
        due = _due(session, host_id)
    if due.new:
        runtime.db.transact(partial(_begin, host_id=host_id, due=due))
    if not due.certifications and not due.seats:
        return 0
    true_now = runtime.clock.true()
    turn = runtime.db.transact(lambda session: take_turn(session, host_id, _TURN, true_now, _LEASE))
    if turn is None:
        return 0
    found, until = 0, time.monotonic() + (seconds if seconds is not None else _EVERYBODY)
    for number in due.certifications:
        found += _check(runtime, host_id, number)
        if time.monotonic() > until:
            break
    else:
        found += _check_seats(runtime, host_id) if due.seats else 0
    runtime.db.transact(lambda session: end_turn(session, host_id, _TURN, turn))
    return found


def drift_found(session: Session, host_id: int) -> tuple[int, int]:
    """How many differences the daily check ever found, and when it last found one (0: never)."""
    sql = "SELECT name, value FROM counter WHERE host_id = ? AND name IN (?, ?)"
    values = dict(fetch(session, sql, host_id, FOUND, LAST))
    return int(values.get(FOUND, 0)), int(values.get(LAST, 0))


@dataclass(frozen=True)
class _Due:
    """What the check has to look at.

    :ivar certifications: those that wait for no save and whose last look is long ago. :ivar seats: whether theirs is.
    :ivar new: marks of what was never seen: its day begins now.
    """

    as_of: int
    certifications: list[int]
    seats: bool
    new: list[str]


def _due(session: Session, host_id: int) -> _Due:
    _seq, as_of = read_clock(session, host_id)
    sql = "SELECT name, value FROM counter WHERE host_id = ? AND name LIKE ?"
    marks = dict(fetch(session, sql, host_id, f"{_CHECKED}%"))
    numbers = fetch(
        session,
        "SELECT c.id FROM certification c LEFT JOIN settling s ON s.host_id = c.host_id AND s.certification = c.id"
        " AND s.state <> 'done' WHERE c.host_id = ? AND c.version > 0 AND s.certification IS NULL ORDER BY c.id",
        host_id,
    )
    names = {f"{_CHECKED}{one}": one for (one,) in numbers}
    due = [number for name, number in names.items() if marks.get(name, as_of) + EVERY <= as_of]
    new = [name for name in (*names, _SEATS) if name not in marks] if names else []
    return _Due(as_of, due, marks.get(_SEATS, as_of) + EVERY <= as_of, new)


def _begin(session: Session, host_id: int, due: _Due) -> None:
    for name in due.new:
        keep_number(session, host_id, name, due.as_of)


def _found(session: Session, host_id: int, at: int, people: BitMap, what: str, certification: int | None) -> int:
    """Say it in the history and the log, and count it; returns how many."""
    take_ids(session, host_id, FOUND, len(people))
    keep_number(session, host_id, LAST, at)
    record(session, host_id, at, "rule", what, certification=certification, people=people, reason=WORDS)
    _log.error("the daily check found a difference", host=host_id, certification=certification, people=len(people))
    return len(people)


def _check(runtime: Runtime, host_id: int, certification: int) -> int:
    """One certification, part by part; what differs is decided once more under the clock, and mended."""
    with runtime.db.read() as session:
        people = population_read(session, host_id)
        as_of = people.as_of
        differing: BitMap = BitMap()
        for again in in_parts(session, people, certification, BitMap(owed_people(session, host_id, _EVERYBODY))):
            differing |= again.people()
        sql = "SELECT x.person FROM exception x WHERE x.host_id = ? AND x.certification = ? AND NOT EXISTS"
        sql += " (SELECT 1 FROM enrolment e WHERE e.host_id = x.host_id AND e.certification = x.certification"
        sql += f"  AND e.person = x.person AND e.state > {WITHDRAWN})"
        differing |= BitMap([row[0] for row in fetch(session, sql, host_id, certification)])
    listed, mended = ids_of(differing), 0
    limits = Limits.of(runtime.settings)
    for part in slices(listed, _AT_ONCE):
        mend = partial(_mend, host_id=host_id, certification=certification, who=part)
        mended += runtime.db.transact(partial(mend, limits=limits))
    runtime.db.transact(partial(_close, host_id=host_id, certification=certification, as_of=as_of))
    return mended


def _mend(session: Session, host_id: int, certification: int, who: Ints, limits: Limits) -> int:
    """Decide them once more, from the mirror's rows, with the clock to ourselves; stamp those who differ, so that sets
    kept by others know them too."""
    _seq, as_of = read_clock(session, host_id, lock=True)
    lock_certification(session, host_id, certification)
    sql = "SELECT 1 FROM settling WHERE host_id = ? AND certification = ? AND state <> 'done'"
    if fetch(session, sql, host_id, certification):
        return 0  # a save came, and settles everybody
    owed = BitMap(owed_people(session, host_id, _EVERYBODY))
    who = who[~np.isin(who, ids_of(owed))]
    people = population_read(session, host_id)
    before = decide_again(session, people, certification, who)
    found = before.people() | _of_nobody(session, host_id, certification, who)
    if not found:
        return 0
    _ask_again(session, host_id, certification, _held(before.work.facts))
    keep_emptied_teams(session, people, rules_of(session, host_id, certification), as_of)
    again = decide_again(session, people, certification, ids_of(found))
    cause = Cause(otherwise=as_of, who="rule", reason=WORDS)
    leaving = {certification: again.work.undecided(cause)}
    may_go = judge(session, host_id, leaving, as_of, limits, by_sync=True)
    together = SettledTogether(session, host_id, as_of, cause.who)
    together.decide([again.work], cause, may_go)
    together.close()
    stamp(session, host_id, found, as_of)
    return _found(session, host_id, as_of, found, "drift_repaired", certification)


def _of_nobody(session: Session, host_id: int, certification: int, who: Ints) -> BitMap:
    """Drop the exceptions of those who are not enrolled; returns whose they were."""
    if not len(who):
        return BitMap()
    gone = fetch(
        session,
        f"DELETE FROM exception WHERE host_id = ? AND certification = ? AND {among('person', who)} AND NOT EXISTS"
        " (SELECT 1 FROM enrolment e WHERE e.host_id = exception.host_id AND e.certification = exception.certification"
        f"  AND e.person = exception.person AND e.state > {WITHDRAWN}) RETURNING person",
        host_id, certification,
    )  # fmt: skip
    return BitMap([row[0] for row in gone])


def _held(facts: Facts) -> Ints:
    return facts.person[facts.live & (facts.hold == HELD_BY_EXCEPTION)]


def _ask_again(session: Session, host_id: int, certification: int, held: Ints) -> None:
    """Who is held back by an exception that is not there is asked anew: then the rules keep it, or let her in."""
    facts = read_facts(session, host_id, certification, held)
    columns = {
        "host_id": host_id, "certification": certification, "person": held, "type": TIME_ALLOWANCE,
        "since": facts.began, "wanted_due": facts.due, "wanted_from": facts.due_from, "why": facts.why,
    }  # fmt: skip
    insert_rows(session, ExceptionRow, columns, skip_present=True)


def _close(session: Session, host_id: int, certification: int, as_of: int) -> None:
    """Note the look, and count anew who is active."""
    lock_certification(session, host_id, certification)
    session.execute(
        text(
            "UPDATE certification SET active_learners = (SELECT count(*) FROM enrolment e WHERE"
            f" e.host_id = certification.host_id AND e.certification = certification.id"
            f" AND {active('e.')}) WHERE host_id = :host AND id = :id"
        ),
        {"host": host_id, "id": certification},
    )
    keep_number(session, host_id, f"{_CHECKED}{certification}", as_of)


def _check_seats(runtime: Runtime, host_id: int) -> int:
    with runtime.db.read() as session:
        _seq, as_of = read_clock(session, host_id)
        wrong = list(of_courses(session, host_id, as_of))
    mended = sum(runtime.db.transact(partial(_mend_seats, host_id=host_id, course=one)) for one in wrong)
    runtime.db.transact(lambda session: keep_number(session, host_id, _SEATS, as_of))
    runtime.db.transact(lambda session: recount(session, host_id))  # people by unit, which jobs change by themselves
    return mended


def _mend_seats(session: Session, host_id: int, course: OfCourse) -> int:
    """The seats of one course: wanted anew over all enrolments, and owed by what is wanted and confirmed."""
    _seq, as_of = read_clock(session, host_id, share=True)
    lock_certification(session, host_id, *course.certifications)
    wrong = ids_of(course.missing | course.wanting)
    found: BitMap = BitMap()
    for number in course.certifications if len(wrong) else ():
        snapshot = Snapshot(session, host_id, [number], wrong)
        terms, facts = snapshot.terms(number), read_facts(session, host_id, number, wrong)
        done = completions_of(session, terms, wrong)
        # Nobody claims it and no policy is noted: it is as if this certification had just let it go.
        run(
            session,
            f"UPDATE seat SET leave = ? WHERE host_id = ? AND course = ? AND wanted = {IN} AND leave = {NO_POLICY}"
            f" AND {exactly('person', wrong)}",
            terms.leave, host_id, course.course,
        )  # fmt: skip
        if claim_seats([Share(snapshot, terms, facts, facts, done, as_of, as_of)]):
            found |= course.missing | course.wanting
    found |= _owe_rightly(session, host_id, course)
    return (
        _found(session, host_id, as_of, found, "seats_repaired", next(iter(course.certifications), None))
        if found
        else 0
    )


def _owe_rightly(session: Session, host_id: int, course: OfCourse) -> BitMap:
    found: BitMap = BitMap()
    for person in course.owing:
        row = session.get(Seat, (host_id, course.course, person), with_for_update=True, populate_existing=True)
        if row is None or row.call or bool(row.owed) == is_owed(row.wanted, row.confirmed, row.origin):
            continue
        row.owed = is_owed(row.wanted, row.confirmed, row.origin)
        found.add(person)
    session.flush()
    return found
