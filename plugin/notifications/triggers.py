"""Something happened to learners: who is told? One row a message, unique by its once-key (rules 8.2)."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import time, timedelta

import numpy as np
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from plugin.core.database.bulk import among, fetch, insert_rows
from plugin.core.database.columns import Ints
from plugin.core.database.slices import slices
from plugin.core.days import instant_of, local_day
from plugin.core.ids import take_ids
from plugin.core.logs import correlation
from plugin.core.tables import Host
from plugin.core.text.stored import later
from plugin.delivery.messages.storm import count_told
from plugin.delivery.tables import Message
from plugin.notifications.recipients import administrators, recipients_of
from plugin.notifications.tables import Notification
from plugin.population.columns import Mask

TIMED = ("due", "overdue", "expiring")
"""Events that are moments of a date; their offset is already in the moment."""
MORNING = time(7)
"""When administrators get the day's exceptions, in the host's zone."""


@dataclass(frozen=True)
class EventLearners:
    """Learners something happened to, a position each, each of them once.

    :ivar missed: who is suspended at this moment: she is not told now, nor when she returns (rules 2.6).
    :ivar wait_for_seats: the messages wait until the seats opened with them are confirmed (rules 8.4).
    """

    person: Ints
    spell: Ints
    cycle: Ints
    missed: Mask
    wait_for_seats: bool = False

    def take(self, where: Mask) -> EventLearners:
        """Only some of them."""
        return replace(self, person=self.person[where], spell=self.spell[where], cycle=self.cycle[where],
                       missed=self.missed[where])  # fmt: skip


def tell(session: Session, host_id: int, certification: int, when: str, told: EventLearners, *, at: int) -> int:
    """Owe the messages that an event sets off; those told before in this spell and cycle are not told again.

    Enrolled and withdrawn before either was sent: neither goes. Returns how many messages were added.
    """
    definitions = active(session, host_id, certification, when)
    if when == "withdrawn":
        told = _untold_cancelled(session, host_id, certification, told)
    return sum(tell_one(session, definition, told, at=at) for definition in definitions)


def tell_one(session: Session, definition: Notification, told: EventLearners, *, at: int) -> int:
    """Owe the messages of one definition; returns how many rows were offered."""
    which, receiver = _addressed(session, definition, told)
    if not len(which):
        return 0
    person, spell, cycle, missed = told.person[which], told.spell[which], told.cycle[which], told.missed[which]
    first = take_ids(session, definition.host_id, "message", len(which))
    named = zip(receiver.tolist(), person.tolist(), spell.tolist(), cycle.tolist(), strict=True)
    usual = "waiting" if told.wait_for_seats else "owed"
    columns = {
        "host_id": definition.host_id,
        "id": np.arange(first, first + len(which)),
        "key": [f"{definition.id}:{to}:{of}:{definition.certification}:{s}:{c}" for to, of, s, c in named],
        "notification": definition.id,
        "when": definition.when,
        "certification": definition.certification,
        "learner": person,
        "recipient": receiver,
        "spell": spell,
        "cycle": cycle,
        "state": np.where(missed, "cancelled", usual).tolist() if missed.any() else usual,
        "why": np.where(missed, "She was suspended at this moment.", "").tolist() if missed.any() else "",
        "created": at,
        "next_at": _moments(session, definition, receiver, at),
        "correlation": correlation(),
    }
    insert_rows(session, Message, columns, skip_present=True)
    own = person == receiver
    others = np.unique(receiver[~own & ~missed])
    count_told(session, definition.host_id, at, int((own & ~missed).sum()) + len(others))
    return len(which)


def _addressed(session: Session, definition: Notification, told: EventLearners) -> tuple[Ints, Ints]:
    """Every message: whom it is about, by position, and who receives it."""
    if list(definition.to) == ["learner"]:
        return np.arange(len(told.person)), told.person
    people = told.person.tolist()
    receivers = recipients_of(session, definition.host_id, people, definition.to)
    pairs = [(at, receiver) for at, one in enumerate(people) for receiver in receivers.get(one, ())]
    which, receiver = np.array(pairs, np.int64).reshape(-1, 2).T
    return which, receiver


def _moments(session: Session, definition: Notification, receivers: Ints, at: int) -> int | Ints:
    """When messages may go: administrators hear of exceptions once a day, in the morning (rules 8.3)."""
    moment = at + (max(definition.offset, 0) if definition.when not in TIMED else 0)
    if definition.when != "exception":
        return moment
    daily = np.isin(receivers, administrators(session, definition.host_id))
    if not daily.any():
        return moment
    host = session.get_one(Host, definition.host_id)
    morning = instant_of(local_day(moment, host.time_zone), MORNING, host.time_zone)
    if morning < moment:
        morning = instant_of(local_day(moment, host.time_zone) + timedelta(days=1), MORNING, host.time_zone)
    return np.where(daily, morning, moment)


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


def untold_enrolled(session: Session, host_id: int, certification: int, people: Ints) -> set[tuple[int, int]]:
    """Of these people, learner and spell of whoever was not told yet that she is enrolled."""
    sql = (
        "SELECT learner, spell FROM message WHERE host_id = ? AND certification = ? AND \"when\" = 'assigned'"
        f" AND state IN ('waiting', 'owed', 'held') AND leader = 0 AND {among('learner', np.unique(people))}"
    )
    return {(row[0], row[1]) for row in fetch(session, sql, host_id, certification)}


def _untold_cancelled(session: Session, host_id: int, certification: int, told: EventLearners) -> EventLearners:
    """Cancel "you are enrolled" where it was not sent yet; those learners need no "you are withdrawn" either."""
    cancelled = cancel_enrolled(session, host_id, certification, told.person)
    if not cancelled:
        return told
    spells = zip(told.person.tolist(), told.spell.tolist(), strict=True)
    return told.take(np.array([spell not in cancelled for spell in spells], bool))


def cancel_enrolled(session: Session, host_id: int, certification: int, people: Ints) -> set[tuple[int, int]]:
    """Cancel "you are enrolled" of these people where it was not sent yet (rules 8.4); returns learners and spells."""
    cancelled: set[tuple[int, int]] = set()
    people = np.unique(people)
    if not with_unsent(session, host_id, [certification], people):
        return cancelled
    for part in slices(people.tolist()):
        rows = session.execute(
            update(Message)
            .where(
                Message.host_id == host_id,
                Message.certification == certification,
                Message.when == "assigned",
                Message.state.in_(("waiting", "owed", "held")),
                Message.leader == 0,
                Message.learner.in_(part),
            )
            .values(state="cancelled", why=later("Withdrawn before it was sent."))
            .returning(Message.learner, Message.spell),
            execution_options={"synchronize_session": False},
        )
        cancelled.update((row[0], row[1]) for row in rows)
    return cancelled
