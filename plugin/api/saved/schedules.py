"""Saved reports that are sent by a schedule, and what became of each (REPORTS 4)."""

from __future__ import annotations

from typing import Any

from flask import Response, g, stream_with_context
from marshmallow import Schema, fields, validate

from plugin.access.present_rights import demand_grant
from plugin.access.readers import reader_of
from plugin.access.rules import STAFF, demand, rule
from plugin.api.kit import PREFIX, AnswerPart, Blueprint, StorableText, host_id, runtime, who
from plugin.core.clock import format_instant
from plugin.core.errors import NotFound
from plugin.core.journal import record
from plugin.reports.asking.question import parse_question
from plugin.reports.saved import store
from plugin.reports.sending import schedules, sent_list
from plugin.reports.sending.schedules import FORMS, HOW, RequestedSchedule, ScheduleOwner
from plugin.reports.sending.stored_files import parts
from plugin.reports.sending.tables import ReportSchedule, ReportSending
from plugin.reports.sending.timing import EVERY, WEEKDAYS, parse_timing

blueprint = Blueprint("api_report_schedules", __name__, url_prefix=PREFIX, description="Saved reports that are sent.")


class TimingSchema(Schema):
    """When it goes out, in the host's time zone."""

    every = fields.String(
        required=True, validate=validate.OneOf(EVERY),
        metadata={"description": "`before`: once, `days_before` days before `date`."},
    )  # fmt: skip
    at = fields.String(load_default="06:00", metadata={"description": "The time of day."})
    weekday = fields.String(load_default="monday", validate=validate.OneOf(WEEKDAYS))
    day = fields.Integer(
        load_default=1,
        validate=validate.Range(1, 31),
        metadata={"description": "Of the month; its last day if shorter."},
    )
    date = fields.String(load_default="", metadata={"example": "2027-03-31"})
    days_before = fields.Integer(load_default=1, validate=validate.Range(0, 3_650))


class NewScheduleSchema(Schema):
    """How a saved report is to be sent."""

    timing = fields.Nested(TimingSchema, required=True, metadata={"example": {"every": "weekly", "weekday": "monday"}})
    format = fields.String(load_default="xlsx", validate=validate.OneOf(FORMS))
    how = fields.String(
        load_default="page", validate=validate.OneOf(HOW),
        metadata={"description": "`page`: it lies under *Sent to me* and under `/sent-reports` for thirty days."},
    )  # fmt: skip
    to = fields.List(
        StorableText(),
        load_default=list,
        metadata={"description": "Addresses, in domains that the site allows; of `email`."},
    )
    endpoint = fields.Integer(load_default=None, metadata={"description": "Its number; of `endpoint`."})
    skip_empty = fields.Boolean(load_default=False, metadata={"description": "Send nothing where there is no row."})


class ScheduleSchema(AnswerPart):
    """A schedule."""

    id = fields.Integer(required=True)
    report = fields.Integer(required=True, allow_none=True)
    name = fields.String(required=True)
    timing = fields.Dict(required=True)
    format = fields.String(required=True)
    how = fields.String(required=True)
    to = fields.List(fields.String(), required=True)
    endpoint = fields.Integer(required=True, allow_none=True)
    skip_empty = fields.Boolean(required=True)
    state = fields.String(required=True, metadata={"description": "`active`, `paused` or `done`."})
    reason = fields.String(required=True, metadata={"description": "Why Muster paused it."})
    next_at = fields.String(required=True, allow_none=True)


class SchedulesSchema(AnswerPart):
    """All schedules of a saved report that this program made."""

    items = fields.List(fields.Nested(ScheduleSchema), required=True)


class LetterSchema(AnswerPart):
    """What became of a letter to one address."""

    to = fields.String(required=True)
    state = fields.String(
        required=True,
        metadata={
            "description": "`owed`, `begun`, `sent`, `retry`, `refused`, `bounced` or `maybe` (it may have arrived)."
        },
    )
    why = fields.String(required=True)


class SendingSchema(AnswerPart):
    """One time a report was sent."""

    id = fields.Integer(required=True)
    schedule = fields.Integer(required=True)
    name = fields.String(required=True)
    due_at = fields.String(required=True)
    state = fields.String(
        required=True,
        metadata={"description": "`owed`, `sent`, `partly`, `failed`, `kept` (can be fetched), `empty` or `stopped`."},
    )
    reason = fields.String(required=True)
    rows = fields.Integer(required=True, allow_none=True)
    file = fields.String(required=True, metadata={"description": "Its name."})
    kept_until = fields.String(required=True, allow_none=True)
    recipients = fields.List(fields.Nested(LetterSchema), required=True)


