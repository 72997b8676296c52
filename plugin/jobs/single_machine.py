"""With SQLite, web and worker share one machine: a file is no database for two (docs/design.md, "Habits")."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from plugin.core.errors import Invalid
from plugin.core.runtime import Runtime
from plugin.core.tables import Worker

LATELY = 60
"""Seconds in which a running worker was seen at least twice."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def machine() -> str:
    """Names this machine; the same for all containers on one kernel, which may share a file."""
    with suppress(OSError):
        return _BOOT.read_text(encoding="ascii").strip()
    return socket.gethostname()


def refuse_two_machines(runtime: Runtime) -> None:
    """Refuse to start where a worker on another machine uses the same SQLite file.

    :raises Invalid: with the way out.
    """
    if not runtime.settings.sqlite:
        return
    earliest = runtime.clock.true() - LATELY
    with suppress(DBAPIError), runtime.db.read() as session:  # an empty database: there is no worker yet
        other = session.scalars(
            select(Worker.machine).where(Worker.seen >= earliest, Worker.machine != machine()).limit(1)
        ).first()
        if other is not None:
            raise Invalid(
                "A worker on another machine uses this SQLite database. With SQLite, web and worker must share one"
                " machine; set MUSTER_DATABASE_URL to a PostgreSQL database to use several."
            )
