"""The worker: woken by nudges, and by a sweep that finds what is owed when every nudge was lost."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time
from contextlib import suppress

from sqlalchemy import delete
from sqlalchemy.orm import Session

from plugin.core.database.leases import end_turn, take_turn
from plugin.core.db import DATABASE_AWAY
from plugin.core.errors import Unavailable
from plugin.core.logs import log, new_correlation
from plugin.core.network import outcome_counts
from plugin.core.runtime import Runtime
from plugin.core.tables import Worker
from plugin.delivery.completion_polling import SHARE, watch
from plugin.delivery.drift.found_places import look_at_found
from plugin.delivery.drift.reconcile import reconcile, take_request
from plugin.delivery.messages import storm
from plugin.enrolment.sourcing.fetching import fetch_due
from plugin.enrolment.sourcing.kept import forget_old as forget_old_loads
from plugin.hosts.port import Caps, HostTrouble
from plugin.jobs.catch_up import settle_owed
from plugin.jobs.event_sender import Sender
from plugin.jobs.lanes import Lanes
from plugin.jobs.queue import Nudges, open_queue
from plugin.jobs.single_machine import machine
from plugin.jobs.work import work_host
from plugin.mirror.connections.store import can_be_read, connection_of
from plugin.mirror.pulling.pull import pull
from plugin.mirror.tables import Connection

SWEEP = 2.0
"""Seconds between looks at what is owed, when nothing nudges."""
GLANCE = 0.1
TURN, ALONE = 5.0, 30.0
"""Seconds for which one host's calls go out before the next host has its turn; where there is no other, before the
worker looks at everything else."""
LONGEST_PAUSE = 60.0
"""Seconds between two tries while the database cannot be reached."""
HEARTBEAT = 20
DELTA, POLL, WHOLE = 15 * 60, 10 * 60, 24 * 3600
"""Seconds between delta reads, between polls of a host without deltas, and between whole reads."""
LAST_CALL = 20.0
"""Seconds an event that is being sent may take to end when the worker is told to stop."""
_PULL = "pull"
PULL_LEASE = 5 * 60
"""Seconds for which one worker reads a host and the others leave it to that one."""
FORGOTTEN = 24 * 3600
_log = log("jobs")


def work_forever(runtime: Runtime) -> None:
    """Work until told to stop (SIGTERM, SIGINT); a call under way is finished first."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    nudges = Nudges(lambda: open_queue(runtime.settings))
    schedule = _Schedule(runtime)
    sender = Sender(runtime, stop)
    sender.start()
    _log.info("worker started", pid=os.getpid())
    failures = 0
    lanes = Lanes(runtime, schedule.serve)
    nudged: set[int] = set()
    while not stop.is_set():
        new_correlation()
        try:
            schedule.heartbeat()
            done = lanes.round(nudged)
        except (*DATABASE_AWAY, Unavailable) as error:  # the database is away; it comes back or somebody is told
            failures += 1
            pause = min(LONGEST_PAUSE, SWEEP * 2 ** min(failures - 1, 10))
            _log.error("database not reachable", error=type(error).__name__, again_in_seconds=int(pause))
            stop.wait(pause * random.uniform(0.8, 1.2))  # noqa: S311 - workers come back one after the other
            continue
        if failures:
            _log.info("database reachable again", failures=failures)
            failures = 0
        nudged = set() if done else _sleep(stop, nudges, lanes)
    lanes.close()
    sender.join(LAST_CALL)
    schedule.leave()


def _sleep(stop: threading.Event, nudges: Nudges, lanes: Lanes) -> set[int]:
    """Until a host is nudged, a turn is over, or it is time to look again; returns the hosts that were nudged."""
    until = time.monotonic() + SWEEP
    while not stop.is_set() and time.monotonic() < until:
        nudged = nudges.waiting()
        if nudged or lanes.finished():
            return nudged
        stop.wait(GLANCE)
    return set()


