"""History: append-only, in the same transaction as what it tells of; outside subscribers are told with it."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.core import outbox
from plugin.core.database.bulk import among, fetch, insert_rows, update_rows
from plugin.core.ids import take_ids
from plugin.core.logs import correlation
from plugin.core.tables import Journal


def record(
    session: Session,
    host_id: int,
    at: int,
    who: str,
    what: str,
    *,
    certification: int | None = None,
    version: int | None = None,
    person: int | None = None,
    people: BitMap | None = None,
    confirmed: bool = False,
    reason: str = "",
    data: dict[str, Any] | None = None,
    count: int | None = None,
) -> int:
    """Append one entry to the history and return its number.

    :param people: the learners spoken of, where there are many; their number becomes the entry's count.
    :param count: of what it tells of, where that is no learners.
    """
    entry = Entry(what, certification=certification, version=version, person=person, people=people,
                  confirmed=confirmed, reason=reason, data=data or {}, count=count)  # fmt: skip
    return record_all(session, host_id, at, who, [entry])


@dataclass(frozen=True)
class Entry:
    """One thing that happened, as :func:`record` takes it.

    :ivar aloud: told to outside subscribers alone; history keeps silent about it.
    :ivar act: who did what this follows from, and its correlation, where that is not what records it.
    """

    what: str
    certification: int | None = None
    version: int | None = None
    person: int | None = None
    people: BitMap | None = None
    confirmed: bool = False
    reason: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    aloud: bool = False
    count: int | None = None
    act: tuple[str, str] | None = None

    @property
    def size(self) -> int:
        """How many it tells of."""
        if self.count is not None:
            return self.count
        return len(self.people) if self.people is not None else 1


def record_all(
    session: Session, host_id: int, at: int, who: str, entries: Sequence[Entry], *, one_settle: bool = False
) -> int:
    """Append entries to the history, in their order; returns the number of the first, or 0.

    :param one_settle: learners of whom earlier chunks of the same work told the same join that entry.
    """
    told = [_told(one) for one in entries if one.what in outbox.FROM_HISTORY]
    entries = [one for one in entries if not one.aloud]
    if one_settle and entries:
        entries = [
            one for act in dict.fromkeys(entry.act for entry in entries)
            for one in _not_joined(session, host_id, at, act or (who, correlation()),
                                   [entry for entry in entries if entry.act == act])
        ]  # fmt: skip
    first = _write(session, host_id, at, who, entries) if entries else 0
    outbox.append(session, host_id, at, who, told)
    return first


def _not_joined(
    session: Session, host_id: int, at: int, act: tuple[str, str], entries: Sequence[Entry]
) -> list[Entry]:  # fmt: skip
    """Let entries join what this settle has told already; returns the others.

    So history has one entry for each thing a settle did, however many transactions it took.
    """
    certifications = np.unique(np.array([one.certification or 0 for one in entries]))
    whats = ", ".join(f"'{what}'" for what in sorted({one.what for one in entries}))  # words of ours
    rows = fetch(
        session,
        "SELECT n, certification, version, what, reason, CASE WHEN confirmed THEN 1 ELSE 0 END, people FROM journal"
        f" WHERE host_id = ? AND {among('certification', certifications)} AND what IN ({whats}) AND at = ?"
        " AND who = ? AND correlation = ? AND people IS NOT NULL ORDER BY n DESC",
        host_id, at, *act,
    )  # fmt: skip
    known = {tuple(row[1:6]): (row[0], row[6]) for row in rows}
    others, numbers, sets = [], [], []
    for one in entries:
        key = (one.certification, one.version, one.what, one.reason, int(one.confirmed))
        n, before = known.get(key, (0, b""))
        joined = BitMap.deserialize(bytes(before)) if before else BitMap()
        if not n or one.people is None or one.data or joined & one.people:  # or it happens to somebody once more
            others.append(one)
            continue
        numbers.append(n)
        sets.append(joined | one.people)
    if numbers:
        told = {"people": [people.serialize() for people in sets], "count": [len(people) for people in sets]}
        update_rows(session, Journal, {"host_id": host_id, "n": numbers}, told)
    return others


def _write(session: Session, host_id: int, at: int, who: str, entries: Sequence[Entry]) -> int:
    first = take_ids(session, host_id, "journal", len(entries))
    columns = {
        "host_id": host_id,
        "n": list(range(first, first + len(entries))),
        "at": at,
        "who": [one.act[0] if one.act else who for one in entries],
        "what": [one.what for one in entries],
        "certification": [one.certification for one in entries],
        "version": [one.version for one in entries],
        "person": [one.person for one in entries],
        "people": [one.people.serialize() if one.people is not None else None for one in entries],
        "count": [one.size for one in entries],
        "confirmed": [int(one.confirmed) for one in entries],
        "reason": [one.reason for one in entries],
        "data": [json.dumps(one.data) for one in entries],
        "correlation": [one.act[1] if one.act else correlation() for one in entries],
    }
    insert_rows(session, Journal, columns)
    return first


def _told(entry: Entry) -> outbox.OutboxEntry:
    return outbox.OutboxEntry(
        outbox.FROM_HISTORY[entry.what], certification=entry.certification, person=entry.person, people=entry.people,
        reason=entry.reason or entry.what.partition("exception_")[2],
    )  # fmt: skip
