"""Hosts served side by side in one worker: a host that is silent, slow or in trouble keeps no other waiting.

At most ``LANES`` at once, each host by one lane at a time. Hosts whose last turn took long, or whose connection does not
answer, may hold half of the lanes, so that there is always one for the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor

from sqlalchemy import select

from plugin.core.database.tenant import across, inside
from plugin.core.db import DATABASE_AWAY
from plugin.core.errors import Unavailable
from plugin.core.logs import log, new_correlation
from plugin.core.runtime import Runtime
from plugin.jobs.owed_hosts import owed_hosts
from plugin.mirror.connections.store import active_hosts
from plugin.mirror.tables import Connection

LANES = 6
TROUBLED = 3
"""Lanes that hosts in trouble may hold together."""
LONG = 5.0
"""Seconds of a turn after which a host counts as slow."""
AGAIN = 2.0
"""Seconds between two turns of a host with which nothing could be done."""
EACH, SELDOM = 0.5, 60.0
"""Seconds between two looks at an idle host: so many for each host there is, at most a minute (DESIGN, point 1)."""
_log = log("jobs")

Serve = Callable[[int, bool], int]
"""``serve(host, alone)``: one turn of a host; returns how much was done. ``alone``: there is a lane for each host."""


class Lanes:
    """The hosts under way, and when each had its turn."""

    def __init__(self, runtime: Runtime, serve: Serve) -> None:
        self._runtime, self._serve = runtime, serve
        self._pool = ThreadPoolExecutor(LANES, thread_name_prefix="lane")
        self._under_way: dict[int, Future[int]] = {}
        self._began: dict[int, float] = {}
        self._ended: dict[int, float] = {}
        self._slow: set[int] = set()
        self._more: set[int] = set()

    def finished(self) -> bool:
        """Whether a turn is over that nobody looked at yet."""
        return any(one.done() for one in self._under_way.values())

    def round(self, nudged: Collection[int] = ()) -> int:
        """Take in the turns that are over and begin those that are due; returns how much there was to do.

        :raises: what a turn raised because the database is away.
        """
        done = self._collect()
        with across("hosts that are owed work"), self._runtime.db.read() as session:
            hosts = active_hosts(session)
            owed = owed_hosts(session, self._runtime.clock.now())
            bad = set(session.scalars(select(Connection.host_id).where(Connection.state != "active")))
        now = time.monotonic()
        pause = min(SELDOM, max(AGAIN, EACH * len(hosts)))
        due = [one for one in hosts if self._is_due(one, now, pause, owed, nudged)]
        for host_id in sorted(due, key=lambda one: self._ended.get(one, 0.0)):
            self._begin(host_id, bad, alone=len(hosts) <= LANES)
        return done

    def wait(self) -> int:
        """Wait for the turns under way, and take them in; returns how much they did."""
        for one in list(self._under_way.values()):
            one.exception()
        return self._collect()

    def close(self) -> None:
        """Begin no more; what is under way is finished first."""
        self._pool.shutdown(wait=True)

    def _is_due(self, host_id: int, now: float, pause: float, owed: set[int], nudged: Collection[int]) -> bool:
        if host_id in self._under_way:
            return False
        waited = now - self._ended.get(host_id, -SELDOM)
        if host_id in nudged or host_id in self._more or 0 in nudged:
            return True
        return waited >= (AGAIN if host_id in owed else pause)

    def _begin(self, host_id: int, bad: set[int], *, alone: bool) -> None:
        troubled = bad | self._slow
        held = sum(one in troubled for one in self._under_way)
        if len(self._under_way) >= LANES or (host_id in troubled and held >= TROUBLED):
            return
        self._more.discard(host_id)
        self._began[host_id] = time.monotonic()
        self._under_way[host_id] = self._pool.submit(self._turn, host_id, alone)

    def _turn(self, host_id: int, alone: bool) -> int:
        new_correlation()
        try:
            with inside(host_id):
                return self._serve(host_id, alone)
        except (*DATABASE_AWAY, Unavailable):
            raise
        except Exception:  # a fault in one host's work stops neither the others nor the worker
            _log.exception("host failed", host=host_id)
            return 0

    def _collect(self) -> int:
        done = 0
        troubles: list[BaseException] = []
        for host_id in [one for one, turn in self._under_way.items() if turn.done()]:
            turn, now = self._under_way.pop(host_id), time.monotonic()
            self._ended[host_id] = now
            (self._slow.add if now - self._began[host_id] > LONG else self._slow.discard)(host_id)
            trouble = turn.exception()
            if trouble is not None:
                troubles.append(trouble)
            elif turn.result():
                done += turn.result()
                self._more.add(host_id)
        if troubles:
            raise troubles[0]
        return done
