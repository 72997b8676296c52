"""Which learners of a certification a page is asked for: by its address, or by the form that an act on them posts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import request
from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.definition import TYPES
from plugin.certifications.resolve import key_of, resolve
from plugin.enrolment.codes import EXCEPTION_TYPES, STATES
from plugin.mirror.lookup.search import find
from plugin.population.sets import population
from plugin.reports.needs_attention import condition
from plugin.web.frame.kit import host_id, runtime
from plugin.web.frame.lists import Chip, Listing, searched
from plugin.web.frame.words import exception_words, state_words, type_words
from plugin.web.learners.urgency import standing_words

NAMES = ("q", "assignment", "type", "standing", "state", "exception", "organisation")
"""The filters, as addresses and forms name them."""


@dataclass(frozen=True)
class Narrowed:
    """What is asked for.

    :ivar filters: as :func:`plugin.enrolment.views.roster.learners` takes them. :ivar usual: the order where nobody chose one.
    :ivar unit: the name of the organisation asked for, empty where none is.
    """

    filters: dict[str, Any]
    standing: str
    usual: str
    unit: str

    @property
    def any(self) -> bool:
        """Whether a filter is on, besides words and an assignment."""
        found = self.filters
        return bool(found["kind"] or found["state"] or found["exception"] or self.standing or self.unit)


def args() -> dict[str, Any]:
    """The filters that are on, for addresses; those that are not as ``None``."""
    standing = said("standing")
    return {
        **{name: said(name) or None for name in NAMES},
        "standing": standing if standing in standing_words() else None,
    }


def said(name: str) -> str:
    """A filter as it was written."""
    return " ".join(request.values.get(name, "").split())[:200]


def narrowed(session: Session) -> Narrowed:
    """The filters of this request; a unit that there is not matches nobody."""
    given, number = args(), said("assignment")
    standing = given["standing"] or ""
    people, unit = None, ""
    if words := said("organisation"):
        people, unit = _below(session, words)
    soonest = standing in ("overdue", "due_7", "due_30")
    filters = {
        "query": said("q"), "assignment": int(number) if number.isascii() and number.isdigit() and len(number) < 10 else None,
        "kind": said("type"), "state": said("state"), "exception": said("exception"),
        "condition": condition(standing, runtime().clock.now()), "people": people,
    }  # fmt: skip
    return Narrowed(filters, standing, "due" if soonest else "-due" if standing == "newly_overdue" else "name", unit)


def _below(session: Session, words: str) -> tuple[BitMap, str]:
    """Everybody in the organisation that is called so, or whose name has these words first; and its name."""
    found = find(session, host_id(), "organisation", words, limit=1).rows
    if not found:
        return BitMap(), words
    key = key_of("organisation", found[0].id, "below")
    return resolve(session, population(session, host_id()), key), found[0].name or found[0].ext


def chips(listed: Listing, asked: Narrowed) -> list[Chip]:
    """The filters that are on, in words."""
    found, query = asked.filters, asked.filters["query"]
    kind, state, exception = found["kind"], found["state"], found["exception"]
    words = {
        "q": searched(query),
        "type": type_words(kind).label if kind in TYPES else kind,
        "standing": standing_words().get(asked.standing, ""),
        "state": state_words(state) if state in STATES else state,
        "exception": _("With an exception") if exception == "any" else exception_words(exception) if exception in
        EXCEPTION_TYPES else exception,
        "organisation": _("%(unit)s and below", unit=asked.unit) if asked.unit else "",
    }  # fmt: skip
    return [listed.chip(one, name) for name, one in words.items() if one]
