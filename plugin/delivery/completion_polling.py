"""Completions of a host that only tells them one by one: asked for where a seat is open, recent visitors first.

Everybody who opened her course since the last look is asked about, then the others in turn, a few seconds at a time, and
never for more than the agreed share of the time. So a completion is seen within the hour.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from plugin.core.ids import take_ids, upsert_for
from plugin.core.logs import correlation, log
from plugin.core.network.call_counts import Cost, Meter
from plugin.core.runtime import Runtime
from plugin.delivery.tables import IN
from plugin.hosts.port import Caps, HostTrouble
from plugin.mirror.connections.store import connection_of, site_of
from plugin.mirror.pulling.pull import note_trouble, read_by_ids
from plugin.mirror.tables import ACTIVE, Connection, PersonChange, StoredHint

SEEN_EVERY = 10 * 60
"""Seconds between looks at who opened a course since."""
TURN_EVERY = 30 * 60
"""Seconds that one turn through all open seats takes at least."""
BITE = 10
"""Seconds of asking at a time: the worker has other things to do."""
SHARE = 25
"""Per cent of the time during which the host may be asked, unless the connection's settings say otherwise."""
LATE = 3600
"""Seconds by which a host may decide on a completion later than the visit that earned it."""
SLICE = 50
AGAIN = 15
"""Seconds within which somebody who comes back twice is looked at once."""
_log = log("delivery")

_OPEN = f"""
SELECT c.ext, p.ext, EXISTS (SELECT 1 FROM completion d WHERE d.host_id = s.host_id AND d.person = s.person
    AND d.course = s.course AND NOT d.gone AND NOT d.reset) FROM seat s
 JOIN person p ON p.host_id = s.host_id AND p.id = s.person AND p.state = {ACTIVE}
 JOIN course c ON c.host_id = s.host_id AND c.id = s.course AND NOT c.gone
 WHERE s.host_id = :host AND s.wanted = {IN} AND s.confirmed = {IN}
  AND NOT EXISTS (SELECT 1 FROM completion d WHERE d.host_id = s.host_id AND d.person = s.person
    AND d.course = s.course AND NOT d.gone AND NOT d.reset AND d.at >= s.changed)
 ORDER BY s.course, s.person
"""


@dataclass
class Watched:
    """What was done: open seats, how many were asked about in turn, rows that changed, whether time ran out, the cost."""

    open: int = 0
    asked: int = 0
    changed: int = 0
    cut: bool = False
    cost: Cost = field(default_factory=Cost)


@dataclass
class _State:
    """Where the watching stands, kept in the connection's settings.

    :ivar at: when the host was last asked. :ivar seen: when it was last asked who was there. :ivar turn: when this turn began.
    :ivar to: the last seat of it that was asked about.
    """

    at: int = 0
    seen: int = 0
    turn: int = 0
    to: str = ""


def watch(runtime: Runtime, host_id: int, *, now: bool = False) -> Watched | None:
    """Ask for some completions, if it is time to; ``None`` where it is not, or where the host tells completions by itself.

    :param now: all that is open, at once.
    """
    with runtime.db.read() as session:
        connection = connection_of(session, host_id)
    caps, at = Caps.from_json(connection.caps), runtime.clock.now()
    if not caps.can("completions", "ids") or caps.can("completions", "full") or caps.can("completions", "delta"):
        return None
    state = _state(connection)
    share = min(100, max(1, int(connection.settings.get("share", SHARE))))
    waits = at - state.at < BITE * 100 // share or (connection.state != "active" and connection.retry_at > at)
    if waits and not now:
        return None
    # Noted first: of several workers one does it, and a host in trouble is not asked again at once.
    if not runtime.db.transact(lambda session: _keep(session, host_id, state, replace(state, at=at))):
        return None
    state.at = at
    try:
        return _ask(
            runtime, host_id, state, time.monotonic() + (SEEN_EVERY * share / 100 if now else BITE), at, whole=now
        )
    except HostTrouble as trouble:
        note_trouble(runtime, connection, trouble)
        return None


def _state(connection: Connection) -> _State:
    kept = connection.settings.get("watch")
    return _State(**kept) if isinstance(kept, dict) else _State()


def _keep(session: Session, host_id: int, before: _State, after: _State, cost: Cost | None = None) -> bool:
    """Write where the watching stands, unless somebody else did meanwhile."""
    row = connection_of(session, host_id)
    session.refresh(row, with_for_update=True)
    if _state(row) != before:
        return False
    row.settings = {**row.settings, "watch": asdict(after)}
    if cost is not None and cost.calls:
        row.settings = {**row.settings, "watch_cost": cost.to_json()}
    return True


