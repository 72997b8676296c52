"""``/metrics``: delivery as gauges for Prometheus, in the format that the reader asks for."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from flask import Blueprint, Response, make_response, request
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.access.rules import PUBLIC, rule
from plugin.core.database.tenant import across
from plugin.core.network import outcome_counts
from plugin.core.runtime import Runtime
from plugin.core.tables import Host, Worker
from plugin.delivery.endpoints.event_log import endpoints_seen
from plugin.delivery.figures import GOOD, figures, messages_by_state
from plugin.enrolment.checking.daily import drift_found
from plugin.mirror.tables import SITE, Connection, StoredHint
from plugin.web.frame.kit import runtime

blueprint = Blueprint("metrics", __name__)

_OF_HOST = {
    "muster_seats_owed": ("Course places that wait for the host.", ()),
    "muster_seats_oldest_seconds": ("Age of the oldest wish the host does not know of yet.", ()),
    "muster_seats_per_minute": ("Course places confirmed a minute, over the last ten.", ()),
    "muster_seats_parked": ("Course places the host refused for good and nobody has answered.", ()),
    "muster_messages": ("Messages by state, but for those sent or cancelled.", ("state",)),
    "muster_failures_last_hour": ("Items and calls that failed in the last hour, by reason.", ("kind", "reason")),
    "muster_confirmed_last_hour": ("Items confirmed in the last hour, by outcome.", ("kind", "reason")),
    "muster_host_up": ("1 where the host's connection is active.", ()),
    "muster_hints_waiting": ("Hints of the host not worked off yet.", ()),
    "muster_events_owed": ("Events that wait for an endpoint that is on.", ()),
    "muster_events_oldest_seconds": ("Age of the oldest of these.", ()),
    "muster_events_failed": ("Events given up and not sent again, of the last 14 days.", ()),
    "muster_endpoints_disabled": ("Endpoints that Muster disabled because nothing was taken for days.", ()),
}
"""What is told of each host, and by what it is told apart besides."""
DRIFT = "Differences between what is stored and what the rules say, found and mended by the daily check."
LATELY = 120


@blueprint.get("/metrics")
@rule(PUBLIC)
def metrics() -> Response:
    """Guarded by ``MUSTER_METRICS_TOKEN`` where it is set, and closed outside development without."""
    made = runtime()
    token = made.settings.metrics_token
    if token is None and not made.settings.development:
        return make_response("", 404)
    given = request.headers.get("Authorization", "")
    if token is not None and not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return make_response("", 401)
    registry = CollectorRegistry()
    registry.register(_Delivery(made))
    encode, kind = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(registry), content_type=kind)


class _Delivery(Collector):
    """Reads the gauges from the database, which all processes share, when they are asked for."""

    def __init__(self, made: Runtime) -> None:
        self._runtime = made

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """All gauges, those without a value too, and the one counter."""
        drift = CounterMetricFamily("muster_drift_found", DRIFT, labels=("host",))
        found = {name: GaugeMetricFamily(name, words, labels=("host", *by)) for name, (words, by) in _OF_HOST.items()}
        now = self._runtime.clock.now()
        with across("figures of all hosts"), self._runtime.db.read() as session:
            for host in session.scalars(select(Host).where(Host.state != "pending").order_by(Host.id)).all():
                _of_host(session, host, now, found)
                drift.add_metric((host.name,), drift_found(session, host.id)[0])
            since = self._runtime.clock.true() - LATELY
            workers = session.scalar(select(func.count()).select_from(Worker).where(Worker.seen > since)) or 0
        yield from found.values()
        yield drift
        yield GaugeMetricFamily("muster_workers", "Workers seen in the last two minutes.", value=workers)


def _of_host(session: Session, host: Host, now: int, found: dict[str, GaugeMetricFamily]) -> None:
    seen = figures(session, host.id, now, found=False)

    def add(metric: str, value: float, *by: str) -> None:
        found[metric].add_metric((host.name, *by), value)

    add("muster_seats_owed", seen.owed)
    add("muster_seats_oldest_seconds", max(0, now - seen.oldest) if seen.oldest else 0)
    add("muster_seats_per_minute", round(seen.rate, 2))
    add("muster_seats_parked", seen.parked)
    for state, number in messages_by_state(session, host.id).items():
        add("muster_messages", number, state)
    for word, number in outcome_counts.counted(session, host.id, now - 3600, now).items():
        kind, _dot, reason = word.partition(".")
        good = word in GOOD or reason in ("done", "same", "found")
        add("muster_confirmed_last_hour" if good else "muster_failures_last_hour", number, kind, reason)
    endpoints = endpoints_seen(session, host.id, now)
    on = [one for one in endpoints if one.endpoint.state == "active"]
    oldest = min((one.oldest for one in on if one.owed), default=now)
    add("muster_events_owed", sum(one.owed for one in on))
    add("muster_events_oldest_seconds", max(0, now - oldest))
    add("muster_events_failed", sum(one.failed for one in endpoints))
    add("muster_endpoints_disabled", sum(one.endpoint.state == "disabled" for one in endpoints))
    states = session.scalars(
        select(Connection.state).where(Connection.host_id == host.id, Connection.role == SITE)
    ).all()
    add("muster_host_up", int(bool(states) and all(state == "active" for state in states)))
    hints = (
        select(func.count()).select_from(StoredHint).where(StoredHint.host_id == host.id, StoredHint.done.is_(False))
    )
    add("muster_hints_waiting", session.scalar(hints) or 0)
