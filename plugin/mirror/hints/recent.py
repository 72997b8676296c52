"""What came in lately from a host, what it led to, and what was turned away."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch
from plugin.core.database.tenant import across
from plugin.core.db import DATABASE_AWAY
from plugin.core.errors import Unavailable
from plugin.core.network import outcome_counts
from plugin.core.runtime import Runtime
from plugin.mirror.connections.store import connection_named
from plugin.mirror.tables import StoredHint

SELDOM = 5.0
"""Seconds between two writings of what was turned away."""
MOST_NAMES = 100
WORDS = ("signature", "words", "large")
"""Why a message was turned away: it is not signed as it should be, it is not understood, it is too large."""
LOOKED_AT = 5000
"""Entries of the history among which those that hints led to are looked for."""


class Refusals:
    """Counts what was turned away in this process, and writes the counts down now and then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], int] = {}
        self._written = 0.0

    def count(self, runtime: Runtime, name: str, why: str) -> None:
        """One message to this connection was turned away. Never raises."""
        with self._lock:
            if (name, why) in self._counts or len(self._counts) < MOST_NAMES:
                self._counts[name, why] = self._counts.get((name, why), 0) + 1
            if time.monotonic() - self._written < SELDOM and self._written:
                return
            self._written = time.monotonic()
            counts, self._counts = self._counts, {}
        away = suppress(SQLAlchemyError, *DATABASE_AWAY, Unavailable)
        with away, across("a connection by the name in its hooks' address"):
            runtime.db.briefly(lambda session: _write(session, counts, runtime.clock.now()), seconds=1)


def _write(session: Session, counts: dict[tuple[str, str], int], now: int) -> None:
    for (name, why), number in sorted(counts.items()):
        connection = connection_named(session, name)
        if connection is not None:
            outcome_counts.count(session, connection.host_id, now, "hooks", {why: number})


@dataclass(frozen=True)
class HintCounts:
    """How hints stand: in the last hour and day, waiting, the oldest of these (0 without), turned away in a day by why."""

    hour: int
    day: int
    waiting: int
    oldest: int
    refused: dict[str, int]


def came(session: Session, host_id: int, now: int, true_now: int) -> HintCounts:
    """The figures of a host. :param now: by the clock of rules. :param true_now: the true time."""
    mine = (StoredHint.host_id == host_id,)

    def count(*where: ColumnElement[bool]) -> int:
        return int(session.scalar(select(func.count()).select_from(StoredHint).where(*mine, *where)) or 0)

    oldest = session.scalar(select(func.min(StoredHint.received)).where(*mine, StoredHint.done.is_(False)))
    lately = outcome_counts.counted(session, host_id, now - 24 * 3600, now)
    return HintCounts(count(StoredHint.received > true_now - 3600), count(StoredHint.received > true_now - 86_400),
                count(StoredHint.done.is_(False)), int(oldest or 0),
                {word[6:]: number for word, number in lately.items() if word.startswith("hooks.")})  # fmt: skip


def latest(
    session: Session, host_id: int, *, kind: str = "", state: str = "", limit: int = 50, offset: int = 0
) -> tuple[int, Sequence[StoredHint]]:
    """Hints, newest first, and how many there are. :param state: ``waiting``, ``done`` or neither."""
    where = [StoredHint.host_id == host_id]
    where += [StoredHint.kind == kind] if kind else []
    where += [StoredHint.done.is_(state == "done")] if state in ("waiting", "done") else []
    total = session.scalar(select(func.count()).select_from(StoredHint).where(*where)) or 0
    query = select(StoredHint).where(*where).order_by(StoredHint.id.desc()).limit(limit).offset(offset)
    return int(total), session.scalars(query).all()


def outcomes_of(session: Session, host_id: int, batches: Sequence[str]) -> dict[str, dict[str, int]]:
    """What history says of the reads that worked hints off: by correlation id, what happened and to how many learners."""
    wanted = {one for one in batches if one}
    found: dict[str, dict[str, int]] = {}
    if not wanted:
        return found
    rows = fetch(
        session, "SELECT correlation, what, count FROM journal WHERE host_id = ? ORDER BY n DESC LIMIT ?",
        host_id, LOOKED_AT,
    )  # fmt: skip
    for correlation, what, count in rows:
        if correlation in wanted:
            of = found.setdefault(correlation, {})
            of[what] = of.get(what, 0) + int(count)
    return found