def _ask(runtime: Runtime, host_id: int, state: _State, until: float, at: int, *, whole: bool) -> Watched:
    with runtime.db.read() as session:
        pairs = [(f"{row[1]}:{row[0]}", bool(row[2])) for row in session.execute(text(_OPEN), {"host": host_id})]
    done, after, meter = Watched(open=len(pairs)), replace(state), Meter(runtime.http)
    if pairs and (whole or at - state.seen >= SEEN_EVERY):
        since = str(max(1, state.seen - LATE))
        done.changed += read_by_ids(
            runtime, host_id, {"completions": [one for one, _ in pairs]}, since=since, until=until, meter=meter
        )
        after.seen = at
    waiting = [one for one, completed in pairs if not completed]
    if not after.to or after.to not in waiting:
        after.to = ""
    if waiting and (after.to or whole or at - after.turn >= TURN_EVERY):
        _turn(runtime, host_id, waiting, after, done, until, at, meter)
    done.cost = meter.cost
    runtime.db.transact(lambda session: _keep(session, host_id, state, after, done.cost))
    if done.changed or done.cut:
        _log.info(
            "completions watched", host=host_id, open=done.open, asked=done.asked, changed=done.changed, cut=done.cut
        )
    return done


def _turn(
    runtime: Runtime, host_id: int, waiting: Sequence[str], state: _State, done: Watched, until: float, at: int,
    meter: Meter,
) -> None:  # fmt: skip
    """Go on through the seats in order; at the end the next turn begins in its own time."""
    start = waiting.index(state.to) + 1 if state.to else 0
    for first in range(start, len(waiting), SLICE):
        if time.monotonic() > until:
            done.cut = True
            return
        part = list(waiting[first : first + SLICE])
        done.changed += read_by_ids(runtime, host_id, {"completions": part}, meter=meter)
        state.turn = at if first == 0 else state.turn
        done.asked += len(part)
        state.to = part[-1]
    state.to = ""


@dataclass(frozen=True)
class ReturnedLearner:
    """What is known of a learner who came back: whether her completions are still being read, and when they were."""

    going_on: bool = False
    at: int | None = None


def looked(session: Session, host_id: int, person: int) -> ReturnedLearner:
    """How far the latest :func:`look_again` at somebody is; what follows from it for her counts as part of it."""
    latest = session.scalars(
        select(StoredHint)
        .where(StoredHint.host_id == host_id, StoredHint.key.like(f"seen:{person}:%"))
        .order_by(StoredHint.id.desc())
        .limit(1)
    ).first()
    if latest is None:
        return ReturnedLearner()
    owed = session.scalar(
        select(PersonChange.person).where(
            PersonChange.host_id == host_id, PersonChange.person == person, PersonChange.settled < PersonChange.seq
        )
    )
    return ReturnedLearner(not latest.done or owed is not None, latest.worked)


def look_again(session: Session, host_id: int, person: int, at: int) -> None:
    """She is here: look at her open courses at once (rules 7.2), where the host tells no completions by itself or can be
    asked about a pair of learner and course: what it tells may wait there (a Moodle's plugin sends at its next cron)."""
    connection = site_of(session, host_id)
    caps = Caps.from_json(connection.caps) if connection is not None else Caps()
    can = caps.can("completions", "ids") and (caps.can("completions", "pairs") or not caps.can("completions", "full"))
    if connection is None or not can:
        return
    rows = session.execute(
        text(
            "SELECT p.ext, c.ext FROM seat s JOIN person p ON p.host_id = s.host_id AND p.id = s.person"
            " JOIN course c ON c.host_id = s.host_id AND c.id = s.course"
            f" WHERE s.host_id = :host AND s.person = :person AND s.wanted = {IN} AND s.confirmed = {IN}"
            " ORDER BY s.course LIMIT 100"
        ),
        {"host": host_id, "person": person},
    ).all()
    if rows:
        session.execute(
            upsert_for(session)(StoredHint)
            .values(
                host_id=host_id, id=take_ids(session, host_id, "hint"), connection=connection.id,
                key=f"seen:{person}:{at // AGAIN}", kind="completions", ids=[f"{row[0]}:{row[1]}" for row in rows], received=at,
                done=False, caused="", correlation=correlation(),
            )
            .on_conflict_do_nothing(index_elements=["host_id", "connection", "key"])
        )  # fmt: skip
