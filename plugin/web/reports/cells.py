"""A row of a report as a page shows it: words, times in the zone that the page names, links to people."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from plugin.reports.columns import FLAG, INSTANT, LOCAL, NUMBER, PERCENT, SETTING, Column, Row
from plugin.web.frame.words import count, due_words, exception_words, moment, state_words, type_words

_STATES = frozenset({"assigned", "in_progress", "certified", "window_open", "expired", "complete", "withdrawn"})
_EXCEPTIONS = frozenset({"time_allowance", "unknown_date", "duplicate_course", "already_assigned"})
NUMBERS = (NUMBER, PERCENT)


def shown(column: Column, row: Row, zone: str) -> str:
    """The words of a cell; empty where there is nothing to say."""
    value = row.get(column.name)
    if value is None:
        return ""
    if column.type in (INSTANT, LOCAL):
        return moment(int(value), zone)
    if column.type == FLAG:
        return str(_("Yes")) if value else str(_("No"))
    if column.type == SETTING:
        return due_words(value, zone)
    if column.type == PERCENT:
        return f"{value:.1f}"
    if column.type == NUMBER:
        return count(int(value))
    return word(column.name, value)


def word(name: str, value: Any) -> str:
    """A value of a column in words, where it is a code."""
    text = str(value)
    if name == "state" and text in _STATES:
        return state_words(text)
    if name in ("exception", "type") and text in _EXCEPTIONS:
        return exception_words(text)
    if name in ("assignment_type", "assignment_types"):
        return "; ".join(type_words(kind).label for kind in text.split("; "))
    if text in ("true", "false"):
        return str(_("Yes")) if text == "true" else str(_("No"))
    return text
