"""Learners of a certification: who is in, since when, until when, why, and what the host knows of it."""

from __future__ import annotations

from typing import Any

from flask import g
from marshmallow import Schema, fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.access.rules import CHANGE, SEE, STAFF, allows, rule
from plugin.api.kit import PREFIX, AnswerPart, Blueprint, PageSchema, StorableText, host_id, nudge, runtime, who
from plugin.certifications.store import by_id, get
from plugin.core.clock import parse_instant
from plugin.core.days import end_of_day
from plugin.core.errors import Invalid
from plugin.core.stamps import calendar_day
from plugin.enrolment.answers import overrides
from plugin.enrolment.codes import STATES
from plugin.enrolment.tables import Enrolment
from plugin.enrolment.terms import zone_of_host
from plugin.enrolment.views.show import person_id, show_page, show_person, show_rows
from plugin.population.area import acting_units

blueprint = Blueprint("api_learners", __name__, url_prefix=PREFIX, description="Learners and their enrolments.")


class SeatSchema(AnswerPart):
    """A learner in a course: what is wanted, and what the host last confirmed."""

    want = fields.String(required=True, validate=validate.OneOf(("out", "suspended", "in", "keep")))
    confirmed = fields.String(required=True, validate=validate.OneOf(("none", "in", "suspended", "unknown")))
    origin = fields.String(required=True, validate=validate.OneOf(("ours", "found")))
    parked = fields.String(metadata={"description": "The host's own words, where it refused for good."})


class ExceptionSchema(AnswerPart):
    """A question that waits for an administrator."""

    type = fields.String(required=True)
    since = fields.String(required=True)


def _moment() -> fields.String:
    return fields.String(required=True, allow_none=True)


class LearnerSchema(AnswerPart):
    """A learner's row, as `muster show --json` prints it."""

    person = fields.String(required=True)
    state = fields.String(required=True, allow_none=True, validate=validate.OneOf((*STATES, None)))
    active = fields.Boolean(required=True)
    suspended = fields.Boolean(required=True)
    held = fields.String(required=True, allow_none=True)
    leaves_on, spell_began, due, due_from = (_moment() for _ in range(4))
    why = fields.List(fields.String(), required=True)
    exception = fields.Nested(ExceptionSchema, required=True, allow_none=True)
    seats = fields.Dict(keys=fields.String(), values=fields.Nested(SeatSchema), required=True)
    expires, window_opens = (_moment() for _ in range(2))


class CheckSchema(AnswerPart):
    """Whether an assignment matches a learner, and why."""

    assignment = fields.String(required=True)
    matches = fields.Boolean(required=True)
    sentence = fields.String(required=True)


class CheckedSchema(LearnerSchema):
    """One learner, and why she is in or not; without a state where she never was in."""

    assignments = fields.List(fields.Nested(CheckSchema), required=True)
    why_not = fields.String(required=True, allow_none=True)


class LearnersSchema(AnswerPart):
    """A part of the learners."""

    items = fields.List(fields.Nested(LearnerSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class OfPersonSchema(LearnerSchema):
    """A learner's row in one of her certifications."""

    certification = fields.String(required=True)


class OfPersonListSchema(AnswerPart):
    """All certifications that somebody is or was in."""

    items = fields.List(fields.Nested(OfPersonSchema), required=True)


class ExtensionSchema(Schema):
    """Until when."""

    to = StorableText(
        required=True, metadata={"description": "A day (its end in the host's zone) or an RFC 3339 time."}
    )


class ExemptionSchema(Schema):
    """Why, and until when; for good without an end."""

    reason = StorableText(required=True, validate=validate.Length(1, 2000))
    until = StorableText(load_default=None, allow_none=True, metadata={"description": "A day or an RFC 3339 time."})


@blueprint.get("/certifications/<code>/learners")
@blueprint.arguments(PageSchema, location="query")
@blueprint.response(200, LearnersSchema)
@rule(SEE, scope="read", area=True)
def listing(asked: dict[str, Any], code: str) -> dict[str, Any]:
    """All who are or were in, by the host's id; withdrawn and dismissed ones too."""
    with runtime().db.read() as session:
        number = get(session, host_id(), code).id
        rows, following = show_page(session, host_id(), number, after=asked["cursor"], limit=asked["limit"])
    return {"items": rows, "next": following}


@blueprint.get("/certifications/<code>/learners/<path:person>")
@blueprint.response(200, CheckedSchema)
@rule(SEE, scope="read", area=True)
def one(code: str, person: str) -> dict[str, Any]:
    """One person: in or not, and why."""
    with runtime().db.read() as session:
        return show_person(session, host_id(), get(session, host_id(), code).id, person)


@blueprint.get("/people/<path:person>/certifications")
@blueprint.response(200, OfPersonListSchema)
@rule(STAFF, scope="read", area=True)
def of_person(person: str) -> dict[str, Any]:
    """Everything that one person is or was in."""
    with runtime().db.read() as session:
        number = person_id(session, host_id(), person)
        there = session.scalars(
            select(Enrolment.certification).where(Enrolment.host_id == host_id(), Enrolment.person == number)
        ).all()
        items = [
            {"certification": by_id(session, host_id(), each).code, **row}
            for each in sorted(there)
            if allows(SEE, g.launch, each, area=acting_units() is not None)
            for row in show_rows(session, host_id(), each, people=[number])
        ]
    return {"items": items}


@blueprint.post("/certifications/<code>/extensions/<path:person>")
@blueprint.arguments(ExtensionSchema)
@blueprint.response(204)
@rule(CHANGE, scope="write", area=True)
def extend(given: dict[str, Any], code: str, person: str) -> None:
    """Move one learner's date later, never her next cycle."""
    with runtime().db.read() as session:
        number, learner = get(session, host_id(), code).id, person_id(session, host_id(), person)
        to = _end(session, given["to"])
    overrides.extend(runtime(), host_id(), number, learner, to, who=who())
    nudge()


@blueprint.put("/certifications/<code>/exemptions/<path:person>")
@blueprint.arguments(ExemptionSchema)
@blueprint.response(204)
@rule(CHANGE, scope="write", area=True)
def exempt(given: dict[str, Any], code: str, person: str) -> None:
    """This certification does not apply to this learner."""
    with runtime().db.read() as session:
        number, learner = get(session, host_id(), code).id, person_id(session, host_id(), person)
        until = _end(session, given["until"]) if given["until"] else None
    overrides.exempt(runtime(), host_id(), number, learner, until=until, reason=given["reason"], who=who())
    nudge()


def _end(session: Session, value: str) -> int:
    """The end of a day in the host's zone, or an instant."""
    if len(value) != 10:
        return parse_instant(value)
    try:
        return end_of_day(calendar_day(value), zone_of_host(session, host_id()))
    except ValueError:
        raise Invalid(f"'{value}' is no day such as 2027-03-31.") from None
