"""Whom notifications would reach, and how many messages something would send: counted before a save (rules 8.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.notifications.defaults import recipients
from plugin.notifications.definitions import offset_of
from plugin.notifications.recipients import administrators, managers_of
from plugin.notifications.triggers import active

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
) -> Impact:
    """What would be sent if these events happened to these learners in one save.

    Each learner is told by every notification; managers and administrators get one digest of all of it (rules 8.3).

    :param definitions: the notifications proposed, in the file's shape; ``None``: those saved.
    """
    count, digests, told, sample = 0, BitMap(), BitMap(), None
    for when, learners in happens.items():
        for one in _definitions(session, host_id, certification, when, definitions) if learners else ():
            to = recipients(one)
            own = learners if "learner" in to else BitMap()
            others = [who for who in to if who != "learner"]
            count += len(own)
            told |= own
            digests |= reached(session, host_id, learners, others) if others else BitMap()
            if own or others:
                sample = sample or FirstMessage(one, learners[0])
    return Impact(count + len(digests), sample, told | digests)


def _definitions(
    session: Session, host_id: int, certification: int, when: str, proposed: Sequence[Mapping[str, Any]] | None
) -> list[Mapping[str, Any]]:
    if proposed is not None:
        found = [one for one in proposed if one.get("when") == when and one.get("on", True)]
        return [one for one in found if offset_of(one) < LATER]
    rows = active(session, host_id, certification, when) if certification else []
    return [
        {"when": row.when, "to": row.to, "subject": row.subject, "body": row.body, "texts": row.texts}
        for row in rows
        if row.offset < LATER
    ]