class _Schedule:
    """What one worker does in a round."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._id = f"{socket.gethostname()[:30]}:{os.getpid()}"
        self._beat = 0.0

    def heartbeat(self) -> None:
        """Be seen: ``/readyz`` asks whether a worker was."""
        if time.monotonic() - self._beat < HEARTBEAT and self._beat:
            return
        self._beat = time.monotonic()
        self._runtime.db.transact(self._seen)

    def _seen(self, session: Session) -> None:
        row = session.get(Worker, self._id)
        now = self._runtime.clock.true()
        if row is None:
            session.execute(delete(Worker).where(Worker.seen < now - FORGOTTEN))
            row = Worker(id=self._id, machine=machine(), pid=os.getpid())
            session.add(row)
        row.seen = now

    def leave(self) -> None:
        """No longer be seen: this worker stopped on purpose."""
        with suppress(*DATABASE_AWAY):
            self._runtime.db.transact(lambda session: session.execute(delete(Worker).where(Worker.id == self._id)))

    def work(self) -> int:
        """One turn of every host, side by side; returns how much was done."""
        lanes = Lanes(self._runtime, self.serve)
        try:
            lanes.round([0])
            return lanes.wait()
        finally:
            lanes.close()

    def serve(self, host_id: int, alone: bool = False) -> int:
        """One turn of a host: what the timer brings, then what is owed."""
        self._pull_if_due(host_id)
        fetch_due(self._runtime, host_id)
        self._reconcile_if_asked(host_id)
        watch(self._runtime, host_id)
        return work_host(self._runtime, host_id, seconds=ALONE if alone else TURN)

    def _pull_if_due(self, host_id: int) -> None:
        """The timer's side of noticing change: deltas often, whole reads once a day."""
        now = self._runtime.clock.now()
        with self._runtime.db.read() as session:
            connection = connection_of(session, host_id)
        if not can_be_read(connection) or connection.retry_at > now:
            return
        caps = Caps.from_json(connection.caps)
        reads = [mark for kind, mark in connection.marks.items() if caps.can(kind, "full") or caps.can(kind, "delta")]
        oldest = min((int(one.get("read", 0)) for one in reads), default=0)
        whole = int(connection.settings.get("whole_read", 0))
        if now - oldest < _pause(connection, caps) and now - whole < WHOLE:
            return
        lease = max(PULL_LEASE, 3 * int(connection.settings.get("pull_took", 0)))
        true_now = self._runtime.clock.true()
        turn = self._runtime.db.transact(lambda session: take_turn(session, host_id, _PULL, true_now, lease))
        if turn is None:
            return
        full = now - whole >= WHOLE
        noted: dict[str, int] = {}
        settle_owed(self._runtime, host_id)
        began = time.monotonic()
        try:
            pull(self._runtime, host_id, full=full)
            noted = {"whole_read": now} if full else {}
            if full:
                reconcile(self._runtime, host_id)
                self._runtime.db.transact(lambda session: _forget_counts(session, host_id, now))
            else:
                look_at_found(self._runtime, host_id)
        except (Unavailable, HostTrouble) as trouble:
            _log.warning("host not read", host=host_id, why=str(trouble))  # tried again when the connection says so
        finally:
            noted["pull_took"] = int(time.monotonic() - began)
            self._runtime.db.transact(lambda session: _ended(session, host_id, turn, noted))

    def _reconcile_if_asked(self, host_id: int) -> None:
        """Somebody pressed the button."""
        now = self._runtime.clock.now()
        with self._runtime.db.read() as session:
            asked = "reconcile_asked" in connection_of(session, host_id).settings
        if not asked or not self._runtime.db.transact(lambda session: take_request(session, host_id, now)):
            return
        try:
            reconcile(self._runtime, host_id)
        except HostTrouble as trouble:
            _log.warning("host not reconciled", host=host_id, why=trouble.why)  # the page shows it; asked again by hand


def _pause(connection: Connection, caps: Caps) -> int:
    """Seconds between two reads: fewer where a host tells no changes, but reading it never takes more than its share."""
    usual = DELTA if caps.can("jobs", "delta") else POLL
    share = min(100, max(1, int(connection.settings.get("share", SHARE))))
    return max(usual, int(connection.settings.get("pull_took", 0)) * 100 // share)


def _forget_counts(session: Session, host_id: int, now: int) -> None:
    outcome_counts.forget_old(session, host_id, now)
    storm.forget_old(session, host_id, now)
    forget_old_loads(session, host_id, now)


def _ended(session: Session, host_id: int, turn: str, what: dict[str, int]) -> None:
    end_turn(session, host_id, _PULL, turn)
    row = connection_of(session, host_id)
    session.refresh(row, with_for_update=True)
    row.settings = {**row.settings, **what}
