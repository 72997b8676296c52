"""Certifications and programs: the list, and one whole, as the file writes it."""

from __future__ import annotations

from typing import Any

from flask import g
from marshmallow import fields, validate

from plugin.access.rules import SEE, STAFF, rule
from plugin.api.kit import PREFIX, AnswerPart, Blueprint, PageSchema, StorableText, host_id, position, runtime
from plugin.certifications.file import certification_file
from plugin.certifications.listing import listed
from plugin.certifications.store import get
from plugin.enrolment.views.roster import open_count, state_counts

blueprint = Blueprint(
    "api_certifications", __name__, url_prefix=f"{PREFIX}/certifications", description="Certifications and programs."
)


class ListedSchema(AnswerPart):
    """A certification in the list."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(("certification", "program")))
    state = fields.String(required=True, validate=validate.OneOf(("draft", "live", "archived")))
    version = fields.Integer(required=True)
    assignments = fields.Integer(required=True, metadata={"description": "How many there are."})


class ListSchema(AnswerPart):
    """A part of the list."""

    items = fields.List(fields.Nested(ListedSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class WholeSchema(AnswerPart):
    """A certification: its definition as in the file, and how its learners stand."""

    version = fields.Integer(required=True)
    definition = fields.Dict(
        required=True, metadata={"description": "As `muster export` writes it, and `/plan` and `/apply` read it."}
    )
    learners = fields.Dict(
        keys=fields.String(), values=fields.Integer(), required=True,
        metadata={"description": "Learners by state, but for those withdrawn."},
    )  # fmt: skip
    open_exceptions = fields.Integer(required=True)


class SearchSchema(PageSchema):
    """Part of the list, searched."""

    q = StorableText(
        load_default="", validate=validate.Length(max=200), metadata={"description": "In the name or the code."}
    )


@blueprint.get("")
@blueprint.arguments(SearchSchema, location="query")
@blueprint.response(200, ListSchema)
@rule(STAFF, scope="read", area=True)
def listing(asked: dict[str, Any]) -> dict[str, Any]:
    """All, by name."""
    start = position(asked["cursor"])
    with runtime().db.read() as session:
        total, rows = listed(
            session, host_id(), asked["q"], limit=asked["limit"], offset=start, only=g.launch.rights.seen()
        )
    end = start + len(rows)
    return {
        "items": [
            {
                "code": one.certification.code, "name": one.certification.name, "kind": one.certification.kind,
                "state": one.certification.state, "version": one.certification.version, "assignments": one.assignments,
            }
            for one in rows
        ],
        "next": str(end) if rows and end < total else None,
    }  # fmt: skip


@blueprint.get("/<code>")
@blueprint.response(200, WholeSchema)
@rule(SEE, scope="read", area=True)
def whole(code: str) -> dict[str, Any]:
    """One, whole."""
    with runtime().db.read() as session:
        row = get(session, host_id(), code)
        return {
            "version": row.version,
            "definition": certification_file.document(session, host_id(), [code])["certifications"][0],
            "learners": state_counts(session, host_id(), row.id),
            "open_exceptions": open_count(session, host_id(), row.id),
        }
