"""What is on hold and waits for a person: withdrawals, vanished targets, records of the host (rules 5.6)."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from plugin.access.rules import CHANGE_HOST, SEE_HOST, rule
from plugin.api.exceptions import AnsweredSchema
from plugin.api.kit import MOST, PREFIX, AnswerPart, Blueprint, StorableText, host_id, nudge, runtime, who
from plugin.enrolment.answers.on_hold import answer_held, held_items

blueprint = Blueprint("api_held", __name__, url_prefix=f"{PREFIX}/held", description="What the guards hold.")


class HeldSchema(AnswerPart):
    """One thing on hold: withdrawals of a certification, or records of the host."""

    id, cause = (fields.String(required=True) for _ in range(2))
    certification, assignment, since, kind = (fields.String(allow_none=True) for _ in range(4))
    learners, records = (fields.Integer() for _ in range(2))
    people = fields.List(fields.String())


class HeldListSchema(AnswerPart):
    """Everything on hold."""

    items = fields.List(fields.Nested(HeldSchema), required=True)


class HeldAnswerSchema(Schema):
    """An answer for the ids named, or for all."""

    answer = fields.String(required=True, validate=validate.OneOf(("release", "refuse")))
    ids = fields.List(StorableText(), validate=validate.Length(1, MOST))
    all = fields.Boolean(validate=validate.Equal(True))

    @validates_schema
    def _either(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if ("ids" in data) == ("all" in data):
            raise ValidationError("Name ids, or say all.")


@blueprint.get("")
@blueprint.response(200, HeldListSchema)
@rule(SEE_HOST, scope="read")
def listing() -> dict[str, Any]:
    """All of it."""
    with runtime().db.read() as session:
        return {"items": held_items(session, host_id())}


@blueprint.post("/answers")
@blueprint.arguments(HeldAnswerSchema)
@blueprint.response(200, AnsweredSchema)
@rule(CHANGE_HOST, scope="write")
def decide(given: dict[str, Any]) -> dict[str, Any]:
    """Let it happen, or keep it as it is; either all of those named, or none."""
    count = answer_held(runtime(), host_id(), given.get("ids"), release=given["answer"] == "release", who=who())
    nudge()
    return {"answered": count}
