"""Nudges: "there may be something to do". Any may be lost or come twice; truth is in the database (design idea 4).

huey carries them: its own SQLite file by default, PostgreSQL or Redis by ``MUSTER_QUEUE_URL``.
"""

from __future__ import annotations

import os
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
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # its owner's alone; what SQLite puts beside it follows
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
        self._nudged: dict[int, float] = {}

    def nudge(self, host_id: int, apart: float = 0.0) -> None:
        """Say that this host may have something to do.

        :param apart: seconds within which one nudge of this process is enough: whoever writes many things one after another
            need not say so each time.
        """
        now = time.monotonic()
        if apart and now - self._nudged.get(host_id, -apart) < apart:
            return
        self._nudged[host_id] = now
        self._try(lambda _queue: self._task(host_id))

    def waiting(self) -> set[int]:
        """Take all nudges there are: the hosts they name, 0 for any."""
        return self._try(_take_all) or set()

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

            @queue.task(name="nudge")  # type: ignore[untyped-decorator]  # huey has no types
            def nudge(host_id: int) -> int:
                return host_id

            self._queue, self._task = queue, nudge
        return self._queue


def _take_all(queue: Huey) -> set[int]:
    found: set[int] = set()
    while (task := queue.dequeue()) is not None:
        named = task.args[0] if task.args else 0
        found.add(named if isinstance(named, int) else 0)
    return found
