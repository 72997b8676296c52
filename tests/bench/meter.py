"""What time is measured by: the clock, or, beside other work on the machine, the processor time of us and the database."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session


class Meter:
    """Seconds since some instant; :func:`begun` times a piece of work with it.

    :ivar postgres: the id of a PostgreSQL server on this machine, whose connections count too (Linux).
    """

    def __init__(self) -> None:
        self.by_processor = False
        self.postgres: int | None = None

    def now(self) -> float:
        """Seconds."""
        if not self.by_processor:
            return time.perf_counter()
        return time.process_time() + sum(map(_spent, _connections(self.postgres)))


METER = Meter()


def begun() -> Callable[[], float]:
    """Begin to measure; the answer tells the milliseconds since."""
    start = METER.now()
    return lambda: (METER.now() - start) * 1000


def _connections(server: int | None) -> list[int]:
    if server is None:
        return []
    children = Path(f"/proc/{server}/task/{server}/children").read_text(encoding="ascii")
    return [int(word) for word in children.split()]


def _spent(process: int) -> float:
    """Processor seconds of a process; 0 once it has gone."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    except OSError:
        return 0.0


def alone(session: Session) -> None:
    """Have PostgreSQL scan without helpers, whose time nobody could add up, and remember its process."""
    name = session.connection().engine.url.database
    session.execute(text(f'ALTER DATABASE "{name}" SET max_parallel_workers_per_gather = 0'))
    backend = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    line = Path(f"/proc/{backend}/stat").read_text(encoding="utf-8", errors="replace")
    METER.postgres = int(line.rsplit(")", 1)[1].split()[1])
