"""Nudges: "there may be something to do". Any may be lost or come twice; truth is in the database (DESIGN, idea 4).

huey carries them: its own SQLite file by default, PostgreSQL or Redis by ``MUSTER_QUEUE_URL``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huey import SqliteHuey
from huey.api import Huey
from sqlalchemy.engine import make_url

from config.settings import Settings
from plugin.core.logs import log

_log = log("jobs")
_NAME = "muster"


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
    """Sends nudges. A queue that cannot be reached loses them, and nothing else."""

    def __init__(self, queue: Huey) -> None:
        self._queue = queue

        @queue.task(name="nudge")  # type: ignore[untyped-decorator]
        def nudge(host_id: int) -> int:
            return host_id

        self._task: Any = nudge

    def nudge(self, host_id: int) -> None:
        """Say that this host may have something to do."""
        try:
            self._task(host_id)
        except Exception as error:
            _log.warning("nudge lost", host=host_id, error=type(error).__name__)

    def waiting(self) -> bool:
        """Take all nudges there are; whether there was any."""
        found = False
        try:
            while self._queue.dequeue() is not None:
                found = True
        except Exception as error:
            _log.warning("queue not reachable", error=type(error).__name__)
        return found
