"""Days and progress as lists show them: short, in the reader's language."""

from __future__ import annotations

from flask_babel import gettext as _

from plugin.core.days import moment_of
from plugin.web.frame.reader import reader_language
from plugin.web.frame.words import count


def plain_day(instant: int, zone: str) -> str:
    """The day of an instant in a zone, with its year, as lists show it."""
    return reader_language().day(moment_of(instant, zone).date(), "medium")


def iso_day(instant: int, zone: str) -> str:
    """The same as date fields take it."""
    return moment_of(instant, zone).date().isoformat()


def progress_words(text: str | None) -> str:
    """How far somebody is, from ``1 of 2``; a dash where there is nothing to do."""
    if not text:
        return "–"
    had, _of, needed = text.partition(" of ")
    return str(_("%(had)s of %(needed)s", had=count(int(had)), needed=count(int(needed))))
