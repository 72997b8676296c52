"""The API as one thing: its parts, its description at ``openapi.json``, and the program behind a request."""

from __future__ import annotations

import functools
from typing import Any

import flask_smorest
from flask import Flask, current_app, g, request
from marshmallow import fields

from plugin.access.rules import PUBLIC, rule
from plugin.access.tokens import program_of
from plugin.api import (
    assignments,
    certifications,
    exceptions,
    groups,
    held,
    history,
    learners,
    plans,
    reports,
    request_limits,
    sources,
)
from plugin.api.feeds import loading, matches, what_if
from plugin.api.kit import PREFIX, AnswerPart
from plugin.api.saved import reports as saved_reports
from plugin.api.saved import schedules as report_schedules

_PARTS = (
    certifications, assignments, plans, learners, exceptions, groups, history, held, reports, report_schedules,
    saved_reports, sources, loading, matches, what_if,
)  # fmt: skip
_DESCRIPTION = """What administrators do in Muster, for other programs: the same rules, the same history.

Ids are the host's own. Times are RFC 3339 in UTC. Lists come in parts: `limit`, and `cursor` with the `next` of the part
before. Whatever is refused says why in `detail`."""


class RefusalSchema(AnswerPart):
    """Why a request was refused."""

    detail = fields.String(required=True, metadata={"description": "A sentence for people."})
    error_id = fields.String(required=True, metadata={"description": "Finds the request in the log."})
    fields_ = fields.Dict(data_key="fields", metadata={"description": "By place and field, what is wrong with it."})


class _Api(flask_smorest.Api):
    """Describes; errors are said by the application, as everywhere."""

    ERROR_SCHEMA = RefusalSchema

    def _register_error_handlers(self) -> None:
        """The application has its own."""


def install(app: Flask) -> None:
    """Add the API to the application."""
    app.config.update(
        API_TITLE="Muster", API_VERSION="v1", OPENAPI_VERSION="3.1.0", OPENAPI_URL_PREFIX=PREFIX,
        OPENAPI_JSON_PATH="openapi.json", PROPAGATE_EXCEPTIONS=None,
    )  # fmt: skip
    described: dict[str, Any] = {
        "info": {"description": _DESCRIPTION, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    }
    api = _Api(app, spec_kwargs=described)
    for part in _PARTS:
        api.register_blueprint(part.blueprint)
    name = "api-docs.openapi_json"
    app.view_functions[name] = rule(PUBLIC)(_free(app.view_functions[name]))

    @app.before_request
    def _know() -> None:
        if request.path.startswith(f"{PREFIX}/"):
            g.launch = program_of(current_app.extensions["muster"], request.headers.get("Authorization", ""))

    request_limits.install(app, PREFIX)


def _free(view: Any) -> Any:
    """A function instead of a method, so that it can carry a rule."""

    @functools.wraps(view)
    def description(**arguments: Any) -> Any:
        return view(**arguments)

    return description
