"""Sources as they are shown: how they are set up, who is matched, what was loaded."""

from __future__ import annotations

import zlib
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.clock import format_instant
from plugin.core.errors import NotFound
from plugin.mirror.sources.directory.guarding import held_shown
from plugin.mirror.sources.intake import unmatched_counts
from plugin.mirror.sources.source import (
    DEFAULT_JOIN,
    KINDS,
    SITE_SUPPLIES,
    source_of,
    source_row,
    sources_of,
    suppliers_of,
)
from plugin.mirror.sources.tables import Rename, SourceLoad
from plugin.mirror.tables import Connection


def listed(session: Session, host_id: int) -> list[dict[str, Any]]:
    """A host's sources, by name."""
    return [_brief(session, row) for row in sources_of(session, host_id)]


def _brief(session: Session, row: Connection) -> dict[str, Any]:
    source = source_of(session, row)
    matched, why = unmatched_counts(session, source)
    return {
        "name": row.name, "kind": row.kind, "state": row.state, "reason": row.reason,
        "join": str(row.settings.get("join") or DEFAULT_JOIN),
        "supplies": [kind for kind in KINDS if kind in source.supplies], "matched": matched, "unmatched": why,
    }  # fmt: skip


def shown(session: Session, host_id: int, name: str) -> dict[str, Any]:
    """One source in full.

    :raises NotFound: for a name nobody has.
    """
    row = source_row(session, host_id, name)
    source = source_of(session, row)
    more = {"held": held_shown(session, host_id, source.id)} if row.kind == "scim" else {}
    return {
        **_brief(session, row), "mapping": dict(row.mapping), "units": dict(row.settings.get("units") or {}),
        "url": str(row.settings.get("url") or ""), "schedule": str(row.settings.get("schedule") or ""),
        "after": str(row.settings.get("after") or "left"),
        "loads": [
            {"id": one.id, "state": one.state, "at": format_instant(one.at), "who": one.who, "files": one.files,
             "reason": one.reason}
            for one in loads_of(session, host_id, source.id)
        ],
        "renames": [
            {"id": one.id, "kind": one.kind, "old": one.old, "new": one.new, "people": one.people}
            for one in open_questions(session, host_id, source.id)
        ],
        **more,
    }  # fmt: skip


def loads_of(session: Session, host_id: int, source: int, limit: int = 30) -> list[SourceLoad]:
    """Loads that are kept, newest first."""
    here = (SourceLoad.host_id == host_id, SourceLoad.source == source)
    return list(session.scalars(select(SourceLoad).where(*here).order_by(SourceLoad.id.desc()).limit(limit)))


def report_of(session: Session, host_id: int, name: str, number: int) -> bytes:
    """The report of a load, line by line, as CSV.

    :raises NotFound: for a source or a load there is not, or one whose report is kept no longer.
    """
    source = source_row(session, host_id, name)
    row = session.get(SourceLoad, (host_id, number))
    if row is None or row.source != source.id or row.report is None:
        raise NotFound(_("There is no report of this load any more."))
    return zlib.decompress(row.report)


def open_questions(session: Session, host_id: int, source: int) -> list[Rename]:
    """Units that vanished while a new one took their people, to be answered."""
    here = (Rename.host_id == host_id, Rename.source == source, Rename.state == "open")
    return list(session.scalars(select(Rename).where(*here).order_by(Rename.id)))


def suppliers_named(session: Session, host_id: int) -> dict[str, list[str]]:
    """By kind the names of its suppliers, in order; ``site`` for the learning site."""
    names = {row.id: row.name for row in sources_of(session, host_id)} | {SITE_SUPPLIES: "site"}
    return {kind: [names.get(one, "?") for one in found] for kind, found in suppliers_of(session, host_id).items()}
