"""The content form: course sets from its fields, and the fields of what is saved."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from plugin.certifications.content import dump_content, parse_content
from plugin.core.errors import Invalid

MOST_SETS = 20
PATHS = ("certification", "recertification")


def content_from_form(form: MultiDict[str, str], known: set[str]) -> dict[str, Any]:
    """Both paths in the shape of AS-CODE. Sets without a course are left out.

    :param known: the host's ids of its courses.
    :raises Invalid: with a sentence naming the set.
    """
    content: dict[str, Any] = {
        "certification": _path(form, "certification", known),
        "recertification": "same" if form.get("recertification") == "same" else _path(form, "recertification", known),
    }
    try:
        return dict(dump_content(parse_content(content)))
    except ValueError as error:
        raise Invalid(str(error)) from None


def _path(form: MultiDict[str, str], path: str, known: set[str]) -> list[dict[str, Any]]:
    sets = []
    for position in range(MOST_SETS):
        name = f"{path}-{position}"
        courses = list(dict.fromkeys(form.getlist(f"{name}-courses")))
        if not courses:
            continue
        unknown = [course for course in courses if course not in known]
        if unknown:
            raise Invalid(_("The learning site no longer has the course '%(course)s'.", course=unknown[0]))
        one: dict[str, Any] = {
            "name": " ".join(form.get(f"{name}-name", "").split())[:100] or _("Courses"),
            "courses": courses,
            "needs": _needs(form, name),
            "next": form.get(f"{name}-next", "then"),
        }
        days = form.get(f"{name}-minimum", "").strip()
        if days and days != "0":
            one["minimum"] = f"{days} days"
        sets.append(one)
    return sets


def _needs(form: MultiDict[str, str], name: str) -> str | int:
    needs = form.get(f"{name}-needs", "all")
    if needs != "some":
        return needs
    least = form.get(f"{name}-least", "").strip()
    if not (least.isascii() and least.isdigit() and len(least) < 4):
        raise Invalid(_("Enter how many courses a set needs at least, as a number."))
    return int(least)


def rows_of(path: Any) -> list[dict[str, Any]]:
    """The sets of a saved path for the form, and an empty one to add."""
    sets = [dict(one) for one in path] if isinstance(path, list | tuple) else []
    return [*sets[:MOST_SETS], *([{}] if len(sets) < MOST_SETS else [])]
