"""Texts of messages: placeholders filled in at the moment of sending, escaped where they become HTML."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from plugin.certifications.rules.placeholders import PLACEHOLDERS
from plugin.certifications.tables import Certification
from plugin.core.database.slices import slices
from plugin.core.days import known_zone, moment_of
from plugin.core.ids import read_clock
from plugin.core.tables import Host
from plugin.core.text.languages import ReaderLanguage, choose
from plugin.core.text.stored import later
from plugin.delivery.learner_dates import NO_DATES, Dates, DatesOf, Pair
from plugin.delivery.tables import IN, Message
from plugin.mirror.lookup.browse import names_of_people
from plugin.mirror.tables import Person
from plugin.notifications import personal
from plugin.notifications.defaults import shown_text, text_of
from plugin.notifications.digests import DUE, EXPIRY, DigestPart, digest, parts_of
from plugin.notifications.tables import Notification

_PLACE = re.compile(r"\{([a-z_]+)\}")
_GAPS = re.compile(r"\n{3,}")
_NO_DUE, _NO_EXPIRY = later("no due date"), later("no expiry date")
Link = tuple[str, str]
"""A course's name and its address."""


@dataclass(frozen=True)
class Values:
    """What placeholders of one message say: each as plain text, and where it differs from that, escaped, as HTML."""

    plain: Mapping[str, str]
    rich: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MessageContext:
    """Whom a message is about, whom it goes to, and the dates it names.

    :ivar links: courses she can open now, with names.
    """

    learner: Person
    recipient: Person
    certification: str
    due: int | None = None
    expires: int | None = None
    links: Sequence[Link] = ()


def render(session: Session, messages: Sequence[Message], dates_of: DatesOf) -> dict[int, Mapping[str, str]]:
    """Subject, text, HTML and link of these messages of one host, as of now.

    :param dates_of: answers when learners are due, and when that expires.
    """
    if not messages:
        return {}
    host = session.get_one(Host, messages[0].host_id)
    people = names_of_people(session, host.id, sorted({m.learner for m in messages} | {m.recipient for m in messages}))
    names = _names(session, host.id, {m.certification for m in messages})
    definitions = _definitions(session, host.id, {m.notification for m in messages})
    digests = parts_of(session, host.id, messages)
    pairs = {(m.certification, m.learner) for m in messages}
    dates = dates_of(session, host.id, pairs | _pairs_of(part for parts in digests.values() for part in parts))
    links = links_of(session, host.id, pairs)
    names |= _names(
        session, host.id, {part.certification for parts in digests.values() for part in parts} - names.keys()
    )
    rendered: dict[int, Mapping[str, str]] = {}
    for message in messages:
        if message.id in digests:
            rendered[message.id] = _digest(host, digests[message.id], names, dates, people[message.recipient])
            continue
        if message.text:  # written when it was owed
            rendered[message.id] = {
                name: getattr(message, name) for name in ("subject", "text", "html", "link") if getattr(message, name)
            }
            continue
        pair = (message.certification, message.learner)
        due, expires = dates.get(pair, NO_DATES)
        occasion = MessageContext(
            people[message.learner], people[message.recipient], names.get(message.certification, ""), due, expires,
            links.get(pair, ()),
        )  # fmt: skip
        wanted = definitions.get(message.notification) or {"when": message.when}
        reader_language = recipient_language(occasion.recipient, host, wanted)
        subject, body = text_of(wanted, reader_language, herself=message.learner == message.recipient)
        rendered[message.id] = fill(subject, body, values_of(host, occasion, reader_language))
        if message.when in _LINKED and occasion.links:
            rendered[message.id] = {**rendered[message.id], "link": occasion.links[0][1]}
    return rendered


def _pairs_of(parts: Iterable[DigestPart]) -> set[Pair]:
    return {(part.certification, one) for part in parts for one, _name in part.learners}


def _digest(
    host: Host, parts: Sequence[DigestPart], names: Mapping[int, str], dates: Mapping[Pair, Dates], recipient: Person
) -> Mapping[str, str]:
    """Dates are those of now, in the recipient's zone."""
    zone, reader_language = known_zone(recipient.time_zone or None, host.time_zone), recipient_language(recipient, host)
    said: dict[tuple[int, int, str], str] = {}
    for part in parts:
        for learner, _name in part.learners:
            due, expires = dates.get((part.certification, learner), NO_DATES)
            date = due if part.when in DUE else expires if part.when in EXPIRY else None
            if date is not None:
                said[part.certification, learner, part.when] = in_words(date, zone, "", reader_language)
    plain = {number: _line(name) for number, name in names.items()}
    shown = [replace(part, learners=[(one, _line(name)) for one, name in part.learners]) for part in parts]
    return digest(shown, plain, _line(recipient.name or recipient.ext), said, reader_language)


_LINKED = ("assigned", "window_open", personal.REMINDER)
"""Events after which a course is there to be opened."""


_OF_A_DATE, _SAMPLE_DUE = ("due", "overdue"), 30 * 86_400


