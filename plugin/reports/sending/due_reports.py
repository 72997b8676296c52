"""What the worker does about reports that are due: each time once, whoever works and whoever stops in the middle.

First a sending is written down for a time (the key says that there is one), then its file is made with the owner's present
rights, then it leaves. What may have left already is never sent again by itself.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session, object_session

from plugin.core.area_scope import scoped
from plugin.core.database.bulk import fetch
from plugin.core.database.leases import still_ours, worker_token
from plugin.core.errors import MusterError
from plugin.core.ids import take_ids
from plugin.core.journal import record
from plugin.core.logs import log
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.mirror.tables import ACTIVE, Person
from plugin.population.area import area_scope_of
from plugin.reports.asking.question import parse_question
from plugin.reports.asking.reader import Reader
from plugin.reports.files.export import Export
from plugin.reports.sending import endpoint_posts, mailing
from plugin.reports.sending.schedules import leaving
from plugin.reports.sending.stored_files import REMEMBERED, copy_to, drop, forget, parts
from plugin.reports.sending.tables import ReportPart, ReportSchedule, ReportSending
from plugin.reports.sending.timing import Timing

ReaderOf = Callable[[Session, ReportSchedule, int], Reader | None]
"""What a schedule's owner may see at an instant; ``None``: nothing any more."""
LARGEST = 10_000_000
"""Bytes of a file that goes as a letter; a larger one lies under *Sent to me*."""
KEPT = 30 * 86_400
"""Seconds for which it lies there."""
PAUSES = (60, 300, 900, 3_600, 7_200, 14_400, 28_800)
"""Seconds before the second, third … try; after the last of them it failed."""
_ANYTHING = (
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM report_schedule WHERE host_id = ? AND state = 'active' AND next_at <= ?)"
    " OR EXISTS (SELECT 1 FROM report_sending WHERE host_id = ? AND state = 'owed' AND next_at <= ?)"
    " OR EXISTS (SELECT 1 FROM report_sending WHERE host_id = ? AND kept_until > 0 AND kept_until <= ?)"
    " OR EXISTS (SELECT 1 FROM report_sending WHERE host_id = ? AND ended > 0 AND ended <= ?)"
)
_BLOCK = 1 << 20
_LOST = "Its owner may not see reports any more."
_log = log("reports")


def send_reports(runtime: Runtime, host_id: int, reader_of: ReaderOf) -> int:
    """Send what is due now; returns how many sendings were worked on."""
    with runtime.db.read() as session:
        now = runtime.clock.now()
        if not fetch(session, _ANYTHING, host_id, now, host_id, now, host_id, now, host_id, now - REMEMBERED):
            return 0  # most rounds: nothing is written, and nobody who writes waits
    done = int(runtime.db.transact(lambda session: owe(session, host_id, runtime.clock.now())))
    lease = worker_token()
    while (number := runtime.db.transact(lambda session: _claim(session, runtime, host_id, lease))) is not None:
        _work(runtime, host_id, number, lease, reader_of)
        done += 1
    runtime.db.transact(lambda session: forget(session, host_id, runtime.clock.now()))
    return done


def owe(session: Session, host_id: int, now: int) -> int:
    """Write down what is due. Times that passed while nobody worked are made up for by one."""
    rows = session.scalars(
        select(ReportSchedule)
        .where(ReportSchedule.host_id == host_id, ReportSchedule.state == "active", ReportSchedule.next_at <= now)
        .with_for_update()
    ).all()
    zone = session.get_one(Host, host_id).time_zone if rows else ""
    for row in rows:
        row.next_at = _by_present_clocks(session, row, zone)
    due = [row for row in rows if row.next_at <= now]
    for row in due:
        there = session.scalar(
            select(ReportSending.id).where(
                ReportSending.host_id == host_id, ReportSending.schedule == row.id, ReportSending.due_at == row.next_at
            )
        )
        if there is None:
            session.add(
                ReportSending(
                    host_id=host_id, id=take_ids(session, host_id, "report_sending"), schedule=row.id, due_at=row.next_at,
                    name=row.name, owner=row.owner, owner_person=row.owner_person, how=row.how, form=row.form,
                    recipients=[{"to": one, "state": "owed", "why": "", "at": 0} for one in row.recipients],
                )
            )  # fmt: skip
        following = Timing(**row.timing).following(now, zone)
        row.next_at = following or 0
        row.state = "active" if following is not None else "done"
    return len(due)


