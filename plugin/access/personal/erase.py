"""A person erased: names, addresses, ids, fields, message texts and waiting files blanked everywhere; not undoable (ACCESS 7).

Numbers stay: who was enrolled, when and why is still counted, of nobody in particular.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import Table, delete, or_, select, update
from sqlalchemy.orm import Session

from plugin.access.personal.documents import blank_addresses, drop_files, ids_of, relabel, relabel_managers
from plugin.access.personal.export import called, person_named
from plugin.access.personal.held_data import (
    BLANKED,
    BODIES,
    DROPPED,
    DROPPED_BY_ID,
    DROPPED_BY_READER,
    FREE_TEXT,
    RENAMED,
    WHO,
)
from plugin.access.personal.waiting import give_up
from plugin.core.db import Base
from plugin.core.errors import RefusedByRule
from plugin.core.journal import record
from plugin.delivery.tables import Seat
from plugin.mirror.sources.tables import Identity
from plugin.mirror.tables import DELETED, Person
from plugin.reports.sending.tables import ReportPart, ReportSending

ERASED = "erased:"
"""Begins what stands for the host's id of somebody who was erased."""
_SHORTEST = 3
"""Shorter names are no use in a search through texts: they are parts of other words."""


@dataclass(frozen=True)
class Text:
    """Free text that names her."""

    table: str
    column: str
    key: str
    text: str


def is_erased(person: Person) -> bool:
    """Whether nothing is left of her but a number."""
    return person.ext.startswith(ERASED)


def refuse_if_present(session: Session, host_id: int, person: Person) -> None:
    """Nobody is erased whom the next read would bring back, or who still has a place in a course.

    :raises RefusedByRule: saying which.
    """
    if person.state != DELETED:
        raise RefusedByRule(_("The learning site still has this person: the next read would bring her back."))
    sources = session.scalars(
        select(Identity.id).where(
            Identity.host_id == host_id,
            or_(Identity.person == person.id, Identity.former == person.id),
            Identity.gone.is_(None),
        )  # fmt: skip
    ).first()
    if sources is not None:
        raise RefusedByRule(_("A source still has this person: the next load would bring her back."))
    owed = session.scalars(
        select(Seat.course).where(
            Seat.host_id == host_id, Seat.person == person.id, Seat.owed, Seat.parked.is_(None)
        )
    ).all()  # fmt: skip
    if owed:
        raise RefusedByRule(
            ngettext(
                "%(num)s course place is still to be withdrawn: try again once it is.",
                "%(num)s course places are still to be withdrawn: try again once they are.",
                len(owed),
            )
        )


def texts_naming(session: Session, host_id: int, person: Person) -> list[Text]:
    """Free text in which one of her names stands."""
    names, found = _names(person), list[Text]()
    if names is None:
        return []
    for name, columns in FREE_TEXT.items():
        table = Base.metadata.tables[name]
        keys = list(table.primary_key.columns)
        for row in session.execute(select(*keys, *(table.c[one] for one in columns)).where(table.c.host_id == host_id)):
            for column in columns:
                value = getattr(row, column)
                text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                if names.search(text):
                    key = " ".join(str(getattr(row, one.name)) for one in keys if one.name != "host_id")
                    found.append(Text(name, column, key, text))
    return found


def erase(session: Session, host_id: int, ext: str, *, at: int, who: str, blank_texts: bool) -> int:
    """Erase a person whom the host has deleted. Returns in how many free texts her names were replaced.

    :param blank_texts: whether her names in free text go too; else these texts stay as they are.
    :raises NotFound: where there is no such person. :raises RefusedByRule: where she is still there.
    """
    person = person_named(session, host_id, ext)
    session.refresh(person, with_for_update=True)
    refuse_if_present(session, host_id, person)
    give_up(session, host_id, person, _names(person), at=at, who=who)
    session.flush()
    texts = texts_naming(session, host_id, person) if blank_texts else []
    if blank_texts:
        _blank_texts(session, host_id, person, texts)
    _forget_actor(session, host_id, person)
    label = f"{ERASED}{person.id}"
    drop_files(session, host_id, person)
    _drop(session, host_id, person)
    blank_addresses(session, host_id, person)
    ids = ids_of(session, person, label)
    relabel(session, host_id, ids)
    relabel_managers(session, host_id, ids)
    _blank_rows(session, host_id, person)
    person.ext, person.name, person.given_name, person.family_name = label, "", "", ""
    person.email, person.username, person.number, person.time_zone, person.language = "", "", "", "", ""
    person.fields = {}
    session.flush()
    data = {"texts": len(texts)} if blank_texts else {"texts": "kept"}
    record(session, host_id, at, who, "person_erased", person=person.id, data=data)
    return len(texts)


def _names(person: Person) -> re.Pattern[str] | None:
    """Her names, ids and addresses as words of a text; nothing where all are too short to be told from other words."""
    named = (person.name, person.email, person.username, person.number, person.ext)
    wanted = [re.escape(one) for one in dict.fromkeys(named) if len(one) >= _SHORTEST]
    return re.compile(rf"(?<!\w)(?:{'|'.join(wanted)})(?!\w)", re.IGNORECASE) if wanted else None


def _blank_texts(session: Session, host_id: int, person: Person, texts: list[Text]) -> None:
    names = _names(person)
    if names is None:
        return
    for name in {one.table for one in texts}:
        table = Base.metadata.tables[name]
        keys = list(table.primary_key.columns)
        columns = sorted({one.column for one in texts if one.table == name})
        for row in session.execute(
            select(*keys, *(table.c[one] for one in columns)).where(table.c.host_id == host_id)
        ).all():
            values: dict[str, Any] = {}
            for column in columns:
                before = getattr(row, column)
                after = _without(before, names, f"person {person.id}")
                if after != before:
                    values[column] = after
            if values:
                here = [one == getattr(row, one.name) for one in keys]
                session.execute(update(table).where(*here).values(**values))


