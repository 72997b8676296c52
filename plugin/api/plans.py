"""The file, over the wire: what saving it would do, and saving it (AS-CODE)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import Response, g, jsonify, make_response, request
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from plugin.access.grants import reach_too
from plugin.access.rules import CHANGE, CREATE, SEE, STAFF, allows, demand, rule
from plugin.api.kit import (
    PREFIX,
    AnswerPart,
    Blueprint,
    ChoicesSchema,
    StorableText,
    choices,
    host_id,
    nudge,
    runtime,
    who,
)
from plugin.certifications.definition import Proposal
from plugin.certifications.file.schema import FileSchema
from plugin.core.errors import Invalid, RefusedByRule
from plugin.enrolment.saving.file_review import plan_document, reviewed
from plugin.enrolment.saving.proposal import certification_id
from plugin.enrolment.saving.save import save
from plugin.population.area import acting_units

blueprint = Blueprint("api_plans", __name__, url_prefix=PREFIX, description="Certifications as a file: plan and apply.")
_BODY = {
    "requestBody": {
        "required": True, "description": "A file as docs/as-code.md describes it, in JSON or YAML.",
        "content": {"application/json": {"schema": FileSchema}},
    }
}  # fmt: skip


class AddingSchema(AnswerPart):
    """Learners of targets that are new or match more people than before."""

    x, already, newly, later = (fields.Integer(required=True) for _ in range(4))
    held_back, suspended, not_to_be_assigned = (fields.Integer(required=True) for _ in range(3))


class RemovingSchema(AnswerPart):
    """Learners of targets that are gone or match fewer people than before."""

    x, withdrawn, kept, suspended, not_enrolled = (fields.Integer(required=True) for _ in range(5))


class MatchedSchema(AnswerPart):
    """How many people an assignment matches."""

    assignment = fields.String(required=True)
    matched = fields.Integer(required=True)


class PlannedSchema(AnswerPart):
    """What saving would do to one certification."""

    code = fields.String(required=True)
    version = fields.Integer(required=True, metadata={"description": "The saved one; 0 for a new certification."})
    adding = fields.Nested(AddingSchema, required=True)
    removing = fields.Nested(RemovingSchema, required=True)
    redated, earlier, messages = (fields.Integer(required=True) for _ in range(3))
    assignments = fields.List(fields.Nested(MatchedSchema), required=True)


class PlanSchema(AnswerPart):
    """What saving a file would do."""

    certifications = fields.List(fields.Nested(PlannedSchema), required=True)


class SavedSchema(AnswerPart):
    """A certification that was saved."""

    code = fields.String(required=True)
    version = fields.Integer(required=True, metadata={"description": "The new one."})


class AppliedSchema(AnswerPart):
    """What was saved; empty where nothing differed."""

    saved = fields.List(fields.Nested(SavedSchema), required=True)


class RefusedSchema(AnswerPart):
    """A rule says no: why, and to what."""

    detail = fields.String(required=True, metadata={"description": "A sentence for people."})
    plan = fields.Nested(PlanSchema, metadata={"description": "What was refused, where a save was asked for."})
    error_id = fields.String(required=True, metadata={"description": "Finds the request in the log."})


class ApplySchema(ChoicesSchema):
    """Choices, and the versions that somebody saw."""

    if_version = fields.List(
        StorableText(validate=validate.Regexp(r"^[^\n]{1,100}=[0-9]{1,9}$")), load_default=[],
        metadata={"description": "`CODE=N`; refused where another version is saved now. May be given several times."},
    )  # fmt: skip


@blueprint.post("/plan")
@blueprint.response(200, PlanSchema)
@blueprint.doc(**_BODY)
@rule(STAFF, scope="read", area=True)
def plan() -> dict[str, Any]:
    """What saving this file would do, exactly; nothing is written."""
    proposals, reviews = reviewed(runtime(), host_id(), _file())
    _demand(SEE, proposals)
    return plan_document(reviews)


@blueprint.post("/apply")
@blueprint.arguments(ApplySchema, location="query")
@blueprint.response(200, AppliedSchema)
@blueprint.alt_response(409, schema=RefusedSchema)
@blueprint.doc(**_BODY)
@rule(STAFF, scope="write", area=True)
def apply(asked: dict[str, Any]) -> dict[str, Any] | Response:
    """Save this file, all of it or nothing. What is refused by a rule comes with the plan."""
    seen = {code: int(number) for code, _equals, number in (one.rpartition("=") for one in asked["if_version"])}
    proposals, reviews = reviewed(runtime(), host_id(), _file())
    _demand(CHANGE, proposals)
    try:
        saved = save(runtime(), host_id(), proposals, who=who(), choices=choices(asked, seen))
    except RefusedByRule as error:
        return refused(error, plan_document(reviews))
    _made([one.certification for one in saved])
    nudge()
    return {"saved": saved}


def refused(error: RefusedByRule, plan: dict[str, Any]) -> Response:
    """A refusal that shows what was refused."""
    return make_response(jsonify(detail=error.sentence, plan=plan, error_id=g.error_id), error.status)


def _demand(name: str, proposals: Sequence[Proposal]) -> None:
    """Every certification of a file is hers; one that is new she may make.

    :raises Forbidden: where one is not.
    """
    with runtime().db.read() as session:
        numbers = [certification_id(session, host_id(), one.definition.code) for one in proposals]
    for number in numbers:
        demand(name if number else CREATE, g.launch, number or None, area=acting_units() is not None)


def _made(certifications: Sequence[int]) -> None:
    for number in certifications:
        if not allows(CHANGE, g.launch, number, area=True):
            owner = g.launch.owner
            runtime().db.transact(partial(_reach, owner.person, owner.subject, number))


def _reach(person: int | None, subject: str, number: int, session: Session) -> None:
    reach_too(session, host_id(), person, subject, number)


def _file() -> str:
    try:
        return request.get_data().decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid("The file is not UTF-8 text.") from None
