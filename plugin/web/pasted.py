"""A pasted or uploaded list of learners: each line is looked up as a username, an e-mail address or an ID number."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.core.errors import Invalid
from plugin.mirror.lookup import people_named
from plugin.mirror.tables import ACTIVE, Person

MOST_LINES = 50_000
_HEADINGS = {"username", "email", "e-mail", "id", "idnumber", "id number", "number", "user"}


@dataclass(frozen=True)
class Line:
    """A line and what it found: found, suspended, assigned, ambiguous or missing."""

    text: str
    result: str
    person: Person | None = None


def read_upload(content: bytes) -> str:
    """Text of a file in UTF-8, with or without a byte order mark, UTF-16 with one, or else Latin-1."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def read_lines(session: Session, host_id: int, text: str, assigned: set[str]) -> list[Line]:
    """Look up the first column of every line; headings and repeated lines are left out.

    :param assigned: the host's ids of those assigned individually already.
    :raises Invalid: when there is no line, or more than 50,000.
    """
    wanted = _first_column(text)
    if not wanted:
        raise Invalid(_("The list is empty."))
    if len(wanted) > MOST_LINES:
        raise Invalid(_("The list has more than 50,000 lines. Split it, or use an audience."))
    found = people_named(session, host_id, wanted)
    return [_line(one, found.get(one.casefold(), ()), assigned) for one in wanted]


def _first_column(text: str) -> list[str]:
    plain = text.replace("\x00", "").lstrip("\ufeff")
    first = plain.split("\n", 1)[0]
    mark = max(";\t,", key=first.count)
    rows = csv.reader(io.StringIO(plain), delimiter=mark)
    try:
        cells = [row[0].strip().lstrip("'").strip() for row in rows if row]
    except csv.Error:
        cells = [line.strip() for line in plain.splitlines()]
    kept = [cell[:255] for cell in cells if cell]
    if kept and kept[0].casefold() in _HEADINGS:
        kept = kept[1:]
    return list(dict.fromkeys(kept))


def _line(text: str, people: Sequence[Person], assigned: set[str]) -> Line:
    if not people:
        return Line(text, "missing")
    if len(people) > 1:
        return Line(text, "ambiguous")
    person = people[0]
    if person.ext in assigned:
        return Line(text, "assigned", person)
    return Line(text, "found" if person.state == ACTIVE else "suspended", person)
