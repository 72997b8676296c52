"""Dates that people typed into profile fields, in whatever form the host hands them over (rules 3.2)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from plugin.core.days import LATEST, instant_of

EARLIEST_YEAR = 1901
"""Nobody alive has an earlier date, and formats that name no year give 1900."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_profile_date(text: object, declared_format: str | None, zone: str) -> int | None:
    """The instant that the value of a profile field means, or ``None`` when it means none.

    Read in this order: the connection's declared ``strptime`` format, a Unix time (all digits, or a number), an
    ISO 8601 date or date-time. A date alone, and a time without an offset, are in ``zone`` (the host's); a date alone
    is its midnight. Unix time 0 is how hosts write "not set". Milliseconds, negative numbers and years outside 1901
    to 9999 are not dates. Never raises.
    """
    if isinstance(text, float) and text.is_integer():
        text = int(text)
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text) if 0 < text <= LATEST else ""
    if not isinstance(text, str):
        return None
    value = text.strip()
    if declared_format is not None:
        declared = _declared(value, declared_format)
        if declared is not None:
            return _instant(declared, zone)
    if value.isascii() and value.isdigit():
        return _unix(value)
    try:
        return _instant(datetime.fromisoformat(value), zone)
    except ValueError:
        return None


def _declared(value: str, declared_format: str) -> datetime | None:
    try:
        return datetime.strptime(value, declared_format)  # noqa: DTZ007 - the zone is applied by the caller
    except (ValueError, OverflowError, IndexError, re.error):
        return None


def _unix(digits: str) -> int | None:
    if len(digits) > 20:
        return None
    seconds = int(digits)
    return seconds if 0 < seconds <= LATEST else None


def _instant(moment: datetime, zone: str) -> int | None:
    """Epoch seconds of a date-time, in ``zone`` unless it has an offset; fractions of a second are dropped."""
    if moment.year < EARLIEST_YEAR:
        return None
    if moment.tzinfo is None:
        return instant_of(moment.date(), moment.time(), zone)
    return min(int((moment - _EPOCH).total_seconds() // 1), LATEST)
