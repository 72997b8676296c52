"""A due date setting in words, for screens and messages (rules 3.2: the zone is shown, always)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from plugin.certifications.rules.due_dates import AfterDue, Due, FixedDue
from plugin.core.days import END_OF_DAY

Gettext = Callable[[str], str]
Ngettext = Callable[[str, str, int], str]

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def _as_written(message: str) -> str:
    return message


def _as_counted(singular: str, plural: str, count: int) -> str:
    return singular if count == 1 else plural


def british_day(day: date) -> str:
    """``31 March 2027``."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def in_words(
    due: Due,
    host_zone: str,
    *,
    gettext: Gettext = _as_written,
    ngettext: Ngettext = _as_counted,
    format_day: Callable[[date], str] = british_day,
    item_name: str | None = None,
) -> str:
    """One line without a full stop, such as ``Complete by 31 March 2027, 23:59 (Europe/London)``.

    :param gettext: translates one message. :param ngettext: translates a counted one.
    :param format_day: writes a date in the reader's language.
    :param item_name: the name of the event's item; without it its id is shown.
    """
    if isinstance(due, AfterDue):
        item = item_name or due.item or ""
        return _after(due.event, gettext) % {"period": _length(due, ngettext), "item": item}
    if not isinstance(due, FixedDue):
        return gettext("No due date")
    day = format_day(due.day)
    if due.zone == "learner":
        return gettext("Complete by the end of %(day)s where the learner is") % {"day": day}
    at = (due.at or END_OF_DAY).isoformat("seconds" if due.at and due.at.second else "minutes")
    return gettext("Complete by %(day)s, %(time)s (%(zone)s)") % {
        "day": day,
        "time": at,
        "zone": due.zone or host_zone,
    }


def _after(event: str, gettext: Gettext) -> str:
    """The translated line of an event; written out one by one so that translators find each."""
    lines = {
        "first_login": lambda: gettext("%(period)s after first login"),
        "position_assigned": lambda: gettext("%(period)s after being given the position “%(item)s”"),
        "job_start": lambda: gettext("%(period)s after the job in the position “%(item)s” starts"),
        "certification_completion": lambda: gettext("%(period)s after completion of “%(item)s”"),
        "course_completion": lambda: gettext("%(period)s after completion of the course “%(item)s”"),
        "profile_date": lambda: gettext("%(period)s after the date in the profile field “%(item)s”"),
        "enrolment": lambda: gettext("%(period)s after enrolment"),
    }
    return lines[event]()


def _length(due: AfterDue, ngettext: Ngettext) -> str:
    count = due.amount
    counted = {
        "days": lambda: ngettext("%(num)d day", "%(num)d days", count),
        "weeks": lambda: ngettext("%(num)d week", "%(num)d weeks", count),
        "months": lambda: ngettext("%(num)d month", "%(num)d months", count),
        "years": lambda: ngettext("%(num)d year", "%(num)d years", count),
    }
    return counted[due.unit]() % {"num": count}
