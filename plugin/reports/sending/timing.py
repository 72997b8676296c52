"""When a report goes out: daily, weekly, monthly, or once on a day before a date; in the host's zone."""

from __future__ import annotations

import datetime
import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any

from plugin.core.days import instant_of, local_day
from plugin.core.stamps import calendar_day
from plugin.reports.asking.unknown import RefusedReport, unknown

EVERY = ("daily", "weekly", "monthly", "before")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_MOST_BEFORE = 3_650


@dataclass(frozen=True)
class Timing:
    """When.

    :ivar every: ``daily``, ``weekly``, ``monthly`` or ``before`` (once). ``at``: the time of day, as ``06:00``.
    :ivar weekday: of a weekly one. ``day``: of a monthly one, 1 to 31; the last day of a month that is shorter.
    :ivar date: of one that goes out once, ``days_before`` days before it.
    """

    every: str = "weekly"
    at: str = "06:00"
    weekday: str = "monday"
    day: int = 1
    date: str = ""
    days_before: int = 1

    def stored(self) -> dict[str, Any]:
        """What tells it from others, without what its kind does not ask for."""
        more = {"daily": (), "weekly": ("weekday",), "monthly": ("day",), "before": ("date", "days_before")}[self.every]
        return {name: getattr(self, name) for name in ("every", "at", *more)}

    def following(self, after: int, zone: str) -> int | None:
        """The first instant after another at which it is due; ``None`` where there is none."""
        clock = self._clock
        today = local_day(after, zone)
        if self.every == "before":
            days = [datetime.date.fromisoformat(self.date) - timedelta(self.days_before)]
        elif self.every == "monthly":
            days = [self._in_month(today.year, today.month), self._in_month(*_month_after(today))]
        else:
            days = [today + timedelta(one) for one in range(9)]
            if self.every == "weekly":
                days = [one for one in days if one.weekday() == WEEKDAYS.index(self.weekday)]
        return next((at for at in (instant_of(one, clock, zone) for one in days) if at > after), None)

    def moved(self, at: int, before: str, zone: str) -> int | None:
        """The same day and time of day by the clocks of another zone; ``None`` for an instant that is none of its times.

        :param before: the zone that the instant was worked out in.
        """
        return instant_of(local_day(at, before), self._clock, zone) if self.following(at - 1, before) == at else None

    @property
    def _clock(self) -> time:
        hour, minute = self.at.split(":")
        return time(int(hour), int(minute))

    def _in_month(self, year: int, month: int) -> datetime.date:
        return datetime.date(year, month, min(self.day, monthrange(year, month)[1]))


def _month_after(day: datetime.date) -> tuple[int, int]:
    return (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)


def parse_timing(given: Mapping[str, Any]) -> Timing:
    """Read when a report is to go out.

    :raises Refused: for what is no such time.
    """
    every = str(given.get("every", "weekly"))
    if every not in EVERY:
        raise unknown("rhythm", every, EVERY)
    at = str(given.get("at") or "06:00")
    if not _TIME.fullmatch(at):
        raise RefusedReport(f"'{at}' is no time of day such as 06:00.")
    weekday = str(given.get("weekday") or "monday")
    if weekday not in WEEKDAYS:
        raise unknown("weekday", weekday, WEEKDAYS)
    day = _number(given.get("day", 1), 1, 31, "day of the month")
    before = _number(given.get("days_before", 1), 0, _MOST_BEFORE, "number of days")
    text = str(given.get("date") or "")
    if every == "before":
        try:
            calendar_day(text) - timedelta(before)
        except (ValueError, OverflowError):
            raise RefusedReport(f"'{text}' is no day such as 2027-03-31.") from None
    return Timing(every, at, weekday, day, text if every == "before" else "", before)


def _number(given: Any, low: int, high: int, what: str) -> int:
    text = str(given)
    if not (text.isascii() and text.isdigit() and len(text) < 6 and low <= int(text) <= high):
        raise RefusedReport(f"'{text[:20]}' is no {what} from {low} to {high}.")
    return int(text)
