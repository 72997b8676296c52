"""What may stand in an address and in a form: ids of every kind, numbers a database has, text it can hold."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from flask import Flask, Request, request
from flask_babel import gettext as _
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.routing import IntegerConverter, PathConverter, UnicodeConverter, ValidationError

from plugin.core.errors import Invalid
from plugin.core.text.texts import clean_lines, storable

LARGEST = 2**63 - 1
_ESCAPED = re.compile(r"~([0-9A-F]{2})")
_MARKS = {"~": "~7E", "/": "~2F", "\\": "~5C"}


def escaped(ident: str) -> str:
    """An id as one part of an address: slashes, and dots that would name another place, as ``~2F`` and ``~2E``."""
    written = "".join(_MARKS.get(one, one) for one in str(ident))
    return "~2E" + written[1:] if written in (".", "..") else written


def unescaped(part: str) -> str:
    """The reverse of :func:`escaped`; a part that was never escaped stays as it is."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), part)


def _ident(value: str) -> str:
    found = unescaped(value)
    if not storable(found):
        raise ValidationError
    return found


class Ident(UnicodeConverter):
    """Text that may be any id."""

    def to_python(self, value: str) -> str:
        """:raises ValidationError: for text that no database holds."""
        return _ident(value)

    def to_url(self, value: str) -> str:
        """See :func:`escaped`."""
        return str(super().to_url(escaped(value)))


class IdentPath(PathConverter):
    """The same, also with its slashes as they are: other programs write them so."""

    def to_python(self, value: str) -> str:
        """:raises ValidationError: for text that no database holds."""
        return _ident(value)

    def to_url(self, value: str) -> str:
        """See :func:`escaped`."""
        return str(super().to_url(escaped(value)))


class DatabaseNumber(IntegerConverter):
    """A number that a database has; a larger one names nothing."""

    def to_python(self, value: str) -> int:
        """:raises ValidationError: for a larger one, or digits of other scripts."""
        if not value.isascii() or len(value) > 19 or int(value) > LARGEST:
            raise ValidationError
        return int(super().to_python(value))


class _Cleaned(ImmutableMultiDict[str, Any]):
    """Fields of a form or an address, their text cleaned (:func:`plugin.core.text.texts.clean_lines`)."""

    def __init__(self, mapping: Any = None) -> None:
        pairs: Iterable[tuple[str, Any]] = (
            mapping.items(multi=True) if isinstance(mapping, MultiDict) else mapping or ()
        )
        if isinstance(pairs, dict):
            pairs = MultiDict(pairs).items(multi=True)
        super().__init__([(_kept(name), _kept(value)) for name, value in pairs])


def _kept(value: Any) -> Any:
    return clean_lines(value) if isinstance(value, str) and not (value.isascii() and value.isprintable()) else value


class StorableRequest(Request):
    """A request whose text can be kept."""

    parameter_storage_class = _Cleaned


def install(app: Flask) -> None:
    """Have the application read addresses and forms so."""
    app.request_class = StorableRequest
    app.url_map.converters.update({"default": Ident, "string": Ident, "path": IdentPath, "int": DatabaseNumber})
    app.before_request(_refuse_nul)


def _refuse_nul() -> None:
    """An id in an address is never cleaned: a cleaned one may be another.

    :raises Invalid: where an address holds what nothing can be called.
    """
    if b"%00" in request.query_string or b"\0" in request.query_string:
        raise Invalid(_("This address holds a character that cannot be used."))
