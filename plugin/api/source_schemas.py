"""What the API says and reads of sources."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from plugin.api.kit import AnswerPart, StorableText


class FeedUnmatchedSchema(AnswerPart):
    """By reason, how many records have no account."""

    no_account, several_accounts, several_records, no_key = (fields.Integer(required=True) for _ in range(4))
    suspended = fields.Integer()


class FeedSchema(AnswerPart):
    """One source."""

    name, kind, state, reason, join = (fields.String(required=True) for _ in range(5))
    supplies = fields.List(fields.String(), required=True)
    matched = fields.Integer(required=True)
    unmatched = fields.Nested(FeedUnmatchedSchema, required=True)


class FeedListSchema(AnswerPart):
    """All of them."""

    items = fields.List(fields.Nested(FeedSchema), required=True)


class FeedShownSchema(FeedSchema):
    """One source in full."""

    mapping, units = fields.Dict(required=True), fields.Dict(required=True)
    url, schedule, after = (fields.String(required=True) for _ in range(3))
    kept = fields.List(fields.Dict(), required=True, data_key="loads", attribute="loads")
    renames = fields.List(fields.Dict(), required=True)
    held = fields.Dict(metadata={"description": "Of a directory: users whose leaving waits for a release."})


class FeedSetSchema(Schema):
    """How a source is read and fetched."""

    join = StorableText(validate=validate.Length(1, 500), metadata={"description": "SOURCE_FIELD=ACCOUNT_FIELD"})
    mapping = fields.Dict(metadata={"description": "As docs/sources.md describes it."})
    url = StorableText(validate=validate.Length(max=1000))
    schedule = StorableText(validate=validate.Length(max=100))
    after = StorableText(metadata={"description": "What happens to a file read by SFTP: left, moved or deleted."})
    secret = StorableText(validate=validate.Length(max=10_000), load_only=True)


class FeedChangedSchema(FeedSetSchema):
    """What may be changed of a source; what is not named stays."""

    kind = StorableText(
        validate=validate.Length(1, 32),
        metadata={"description": "Another kind: the source begins anew, and what it supplied goes."},
    )
    forget_host_key = fields.Boolean(
        metadata={"description": "The SFTP server has a new key: pin the one it shows next."}
    )
    map = fields.Dict(
        keys=StorableText(), values=StorableText(), load_default=None,
        metadata={"description": "With another kind: what rows shall name instead of what goes."},
    )  # fmt: skip
    yes = fields.Boolean(load_default=False, metadata={"description": "Somebody looked at the plan."})
    allow_withdrawals = fields.Integer(load_default=None, validate=validate.Range(0, 2**31))


class FeedNewSchema(FeedSetSchema):
    """A source to be registered."""

    name = StorableText(required=True, validate=validate.Length(1, 64))
    kind = StorableText(required=True, validate=validate.Length(1, 32))


class FeedEffectSchema(AnswerPart):
    """What one certification gains and loses."""

    code = fields.String(required=True)
    newly, withdrawn, redated, held_back, messages = (fields.Integer(required=True) for _ in range(5))
    names = fields.Dict(
        keys=fields.String(), values=fields.List(fields.Dict()),
        metadata={"description": "Where asked for: by number the people behind it, id and name, at most a thousand."},
    )  # fmt: skip


class SourcePlanSchema(AnswerPart):
    """What a load does."""

    source = fields.String(required=True)
    files = fields.List(fields.Dict())
    identities, units = fields.Dict(), fields.Dict()
    matched = fields.Integer()
    unmatched = fields.Nested(FeedUnmatchedSchema)
    guard = fields.String(allow_none=True)
    retargeted = fields.Integer()
    map = fields.Dict(
        keys=fields.String(), values=fields.String(),
        metadata={"description": "What rows name that goes, and what fits instead; empty where nothing does."},
    )  # fmt: skip
    mapped_by = fields.Dict(keys=fields.String(), values=fields.String())
    certifications = fields.List(fields.Nested(FeedEffectSchema), required=True)


class NotLoadedSchema(AnswerPart):
    """A rule says no: why, and to what."""

    detail = fields.String(required=True, metadata={"description": "A sentence for people."})
    plan = fields.Nested(SourcePlanSchema)
    error_id = fields.String(required=True)


class FeedLoadSchema(Schema):
    """How to load."""

    yes = fields.Boolean(load_default=False, metadata={"description": "Somebody looked at the plan."})
    force = fields.Boolean(load_default=False, metadata={"description": "Also an older or half-written file."})
    allow_withdrawals = fields.Integer(load_default=None, validate=validate.Range(0, 2**31))
    name = StorableText(
        load_default="", validate=validate.Length(max=255), metadata={"description": "The file's name."}
    )


class FeedPlannedSchema(Schema):
    """How to plan."""

    name = StorableText(
        load_default="", validate=validate.Length(max=255), metadata={"description": "The file's name."}
    )
    names = fields.Boolean(load_default=False, metadata={"description": "With the people behind each number."})


class FeedReorganisationSchema(Schema):
    """What becomes of one unit, on paper: it goes under another, is dissolved into it, or, with neither, stands at the top."""

    kind = StorableText(load_default="organisation", validate=validate.OneOf(("organisation", "position")))
    unit = StorableText(required=True, validate=validate.Length(1, 255))
    under, into = (StorableText(load_default="", validate=validate.Length(max=255)) for _ in range(2))
    names = fields.Boolean(load_default=False, metadata={"description": "With the people behind each number."})

    @validates_schema
    def one_place(self, given: dict[str, Any], **_more: Any) -> None:
        """Under one unit or into one."""
        if given.get("under") and given.get("into"):
            raise ValidationError("Name one of under and into.")


class FeedForeseenSchema(AnswerPart):
    """What a re-organisation would do."""

    kind, unit = (fields.String(required=True) for _ in range(2))
    people = fields.Integer(required=True, metadata={"description": "Who works in the unit or below it."})
    certifications = fields.List(fields.Nested(FeedEffectSchema), required=True)


class FeedYesSchema(Schema):
    """Whether somebody looked at the plan, and confirms its withdrawals by their number."""

    yes = fields.Boolean(load_default=False)
    allow_withdrawals = fields.Integer(load_default=None, validate=validate.Range(0, 2**31))


class FeedRemovalSchema(FeedYesSchema):
    """Whether somebody looked, and what rows shall name instead of the source's own."""

    map = StorableText(load_default="", metadata={"description": "A JSON object, {old id: new id}."})


