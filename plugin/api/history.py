"""What happened to a certification, newest first, and the way back."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import fields

from plugin.access.rules import READER, WRITER, rule
from plugin.api.kit import (
    PREFIX,
    Blueprint,
    ChoicesSchema,
    PageSchema,
    Told,
    choices,
    host_id,
    nudge,
    position,
    runtime,
    who,
)
from plugin.api.plans import AppliedSchema, RefusedSchema, refused
from plugin.certifications.store import get
from plugin.core.errors import RefusedByRule
from plugin.enrolment.guard import Limits
from plugin.enrolment.history import history, undo, undo_proposal
from plugin.enrolment.planned import plan_document
from plugin.enrolment.preview import review

blueprint = Blueprint("api_history", __name__, url_prefix=PREFIX, description="History and undo.")


class EntrySchema(Told):
    """One thing that happened."""

    n = fields.Integer(required=True)
    at, who, what, reason = (fields.String(required=True) for _ in range(4))
    version = fields.Integer(required=True, allow_none=True)
    learners = fields.Integer(
        required=True, metadata={"description": "How many it speaks of; 0 where it speaks of none."}
    )


class HistorySchema(Told):
    """A part of the history."""

    items = fields.List(fields.Nested(EntrySchema), required=True)
    next = fields.String(required=True, allow_none=True)


@blueprint.get("/certifications/<code>/history")
@blueprint.arguments(PageSchema, location="query")
@blueprint.response(200, HistorySchema)
@rule(READER)
def listing(asked: dict[str, Any], code: str) -> dict[str, Any]:
    """Entries, newest first."""
    before, limit = position(asked["cursor"]) or None, asked["limit"]
    with runtime().db.read() as session:
        number = get(session, host_id(), code).id
        rows = history(session, host_id(), number, limit=limit + 1, before=before)
    return {"items": rows[:limit], "next": str(rows[limit - 1]["n"]) if len(rows) > limit else None}


@blueprint.post("/history/<int(max=9007199254740991):n>/undo")
@blueprint.arguments(ChoicesSchema, location="query")
@blueprint.response(200, AppliedSchema)
@blueprint.alt_response(409, schema=RefusedSchema)
@rule(WRITER)
def take_back(asked: dict[str, Any], n: int) -> dict[str, Any] | Response:
    """Reverse a save, through the same review; what is refused by a rule comes with the plan."""
    made = runtime()
    with made.db.read() as session:
        proposal = undo_proposal(made, session, host_id(), n)
        limits = Limits.of(made.settings)
        plan = plan_document(review(session, host_id(), [proposal], now=made.clock.now(), limits=limits))
    try:
        saved = undo(made, host_id(), n, who=who(), choices=choices(asked))
    except RefusedByRule as error:
        return refused(error, plan)
    nudge()
    return {"saved": saved}
