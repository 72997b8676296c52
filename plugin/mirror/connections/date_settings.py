"""What a host's dates mean changes: its time zone, or the format a mapping reads them in.

Everything that was read by the old meaning is read again, and whoever decides by it is told through a mark of the host
(:func:`changed_meaning`), so that no two learners keep dates of two meanings (rules 3.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from plugin.core import journal
from plugin.core.database.bulk import fetch, run
from plugin.core.ids import keep_number, kept_number
from plugin.core.tables import Host
from plugin.mirror.sources.tables import Identity
from plugin.mirror.tables import Connection

_MARK = "meaning_changed"
_FORMATS = "formats_changed"


def move_zone(session: Session, host_id: int, zone: str, *, at: int, who: str) -> bool:
    """Give the host another time zone: its records are read again, day by day in the new one.

    :param zone: an IANA name. Returns whether it is another one than before.
    """
    host = session.get_one(Host, host_id)
    if not zone or host.time_zone == zone:
        return False
    if fetch(session, "SELECT 1 FROM person WHERE host_id = ? LIMIT 1", host_id):  # the first read is no change
        journal.record(session, host_id, at, who, "zone_changed", data={"before": host.time_zone, "after": zone})
    host.time_zone = zone
    rows = select(Connection).where(Connection.host_id == host_id).with_for_update()
    for connection in session.scalars(rows.execution_options(populate_existing=True)).all():
        connection.marks = {}
        connection.settings = {**connection.settings, "whole_read": 0}
    session.execute(
        update(Identity).where(Identity.host_id == host_id).values(turns=at),
        execution_options={"synchronize_session": False},
    )
    mark_meaning(session, host_id, at)
    return True


def mark_meaning(session: Session, host_id: int, at: int) -> None:
    """Note that dates of the host mean something else from now on."""
    keep_number(session, host_id, _MARK, at)


def changed_meaning(session: Session, host_id: int) -> int | None:
    """When dates of the host came to mean something else; ``None`` where everybody was settled since."""
    return kept_number(session, host_id, _MARK)


def mark_formats(row: Connection, mapping: Mapping[str, Any]) -> None:
    """Note the profile fields whose dates another mapping reads in another format: they were misread until now."""
    before, after = row.mapping.get("date_formats") or {}, mapping.get("date_formats") or {}
    fields = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    if fields:
        row.settings = {**row.settings, _FORMATS: sorted(fields.union(row.settings.get(_FORMATS) or ()))}


def take_formats(session: Session, host_id: int) -> frozenset[str]:
    """The profile fields whose format changed since this was asked last."""
    row = session.scalars(select(Connection).where(Connection.host_id == host_id, Connection.role == "site")).first()
    if row is None or not row.settings.get(_FORMATS):
        return frozenset()
    fields = frozenset(row.settings[_FORMATS])
    row.settings = {name: value for name, value in row.settings.items() if name != _FORMATS}
    return fields


def forget_meaning(session: Session, host_id: int) -> None:
    """Everybody is owed a look by the new meaning."""
    run(session, "DELETE FROM counter WHERE host_id = ? AND name = ?", host_id, _MARK)
