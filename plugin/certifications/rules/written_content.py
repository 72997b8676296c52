"""Content as AS-CODE writes it: read, with every fault and the place where it stands, and written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from flask_babel import gettext as _

from plugin.certifications.rules.content import ALL, AND, ANY, EMPTY, OPTIONAL, OR, SAME, THEN, Content, CourseSet, Path
from plugin.core.days import ELAPSED_UNITS, Period, parse_period
from plugin.core.errors import Fault, WrongParts, faults_of

_MOST_SETS = 200
_MOST_COURSES = 500


def parse_content(value: object, before: Content = EMPTY) -> Content:
    """Content from its AS-CODE form; a path left out stays as in ``before``.

    :raises ValueError: with a sentence for each key that is wrong, a line each.
    """
    if not isinstance(value, Mapping):
        raise ValueError("Content has 'certification' and 'recertification', each a list of course sets.")
    unknown = [str(key) for key in value if key not in ("certification", "recertification")]
    said = "is not a part of content; use certification and recertification."
    wrong: list[Fault] = [((one,), f"'{one}' {said}") for one in unknown]
    paths: dict[str, Any] = {}
    for which in ("certification", "recertification"):
        if which not in value:
            continue
        try:
            same = which == "recertification" and value[which] == SAME
            paths[which] = SAME if same else _parse_path(value[which], which)
        except ValueError as error:
            wrong += faults_of(error, which)
    if wrong:
        raise WrongParts(*wrong)
    return replace(before, **paths)


def dump_content(content: Content) -> dict[str, object]:
    """The AS-CODE form; :func:`parse_content` gives the same content back."""
    again = content.recertification
    return {
        "certification": [_dump_set(one) for one in content.certification],
        "recertification": again if isinstance(again, str) else [_dump_set(one) for one in again],
    }


def _parse_path(value: object, which: str) -> Path:
    if not isinstance(value, list | tuple):
        raise ValueError(f"The {which} path is a list of course sets.")
    if len(value) > _MOST_SETS:
        raise ValueError(_("The %(which)s path has more than %(most)s course sets.", which=which, most=_MOST_SETS))
    path: list[CourseSet] = []
    wrong: list[Fault] = []
    for number, one in enumerate(value):
        try:
            path.append(_parse_set(one, _Place(number + 1, which)))
        except ValueError as error:
            wrong += faults_of(error, number)
    if wrong:
        raise WrongParts(*wrong)
    return (*path[:-1], replace(path[-1], next=THEN)) if path else ()


class _Place(NamedTuple):
    """A course set as sentences name it; put into words only where there is something to say of it."""

    number: int
    path: str

    def __str__(self) -> str:
        if self.path == "certification":
            return str(_("Course set %(number)s of the certification path", number=self.number))
        return str(_("Course set %(number)s of the recertification path", number=self.number))


_Parts = Mapping[str, Any]
"""The parts of a course set that were read so far."""


def _parse_set(value: object, where: _Place) -> CourseSet:
    if not isinstance(value, Mapping):
        raise ValueError(f"{where} has a name and courses.")
    said = "is not known; use name, courses, needs, minimum and next."
    wrong: list[Fault] = [((str(one),), f"{where}: '{one}' {said}") for one in value if one not in _PARTS]
    parts: dict[str, Any] = {}
    for key, parse in _PARTS.items():
        try:
            parts[key] = parse(value.get(key, _LEFT_OUT.get(key)), where, parts)
        except ValueError as error:
            wrong += faults_of(error, key)
    if wrong:
        raise WrongParts(*wrong)
    return CourseSet(**parts)


def _parse_name(value: object, where: _Place, _parts: _Parts) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 255:
        raise ValueError(_("%(where)s needs a name of at most 255 characters.", where=where))
    return value.strip()


def _parse_courses(value: object, where: _Place, _parts: _Parts) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not 0 < len(value) <= _MOST_COURSES:
        raise ValueError(_("%(where)s needs a list of 1 to %(most)s courses.", where=where, most=_MOST_COURSES))
    courses = tuple(str(one) for one in value if isinstance(one, str | int) and not isinstance(one, bool))
    if len(courses) < len(value) or not all(courses):
        raise ValueError(f"{where}: each course is the id it has at the host.")
    if len(set(courses)) < len(courses):
        raise ValueError(_("%(where)s names a course twice.", where=where))
    return courses


def _parse_needs(value: object, where: _Place, parts: _Parts) -> str | int:
    if isinstance(value, str) and value in (ALL, ANY, OPTIONAL):
        return value
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{where}: 'needs' is all, any, optional or a number, not '{value}'.")
    courses = parts.get("courses")
    if courses is not None and not 1 <= value <= len(courses):
        words = {"where": where, "needs": value, "number": len(courses)}
        raise ValueError(
            _("%(where)s needs %(needs)s courses but has %(number)s; choose from 1 to %(number)s.", **words)
        )
    return value


def _parse_minimum(value: object, where: _Place, _parts: _Parts) -> Period | None:
    try:
        return None if value is None else parse_period(value, ELAPSED_UNITS)
    except ValueError as error:
        raise ValueError(_("%(where)s, minimum time: %(error)s", where=where, error=error)) from None


def _parse_next(value: object, where: _Place, _parts: _Parts) -> str:
    if value not in (THEN, OR, AND):
        raise ValueError(f"{where}: 'next' is then, or or and, not '{value}'.")
    return str(value)


_PARTS = {"name": _parse_name, "courses": _parse_courses, "needs": _parse_needs, "minimum": _parse_minimum,
          "next": _parse_next}  # fmt: skip
_LEFT_OUT = {"needs": ALL, "next": THEN}


def _dump_set(one: CourseSet) -> dict[str, object]:
    dumped: dict[str, object] = {"name": one.name, "courses": list(one.courses), "needs": one.needs}
    if one.minimum is not None:
        dumped["minimum"] = str(one.minimum)
    return dumped | {"next": one.next}
