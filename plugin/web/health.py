"""Signs of life, for whoever runs Muster."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, jsonify, make_response, request
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from plugin.access.rules import PUBLIC, rule
from plugin.core.tables import Worker
from plugin.migrations.run import is_current
from plugin.web.kit import runtime

blueprint = Blueprint("health", __name__)
LATELY = 120


@blueprint.get("/healthz")
@rule(PUBLIC)
def alive() -> Response:
    """This process answers."""
    return jsonify(status="alive")


@blueprint.get("/readyz")
@rule(PUBLIC)
def ready() -> Response:
    """The database answers and is up to date, and a worker was seen lately."""
    made = runtime()
    checks = {"database": False, "migrations": False, "worker": False}
    try:
        with made.db.read() as session:
            seen = session.scalar(select(func.max(Worker.seen))) or 0
        checks["database"] = True
        checks["migrations"] = is_current(made.db)
        checks["worker"] = made.clock.true() - seen < LATELY
    except SQLAlchemyError:
        pass
    return make_response(jsonify(checks), 200 if all(checks.values()) else 503)


@blueprint.get("/metrics")
@rule(PUBLIC)
def metrics() -> Response:
    """Gauges for Prometheus; guarded by ``MUSTER_METRICS_TOKEN`` where it is set, and closed outside development without."""
    made = runtime()
    token = made.settings.metrics_token
    if token is None and not made.settings.development:
        return make_response("", 404)
    given = request.headers.get("Authorization", "")
    if token is not None and not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return make_response("", 401)
    with made.db.read() as session:
        rows = session.execute(
            text(
                "SELECT h.name, (SELECT count(*) FROM seat s WHERE s.host_id = h.id AND s.owed AND s.parked IS NULL),"
                " (SELECT min(s.changed) FROM seat s WHERE s.host_id = h.id AND s.owed AND s.parked IS NULL),"
                " (SELECT count(*) FROM seat s WHERE s.host_id = h.id AND s.parked IS NOT NULL) FROM host h"
                " WHERE h.state <> 'pending'"
            )
        ).all()
    now = made.clock.now()
    lines = [
        "# TYPE muster_seats_owed gauge",
        "# TYPE muster_seats_oldest_seconds gauge",
        "# TYPE muster_seats_parked gauge",
    ]
    for name, owed, oldest, parked in rows:
        lines.append(f'muster_seats_owed{{host="{name}"}} {owed}')
        lines.append(f'muster_seats_oldest_seconds{{host="{name}"}} {max(0, now - oldest) if oldest else 0}')
        lines.append(f'muster_seats_parked{{host="{name}"}} {parked}')
    return Response("\n".join(lines) + "\n", mimetype="text/plain; version=0.0.4")
