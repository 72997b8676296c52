"""The worker: woken by nudges, and by a sweep that finds what is owed when every nudge was lost."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from plugin.core.errors import Unavailable
from plugin.core.logs import log, new_correlation
from plugin.core.runtime import Runtime
from plugin.core.tables import Worker
from plugin.jobs.queue import Nudges, open_queue
from plugin.jobs.work import work_host
from plugin.mirror.connections import active_hosts, connection_of
from plugin.mirror.sync import pull

SWEEP = 2.0
"""Seconds between looks at what is owed, when nothing nudges."""
GLANCE = 0.1
HEARTBEAT = 20
DELTA, WHOLE = 15 * 60, 24 * 3600
"""Seconds between delta reads, and between whole reads, of each host."""
_log = log("jobs")


def work_forever(runtime: Runtime) -> None:
    """Work until told to stop (SIGTERM, SIGINT); a call under way is finished first."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    nudges = Nudges(open_queue(runtime.settings))
    schedule = _Schedule(runtime)
    _log.info("worker started", pid=os.getpid())
    while not stop.is_set():
        new_correlation()
        try:
            schedule.heartbeat()
            done = schedule.work()
        except (SQLAlchemyError, Unavailable) as error:
            _log.error("round failed", error=type(error).__name__)
            done = 0
        if not done:
            _sleep(stop, nudges)


def _sleep(stop: threading.Event, nudges: Nudges) -> None:
    until = time.monotonic() + SWEEP
    while not stop.is_set() and time.monotonic() < until:
        if nudges.waiting():
            return
        stop.wait(GLANCE)


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
        if row is None:
            row = Worker(id=self._id, machine=socket.gethostname(), pid=os.getpid())
            session.add(row)
        row.seen = self._runtime.clock.true()

    def work(self) -> int:
        """One round over all hosts."""
        with self._runtime.db.read() as session:
            hosts = active_hosts(session)
        done = 0
        for host_id in hosts:
            self._pull_if_due(host_id)
            done += work_host(self._runtime, host_id)
        return done

    def _pull_if_due(self, host_id: int) -> None:
        """The timer's side of noticing change: deltas often, whole reads once a day."""
        now = self._runtime.clock.now()
        with self._runtime.db.read() as session:
            connection = connection_of(session, host_id)
        if not connection.api_url or connection.retry_at > now:
            return
        reads = connection.marks.values()
        oldest = min((int(one.get("read", 0)) for one in reads), default=0)
        whole = int(connection.settings.get("whole_read", 0))
        if now - oldest < DELTA and now - whole < WHOLE:
            return
        full = now - whole >= WHOLE
        try:
            pull(self._runtime, host_id, full=full)
        except Unavailable:
            return  # noted on the connection; tried again when it says so
        if full:
            self._runtime.db.transact(lambda session: _note_whole(session, host_id, now))


def _note_whole(session: Session, host_id: int, now: int) -> None:
    row = connection_of(session, host_id)
    row.settings = {**row.settings, "whole_read": now}
