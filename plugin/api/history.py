"""What happened to a certification, newest first, and the way back."""

from __future__ import annotations

from typing import Any

from flask import Response, g
from marshmallow import fields, validate

from plugin.access import traces
from plugin.access.rules import CHANGE, SEE, SEE_HOST, STAFF, demand, rule
from plugin.api.kit import (
    PREFIX,
    AnswerPart,
    Blueprint,
    ChoicesSchema,
    PageSchema,
    StorableText,
    choices,
    host_id,
    nudge,
    position,
    runtime,
    who,
)
from plugin.api.plans import AppliedSchema, RefusedSchema, refused
from plugin.certifications.store import get
from plugin.core.clock import parse_instant
from plugin.core.errors import RefusedByRule
from plugin.enrolment.answers.withdrawal_guard import Limits
from plugin.enrolment.saving.file_review import plan_document
from plugin.enrolment.saving.history import history, undo, undo_proposal
from plugin.enrolment.saving.review import review
from plugin.enrolment.views.show import person_id
from plugin.population.area import acting_units

blueprint = Blueprint("api_history", __name__, url_prefix=PREFIX, description="History and undo.")


class EntrySchema(AnswerPart):
    """One thing that happened."""

    n = fields.Integer(required=True)
    at, who, what, reason = (fields.String(required=True) for _ in range(4))
    version = fields.Integer(required=True, allow_none=True)
    learners = fields.Integer(
        required=True, metadata={"description": "How many it speaks of; 0 where it speaks of none."}
    )


class HistorySchema(AnswerPart):
    """A part of the history."""

    items = fields.List(fields.Nested(EntrySchema), required=True)
    next = fields.String(required=True, allow_none=True)


@blueprint.get("/certifications/<code>/history")
@blueprint.arguments(PageSchema, location="query")
@blueprint.response(200, HistorySchema)
@rule(SEE, scope="read", area=True)
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
@rule(STAFF, scope="write", area=True)
def take_back(asked: dict[str, Any], n: int) -> dict[str, Any] | Response:
    """Reverse a save, through the same review; what is refused by a rule comes with the plan."""
    made = runtime()
    with made.db.read() as session:
        proposal = undo_proposal(made, session, host_id(), n)
        number = get(session, host_id(), proposal.definition.code).id
        demand(CHANGE, g.launch, number, area=acting_units() is not None)
        limits = Limits.of(made.settings)
        plan = plan_document(review(session, host_id(), [proposal], now=made.clock.now(), limits=limits))
    try:
        saved = undo(made, host_id(), n, who=who(), choices=choices(asked))
    except RefusedByRule as error:
        return refused(error, plan)
    nudge()
    return {"saved": saved}


class TraceSchema(AnswerPart):
    """One look at people."""

    id, count = (fields.Integer(required=True) for _ in range(2))
    at, who, how, what = (fields.String(required=True) for _ in range(4))
    certification, person = (fields.String(required=True, allow_none=True) for _ in range(2))


class TracesSchema(AnswerPart):
    """A part of the traces."""

    items = fields.List(fields.Nested(TraceSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class TracesAskedSchema(PageSchema):
    """Which of them."""

    who = StorableText(load_default="", validate=validate.Length(max=255), metadata={"description": "Of one reader."})
    person = StorableText(
        load_default="", validate=validate.Length(max=255), metadata={"description": "About one person."}
    )
    since = StorableText(load_default="", metadata={"description": "An RFC 3339 time."})


@blueprint.get("/traces")
@blueprint.arguments(TracesAskedSchema, location="query")
@blueprint.response(200, TracesSchema)
@rule(SEE_HOST, scope="read")
def who_read(asked: dict[str, Any]) -> dict[str, Any]:
    """Newest first."""
    before, limit = position(asked["cursor"]) or None, asked["limit"]
    since = parse_instant(asked["since"]) if asked["since"] else 0
    with runtime().db.read() as session:
        person = person_id(session, host_id(), asked["person"]) if asked["person"] else None
        rows = traces.found(
            session, host_id(), who=asked["who"], person=person, since=since, before=before, limit=limit + 1
        )
        items = traces.documents(session, host_id(), rows[:limit])
    return {"items": items, "next": str(rows[limit - 1].id) if len(rows) > limit else None}
