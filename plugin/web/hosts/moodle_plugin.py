"""Muster's plugin for Moodle: the archive, its one-time code, and where it hands a site over."""

from __future__ import annotations

import json
import secrets

from flask import Blueprint, Response, jsonify, make_response, request
from sqlalchemy.orm import Session

from plugin.access.rules import PUBLIC, rule
from plugin.core.database.tenant import across
from plugin.core.errors import Invalid
from plugin.core.logs import log
from plugin.core.network.signing import BadSignature, signed_headers
from plugin.hosts.moodle.companion.package import BLOCK, NAME, archive
from plugin.lti.registration import SCOPES, tool_configuration
from plugin.mirror.connections.handover import accept, new_code, read_handover, secret_of, signed_with
from plugin.web.frame.kit import PREFIX, nudge, page, runtime

blueprint = Blueprint("moodle_plugin", __name__)
MOST = 20_000
_log = log("web")


@blueprint.get(f"{PREFIX}/hosts/moodle-plugin")
@rule("operator")
def show() -> Response:
    """How to install it, and the button that makes a code."""
    return page("hosts/moodle_plugin.html", base=runtime().settings.base_url, code="")


@blueprint.post(f"{PREFIX}/hosts/moodle-plugin")
@rule("operator")
def code() -> Response:
    """Make a code, shown on this answer alone."""
    return page("hosts/moodle_plugin.html", base=runtime().settings.base_url, code=new_code(runtime()))


@blueprint.get(f"{PREFIX}/hosts/{NAME}.zip")
@rule("operator")
def download() -> Response:
    """The archive of the plugin."""
    return _archive(NAME)


@blueprint.get(f"{PREFIX}/hosts/{BLOCK}.zip")
@rule("operator")
def download_block() -> Response:
    """The archive of the block with due dates."""
    return _archive(BLOCK)


def _archive(name: str) -> Response:
    answer = make_response(archive(name))
    answer.headers["Content-Type"] = "application/zip"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.zip"'
    return answer


@blueprint.get("/companion")
@rule(PUBLIC)
def tool() -> Response:
    """How we want to be registered; nothing secret."""
    return make_response(jsonify(product="muster", tool=tool_configuration(runtime(), SCOPES)))


@blueprint.post("/companion")
@rule(PUBLIC)
def handed_over() -> Response:
    """A site hands itself over: 200 with a signed answer, 401 not signed with an open code, 400 not understood."""
    made = runtime()
    body = request.get_data() if (request.content_length or 0) <= MOST else b""

    def work(session: Session) -> tuple[str, str, str]:
        hashed = signed_with(session, made.clock.true(), dict(request.headers), body)
        new = read_handover(json.loads(body))
        return hashed, *accept(session, hashed, new, made.clock.now())

    try:
        with across("a new host"):
            hashed, name, secret = made.db.transact(work)
    except BadSignature:
        return make_response(jsonify(detail="No open one-time code signed this. Make a new code in Muster."), 401)
    except (Invalid, ValueError) as error:
        sentence = error.sentence if isinstance(error, Invalid) else "This is not JSON."
        return make_response(jsonify(detail=sentence), 400)
    _log.info("site handed over", connection=name)
    nudge()
    base = made.settings.base_url
    answer = {"hooks": f"{base}/hooks/{name}", "due": f"{base}/companion/{name}/due", "checklist": f"{base}/setup?site={name}",
              "secret": secret, "name": name}  # fmt: skip
    said = json.dumps(answer)
    headers = signed_headers(secret_of(hashed), f"msg_{secrets.token_hex(12)}", said, at=made.clock.true())
    return Response(said, 200, headers)
