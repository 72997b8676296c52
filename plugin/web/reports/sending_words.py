"""Words for what is sent, when, how, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _

from plugin.reports.sending.timing import WEEKDAYS, Timing

Badge = tuple[str, str]
"""Words and a tone."""


def weekday_words() -> list[tuple[str, str]]:
    """The days of the week, as they are stored and as they are read."""
    words = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"))
    return [(name, str(word)) for name, word in zip(WEEKDAYS, words, strict=True)]


def timing_words(timing: Timing) -> str:
    """When, in words."""
    if timing.every == "daily":
        return str(_("Every day at %(at)s", at=timing.at))
    if timing.every == "weekly":
        return str(_("Every week: %(day)s, %(at)s", day=dict(weekday_words())[timing.weekday], at=timing.at))
    if timing.every == "monthly":
        return str(_("Every month: day %(day)s, %(at)s", day=timing.day, at=timing.at))
    return str(
        _("Once, %(days)s days before %(date)s, at %(at)s", days=timing.days_before, date=timing.date, at=timing.at)
    )


def how_words(how: str, to: Sequence[str]) -> str:
    """Where it goes."""
    words = {"email": _("By e-mail"), "endpoint": _("To an endpoint"), "page": _("To Sent to me")}
    return f"{words[how]}: {', '.join(to)}" if to else str(words[how])


def state_words(state: str) -> Badge:
    """How a schedule stands."""
    words = {"active": (_("Active"), "good"), "paused": (_("Paused"), "warn"), "done": (_("Done"), "")}
    return str(words[state][0]), words[state][1]


def outcome_words(state: str) -> Badge:
    """What became of a sending, or of one letter."""
    words = {
        "owed": (_("Not sent yet"), ""), "begun": (_("Being sent"), ""), "retry": (_("Tried again soon"), "warn"),
        "sent": (_("Sent"), "good"), "partly": (_("Partly sent"), "warn"), "failed": (_("Failed"), "bad"),
        "refused": (_("Refused"), "bad"), "bounced": (_("Address refused"), "bad"), "maybe": (_("Maybe sent"), "warn"),
        "kept": (_("Lies under Sent to me"), "good"), "empty": (_("Empty, not sent"), ""), "stopped": (_("Stopped"), "warn"),
    }  # fmt: skip
    return str(words[state][0]), words[state][1]
