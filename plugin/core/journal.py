"""History and events: append-only, in the same transaction as what they tell of."""

from __future__ import annotations

from typing import Any

from pyroaring import BitMap
from sqlalchemy import insert
from sqlalchemy.orm import Session

from plugin.core.ids import take_ids, upsert_for
from plugin.core.logs import correlation
from plugin.core.tables import Event, Journal


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
) -> int:
    """Append one entry to the history and return its number.

    :param people: the learners spoken of, where there are many; their number becomes the entry's count.
    """
    number = take_ids(session, host_id, "journal")
    count = len(people) if people is not None else 1
    session.execute(
        insert(Journal).values(
            host_id=host_id,
            n=number,
            at=at,
            who=who,
            what=what,
            certification=certification,
            version=version,
            person=person,
            people=people.serialize() if people is not None else None,
            count=count,
            confirmed=confirmed,
            reason=reason,
            data=data or {},
            correlation=correlation(),
        )  # fmt: skip
    )
    return number


def emit(session: Session, host_id: int, at: int, kind: str, key: str, subject: str, data: dict[str, Any]) -> None:
    """Append an event for outside subscribers; a key seen before is dropped.

    :param kind: a name of the event vocabulary, such as ``learner.enrolled``.
    """
    number = take_ids(session, host_id, "event")
    statement = (
        upsert_for(session)(Event)
        .values(
            host_id=host_id,
            n=number,
            key=key,
            type=kind,
            subject=subject,
            at=at,
            data=data,
            done=0,
            correlation=correlation(),
        )  # fmt: skip
        .on_conflict_do_nothing(index_elements=["host_id", "key"])
    )
    session.execute(statement)
