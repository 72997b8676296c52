"""What messages, their states and their ways are called on the pages."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import ngettext


def state_words_of_messages() -> dict[str, str]:
    """States by code."""
    return {
        "held": _("Held"), "maybe": _("Maybe sent"), "bounced": _("Bounced"), "parked": _("Refused"), "owed": _("To be sent"),
        "waiting": _("Waiting for a course"), "sending": _("Being sent"), "sent": _("Sent"), "cancelled": _("Not sent"),
    }  # fmt: skip


def channel_words() -> dict[str, str]:
    """Ways by code."""
    return {"host": _("Learning site"), "webhook": _("Webhook"), "mail": _("E-mail")}


def answered_words(done: str) -> str:
    """What was just done, from ``again:3``."""
    action, _colon, text = done.partition(":")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return ""
    number = int(text)
    words = {
        "again": lambda: ngettext("%(num)s message is sent again.", "%(num)s messages are sent again.", number),
        "dismiss": lambda: ngettext("%(num)s message is dismissed.", "%(num)s messages are dismissed.", number),
        "release": lambda: ngettext("%(num)s message is released.", "%(num)s messages are released.", number),
        "discard": lambda: ngettext("%(num)s message is discarded.", "%(num)s messages are discarded.", number),
    }
    return str(words[action]()) if action in words else ""
