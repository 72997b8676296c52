"""Open exceptions of a certification, and the answers to them (rules 4)."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from plugin.access.rules import CHANGE, SEE, rule
from plugin.api.kit import MOST, PREFIX, AnswerPart, Blueprint, PageSchema, StorableText, host_id, nudge, runtime, who
from plugin.certifications.store import get
from plugin.enrolment.answers.exceptions import ACTIONS, answer, open_exceptions
from plugin.enrolment.codes import EXCEPTION_TYPES
from plugin.enrolment.views.show import person_id

blueprint = Blueprint(
    "api_exceptions", __name__, url_prefix=f"{PREFIX}/certifications/<code>/exceptions",
    description="Questions that wait for an administrator.",
)  # fmt: skip


class OpenSchema(AnswerPart):
    """An open exception."""

    person = fields.String(required=True)
    type = fields.String(required=True, validate=validate.OneOf(EXCEPTION_TYPES))
    since = fields.String(required=True)
    wanted_due = fields.String(required=True, allow_none=True)


class OpenListSchema(AnswerPart):
    """A part of the open exceptions."""

    items = fields.List(fields.Nested(OpenSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class AnswerSchema(Schema):
    """An answer for the people named, or for all exceptions of one type."""

    action = fields.String(required=True, validate=validate.OneOf(ACTIONS))
    people = fields.List(StorableText(), validate=validate.Length(1, MOST))
    type = fields.String(validate=validate.OneOf(EXCEPTION_TYPES))

    @validates_schema
    def _either(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if ("people" in data) == ("type" in data):
            raise ValidationError("Name people, or a type for all of it.")


class AnsweredSchema(AnswerPart):
    """How many were answered."""

    answered = fields.Integer(required=True)


@blueprint.get("")
@blueprint.arguments(PageSchema, location="query")
@blueprint.response(200, OpenListSchema)
@rule(SEE, scope="read", area=True)
def listing(asked: dict[str, Any], code: str) -> dict[str, Any]:
    """Those that are open, by the host's id of the person."""
    with runtime().db.read() as session:
        number = get(session, host_id(), code).id
        rows = open_exceptions(session, host_id(), number, after=asked["cursor"], limit=asked["limit"] + 1)
    part = rows[: asked["limit"]]
    return {"items": part, "next": part[-1]["person"] if len(rows) > len(part) else None}


@blueprint.post("/answers")
@blueprint.arguments(AnswerSchema)
@blueprint.response(200, AnsweredSchema)
@rule(CHANGE, scope="write", area=True)
def resolve(given: dict[str, Any], code: str) -> dict[str, Any]:
    """Answer them; either all of those named, or none."""
    with runtime().db.read() as session:
        number = get(session, host_id(), code).id
        people = [person_id(session, host_id(), one) for one in given.get("people", ())]
    count = answer(runtime(), host_id(), number, given["action"], who=who(), people=people, kind=given.get("type"))
    nudge()
    return {"answered": count}
