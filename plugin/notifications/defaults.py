"""What every certification inherits until somebody changes it: for each event its text, moment and recipients.

A definition leaves out what it inherits; *reset to default* takes out again what was changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from plugin.core.text.languages import ReaderLanguage, choose, is_offered, offered
from plugin.core.text.stored import later
from plugin.notifications import personal

_DEAR = later("Dear {recipient_name},\n\n")

TEXTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "assigned": (
            later("You are enrolled in {certification_name}"),
            _DEAR + later("You are now enrolled in {certification_name}. Due date: {due_date}.\n\n{course_links}"),
        ),
        "withdrawn": (
            later("You are withdrawn from {certification_name}"),
            _DEAR
            + later(
                "You are no longer enrolled in {certification_name}."
                " Your progress is kept and comes back on a new enrolment."
            ),
        ),
        "due": (
            later("{certification_name} is due on {due_date}"),
            _DEAR + later("Please complete {certification_name} by {due_date}.\n\n{course_links}"),
        ),
        "overdue": (
            later("{certification_name} is overdue"),
            _DEAR + later("{certification_name} was due on {due_date}.\n\n{course_links}"),
        ),
        "due_changed": (
            later("New due date for {certification_name}"),
            _DEAR + later("Your due date for {certification_name} is now {due_date}."),
        ),
        "completed": (
            later("{certification_name} completed"),
            _DEAR + later("You have completed {certification_name}."),
        ),
        "window_open": (
            later("Time to renew {certification_name}"),
            _DEAR + later("You can renew {certification_name} from now on, until {expiry_date}.\n\n{course_links}"),
        ),
        "expiring": (
            later("{certification_name} expires on {expiry_date}"),
            _DEAR + later("Your certification {certification_name} expires on {expiry_date}.\n\n{course_links}"),
        ),
        "expired": (
            later("{certification_name} has expired"),
            _DEAR + later("Your certification {certification_name} has expired."),
        ),
        "exception": (
            later("{certification_name}: an exception waits for you"),
            _DEAR + later("An exception for {learner_name} in {certification_name} waits for an answer."),
        ),
    }
)
"""Subject and body where a definition gives none, as the learner herself reads them; the keys are the events, in the order
the page shows them."""

ABOUT: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "assigned": (
            later("{learner_name} is enrolled in {certification_name}"),
            _DEAR
            + later("{learner_name} is now enrolled in {certification_name}. Due date: {due_date}.\n\n{course_links}"),
        ),
        "withdrawn": (
            later("{learner_name} is withdrawn from {certification_name}"),
            _DEAR
            + later(
                "{learner_name} is no longer enrolled in {certification_name}."
                " Progress is kept and comes back on a new enrolment."
            ),
        ),
        "due": (
            later("{learner_name}: {certification_name} is due on {due_date}"),
            _DEAR + later("{learner_name} is to complete {certification_name} by {due_date}.\n\n{course_links}"),
        ),
        "overdue": (
            later("{learner_name}: {certification_name} is overdue"),
            _DEAR + later("{certification_name} was due on {due_date} for {learner_name}.\n\n{course_links}"),
        ),
        "due_changed": (
            later("{learner_name}: new due date for {certification_name}"),
            _DEAR + later("The due date of {certification_name} for {learner_name} is now {due_date}."),
        ),
        "completed": (
            later("{learner_name}: {certification_name} completed"),
            _DEAR + later("{learner_name} has completed {certification_name}."),
        ),
        "window_open": (
            later("{learner_name}: time to renew {certification_name}"),
            _DEAR
            + later(
                "{learner_name} can renew {certification_name} from now on, until {expiry_date}.\n\n{course_links}"
            ),
        ),
        "expiring": (
            later("{learner_name}: {certification_name} expires on {expiry_date}"),
            _DEAR + later("{certification_name} of {learner_name} expires on {expiry_date}.\n\n{course_links}"),
        ),
        "expired": (
            later("{learner_name}: {certification_name} has expired"),
            _DEAR + later("{certification_name} of {learner_name} has expired."),
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


def text_of(one: Mapping[str, Any], reader_language: ReaderLanguage, *, herself: bool) -> tuple[str, str]:
    """Subject and body of a definition: its own in this language, else its own, else what is inherited.

    A language with a text of its own is never mixed with the common one: what is missing of it is inherited.

    :param reader_language: the reader's language. :param herself: as the learner reads them, not somebody else.
    """
    when, language = one["when"], reader_language.locale.language
    subject, body = _told(
        *(personal.TEXTS[when] if when in personal.TEXTS else (TEXTS if herself else ABOUT)[when]), reader_language
    )
    said = (one.get("texts") or {}).get(language)
    own = (
        said
        if said and ((said.get("subject") and said.get("body")) or is_offered(language))
        else {**one, **(said or {})}
    )
    return str(own.get("subject") or subject), str(own.get("body") or body)


def _told(subject: str, body: str, reader_language: ReaderLanguage) -> tuple[str, str]:
    return reader_language.gettext(subject), reader_language.gettext(_DEAR) + reader_language.gettext(
        body.removeprefix(_DEAR)
    )


def shown_text(one: Mapping[str, Any], reader_language: ReaderLanguage) -> tuple[str, str]:
    """The same as the page shows them: as the learner reads them, if it goes to her."""
    return text_of(one, reader_language, herself="learner" in recipients(one))


def settings_of(one: Mapping[str, Any]) -> dict[str, Any]:
    """A definition without text and switch, its recipients said."""
    kept = {name: one[name] for name in ("when", "before", "after") if one.get(name)}
    return {**kept, "to": recipients(one)}


def recipients(one: Mapping[str, Any]) -> list[str]:
    """To whom it goes. An exception is never told to the learner, who is held back and sees nothing (rules 4.3)."""
    to = list(one.get("to") or ["learner"])
    if one["when"] == "exception":
        return [who for who in to if who != "learner"] or ["admins"]
    return to


def is_changed(one: Mapping[str, Any]) -> bool:
    """Whether a definition departs from what it inherits, but for being switched on or off."""
    return has_own_text(one) or settings_of(one) != settings_of(inherited(one["when"]))


def has_own_text(one: Mapping[str, Any]) -> bool:
    """Whether its subject or body is none of those that are inherited."""
    return not {"subject", "body", "texts"}.isdisjoint(trimmed(one))


def reset(one: Mapping[str, Any]) -> dict[str, Any]:
    """The definition as inherited; only its switch stays."""
    return {**inherited(one["when"]), **({"on": False} if one.get("on", True) is False else {})}


def trimmed(one: Mapping[str, Any]) -> dict[str, Any]:
    """A definition without the text it inherits anyway, so that a better default reaches it."""
    kept = {name: value for name, value in one.items() if name not in ("subject", "body", "texts")}
    kept |= _own(one, one["when"])
    texts = {language: _own(said, one["when"]) for language, said in (one.get("texts") or {}).items()}
    if any(texts.values()):
        kept["texts"] = {language: said for language, said in texts.items() if said}
    return kept


def _own(said: Mapping[str, Any], when: str) -> dict[str, Any]:
    """Subject and body, where there are any and they are not inherited."""
    named = enumerate(("subject", "body"))
    return {
        name: said[name] for place, name in named if said.get(name) and not _is_inherited(str(said[name]), when, place)
    }


def _is_inherited(own: str, when: str, place: int) -> bool:
    """Whether a text is the inherited one, in whatever language a page showed it."""
    texts = (TEXTS[when], ABOUT[when])
    if any(own == text[place] for text in texts):
        return True
    return any(own == _told(*text, choose([tag]))[place] for tag in offered() for text in texts)
