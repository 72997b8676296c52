"""Saved reports: kept from a table's page, opened from the first one with the reader's own rights."""

from __future__ import annotations

from flask import Blueprint, Response, g, request, url_for

from plugin.access.readers import demand_sharing, reader_of
from plugin.access.rules import STAFF, rule
from plugin.reports.asking.question import parse_question
from plugin.reports.saved import store
from plugin.web.frame.kit import PREFIX, editor, field, go, host_id, runtime, who
from plugin.web.reports.report_address import ReportPage

blueprint = Blueprint("saved_reports", __name__, url_prefix=f"{PREFIX}/reports/saved")
_HERE = ReportPage("reports.table", "reports.file")


@blueprint.post("/<source>")
@rule(STAFF, area=True)
def keep(source: str) -> Response:
    """Save the report of the page the form stands on."""
    pairs = [(name, value) for name, value in request.args.items(multi=True) if name not in ("cursor", "limit")]
    question = parse_question(source, pairs)
    reader, shared = reader_of(runtime(), host_id(), g.launch.rights, who()), request.form.get("shared") == "yes"
    if shared:
        demand_sharing(g.launch.rights)
    store.keep(runtime(), host_id(), reader, question, field("name"), editor(), shared=shared)
    return go(url_for("reports.first"))


@blueprint.post("/<int:number>/remove")
@rule(STAFF, area=True)
def remove(number: int) -> Response:
    """Remove one."""
    store.forget(runtime(), host_id(), number, editor(), who(), site=g.launch.rights.changes_host)
    return go(url_for("reports.first"))


def listed() -> list[tuple[int, str, str, bool]]:
    """Number, name, address and whether it is one's own, of what this visitor sees."""
    with runtime().db.read() as session:
        return [
            (row.id, row.name, _HERE.address(row.source, [(name, value) for name, value in row.question]),
             row.owner == editor())
            for row in store.seen_by(session, host_id(), editor())
        ]  # fmt: skip
