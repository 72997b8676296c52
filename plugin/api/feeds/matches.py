"""Who is matched with whom, over the wire (SOURCES 3)."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response

from plugin.access.rules import CHANGE_HOST, SEE_HOST, rule
from plugin.api.kit import PREFIX, Blueprint, host_id, nudge, runtime, who
from plugin.api.source_schemas import FeedMatchListSchema, FeedPinnedSchema, FeedPinSchema
from plugin.mirror.sources.managing import matching
from plugin.mirror.sources.source import source_of, source_row

blueprint = Blueprint("api_matches", __name__, url_prefix=PREFIX, description="Sources: HR files and directories.")


@blueprint.get("/sources/<name>/match")
@blueprint.response(200, FeedMatchListSchema)
@rule(SEE_HOST, scope="sources")
def match(name: str) -> dict[str, Any]:
    """Records without an account, why, and what would help."""
    with runtime().db.read() as session:
        rows = matching.unmatched(session, source_of(session, source_row(session, host_id(), name)))
    return {"items": [one.to_json() for one in rows]}


@blueprint.put("/sources/<name>/pins/<path:identity>")
@blueprint.arguments(FeedPinSchema)
@blueprint.response(200, FeedPinnedSchema)
@blueprint.alt_response(204, description="Matched; no other record was matched with the account by its key.")
@rule(CHANGE_HOST, scope="sources")
def pin(given: dict[str, Any], name: str, identity: str) -> dict[str, Any] | Response:
    """Match a record with an account by hand; where that ends another record's match by key, the answer names it."""
    by, at, tenant = who(), runtime().clock.now(), host_id()
    instead = runtime().db.transact(
        lambda session: matching.pin(session, tenant, name, identity, given["person"], at=at, who=by)
    )
    nudge()
    return {"instead": instead} if instead else make_response("", 204)


@blueprint.delete("/sources/<name>/pins/<path:identity>")
@blueprint.response(204)
@rule(CHANGE_HOST, scope="sources")
def unpin(name: str, identity: str) -> None:
    """Let the rule decide about a record again."""
    by, at, tenant = who(), runtime().clock.now(), host_id()
    runtime().db.transact(lambda session: matching.unpin(session, tenant, name, identity, at=at, who=by))
    nudge()
