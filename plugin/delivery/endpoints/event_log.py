"""What the pages show of endpoints: their figures, and the log of what went out to each and what came back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch
from plugin.core.errors import NotFound
from plugin.delivery.endpoints.event_calls import PING
from plugin.delivery.tables import Endpoint, EndpointDelivery


@dataclass(frozen=True)
class Seen:
    """An endpoint with its figures: owed, the oldest of these (0 without), failed for good, delivered in the last day."""

    endpoint: Endpoint
    owed: int
    oldest: int
    failed: int
    lately: int


def endpoints_seen(session: Session, host_id: int, now: int, number: int | None = None) -> list[Seen]:
    """The endpoints of a host, or one of them, oldest first."""
    query = select(Endpoint).where(Endpoint.host_id == host_id).order_by(Endpoint.id)
    if number is not None:
        query = query.where(Endpoint.id == number)
    rows = fetch(
        session,
        "SELECT endpoint, sum(CASE WHEN state = 'owed' THEN 1 ELSE 0 END), min(CASE WHEN state = 'owed' THEN created END),"
        " sum(CASE WHEN state = 'failed' AND type <> ? THEN 1 ELSE 0 END),"
        " sum(CASE WHEN state = 'done' AND ended > ? THEN 1 ELSE 0 END)"
        " FROM endpoint_delivery WHERE host_id = ? GROUP BY endpoint",
        PING, now - 24 * 3600, host_id,
    )  # fmt: skip
    found = {row[0]: [int(one or 0) for one in row[1:]] for row in rows}
    return [Seen(one, *found.get(one.id, [0, 0, 0, 0])) for one in session.scalars(query)]


def deliveries(
    session: Session, host_id: int, number: int, *, state: str = "", kind: str = "", limit: int = 50, offset: int = 0
) -> tuple[int, list[EndpointDelivery]]:
    """The log of an endpoint, newest first, and how many entries there are."""
    mine = EndpointDelivery
    where: list[Any] = [mine.host_id == host_id, mine.endpoint == number]
    where += [mine.state == state] if state else []
    where += [mine.type == kind] if kind else []
    total = session.scalar(select(func.count()).select_from(mine).where(*where)) or 0
    rows = session.scalars(select(mine).where(*where).order_by(mine.n.desc()).limit(limit).offset(offset))
    return int(total), list(rows)


def delivery_of(session: Session, host_id: int, number: int, n: int) -> EndpointDelivery:
    """One entry of the log.

    :raises NotFound: where there is none.
    """
    row = session.get(EndpointDelivery, (host_id, number, n))
    if row is None:
        raise NotFound(_("There is no such delivery; deliveries are kept for 14 days."))
    return row


def disabled_count(session: Session, host_id: int) -> int:
    """Endpoints that Muster disabled and nobody has looked after."""
    query = select(func.count()).select_from(Endpoint).where(Endpoint.host_id == host_id, Endpoint.state == "disabled")
    return int(session.scalar(query) or 0)
