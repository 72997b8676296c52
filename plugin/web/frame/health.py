"""Signs of life, for whoever runs Muster."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, make_response
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from plugin.access.rules import PUBLIC, rule
from plugin.core.tables import Worker
from plugin.migrations.run import is_current
from plugin.web.frame.kit import runtime

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