class SendingsSchema(AnswerPart):
    """The latest sendings of this program's schedules, the latest first."""

    items = fields.List(fields.Nested(SendingSchema), required=True)


def _owner() -> ScheduleOwner:
    return ScheduleOwner("program", str(g.launch.subject).removeprefix("api:"), who())


def _item(row: ReportSchedule) -> dict[str, Any]:
    return {
        "id": row.id, "report": row.report, "name": row.name, "timing": row.timing, "format": row.form, "how": row.how,
        "to": row.recipients, "endpoint": row.endpoint, "skip_empty": row.skip_empty, "state": row.state,
        "reason": row.reason, "next_at": format_instant(row.next_at) if row.state == "active" else None,
    }  # fmt: skip


def _sent(row: ReportSending) -> dict[str, Any]:
    return {
        "id": row.id, "schedule": row.schedule, "name": row.name, "due_at": format_instant(row.due_at), "state": row.state,
        "reason": row.reason, "rows": row.rows if row.whole else None, "file": row.file_name,
        "kept_until": format_instant(row.kept_until) if row.kept_until else None, "recipients": row.recipients,
    }  # fmt: skip


@blueprint.get("/saved-reports/<int:number>/schedules")
@blueprint.response(200, SchedulesSchema)
@rule(STAFF, scope="reports", area=True)
def listing(number: int) -> dict[str, Any]:
    """The schedules of a saved report."""
    with runtime().db.read() as session:
        store.one(session, host_id(), number, who())
        rows = schedules.listed(session, host_id(), _owner())
        return {"items": [_item(row) for row in rows if row.report == number]}


@blueprint.post("/saved-reports/<int:number>/schedules")
@blueprint.arguments(NewScheduleSchema)
@blueprint.response(201, ScheduleSchema)
@rule(STAFF, scope="reports", area=True)
def create(given: dict[str, Any], number: int) -> dict[str, Any]:
    """Send a saved report from now on, each time with what this program's owner may see then."""
    if given["how"] == "endpoint":
        demand("change host", g.launch)
    with runtime().db.read() as session:
        saved = store.one(session, host_id(), number, who())
        demand_grant(session, host_id(), _owner(), runtime().clock.now())
    question = parse_question(saved.source, [(name, value) for name, value in saved.question])
    wanted = RequestedSchedule(
        saved.name, question, parse_timing(given["timing"]), given["format"], given["how"], tuple(given["to"]),
        given["endpoint"], given["skip_empty"], report=number,
    )  # fmt: skip
    reader = reader_of(runtime(), host_id(), g.launch.rights, who())
    made = schedules.create(runtime(), host_id(), reader, wanted, _owner())
    with runtime().db.read() as session:
        return _item(schedules.one(session, host_id(), made, _owner(), every=False))


@blueprint.delete("/saved-reports/<int:number>/schedules/<int:schedule>")
@blueprint.response(204)
@rule(STAFF, scope="reports", area=True)
def remove(number: int, schedule: int) -> None:
    """Send it no longer; what was sent stays on record."""
    with runtime().db.read() as session:
        store.one(session, host_id(), number, who())
        if schedules.one(session, host_id(), schedule, _owner(), every=False).report != number:
            raise NotFound("There is no such schedule.")
    schedules.remove(runtime(), host_id(), schedule, _owner(), every=False)


@blueprint.get("/sent-reports")
@blueprint.response(200, SendingsSchema)
@rule(STAFF, scope="reports", area=True)
def sent() -> dict[str, Any]:
    """What was sent, to whom, and what became of it."""
    with runtime().db.read() as session:
        return {"items": [_sent(row) for row in sent_list.of_site(session, host_id(), _owner())]}


@blueprint.get("/sent-reports/<int:number>/file")
@blueprint.response(200, content_type="application/octet-stream", description="The file.")
@rule(STAFF, scope="reports", area=True)
def file(number: int) -> Response:
    """A file that lies there to be fetched; that it was stands in the history."""
    with runtime().db.read() as session:
        row = sent_list.sending_for(session, host_id(), _owner(), number, runtime().clock.now())
    fetched(row)
    answer = Response(stream_with_context(parts(runtime(), host_id(), row.id)), content_type=row.media)
    answer.headers["Content-Disposition"] = f'attachment; filename="{row.file_name}"'
    return answer


def fetched(row: ReportSending) -> None:
    """Write down that a file leaves, before it does."""
    data = {"source": row.name, "format": row.form, "sending": row.id}
    now, count = runtime().clock.now(), row.rows
    runtime().db.transact(
        lambda session: record(
            session, host_id(), now, who(), "export_fetched", reason=row.name, data=data, count=count
        )
    )
