"""Events for outside subscribers: rows of the outbox, written with the change they tell of (design idea 2).

Nothing is written that nobody has subscribed to. Most events follow from the history: what it is told, subscribers may
be told too, in the same transaction (:mod:`plugin.core.journal`). Delivery spreads them to the endpoints and sends them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch, insert_rows
from plugin.core.ids import take_ids
from plugin.core.logs import correlation
from plugin.core.tables import Event

TYPES = (
    "assignment.added", "assignment.changed", "assignment.removed", "assignment.applied",
    "learner.enrolled", "learner.withdrawal_scheduled", "learner.withdrawal_cancelled", "learner.withdrawn",
    "learner.due_changed", "learner.overdue", "learner.exempted", "learner.exemption_ended",
    "exception.raised", "exception.resolved", "group.joined", "group.left",
    "certification.completed", "certification.window_opened", "certification.expiring", "certification.expired",
    "push.refused", "sync.completed", "sync.held", "sync.failed", "endpoint.ping", "endpoint.disabled",
)  # fmt: skip
"""The vocabulary; names never change their meaning."""
FROM_HISTORY = {
    "enrolled": "learner.enrolled", "released": "learner.enrolled", "leaving": "learner.withdrawal_scheduled",
    "staying": "learner.withdrawal_cancelled", "withdrawn": "learner.withdrawn", "due_changed": "learner.due_changed",
    "exempted": "learner.exempted", "exemption_ended": "learner.exemption_ended",
    "exception_raised": "exception.raised", "exception_closed": "exception.resolved",
    "exception_decided": "exception.resolved", "exception_assign": "exception.resolved",
    "exception_realistic": "exception.resolved", "exception_dismiss": "exception.resolved",
    "joined": "group.joined", "left": "group.left",
    "certified": "certification.completed", "complete": "certification.completed",
    "window_open": "certification.window_opened", "expired": "certification.expired",
}  # fmt: skip
"""What an entry of the history is to subscribers."""


@dataclass(frozen=True)
class OutboxEntry:
    """One thing to tell: of one learner, of each of many, or of none.

    :ivar subject: whose order matters, where it is about no learner.
    :ivar data: goes into the message, the same for every learner of ``people``.
    :ivar reason: words of the history: why, or which of several.
    """

    type: str
    certification: int | None = None
    person: int | None = None
    people: BitMap | None = None
    subject: str = ""
    reason: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


def subscribed(session: Session, host_id: int) -> frozenset[str]:
    """The types somebody has subscribed to."""
    rows = fetch(session, "SELECT DISTINCT type FROM subscription WHERE host_id = ?", host_id)
    return frozenset(row[0] for row in rows)


def append(session: Session, host_id: int, at: int, who: str, told: Sequence[OutboxEntry]) -> int:
    """Append events that somebody has subscribed to; returns how many. They are numbered in the order of the commits.

    :param at: the instant of the change, by the clock of rules. :param who: as the history names the cause.
    """
    types = subscribed(session, host_id) if told else frozenset()
    wanted = [one for one in told if one.type in types]
    counts = [1 if one.people is None else len(one.people) for one in wanted]
    total = sum(counts)
    if not total:
        return 0
    first = take_ids(session, host_id, "event", total)
    kind = who if who in ("rule", "sync") else "person"
    for one, count in zip(wanted, counts, strict=True):
        if count:
            data = {"cause": {"kind": kind, "actor": who}, "reason": one.reason, **one.data}
            _write(session, host_id, at, one, range(first, first + count), data)
        first += count
    return total


def _write(session: Session, host_id: int, at: int, one: OutboxEntry, numbers: range, data: Mapping[str, Any]) -> None:
    people = list(one.people) if one.people is not None else [one.person]
    subject = one.subject or (f"certification/{one.certification}" if one.certification else "host")
    columns = {
        "host_id": host_id,
        "n": np.arange(numbers.start, numbers.stop),
        "key": [f"e{n}" for n in numbers],
        "type": one.type,
        "subject": subject if people == [None] else [f"learner/{person}" for person in people],
        "at": at,
        "certification": one.certification,
        "person": people,
        "data": json.dumps(data),
        "done": 0,
        "correlation": correlation(),
    }
    insert_rows(session, Event, columns)
