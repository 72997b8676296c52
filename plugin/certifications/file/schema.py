"""The file's shape, checked by marshmallow: unknown keys are errors; each value is left as the rules write it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from plugin.certifications.definition import EXCLUDABLE
from plugin.certifications.rules.due_dates import dump_due, parse_due
from plugin.certifications.rules.placeholders import sentence_about, unknown_placeholder
from plugin.certifications.rules.waves import EVERY, MOST
from plugin.certifications.rules.written_content import dump_content, parse_content
from plugin.core.days import ALL_UNITS, ELAPSED_UNITS, parse_period
from plugin.core.errors import faults_of
from plugin.core.stamps import calendar_day
from plugin.core.text.languages import is_language

WHENS = (
    "assigned", "withdrawn", "due", "overdue", "due_changed", "completed", "window_open", "expiring", "expired", "exception",
)  # fmt: skip
POLICIES = {
    "time_allowance": ("hold", "realistic", "assign", "dismiss"),
    "unknown_date": ("hold", "realistic", "dismiss", "wait"),
    "duplicate_course": ("hold", "assign", "dismiss"),
    "already_assigned": ("off", "hold", "assign", "dismiss"),
}
TARGETS = ("organisation", "position", "audience", "manager", "individual", "group")


def _placed(error: ValueError) -> ValidationError:
    """The faults as marshmallow keeps them: sentences by the keys and positions that lead to them."""
    faults = faults_of(error)
    if all(not where for where, _sentence in faults):
        return ValidationError([sentence for _where, sentence in faults])
    found: dict[str | int, Any] = {}
    for where, sentence in faults:
        part = found
        for one in where:
            part = part.setdefault(one, {})
        part.setdefault("_schema", []).append(sentence)
    return ValidationError(found)


class Truth(fields.Field[Any]):
    """``true`` or ``false`` as YAML and JSON know them; neither 1 nor a word in quotation marks."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("This is true or false.")
        return value


class Policy(fields.String):
    """A standing answer; YAML reads ``off`` as false."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return super()._deserialize("off" if value is False else value, attr, data, **kwargs)


class Day(fields.Field[Any]):
    """A calendar day, as YAML's date or as text; kept as text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            day = value if isinstance(value, date) else calendar_day(str(value))
        except ValueError:
            raise ValidationError(f"'{value}' is no day such as 2027-03-31.") from None
        if not 1970 <= day.year <= 9998:
            raise ValidationError(f"'{value}' is no day from 1970 to 9998.")
        return day.isoformat()


class Code(fields.Field[Any]):
    """An id or a code: text, or a number that YAML made of it."""

    def __init__(self, most: int = 255, *, exact: bool = False, **kwargs: Any) -> None:
        """:param exact: an id of the host's: outer blanks are part of it."""
        super().__init__(**kwargs)
        self._most, self._exact = most, exact

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValidationError("This must be text.")
        text = str(value) if self._exact else str(value).strip()
        if not text.strip():
            raise ValidationError("This must not be empty.")
        if len(text) > self._most:
            raise ValidationError(f"This is longer than {self._most} characters.")
        return text


class Due(fields.Field[Any]):
    """A due date setting, in its canonical form."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return dump_due(parse_due(value))
        except ValueError as error:
            raise _placed(error) from None


class ContentField(fields.Field[Any]):
    """Course sets on both paths, in canonical form; a path left out stays out."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            dumped = dump_content(parse_content(value))
        except ValueError as error:
            raise _placed(error) from None
        return {key: part for key, part in dumped.items() if key in value}


