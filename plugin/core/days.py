"""Calendar arithmetic in a named time zone (rules 3.2, 3.3): days, months' ends, periods, instants.

Instants are epoch seconds in UTC. A wall clock time that happens twice (clocks go back) or never (clocks go
forward) has two readings; **the later one holds**, always: in a learner's favour, and the same for each caller.
Everything stays between the years 1 and 9999; what would leave that range stops at its edge.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from plugin.core.text.translate import gettext as _

DAY = 86_400
LATEST = 253_402_300_740
"""The last instant that is ever a result: 9999-12-31T23:59:00Z."""
EARLIEST = -62_135_510_400
"""The first instant that is read as a day: 0001-01-02T00:00:00Z (a day of room for zones west of UTC)."""

END_OF_DAY = time(23, 59)
REALISTIC_MARGIN_DAYS = 7
"""Days that a realistic date leaves over the minimum time (rules 4.4)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = _EPOCH.toordinal()
_SECONDS = {"hours": 3600, "days": DAY, "weeks": 7 * DAY}
_SHORTEST = {**_SECONDS, "months": 28 * DAY, "years": 365 * DAY}
_LONGEST = {**_SECONDS, "months": 31 * DAY, "years": 366 * DAY}
_MONTHS = {"months": 1, "years": 12}
CALENDAR_UNITS = ("days", "weeks", "months", "years")
ELAPSED_UNITS = ("hours", "days", "weeks")
ALL_UNITS = ("hours", *CALENDAR_UNITS)
_PERIOD = re.compile(r"([0-9]{1,6}) +([a-z]+)", re.ASCII)


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name.

    :raises ValueError: when there is no such zone, with a sentence.
    """
    refused = name in {"localtime", "posixrules", "Factory"} or name.startswith(("right/", "posix/"))
    try:
        if refused or not name or not name.isascii():
            raise ValueError(name)
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(_("'%(name)s' is not a time zone; write a name such as Europe/London.", name=name)) from None


def known_zone(name: str | None, otherwise: str) -> str:
    """``name`` when it is a zone, else ``otherwise``: what hosts tell about people may be empty or wrong."""
    if name is None:
        return otherwise
    try:
        zone_of(name)
    except ValueError:
        return otherwise
    return name


def moment_of(instant: int, zone: str) -> datetime:
    """The local date and time of an instant. Instants outside the years 1 to 9999 read as the nearest edge."""
    bounded = min(max(instant, EARLIEST), LATEST)
    try:
        return (_EPOCH + timedelta(seconds=bounded)).astimezone(zone_of(zone))
    except OverflowError:
        return datetime.combine(date.max, time(23, 59, 59), zone_of(zone))


def local_day(instant: int, zone: str) -> date:
    """The calendar day of an instant in ``zone``."""
    return moment_of(instant, zone).date()


def instant_of(day: date, at: time, zone: str) -> int:
    """Epoch seconds of a wall clock time in ``zone``; of two readings the later one. At most ``LATEST``."""
    wall = datetime.combine(day, at.replace(tzinfo=None, microsecond=0), zone_of(zone))
    readings = (int((wall.replace(fold=fold) - _EPOCH).total_seconds()) for fold in (0, 1))
    return min(max(readings), LATEST)


def end_of_day(day: date, zone: str) -> int:
    """23:59:00 of ``day`` in ``zone`` (rules 3.2).

    A day that the zone skipped altogether (Apia, 30 December 2011) ends with the day after it.
    """
    return instant_of(day, END_OF_DAY, zone)


def fixed_instant(day: date, at: time | None, zone: str) -> int:
    """The instant of a fixed date: with a time that time, without one 23:59:00 of the day (rules 3.2)."""
    return end_of_day(day, zone) if at is None else instant_of(day, at, zone)


def add_calendar(day: date, amount: int, unit: str) -> date:
    """``day`` plus ``amount`` (may be negative) days, weeks, months or years, clamped to the month's end.

    31 January + 1 month = 28 or 29 February; 29 February + 1 year = 28 February (rules 3.3). A result after
    the year 9999 is 31 December 9999, one before the year 1 is 1 January 1.

    :raises ValueError: for another unit.
    """
    if unit in _MONTHS:
        months = day.year * 12 + day.month - 1 + amount * _MONTHS[unit]
        year, month = divmod(months, 12)
        if not 1 <= year <= 9999:
            return date.max if amount > 0 else date.min
        return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
    if unit not in ("days", "weeks"):
        raise ValueError(f"'{unit}' is not a calendar unit; use days, weeks, months or years.")
    ordinal = day.toordinal() + amount * (7 if unit == "weeks" else 1)
    return date.fromordinal(min(max(ordinal, 1), date.max.toordinal()))


def epoch_day(day: date) -> int:
    """Days since 1 January 1970."""
    return day.toordinal() - _EPOCH_ORDINAL


def day_of_epoch(number: int) -> date:
    """The inverse of :func:`epoch_day`."""
    return date.fromordinal(number + _EPOCH_ORDINAL)


@dataclass(frozen=True)
class Period:
    """A length of time: ``amount`` of ``unit`` (``hours``, ``days``, ``weeks``, ``months`` or ``years``)."""

    amount: int
    unit: str

    @property
    def seconds(self) -> int:
        """Elapsed seconds.

        :raises ValueError: for months and years, which are not a fixed time.
        """
        if self.unit not in _SECONDS:
            raise ValueError(f"'{self}' is not a fixed length of time; use hours, days or weeks.")
        return self.amount * _SECONDS[self.unit]

    @property
    def shortest(self) -> int:
        """The fewest seconds it can last (a month has at least 28 days)."""
        return self.amount * _SHORTEST[self.unit]

    @property
    def longest(self) -> int:
        """The most seconds it can last (a month has at most 31 days)."""
        return self.amount * _LONGEST[self.unit]

    def fits_in(self, other: Period) -> bool:
        """Whether it is never longer than ``other``, on whatever day either starts."""
        if self.unit in _MONTHS and other.unit in _MONTHS:
            return self.amount * _MONTHS[self.unit] <= other.amount * _MONTHS[other.unit]
        return self.longest <= other.shortest

    def __str__(self) -> str:
        unit = self.unit.removesuffix("s") if self.amount == 1 else self.unit
        return f"{self.amount} {unit}"


def parse_period(value: object, units: Collection[str] = ALL_UNITS) -> Period:
    """A period from text such as ``1 year``, ``14 days`` or ``12 hours`` (AS-CODE).

    :param units: the units allowed here.
    :raises ValueError: with a sentence, when it is not a whole number from 0 to 999 (hours: 9,999) of one of them.
    """
    allowed = ", ".join(units)
    found = _PERIOD.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    if found is None:
        words = {"value": value, "allowed": allowed}
        raise ValueError(
            _("'%(value)s' is not a length of time; write a whole number and one of %(allowed)s.", **words)
        )
    amount, unit = int(found[1]), found[2].removesuffix("s") + "s"
    if unit not in units:
        raise ValueError(_("'%(value)s': the unit must be one of %(allowed)s.", value=value, allowed=allowed))
    most = 9999 if unit == "hours" else 999
    if amount > most:
        raise ValueError(_("'%(value)s': the number must be from 0 to %(most)s.", value=value, most=most))
    return Period(amount, unit)


def shift(instant: int, period: Period, zone: str, times: int = 1) -> int:
    """``instant`` plus ``times`` (may be negative) the period, at the same time of day in ``zone``.

    Days to years move the calendar day and keep the local time; hours are elapsed time.
    """
    if period.unit == "hours":
        return min(max(instant + times * period.seconds, EARLIEST), LATEST)
    local = moment_of(instant, zone)
    return instant_of(add_calendar(local.date(), times * period.amount, period.unit), local.time(), zone)


def realistic(now: int, minimum_seconds: int, host_zone: str) -> int:
    """The realistic due date: 23:59, host's zone, of the day of now + minimum time + 7 days (rules 4.4).

    :param minimum_seconds: minimum time of the learner's path, elapsed seconds.
    """
    return end_of_day(local_day(now + minimum_seconds + REALISTIC_MARGIN_DAYS * DAY, host_zone), host_zone)