def _by_present_clocks(session: Session, row: ReportSchedule, zone: str) -> int:
    """When a schedule is due by the clocks of now: the site may have another time zone than when that was worked out."""
    timing = Timing(**row.timing)
    if timing.following(row.next_at - 1, zone) == row.next_at:
        return row.next_at
    sql = "SELECT CAST(data AS TEXT) FROM journal WHERE host_id = ? AND what = 'zone_changed' ORDER BY n DESC"
    for (data,) in fetch(session, sql, row.host_id):
        if (moved := timing.moved(row.next_at, json.loads(data)["before"], zone)) is not None:
            return moved
    return row.next_at  # none of its times: somebody sends it at once


def _claim(session: Session, runtime: Runtime, host_id: int, lease: str) -> int | None:
    now, true_now = runtime.clock.now(), runtime.clock.true()
    rows = session.scalars(
        select(ReportSending)
        .where(ReportSending.host_id == host_id, ReportSending.state == "owed", ReportSending.next_at <= now)
        .order_by(ReportSending.id)
        .limit(50)
        .with_for_update(skip_locked=True)
    )
    row = next((one for one in rows if one.is_free(true_now)), None)
    if row is None:
        return None
    row.take(lease, true_now)
    return row.id


def ours(session: Session, runtime: Runtime, host_id: int, number: int, lease: str) -> ReportSending | None:
    """The sending at hand, for as long as this worker has it; its time runs anew."""
    row = still_ours(session, ReportSending, (host_id, number), lease)
    if row is None or row.state != "owed":
        return None
    row.take(lease, runtime.clock.true())
    return row


def _work(runtime: Runtime, host_id: int, number: int, lease: str, reader_of: ReaderOf) -> None:
    with runtime.db.read() as session:
        row = session.get_one(ReportSending, (host_id, number))
        schedule = session.get(ReportSchedule, (host_id, row.schedule))
        reader = None if schedule is None else reader_of(session, schedule, runtime.clock.now())
        stay = leaving(session.get_one(Host, host_id)).stay
    held = _Held(runtime, host_id, number, lease)
    if schedule is None:
        held.end("stopped", "It was removed before it went out.")
        return
    if reader is None:
        held.end("stopped", _LOST)
        runtime.db.transact(lambda session: pause(session, schedule, _LOST, runtime.clock.now()))
        return
    try:
        with scoped(area_scope_of(reader.units) if reader.units else None):
            if not row.whole and not _make(held, schedule, reader):
                return
    except MusterError as error:  # a certification or a unit that it names is gone
        why = error.sentence
        held.end("failed", why)
        runtime.db.transact(lambda session: pause(session, schedule, why, runtime.clock.now()))
        return
    _leave(held, schedule, stay=stay)


class _Held:
    """A sending this worker has."""

    def __init__(self, runtime: Runtime, host_id: int, number: int, lease: str) -> None:
        self.runtime, self.host_id, self.number, self.lease = runtime, host_id, number, lease

    def change(self, work: Callable[[ReportSending], None]) -> bool:
        """Write something down; whether the sending was still this worker's."""

        def inside(session: Session) -> bool:
            row = ours(session, self.runtime, self.host_id, self.number, self.lease)
            if row is not None:
                work(row)
            return row is not None

        return self.runtime.db.transact(inside)

    def end(self, state: str, reason: str = "", *, kept: bool = False) -> None:
        """It is over; its file goes unless it is kept to be fetched."""
        now = self.runtime.clock.now()

        def inside(session: Session) -> None:
            row = ours(session, self.runtime, self.host_id, self.number, self.lease)
            if row is None:
                return
            row.state, row.reason, row.ended = state, reason, now
            row.give_back()
            row.kept_until = now + KEPT if kept else 0
            if not kept:
                drop(session, self.host_id, [self.number])

        self.runtime.db.transact(inside)

    def again(self, reason: str) -> None:
        """Try later; after the last try it failed."""

        def inside(session: Session) -> None:
            row = ours(session, self.runtime, self.host_id, self.number, self.lease)
            if row is None:
                return
            row.attempts, row.reason = row.attempts + 1, reason
            row.give_back()
            if row.attempts > len(PAUSES):
                row.state, row.ended = mailing.outcome(row.recipients) or "failed", self.runtime.clock.now()
                row.recipients = mailing.given_up(row.recipients, reason)
                drop(session, self.host_id, [self.number])
            else:
                row.next_at = self.runtime.clock.now() + PAUSES[row.attempts - 1]

        self.runtime.db.transact(inside)


