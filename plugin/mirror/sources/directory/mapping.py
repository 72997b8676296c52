"""What a user of a directory says of a person (SOURCES 5.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from plugin.mirror.sources.source import Source, path_of, tidy
from plugin.mirror.sources.source_data import PersonData, Spell

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_ORGANISATION, _POSITION = "department", "title"
_FILTERED = re.compile(r'([^\[\]]+)\[\s*(\w+)\s+eq\s+"([^"]*)"\s*\](?:\.(\w+))?', re.IGNORECASE)


def value_at(document: Mapping[str, Any], path: str) -> str:
    """The text at an attribute path of a resource; ``""`` where there is none.

    :param path: ``title``, ``name.familyName``, ``department``, ``emails[type eq "work"].value``, or one that begins with
        its schema's URN. Of several values the primary one, else the first.
    """
    urn, _colon, rest = path.rpartition(":")
    if urn:
        found = _member(document, urn)
        return _text(_walk(found, rest)) if isinstance(found, Mapping) else ""
    text = _text(_walk(document, path))
    if text:
        return text
    extension = _member(document, ENTERPRISE)
    return _text(_walk(extension, path)) if isinstance(extension, Mapping) else ""


def _member(document: Mapping[str, Any], name: str) -> Any:
    folded = name.casefold()
    return next((value for key, value in document.items() if str(key).casefold() == folded), None)


def _walk(value: Any, path: str) -> Any:
    filtered = _FILTERED.fullmatch(path)
    if filtered:
        listed = _member(value, filtered[1])
        for one in listed if isinstance(listed, list) else ():
            if isinstance(one, Mapping) and _text(_member(one, filtered[2])).casefold() == filtered[3].casefold():
                return _member(one, filtered[4] or "value")
        return None
    for name in path.split("."):
        value = _first(value)
        if not isinstance(value, Mapping):
            return None
        value = _member(value, name)
    return value


def _first(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    primary = [one for one in value if isinstance(one, Mapping) and one.get("primary") is True]
    return next(iter(primary or value), None)


def _text(value: Any) -> str:
    value = _first(value)
    if isinstance(value, Mapping):
        value = value.get("value")
    if value is None or isinstance(value, Mapping | list):
        return ""
    return ("true" if value else "false") if isinstance(value, bool) else str(value).strip()


def manager_of(document: Mapping[str, Any]) -> str:
    """Whom a user names as her manager, as written."""
    return value_at(document, f"{ENTERPRISE}:manager")[:255]


def key_of(source: Source, ident: str, document: Mapping[str, Any]) -> str:
    """What a user is joined by. ``id`` is the directory's own id of her, ``externalId``; ours where it gives none."""
    if source.key_field == "id":
        return value_at(document, "externalId") or ident
    return value_at(document, source.key_field)


def person_data(source: Source, ident: str, document: Mapping[str, Any], *, manager: str, active: bool) -> PersonData:
    """What a user says of a person.

    :param manager: the id of the user she reports to. :param active: whether the mirror shall have her as active.
    """
    columns = dict(source.mapping.get("columns") or {})
    separator = str(source.mapping.get("separator") or "")
    units = {
        "organisation": _unit(document, str(columns.get("organisation") or _ORGANISATION), separator),
        "position": _unit(document, str(columns.get("position") or _POSITION), separator),
    }
    spell = Spell(**units, manager=manager, title=value_at(document, "title")[:255])
    keep = (str(path) for path in source.mapping.get("keep") or ())
    fields = {path: value for path in keep if (value := value_at(document, path))}
    email = value_at(document, "emails")
    return PersonData(ident, key_of(source, ident, document), _name(document), email, active, {"": [spell]}, fields)


def _unit(document: Mapping[str, Any], paths: str, separator: str) -> str:
    """Words that make a unit: of one attribute, or of several as its levels (``division, department``)."""
    words = [path_of(value_at(document, path.strip()), separator) for path in paths.split(",")]
    return " / ".join(one for one in words if one)


def _name(document: Mapping[str, Any]) -> str:
    whole = f"{value_at(document, 'name.givenName')} {value_at(document, 'name.familyName')}"
    given = [value_at(document, "displayName"), value_at(document, "name.formatted"), whole]
    return next((tidy(one) for one in given if tidy(one)), value_at(document, "userName"))[:255]
