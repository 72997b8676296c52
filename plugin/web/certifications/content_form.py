"""The content form: course sets from its fields, and the fields of what is saved, or was entered and refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from plugin.certifications.rules.written_content import dump_content, parse_content
from plugin.core.days import ELAPSED_UNITS
from plugin.core.errors import Invalid

MOST_SETS = 200
PATHS = ("certification", "recertification")
NEEDS = ("all", "any", "some", "optional")
JOINTS = ("then", "or", "and")


@dataclass(frozen=True)
class CourseSetRow:
    """The fields of one course set."""

    name: str = ""
    courses: tuple[str, ...] = ()
    needs: str = "all"
    least: str = ""
    amount: str = ""
    unit: str = "days"
    next: str = "then"


def content_from_form(form: MultiDict[str, str], known: set[str]) -> dict[str, Any]:
    """Both paths in the shape of AS-CODE. A set without a name and without a course is left out.

    :param known: the host's ids of its courses, and of those that stand in the content already.
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


def entered_rows(form: MultiDict[str, str], path: str) -> list[CourseSetRow]:
    """The sets of a path as they were entered, in the order of the page."""
    return [row for row in (_row(form, name) for name in _names(form, path)) if row != CourseSetRow()]


def _names(form: MultiDict[str, str], path: str) -> list[str]:
    """Names of the sets' fields. The page says their order; without it they are numbered from 0."""
    order = [one for one in form.getlist(f"{path}-set") if one.isascii() and one.isdigit() and len(one) < 5]
    numbers = list(dict.fromkeys(order)) or [str(number) for number in range(MOST_SETS)]
    return [f"{path}-{number}" for number in numbers[: MOST_SETS + 1]]


def _row(form: MultiDict[str, str], name: str) -> CourseSetRow:
    def text(part: str, otherwise: str = "", most: int = 20) -> str:
        return " ".join(form.get(f"{name}-{part}", otherwise).split())[:most]

    return CourseSetRow(
        name=text("name", most=255),
        courses=tuple(dict.fromkeys(form.getlist(f"{name}-courses"))),
        needs=text("needs", "all"),
        least=text("least"),
        amount=text("minimum"),
        unit=text("unit", "days"),
        next=text("next", "then"),
    )


def _path(form: MultiDict[str, str], path: str, known: set[str]) -> list[dict[str, Any]]:
    return [_set(row, known) for row in entered_rows(form, path) if row.courses or row.name]


def _set(row: CourseSetRow, known: set[str]) -> dict[str, Any]:
    name = row.name or _("Courses")
    if not row.courses:
        raise Invalid(_("The course set “%(name)s” has no course. Choose one, or remove the set.", name=name))
    unknown = [course for course in row.courses if course not in known]
    if unknown:
        raise Invalid(_("The learning site no longer has the course '%(course)s'.", course=unknown[0][:100]))
    if row.needs not in NEEDS or row.next not in JOINTS or row.unit not in ELAPSED_UNITS:
        raise Invalid(_("Choose one of the values offered."))
    one: dict[str, Any] = {"name": name, "courses": list(row.courses), "needs": _needs(row, name), "next": row.next}
    if row.amount.strip("0"):
        if not _is_number(row.amount):
            raise Invalid(_("The minimum time of “%(name)s” is a whole number of hours, days or weeks.", name=name))
        one["minimum"] = f"{int(row.amount)} {row.unit}"
    return one


def _needs(row: CourseSetRow, name: str) -> str | int:
    if row.needs != "some":
        return row.needs
    if not _is_number(row.least):
        raise Invalid(_("Enter how many courses of “%(name)s” learners complete at least, as a number.", name=name))
    return int(row.least)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 5


def saved_rows(path: Any) -> list[CourseSetRow]:
    """The sets of a saved path for the form."""
    return [_saved(one) for one in path] if isinstance(path, list | tuple) else []


def _saved(one: Mapping[str, Any]) -> CourseSetRow:
    needs = one.get("needs", "all")
    amount, _space, unit = str(one.get("minimum") or "").partition(" ")
    return CourseSetRow(
        name=str(one["name"]),
        courses=tuple(one["courses"]),
        needs="some" if isinstance(needs, int) else str(needs),
        least=str(needs) if isinstance(needs, int) else "",
        amount=amount,
        unit=unit.removesuffix("s") + "s" if unit else "days",
        next=str(one.get("next", "then")),
    )


def in_words(rows: list[CourseSetRow]) -> list[tuple[str, str, str]]:
    """Name, what is needed, and the word to the next set, for the line above the sets."""
    words = {"then": _("THEN"), "or": _("OR"), "and": _("AND")}
    return [
        (row.name, _needed(row), words.get(row.next, "") if number < len(rows) - 1 else "")
        for number, row in enumerate(rows)
    ]


def _needed(row: CourseSetRow) -> str:
    courses = len(row.courses)
    if row.needs == "all":
        return _("all of %(courses)s", courses=courses)
    if row.needs == "optional":
        return _("optional")
    return _("%(least)s of %(courses)s", least=1 if row.needs == "any" else row.least or "?", courses=courses)
