"""Languages: which catalogues are whole, which of them a reader is given, and how they write numbers, dates and lists (CLDR).

Catalogues are read from ``translations/<language>/LC_MESSAGES/messages.po`` when a language is first asked for. A
catalogue that lacks a message of ``messages.pot`` is not offered: nobody gets a page that is half in one language.
"""

from __future__ import annotations

import io
import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # commands that show no words start without Babel
    from babel import Locale
    from babel.messages import Catalog, Message
    from babel.support import NullTranslations

FOLDER = Path(__file__).parents[2] / "translations"
SOURCE = "en"
"""The language of the messages themselves, as written in Britain."""
_SUBTAG = re.compile(r"[A-Za-z]{2,3}", re.ASCII)


@dataclass(frozen=True)
class ReaderLanguage:
    """A reader's language.

    :ivar tag: as HTML names it, such as ``de-AT``.
    """

    tag: str
    locale: Locale

    @property
    def direction(self) -> str:
        """``rtl`` where it is written from right to left, else ``ltr``."""
        return str(self.locale.text_direction)

    def gettext(self, message: str, /, **values: object) -> str:
        """A message in this language, with its values put in."""
        found = str(catalogue(self.locale.language).ugettext(message))
        return found % values if values else found

    def ngettext(self, singular: str, plural: str, number: int, /, **values: object) -> str:
        """A counted message; ``num`` in it is the number as this language writes it."""
        found = str(catalogue(self.locale.language).ungettext(singular, plural, number))
        return found % {"num": self.count(number), **values}

    def count(self, number: float) -> str:
        """A number, grouped as this language does."""
        from babel.numbers import format_decimal

        return str(format_decimal(number, locale=self.locale))

    def tenths(self, number: float) -> str:
        """A number with one decimal place, also where that is nought."""
        from babel.numbers import format_decimal

        return str(format_decimal(number, format="#,##0.0", locale=self.locale))

    def day(self, value: date, length: str = "long") -> str:
        """A date: in full, or ``medium``."""
        from babel.dates import format_date

        return str(format_date(value, length, locale=self.locale))

    def short_day(self, value: date) -> str:
        """Day and month, as short as this language allows."""
        from babel.dates import format_skeleton

        return str(format_skeleton("MMMd", datetime(value.year, value.month, value.day), locale=self.locale))  # noqa: DTZ001 - a day of the calendar has no zone

    def month(self, value: date, length: str = "yMMMM") -> str:
        """A month: with its year, or ``MMM``, its name alone as short as this language allows."""
        from babel.dates import format_skeleton

        return str(format_skeleton(length, datetime(value.year, value.month, 1), locale=self.locale))  # noqa: DTZ001 - a month of the calendar has no zone

    def moment(self, value: datetime, length: str = "medium") -> str:
        """Date and time of the day, without a zone.

        :param length: ``medium``, or ``long`` with the month in full.
        """
        from babel.dates import format_date, format_time, get_datetime_format

        plain = value.replace(tzinfo=None)
        together = str(get_datetime_format("medium", locale=self.locale)).replace("'", "")
        day = str(format_date(plain, length, locale=self.locale))
        return together.replace("{0}", str(format_time(plain, "short", locale=self.locale))).replace("{1}", day)

    def listing(self, parts: Iterable[object]) -> str:
        """One, two and three."""
        from babel.lists import format_list

        return str(format_list([str(part) for part in parts], locale=self.locale))

    def language_name(self, code: str) -> str:
        """A language in the words of this one."""
        from babel import Locale

        return str(Locale.parse(code).get_language_name(self.locale) or code)

    @property
    def own_name(self) -> str:
        """What its own speakers call it."""
        name = str(self.locale.get_language_name() or self.tag)
        return name[:1].upper() + name[1:]


def known() -> list[str]:
    """Languages with a catalogue, whole or not, English first."""
    return [SOURCE, *sorted(one.parents[1].name for one in FOLDER.glob("*/LC_MESSAGES/messages.po"))]


def offered() -> list[str]:
    """Languages that pages can be read in, English first."""
    return [one for one in known() if is_offered(one)]


def is_language(code: str) -> bool:
    """Whether this is the code of a language, such as ``de``, without a region."""
    return _SUBTAG.fullmatch(code) is not None and (found := parsed(code)) is not None and found.language == code


