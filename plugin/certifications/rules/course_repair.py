"""What to do about a course that nobody can complete any more: another in its place, or none (rules 7.1). Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flask_babel import gettext as _

from plugin.certifications.rules.content import ALL, AND, ANY, OPTIONAL, OR, THEN, Content, CourseSet, Path
from plugin.core.errors import RefusedByRule

_LOOSEST = (THEN, OR, AND)


def replace_course(content: Content, course: str, by: str) -> Content:
    """Another course in place of one, for those who have not completed it: whoever has keeps what she did.

    In a set of which all are needed, the two become a set of their own, either of which is enough; elsewhere the other one is
    added beside it. An optional course is simply exchanged.
    """
    return _each(content, lambda one: _replaced(one, course, by))


def drop_course(content: Content, course: str) -> Content:
    """Without a course. A set that has no other goes with it; what joined it to its neighbours becomes the looser of the two.

    :raises RefusedByRule: where a path would be left with nothing to complete.
    """
    found = _each(content, lambda one: _dropped(one, course))
    for before, after in (
        (content.certification, found.certification),
        (content.recertification_path, found.recertification_path),
    ):
        if any(one.needs != OPTIONAL for one in before) and not any(one.needs != OPTIONAL for one in after):
            raise RefusedByRule(_("Nothing would be left to complete. Choose another course in its place."))
    return found


def _each(content: Content, change: Callable[[CourseSet], list[CourseSet]]) -> Content:
    again = content.recertification
    return Content(_path(content.certification, change), again if isinstance(again, str) else _path(again, change))


def _path(path: Path, change: Callable[[CourseSet], list[CourseSet]]) -> Path:
    found: list[CourseSet] = []
    for one in path:
        made = change(one)
        if made:
            found += made
        elif found:  # a set went: A x (gone) y B becomes A with the looser of x and y to B
            found[-1] = replace(found[-1], next=min(found[-1].next, one.next, key=_LOOSEST.index))
    return tuple(found)


def _replaced(one: CourseSet, course: str, by: str) -> list[CourseSet]:
    if course not in one.courses:
        return [one]
    others = tuple(each for each in one.courses if each not in (course, by))
    if one.needs == OPTIONAL:
        return [replace(one, courses=(*others, by))]
    if one.needs != ALL:
        return [replace(one, courses=tuple(dict.fromkeys((*one.courses, by))))]
    either = replace(one, courses=(course, by), needs=ANY)
    if not others:
        return [either]
    return [replace(one, courses=others, next=AND), replace(either, name=_("%(name)s (either)", name=one.name)[:255])]


def _dropped(one: CourseSet, course: str) -> list[CourseSet]:
    if course not in one.courses:
        return [one]
    others = tuple(each for each in one.courses if each != course)
    if not others:
        return []
    needs = min(one.needs, len(others)) if isinstance(one.needs, int) else one.needs
    return [replace(one, courses=others, needs=needs)]
