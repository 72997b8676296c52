"""Saved reports: what is asked, by name; answered with the rights of whoever opens it."""

from __future__ import annotations

from typing import Any

from flask import g
from marshmallow import Schema, fields, validate

from plugin.access.readers import demand_sharing, reader_of
from plugin.access.rules import STAFF, rule
from plugin.api.kit import PREFIX, AnswerPart, Blueprint, StorableText, host_id, runtime, who
from plugin.reports.asking.question import parse_question
from plugin.reports.asking.reader import Reader
from plugin.reports.saved import store
from plugin.reports.saved.tables import SavedReport

blueprint = Blueprint("api_saved_reports", __name__, url_prefix=PREFIX, description="Reports saved by name.")


class SavedReportSchema(AnswerPart):
    """A saved report; `query` is what follows the question mark in its address."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    source = fields.String(required=True)
    query = fields.List(
        fields.List(fields.String()), required=True, metadata={"description": "Pairs of name and value."}
    )
    shared = fields.Boolean(required=True)
    mine = fields.Boolean(required=True)


class SavedReportsSchema(AnswerPart):
    """All that this program sees."""

    items = fields.List(fields.Nested(SavedReportSchema), required=True)


class NewReportSchema(Schema):
    """A report to be saved."""

    name = StorableText(required=True, validate=validate.Length(1, 255))
    source = StorableText(required=True)
    query = fields.List(
        fields.List(StorableText(), validate=validate.Length(equal=2)), load_default=list, validate=validate.Length(max=2_000),
        metadata={"description": "Pairs of name and value, as in an address.", "example": [["overdue", "true"]]},
    )  # fmt: skip
    shared = fields.Boolean(load_default=False, metadata={"description": "For all administrators."})


def _reader() -> Reader:
    return reader_of(runtime(), host_id(), g.launch.rights, who())


def _item(row: SavedReport) -> dict[str, Any]:
    return {
        "id": row.id, "name": row.name, "source": row.source, "query": row.question, "shared": row.shared,
        "mine": row.owner == who(),
    }  # fmt: skip


@blueprint.get("/saved-reports")
@blueprint.response(200, SavedReportsSchema)
@rule(STAFF, scope="reports", area=True)
def listing() -> dict[str, Any]:
    """One's own, and those for all administrators."""
    with runtime().db.read() as session:
        return {"items": [_item(row) for row in store.seen_by(session, host_id(), who())]}


@blueprint.post("/saved-reports")
@blueprint.arguments(NewReportSchema)
@blueprint.response(201, SavedReportSchema)
@rule(STAFF, scope="reports", area=True)
def save(given: dict[str, Any]) -> dict[str, Any]:
    """Save one; what cannot be asked is refused."""
    if given["shared"]:
        demand_sharing(g.launch.rights)
    question = parse_question(given["source"], [(name, value) for name, value in given["query"]])
    number = store.keep(runtime(), host_id(), _reader(), question, given["name"], who(), shared=given["shared"])
    with runtime().db.read() as session:
        return _item(store.one(session, host_id(), number, who()))


@blueprint.delete("/saved-reports/<int:number>")
@blueprint.response(204)
@rule(STAFF, scope="reports", area=True)
def remove(number: int) -> None:
    """Remove one of one's own."""
    store.forget(runtime(), host_id(), number, who(), who(), site=False)
