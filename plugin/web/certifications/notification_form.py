"""The form of one notification: read, checked, and shown again as it was entered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.datastructures import MultiDict

from plugin.certifications.rules.placeholders import PLACEHOLDERS, unknown_placeholder
from plugin.core.days import ELAPSED_UNITS, parse_period
from plugin.core.errors import Invalid
from plugin.core.text.languages import all_codes, choose, is_language, is_offered, offered
from plugin.notifications.defaults import BEFORE, inherited, recipients, shown_text, trimmed
from plugin.web.frame.reader import reader_language

UNITS = ELAPSED_UNITS
WHO = ("learner", "managers", "admins")
LONGEST_SUBJECT, LONGEST_BODY = 500, 20_000


def trigger_words() -> dict[str, str]:
    """Events, as the pages call them."""
    return {
        "assigned": _("Learner assigned"), "withdrawn": _("Learner withdrawn"), "due": _("Due date"),
        "overdue": _("Overdue"), "due_changed": _("Due date changed"), "completed": _("Completed"),
        "window_open": _("Renewal opens"), "expiring": _("Expiring"), "expired": _("Expired"),
        "exception": _("Exception raised"),
    }  # fmt: skip


def message_event_words() -> dict[str, str]:
    """Events of messages: those of notifications, and what people set off by hand."""
    return {
        **trigger_words(), "reminder": _("Reminder"), "extension_asked": _("More time asked for"),
        "extension_granted": _("More time granted"), "extension_refused": _("More time refused"),
        "team_week": _("Weekly summary"),
    }  # fmt: skip


def placeholder_words() -> dict[str, str]:
    """What each placeholder says."""
    words = {
        "learner_name": _("Learner’s name"), "recipient_name": _("Recipient’s name"),
        "certification_name": _("Certification"), "due_date": _("Due date"), "expiry_date": _("Expiry date"),
        "course_links": _("Links to the courses"), "host_name": _("Learning site"),
    }  # fmt: skip
    return {name: words[name] for name in PLACEHOLDERS}


def period_words(period: str) -> str:
    """A stored length of time in the reader's words; one of months, from a draft of an earlier release, as it was written."""
    found = parse_period(period)
    words = {
        "hours": lambda n: ngettext("%(num)s hour", "%(num)s hours", n),
        "days": lambda n: ngettext("%(num)s day", "%(num)s days", n),
        "weeks": lambda n: ngettext("%(num)s week", "%(num)s weeks", n),
    }
    return str(words[found.unit](found.amount)) if found.unit in words else period


def shown(one: Mapping[str, Any]) -> dict[str, Any]:
    """A definition as its form shows it: ``amount``, ``unit``, ``side``, ``to``, ``subject``, ``body``, ``on``."""
    period = parse_period(one.get("before") or one.get("after") or "0 days")
    subject, body = shown_text(one, reader_language())
    return {
        "when": one["when"], "amount": period.amount, "unit": period.unit, "side": "before" if one.get("before") else "after",
        "to": recipients(one), "subject": subject, "body": body, "on": one.get("on", True),
        "texts": {code: {"subject": said.get("subject", ""), "body": said.get("body", "")}
                  for code, said in (one.get("texts") or {}).items()},
    }  # fmt: skip


def as_entered(when: str, form: MultiDict[str, str]) -> dict[str, Any]:
    """What was entered, unchecked, for showing it again."""
    return {
        "when": when, "amount": form.get("amount", "")[:10], "unit": form.get("unit", ""), "side": form.get("side", ""),
        "to": form.getlist("to"), "subject": form.get("subject", ""), "body": form.get("body", ""), "on": "on" in form,
        "texts": _texts(form) | _added(when, form),
    }  # fmt: skip


def language_words() -> dict[str, str]:
    """Languages that a text can be written in, in the reader's words; those of the pages first."""
    named = {code: reader_language().language_name(code) for code in all_codes()}
    pages = len(offered())
    codes = list(named)
    return {
        code: named[code] for code in (*codes[:pages], *sorted(codes[pages:], key=lambda code: named[code].casefold()))
    }


def _texts(form: MultiDict[str, str]) -> dict[str, dict[str, str]]:
    """What was entered for each language."""
    codes = [name.partition(".")[2] for name in form if name.startswith("subject.")]
    return {
        code: {"subject": form.get(f"subject.{code}", ""), "body": form.get(f"body.{code}", "")}
        for code in codes
        if is_language(code)
    }


def _added(when: str, form: MultiDict[str, str]) -> dict[str, dict[str, str]]:
    """A language that was asked for just now, with the inherited text where Muster has one in it."""
    code = form.get("language", "")
    if form.get("action") != "language" or not is_language(code) or f"subject.{code}" in form:
        return {}
    subject, body = shown_text({"when": when, "to": form.getlist("to") or ["learner"]}, choose([code]))
    return {code: {"subject": subject, "body": body} if is_offered(code) else {"subject": "", "body": ""}}


def entered(when: str, form: MultiDict[str, str]) -> dict[str, Any]:
    """The definition of a form; text that is inherited anyway is left out of it.

    :raises Invalid: naming what cannot be.
    """
    said = _checked({"subject": form.get("subject", ""), "body": form.get("body", "")})
    texts = {code: _checked(one) for code, one in _texts(form).items()}
    to = [who for who in WHO if who in form.getlist("to") and (when, who) != ("exception", "learner")]
    if not to:
        raise Invalid(_("Choose at least one recipient."))
    one: dict[str, Any] = {"when": when, **_offset(when, form), "to": to, **said, "texts": texts}
    if "on" not in form:
        one["on"] = False
    return trimmed(one)


def _checked(said: Mapping[str, str]) -> dict[str, str]:
    subject = " ".join(said["subject"].split())
    body = said["body"].replace("\r\n", "\n").strip()
    if len(subject) > LONGEST_SUBJECT or len(body) > LONGEST_BODY:
        raise Invalid(_("That is too long: a subject has at most 500 characters, a text 20,000."))
    for words in (subject, body):
        unknown = unknown_placeholder(words)
        if unknown is not None:
            raise Invalid(_("“%(word)s” is no placeholder. Insert one with the buttons below the text.", word=unknown))
    return {"subject": subject, "body": body}


def _offset(when: str, form: MultiDict[str, str]) -> dict[str, str]:
    amount, unit, side = form.get("amount", "").strip() or "0", form.get("unit", "days"), form.get("side", "after")
    try:
        period = parse_period(f"{amount} {unit}", UNITS)
    except ValueError as error:
        raise Invalid(str(error)) from None
    if not period.amount:
        return {}
    if side == "before" and when not in BEFORE:
        raise Invalid(_("This can only be told of when it happens, or after."))
    return {"before" if side == "before" else "after": str(period)}


def with_one(notifications: tuple[dict[str, Any], ...], which: int | None, one: dict[str, Any]) -> tuple[Any, ...]:
    """All definitions with this one in its place, or added."""
    if which is None:
        return (*notifications, one)
    return tuple(one if place == which else other for place, other in enumerate(notifications))


def fresh(when: str) -> dict[str, Any]:
    """What is offered where a certification has no definition of an event yet."""
    return inherited(when)
