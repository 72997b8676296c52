"""Dates as they are written in files: one format a column, decided over the whole file or declared (SOURCES 4.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from plugin.hosts.csv.headings import folded

_MONTHS: dict[str, int] = {}
for _number, _names in enumerate(
    (
        "jan january januar janner janvier janv enero ene", "feb february februar fevrier fevr fev febrero",
        "mar march marz mrz maerz mars marzo", "apr april avril avr abril abr", "may mai mayo",
        "jun june juni juin junio", "jul july juli juillet juil julio", "aug august aout agosto ago",
        "sep sept september septembre septiembre set", "oct october oktober okt octobre octubre",
        "nov november novembre noviembre", "dec december dezember dez decembre diciembre dic",
    ), 1,
):  # fmt: skip
    _MONTHS.update(dict.fromkeys(_names.split(), _number))

_SERIAL_BASE = date(1899, 12, 30)
_TIME = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm]|Z|[+-]\d{2}:?\d{2})?)?"
_ISO = re.compile(rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){_TIME}")
_BARE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_NUMBERS = {sign: re.compile(rf"(\d{{1,2}})\{sign}(\d{{1,2}})\{sign}(\d{{4}}|\d{{2}}){_TIME}") for sign in "./-"}
_NAMED = re.compile(rf"(\d{{1,2}})[-. /]+([^\W\d_]+)[-. /,]+(\d{{4}}|\d{{2}}){_TIME}")
_SERIAL = re.compile(r"(\d{4,7})(?:[.,]\d+)?")
NO_END = "9999-12-31"
"""What far dates become; in an ``end`` they mean none."""
_HOUR = re.compile(r"[T ](\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?(?: ?([AaPp])[Mm])?")
_YEAR_99 = re.compile(r"(?<!\d)99(?!\d)")


def _made(year: str, month: int, day: int) -> date | None:
    number = int(year)
    if len(year) == 2:
        number += 2000 if number < 70 else 1900
    try:
        made = date(number, month, day)
    except ValueError:
        return None
    return made if made.year >= 1900 else None


def _iso(text: str) -> date | None:
    found = _ISO.fullmatch(text)
    return _made(found[1], int(found[2]), int(found[3])) if found else None


def _bare(text: str) -> date | None:
    found = _BARE.fullmatch(text)
    return _made(found[1], int(found[2]), int(found[3])) if found else None


def _numbers(sign: str, *, day_first: bool) -> Callable[[str], date | None]:
    pattern = _NUMBERS[sign]

    def read(text: str) -> date | None:
        found = pattern.fullmatch(text)
        if found is None:
            return None
        day, month = (int(found[1]), int(found[2])) if day_first else (int(found[2]), int(found[1]))
        return _made(found[3], month, day)

    return read


def _named(text: str) -> date | None:
    found = _NAMED.fullmatch(text)
    month = _MONTHS.get(folded(found[2])) if found else None
    return _made(found[3], month, int(found[1])) if found and month else None


def _serial(text: str) -> date | None:
    found = _SERIAL.fullmatch(text)
    if found is None or not 3_000 <= int(found[1]) <= 2_958_465:
        return None
    return _SERIAL_BASE + timedelta(days=int(found[1]))


READERS: Mapping[str, Callable[[str], date | None]] = {
    "yyyy-mm-dd": _iso,
    "dd.mm.yyyy": _numbers(".", day_first=True),
    "mm.dd.yyyy": _numbers(".", day_first=False),
    "dd/mm/yyyy": _numbers("/", day_first=True),
    "mm/dd/yyyy": _numbers("/", day_first=False),
    "dd-mm-yyyy": _numbers("-", day_first=True),
    "mm-dd-yyyy": _numbers("-", day_first=False),
    "d-MMM-yy": _named,
    "yyyymmdd": _bare,
    "serial": _serial,
}
_ALONE = tuple(name for name in READERS if name != "mm.dd.yyyy")
"""Formats that are considered where none is declared: nobody writes the month before the day with full stops."""
_SAME = {
    "dd.mm.yy": "dd.mm.yyyy", "d.m.yyyy": "dd.mm.yyyy", "d.m.yy": "dd.mm.yyyy", "dd/mm/yy": "dd/mm/yyyy",
    "d/m/yyyy": "dd/mm/yyyy", "mm/dd/yy": "mm/dd/yyyy", "m/d/yyyy": "mm/dd/yyyy", "m/d/yy": "mm/dd/yyyy",
    "dd-mm-yy": "dd-mm-yyyy", "d-m-yyyy": "dd-mm-yyyy", "d-mmm-yy": "d-MMM-yy", "dd-mmm-yy": "d-MMM-yy",
    "dd-mmm-yyyy": "d-MMM-yy", "d-mmm-yyyy": "d-MMM-yy", "iso": "yyyy-mm-dd", "excel": "serial", "number": "serial",
    "yyyy/mm/dd": "yyyy-mm-dd", "yyyy.mm.dd": "yyyy-mm-dd", "t.m.jjjj": "dd.mm.yyyy", "tt.mm.jjjj": "dd.mm.yyyy",
}  # fmt: skip


def format_named(text: str) -> str | None:
    """The format somebody declares; ``None`` for one we cannot read."""
    plain = text.strip()
    if plain in READERS:
        return plain
    lower = plain.lower()
    return lower if lower in READERS else _SAME.get(lower)


def is_none(text: str) -> bool:
    """Whether a date of zeros alone stands there, as programs write one that nobody entered: ``00.00.0000``."""
    return "0" in text and not text.strip("0./-: T")


@dataclass(frozen=True)
class Ambiguous(Exception):
    """A column whose dates can be read in two ways; the sentence says which value."""

    why: str


def decide(values: Iterable[str]) -> str | None:
    """The one format of a column, from all its values; ``None`` where there is no value.

    Where some values fit no format, they are left to be refused row by row.

    :raises Ambiguous: where two formats fit and mean different days, or some values prove one and some another.
    """
    listed = [value for value in values if value and not is_none(value)]
    if not listed:
        return None
    fits = {name: {value for value in listed if READERS[name](value) is not None} for name in _ALONE}
    most = max(len(fitting) for fitting in fits.values())
    if not most:
        return "yyyy-mm-dd"
    for first, second in (("dd/mm/yyyy", "mm/dd/yyyy"), ("dd-mm-yyyy", "mm-dd-yyyy")):
        _check_pair(fits, first, second, most)
    return next(name for name in _ALONE if len(fits[name]) == most)


def _check_pair(fits: Mapping[str, set[str]], first: str, second: str, most: int) -> None:
    if max(len(fits[first]), len(fits[second])) < most or not fits[first] | fits[second]:
        return
    days, months = sorted(fits[first] - fits[second]), sorted(fits[second] - fits[first])
    if days and months:
        raise Ambiguous(f"'{days[0]}' has the day first and '{months[0]}' the month")
    if not days and not months:
        different = sorted(value for value in fits[first] if READERS[first](value) != READERS[second](value))
        if different:
            raise Ambiguous(f"'{different[0]}' may be {first} or {second}")


def read_day(text: str, form: str, *, ends: bool = False) -> str | None:
    """A day as ``YYYY-MM-DD``; ``None`` where it does not fit. Whatever means "never" becomes :data:`NO_END`.

    :param ends: it is the end of something, where the year 99 means never too (SOURCES 4.2).
    """
    found = READERS[form](text)
    if found is None:
        return None
    never = found.year >= 9999 or (ends and form != "serial" and found.year == 1999 and bool(_YEAR_99.search(text)))
    return NO_END if never else found.isoformat()


def read_time(text: str, form: str) -> str:
    """When a file was made, such that later sorts behind earlier: its day, then the hour where one is written."""
    day = read_day(text, form)
    if day is None:
        return text
    hour = _HOUR.search(text)
    if hour is None:
        return day
    at = int(hour[1]) if hour[4] is None else int(hour[1]) % 12 + (12 if hour[4] in "Pp" else 0)
    return f"{day} {at:02}:{hour[2]}:{hour[3] or '00'}"
