"""Notification definitions: what a certification's file or page says, and the rows that triggers look up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from plugin.core.days import parse_period
from plugin.core.ids import take_ids
from plugin.core.text.stored import later
from plugin.delivery.tables import Message
from plugin.notifications.defaults import recipients
from plugin.notifications.tables import Notification

UNSENT = ("waiting", "owed", "held")
"""States of a message that was not sent yet and can still be stopped."""


def replace_definitions(
    session: Session, host_id: int, certification: int, wanted: Sequence[Mapping[str, Any]], at: int
) -> None:
    """Make a certification's notifications exactly these.

    One that says the same event, offset and recipients as before keeps its identity, so that editing its text or
    its moment tells nobody again (rules 8.2); one that is new, or switched on, counts moments from ``at`` (rules
    8.3). Messages not sent yet of one that is switched off or removed are not sent any more.
    """
    present = list(
        session.scalars(
            select(Notification)
            .where(Notification.host_id == host_id, Notification.certification == certification)
            .order_by(Notification.id)
        )
    )
    silent: list[int] = []
    for one, kept in zip(wanted, continued(present, wanted), strict=True):
        found = kept
        if found is None:
            found = Notification(
                host_id=host_id, id=take_ids(session, host_id, "notification"), certification=certification,
                when=str(one["when"]), on=False,
            )  # fmt: skip
            session.add(found)
        on = bool(one.get("on", True))
        if on and not found.on:
            found.since = at
        if found.on and not on:
            silent.append(found.id)
        found.on, found.offset, found.to = on, offset_of(one), recipients(one)
        found.subject, found.body = str(one.get("subject", "")), str(one.get("body", ""))
        found.texts = {language: dict(said) for language, said in (one.get("texts") or {}).items()}
    for gone in present:
        silent.append(gone.id)
        session.delete(gone)
    session.flush()
    _silence(session, host_id, silent)


def _silence(session: Session, host_id: int, definitions: Sequence[int]) -> None:
    if definitions:
        session.execute(
            update(Message)
            .where(
                Message.host_id == host_id,
                Message.notification.in_(definitions),
                Message.state.in_(UNSENT),
                Message.leader == 0,
            )
            .values(state="cancelled", why=later("Its notification was switched off before it was sent.")),
            execution_options={"synchronize_session": False},
        )


def offset_of(one: Mapping[str, Any]) -> int:
    """Seconds from the moment: negative before it, positive after."""
    if one.get("before"):
        return -parse_period(one["before"]).seconds
    return parse_period(one["after"]).seconds if one.get("after") else 0


def continued(present: list[Notification], wanted: Sequence[Mapping[str, Any]]) -> list[Notification | None]:
    """The row that each definition goes on from, taken out of ``present``: the same event, and whatever fits best first."""
    found: list[Notification | None] = [None] * len(wanted)
    for fits in (_same, _same_offset, _same_event):
        for place, one in enumerate(wanted):
            alike = next((row for row in present if found[place] is None and fits(row, one)), None)
            if alike is not None:
                present.remove(alike)
                found[place] = alike
    return found


def _same_event(row: Notification, one: Mapping[str, Any]) -> bool:
    return row.when == one["when"]


def _same_offset(row: Notification, one: Mapping[str, Any]) -> bool:
    return _same_event(row, one) and row.offset == offset_of(one)


def _same(row: Notification, one: Mapping[str, Any]) -> bool:
    return _same_offset(row, one) and row.to == recipients(one)
