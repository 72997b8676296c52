"""Notification definitions: what a certification's file or page says, and the rows that triggers look up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.days import parse_period
from plugin.core.ids import take_ids
from plugin.notifications.tables import Notification


def replace_definitions(
    session: Session, host_id: int, certification: int, wanted: Sequence[Mapping[str, Any]], at: int
) -> None:
    """Make a certification's notifications exactly these.

    One that says the same event, offset and recipients as before keeps its identity, so that editing its text
    tells nobody again (DOMAIN 8.2); one that is new, or switched on, counts moments from ``at`` (DOMAIN 8.3).
    """
    present = list(
        session.scalars(
            select(Notification)
            .where(Notification.host_id == host_id, Notification.certification == certification)
            .order_by(Notification.id)
        )
    )
    for one in wanted:
        found = _take_alike(present, one)
        if found is None:
            found = Notification(
                host_id=host_id, id=take_ids(session, host_id, "notification"), certification=certification,
                when=str(one["when"]), on=False,
            )  # fmt: skip
            session.add(found)
        if one.get("on", True) and not found.on:
            found.since = at
        found.on, found.offset, found.to = bool(one.get("on", True)), offset_of(one), list(one.get("to", ["learner"]))
        found.subject, found.body = str(one.get("subject", "")), str(one.get("body", ""))
    for gone in present:
        session.delete(gone)
    session.flush()


def offset_of(one: Mapping[str, Any]) -> int:
    """Seconds from the moment: negative before it, positive after."""
    if one.get("before"):
        return -parse_period(one["before"]).seconds
    return parse_period(one["after"]).seconds if one.get("after") else 0


def _take_alike(present: list[Notification], one: Mapping[str, Any]) -> Notification | None:
    """The row this definition continues: the same event, preferably with the same offset and recipients."""
    alike = [row for row in present if row.when == one["when"]]
    alike.sort(key=lambda row: (row.offset != offset_of(one), row.to != list(one.get("to", ["learner"]))))
    if not alike:
        return None
    present.remove(alike[0])
    return alike[0]
