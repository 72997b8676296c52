"""The tick: the only mover of a host's ``as_of``, in the transaction that owes a look to everybody whom time alone may
have changed since (design point 1; decision 0024).

So no instant is skipped, whoever reads the host, saves or works meanwhile: up to ``as_of`` everybody is stamped, and
nothing is decided beyond it. What waits for an instant, and how it is found, is listed in :mod:`waits`.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from functools import partial

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from plugin.certifications.tables import Assignment, Certification
from plugin.core.database.bulk import fetch, run
from plugin.core.database.process_cache import provisional
from plugin.core.host_time import use_tick
from plugin.core.ids import read_clock, take_ids
from plugin.core.runtime import Runtime
from plugin.enrolment.settling.owed_looks import STILL_TURNED
from plugin.enrolment.settling.saves import BEGINS, request_settling
from plugin.enrolment.tables import Settling, WaveState
from plugin.mirror.changes import EARLIER

_TURNED = """
SELECT person, starts AS at FROM job WHERE host_id = ? AND starts > ? AND starts <= ? AND NOT gone
UNION ALL SELECT person, ends FROM job WHERE host_id = ? AND ends > ? AND ends <= ? AND NOT gone
"""
_STAMP_JOBS = f"""
INSERT INTO change (host_id, person, seq, settled, at)
SELECT CAST(? AS INTEGER), person, CAST(? AS BIGINT), CAST(? AS BIGINT), min(at) FROM ({_TURNED}) AS turned
WHERE person IS NOT NULL GROUP BY person
ON CONFLICT (host_id, person) DO UPDATE SET seq = excluded.seq, settled = {STILL_TURNED}, at = {EARLIER}
"""
_TURN = """
UPDATE host_clock SET turned_from = CASE WHEN turned_to = seq THEN turned_from ELSE seq END, turned_to = ?, seq = ?
WHERE host_id = ?
"""
_WAITED = """
SELECT person, wakes AS at FROM enrolment WHERE host_id = ? AND wakes <= ?
UNION ALL SELECT person, until FROM exemption WHERE host_id = ? AND until > ? AND until <= ?
UNION ALL SELECT person, at FROM completion WHERE host_id = ? AND at > ? AND at <= ? AND NOT gone AND NOT reset
"""
_STAMP_WAITED = f"""
INSERT INTO change (host_id, person, seq, settled, at)
SELECT CAST(? AS INTEGER), person, CAST(? AS BIGINT), -1, CASE WHEN min(at) > ? THEN min(at) ELSE ? END
FROM ({_WAITED}) AS waited WHERE person IS NOT NULL GROUP BY person
ON CONFLICT (host_id, person) DO UPDATE SET settled = -1, at = {EARLIER}
"""
_NEXT = """
SELECT min(at) FROM (
SELECT min(starts) AS at FROM job WHERE host_id = ? AND starts > ? AND starts <= ?
UNION ALL SELECT min(ends) FROM job WHERE host_id = ? AND ends > ? AND ends <= ?
UNION ALL SELECT min(until) FROM exemption WHERE host_id = ? AND until > ? AND until <= ?
UNION ALL SELECT min(starts) FROM assignment WHERE host_id = ? AND starts > ? AND starts <= ? AND live
UNION ALL SELECT min(turn) FROM wave WHERE host_id = ? AND turn > ? AND turn <= ?
UNION ALL SELECT min(available_from) FROM certification WHERE host_id = ? AND available_from > ? AND available_from <= ?
UNION ALL SELECT min(available_until) FROM certification
 WHERE host_id = ? AND available_until > ? AND available_until <= ?
) AS instants
"""


def tick(runtime: Runtime, host_id: int) -> int:
    """Move ``as_of`` on to now and stamp whoever's jobs, dates, exemption or grace began or ended in between.

    A clock that stands or steps back changes nothing.

    :returns: how many people are owed a look because of it.
    """
    return sum(pass_time(runtime, host_id))


def pass_time(runtime: Runtime, host_id: int, *, to_next: bool = False) -> tuple[int, int]:
    """The same; how many people's jobs began or ended, and how many are owed a look for something else.

    :param to_next: no further than to the next instant at which somebody may come or go.
    """
    return runtime.db.transact(partial(tick_within, host_id=host_id, now=runtime.clock.now(), to_next=to_next))


def is_behind(runtime: Runtime, host_id: int) -> bool:
    """Whether ``as_of`` has not come to now yet."""
    with runtime.db.read() as session:
        _seq, as_of = read_clock(session, host_id)
    return as_of < runtime.clock.now()


def people_waiting(session: Session, host_id: int, before: int, now: int) -> int:
    """How many people a tick from one instant to another would owe a look."""
    between = (host_id, before, now)
    sql = f"SELECT count(DISTINCT person) FROM ({_TURNED} UNION ALL {_WAITED}) AS people"
    return int(fetch(session, sql, *between, *between, host_id, now, *between, *between)[0][0]) if now > before else 0


def tick_within(session: Session, host_id: int, now: int, *, to_next: bool = False) -> tuple[int, int]:
    """The same in the caller's transaction."""
    # The lock first: what is read after it holds every change that was stamped at an earlier instant.
    seq, before = read_clock(session, host_id, lock=True)
    if now <= before:
        return 0, 0
    if not before:  # a host without a time has nothing that waits
        if not run(session, "UPDATE host_clock SET as_of = ? WHERE host_id = ?", now, host_id):
            run(session, "INSERT INTO host_clock (host_id, seq, as_of) VALUES (?, 0, ?)", host_id, now)
        return 0, 0
    if to_next:
        now = fetch(session, _NEXT, *(host_id, before, now) * 7)[0][0] or now
    between = (host_id, before, now)
    turned = run(session, _STAMP_JOBS, host_id, seq + 1, -10 - (seq + 1), *between, *between)
    if turned:  # what the jobs mean changed: sets kept at an older seq must know
        provisional(session)
        seq += 1
        run(session, _TURN, seq, seq, host_id)
    # A job that turned moves the reports of nobody else: a chain runs through ended jobs too (rules 2.3).
    waited = run(session, _STAMP_WAITED, host_id, seq, before, before, host_id, now, *between, *between)
    _availability(session, host_id, before, now)
    run(session, "UPDATE host_clock SET as_of = ? WHERE host_id = ?", now, host_id)
    return turned, waited


