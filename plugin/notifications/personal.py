"""Messages that somebody sets off by hand, or asks for: reminders, answers to requests, a week's summary."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch
from plugin.core.database.slices import slices
from plugin.core.ids import take_ids, upsert_for
from plugin.core.logs import correlation
from plugin.core.text.stored import later
from plugin.delivery.messages.storm import count_told
from plugin.delivery.tables import Message

_DEAR = later("Dear {recipient_name},\n\n")
REMINDER, ASKED, GRANTED, REFUSED, WEEK = (
    "reminder", "extension_asked", "extension_granted", "extension_refused", "team_week",
)  # fmt: skip
BY_HAND = (REMINDER, ASKED, GRANTED, REFUSED, WEEK)
TEXTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        REMINDER: (
            later("Please complete {certification_name}"),
            _DEAR
            + later(
                "This is a reminder from your manager to complete {certification_name}. Due date: {due_date}."
                "\n\n{course_links}"
            ),
        ),
        ASKED: (
            later("{learner_name} asks for more time for {certification_name}"),
            _DEAR
            + later(
                "{learner_name} asks for more time for {certification_name}. Due date: {due_date}."
                "\n\nOpen Muster at {host_name} to answer."
            ),
        ),
        GRANTED: (
            later("More time for {certification_name}"),
            _DEAR + later("Your request for more time was granted. {certification_name} is now due on {due_date}."),
        ),
        REFUSED: (
            later("No more time for {certification_name}"),
            _DEAR + later("Your request for more time was refused. {certification_name} is still due on {due_date}."),
        ),
    }
)
"""Subject and body by event; a week's summary is written when it is owed."""


def write_to(
    session: Session,
    host_id: int,
    when: str,
    key: str,
    *,
    learner: int,
    recipient: int,
    at: int,
    certification: int = 0,
    said: Mapping[str, str] | None = None,
) -> bool:
    """Owe one message; whether it was not owed before under this key.

    :param said: ``subject``, ``text``, ``html`` and ``link`` where they are written now.
    """
    values = {
        "host_id": host_id, "id": take_ids(session, host_id, "message"), "key": f"{when}:{key}", "notification": 0,
        "when": when, "certification": certification, "learner": learner, "recipient": recipient, "spell": 0, "cycle": 0,
        "state": "owed", "created": at, "next_at": at, "correlation": correlation(), **(said or {}),
    }  # fmt: skip
    statement = upsert_for(session)(Message).values(**values)
    added = session.execute(
        statement.on_conflict_do_nothing(index_elements=["host_id", "key"]).returning(Message.id)
    ).first()
    if added is not None:
        count_told(session, host_id, at, 1)
    return added is not None


def written(session: Session, host_id: int, when: str, keys: Iterable[str]) -> set[str]:
    """Those of the keys under which a message was owed already."""
    listed = [f"{when}:{key}" for key in keys]
    found: set[str] = set()
    for part in slices(listed):
        marks = ", ".join("?" * len(part))
        sql = f"SELECT key FROM message WHERE host_id = ? AND key IN ({marks})"
        found.update(row[0].partition(":")[2] for row in fetch(session, sql, host_id, *part))
    return found
