"""What every certification inherits until somebody changes it: for each event its text, moment and recipients.

A definition leaves out what it inherits; *reset to default* takes out again what was changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_DEAR = "Dear {recipient_name},\n\n"

TEXTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "assigned": (
            "You are enrolled in {certification_name}",
            _DEAR + "You are now enrolled in {certification_name}. Due date: {due_date}.\n\n{course_links}",
        ),
        "withdrawn": (
            "You are withdrawn from {certification_name}",
            _DEAR + "You are no longer enrolled in {certification_name}."
            " Your progress is kept and comes back on a new enrolment.",
        ),
        "due": (
            "{certification_name} is due on {due_date}",
            _DEAR + "Please complete {certification_name} by {due_date}.\n\n{course_links}",
        ),
        "overdue": (
            "{certification_name} is overdue",
            _DEAR + "{certification_name} was due on {due_date}.\n\n{course_links}",
        ),
        "due_changed": (
            "New due date for {certification_name}",
            _DEAR + "Your due date for {certification_name} is now {due_date}.",
        ),
        "completed": ("{certification_name} completed", _DEAR + "You have completed {certification_name}."),
        "window_open": (
            "Time to renew {certification_name}",
            _DEAR + "You can renew {certification_name} from now on, until {expiry_date}.\n\n{course_links}",
        ),
        "expiring": (
            "{certification_name} expires on {expiry_date}",
            _DEAR + "Your certification {certification_name} expires on {expiry_date}.\n\n{course_links}",
        ),
        "expired": (
            "{certification_name} has expired",
            _DEAR + "Your certification {certification_name} has expired.",
        ),
        "exception": (
            "{certification_name}: an exception waits for you",
            _DEAR + "An exception for {learner_name} in {certification_name} waits for an answer.",
        ),
    }
)
"""Subject and body where a definition gives none, as the learner herself reads them; the keys are the events, in the order
the page shows them."""

ABOUT: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "assigned": (
            "{learner_name} is enrolled in {certification_name}",
            _DEAR + "{learner_name} is now enrolled in {certification_name}. Due date: {due_date}.\n\n{course_links}",
        ),
        "withdrawn": (
            "{learner_name} is withdrawn from {certification_name}",
            _DEAR + "{learner_name} is no longer enrolled in {certification_name}."
            " Progress is kept and comes back on a new enrolment.",
        ),
        "due": (
            "{learner_name}: {certification_name} is due on {due_date}",
            _DEAR + "{learner_name} is to complete {certification_name} by {due_date}.\n\n{course_links}",
        ),
        "overdue": (
            "{learner_name}: {certification_name} is overdue",
            _DEAR + "{certification_name} was due on {due_date} for {learner_name}.\n\n{course_links}",
        ),
        "due_changed": (
            "{learner_name}: new due date for {certification_name}",
            _DEAR + "The due date of {certification_name} for {learner_name} is now {due_date}.",
        ),
        "completed": (
            "{learner_name}: {certification_name} completed",
            _DEAR + "{learner_name} has completed {certification_name}.",
        ),
        "window_open": (
            "{learner_name}: time to renew {certification_name}",
            _DEAR + "{learner_name} can renew {certification_name} from now on, until {expiry_date}.\n\n{course_links}",
        ),
        "expiring": (
            "{learner_name}: {certification_name} expires on {expiry_date}",
            _DEAR + "{certification_name} of {learner_name} expires on {expiry_date}.\n\n{course_links}",
        ),
        "expired": (
            "{learner_name}: {certification_name} has expired",
            _DEAR + "{certification_name} of {learner_name} has expired.",
        ),
        "exception": TEXTS["exception"],
    }
)
"""The same as anybody else reads them."""

_SETTINGS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "due": {"before": "7 days"},
        "overdue": {"after": "1 day", "to": ["learner", "managers"]},
        "expiring": {"before": "30 days"},
        "expired": {"to": ["learner", "managers"]},
        "exception": {"to": ["admins"]},
    }
)
BEFORE = ("due", "expiring")
"""Events that can be told of before they come."""


def inherited(when: str) -> dict[str, Any]:
    """The definition of an event as every certification inherits it, without its text."""
    return {"when": when, "to": ["learner"], **_SETTINGS.get(when, {})}


def text_of(one: Mapping[str, Any], *, herself: bool) -> tuple[str, str]:
    """Subject and body of a definition, inherited where it has none of its own.

    :param herself: as the learner reads them, not somebody else.
    """
    subject, body = (TEXTS if herself else ABOUT)[one["when"]]
    return str(one.get("subject") or subject), str(one.get("body") or body)


def shown_text(one: Mapping[str, Any]) -> tuple[str, str]:
    """The same as the page shows them: as the learner reads them, if it goes to her."""
    return text_of(one, herself="learner" in recipients(one))


def settings_of(one: Mapping[str, Any]) -> dict[str, Any]:
    """A definition without text and switch, its recipients said."""
    kept = {name: one[name] for name in ("when", "before", "after") if one.get(name)}
    return {**kept, "to": recipients(one)}


def recipients(one: Mapping[str, Any]) -> list[str]:
    """To whom it goes. An exception is never told to the learner, who is held back and sees nothing (DOMAIN 4.3)."""
    to = list(one.get("to") or ["learner"])
    if one["when"] == "exception":
        return [who for who in to if who != "learner"] or ["admins"]
    return to


def is_changed(one: Mapping[str, Any]) -> bool:
    """Whether a definition departs from what it inherits, but for being switched on or off."""
    return has_own_text(one) or settings_of(one) != settings_of(inherited(one["when"]))


def has_own_text(one: Mapping[str, Any]) -> bool:
    """Whether its subject or body is none of those that are inherited."""
    return not {"subject", "body"}.isdisjoint(trimmed(one))


def reset(one: Mapping[str, Any]) -> dict[str, Any]:
    """The definition as inherited; only its switch stays."""
    return {**inherited(one["when"]), **({"on": False} if one.get("on", True) is False else {})}


def trimmed(one: Mapping[str, Any]) -> dict[str, Any]:
    """A definition without the text it inherits anyway, so that a better default reaches it."""
    kept = {name: value for name, value in one.items() if name not in ("subject", "body")}
    for place, name in enumerate(("subject", "body")):
        own = one.get(name)
        if own and own not in (TEXTS[one["when"]][place], ABOUT[one["when"]][place]):
            kept[name] = own
    return kept
