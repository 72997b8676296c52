"""The language a page is in: as the launch says, as the learning site knows the reader, as her browser asks, as the host is set.

Of these the first that is offered; else English. Programs that call the API are answered in English unless they ask for
another language.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import flask_babel
from babel.support import NullTranslations
from flask import Flask, g, has_request_context, request
from flask_babel import Babel, get_locale
from jinja2 import pass_context
from jinja2.runtime import Context
from sqlalchemy import Select, select

from plugin.core.db import DATABASE_AWAY
from plugin.core.tables import Host
from plugin.core.text.languages import FOLDER, ReaderLanguage, accepted, catalogue, choose, english, offered
from plugin.core.text.stored import in_language
from plugin.mirror.tables import Person
from plugin.web.frame.kit import runtime

PROGRAMS = ("/api/", "/hooks/", "/scim/")
"""Where programs ask, not people."""


class Catalogues(flask_babel.Domain):  # type: ignore[misc]  # flask-babel has no types
    """Messages as the catalogues of :mod:`plugin.core.text.languages` have them."""

    def get_translations(self) -> NullTranslations:
        """Those of the reader's language."""
        return catalogue(reader_language().locale.language)

    def ngettext(self, singular: str, plural: str, num: int, **variables: object) -> str:
        """A counted message; ``num`` in it is written as the reader's language writes numbers."""
        return str(super().ngettext(singular, plural, GroupedNumber(num), **variables))


class GroupedNumber(int):
    """A number that a message may hold: as ``%(num)s`` grouped as the reader's language does."""

    def __str__(self) -> str:
        return reader_language().count(int(self))


def install(app: Flask) -> None:
    """Let all words of the pages follow the reader."""
    babel = Babel(app, locale_selector=_selected, default_translation_directories=str(FOLDER))
    babel.domain_instance = Catalogues()
    babel_ngettext: Any = app.jinja_env.globals["ngettext"]

    @pass_context
    def counted(context: Context, singular: str, plural: str, number: int, **variables: object) -> object:
        return babel_ngettext(context, singular, plural, GroupedNumber(number), **variables)

    app.jinja_env.globals["ngettext"] = counted
    app.add_template_filter(lambda text: in_language(str(text or ""), reader_language()), "retold")
    app.add_template_filter(lambda parts: reader_language().listing(parts), "listing")
    app.add_template_filter(lambda number: reader_language().tenths(number), "tenths")
    app.add_template_filter(lambda day, length="yMMMM": reader_language().month(day, length), "month")


def _selected() -> str:
    return str(choose(_wanted()).locale)


def reader_language() -> ReaderLanguage:
    """The reader's language; English where nobody reads."""
    locale = get_locale()
    return choose([str(locale)]) if locale is not None else english()


def _wanted() -> Iterator[str]:
    """The languages to try, one after another; what is stored is asked only where it is needed."""
    if not has_request_context():
        return
    launch = g.get("launch")
    browser = accepted(request.headers.get("Accept-Language", ""))
    if request.path.startswith(PROGRAMS):
        yield from browser
        return
    yield str(getattr(launch, "locale", "") or "")
    if launch is not None and launch.person is not None:
        yield _stored(select(Person.language).where(Person.host_id == launch.host_id, Person.id == launch.person))
    yield from browser
    if launch is not None and launch.host_id:
        yield _stored(select(Host.language).where(Host.id == launch.host_id))


def _stored(query: Select[Any]) -> str:
    """What the database says; nothing while it is away."""
    with contextlib.suppress(*DATABASE_AWAY), runtime().db.read() as session:
        return str(session.scalar(query) or "")
    return ""


def own_names() -> list[tuple[str, str]]:
    """The languages offered: how each is named in settings, and what its own speakers call it."""
    return [(tag, choose([tag]).own_name) for tag in offered()]
