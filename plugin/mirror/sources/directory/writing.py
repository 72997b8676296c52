"""A directory's writes: kept as they came, and handed over as what they say (SOURCES 5.3, 5.4)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch
from plugin.core.text.texts import fold
from plugin.mirror.sources.directory.guarding import must_hold
from plugin.mirror.sources.directory.mapping import manager_of, person_data, value_at
from plugin.mirror.sources.directory.references import user_id, user_ids
from plugin.mirror.sources.directory.tables import GROUP, USER, DirectoryResource
from plugin.mirror.sources.intake import take
from plugin.mirror.sources.source import Source
from plugin.mirror.sources.source_data import AudienceData, Delivery, PersonData

_SAME_NAME = """
SELECT id FROM directory_resource WHERE host_id = ? AND source = ? AND kind = ? AND NOT deleted AND name = ? AND id <> ? LIMIT 1
"""
_WAITING = "SELECT audience FROM source_member WHERE host_id = ? AND source = ? AND identity = ?"


@dataclass(frozen=True)
class Times:
    """``now``: of the host, by which people come and go; ``true``: the clock on the wall."""

    now: int
    true: int


def name_taken(session: Session, source: Source, name: str, other_than: str) -> bool:
    """Whether another user has this ``userName``, in whatever case."""
    return bool(fetch(session, _SAME_NAME, source.host_id, source.id, USER, fold(name)[:255], other_than))


def create(session: Session, source: Source, kind: str, document: Mapping[str, Any], times: Times) -> DirectoryResource:
    """Keep a new resource and hand it over; it gets its id here."""
    row = DirectoryResource(
        host_id=source.host_id, source=source.id, id=uuid.uuid4().hex, kind=kind, version=0, created=times.true,
        modified=times.true, active=True, held=False, deleted=False, document={},
    )  # fmt: skip
    session.add(row)
    return write(session, source, row, document, times)


def write(
    session: Session, source: Source, row: DirectoryResource, document: Mapping[str, Any], times: Times
) -> DirectoryResource:
    """Keep what a resource is now, and hand over what that says."""
    before, came = dict(row.document), row.external
    row.document = {**document, "id": row.id}
    row.name = fold(value_at(document, "userName" if row.kind == USER else "displayName"))[:255]
    row.external = value_at(document, "externalId")[:255]
    row.version, row.modified = row.version + 1, times.true
    if row.kind == USER:
        _write_user(session, source, row, times, came != row.external)
    else:
        _write_group(session, source, row, before, times)
    session.flush()
    return row


def _write_user(session: Session, source: Source, row: DirectoryResource, times: Times, arrived: bool) -> None:
    active = value_at(row.document, "active") != "false"
    row.manager = manager_of(row.document)
    if row.active and not active and row.version > 1:
        row.held = must_hold(session, source, times.true)
        row.withdrawn = times.true
    elif active:
        row.held, row.withdrawn = False, None
    row.active = active
    session.flush()
    ident = row.id
    people = [_said(session, source, row)]
    added: list[tuple[str, str]] = []
    removed: list[tuple[str, str]] = []
    if arrived and row.external:
        people += _reports(session, source, row.external, ident)
        for audience in _waiting(session, source, row.external):
            added.append((audience, ident))
            removed.append((audience, row.external))
    delivery = Delivery(people=people, members_added=added, members_removed=removed)
    take(session, source.host_id, source, delivery, times.now, count=False)


def _said(session: Session, source: Source, row: DirectoryResource) -> PersonData:
    manager = user_id(session, source, row.manager)
    return person_data(source, row.id, row.document, manager=manager, active=row.active or row.held)


def said_of_all(session: Session, source: Source) -> list[PersonData]:
    """What every user says of her person as the mapping has it now."""
    here = (
        DirectoryResource.host_id == source.host_id, DirectoryResource.source == source.id,
        DirectoryResource.kind == USER, DirectoryResource.deleted.is_(False),
    )  # fmt: skip
    rows = session.scalars(select(DirectoryResource).where(*here)).all()
    managers = user_ids(session, source, {row.manager for row in rows})
    return [
        person_data(
            source, row.id, row.document, manager=managers.get(row.manager, ""), active=row.active or row.held
        )
        for row in rows
    ]  # fmt: skip


def _reports(session: Session, source: Source, external: str, ident: str) -> list[PersonData]:
    """Those who named somebody as their manager before she came."""
    here = (DirectoryResource.host_id == source.host_id, DirectoryResource.source == source.id)
    rows = session.scalars(
        select(DirectoryResource).where(
            *here, DirectoryResource.manager == external, DirectoryResource.kind == USER,
            DirectoryResource.deleted.is_(False), DirectoryResource.id != ident,
        )
    ).all()  # fmt: skip
    return [_said(session, source, row) for row in rows]


def _waiting(session: Session, source: Source, external: str) -> list[str]:
    """Groups that named her before she came."""
    return [row[0] for row in fetch(session, _WAITING, source.host_id, source.id, external)]


def members_of(document: Mapping[str, Any]) -> list[str]:
    """Whom a group names, each once."""
    listed = document.get("members")
    named = [str(one.get("value") or "") for one in listed or () if isinstance(one, Mapping)]
    return [one for one in dict.fromkeys(named) if one]


def _write_group(
    session: Session, source: Source, row: DirectoryResource, before: Mapping[str, Any], times: Times
) -> None:
    had, has = set(members_of(before)), set(members_of(row.document))
    ids = user_ids(session, source, had | has)
    kept = {ids[one] for one in has}
    delivery = Delivery(
        audiences_named=[AudienceData(row.id, value_at(row.document, "displayName")[:255])],
        members_added=[(row.id, ids[one]) for one in sorted(has - had)],
        members_removed=[(row.id, ids[one]) for one in sorted(had - has) if ids[one] not in kept],
    )
    take(session, source.host_id, source, delivery, times.now, count=False)


def remove(session: Session, source: Source, row: DirectoryResource, times: Times) -> None:
    """Take a resource away; a user whom the guard holds stays in the mirror until somebody releases her."""
    if row.kind == GROUP:
        delivery = Delivery(audiences_gone=[row.id])
    else:
        waits = row.held or (row.active and must_hold(session, source, times.true))
        row.deleted, row.held, row.version = True, waits, row.version + 1
        row.withdrawn = row.withdrawn if row.withdrawn is not None else times.true
        session.flush()
        if waits:
            return
        delivery = Delivery(gone=[row.id])
    ident, kind = row.id, row.kind
    take(session, source.host_id, source, delivery, times.now, count=False)
    if kind == GROUP:
        session.delete(session.get_one(DirectoryResource, (source.host_id, source.id, ident)))
    session.flush()
