"""Where the learning site and sources meet: what of its records counts, and whose account has just come or gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.tables import Host
from plugin.hosts.port import Record
from plugin.mirror.pulling.rows import Written
from plugin.mirror.sources.intake import follow
from plugin.mirror.sources.joining import join, key_accounts, parts
from plugin.mirror.sources.overlays import below
from plugin.mirror.sources.source import site_supplies, source_of, sources_of, suppliers_of
from plugin.mirror.sources.tables import Identity, Overlay

_OF_JOB = {"organisation": ("organisation",), "position": ("position",), "managers": ("manager", "manager_job")}


def of_site(session: Session, host_id: int, kind: str, records: Sequence[Record]) -> Sequence[Record]:
    """Of what the site told, what it supplies (SOURCES 2.1). An id that begins like a source's is never the site's."""
    names = [row.name for row in sources_of(session, host_id)]
    if not names:
        return records
    prefixes = tuple(f"{name}:" for name in names)
    suppliers = suppliers_of(session, host_id)
    kept = [record for record in records if not record.id.startswith(prefixes)]
    if kind == "units":
        return [
            record for record in kept
            if site_supplies(suppliers, "position" if record.fields.get("kind") == "position" else "organisation")
        ]  # fmt: skip
    if kind in ("audiences", "members"):
        return kept if site_supplies(suppliers, "audiences") else []
    if kind == "jobs":
        blank = {name for what, fields in _OF_JOB.items() if not site_supplies(suppliers, what) for name in fields}
        if blank:
            return [replace(one, fields={k: v for k, v in one.fields.items() if k not in blank}) for one in kept]
    return kept


def lay_over_site(
    session: Session, host_id: int, kind: str, records: Sequence[Record], *, partial: bool
) -> Callable[[Mapping[str, dict[str, Any]]], None] | None:
    """For people: puts over the site's word what sources say, before it is written."""
    if (
        kind != "people"
        or session.scalars(select(Overlay.person).where(Overlay.host_id == host_id).limit(1)).first() is None
    ):
        return None
    told = {record.id: set(record.fields) if partial else {"fields", "state"} for record in records}
    return lambda wanted: below(session, host_id, wanted, told)


def accounts_changed(session: Session, host_id: int, people: Sequence[int], now: int) -> Written:
    """Accounts came, changed or went: identities join or part at once (SOURCES 3.5, 3.7); who is touched is returned."""
    written = Written()
    if not people:
        return written
    rows = sources_of(session, host_id)
    zone = str(session.get_one(Host, host_id).time_zone) if rows else ""
    for row in rows:
        source = source_of(session, row)
        keys = key_accounts(session, source, people)
        joined: list[int] = []
        for part in parts(people):
            here = (Identity.host_id == host_id, Identity.source == source.id)
            mine = Identity.person.in_(part) | Identity.pinned.in_(part)
            joined += session.scalars(select(Identity.id).where(*here, mine))
        if not keys and not joined:
            continue
        moved = join(session, source, keys, joined)
        session.expire_all()
        if moved:
            identities: list[Identity] = []
            for part in parts(moved):
                identities += session.scalars(
                    select(Identity).where(Identity.host_id == host_id, Identity.id.in_(part))
                )  # fmt: skip
            written.add(follow(session, source, identities, moved, now, zone).written)
    return written
