"""How long the other side asks us to wait before we call again (RFC 9110 §10.2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 24 * 3600
"""Seconds; whoever asks for more is asked again after these."""


def asked_to_wait(headers: Mapping[str, str], now: int) -> int | None:
    """The seconds of a ``Retry-After``: a number, or a date; ``None`` where it says neither.

    A date is measured by the clock of whoever wrote it, where the answer says what that shows: clocks differ.

    :param now: the true time.
    """
    value = (headers.get("Retry-After") or "").strip()
    if value.isascii() and value.isdigit():
        return min(int(value[:12]), LONGEST_WAIT)
    until, begun = _moment(value), _moment(headers.get("Date") or "")
    return None if until is None else min(max(0, until - (now if begun is None else begun)), LONGEST_WAIT)


def _moment(text: str) -> int | None:
    try:
        found = parsedate_to_datetime(text)
        return int((found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