def _availability(session: Session, host_id: int, before: int, now: int) -> None:
    """Certifications that became available, or stopped being so, are settled whole (rules 5.11), and those with an
    assignment whose first day has come, or the next period of a wave (rules 11.2, 11.3)."""
    turns = and_(WaveState.host_id == host_id, WaveState.turn > before, WaveState.turn <= now)
    begins = and_(Assignment.host_id == host_id, Assignment.starts > before, Assignment.starts <= now, Assignment.live)
    rows = session.scalars(
        select(Certification).where(
            Certification.host_id == host_id,
            or_(
                and_(Certification.available_from > before, Certification.available_from <= now),
                and_(Certification.available_until > before, Certification.available_until <= now),
                Certification.id.in_(select(Assignment.certification).where(begins)),
                Certification.id.in_(select(WaveState.certification).where(turns)),
            ),
            Certification.state == "live",
        )
    )
    for row in rows:
        ats = [at for at in (row.available_from, row.available_until) if at is not None and before < at <= now]
        pending = session.get(Settling, (host_id, row.id))
        if pending is not None and pending.state in ("owed", "running"):
            pending.as_of = max(pending.as_of, *ats) if ats else pending.as_of  # what its administrator chose stays
            if not ats and pending.state == "running":  # begun before this instant: it is begun again
                pending.number, pending.state = take_ids(session, host_id, "settling"), "owed"
                pending.give_back()
            continue
        first = None if ats else _first_of(session, row, begins, turns)
        # Whoever begins later than the first of them begins at her own instant (plugin/enrolment/reading/time_of_change.py).
        request_settling(
            session, host_id, row.id, number=take_ids(session, host_id, "settling"), version=row.version,
            at=max(ats) if ats else int(first or now), who="time", choices={} if ats else BEGINS, correlation="",
        )  # fmt: skip


def _first_of(session: Session, row: Certification, *conditions: ColumnElement[bool]) -> int | None:
    """The earliest first day or period of a certification that meets these conditions."""
    begins, turns = conditions
    found = (
        session.scalar(select(func.min(Assignment.starts)).where(begins, Assignment.certification == row.id)),
        session.scalar(select(func.min(WaveState.turn)).where(turns, WaveState.certification == row.id)),
    )
    return min((one for one in found if one is not None), default=None)


use_tick(tick)
