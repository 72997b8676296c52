"""Something happened to learners: who is told? One row a message, unique by its once-key (DOMAIN 8.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Any

import numpy as np
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from plugin.core.bulk import among, fetch, insert_rows
from plugin.core.days import instant_of, local_day
from plugin.core.ids import take_ids
from plugin.core.logs import correlation
from plugin.core.tables import Host
from plugin.delivery.storm import count_told
from plugin.delivery.tables import Message
from plugin.notifications.recipients import administrators, recipients_of
from plugin.notifications.tables import Notification

TIMED = ("due", "overdue", "expiring")
"""Events that are moments of a date; their offset is already in the moment."""
MORNING = time(7)
"""When administrators get the day's exceptions, in the host's zone."""


@dataclass(frozen=True)
class Told:
    """A learner something happened to.

    :ivar wait_for_seats: the message waits until the seats opened with it are confirmed (DOMAIN 8.4).
    :ivar missed: she is suspended at this moment: it is not told now, nor when she returns (DOMAIN 2.6).
    """

    person: int
    spell: int
    cycle: int
    wait_for_seats: bool = False
    missed: bool = False
    data: dict[str, Any] = field(default_factory=dict)


def tell(session: Session, host_id: int, certification: int, when: str, told: Sequence[Told], *, at: int) -> int:
    """Owe the messages that an event sets off; those told before in this spell and cycle are not told again.

    Enrolled and withdrawn before either was sent: neither goes. Returns how many messages were added.
    """
    definitions = active(session, host_id, certification, when)
    if when == "withdrawn":
        told = _untold_cancelled(session, host_id, certification, told)
    return sum(tell_one(session, definition, told, at=at) for definition in definitions)


def tell_one(session: Session, definition: Notification, told: Sequence[Told], *, at: int) -> int:
    """Owe the messages of one definition; returns how many rows were offered."""
    receivers = recipients_of(session, definition.host_id, [one.person for one in told], definition.to)
    pairs = [(one, receiver) for one in told for receiver in receivers.get(one.person, ())]
    if not pairs:
        return 0
    first = take_ids(session, definition.host_id, "message", len(pairs))
    columns = {
        "host_id": definition.host_id,
        "id": np.arange(first, first + len(pairs)),
        "key": [
            f"{definition.id}:{receiver}:{one.person}:{definition.certification}:{one.spell}:{one.cycle}"
            for one, receiver in pairs
        ],
        "notification": definition.id,
        "when": definition.when,
        "certification": definition.certification,
        "learner": np.array([one.person for one, _receiver in pairs]),
        "recipient": np.array([receiver for _one, receiver in pairs]),
        "spell": np.array([one.spell for one, _receiver in pairs]),
        "cycle": np.array([one.cycle for one, _receiver in pairs]),
        "state": [_state(one) for one, _receiver in pairs],
        "why": ["She was suspended at this moment." if one.missed else "" for one, _receiver in pairs],
        "created": at,
        "next_at": _moments(session, definition, [receiver for _one, receiver in pairs], at),
        "correlation": correlation(),
    }
    insert_rows(session, Message, columns, skip_present=True)
    own = sum(one.person == receiver for one, receiver in pairs if not one.missed)
    others = {receiver for one, receiver in pairs if one.person != receiver and not one.missed}
    count_told(session, definition.host_id, at, own + len(others))
    return len(pairs)


def _state(one: Told) -> str:
    if one.missed:
        return "cancelled"
    return "waiting" if one.wait_for_seats else "owed"


def _moments(session: Session, definition: Notification, receivers: Sequence[int], at: int) -> int | list[int]:
    """When messages may go: administrators hear of exceptions once a day, in the morning (DOMAIN 8.3)."""
    moment = at + (max(definition.offset, 0) if definition.when not in TIMED else 0)
    daily = set(administrators(session, definition.host_id)) if definition.when == "exception" else set()
    if daily.isdisjoint(receivers):
        return moment
    host = session.get_one(Host, definition.host_id)
    morning = instant_of(local_day(moment, host.time_zone), MORNING, host.time_zone)
    if morning < moment:
        morning = instant_of(local_day(moment, host.time_zone) + timedelta(days=1), MORNING, host.time_zone)
    return [morning if receiver in daily else moment for receiver in receivers]


def active(session: Session, host_id: int, certification: int, when: str) -> list[Notification]:
    """The definitions switched on for an event."""
    return list(
        session.scalars(
            select(Notification)
            .where(
                Notification.host_id == host_id,
                Notification.certification == certification,
                Notification.when == when,
                Notification.on,
            )
            .order_by(Notification.id)
        )
    )


def with_unsent(session: Session, host_id: int, certifications: Sequence[int], people: np.ndarray) -> set[int]:
    """Those of the certifications that have a message about one of these people (sorted ids) not sent yet."""
    sql = (
        "SELECT DISTINCT certification FROM message WHERE host_id = ? AND state <> 'sent'"
        f" AND {among('certification', np.array(sorted(certifications)))} AND {among('learner', people)}"
    )
    return {row[0] for row in fetch(session, sql, host_id)}


def _untold_cancelled(session: Session, host_id: int, certification: int, told: Sequence[Told]) -> Sequence[Told]:
    """Cancel "you are enrolled" where it was not sent yet; those learners need no "you are withdrawn" either."""
    spells = {(one.person, one.spell) for one in told}
    cancelled: set[tuple[int, int]] = set()
    people = sorted({person for person, _spell in spells})
    if not with_unsent(session, host_id, [certification], np.array(people)):
        return told
    for start in range(0, len(people), 500):
        rows = session.execute(
            update(Message)
            .where(
                Message.host_id == host_id,
                Message.certification == certification,
                Message.when == "assigned",
                Message.state.in_(("waiting", "owed", "held")),
                Message.leader == 0,
                Message.learner.in_(people[start : start + 500]),
            )
            .values(state="cancelled", why="Withdrawn before it was sent.")
            .returning(Message.learner, Message.spell),
            execution_options={"synchronize_session": False},
        )
        cancelled.update((row[0], row[1]) for row in rows)
    return [one for one in told if (one.person, one.spell) not in cancelled]
