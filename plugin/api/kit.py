"""What every resource needs: its blueprint, strict arguments, and the same choices as a save by command."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import flask_smorest
from flask import g
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import MultiDict

from plugin.core.errors import Invalid
from plugin.core.runtime import Runtime
from plugin.enrolment.saving.save import Choices
from plugin.web.frame import kit

PREFIX = "/api/v1"
MOST = 1000
"""Items of one answer, as in the host API; a tenth of them where nobody asks for a number."""


class _Parser(FlaskParser):
    """Unknown arguments are refused wherever they stand: a mistyped choice must not pass for one not made."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {}  # noqa: RUF012 - as webargs wants it

    def _raw_load_json(self, req: Any) -> Any:
        try:
            return super()._raw_load_json(req)
        except RecursionError:
            raise Invalid("The body is nested too deeply.") from None

    def load_querystring(self, req: Any, schema: Schema) -> Any:
        """The arguments as they were sent: they hold ids and cursors, and a cleaned one may be another."""
        sent = parse_qsl(req.query_string.decode("latin-1"), keep_blank_values=True, errors="surrogateescape")
        return self._makeproxy(MultiDict(sent), schema)


class Blueprint(flask_smorest.Blueprint):
    """A part of the API."""

    ARGUMENTS_PARSER = _Parser()


class AnswerPart(Schema):
    """A part of an answer; fields may be added one day, so whoever reads it passes over those it does not know."""

    class Meta:
        unknown = EXCLUDE


class StorableText(fields.String):
    """Text that a database can keep."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = str(super()._deserialize(value, attr, data, **kwargs))
        if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            raise ValidationError("This holds a character that cannot be kept.")
        return text


class PageSchema(Schema):
    """Which part of a list."""

    limit = fields.Integer(load_default=MOST // 10, validate=validate.Range(1, MOST))
    cursor = StorableText(
        load_default="", validate=validate.Length(max=255), metadata={"description": "`next` of the part before it."}
    )


class ChoicesSchema(Schema):
    """What an administrator decides in a review."""

    earlier = fields.Boolean(load_default=False, metadata={"description": "Also move dates earlier, or clear them."})
    no_messages = fields.Boolean(load_default=False, metadata={"description": "Send no messages for this save."})
    allow_withdrawals = fields.Integer(
        load_default=None, validate=validate.Range(0, 2**31),
        metadata={"description": "Must equal the plan's `withdrawn`; asked for by the withdrawal guard."},
    )  # fmt: skip
    reason = StorableText(
        load_default="", validate=validate.Length(max=2000), metadata={"description": "For the history."}
    )


def choices(given: dict[str, Any], if_version: dict[str, int] | None = None) -> Choices:
    """The choices of a request, without what is not one."""
    named = {name: given[name] for name in ("earlier", "no_messages", "allow_withdrawals", "reason")}
    return Choices(**named, if_version=if_version or {})


def position(cursor: str) -> int:
    """A cursor that is a number, 0 for the beginning.

    :raises Invalid: for one that no answer ever gave.
    """
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 16):
        raise Invalid("This cursor is none that an answer gave.")
    return int(cursor)


def runtime() -> Runtime:
    """The runtime this application was built with."""
    return kit.runtime()


def host_id() -> int:
    """The tenant of the token."""
    return int(g.launch.host_id)


def who() -> str:
    """How the history names the program at work."""
    return str(g.launch.subject)


nudge = kit.nudge
