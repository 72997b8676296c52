"""The assignments of a certification, one by one, through the same review and save as everywhere."""

from __future__ import annotations

import json
import re
from typing import Any

from flask import Response
from marshmallow import RAISE, Schema, fields, validate

from plugin.access.rules import CHANGE, SEE, rule
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
from plugin.api.plans import PlanSchema, RefusedSchema, refused
from plugin.certifications.definition import TYPES
from plugin.certifications.file import certification_file
from plugin.certifications.store import definition_of, get
from plugin.certifications.targets import target_ids, within_reach
from plugin.core.errors import Conflict, Invalid, NotFound, RefusedByRule
from plugin.enrolment.saving.file_review import plan_document, reviewed
from plugin.enrolment.saving.reach_review import row_sets
from plugin.enrolment.saving.save import save
from plugin.mirror.lookup.browse import describe
from plugin.mirror.lookup.written_ids import meant

blueprint = Blueprint(
    "api_assignments", __name__, url_prefix=f"{PREFIX}/certifications/<code>/assignments",
    description="Assignments: who is assigned, by when.",
)  # fmt: skip
_CLEARED = ("include", "starts", "wave")
"""What null takes away."""
_LINE = re.compile(r"^Line \d+(, |: )")


class RowSchema(Schema):
    """An assignment without its target, as in the file; what is left out stays as it is."""

    include = fields.String(validate=validate.OneOf(("below", "direct")), allow_none=True)
    due = fields.Raw(metadata={"description": "`none`, `{fixed: …}` or `{after: …}`, as in the file."})
    description = StorableText(validate=validate.Length(max=2000))
    self_enrol, withdraw = (fields.Boolean(truthy={True}, falsy={False}) for _ in range(2))
    members = fields.List(StorableText(validate=validate.Length(1, 255)))
    wave = fields.Dict(
        allow_none=True, metadata={"description": "`{learners: 300, every: week}`: so many begin in a period; 0 stops."}
    )
    starts = fields.String(
        allow_none=True,
        validate=validate.Length(max=20),
        metadata={"description": "Before this day it matches nobody."},
    )

    class Meta:
        unknown = RAISE
        include = {  # noqa: RUF012 - a word of Python's own
            "except": fields.List(
                fields.Dict(), metadata={"description": "Targets whose people it never matches, as in the file."}
            )
        }


class AssignedSchema(AnswerPart):
    """An assignment as it is saved."""

    assignment = fields.String(required=True, metadata={"description": "`type:target`"})
    name = fields.String(required=True)
    path = fields.List(fields.String(), required=True)
    missing = fields.Boolean(required=True, metadata={"description": "The host no longer has the target."})
    learners = fields.Integer(required=True, metadata={"description": "How many people it matches now."})
    row = fields.Dict(required=True, metadata={"description": "As in the file."})


class AssignedListSchema(AnswerPart):
    """All assignments of a certification."""

    version = fields.Integer(required=True)
    items = fields.List(fields.Nested(AssignedSchema), required=True)


class ChangeSchema(ChoicesSchema):
    """Choices of a save of one assignment."""

    if_version = fields.Integer(
        load_default=None, validate=validate.Range(0, 2**31),
        metadata={"description": "Refused where another version is saved now."},
    )  # fmt: skip
    plan_only = fields.Boolean(load_default=False, metadata={"description": "Say what it would do; write nothing."})


class ChangedSchema(AnswerPart):
    """What was saved, and what that does."""

    version = fields.Integer(required=True, metadata={"description": "The saved one; unchanged by a plan."})
    plan = fields.Nested(PlanSchema, required=True)


@blueprint.get("")
@blueprint.response(200, AssignedListSchema)
@rule(SEE, scope="read", area=True)
def listing(code: str) -> dict[str, Any]:
    """All, in their order."""
    with runtime().db.read() as session:
        row = get(session, host_id(), code)
        definition = definition_of(session, host_id(), row.id)
        rows = certification_file.seen_rows(session, host_id(), definition.assignments)
        names = describe(session, host_id(), [(one.type, one.target) for one in rows])
        sizes = row_sets(session, host_id(), row.id, definition, rows)
        written = certification_file.rows_of(session, host_id(), row.id)
    return {
        "version": row.version,
        "items": [
            {
                "assignment": one.key, "name": names[one.type, one.target].name, "path": names[one.type, one.target].path,
                "missing": names[one.type, one.target].missing, "learners": len(sizes[one.key]), "row": written[one.key],
            }
            for one in rows
        ],
    }  # fmt: skip


