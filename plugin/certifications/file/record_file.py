"""A file of imported records (rules 7.6): CSV of who is certified since when until when. Read, nothing written.

A file is read as a whole or refused with a sentence; what is wrong with one line is said of that line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from flask_babel import gettext as _

from plugin.core.days import LATEST, end_of_day, instant_of
from plugin.core.errors import Invalid
from plugin.core.text.table_files import read_rows

MOST_LINES = 50_000
MOST_BYTES = 20 * 1024 * 1024
ORDERS = ("", "dmy", "mdy")
"""How dates such as 03/04/2026 are written: not said, day first, month first."""

_PERSON = ("id", "person", "personid", "userid", "user", "learner", "learnerid", "username", "login", "email",
           "emailaddress", "mail", "number", "idnumber", "employeenumber", "employeeid", "staffnumber")  # fmt: skip
_SINCE = ("since", "certifiedsince", "certified", "certifiedon", "certifiedat", "datecertified", "certificationdate",
          "completed", "completedon", "completiondate", "datecompleted", "issued", "issuedon", "issuedate", "from",
          "validfrom")  # fmt: skip
_UNTIL = ("until", "certifieduntil", "validuntil", "expires", "expireson", "expiresat", "expiry", "expirydate",
          "expirationdate", "dateexpires", "validto", "to")  # fmt: skip
_TIMED = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?", re.ASCII
)
_COMPACT = re.compile(r"[0-9]{8}|[0-9]{4}-?W[0-9]{2}-?[0-9]", re.ASCII)
"""The forms of ISO 8601 without separators, and weeks."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBERS = re.compile(r"(\d{1,4})([/.-])(\d{1,2})\2(\d{1,4})")
_EARLIEST_YEAR = 1901
_CELL = 255


@dataclass(frozen=True)
class When:
    """A date of the file. ``instant``: epoch seconds; ``day``: it is a day alone, which lasts to its end."""

    instant: int
    day: date | None = None


@dataclass(frozen=True)
class RecordLine:
    """One line. ``number`` counts from 1 for the heading, as editors do; ``problem`` says why it cannot be read."""

    number: int
    person: str
    since_text: str = ""
    until_text: str = ""
    since: When | None = None
    until: When | None = None
    problem: str = ""


@dataclass(frozen=True)
class RecordFile:
    """The lines in order, and the headings of columns that nothing was taken from."""

    lines: tuple[RecordLine, ...]
    unused: tuple[str, ...]


def read_records(text: str, zone: str, order: str = "") -> RecordFile:
    """Read the lines of a file. Separators may be commas, semicolons or tabs; empty lines are passed over.

    :param zone: the host's; days are its days. :param order: one of :data:`ORDERS`.
    :raises Invalid: without a heading that names the person and since when, or with no or too many lines.
    """
    if order not in ORDERS:
        raise Invalid(_("Say how dates are written: day first or month first."))
    rows = read_rows(text, MOST_LINES + 1)
    if not rows:
        raise Invalid(_("The file is empty."))
    (_number, heading), *rest = rows
    person, since, until = _columns(heading)
    if not rest:
        raise Invalid(_("The file has a heading and no line under it."))
    if len(rest) > MOST_LINES:
        raise Invalid(_("The file has more than 50,000 lines. Split it."))
    lines = tuple(
        _line(number, _cell(row, person), _cell(row, since), _cell(row, until), zone, order) for number, row in rest
    )
    used = {person, since, until}
    return RecordFile(lines, tuple(name for at, name in enumerate(heading) if at not in used and name))


def _cell(row: Sequence[str], at: int | None) -> str:
    return row[at] if at is not None and at < len(row) else ""


def _columns(heading: Sequence[str]) -> tuple[int, int, int | None]:
    """The places of the three columns."""
    names = ["".join(one for one in cell.casefold() if one.isalnum()) for cell in heading]
    found: list[int | None] = []
    for kind, known in (("person", _PERSON), ("since", _SINCE), ("until", _UNTIL)):
        places = [at for at, name in enumerate(names) if name in known]
        if kind != "person" and len(places) > 1:
            raise Invalid(
                _(
                    "The columns '%(first)s' and '%(second)s' say the same thing: leave one out.",
                    first=heading[places[0]][:60],
                    second=heading[places[1]][:60],
                )
            )
        # Of several that name the person the most exact one is taken: her id before her address.
        found.append(min(places, key=lambda at: known.index(names[at])) if places else None)
    person, since, until = found
    if person is None or since is None:
        raise Invalid(
            _("The first line must name the columns: person, since and, where it is known, until.")
            + " "
            + _("Here it reads: %(heading)s", heading=", ".join(heading)[:120])
        )
    return person, since, until


def _line(number: int, person: str, since: str, until: str, zone: str, order: str) -> RecordLine:
    line = RecordLine(number, person[:_CELL], since[:_CELL], until[:_CELL])
    wrong: list[str] = []
    if not person:
        wrong.append(_("No person is named."))
    if len(person) > _CELL:
        wrong.append(_("That is too long for a person."))
    if not since:
        wrong.append(_("It does not say since when."))
    found: list[When | None] = []
    for text in (since, until):
        try:
            found.append(read_when(text, zone, order) if text else None)
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        return RecordLine(line.number, line.person, line.since_text, line.until_text, problem=" ".join(map(str, wrong)))
    return RecordLine(line.number, line.person, line.since_text, line.until_text, found[0], found[1])


def read_when(text: str, zone: str, order: str = "") -> When:
    """A date, or a date and time: ``2026-03-31``, ``2026-03-31T17:00Z``, ``31.03.2026``, ``31/03/2026``.

    A day alone lasts to 23:59 in ``zone``, as every day does (rules 3.2).

    :raises ValueError: with a sentence, for anything else and for what could be read in two ways.
    """
    found = _NUMBERS.fullmatch(text)
    if found is not None:
        day = _day(text, int(found[1]), found[2], int(found[3]), int(found[4]), order, found)
        return When(end_of_day(_known(text, day), zone), day)
    try:
        if _COMPACT.fullmatch(text):
            day = date.fromisoformat(text)
            return When(end_of_day(_known(text, day), zone), day)
        if _TIMED.fullmatch(text) is None:
            raise ValueError(text)
        moment = datetime.fromisoformat(text.replace("z", "Z"))
    except ValueError:
        raise ValueError(_("'%(text)s' is not a date such as 2026-03-31.", text=text[:40])) from None
    _known(text, moment.date())
    if moment.tzinfo is None:
        return When(instant_of(moment.date(), moment.time(), zone))
    return When(min(int((moment - _EPOCH).total_seconds() // 1), LATEST))


def _day(text: str, first: int, mark: str, second: int, third: int, order: str, found: re.Match[str]) -> date:
    if len(found[1]) == 4:
        year, month, day = first, second, third
    elif len(found[4]) != 4:
        raise ValueError(_("'%(text)s': write the year with four digits.", text=text))
    elif order == "mdy":
        year, month, day = third, first, second
    elif order == "dmy" or mark == "." or first > 12:
        year, month, day = third, second, first
    elif second > 12 or first == second:
        year, month, day = third, first, second
    else:
        raise ValueError(
            _("'%(text)s' can be read in two ways: say whether the day or the month comes first.", text=text)
        )
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(_("'%(text)s': there is no such day.", text=text)) from None


def _known(text: str, day: date) -> date:
    if day.year < _EARLIEST_YEAR:
        raise ValueError(_("'%(text)s' is too long ago.", text=text[:40]))
    return day