def preview(
    session: Session,
    host_id: int,
    one: Mapping[str, Any],
    name: str,
    learner: Person,
    *,
    number: int,
    dates: Dates,
) -> dict[str, str]:
    """A definition as a learner of the certification would get it now.

    :param name: the certification's, and ``number`` its id. :param dates: hers in it.
    """
    host = session.get_one(Host, host_id)
    pair = (number, learner.id)
    due, expires = dates
    links = links_of(session, host_id, {pair}).get(pair, ())
    if one.get("when") in _OF_A_DATE and due is None:  # never sent without a date: the sample shows one
        due = read_clock(session, host_id)[1] + _SAMPLE_DUE
    occasion = MessageContext(learner, learner, name, due, expires, links)
    reader_language = recipient_language(learner, host, one)
    return fill(*shown_text(one, reader_language), values_of(host, occasion, reader_language))


def recipient_language(recipient: Person, host: Host, one: Mapping[str, Any] = MappingProxyType({})) -> ReaderLanguage:
    """The language a message is in: the recipient's, as the host tells it; else the host's.

    :param one: the definition; it may have texts in languages that Muster itself does not speak.
    """
    return choose((recipient.language, host.language), also=one.get("texts") or ())


def values_of(host: Host, occasion: MessageContext, reader_language: ReaderLanguage) -> Values:
    """What the placeholders say on an occasion; dates in the recipient's own zone and language."""
    zone = known_zone(occasion.recipient.time_zone or None, host.time_zone)
    plain = {
        "learner_name": _line(occasion.learner.name or occasion.learner.ext),
        "recipient_name": _line(occasion.recipient.name or occasion.recipient.ext),
        "certification_name": _line(occasion.certification),
        "due_date": in_words(occasion.due, zone, reader_language.gettext(_NO_DUE), reader_language),
        "expiry_date": in_words(occasion.expires, zone, reader_language.gettext(_NO_EXPIRY), reader_language),
        "course_links": "\n".join(f"{_line(name)}: {address}" for name, address in occasion.links),
        "host_name": _line(host.title or host.name),
    }
    anchors = (f'<a href="{html.escape(address)}">{html.escape(_line(name))}</a>' for name, address in occasion.links)
    return Values(plain, {"course_links": "<br>".join(anchors)})


def fill(subject: str, body: str, values: Values) -> dict[str, str]:
    """A text with its placeholders filled in: ``subject`` (one line), ``text`` and ``html``."""

    def said(found: re.Match[str]) -> str:
        return values.plain.get(found[1], found[0])

    def marked(found: re.Match[str]) -> str:
        return values.rich.get(found[1]) or html.escape(values.plain.get(found[1], found[0]))

    plain = _GAPS.sub("\n\n", _PLACE.sub(said, body.replace("\r\n", "\n"))).strip()
    escaped = html.escape(body.replace("\r\n", "\n"), quote=False)
    parts = [_PLACE.sub(marked, part).strip() for part in escaped.split("\n\n")]
    paragraphs = "".join(f"<p>{part.replace(chr(10), '<br>')}</p>" for part in parts if part)
    return {"subject": _line(_PLACE.sub(said, subject)), "text": plain, "html": paragraphs}


def _line(words: str) -> str:
    """One line without control characters, whatever somebody is called."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())


def in_words(instant: int | None, zone: str, otherwise: str, reader_language: ReaderLanguage) -> str:
    """A moment as a message says it, with its zone."""
    if instant is None:
        return otherwise
    return f"{reader_language.moment(moment_of(instant, zone), 'long')} ({zone})"


def _names(session: Session, host_id: int, ids: set[int]) -> dict[int, str]:
    rows = session.execute(
        select(Certification.id, Certification.name).where(Certification.host_id == host_id, Certification.id.in_(ids))
    )
    return {row[0]: row[1] for row in rows}


def links_of(session: Session, host_id: int, pairs: set[Pair]) -> dict[Pair, list[Link]]:
    """Courses of a certification in which the host confirmed the learner: only those can be opened (rules 8.4)."""
    statement = text(
        "SELECT DISTINCT k.certification, s.person, c.id, c.name, c.url FROM seat s"
        " JOIN course c ON c.host_id = s.host_id AND c.id = s.course AND NOT c.gone AND c.visible"
        " JOIN course_set k ON k.host_id = s.host_id AND k.course = s.course"
        f" WHERE s.host_id = :host AND s.person IN :people AND s.confirmed = {IN} AND s.wanted = {IN} ORDER BY c.id"
    ).bindparams(bindparam("people", expanding=True))
    people = sorted({person for _certification, person in pairs})
    found: dict[Pair, list[Link]] = {}
    for part in slices(people):
        for row in session.execute(statement, {"host": host_id, "people": part}):
            if row[4].startswith(("https://", "http://")) and (row[0], row[1]) in pairs:
                found.setdefault((row[0], row[1]), []).append((row[3], row[4]))
    return found


def _definitions(session: Session, host_id: int, ids: set[int]) -> dict[int, Mapping[str, Any]]:
    rows = session.scalars(select(Notification).where(Notification.host_id == host_id, Notification.id.in_(ids)))
    return {row.id: {"when": row.when, "subject": row.subject, "body": row.body, "texts": row.texts} for row in rows}


__all__ = ["PLACEHOLDERS", "MessageContext", "Values", "fill", "preview", "render", "values_of"]
