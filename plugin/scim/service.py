"""The address directories push to: ``/scim/v2/SOURCE/…`` (SOURCES 5.1)."""

from __future__ import annotations

import json
import re
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, request
from scim2_models import Context, Error, Resource, ResponseParameters, SCIMException
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.service import ScimService
from sqlalchemy.orm import Session

from plugin.access.rights import Rights
from plugin.access.rules import CHANGE_HOST, rule
from plugin.access.tokens import Program, program_of
from plugin.core.database.tenant import across
from plugin.core.errors import NotFound
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.mirror.sources.directory.tables import GROUP
from plugin.mirror.sources.directory.writing import Times
from plugin.mirror.sources.source import source_of, source_row
from plugin.mirror.sources.tokens import source_with
from plugin.scim import leniency
from plugin.scim.capabilities import provider
from plugin.scim.storage import Storage

PREFIX = "/scim"
SCOPE = "scim"
BETWEEN_NUDGES = 1.0
"""Seconds: a directory pushes its users one by one, and they are settled as few batches (SOURCES 5.4)."""
_READS = ("GET", "HEAD")
blueprint = Blueprint("scim", __name__, url_prefix=f"{PREFIX}/v2/<source>")


class Paused(SCIMException):
    """The source is paused: the directory keeps what it has and tries again."""

    status = 503
    _default_detail = "This source is paused."


class Service(ScimService):
    """The protocol, with the answers to PATCH that directories expect: a user comes back, a group does not."""

    @staticmethod
    def error_of(exception: Exception) -> Error:
        """See the library; what its models say of a value is told as one sentence."""
        found = ScimService.error_of(exception)
        found.detail = plain(found.detail or "")
        return found

    def patch_response(
        self, base_url: str, resource: Resource[Any], response_parameters: ResponseParameters[Any]
    ) -> ScimResponse:
        """See the library; a group may have a hundred thousand members."""
        if self.get_resource_type_of(resource).name == GROUP:
            return super().patch_response(base_url, resource, response_parameters)
        published = self.publish(base_url, resource)
        return self.resource_response(published, Context.RESOURCE_REPLACEMENT_RESPONSE, response_parameters)


def plain(detail: str) -> str:
    """Why a value is refused, without the words that are meant for programmers."""
    first, *lines = detail.splitlines() or [""]
    if "validation error" not in first:
        return detail
    told = [re.sub(r" \[type=.*", "", one.strip()) for one in lines if "errors.pydantic.dev" not in one]
    return " ".join(told).replace("Value error, ", "").strip()


def install(app: Flask, runtime: Runtime) -> None:
    """Add the address to the application, and know who comes to it."""
    app.extensions["muster_scim"] = Service(provider(), secret=f"scim cursors {runtime.settings.secret_keys[0]}")
    app.register_blueprint(blueprint)

    @app.before_request
    def _know() -> None:
        if request.path.startswith(f"{PREFIX}/"):
            g.launch = _program(current_app.extensions["muster"], (request.view_args or {}).get("source", ""))


def _program(runtime: Runtime, name: str) -> Program | None:
    """Who sends the request: the source's own token opens that source, one of the scope ``scim`` those of its host."""
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return None
    with across("a directory's source by its name"), runtime.db.read() as session:
        row = source_with(session, name, token.strip(), runtime.clock.true())
        if row is not None and session.get_one(Host, row.host_id).state == "active":
            return Program(row.host_id, f"scim:{row.name}", rights=Rights(site=True), scopes=frozenset({SCOPE}))
    return program_of(runtime, f"Bearer {token.strip()}")


def error(sentence: str, status: int) -> Response:
    """A refusal in SCIM's shape."""
    answer = _answer(ScimResponse(status, Error(status=status, detail=sentence).model_dump()))  # type: ignore[arg-type]  # an error is sent like a resource
    if status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="SCIM"'
    return answer


def _answer(made: ScimResponse) -> Response:
    body = "" if made.body is None else json.dumps(made.body)
    answer = Response(body, int(made.status))
    for name, value in made.headers.items():
        answer.headers[name] = value
    if not body:
        answer.headers.pop("Content-Type", None)
    return answer


@blueprint.route("/", defaults={"path": ""}, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
@blueprint.route("/<path:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
@rule(CHANGE_HOST, scope=SCOPE)
def serve(source: str, path: str) -> Response:
    """Any request of a directory."""
    runtime: Runtime = current_app.extensions["muster"]
    service: ScimService = current_app.extensions["muster_scim"]
    host_id = int(g.launch.host_id)
    try:
        asked = _request(runtime, source, path)
        if request.method in _READS or path.endswith(".search"):
            with runtime.db.read() as session:
                return _answer(_handle(session, service, runtime, host_id, source, asked))
        made = runtime.db.transact(lambda session: _handle(session, service, runtime, host_id, source, asked))
    except SCIMException as refusal:
        return _answer(service.error_response(refusal))
    current_app.extensions["muster_nudges"].nudge(host_id, apart=BETWEEN_NUDGES)
    return _answer(made)


def _request(runtime: Runtime, source: str, path: str) -> ScimRequest:
    body = request.get_data(cache=False)
    if body and request.method in ("POST", "PUT", "PATCH"):
        body = json.dumps(leniency.read(body)).encode()
    base = f"{runtime.settings.base_url.rstrip('/')}{PREFIX}/v2/{source}"
    return ScimRequest(
        request.method, base, f"/{path}", query=_query(), headers=list(request.headers.items()), body=body,
        subject=g.launch,
    )  # fmt: skip


def _query() -> dict[str, str]:
    return {name: values[-1] for name, values in request.args.lists()}


def _handle(
    session: Session, service: ScimService, runtime: Runtime, host_id: int, name: str, asked: ScimRequest
) -> Any:
    """One request inside its transaction. Writes of one source are done in turn.

    :raises NotFound: where the host has no directory of this name. :raises SCIMException: for whatever is refused.
    """
    writes = asked.method not in _READS and not asked.path.endswith(".search")
    row = source_row(session, host_id, name, lock=writes)
    if row.kind != "scim":
        raise NotFound(f"{name} is no directory: its kind is {row.kind}.")
    if writes and row.state == "paused":
        raise Paused
    times = Times(runtime.clock.now(), runtime.clock.true())
    return ScimHandler(service, Storage(session, source_of(session, row), service.provider, times)).handle(asked)
