"""Placeholders of message texts: which there are, and refusing what nothing would fill (rules 8.1)."""

from __future__ import annotations

import re

from flask_babel import gettext as _

PLACEHOLDERS = (
    "learner_name", "recipient_name", "certification_name", "due_date", "expiry_date", "course_links", "host_name",
)  # fmt: skip
_BRACES = re.compile(r"\{([^{}\n]{0,80})\}")


def unknown_placeholder(words: str) -> str | None:
    """The first thing in braces that is no placeholder, with its braces."""
    return next((found[0] for found in _BRACES.finditer(words) if found[1] not in PLACEHOLDERS), None)


def sentence_about(unknown: str) -> str:
    """What to say about it."""
    known = ", ".join("{" + one + "}" for one in PLACEHOLDERS)
    return str(_("'%(unknown)s' is no placeholder; use %(known)s.", unknown=unknown, known=known))
