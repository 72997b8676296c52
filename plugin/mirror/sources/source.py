"""One source as it is set up: its name, how it joins, what it supplies."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch
from plugin.core.errors import Invalid, NotFound
from plugin.mirror.sources.tables import Supplier
from plugin.mirror.tables import SOURCE, Connection

KINDS = ("organisation", "position", "managers", "audiences", "fields")
"""What can be supplied (SOURCES 2.1)."""
UNIT_KINDS = ("organisation", "position")
SITE_SUPPLIES = 0
"""Stands for the learning site in a list of suppliers."""
DEFAULT_JOIN = "id=number"
LONGEST = 255
_JOIN = re.compile(r"([^=\x00]{1,200})=(number|username|email|fields\.[^=\x00]{1,200})")
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True)
class Source:
    """A source's connection, read once for one piece of work.

    :ivar key_field: the field of the source whose value joins; ``account_field``: the account's.
    :ivar supplies: kinds it is a supplier of.
    :ivar freeze: days for which somebody who left by this source counts as frozen.
    """

    host_id: int
    id: int
    name: str
    kind: str
    key_field: str
    account_field: str
    supplies: frozenset[str]
    freeze: int = 0
    mapping: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def ext(self, own: str) -> str:
        """An id of the source as it is written everywhere: ``SOURCE:ID``; too long ones end in a digest."""
        return shortened(f"{self.name}:{own}")

    def framework(self, kind: str) -> str:
        """The framework its units of a kind are in."""
        return f"{self.name}:{kind}"


def shortened(text: str) -> str:
    """A text of at most 255 letters, still one of its own."""
    if len(text) <= LONGEST:
        return text
    import hashlib

    return f"{text[: LONGEST - 17]}~{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"


def parse_join(text: str) -> tuple[str, str]:
    """``FIELD_OF_SOURCE=FIELD_OF_ACCOUNT`` (SOURCES 3.1).

    :raises Invalid: for anything else.
    """
    found = _JOIN.fullmatch(text.strip())
    if found is None:
        raise Invalid(
            f"'{text}' is no join: write FIELD_OF_SOURCE=FIELD_OF_ACCOUNT, the latter number, username, email or"
            " fields.NAME."
        )
    return found[1].strip(), found[2].strip()


def normal_key(value: object, account_field: str) -> str:
    """What is compared: trimmed, in one Unicode form; usernames and addresses without regard to case (SOURCES 3.2)."""
    text = unicodedata.normalize("NFC", "" if value is None else str(value)).strip()
    return (text.casefold() if account_field in ("username", "email") else text)[:LONGEST]


def tidy(words: str) -> str:
    """A name made of words, with single blanks."""
    return _BLANKS.sub(" ", unicodedata.normalize("NFC", words)).strip()


def path_of(words: str, separator: str = "") -> str:
    """The normal form ``A / B`` of a unit made of words (SOURCES 2.3); split only at a declared separator."""
    parts = words.split(separator) if separator else [words]
    return " / ".join(part for part in map(tidy, parts) if part)


def word_of(path: str) -> str:
    """How a path is found again whatever its case and blanks around a stroke."""
    return shortened(re.sub(r" ?/ ?", " / ", tidy(path)).casefold())


def source_of(session: Session, row: Connection, suppliers: Mapping[str, Sequence[int]] | None = None) -> Source:
    """A source from its connection.

    :param suppliers: of its host, by kind, where they are known.
    """
    key_field, account_field = parse_join(str(row.settings.get("join") or DEFAULT_JOIN))
    known = suppliers_of(session, row.host_id) if suppliers is None else suppliers
    supplies = frozenset(kind for kind, listed in known.items() if row.id in listed)
    leavers = row.mapping.get("leavers") or {}
    return Source(
        row.host_id, row.id, row.name, row.kind, key_field, account_field, supplies, int(leavers.get("freeze") or 0),
        row.mapping, row.settings,
    )  # fmt: skip


def sources_of(session: Session, host_id: int) -> list[Connection]:
    """The connections of a host's sources, by name."""
    here = (Connection.host_id == host_id, Connection.role == SOURCE)
    return list(session.scalars(select(Connection).where(*here).order_by(Connection.name)))


def source_row(session: Session, host_id: int, name: str, *, lock: bool = False) -> Connection:
    """A source's connection by its name.

    :raises NotFound: when the host has no source of this name.
    """
    query = select(Connection).where(Connection.host_id == host_id, Connection.name == name, Connection.role == SOURCE)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(query).first()
    if found is None:
        raise NotFound(_("There is no source named '%(name)s'.", name=name))
    return found


def suppliers_of(session: Session, host_id: int) -> dict[str, list[int]]:
    """By kind its suppliers in order: connections, 0 for the learning site."""
    found: dict[str, list[int]] = {kind: [] for kind in KINDS}
    rows = fetch(session, "SELECT kind, connection FROM supplier WHERE host_id = ? ORDER BY place", host_id)
    for kind, connection in rows:
        found.setdefault(kind, []).append(connection)
    return {kind: listed or [SITE_SUPPLIES] for kind, listed in found.items()}


def set_suppliers(session: Session, host_id: int, kind: str, connections: Sequence[int]) -> None:
    """Write who supplies a kind; the learning site alone needs no row."""
    session.execute(delete(Supplier).where(Supplier.host_id == host_id, Supplier.kind == kind))
    if list(connections) == [SITE_SUPPLIES]:
        return
    for place, connection in enumerate(connections):
        session.add(Supplier(host_id=host_id, kind=kind, place=place, connection=connection))
    session.flush()


def site_supplies(suppliers: Mapping[str, Iterable[int]], kind: str) -> bool:
    """Whether the learning site is a supplier of a kind."""
    return SITE_SUPPLIES in suppliers[kind]
