"""Dates and times as other systems write them: read to the letter or refused, never bent into another moment."""

from __future__ import annotations

import re
from datetime import date, time

from plugin.core.days import DAY, EARLIEST, LATEST, epoch_day, fixed_instant

_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_OFFSET = r"(?:(?P<utc>[Zz])|(?P<sign>[+-])(?P<hours>\d\d):(?P<minutes>\d\d))"
_TIMED = re.compile(
    rf"(?P<day>\d{{4}}-\d\d-\d\d)[Tt](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.\d+)?)?{_OFFSET}", re.ASCII
)
_DAY_AT = re.compile(rf"(?P<day>\d{{4}}-\d\d-\d\d){_OFFSET}", re.ASCII)
NEVER = DAY
"""Instants up to here are how systems write "never": Unix time 0, the year 1, in whatever zone."""


def calendar_day(text: str) -> date:
    """``2027-03-31``.

    :raises ValueError: for anything else.
    """
    found = _DAY.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return date(*map(int, found.groups()))


def timestamp(text: str) -> int:
    """RFC 3339 with a zone to epoch seconds; seconds may be left out, second 60 is the first of the next minute.

    :raises ValueError: for anything else.
    """
    found = _TIMED.fullmatch(text)
    if found is None:
        raise ValueError(text)
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError(text)
    reached = epoch_day(calendar_day(found["day"])) * DAY + hour * 3600 + minute * 60 + second
    return _bounded(reached - _seconds_east(found))


def instant(text: str, zone: str, *, day_after: bool = False) -> int:
    """A time, or a day: its first second in ``zone``, or where it names an offset (``2027-03-31+01:00``) there.

    :param day_after: a day means the first second of the next one (an inclusive end, rules 2.1).
    :raises ValueError: for anything else.
    """
    if _DAY.fullmatch(text):
        day = calendar_day(text)
        if not day_after:
            return fixed_instant(day, time(0), zone)
        return LATEST if day == date.max else fixed_instant(date.fromordinal(day.toordinal() + 1), time(0), zone)
    found = _DAY_AT.fullmatch(text)
    if found is None:
        return timestamp(text)
    return _bounded((epoch_day(calendar_day(found["day"])) + day_after) * DAY - _seconds_east(found))


def _seconds_east(found: re.Match[str]) -> int:
    if found["utc"]:
        return 0
    hours, minutes = int(found["hours"]), int(found["minutes"])
    if hours > 23 or minutes > 59:
        raise ValueError(found[0])
    return (hours * 3600 + minutes * 60) * (-1 if found["sign"] == "-" else 1)


def _bounded(seconds: int) -> int:
    return min(max(seconds, EARLIEST), LATEST)