@blueprint.put("/<path:assignment>")
@blueprint.arguments(RowSchema)
@blueprint.arguments(ChangeSchema, location="query")
@blueprint.response(200, ChangedSchema)
@blueprint.alt_response(409, schema=RefusedSchema)
@rule(CHANGE, scope="write", area=True)
def put(given: dict[str, Any], asked: dict[str, Any], code: str, assignment: str) -> dict[str, Any] | Response:
    """Add this assignment, or change it."""
    kind, _colon, target = assignment.partition(":")
    if kind not in TYPES or not target:
        raise Invalid(f"An assignment is written type:target, with one of {', '.join(TYPES)}.")
    version, rows = _present(code)
    target = _meant(kind, target)
    assignment = f"{kind}:{target}"
    if assignment not in rows:
        _demand_reach(kind, target)
    before = {name: value for name, value in rows.get(assignment, {}).items() if name != "members"}
    after = {kind: target, **before, **given}
    rows[assignment] = {name: value for name, value in after.items() if value is not None or name not in _CLEARED}
    return _saved(code, version, rows, asked, keep=assignment)


@blueprint.delete("/<path:assignment>")
@blueprint.arguments(ChangeSchema, location="query")
@blueprint.response(200, ChangedSchema)
@blueprint.alt_response(409, schema=RefusedSchema)
@rule(CHANGE, scope="write", area=True)
def remove(asked: dict[str, Any], code: str, assignment: str) -> dict[str, Any] | Response:
    """Remove this assignment."""
    version, rows = _present(code)
    if assignment not in rows:
        kind, _colon, target = assignment.partition(":")
        assignment = f"{kind}:{_meant(kind, target)}"
    if assignment not in rows:
        raise NotFound(f"{code} has no assignment '{assignment}'.")
    del rows[assignment]
    return _saved(code, version, rows, asked)


def _meant(kind: str, target: str) -> str:
    with runtime().db.read() as session:
        return meant(session, host_id(), [(kind, target)]).get((kind, target), target)


def _demand_reach(kind: str, target: str) -> None:
    """Somebody outside an area is as unknown there as nobody, also where an individual row that is not shown names her.

    :raises Invalid: for such a target.
    """
    with runtime().db.read() as session:
        found = target_ids(session, host_id(), [(kind, target)])
        if found and not within_reach(session, host_id(), found):
            raise Invalid(f"the host knows no {kind} '{target}'.")


def _present(code: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The saved version and its rows, read together."""
    with runtime().db.read() as session:
        row = get(session, host_id(), code)
        return row.version, certification_file.rows_of(session, host_id(), row.id)


def _saved(code: str, version: int, rows: dict[str, dict[str, Any]], asked: dict[str, Any], keep: str = "") -> Any:
    """Save the rows as a file would; the members of every group but ``keep`` stay out of it.

    :param version: the one the rows were read at: a list made from another would undo what somebody saved meanwhile.
    """
    listed = [
        row if name == keep else {key: value for key, value in row.items() if key != "members"}
        for name, row in rows.items()
    ]
    try:
        file = json.dumps({"version": 1, "certifications": [{"code": code, "assignments": listed}]})
        proposals, reviews = reviewed(runtime(), host_id(), file)
    except Invalid as error:
        raise Invalid(_LINE.sub("", error.sentence)) from None
    plan = plan_document(reviews)
    if asked["plan_only"]:
        return {"version": reviews[0].version, "plan": plan}
    if asked["if_version"] not in (None, version):
        raise Conflict(f"{code} is at version {version} now, not {asked['if_version']}: somebody saved it meanwhile.")
    try:
        saved = save(runtime(), host_id(), proposals, who=who(), choices=choices(asked, {code: version}))
    except RefusedByRule as error:
        return refused(error, plan)
    nudge()
    return {"version": saved[0].version if saved else reviews[0].version, "plan": plan}