@cache
def all_codes() -> tuple[str, ...]:
    """The two-letter codes of the languages that CLDR writes dates in; those that are offered first."""
    from babel.localedata import locale_identifiers

    return (
        *offered(),
        *sorted({one for one in locale_identifiers() if len(one) == 2 and is_language(one)} - {*offered()}),
    )


def is_offered(language: str) -> bool:
    """Whether every message of ours is there in this language."""
    return language == SOURCE or (_SUBTAG.fullmatch(language) is not None and _whole(language) is not None)


@cache
def catalogue(language: str) -> NullTranslations:
    """The messages of a language; those of English where it has no whole catalogue."""
    from babel.messages.mofile import write_mo
    from babel.support import NullTranslations, Translations

    found = _whole(language) if language != SOURCE else None
    if found is None:
        return NullTranslations()
    file = io.BytesIO()
    write_mo(file, found)
    file.seek(0)
    return Translations(file)


def read(language: str) -> Catalog | None:
    """The catalogue of a language as its file has it, or ``None``."""
    path = FOLDER / language / "LC_MESSAGES" / "messages.po"
    if not path.is_file():
        return None
    from babel.messages.pofile import read_po

    with path.open("rb") as file:
        return read_po(file, locale=language)


@cache
def template() -> Catalog:
    """What there is to translate."""
    from babel.messages.pofile import read_po

    with (FOLDER / "messages.pot").open("rb") as file:
        return read_po(file)


def missing(catalog: Catalog) -> list[Message]:
    """Messages of the template that a catalogue does not have, in all their plural forms, or only as a guess."""
    lacking = []
    for message in template():
        found = catalog.get(message.id, message.context) if message.id else message
        if message.id and (found is None or found.fuzzy or not _said(found.string, message.pluralizable, catalog)):
            lacking.append(message)
    return lacking


def _said(string: Any, counted: bool, catalog: Catalog) -> bool:
    if counted:
        return isinstance(string, (tuple, list)) and len(string) == catalog.num_plurals and all(string)
    return isinstance(string, str) and bool(string)


@cache
def _whole(language: str) -> Catalog | None:
    found = read(language)
    return found if found is not None and not missing(found) else None


@cache
def parsed(tag: str) -> Locale | None:
    """A language as hosts and browsers write it (``de-AT``, ``de_kids``, ``en``), with its region where it is a known one."""
    from babel import Locale, UnknownLocaleError

    parts = tag.replace("_", "-").split("-")
    if not all(part.isascii() and part.isalnum() for part in parts):
        return None
    region = next((part.upper() for part in parts[1:] if len(part) == 2 and part.isalpha()), "")
    language = parts[0].lower()
    if language == SOURCE:
        region = region or "GB"
    for name in (f"{language}_{region}", language):
        try:
            return Locale.parse(name)
        except (UnknownLocaleError, ValueError):
            continue
    return None


@cache
def _reader_language(locale: Locale) -> ReaderLanguage:
    return ReaderLanguage(str(locale).replace("_", "-"), locale)


def choose(wanted: Iterable[str], also: Container[str] = ()) -> ReaderLanguage:
    """The first of the languages wanted that is offered; else English.

    :param wanted: as hosts and browsers name them, most wanted first; empty ones are passed over. :param also: languages
        that will do although they have no catalogue.
    """
    for tag in wanted:
        locale = parsed(tag) if tag else None
        if locale is not None and (locale.language in also or is_offered(locale.language)):
            return _reader_language(locale)
    return english()


def english() -> ReaderLanguage:
    """English as written in Britain."""
    locale = parsed("en-GB")
    if locale is None:
        raise RuntimeError("Babel knows no English.")
    return _reader_language(locale)


def accepted(header: str) -> Sequence[str]:
    """The languages of an ``Accept-Language`` header, most wanted first; nonsense is passed over."""
    found: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:500].split(",")):
        tag, _semicolon, rest = part.strip().partition(";")
        weight = rest.strip().removeprefix("q=") if rest else "1"
        try:
            value = float(weight)
        except ValueError:
            continue
        if tag and tag != "*" and 0 < value <= 1:
            found.append((-value, place, tag.strip()))
    return [tag for _value, _place, tag in sorted(found)]
