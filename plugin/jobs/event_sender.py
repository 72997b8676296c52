"""Events go out beside everything else: a receiver that is slow or hangs keeps no learner waiting for a course."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

from sqlalchemy.orm import Session

from plugin.access.personal import retention
from plugin.core.database.tenant import across, inside
from plugin.core.db import DATABASE_AWAY
from plugin.core.errors import Unavailable
from plugin.core.logs import log, new_correlation
from plugin.core.runtime import Runtime
from plugin.delivery.endpoints.event_calls import drain_endpoint, due_endpoints
from plugin.delivery.endpoints.event_lists import forget, spread, to_spread
from plugin.enrolment.message_dates import stored_dates
from plugin.mirror.connections.store import active_hosts
from plugin.mirror.hints import inbox

LOOK = 1.0
"""Seconds between looks at what is to be sent."""
TURN = 10.0
"""Seconds for which one endpoint is sent to before it gives its thread back."""
AT_ONCE = 8
"""Endpoints sent to at the same time by one worker."""
TIDY = 3600.0
LONGEST_PAUSE = 60.0
_log = log("jobs")


def send_events(runtime: Runtime, host_id: int) -> int:
    """Send one host's events now, until nothing is due; returns how much was done."""
    done = 0
    while moved := runtime.db.transact(lambda session: spread(session, host_id, runtime.clock.now())):
        done += moved
    with runtime.db.read() as session:
        due = [endpoint for host, endpoint in due_endpoints(session, runtime.clock.now()) if host == host_id]
    return done + sum(drain_endpoint(runtime, host_id, endpoint, stored_dates) for endpoint in due)


class Sender(threading.Thread):
    """Sends events while a worker lives. What is under way when it is told to stop is finished first."""

    def __init__(self, runtime: Runtime, stop: threading.Event) -> None:
        super().__init__(name="events", daemon=True)
        self._runtime, self._stopped = runtime, stop
        self._under_way: dict[tuple[int, int], Future[int]] = {}
        self._tidied = 0.0

    def run(self) -> None:
        """Look again and again; a database that is away is waited for."""
        failures = 0
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="events") as pool:
            while not self._stopped.is_set():
                new_correlation()
                try:
                    self._look(pool)
                    failures = 0
                except (*DATABASE_AWAY, Unavailable):  # the worker itself says so in the log
                    failures += 1
                except Exception:
                    failures += 1
                    _log.exception("events failed")
                self._stopped.wait(min(LONGEST_PAUSE, LOOK * 2 ** min(failures, 10)))

    def _look(self, pool: ThreadPoolExecutor) -> None:
        now = self._runtime.clock.now()
        with across("events that are owed"), self._runtime.db.read() as session:
            hosts = active_hosts(session)
            new = to_spread(session)
        for host_id in new:
            with inside(host_id):
                while self._runtime.db.transact(lambda session, host=host_id: spread(session, host, now)):  # type: ignore[misc]  # mypy infers no type for a lambda with a default
                    pass
        if time.monotonic() - self._tidied > TIDY or not self._tidied:
            self._tidied = time.monotonic()
            for host_id in hosts:
                with inside(host_id):
                    self._runtime.db.transact(lambda session, host=host_id: self._tidy(session, host))  # type: ignore[misc]  # mypy infers no type for a lambda with a default
        with across("events that are owed"), self._runtime.db.read() as session:
            due = [one for one in due_endpoints(session, now) if one[0] in hosts]
        self._under_way = {one: work for one, work in self._under_way.items() if not work.done()}
        for one in due:
            if one not in self._under_way:
                self._under_way[one] = pool.submit(self._drain, *one)

    def _tidy(self, session: Session, host_id: int) -> None:
        forget(session, host_id, self._runtime.clock.now())
        inbox.forget(session, host_id, self._runtime.clock.true())
        retention.tidy(session, host_id, self._runtime.clock.now())
        retention.erase_due(session, host_id, self._runtime.clock.now())

    def _drain(self, host_id: int, endpoint: int) -> int:
        try:
            with inside(host_id):
                return drain_endpoint(self._runtime, host_id, endpoint, stored_dates, seconds=TURN)
        except (*DATABASE_AWAY, Unavailable):
            return 0
        except Exception:
            _log.exception("endpoint failed", host=host_id, endpoint=endpoint)
            return 0
