"""Where hosts' hints arrive: verified, stored, answered; nothing else happens here."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, make_response, request
from sqlalchemy.exc import SQLAlchemyError

from plugin.access.rules import PUBLIC, rule
from plugin.core.errors import Unavailable
from plugin.hosts.port import Locked, Refused
from plugin.mirror.hints import UnknownConnection, store
from plugin.web.kit import nudge, runtime

blueprint = Blueprint("hooks", __name__)
MOST = 1024 * 1024


@blueprint.post("/hooks/<name>")
@rule(PUBLIC)
def hook(name: str) -> Response:
    """One message: 202 stored, 401 bad signature, 400 not understood, 503 could not store, send again."""
    if (request.content_length or 0) > MOST:
        return _said("The message is too large.", 400)
    try:
        store(runtime(), name, dict(request.headers), request.get_data())
    except (Locked, UnknownConnection):
        return _said("The signature of this message does not fit.", 401)
    except Refused as error:
        return _said(error.why, 400)
    except (SQLAlchemyError, Unavailable):
        return _said("The message could not be stored now; send it again.", 503)
    nudge()
    return make_response("", 202)


def _said(detail: str, status: int) -> Response:
    return make_response(jsonify(detail=detail), status)
