"""Due and expiry dates as a calendar file (RFC 5545)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from flask_babel import gettext as _

from plugin.core.days import moment_of
from plugin.web.mine.paths import LearnerCertification

_LINE = 75
"""Octets of a line; what is longer goes on in the next, after a blank."""


def written(standings: Sequence[LearnerCertification], now: int, zone: str, host_id: int) -> bytes:
    """The file: a whole day for each date, with a reminder a week before.

    Asked for again, each event has the same identity, so that calendars replace it.
    """
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Muster//Certifications//EN", "CALSCALE:GREGORIAN"]
    for one in standings:
        if one.date is not None:
            lines += _event(one, one.date, stamp, zone, host_id)
    return "".join(f"{part}\r\n" for line in [*lines, "END:VCALENDAR"] for part in _folded(line)).encode()


def _event(one: LearnerCertification, date: int, stamp: str, zone: str, host_id: int) -> list[str]:
    day = moment_of(date, zone).date()
    name = str(one.row["certification_name"])
    due = one.to_do and one.row["due"] is not None
    title = _("%(name)s is due", name=name) if due else _("%(name)s expires", name=name)
    kind = "due" if due else "expires"
    return [
        "BEGIN:VEVENT", f"UID:{kind}-{host_id}-{one.number}-{one.row['_person']}@muster", f"DTSTAMP:{stamp}",
        f"DTSTART;VALUE=DATE:{day:%Y%m%d}", f"DTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{_escaped(str(title))}", "TRANSP:TRANSPARENT", "BEGIN:VALARM", "ACTION:DISPLAY",
        f"DESCRIPTION:{_escaped(str(title))}", "TRIGGER:-P7D", "END:VALARM", "END:VEVENT",
    ]  # fmt: skip


def _escaped(text: str) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")


def _folded(line: str) -> Iterable[str]:
    part, size = "", 0
    for letter in line:
        width = len(letter.encode())
        if size + width > _LINE:
            yield part
            part, size = " ", 1
        part, size = part + letter, size + width
    yield part
