"""Completions of a host that only tells them one by one: asked for where a seat is open, recent visitors first.

A round asks about everybody who opened her course since the last one, then goes on through the others, and stops when its share
of the host's time is used up. So a completion is seen within the hour, and a host is never asked more than it was agreed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from plugin.core.ids import take_ids, upsert_for
from plugin.core.logs import correlation, log
from plugin.core.runtime import Runtime
from plugin.hosts.port import Caps, HostTrouble
from plugin.mirror.connections import connection_of
from plugin.mirror.sync import note_trouble, read_by_ids
from plugin.mirror.tables import Connection, Hint

EVERY = 10 * 60
"""Seconds between rounds."""
SHARE = 25
"""Per cent of a round during which the host may be asked, unless the connection's settings say otherwise."""
LATE = 3600
"""Seconds by which a host may decide on a completion later than the visit that earned it."""
SLICE = 200
_log = log("delivery")

_OPEN = """
SELECT c.ext, p.ext, EXISTS (SELECT 1 FROM completion d WHERE d.host_id = s.host_id AND d.person = s.person
    AND d.course = s.course AND NOT d.gone AND NOT d.reset) FROM seat s
 JOIN person p ON p.host_id = s.host_id AND p.id = s.person AND p.state = 0
 JOIN course c ON c.host_id = s.host_id AND c.id = s.course AND NOT c.gone
 WHERE s.host_id = :host AND s.wanted = 2 AND s.confirmed = 2
  AND NOT EXISTS (SELECT 1 FROM completion d WHERE d.host_id = s.host_id AND d.person = s.person
    AND d.course = s.course AND NOT d.gone AND NOT d.reset AND d.at >= s.changed)
 ORDER BY s.course, s.person
"""


@dataclass
class Watched:
    """One round: open seats, how many were asked about in turn, rows that changed, and whether time ran out."""

    open: int = 0
    asked: int = 0
    changed: int = 0
    cut: bool = False


def watch(runtime: Runtime, host_id: int, *, now: bool = False) -> Watched | None:
    """A round, if one is due; ``None`` where none is, or where the host tells completions by itself.

    :param now: also when none is due.
    """
    with runtime.db.read() as session:
        connection = connection_of(session, host_id)
    caps, at = Caps.from_json(connection.caps), runtime.clock.now()
    if not caps.can("completions", "ids") or caps.can("completions", "full") or caps.can("completions", "delta"):
        return None
    before = int(connection.settings.get("watched", 0))
    if not now and (at - before < EVERY or (connection.state != "active" and connection.retry_at > at)):
        return None
    # Noted first: of several workers one does it, and a host in trouble is not asked again at once.
    if not runtime.db.transact(lambda session: _take(session, host_id, before, at)):
        return None
    try:
        return _round(runtime, host_id, connection, max(0, before - LATE))
    except HostTrouble as trouble:
        note_trouble(runtime, connection, trouble)
        return None


def _take(session: Session, host_id: int, before: int, at: int) -> bool:
    row = connection_of(session, host_id)
    session.refresh(row, with_for_update=True)
    if int(row.settings.get("watched", 0)) != before:
        return False
    row.settings = {**row.settings, "watched": at}
    return True


def _round(runtime: Runtime, host_id: int, connection: Connection, since: int) -> Watched:
    share = min(100, max(1, int(connection.settings.get("share", SHARE))))
    until = time.monotonic() + EVERY * share / 100
    with runtime.db.read() as session:
        pairs = [(f"{row[1]}:{row[0]}", bool(row[2])) for row in session.execute(text(_OPEN), {"host": host_id})]
    done = Watched(open=len(pairs))
    if not pairs:
        return done
    ids = [one for one, _ in pairs]
    done.changed += read_by_ids(runtime, host_id, {"completions": ids}, since=str(since), until=until)
    waiting = [one for one, completed in pairs if not completed]
    last = str(connection.settings.get("watched_to", ""))
    start = waiting.index(last) + 1 if last in waiting else 0
    turn = waiting[start:] + waiting[:start]
    for first in range(0, len(turn), SLICE):
        if time.monotonic() > until:
            done.cut = True
            break
        part = turn[first : first + SLICE]
        done.changed += read_by_ids(runtime, host_id, {"completions": part}, until=until)
        done.asked += len(part)
        last = part[-1]
    runtime.db.transact(lambda session: _note(session, host_id, last))
    _log.info("completions watched", host=host_id, open=done.open, asked=done.asked, changed=done.changed, cut=done.cut)
    return done


def _note(session: Session, host_id: int, last: str) -> None:
    row = connection_of(session, host_id)
    session.refresh(row, with_for_update=True)
    row.settings = {**row.settings, "watched_to": last}


def look_again(session: Session, host_id: int, person: int, at: int) -> None:
    """She is here: look at her open courses at once, where the host would not tell (DOMAIN 7.2)."""
    connection = session.scalars(
        select(Connection).where(Connection.host_id == host_id).order_by(Connection.id)
    ).first()
    caps = Caps.from_json(connection.caps) if connection is not None else Caps()
    if connection is None or not caps.can("completions", "ids") or caps.can("completions", "full"):
        return
    rows = session.execute(
        text(
            "SELECT p.ext, c.ext FROM seat s JOIN person p ON p.host_id = s.host_id AND p.id = s.person"
            " JOIN course c ON c.host_id = s.host_id AND c.id = s.course"
            " WHERE s.host_id = :host AND s.person = :person AND s.wanted = 2 AND s.confirmed = 2 ORDER BY s.course LIMIT 100"
        ),
        {"host": host_id, "person": person},
    ).all()
    if rows:
        session.execute(
            upsert_for(session)(Hint)
            .values(
                host_id=host_id, id=take_ids(session, host_id, "hint"), connection=connection.id,
                key=f"seen:{person}:{at // 60}", kind="completions", ids=[f"{row[0]}:{row[1]}" for row in rows], received=at,
                done=False, caused="", correlation=correlation(),
            )
            .on_conflict_do_nothing(index_elements=["host_id", "connection", "key"])
        )  # fmt: skip