def _make(held: _Held, schedule: ReportSchedule, reader: Reader) -> bool:
    """Make the file, with the owner's present rights. Whether it is to leave."""
    runtime, host_id, number = held.runtime, held.host_id, held.number
    question = parse_question(schedule.source, [(name, value) for name, value in schedule.question])
    with tempfile.TemporaryFile(prefix="muster-sending-") as file:
        export = Export(runtime, host_id, reader, question, schedule.form)
        try:
            for block in export:
                file.write(block)
        finally:
            export.close()
        size, rows = file.tell(), export.counted.rows
        if not rows and schedule.skip_empty:
            held.end("empty")
            return False
        file.seek(0)
        for n, block in enumerate(iter(lambda: file.read(_BLOCK), b"")):
            if not runtime.db.transact(lambda session, n=n, block=block: _keep(session, held, n, block)):  # type: ignore[misc]  # mypy infers no type for a lambda with a default
                return False

    def whole(row: ReportSending) -> None:
        row.whole, row.rows, row.size, row.file_name, row.media = True, rows, size, export.name, export.media

    _log.info("report made", host=host_id, sending=number, rows=rows, size=size)
    return held.change(whole)


def _keep(session: Session, held: _Held, n: int, block: bytes) -> bool:
    if ours(session, held.runtime, held.host_id, held.number, held.lease) is None:
        return False
    if n == 0:
        drop(session, held.host_id, [held.number])  # what a worker left that stopped in the middle
    session.add(ReportPart(host_id=held.host_id, sending=held.number, n=n, data=block))
    return True


def _leave(held: _Held, schedule: ReportSchedule, *, stay: bool) -> None:
    runtime, host_id = held.runtime, held.host_id
    with runtime.db.read() as session:
        row = session.get_one(ReportSending, (host_id, held.number))
    if row.how == "page":
        held.end("kept", kept=True)
    elif row.how == "endpoint":
        with tempfile.TemporaryFile(prefix="muster-sending-") as file:
            copy_to(runtime, host_id, held.number, file)
            state, reason = endpoint_posts.post(runtime, host_id, schedule.endpoint or 0, row, file)
        held.again(reason) if state == "again" else held.end(state, reason)
    else:
        small = row.size <= LARGEST and not stay
        data = b"".join(parts(runtime, host_id, held.number)) if small else None
        if not small:
            held.change(_for_people)
        trouble = mailing.post(held.runtime, host_id, row, schedule.who, data, held.change)
        with runtime.db.read() as session:
            row = session.get_one(ReportSending, (host_id, held.number))
        waits = any(one["state"] in ("owed", "retry") for one in row.recipients)
        if waits:
            held.again(trouble)
        else:
            held.end(mailing.outcome(row.recipients) or "failed", trouble, kept=not small)


def _for_people(row: ReportSending) -> None:
    """Whoever of the learning site has one of these addresses finds the file under *Sent to me*."""
    addresses = [str(one["to"]) for one in row.recipients]
    query = select(Person.id).where(Person.host_id == row.host_id, Person.state == ACTIVE, Person.email.in_(addresses))
    session = object_session(row)
    row.people = sorted(session.scalars(query)) if session is not None else []


def pause(session: Session, schedule: ReportSchedule, reason: str, now: int) -> None:
    """Muster stops a schedule; the administrators see it on *Reports* and in the history."""
    row = session.get(ReportSchedule, (schedule.host_id, schedule.id), with_for_update=True, populate_existing=True)
    if row is None or row.state == "paused":
        return
    row.state, row.reason = "paused", reason
    data = {"schedule": row.id, "owner": row.who}
    record(
        session, row.host_id, now, "rule", "report_schedule_paused", reason=f"{row.name}: {reason}", data=data, count=0
    )
