"""Everything that is held about one person, as one document (ACCESS 7)."""

from __future__ import annotations

import base64
import json
from typing import Any

from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy import LargeBinary, Table, or_, select
from sqlalchemy.orm import Session

from plugin.access.personal.held_data import BY_NAME, BY_PERSON, SECRET
from plugin.core import preferences
from plugin.core.clock import format_instant
from plugin.core.db import Base
from plugin.core.errors import NotFound
from plugin.core.secrets import Sealed
from plugin.core.tables import Journal
from plugin.mirror.tables import Person

NAMES_OF_READERS = ("draft", "saved_report", "preference")


def person_named(session: Session, host_id: int, ext: str) -> Person:
    """A person by the host's id, deleted ones too.

    :raises NotFound: where there never was one, or she was erased.
    """
    found = session.scalars(select(Person).where(Person.host_id == host_id, Person.ext == ext)).first()
    if found is None:
        raise NotFound(_("The host knows no person '%(id)s'.", id=ext))
    return found


def called(person: Person) -> list[str]:
    """What she is called as a reader or an administrator: her ids, and as the history writes people."""
    ids = [one for one in dict.fromkeys((person.ext, person.username, person.email, person.number)) if one]
    named = [f"{person.name[:150]} ({one[:100]})" for one in ids if person.name]
    return [*ids, *named, preferences.owner(person.id, ""), *(preferences.owner(None, one) for one in ids)]


def everything(session: Session, host_id: int, person: Person, *, at: int) -> dict[str, Any]:
    """Everything held about her, by table: rows as they are stored, without what opens anything."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, columns in BY_PERSON.items():
        table = Base.metadata.tables[name]
        rows = session.execute(
            select(table).where(table.c.host_id == host_id, or_(*(table.c[one] == person.id for one in columns)))
        ).mappings()
        if listed := [_row(table, row) for row in rows]:
            found[name] = [_of_her_alone(name, row, person.id) for row in listed]
    for name, columns in BY_NAME.items():
        table = Base.metadata.tables[name]
        values = called(person) if name in NAMES_OF_READERS else [person.ext]
        if name == "hint":
            continue  # ids of a hint are a list, worked off within days
        rows = session.execute(
            select(table).where(table.c.host_id == host_id, table.c[columns[0]].in_(values))
        ).mappings()  # fmt: skip
        if listed := [_row(table, row) for row in rows]:
            found[name] = listed
    found["journal"] = [*found.get("journal", []), *_spoken_of(session, host_id, person.id)]
    if not found["journal"]:
        del found["journal"]
    return {"person": person.ext, "exported": format_instant(at), "held": found}


def _row(table: Table, row: Any) -> dict[str, Any]:
    shown = {}
    for column in table.columns:
        if column.name in SECRET or column.name == "host_id" or isinstance(column.type, Sealed):
            continue
        value = row[column.name]
        if isinstance(value, bytes) or isinstance(column.type, LargeBinary):
            if column.name == "people":
                continue  # others
            value = None if value is None else base64.b64encode(bytes(value)).decode()
        shown[column.name] = value
    return shown


def _of_her_alone(table: str, row: dict[str, Any], person: int) -> dict[str, Any]:
    """What she was told of others is theirs: that she was told stays."""
    if table != "message" or row["learner"] == person:
        return row
    return {name: value for name, value in row.items() if name not in ("learner", "subject", "text", "html", "link")}


def _spoken_of(session: Session, host_id: int, person: int) -> list[dict[str, Any]]:
    """Entries of the history that speak of many, and of her among them; without the others."""
    rows = session.scalars(select(Journal).where(Journal.host_id == host_id, Journal.people.is_not(None)))
    return [
        {
            "n": row.n,
            "at": row.at,
            "who": row.who,
            "what": row.what,
            "certification": row.certification,
            "reason": row.reason,
        }
        for row in rows
        if person in BitMap.deserialize(bytes(row.people or b""))
    ]


def as_json(document: dict[str, Any]) -> str:
    """The document as a file."""
    return json.dumps(document, ensure_ascii=False, indent=1, default=str) + "\n"
