"""Texts of messages: placeholders filled in at the moment of sending, escaped where they become HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from plugin.certifications.tables import Certification
from plugin.core.days import known_zone, moment_of
from plugin.core.errors import Invalid
from plugin.core.tables import Host
from plugin.delivery.tables import Message
from plugin.mirror.tables import Person
from plugin.notifications.tables import Notification

PLACEHOLDERS = ("learner_name", "recipient_name", "certification_name", "due_date", "expiry_date", "host_name")
_PLACE = re.compile(r"\{([a-z_]+)\}")

DEFAULTS: Mapping[str, tuple[str, str]] = {
    "assigned": (
        "You are enrolled in {certification_name}",
        "Dear {recipient_name},\n\n{learner_name} is now enrolled in {certification_name}. Due date: {due_date}.",
    ),
    "withdrawn": (
        "You are withdrawn from {certification_name}",
        "Dear {recipient_name},\n\n{learner_name} is no longer enrolled in {certification_name}."
        " Progress is kept and comes back on a new enrolment.",
    ),
    "due": (
        "{certification_name} is due on {due_date}",
        "{learner_name} is to complete {certification_name} by {due_date}.",
    ),
    "overdue": ("{certification_name} is overdue", "{certification_name} was due on {due_date} for {learner_name}."),
    "due_changed": (
        "New due date for {certification_name}",
        "The due date of {certification_name} for {learner_name} is now {due_date}.",
    ),
    "completed": ("{certification_name} completed", "{learner_name} has completed {certification_name}."),
    "window_open": (
        "Time to renew {certification_name}",
        "{learner_name} can renew {certification_name} from now on, until {expiry_date}.",
    ),
    "expiring": ("{certification_name} expires on {expiry_date}", "{certification_name} expires on {expiry_date}."),
    "expired": ("{certification_name} has expired", "{certification_name} of {learner_name} has expired."),
    "exception": (
        "{certification_name}: an exception waits for you",
        "An exception for {learner_name} in {certification_name} waits for an answer.",
    ),
}
"""Subject and body where a definition gives none."""


def check_text(words: str) -> None:
    """Refuse placeholders that nothing fills.

    :raises Invalid: naming the first one.
    """
    for name in _PLACE.findall(words):
        if name not in PLACEHOLDERS:
            raise Invalid(f"'{{{name}}}' is no placeholder; use {', '.join('{' + one + '}' for one in PLACEHOLDERS)}.")


def render(session: Session, messages: Sequence[Message]) -> dict[int, Mapping[str, str]]:
    """Subject, text and HTML of these messages of one host, as of now."""
    if not messages:
        return {}
    host = session.get_one(Host, messages[0].host_id)
    people = _people(session, host.id, {m.learner for m in messages} | {m.recipient for m in messages})
    names = _names(session, host.id, {m.certification for m in messages})
    dates = _dates(session, host.id, {(m.certification, m.learner) for m in messages})
    definitions = _definitions(session, host.id, {m.notification for m in messages})
    rendered: dict[int, Mapping[str, str]] = {}
    for message in messages:
        recipient = people[message.recipient]
        due, expires = dates.get((message.certification, message.learner), (None, None))
        zone = known_zone(recipient.time_zone or None, host.time_zone)
        values = {
            "learner_name": people[message.learner].name,
            "recipient_name": recipient.name,
            "certification_name": names.get(message.certification, ""),
            "due_date": _in_words(due, zone, "no due date"),
            "expiry_date": _in_words(expires, zone, "no expiry date"),
            "host_name": host.title or host.name,
        }
        subject, body = definitions.get(message.notification) or DEFAULTS[message.when]
        rendered[message.id] = _filled(subject, body, values)
    return rendered


def _filled(subject: str, body: str, values: Mapping[str, str]) -> dict[str, str]:
    plain = _PLACE.sub(lambda found: values.get(found[1], found[0]), body)
    escaped = _PLACE.sub(lambda found: html.escape(values.get(found[1], found[0])), html.escape(body, quote=False))
    paragraphs = "".join(f"<p>{part.replace(chr(10), '<br>')}</p>" for part in escaped.split("\n\n"))
    title = _PLACE.sub(lambda found: values.get(found[1], found[0]), subject).replace("\n", " ")
    return {"subject": title, "text": plain, "html": paragraphs}


def _in_words(instant: int | None, zone: str, otherwise: str) -> str:
    if instant is None:
        return otherwise
    moment = moment_of(instant, zone)
    return f"{moment.day} {moment.strftime('%B %Y, %H:%M')} ({zone})"


def _people(session: Session, host_id: int, ids: set[int]) -> dict[int, Person]:
    found: dict[int, Person] = {}
    for start in range(0, len(ids), 500):
        rows = session.scalars(
            select(Person).where(Person.host_id == host_id, Person.id.in_(sorted(ids)[start : start + 500]))
        )
        found.update((row.id, row) for row in rows)
    return found


def _names(session: Session, host_id: int, ids: set[int]) -> dict[int, str]:
    rows = session.execute(
        select(Certification.id, Certification.name).where(Certification.host_id == host_id, Certification.id.in_(ids))
    )
    return {row[0]: row[1] for row in rows}


def _dates(
    session: Session, host_id: int, pairs: set[tuple[int, int]]
) -> dict[tuple[int, int], tuple[int | None, int | None]]:
    statement = text(
        "SELECT certification, person, due, expires FROM enrolment WHERE host_id = :host AND person IN :people"
    ).bindparams(bindparam("people", expanding=True))
    people = sorted({person for _certification, person in pairs})
    found: dict[tuple[int, int], tuple[int | None, int | None]] = {}
    for start in range(0, len(people), 500):
        for row in session.execute(statement, {"host": host_id, "people": people[start : start + 500]}):
            found[row[0], row[1]] = (row[2], row[3])
    return found


def _definitions(session: Session, host_id: int, ids: set[int]) -> dict[int, tuple[str, str]]:
    rows: Any = session.scalars(select(Notification).where(Notification.host_id == host_id, Notification.id.in_(ids)))
    return {row.id: (row.subject or DEFAULTS[row.when][0], row.body or DEFAULTS[row.when][1]) for row in rows}
