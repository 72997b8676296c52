"""Files planned and loaded over the wire, and what is fetched (SOURCES 4)."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, request

from plugin.access.rules import CHANGE_HOST, SEE_HOST, rule
from plugin.api.feeds.answers import answer_of, planned, refused
from plugin.api.kit import PREFIX, Blueprint, host_id, nudge, runtime, who
from plugin.api.source_schemas import FeedLoadSchema, FeedPlannedSchema, NotLoadedSchema, SourcePlanSchema
from plugin.core.errors import NotFound
from plugin.enrolment.sourcing import fetching, loads
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.enrolment.sourcing.plans import LoadPlan, named_effects
from plugin.hosts.csv.archives import KINDS as FILES

blueprint = Blueprint("api_source_files", __name__, url_prefix=PREFIX, description="Sources: HR files and directories.")
MOST = 300 << 20
"""Bytes of one file."""
_FILE = {
    "requestBody": {
        "required": True, "description": "The file as HR writes it: CSV, gzip, zip of several, or a spreadsheet.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}  # fmt: skip


def _body() -> bytes:
    request.max_content_length = MOST
    return request.get_data(cache=False)


@blueprint.put("/sources/<name>/files/<kind>")
@blueprint.arguments(FeedLoadSchema, location="query")
@blueprint.response(200, SourcePlanSchema)
@blueprint.alt_response(409, schema=NotLoadedSchema)
@blueprint.doc(**_FILE)
@rule(CHANGE_HOST, scope="sources")
def load(asked: dict[str, Any], name: str, kind: str) -> dict[str, Any] | Response:
    """Load a file, whole or not at all; the answer is what it did. What is refused by a rule comes with the plan."""
    files = [(_name(asked, kind), _body())]
    return answer_of(
        lambda: loads.load(
            runtime(), host_id(), name, files, who=who(), kind=kind, yes=asked["yes"], force=asked["force"],
            allow=asked["allow_withdrawals"],
        )
    )  # fmt: skip


@blueprint.post("/sources/<name>/load")
@blueprint.arguments(FeedLoadSchema(exclude=("name",)), location="query")
@blueprint.response(200, SourcePlanSchema)
@blueprint.alt_response(204, description="Nothing is new.")
@blueprint.alt_response(409, schema=NotLoadedSchema)
@rule(CHANGE_HOST, scope="sources")
def load_now(asked: dict[str, Any], name: str) -> dict[str, Any] | Response:
    """Load what waits for somebody, or fetch and load at once."""
    how = {"yes": asked["yes"], "force": asked["force"], "allow": asked["allow_withdrawals"]}
    try:
        done = planned(lambda: fetching.load_now(runtime(), host_id(), name, who=who(), **how))
    except NotLoaded as error:
        return refused(error)
    nudge()
    return make_response("", 204) if done is None else done.document


@blueprint.post("/sources/<name>/plan")
@blueprint.arguments(FeedPlannedSchema(only=("names",)), location="query")
@blueprint.response(200, SourcePlanSchema)
@blueprint.alt_response(204, description="There is no file.")
@rule(SEE_HOST, scope="sources")
def plan_fetched(asked: dict[str, Any], name: str) -> dict[str, Any] | Response:
    """What fetching and loading at once would do; nothing is written."""
    done = planned(lambda: fetching.try_now(runtime(), host_id(), name)[1])
    return make_response("", 204) if done is None else _told(done, names=asked["names"])


@blueprint.post("/sources/<name>/plan/<kind>")
@blueprint.arguments(FeedPlannedSchema, location="query")
@blueprint.response(200, SourcePlanSchema)
@blueprint.doc(**_FILE)
@rule(SEE_HOST, scope="sources")
def plan(asked: dict[str, Any], name: str, kind: str) -> dict[str, Any]:
    """What loading this file would do, exactly; nothing is written."""
    files = [(_name(asked, kind), _body())]
    return _told(planned(lambda: loads.plan(runtime(), host_id(), name, files, kind)), names=asked["names"])


def _told(done: LoadPlan, *, names: bool) -> dict[str, Any]:
    if not names:
        return done.document
    with runtime().db.read() as session:
        return {**done.document, "certifications": named_effects(session, host_id(), done.effects)}


def _name(asked: dict[str, Any], kind: str) -> str:
    if kind not in FILES:
        raise NotFound(f"'{kind}' is no kind of file; use one of {', '.join(FILES)}.")
    return asked["name"] or kind
