"""What delivery and drift are called on their pages."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import ngettext


def delivery_words() -> dict[str, str]:
    """Kinds and states of drift, wishes, and reasons for failures, by code."""
    return {
        "missing": _("Missing there"), "suspended": _("Suspended there"), "extra": _("Extra there"),
        "other": _("Made by others"), "asked": _("Waits for your answer"), "reasserted": _("Sent again"),
        "accepted": _("Left as it is"), "settled": _("Nothing to do"), "listed": _("Only listed"),
        "picked": _("Withdrawn because you picked it"), "in": _("Enrol"), "out": _("Remove"),
        "want-suspended": _("Suspend"), "refused": _("Refused for good"), "gone": _("The person or course is gone"),
        "retry": _("To be tried again"), "missing-answer": _("Left out of the answer"),
        "maybe": _("Perhaps sent"), "bounced": _("Bounced"), "wait": _("Down, slow or busy"), "locked": _("Access refused"),
        "garbled": _("Answer not understood"), "unfinished": _("A task that never ended"),
    }  # fmt: skip


def failure_words(word: str, count: int) -> str:
    """A reason of the tally, such as ``seats.refused``, with its number."""
    kind, _dot, reason = word.partition(".")
    said = delivery_words().get("missing-answer" if reason == "missing" else reason, reason)
    if kind == "calls":
        return ngettext("%(said)s: %(num)s call", "%(said)s: %(num)s calls", count, said=said)
    if kind == "scores":
        return ngettext("%(said)s: %(num)s result", "%(said)s: %(num)s results", count, said=said)
    if kind == "resets":
        return ngettext("%(said)s: %(num)s course begun anew", "%(said)s: %(num)s courses begun anew", count, said=said)
    if kind == "messages":
        return ngettext("%(said)s: %(num)s message", "%(said)s: %(num)s messages", count, said=said)
    return ngettext("%(said)s: %(num)s course place", "%(said)s: %(num)s course places", count, said=said)


def duration_words(seconds: int) -> str:
    """How long something will take, in words."""
    minutes, hours, days = -(-seconds // 60), seconds // 3600, seconds // 86400
    if days >= 2:
        return ngettext("about %(num)s day", "about %(num)s days", days)
    if hours >= 2:
        return ngettext("about %(num)s hour", "about %(num)s hours", hours)
    return ngettext("about %(num)s minute", "about %(num)s minutes", minutes)


def done_words(done: str) -> str:
    """What was just done, from ``retry:3``."""
    action, _colon, text = done.partition(":")
    if action not in ("retry", "dismiss") or not (text.isascii() and text.isdigit() and len(text) < 10):
        return ""
    if action == "retry":
        return ngettext("%(num)s course place is tried again.", "%(num)s course places are tried again.", int(text))
    return ngettext(
        "%(num)s course place stays as it is until something else is wanted.",
        "%(num)s course places stay as they are until something else is wanted.", int(text),
    )  # fmt: skip


def results_done_words(done: str) -> str:
    """What was just done to refused results, from ``retry:3``."""
    action, _colon, text = done.partition(":")
    if action not in ("retry", "dismiss") or not (text.isascii() and text.isdigit() and len(text) < 10):
        return ""
    if action == "retry":
        return ngettext("%(num)s result is reported again.", "%(num)s results are reported again.", int(text))
    return ngettext("%(num)s result is left unreported.", "%(num)s results are left unreported.", int(text))
