"""Reconcile: read the host's enrolments back, compare them with what was confirmed, and own up to the difference (rules 9.4).

It never races the drain: a seat is judged only if it is in no call and its last answer was written before the read began.
Of an enrolment that is ours and differs, the policy decides: *re-assert* sends what is wanted anew, *accept* leaves it so
until something else is wanted, *ask* leaves it so until somebody answers. What others made is listed and never changed.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from pyroaring import BitMap64
from sqlalchemy.orm import Session

from plugin.core.database.bulk import exactly, fetch
from plugin.core.database.dialect import for_update
from plugin.core.database.slices import slices
from plugin.core.ids import kept_number, take_ids
from plugin.core.journal import record
from plugin.core.logs import log
from plugin.core.runtime import Runtime
from plugin.delivery.drift import findings
from plugin.delivery.drift.findings import ACCEPT, ASK, FoundDifference, policy_of
from plugin.delivery.seats.wanted_seats import is_owed
from plugin.delivery.tables import FOUND, IN, OURS, OUT, SUSPENDED, UNKNOWN
from plugin.hosts.port import Caps, HostTrouble, Record
from plugin.mirror.connections.store import connection_of, open_connection
from plugin.mirror.pulling.pull import note_health, note_trouble
from plugin.mirror.tables import Connection, SyncRun

STATES = {"active": IN, "suspended": SUSPENDED}
_NAMED = 500
_SHIFT = 32
_log = log("delivery")


@dataclass
class HostDrift:
    """Seats of ours that are not as confirmed, and enrolments made by others, which are only listed.

    :ivar asked: how many of the first three wait for somebody's answer. :ivar accepted: how many are left as they are.
    :ivar echoes: enrolments looked at that are as confirmed.
    """

    missing: int = 0
    suspended: int = 0
    extra: int = 0
    others: int = 0
    asked: int = 0
    accepted: int = 0
    echoes: int = 0

    @property
    def found(self) -> int:
        """Seats of ours that differ."""
        return self.missing + self.suspended + self.extra


@dataclass
class Look:
    """One look at the host.

    :ivar began: number of the last answer before it. :ivar run: the run it belongs to; 0 for a look at some ids.
    :ivar seen: seats that the host has, as course and person in one number.
    """

    host_id: int
    caps: Caps
    policy: str
    at: int
    began: int
    run: int
    drift: HostDrift = field(default_factory=HostDrift)
    seen: BitMap64 = field(default_factory=BitMap64)


@dataclass(frozen=True)
class _Seat:
    course: int
    person: int
    person_ext: str
    course_ext: str
    wanted: int
    confirmed: int
    origin: int
    generation: int


_COLUMNS = "s.course, s.person, p.ext, c.ext, s.wanted, s.confirmed, s.origin, s.generation"
_JUDGED = f"s.host_id = ? AND s.call = '' AND s.confirmed <> {UNKNOWN} AND s.answer <= ?"
_JOINS = " JOIN person p ON p.host_id = s.host_id AND p.id = s.person JOIN course c ON c.host_id = s.host_id AND c.id = s.course"


def reconcile(runtime: Runtime, host_id: int) -> HostDrift:
    """Read every enrolment of the host, page by page, in full; each page is compared in a transaction of its own.

    :raises HostTrouble: as the host answers; what was compared so far stays.
    """
    with runtime.db.read() as session:
        connection = connection_of(session, host_id)
    look = runtime.db.transact(lambda session: _begin(session, runtime, connection))
    try:
        host = open_connection(runtime, connection)
        ours = None
        if look.caps.can("enrolments", "courses"):
            with runtime.db.read() as session:
                ours = _courses(session, host_id)
        for page in host.read("enrolments", ids=ours):
            compare_page(runtime, look, page.rows)
        compare_absent(runtime, look)
    except HostTrouble as trouble:
        note_trouble(runtime, connection, trouble)
        runtime.db.transact(partial(_end, look=look, state="failed", reason=trouble.why))
        raise
    note_health(runtime, connection)
    runtime.db.transact(partial(_end, look=look, state="done", reason=""))
    _log.info("reconciled", host=host_id, policy=look.policy, **vars(look.drift))
    return look.drift


def request(session: Session, host_id: int, at: int) -> None:
    """Ask a worker for a reconcile now."""
    row = connection_of(session, host_id)
    session.refresh(row, with_for_update=True)
    row.settings = {**row.settings, "reconcile_asked": at}


def take_request(session: Session, host_id: int, at: int) -> bool:
    """Whether one was asked for and can be had now; of many workers one takes it."""
    row = connection_of(session, host_id)
    if not row.settings.get("reconcile_asked") or row.retry_at > at:
        return False
    session.refresh(row, with_for_update=True)
    asked = bool(row.settings.get("reconcile_asked"))
    row.settings = {name: value for name, value in row.settings.items() if name != "reconcile_asked"}
    return asked


def look_at(runtime: Runtime, host_id: int, ids: Sequence[str]) -> HostDrift:
    """Read these enrolments again, because somebody said that they changed. Most are echoes of our own writes.

    :raises HostTrouble: as the host answers.
    """
    with runtime.db.read() as session:
        connection = connection_of(session, host_id)
        began = answers_so_far(session, host_id)
    caps = Caps.from_json(connection.caps)
    look = Look(host_id, caps, policy_of(connection), runtime.clock.now(), began, 0)
    if not caps.can("enrolments", "ids"):
        return look.drift
    gone: list[str] = []
    for page in open_connection(runtime, connection).read("enrolments", ids=ids):
        gone += page.gone
        compare_page(runtime, look, page.rows)
    _missing(runtime, look, gone)
    if look.drift.found:
        runtime.db.transact(lambda session: tell(session, look))
    _log.info("enrolments looked at", host=host_id, ids=len(ids), absent=len(gone), **vars(look.drift))
    return look.drift


def _begin(session: Session, runtime: Runtime, connection: Connection) -> Look:
    host_id, at = connection.host_id, runtime.clock.now()
    run = take_ids(session, host_id, "sync_run")
    session.add(SyncRun(host_id=host_id, id=run, connection=connection.id, kind="reconcile", started=at))
    return Look(
        host_id, Caps.from_json(connection.caps), policy_of(connection), at, answers_so_far(session, host_id), run
    )


def answers_so_far(session: Session, host_id: int) -> int:
    """How many answers were written so far. An answer under way has its number only with its rows."""
    return kept_number(session, host_id, "answer") or 0


def _end(session: Session, look: Look, state: str, reason: str) -> None:
    row = session.get_one(SyncRun, (look.host_id, look.run))
    row.ended, row.state, row.reason, row.counts = look.at, state, reason, dict(vars(look.drift))
    if state == "done":
        findings.forget_older(session, look.host_id, look.run)
    if look.drift.found:
        tell(session, look)


def tell(session: Session, look: Look) -> None:
    record(session, look.host_id, look.at, "sync", "drift", data={**vars(look.drift), "policy": look.policy})


def _courses(session: Session, host_id: int) -> list[str]:
    """The courses with seats, as ids for a host that reads enrolments course by course."""
    rows = fetch(
        session,
        "SELECT c.ext FROM course c WHERE c.host_id = ? AND NOT c.gone AND EXISTS"
        " (SELECT 1 FROM seat s WHERE s.host_id = c.host_id AND s.course = c.id) ORDER BY c.id",
        host_id,
    )
    return [f"course:{row[0]}" for row in rows]


def compare_page(runtime: Runtime, look: Look, rows: Sequence[Record]) -> None:
    before = replace(look.drift)
    runtime.db.transact(partial(_compare, look=look, before=before, rows=rows))


def _compare(session: Session, look: Look, before: HostDrift, rows: Sequence[Record]) -> None:
    """:param before: what was counted until here; the transaction may be repeated."""
    look.drift = replace(before)
    # Of several for one place ours counts, and of several alike the active one.
    ranked = sorted(rows, key=lambda row: (row.fields.get("by") == "muster", row.fields.get("state") == "active"))
    there = {(str(row.fields.get("person")), str(row.fields.get("course"))): row for row in ranked}
    seats = _seats_of(session, look, sorted({person for person, _course in there}))
    found: list[FoundDifference] = []
    for (person, course), row in there.items():
        seat, judged = seats.get((person, course), (None, False))
        if seat is not None:
            look.seen.add(seat.course << _SHIFT | seat.person)
        state = STATES.get(str(row.fields.get("state")))
        if state is None or (seat is not None and not judged):
            continue
        if seat is None:
            ours = row.fields.get("by") == "muster"  # of a time that this database does not remember
            look.drift.extra += ours
            look.drift.others += not ours
            found.append(FoundDifference("extra" if ours else "other", course, person))
        else:
            found += _one(look, seat, state, str(row.fields.get("by") or ""))
    findings.write(session, look.host_id, look.run, look.at, found)


def _one(look: Look, seat: _Seat, state: int, by: str) -> list[FoundDifference]:
    """One seat, and what the host has for it."""
    if by == "other" or (not by and seat.origin != OURS and seat.confirmed == OUT):
        # Who cannot say whose it is had it before us, unless we wrote it (design point 7).
        look.drift.others += 1
        told = [FoundDifference("other", seat.course_ext, seat.person_ext)]
        return told if seat.origin == FOUND else [*told, _changed(seat, IN, FOUND, parked=None)]
    if state == seat.confirmed or seat.origin == FOUND or (seat.confirmed == SUSPENDED and not look.caps.reads_status):
        look.drift.echoes += 1
        return []
    kind = "suspended" if state == SUSPENDED and seat.wanted == IN else "extra"
    return [_differs(look, seat, kind, state, OURS)]


def compare_absent(runtime: Runtime, look: Look, courses: Sequence[int] | None = None) -> None:
    """Seats that were confirmed and that the host no longer has, course by course; of all courses, or of these."""
    if courses is None:
        with runtime.db.read() as session:
            rows = fetch(session, "SELECT DISTINCT course FROM seat WHERE host_id = ?", look.host_id)
        courses = [row[0] for row in rows]
    for course in sorted(courses):
        with runtime.db.read() as session:
            sql = f"SELECT s.person FROM seat s WHERE {_JUDGED} AND s.confirmed IN ({SUSPENDED}, {IN}) AND s.course = ?"
            rows = fetch(session, sql, look.host_id, look.began, course)
        gone = sorted(row[0] for row in rows if (course << _SHIFT | row[0]) not in look.seen)
        for some_of_them in slices(gone, _NAMED):
            part = f"s.course = {int(course)} AND {exactly('s.person', np.array(some_of_them))}"
            runtime.db.transact(partial(_gone, look=look, before=replace(look.drift), which=part, values=()))


def _missing(runtime: Runtime, look: Look, ids: Sequence[str]) -> None:
    """Enrolments named to us that are not there: those of our seats whose id the host makes of course and person."""
    pairs = [name.split(":", 1) for name in ids if name.count(":") == 1]
    for course, person in pairs[:_NAMED]:
        which = "c.ext = ? AND p.ext = ?"
        runtime.db.transact(partial(_gone, look=look, before=replace(look.drift), which=which, values=(course, person)))


def _gone(session: Session, look: Look, before: HostDrift, which: str, values: tuple[str, ...]) -> None:
    look.drift = replace(before)
    lock = for_update(session, of="s")
    sql = f"SELECT {_COLUMNS} FROM seat s{_JOINS} WHERE {_JUDGED} AND s.confirmed IN ({SUSPENDED}, {IN}) AND {which}"
    rows = fetch(session, f"{sql} ORDER BY s.course, s.person{lock}", look.host_id, look.began, *values)
    found = [_differs(look, _Seat(*row), "missing", OUT, OURS) for row in rows]
    findings.write(session, look.host_id, look.run, look.at, found)


def _differs(look: Look, seat: _Seat, kind: str, state: int, origin: int) -> FoundDifference:
    """A seat of ours is not as confirmed: what the policy makes of it."""
    setattr(look.drift, kind, getattr(look.drift, kind) + 1)
    if not is_owed(seat.wanted, state, origin) or look.policy not in (ACCEPT, ASK):
        return _changed(seat, state, origin, kind=kind, parked=None)
    if look.policy == ASK:
        look.drift.asked += 1
    else:
        look.drift.accepted += 1
    return _changed(seat, state, origin, kind=kind, parked=look.policy)


def _changed(seat: _Seat, state: int, origin: int, *, kind: str = "", parked: str | None) -> FoundDifference:
    return FoundDifference(
        kind, seat.course_ext, seat.person_ext, seat=(seat.course, seat.person), confirmed=state, origin=origin,
        owed=is_owed(seat.wanted, state, origin), generation=seat.generation, parked=parked or "",
    )  # fmt: skip


def _seats_of(session: Session, look: Look, people: Sequence[str]) -> dict[tuple[str, str], tuple[_Seat, bool]]:
    """Seats of these people (the host's ids), locked, each with whether it may be judged."""
    found: dict[tuple[str, str], tuple[_Seat, bool]] = {}
    for part in slices(people, _NAMED):
        named = f"p.ext IN ({', '.join('?' * len(part))})"
        lock = for_update(session, of="s", order="s.course, s.person")
        judged = f"CASE WHEN {_JUDGED} THEN 1 ELSE 0 END"
        sql = f"SELECT {_COLUMNS}, {judged} FROM seat s{_JOINS} WHERE s.host_id = ? AND {named}{lock}"
        for row in fetch(session, sql, look.host_id, look.began, look.host_id, *part):
            seat = _Seat(*row[:-1])
            found[seat.person_ext, seat.course_ext] = seat, bool(row[-1])
    return found
