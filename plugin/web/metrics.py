"""``/metrics``: delivery as gauges for Prometheus (text format 0.0.4)."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, make_response, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.access.rules import PUBLIC, rule
from plugin.core.tables import Host, Worker
from plugin.delivery import tally
from plugin.delivery.endpoint_log import endpoints_seen
from plugin.delivery.figures import GOOD, figures, messages_by_state
from plugin.mirror.tables import Connection, Hint
from plugin.web.kit import runtime

blueprint = Blueprint("metrics", __name__)

_HELP = {
    "muster_seats_owed": "Course places that wait for the host.",
    "muster_seats_oldest_seconds": "Age of the oldest wish the host does not know of yet.",
    "muster_seats_per_minute": "Course places confirmed a minute, over the last ten.",
    "muster_seats_parked": "Course places the host refused for good and nobody has answered.",
    "muster_messages": "Messages by state, but for those sent or cancelled.",
    "muster_failures_last_hour": "Items and calls that failed in the last hour, by reason.",
    "muster_confirmed_last_hour": "Items confirmed in the last hour, by outcome.",
    "muster_host_up": "1 where the host's connection is active.",
    "muster_hints_waiting": "Hints of the host not worked off yet.",
    "muster_events_owed": "Events that wait for an endpoint that is on.",
    "muster_events_oldest_seconds": "Age of the oldest of these.",
    "muster_events_failed": "Events given up and not sent again, of the last 14 days.",
    "muster_endpoints_disabled": "Endpoints that Muster disabled because nothing was taken for days.",
    "muster_workers": "Workers seen in the last two minutes.",
}
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
    found: dict[str, list[str]] = {name: [] for name in _HELP}
    now = made.clock.now()
    with made.db.read() as session:
        for host in session.scalars(select(Host).where(Host.state != "pending").order_by(Host.id)).all():
            _of_host(session, host, now, found)
        seen = select(func.count()).select_from(Worker).where(Worker.seen > made.clock.true() - LATELY)
        found["muster_workers"].append(f"muster_workers {session.scalar(seen) or 0}")
    lines = []
    for name, values in found.items():
        lines += [f"# HELP {name} {_HELP[name]}", f"# TYPE {name} gauge", *values]
    return Response("\n".join(lines) + "\n", mimetype="text/plain; version=0.0.4")


def _of_host(session: Session, host: Host, now: int, found: dict[str, list[str]]) -> None:
    seen = figures(session, host.id, now, found=False)
    name = host.name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    def add(metric: str, value: float, **labels: str) -> None:
        told = "".join(f',{key}="{one}"' for key, one in labels.items())
        found[metric].append(f'{metric}{{host="{name}"{told}}} {value:g}')

    add("muster_seats_owed", seen.owed)
    add("muster_seats_oldest_seconds", max(0, now - seen.oldest) if seen.oldest else 0)
    add("muster_seats_per_minute", round(seen.rate, 2))
    add("muster_seats_parked", seen.parked)
    for state, number in messages_by_state(session, host.id).items():
        add("muster_messages", number, state=state)
    for word, number in tally.counted(session, host.id, now - 3600, now).items():
        kind, _dot, reason = word.partition(".")
        good = word in GOOD or reason in ("done", "same", "found")
        add("muster_confirmed_last_hour" if good else "muster_failures_last_hour", number, kind=kind, reason=reason)
    endpoints = endpoints_seen(session, host.id, now)
    on = [one for one in endpoints if one.endpoint.state == "active"]
    oldest = min((one.oldest for one in on if one.owed), default=now)
    add("muster_events_owed", sum(one.owed for one in on))
    add("muster_events_oldest_seconds", max(0, now - oldest))
    add("muster_events_failed", sum(one.failed for one in endpoints))
    add("muster_endpoints_disabled", sum(one.endpoint.state == "disabled" for one in endpoints))
    states = session.scalars(select(Connection.state).where(Connection.host_id == host.id)).all()
    add("muster_host_up", int(bool(states) and all(state == "active" for state in states)))
    hints = select(func.count()).select_from(Hint).where(Hint.host_id == host.id, Hint.done.is_(False))
    add("muster_hints_waiting", session.scalar(hints) or 0)
