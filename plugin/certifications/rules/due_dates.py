"""Due dates (rules 3): what an assignment's setting says, and the instant it means for a learner.

Three kinds of setting: none, fixed, and relative to an event. Reading and writing the form of AS-CODE, the
instant for one learner or for a million, and the words for a screen. Nothing here reads a clock or a database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import numpy as np
from flask_babel import gettext as _
from numpy.typing import NDArray

from plugin.certifications.rules.profile_dates import parse_profile_date
from plugin.core.days import (
    CALENDAR_UNITS,
    DAY,
    EARLIEST,
    LATEST,
    Period,
    add_calendar,
    day_of_epoch,
    end_of_day,
    epoch_day,
    fixed_instant,
    known_zone,
    local_day,
    parse_period,
    realistic,
    zone_of,
)
from plugin.core.errors import WrongParts

__all__ = [
    "EVENTS",
    "NO_DUE",
    "UNKNOWN",
    "AfterDue",
    "Due",
    "FixedDue",
    "NoDue",
    "Period",
    "add_calendar",
    "due_instant",
    "dump_due",
    "end_of_day",
    "fixed_instant",
    "parse_due",
    "parse_period",
    "parse_profile_date",
    "realistic",
    "relative_due",
]

EVENTS: Mapping[str, str | None] = {
    "first_login": None,
    "position_assigned": "position",
    "job_start": "position",
    "certification_completion": "certification",
    "course_completion": "course",
    "profile_date": "field",
    "enrolment": None,
}
"""The events a date may be relative to, and the key that names the item each needs (AS-CODE ``due``)."""

LEARNER = "learner"
"""As a zone: the end of the day where the learner is."""

UNKNOWN = np.iinfo(np.int64).min
"""In arrays of instants: not known."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DATE_TIME = re.compile(r"[0-9-]{10}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII)


@dataclass(frozen=True)
class NoDue:
    """No due date."""


@dataclass(frozen=True)
class FixedDue:
    """A date; ``at`` the local time (``None``: 23:59), ``zone`` its IANA name, ``learner``, or ``None``: host's."""

    day: date
    at: time | None = None
    zone: str | None = None


@dataclass(frozen=True)
class AfterDue:
    """``amount`` ``unit`` after ``event``; ``item`` is the id the event is about, where it needs one."""

    event: str
    amount: int
    unit: str
    item: str | None = None


Due = NoDue | FixedDue | AfterDue
NO_DUE = NoDue()


def parse_due(value: object) -> Due:
    """The setting from a ``due`` value of AS-CODE; dates may be text or what YAML made of them.

    :raises ValueError: with a sentence that says what is wrong.
    """
    if value == "none":
        return NO_DUE
    if isinstance(value, Mapping):
        if "fixed" in value and "after" not in value:
            return _parse_fixed(value)
        if "after" in value and "fixed" not in value:
            return _parse_after(value)
    raise ValueError("A due date is 'none', or has either 'fixed' or 'after'.")


def dump_due(due: Due) -> str | dict[str, str]:
    """The AS-CODE form of a setting; :func:`parse_due` gives the same setting back."""
    if isinstance(due, NoDue):
        return "none"
    if isinstance(due, FixedDue):
        text = due.day.isoformat()
        if due.at is not None:
            text += "T" + due.at.isoformat("seconds" if due.at.second else "minutes")
        return {"fixed": text} | ({} if due.zone is None else {"zone": due.zone})
    dumped = {"after": due.event, "add": str(Period(due.amount, due.unit))}
    key = EVENTS[due.event]
    return dumped | ({} if key is None or due.item is None else {key: due.item})


def due_instant(due: Due, base: int | None, host_zone: str, learner_zone: str | None = None) -> int | None:
    """The due date of one learner, or ``None``: no date, or the base is not known (rules 3.7 tells them apart).

    :param base: the instant of the event, for a relative setting; its calendar day is taken in the host's zone.
    :param learner_zone: the learner's zone; unknown or no zone counts as the host's.
    """
    if isinstance(due, FixedDue):
        zone = known_zone(learner_zone, host_zone) if due.zone == LEARNER else due.zone or host_zone
        return fixed_instant(due.day, due.at, zone)
    if isinstance(due, NoDue) or base is None:
        return None
    return end_of_day(add_calendar(local_day(base, host_zone), due.amount, due.unit), host_zone)


