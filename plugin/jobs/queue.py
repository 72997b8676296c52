"""Nudges: "there may be something to do". Any may be lost or come twice; truth is in the database (DESIGN, idea 4).

huey carries them: its own SQLite file by default, PostgreSQL or Redis by ``MUSTER_QUEUE_URL``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from huey import SqliteHuey
from huey.api import Huey
from sqlalchemy.engine import make_url

from config.settings import Settings
from plugin.core.logs import log

_log = log("jobs")
_NAME = "muster"
_LONGEST_PAUSE = 60
"""Seconds between two looks at a queue that cannot be reached."""


def open_queue(settings: Settings) -> Huey:
    """The queue the settings name.

    An enqueue inside an open write transaction on the same SQLite file would deadlock, so the queue has its own.
    """
    url = settings.queue_url
    if url.startswith(("redis://", "rediss://")):
        from huey import RedisHuey

        return RedisHuey(_NAME, url=url)
    if url.startswith(("postgres://", "postgresql://")):
        from huey.contrib.psycopg_huey import PostgresHuey

        return PostgresHuey(_NAME, dsn=url)
    path = Path(url.removeprefix("sqlite:///")) if url else _beside(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    return SqliteHuey(_NAME, filename=str(path))


def _beside(settings: Settings) -> Path:
    if settings.sqlite:
        database = Path(make_url(settings.database_url).database or "var/muster.sqlite3")
        return database.with_name(database.name + ".queue")
    return Path("var/queue.sqlite3")


class Nudges:
    """Sends nudges. A queue that cannot be reached loses them, and nothing else; it is asked again ever more rarely."""

    def __init__(self, opened: Callable[[], Huey]) -> None:
        self._open = opened
        self._queue: Huey | None = None
        self._task: Any = None
        self._failures = 0
        self._again = 0.0

    def nudge(self, host_id: int) -> None:
        """Say that this host may have something to do."""
        self._try(lambda _queue: self._task(host_id))

    def waiting(self) -> bool:
        """Take all nudges there are; whether there was any."""
        return bool(self._try(_take_all))

    def _try(self, work: Callable[[Huey], Any]) -> Any:
        if time.monotonic() < self._again:
            return None
        try:
            done = work(self._reached())
        except Exception as error:
            self._failures += 1
            pause = min(_LONGEST_PAUSE, 2**self._failures)
            self._again = time.monotonic() + pause
            _log.warning("queue not reachable", error=type(error).__name__, again_in_seconds=pause)
            return None
        if self._failures:
            _log.info("queue reachable again", failures=self._failures)
        self._failures, self._again = 0, 0.0
        return done

    def _reached(self) -> Huey:
        if self._queue is None:
            queue = self._open()

            @queue.task(name="nudge")  # type: ignore[untyped-decorator]
            def nudge(host_id: int) -> int:
                return host_id

            self._queue, self._task = queue, nudge
        return self._queue


def _take_all(queue: Huey) -> bool:
    found = False
    while queue.dequeue() is not None:
        found = True
    return found
