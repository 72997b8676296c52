"""Values of reports as pages show them: what a file says by a code, a page says in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from flask_babel import gettext as _

from plugin.core.clock import parse_instant
from plugin.core.errors import Invalid
from plugin.web.certifications.happening_words import what_words
from plugin.web.certifications.history_words import who_words
from plugin.web.certifications.notification_form import message_event_words
from plugin.web.delivery.message_words import channel_words, state_words_of_messages
from plugin.web.frame.day_words import progress_words
from plugin.web.frame.words import action_words, day, exception_words, moment, ngettext, state_words, type_words
from plugin.web.reports.labels import source_label

_STATES = frozenset({"assigned", "in_progress", "certified", "window_open", "expired", "complete", "withdrawn"})
_SOURCES = frozenset({"membership", "learners", "courses", "overview", "exceptions", "history", "messages"})
_EXCEPTIONS = frozenset({"time_allowance", "unknown_date", "duplicate_course", "already_assigned"})
_DAY = len("2027-03-31")
_PROGRESS = re.compile(r"[0-9]+ of [0-9]+")


def word(name: str, value: Any) -> str:
    """A value of a column in words, where it is a code; anything else as it is."""
    text = str(value)
    if name in _BY_COLUMN and (told := _BY_COLUMN[name](text)):
        return told
    if text in ("true", "false"):
        return str(_("Yes")) if text == "true" else str(_("No"))
    return text


def when_words(text: str, zone: str) -> str:
    """A day or an instant that an address names, in the reader's language; anything else as it is."""
    try:
        return day(date.fromisoformat(text)) if len(text) == _DAY else moment(parse_instant(text), zone)
    except (Invalid, ValueError):
        return text


def _state(text: str) -> str:
    return state_words(text) if text in _STATES else state_words_of_messages().get(text, "")


def _exception(text: str) -> str:
    return exception_words(text) if text in _EXCEPTIONS else ""


def _types(text: str) -> str:
    return "; ".join(type_words(kind).label for kind in text.split("; "))


def _seat(text: str) -> str:
    """How somebody stands in a course: as we want it, or as the learning site confirmed it."""
    words: Mapping[str, str] = {
        "in": _("Enrolled"), "out": _("Not enrolled"), "none": _("Not enrolled"), "suspended": _("Suspended"),
        "unknown": _("Not yet known"),
    }  # fmt: skip
    return str(words.get(text, ""))


def _held(text: str) -> str:
    words: Mapping[str, str] = {
        "exception": _("Exception"), "guard": _("More than the withdrawal guard lets pass"),
        "target_gone": _("The target of an assignment is missing at the host"),
    }  # fmt: skip
    return str(words.get(text, ""))


def _why_not(text: str) -> str:
    words: Mapping[str, str] = {
        "suspended at the learning site": ngettext("suspended at the learning site", "suspended at the learning site", 1),
        "an exception waits for an answer": _("an exception waits for an answer"),
        "not to be assigned": ngettext("not to be assigned", "not to be assigned", 1), "completed": _("completed"),
        "opens with the window": _("opens with the window"),
        "the certification is not live": _("the certification is not available"),
        "opens when the learner opens it": _("opens when the learner opens it"),
        "the sets before it are not done": _("the sets before it are not done"),
    }  # fmt: skip
    return str(words.get(text, ""))


def _include(text: str) -> str:
    return str({"below": _("Include all below"), "direct": _("Include direct team")}.get(text, ""))


def _account(text: str) -> str:
    return str({"active": _("Active"), "suspended": _("Suspended"), "deleted": _("Deleted")}.get(text, ""))


def _reason(text: str) -> str:
    """What Muster wrote as a reason; what somebody typed stays as it is."""
    return _exception(text) or (source_label(text) if text in _SOURCES else _held(text) if text != "exception" else "")


_BY_COLUMN: Mapping[str, Callable[[str], str]] = {
    "state": _state, "exception": _exception, "type": _exception, "assignment_type": _types, "assignment_types": _types,
    "what": what_words, "who": who_words, "want": _seat, "confirmed": _seat, "held": _held, "why_not": _why_not,
    "include": _include, "account_state": _account, "reason": _reason,
    "answer": action_words, "answered_by": lambda text: who_words("rule") if text == "by rule" else text,
    "event": lambda text: message_event_words().get(text, ""), "channel": lambda text: channel_words().get(text, ""),
    "progress": lambda text: progress_words(text) if _PROGRESS.fullmatch(text) else "",
}  # fmt: skip