def relative_due(bases: NDArray[np.int64], amount: int, unit: str, host_zone: str) -> NDArray[np.int64]:
    """:func:`due_instant` of a relative setting for many bases at once; ``UNKNOWN`` stays ``UNKNOWN``.

    Each calendar day is reckoned once and looked up, so a million bases cost little more than their days.
    """
    result = np.full(bases.shape, UNKNOWN, dtype=np.int64)
    known = bases != UNKNOWN
    if not known.any():
        return result
    days = _local_days(np.clip(bases[known], EARLIEST, LATEST), host_zone)
    low = int(days.min())
    offsets = days - low
    table = np.zeros(int(offsets.max()) + 1, dtype=np.int64)
    for offset in np.flatnonzero(np.bincount(offsets)).tolist():
        table[offset] = end_of_day(add_calendar(day_of_epoch(low + offset), amount, unit), host_zone)
    result[known] = table[offsets]
    return result


def _parse_fixed(value: Mapping[object, object]) -> FixedDue:
    _only(value, {"fixed", "zone"})
    zone = value.get("zone")
    if zone is not None and not isinstance(zone, str):
        raise ValueError(_("'%(zone)s' is not a time zone; write a name such as Europe/London.", zone=zone))
    if zone is not None and zone != LEARNER:
        zone_of(zone)
    moment = _moment(value["fixed"])
    if not isinstance(moment, datetime):
        return FixedDue(_in_range(moment), None, zone)
    if zone == LEARNER:
        raise ValueError(_("A due date where the learner is has no time: write the date alone."))
    if moment.tzinfo is not None:
        if zone is not None:
            raise ValueError(_("The due date names an offset and a zone; leave one of them out."))
        try:
            moment, zone = moment.astimezone(UTC), "UTC"
        except OverflowError:
            raise ValueError(_range_sentence()) from None
    return FixedDue(_in_range(moment.date()), moment.time().replace(microsecond=0), zone)


def _moment(value: object) -> date | datetime:
    """A date or date-time from text or from what YAML read."""
    if isinstance(value, date):
        return value
    text = value.strip() if isinstance(value, str) else ""
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        if _DATE_TIME.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass  # such as 30 February: the sentence below says it
    raise ValueError(_("'%(value)s' is not a date; write it like 2027-03-31 or 2027-03-31T17:00.", value=value))


def _in_range(day: date) -> date:
    if day.year < 1970:
        raise ValueError(_range_sentence())
    return day


def _range_sentence() -> str:
    return str(_("A due date must be from 1970 to 9999."))


def _parse_after(value: Mapping[object, object]) -> AfterDue:
    event = value["after"]
    if not isinstance(event, str) or event not in EVENTS:
        raise ValueError(f"'{event}' is not an event; use one of {', '.join(EVENTS)}.")
    key = EVENTS[event]
    _only(value, {"after", "add"} | ({key} if key else set()))
    if "add" not in value:
        raise ValueError(_("A due date after %(event)s needs 'add', such as '30 days'.", event=event))
    period = parse_period(value["add"], CALENDAR_UNITS)
    item = value.get(key) if key else None
    if key and (not isinstance(item, str | int) or isinstance(item, bool) or not str(item).strip()):
        raise ValueError(_("A due date after %(event)s needs '%(key)s'.", event=event, key=key))
    host_s = key in ("position", "course")  # an id of the host's: outer blanks are part of it
    item = None if item is None else str(item) if host_s else str(item).strip()
    return AfterDue(event, period.amount, period.unit, item)


def _only(value: Mapping[object, object], keys: set[str]) -> None:
    extra = [str(key) for key in value if key not in keys]
    if extra:
        raise WrongParts(*(((one,), f"'{one}' does not belong to this kind of due date.") for one in extra))


def _local_days(bases: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """Epoch days in ``zone``. A UTC day with one offset throughout is sums; the rare others go one by one."""
    utc_days = bases // DAY
    low = int(utc_days.min())
    rows = utc_days - low
    shifts = np.full(int(rows.max()) + 1, UNKNOWN, dtype=np.int64)
    for row in np.flatnonzero(np.bincount(rows)).tolist():
        offset = _offset_throughout(low + row, zone)
        if offset is not None:
            shifts[row] = offset
    shift = shifts[rows]
    regular = shift != UNKNOWN
    days = np.empty_like(bases)
    days[regular] = (bases[regular] + shift[regular]) // DAY
    instants, where = np.unique(bases[~regular], return_inverse=True)
    single = [epoch_day(local_day(instant, zone)) for instant in instants.tolist()]
    days[~regular] = np.array(single, dtype=np.int64)[where]
    return days


def _offset_throughout(utc_day: int, zone: str) -> int | None:
    """Seconds east of UTC when they are the same at both ends of that UTC day, else ``None``."""
    start = utc_day * DAY
    if not EARLIEST < start < LATEST - 2 * DAY:
        return None
    offsets = {datetime.fromtimestamp(instant, zone_of(zone)).utcoffset() for instant in (start, start + DAY - 1)}
    offset = offsets.pop()
    return None if offsets or offset is None else int(offset.total_seconds())
