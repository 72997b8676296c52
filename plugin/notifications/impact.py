"""Whom notifications would reach, and how many messages something would send: counted before a save (rules 8.5)."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.database.bulk import among, fetch
from plugin.notifications.defaults import recipients
from plugin.notifications.definitions import continued, offset_of
from plugin.notifications.recipients import administrators, managers_of
from plugin.notifications.tables import Notification
from plugin.notifications.triggers import TIMED

LATER = 24 * 3600
"""Seconds after which a message is not counted as one of the save that sets it off (rules 5.4)."""


@dataclass(frozen=True)
class FirstMessage:
    """The first message of a save: which definition, on which event, about whom; ``when`` it is an example of."""

    definition: Mapping[str, Any]
    learner: int

    @property
    def when(self) -> str:
        """The event."""
        return str(self.definition["when"])


@dataclass(frozen=True)
class Impact:
    """What a save would send: how many messages, to whom, and one of them."""

    messages: int
    sample: FirstMessage | None
    people: BitMap


def reached(session: Session, host_id: int, learners: BitMap, to: Sequence[str]) -> BitMap:
    """Everybody a notification with these recipients would reach if it happened to all these learners."""
    found: BitMap = BitMap(learners) if "learner" in to else BitMap()
    if "managers" in to:
        found |= managers_of(session, host_id, learners)
    if "admins" in to and learners:
        found |= BitMap(administrators(session, host_id))
    return found


def impact(
    session: Session,
    host_id: int,
    certification: int,
    happens: Mapping[str, BitMap],
    definitions: Sequence[Mapping[str, Any]] | None = None,
    *,
    narrow: Callable[[int, Mapping[str, Any], BitMap], BitMap] | None = None,
) -> Impact:
    """What would be sent if these events happened to these learners in one save.

    Each learner is told by every notification; managers and administrators get one digest of all of it (rules 8.3).

    :param definitions: the notifications proposed, in the file's shape; ``None``: those saved.
    :param narrow: which of the learners a definition still tells, given its number (0: not saved) and what it says.
    """
    count, digests, daily, told, sample = 0, BitMap(), BitMap(), BitMap(), None
    everything = _definitions(session, host_id, certification, definitions) if any(happens.values()) else []
    for number, one in everything:
        learners = happens.get(str(one["when"]), BitMap())
        learners = narrow(number, one, learners) if narrow is not None and learners else learners
        if not learners:
            continue
        to = recipients(one)
        own = learners if "learner" in to else BitMap()
        others = [who for who in to if who != "learner"]
        count += len(own)
        told |= own
        receivers = reached(session, host_id, learners, others) if others else BitMap()
        if one["when"] == "exception":  # administrators hear of these apart, once a day
            daily |= receivers & BitMap(administrators(session, host_id))
            receivers -= daily
        digests |= receivers
        if own or others:
            sample = sample or FirstMessage(one, learners[0])
    return Impact(count + len(digests) + len(daily), sample, told | digests | daily)


def _definitions(
    session: Session, host_id: int, certification: int, proposed: Sequence[Mapping[str, Any]] | None
) -> list[tuple[int, Mapping[str, Any]]]:
    """What is switched on and goes within a day, each with the number of the saved one that it is or follows, and its
    ``offset`` in seconds."""
    rows = list(
        session.scalars(
            select(Notification)
            .where(Notification.host_id == host_id, Notification.certification == certification)
            .order_by(Notification.id)
        )
    )
    if proposed is not None:
        kept = continued(rows, proposed)
        found = [(row.id if row is not None else 0, one) for row, one in zip(kept, proposed, strict=True)]
        offered = [(number, {**one, "offset": offset_of(one)}) for number, one in found if one.get("on", True)]
    else:
        offered = [
            (row.id, {"when": row.when, "to": row.to, "subject": row.subject, "body": row.body, "texts": row.texts,
                      "offset": row.offset})
            for row in rows
            if row.on
        ]  # fmt: skip
    return [(number, one) for number, one in offered if one["when"] in TIMED or one["offset"] < LATER]


def told_before(
    session: Session, host_id: int, certification: int, notification: int, learners: BitMap
) -> set[tuple[int, int, int]]:
    """Of whom a notification told before: learner, spell and cycle (rules 8.2)."""
    if not notification:
        return set()
    sql = (
        "SELECT learner, spell, cycle FROM message WHERE host_id = ? AND certification = ? AND notification = ?"
        f" AND {among('learner', np.array(learners, dtype=np.int64))}"
    )
    return {(row[0], row[1], row[2]) for row in fetch(session, sql, host_id, certification, notification)}
