"""What is asked of a source, parsed once for pages, API, commands and schedules."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from marshmallow import Schema, ValidationError, fields, validate

from plugin.reports.asking.unknown import RefusedReport

LEAST, MOST = 1, 500
PAGE = 50
VALUES = 1_000
"""Values of one filter."""
FILTERS = 200
NAMED = ("columns", "sort", "as_of", "cursor", "limit", "by")
"""What an address may say beside filters."""


@dataclass(frozen=True)
class Question:
    """A report: its source, columns (none: the source's own), filters, order, and the part of it.

    :ivar filters: pairs of a filter and a value, as they were given.
    """

    source: str
    columns: tuple[str, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()
    sort: str = ""
    as_of: str = ""
    by: str = ""
    cursor: str = ""
    limit: int = PAGE

    @property
    def digest(self) -> str:
        """Tells this report from every other: a cursor belongs to one."""
        what = [self.source, sorted(self.filters), self.sort, self.as_of, self.by]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]

    def pairs(self) -> list[tuple[str, str]]:
        """The report as an address says it, without the part."""
        named = [("columns", ",".join(self.columns)), ("sort", self.sort), ("as_of", self.as_of), ("by", self.by)]
        return [*((name, value) for name, value in named if value), *self.filters]


class _Text(fields.String):
    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: object) -> str:
        text = str(super()._deserialize(value, attr, data, **kwargs))
        if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            raise ValidationError("This holds a character that cannot be looked for.")
        return text


class QuestionSchema(Schema):
    """The part of a question that is the same for all sources."""

    columns = _Text(load_default="", validate=validate.Length(max=5_000))
    sort = _Text(load_default="", validate=validate.Length(max=255))
    as_of = _Text(load_default="", validate=validate.Length(max=40))
    by = _Text(load_default="", validate=validate.Length(max=20))
    cursor = _Text(load_default="", validate=validate.Length(max=4_000))
    limit = fields.Integer(load_default=PAGE, validate=validate.Range(LEAST, MOST))


class _FilterSchema(Schema):
    name = _Text(required=True, validate=validate.Length(1, 255))
    value = _Text(required=True, validate=validate.Length(0, 1_000))


def parse_question(source: str, pairs: Iterable[tuple[str, str]]) -> Question:
    """A question from the pairs of an address; a filter given again means *or*.

    :raises Refused: with a sentence, for anything that is no question.
    """
    named: dict[str, str] = {}
    filters: list[tuple[str, str]] = []
    counts: dict[str, int] = {}
    for name, value in pairs:
        if name in NAMED:
            if name in named:
                raise RefusedReport(f"'{name}' is given twice.")
            if value or name != "limit":
                named[name] = value
            continue
        if name == "search" and not value.strip():
            continue  # a form whose field was left empty looks for nobody in particular
        filters.append((name, value))
        counts[name] = counts.get(name, 0) + 1
        if counts[name] > VALUES:
            raise RefusedReport(f"'{name}' is given more than {VALUES:,} times; ask for a unit or an audience instead.")
    if len(counts) > FILTERS:
        raise RefusedReport(f"There are more than {FILTERS} filters.")
    try:
        said = QuestionSchema().load(named)
        loaded = [_FilterSchema().load({"name": name, "value": value}) for name, value in filters]
    except ValidationError as error:
        raise RefusedReport(_sentence(error.messages)) from None
    columns = tuple(part.strip() for part in said["columns"].split(",") if part.strip())
    if len(set(columns)) < len(columns):
        raise RefusedReport("A column is named twice.")
    pairs_kept = tuple(dict.fromkeys((one["name"], one["value"]) for one in loaded))
    return Question(source, columns, pairs_kept, said["sort"], said["as_of"], said["by"], said["cursor"], said["limit"])


def _sentence(messages: object) -> str:
    if isinstance(messages, Mapping):
        [(name, inside), *_rest] = list(messages.items())
        return f"{name}: {_sentence(inside)}"
    if isinstance(messages, list):
        return " ".join(_sentence(one) for one in messages)
    return str(messages)