def _without(value: Any, names: re.Pattern[str], instead: str) -> Any:
    """Text, or a document of texts, with her names replaced."""
    if isinstance(value, str):
        return names.sub(instead, value)
    if isinstance(value, list):
        return [_without(one, names, instead) for one in value]
    if isinstance(value, dict):
        return {key: _without(one, names, instead) for key, one in value.items()}
    return value


def _forget_actor(session: Session, host_id: int, person: Person) -> None:
    """What she did herself stays, done by a number."""
    for name, columns in WHO.items():
        table = Base.metadata.tables[name]
        for column in columns:
            session.execute(
                update(table)
                .where(table.c.host_id == host_id, table.c[column].in_(called(person)))
                .values({column: f"person {person.id}"})
            )


def _drop(session: Session, host_id: int, person: Person) -> None:
    tables = Base.metadata.tables
    members, identities = tables["source_member"], tables["identity"]
    hers = (identities.c.host_id == host_id, or_(identities.c.person == person.id, identities.c.former == person.id))
    for source, ext in session.execute(select(identities.c.source, identities.c.ext).where(*hers)).all():
        here = (members.c.host_id == host_id, members.c.source == source, members.c.identity == ext)
        session.execute(delete(members).where(*here))
    _drop_sendings(session, host_id, person)
    for name, columns in DROPPED.items():
        table = tables[name]
        session.execute(
            delete(table).where(table.c.host_id == host_id, or_(*(table.c[one] == person.id for one in columns)))
        )
    words = tables["search_word"]
    session.execute(
        delete(words).where(words.c.host_id == host_id, words.c.kind == "person", words.c.target == person.id)
    )  # fmt: skip
    for name, column in DROPPED_BY_ID.items():
        table = tables[name]
        session.execute(delete(table).where(table.c.host_id == host_id, table.c[column] == person.ext))
    for name, column in DROPPED_BY_READER.items():
        table = tables[name]
        session.execute(delete(table).where(table.c.host_id == host_id, table.c[column].in_(called(person))))
    resources = tables["directory_resource"]
    keys = [one for one in (person.ext, person.username, person.email, person.number) if one]
    known = or_(resources.c.name.in_(keys), resources.c.external.in_(keys))
    session.execute(delete(resources).where(resources.c.host_id == host_id, resources.c.kind == "User", known))


def _drop_sendings(session: Session, host_id: int, person: Person) -> None:
    """Files of reports that she had sent."""
    mine = or_(ReportSending.owner_person == person.id, ReportSending.owner.in_(called(person)))
    sendings = select(ReportSending.id).where(ReportSending.host_id == host_id, mine)
    session.execute(delete(ReportPart).where(ReportPart.host_id == host_id, ReportPart.sending.in_(sendings)))


def _blank_rows(session: Session, host_id: int, person: Person) -> None:
    tables = Base.metadata.tables
    for name, (column, values) in BLANKED.items():
        table = tables[name]
        session.execute(
            update(table).where(table.c.host_id == host_id, table.c[column] == person.id).values(dict(values))
        )
    messages = tables["message"]
    session.execute(
        update(messages)
        .where(messages.c.host_id == host_id, messages.c.recipient == person.id)
        .values(dict(BLANKED["message"][1]))
    )
    for name in RENAMED:
        _rename(session, tables[name], host_id, person)
    jobs = tables["job"]
    session.execute(
        update(jobs).where(jobs.c.host_id == host_id, jobs.c.manager_ext == person.ext).values(manager_ext="")
    )  # fmt: skip
    reports = tables["saved_report"]
    session.execute(
        update(reports)
        .where(reports.c.host_id == host_id, reports.c.owner.in_(called(person)))
        .values(owner=f"person {person.id}")
    )
    _blank_bodies(session, host_id, person)
    waiting = tables["waiting_change"]
    decided = (waiting.c.host_id == host_id, waiting.c.state != "waits")
    session.execute(update(waiting).where(*decided).values(request="{}"))


def _rename(session: Session, table: Table, host_id: int, person: Person) -> None:
    """Records of hers have ids that may hold hers."""
    rows = session.execute(select(table.c.id).where(table.c.host_id == host_id, table.c.person == person.id)).all()
    for row in rows:
        values: dict[str, Any] = {"ext": f"{ERASED}{person.id}:{row.id}", "person_ext": f"{ERASED}{person.id}"}
        if "title" in table.c:
            values["title"] = ""
        session.execute(update(table).where(table.c.host_id == host_id, table.c.id == row.id).values(values))


def _blank_bodies(session: Session, host_id: int, person: Person) -> None:
    """What was sent about her: calls and deliveries that are done. One under way is done within a day."""
    tables = Base.metadata.tables
    for name, over in (("call", tables["call"].c.state == "done"),
                       ("endpoint_delivery", tables["endpoint_delivery"].c.state != "owed")):  # fmt: skip
        table = tables[name]
        quoted = json.dumps(person.ext)
        here = (table.c.host_id == host_id, over, table.c.body.contains(quoted, autoescape=True))
        blank = {one: [] if one == "tries" else "" for one in BODIES[name] if one != "subject"}
        session.execute(update(table).where(*here).values(blank))
    deliveries = tables["endpoint_delivery"]
    session.execute(
        update(deliveries).where(deliveries.c.host_id == host_id, deliveries.c.subject == person.ext).values(subject="")
    )


__all__ = ["ERASED", "Text", "erase", "is_erased", "refuse_if_present", "texts_naming"]
