"""Where hosts' hints arrive: verified, stored, answered; nothing else happens here.

Whoever sends may give up for ever at any 4xx (Totara does), so that only what can never be taken gets one.
"""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify, make_response, request
from sqlalchemy.exc import SQLAlchemyError

from plugin.access.rules import PUBLIC, rule
from plugin.core.db import DATABASE_AWAY
from plugin.core.errors import Unavailable
from plugin.core.logs import log
from plugin.hosts.port import Locked, Refused
from plugin.mirror.hints.receiving import UnknownConnection, store
from plugin.mirror.hints.recent import Refusals
from plugin.web.frame.kit import nudge, runtime

blueprint = Blueprint("hooks", __name__)
MOST = 1024 * 1024
_log = log("web")


@blueprint.post("/hooks/<name>")
@rule(PUBLIC)
def hook(name: str) -> Response:
    """One message: 202 stored, 401 bad signature, 400 not understood, 503 could not store, send again."""
    if (request.content_length or 0) > MOST or len(body := request.get_data()) > MOST:
        return _refused(name, "large", "The message is too large.", 400)
    try:
        store(runtime(), name, dict(request.headers), body)
    except (Locked, UnknownConnection):
        return _refused(name, "signature", "The signature of this message does not fit.", 401)
    except Refused as error:
        return _refused(name, "words", error.why, 400)
    except (SQLAlchemyError, *DATABASE_AWAY, Unavailable) as error:
        _log.error("hint not stored", connection=name, error=type(error).__name__)
        return _said("The message could not be stored now; send it again.", 503)
    nudge()
    return make_response("", 202)


def _refused(name: str, why: str, detail: str, status: int) -> Response:
    """Say no, and count it for the page: seldom written, so that nobody can keep the database busy with it."""
    refusals: Refusals = current_app.extensions.setdefault("muster_refusals", Refusals())
    refusals.count(runtime(), name, why)
    return _said(detail, status)


def _said(detail: str, status: int) -> Response:
    answer = make_response(jsonify(detail=detail), status)
    if status == 503:
        answer.headers["Retry-After"] = "5"
    return answer