class PeriodField(fields.Field[Any]):
    """A period such as ``14 days``; kept as text."""

    def __init__(self, units: Collection[str] = ALL_UNITS, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._units = units

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        try:
            return str(parse_period(value, self._units))
        except ValueError as error:
            raise ValidationError(str(error)) from None


class MessageText(fields.String):
    """The text of a message, whose placeholders are all known."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        words = str(super()._deserialize(value, attr, data, **kwargs))
        unknown = unknown_placeholder(words)
        if unknown is not None:
            raise ValidationError(sentence_about(unknown))
        return words


class _Strict(Schema):
    class Meta:
        unknown = RAISE

    error_messages = {"unknown": "There is no such key here."}  # noqa: RUF012 - as marshmallow wants it


class AvailableSchema(_Strict):
    """``available``."""

    until = Day(allow_none=True)

    class Meta:
        unknown = RAISE
        include = {"from": Day(allow_none=True)}  # noqa: RUF012 - `from` cannot be an attribute

    @validates_schema
    def _order(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data.get("from") and data.get("until") and data["until"] < data["from"]:
            raise ValidationError("It would end before it begins.", "until")


class LeavingSchema(_Strict):
    """``leaving``."""

    seat = fields.String(validate=validate.OneOf(("suspend", "remove", "keep")))
    grace = PeriodField()
    at_end = fields.String(validate=validate.OneOf(("stay", "leave")))
    on_return = fields.String(validate=validate.OneOf(("realistic", "keep")))


class ExceptionsSchema(_Strict):
    """``exceptions``: the standing answers (rules 4.5)."""

    time_allowance = fields.String(validate=validate.OneOf(POLICIES["time_allowance"]))
    unknown_date = fields.String(validate=validate.OneOf(POLICIES["unknown_date"]))
    duplicate_course = fields.String(validate=validate.OneOf(POLICIES["duplicate_course"]))
    already_assigned = Policy(validate=validate.OneOf(POLICIES["already_assigned"]))


class ExclusionSchema(_Strict):
    """One target that a row leaves out (rules 11.1)."""

    organisation = Code(exact=True)
    position = Code(exact=True)
    audience = Code(exact=True)
    individual = Code(exact=True)
    include = fields.String(validate=validate.OneOf(("below",)))

    @validates_schema
    def _one_target(self, data: dict[str, Any], **_kwargs: Any) -> None:
        named = [kind for kind in EXCLUDABLE if kind in data]
        if len(named) != 1:
            raise ValidationError(f"What is excepted names exactly one of {', '.join(EXCLUDABLE)}.")
        if "include" in data and named[0] not in ("organisation", "position"):
            raise ValidationError(f"'include' does not go with {named[0]}.", "include")


class WaveSchema(_Strict):
    """How many begin in each period (rules 11.3); 0 stops."""

    learners = fields.Integer(required=True, strict=True, validate=validate.Range(0, MOST))
    every = fields.String(required=True, validate=validate.OneOf(EVERY))


class AssignmentSchema(_Strict):
    """One assignment: exactly one target, and what goes with its type."""

    organisation = Code(exact=True)
    position = Code(exact=True)
    audience = Code(exact=True)
    manager = Code(exact=True)
    individual = Code(exact=True)
    group = Code()
    include = fields.String(validate=validate.OneOf(("below", "direct")))
    due = Due()
    description = fields.String(validate=validate.Length(max=2000))
    self_enrol = Truth()
    withdraw = Truth()
    members = fields.List(Code(exact=True))
    starts = Day(allow_none=True)
    wave = fields.Nested(WaveSchema, allow_none=True)

    class Meta:
        unknown = RAISE
        include = {"except": fields.List(fields.Nested(ExclusionSchema))}  # noqa: RUF012 - a word of Python's own

    @validates_schema
    def _one_target(self, data: dict[str, Any], **_kwargs: Any) -> None:
        named = [kind for kind in TARGETS if kind in data]
        if len(named) != 1:
            raise ValidationError(f"An assignment names exactly one of {', '.join(TARGETS)}.")
        kind = named[0]
        if "include" in data and kind not in ("organisation", "position", "manager"):
            raise ValidationError(f"'include' does not go with {kind}.", "include")
        if data.get("include") == "direct" and kind != "manager":
            raise ValidationError("Only a manager has a direct team; for a unit leave 'include' out.", "include")
        for key in ("description", "self_enrol", "withdraw", "members"):
            if key in data and kind != "group":
                raise ValidationError(f"'{key}' goes with a group only.", key)


class TextSchema(_Strict):
    """What a notification says in one language."""

    subject = MessageText(validate=validate.Length(max=500))
    body = MessageText(validate=validate.Length(max=20000))


def _check_language(code: str) -> None:
    if not is_language(code):
        raise ValidationError(f"'{code}' is no language such as de or pt.")


class NotificationSchema(_Strict):
    """One notification."""

    when = fields.String(required=True, validate=validate.OneOf(WHENS))
    before = PeriodField(ELAPSED_UNITS)
    after = PeriodField(ELAPSED_UNITS)
    to = fields.List(fields.String(validate=validate.OneOf(("learner", "managers", "admins"))))
    subject = MessageText(validate=validate.Length(max=500))
    body = MessageText(validate=validate.Length(max=20000))
    texts = fields.Dict(keys=fields.String(validate=_check_language), values=fields.Nested(TextSchema))
    on = Truth()

    @validates_schema
    def _one_offset(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if "before" in data and "after" in data:
            raise ValidationError("A notification goes before or after the moment, not both.", "after")
        if "before" in data and data.get("when") not in ("due", "expiring"):
            raise ValidationError("Only 'due' and 'expiring' can go before their moment.", "before")


class CertificationSchema(_Strict):
    """One certification of the file."""

    code = Code(most=100, required=True)
    name = Code()
    kind = fields.String(validate=validate.OneOf(("certification", "program")))
    state = fields.String(validate=validate.OneOf(("draft", "live", "archived")))
    available = fields.Nested(AvailableSchema)
    content = ContentField()
    period = fields.Dict(keys=fields.String())
    enrol = fields.String(validate=validate.OneOf(("at_once", "on_open")))
    leaving = fields.Nested(LeavingSchema)
    exceptions = fields.Nested(ExceptionsSchema)
    starts = Day(allow_none=True)
    wave = fields.Nested(WaveSchema, allow_none=True)
    assignments = fields.List(fields.Nested(AssignmentSchema))
    notifications = fields.List(fields.Nested(NotificationSchema))
    areas = Truth()
    category = fields.String(validate=validate.Length(max=100))


class FileSchema(_Strict):
    """The whole file."""

    version = fields.Integer(required=True, strict=True, validate=validate.Equal(1))
    certifications = fields.List(fields.Nested(CertificationSchema), required=True)