class FeedAnswerSchema(FeedYesSchema):
    """Whether a unit goes on under its new name."""

    same = fields.Boolean(required=True, metadata={"description": "False: the new one is another unit."})


class FeedReleasedSchema(AnswerPart):
    """How many users were let go."""

    released = fields.Integer(required=True)


class FeedSuggestionSchema(AnswerPart):
    """An account that a record would fit if its key were written otherwise."""

    person, because = fields.String(required=True), fields.String(required=True)


class FeedMatchSchema(AnswerPart):
    """A record without an account."""

    id, name, why = (fields.String(required=True) for _ in range(3))
    suggestion = fields.Nested(FeedSuggestionSchema, allow_none=True, required=True)


class FeedMatchListSchema(AnswerPart):
    """All of them."""

    items = fields.List(fields.Nested(FeedMatchSchema), required=True)


class FeedPinnedSchema(AnswerPart):
    """Whose match by key it ended."""

    instead = fields.String(
        required=True,
        metadata={"description": "The record that has the key of this account, and is matched with it no longer."},
    )  # fmt: skip


class FeedPinSchema(Schema):
    """With which account."""

    person = StorableText(required=True, validate=validate.Length(1, 255))


class FeedSupplySchema(FeedYesSchema):
    """Who supplies a kind, in order; the learning site is `site`."""

    names = fields.List(StorableText(), required=True, validate=validate.Length(1, 50))
    map = fields.Dict(keys=StorableText(), values=StorableText(), load_default=None)


class FeedTokenAskedSchema(Schema):
    """Whether others stay."""

    until = fields.AwareDateTime(
        load_default=None, format="iso", default_timezone=UTC, metadata={"description": "RFC 3339."}
    )
    revoke_others = fields.Boolean(load_default=False)


class FeedTokenSchema(AnswerPart):
    """A token, shown this once."""

    token = fields.String(required=True)
