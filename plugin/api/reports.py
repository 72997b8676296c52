"""Reports: the same sources, columns and filters as the pages and `muster report` (REPORTS 6)."""

from __future__ import annotations

from typing import Any

from flask import Response, g, request, stream_with_context
from marshmallow import fields

from plugin.access.readers import IN_AREAS, reader_of
from plugin.access.rules import STAFF, rule
from plugin.api.kit import PREFIX, AnswerPart, Blueprint, host_id, runtime, who
from plugin.core.clock import format_instant
from plugin.population.area import acting_units
from plugin.reports.asking.filters import OPERATORS, names_of
from plugin.reports.asking.learner_sets import KINDS
from plugin.reports.asking.question import LEAST, MOST, PAGE, parse_question
from plugin.reports.catalogue import SOURCES
from plugin.reports.files.export import FORMATS, Export
from plugin.reports.service import report
from plugin.reports.sources.overview import BY
from plugin.reports.values import item
from plugin.reports.words import SENTENCES

blueprint = Blueprint("api_reports", __name__, url_prefix=PREFIX, description="Reports, as lists and as files.")

_MEDIA = {FORMATS[form].partition(";")[0]: form for form in ("csv", "xlsx", "jsonl")}
_JSON = "application/json"


class ColumnSchema(AnswerPart):
    """A column: its name and the type of its values."""

    name = fields.String(required=True)
    type = fields.String(required=True)
    words = fields.List(
        fields.String(), data_key="values", metadata={"description": "All values there are, where they are few."}
    )


class SourceSchema(AnswerPart):
    """A source."""

    source = fields.String(required=True)
    description = fields.String(required=True)
    columns = fields.List(fields.Nested(ColumnSchema), required=True)
    filters = fields.List(fields.String(), required=True)
    as_of = fields.Boolean(required=True, metadata={"description": "Whether it can be asked as of a day."})


class SourcesSchema(AnswerPart):
    """All sources."""

    items = fields.List(fields.Nested(SourceSchema), required=True)


class ReportSchema(AnswerPart):
    """A part of a report."""

    items = fields.List(fields.Dict(), required=True)
    next = fields.String(required=True, allow_none=True, metadata={"description": "`cursor` of the part after it."})
    total = fields.Integer(required=True, metadata={"description": "Rows of all parts."})
    as_of = fields.String(metadata={"description": "The last instant of the day asked about, where one was."})
    final = fields.Boolean(
        metadata={"description": "Whether that day is over and everything that belongs to it was worked off."}
    )
    exact = fields.Boolean(metadata={"description": "Whether everything that changed since that day was kept."})


def _parameter(name: str, words: str, example: Any = None, **schema: Any) -> dict[str, Any]:
    made = {"in": "query", "name": name, "description": words, "schema": {"type": "string", **schema}}
    return made if example is None else {**made, "example": example}


_PARAMETERS = [
    _parameter("columns", "Columns by name, separated by commas, in this order.", "person,name,due,state"),
    _parameter("sort", "A column; with `-` before it the greatest first.", "-due"),
    _parameter("as_of", "As it stood at the end of this day; of membership, learners and overview."),
    _parameter("by", "Groups the source overview.", enum=["", *BY]),
    _parameter("cursor", "`next` of the part before; of the same report alone."),
    _parameter("limit", "Rows of this part.", type="integer", minimum=LEAST, maximum=MOST, default=PAGE),
    {
        "in": "query", "name": "filters", "style": "form", "explode": True, "schema": {
            "type": "object", "additionalProperties": {"type": "string"},
        },
        "description": (
            "Filters by name, each as a parameter of its own: a column by value (`state=assigned`), a column with"
            f" one of {', '.join(f'`.{one}`' for one in OPERATORS)} (`due.before=2027-01-01`, `due.next=30`,"
            f" `due.between=2027-01-01..2027-03-31`), {', '.join(f'`{one}`' for one in KINDS)}, `assignment`,"
            " `overdue` and `search`. One given again means *or*; different ones mean *and*."
        ),
        "example": {"certification": "FS2", "overdue": "true"},
    },
]  # fmt: skip


@blueprint.get("/reports")
@blueprint.response(200, SourcesSchema)
@rule(STAFF, scope="reports", area=True)
def sources() -> dict[str, Any]:
    """The sources, each with its columns and filters."""
    return {
        "items": [
            {
                "source": name, "description": SENTENCES[name], "as_of": source.as_of,
                "columns": [
                    {"name": one.name, "type": one.type, **({"words": list(one.words)} if one.words else {})}
                    for one in source.columns
                ],
                "filters": names_of(source),
            }
            for name, source in SOURCES.items()
            if acting_units() is None or name in IN_AREAS
        ]
    }  # fmt: skip


@blueprint.get("/reports/<source>")
@blueprint.doc(parameters=_PARAMETERS)
@blueprint.response(200, ReportSchema)
@rule(STAFF, scope="reports", area=True)
def one(source: str) -> Any:
    """A part of a report; with `Accept: text/csv`, a spreadsheet's type or `application/x-ndjson` the whole as a file."""
    reader, pairs = reader_of(runtime(), host_id(), g.launch.rights, who()), list(request.args.items(multi=True))
    wanted = request.accept_mimetypes.best_match([_JSON, *_MEDIA]) or _JSON
    if wanted != _JSON:
        return file_of(Export(runtime(), host_id(), reader, parse_question(source, pairs), _MEDIA[wanted]))
    _question, answer, zone = report(runtime(), host_id(), reader, source, pairs)
    moment = answer.moment
    said = {} if moment is None else {
        "as_of": format_instant(moment.at), "final": moment.final, "exact": moment.exact,
    }  # fmt: skip
    return {
        "items": [item(answer.columns, row, zone) for row in answer.rows], "next": answer.next, "total": answer.total,
        **said,
    }  # fmt: skip


def file_of(export: Export) -> Response:
    """A file on its way: given back when the client has it, or hangs up."""
    answer = Response(stream_with_context(export), content_type=export.media)
    answer.headers["Content-Disposition"] = f'attachment; filename="{export.name}"'
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(export.close)
    return answer
