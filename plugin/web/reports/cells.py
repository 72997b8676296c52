"""A row of a report as a page shows it: words, times in the zone that the page names, links to people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import g, url_for
from flask_babel import gettext as _

from plugin.reports.asking.question import Question
from plugin.reports.columns import FLAG, INSTANT, LOCAL, NUMBER, PERCENT, SETTING, Column, Row
from plugin.reports.overview import TOTAL
from plugin.reports.sources.overview import NUMBERS as COUNTED
from plugin.reports.sources.overview import PERCENTS
from plugin.web.frame.reader import reader_language
from plugin.web.frame.words import count, due_words, moment, state_tone
from plugin.web.reports.report_address import Pairs, ReportPage
from plugin.web.reports.setting_words import setting_words
from plugin.web.reports.value_words import word

NUMBERS, DATES = (NUMBER, PERCENT), (INSTANT, LOCAL)
_HEADS = ("name", "certification_name", "recipient", "what")
_CODES = frozenset({"certification", "person", "username", "number", "course", "organisation", "position", "manager"})
NAMED = ("recipient", "about", "due_from")
"""Columns that name a person or a target by the id alone."""
_UNASKED = frozenset({*COUNTED, *PERCENTS, "total", "organisation_name", "position_name"})
"""Filters of the overview that are about its rows, not about people."""
TO_DO = ("assigned", "in_progress", "window_open", "expired")
_ACTIVE = (("active", "true"),)
_PEOPLE: dict[str, Pairs] = {
    "enrolled": [*_ACTIVE],
    "certified": [*_ACTIVE, ("state", "certified"), ("state", "window_open"), ("state", "complete")],
    "in_progress": [*_ACTIVE, ("state", "in_progress")],
    "not_started": [*_ACTIVE, ("state", "assigned")],
    "expired": [*_ACTIVE, ("state", "expired")],
    "suspended": [*_ACTIVE, ("suspended", "true")],
    "held": [("held", "exception")],
    "due_30": [*_ACTIVE, *(("state", one) for one in TO_DO), ("due.next", "30")],
    "overdue": [("overdue", "true"), ("sort", "-days_overdue")],
    "expiring_30": [*_ACTIVE, ("state", "certified"), ("state", "window_open"), ("expires.next", "30")],
}
"""By number of the overview, how the report of learners asks for its people."""
_SAID = {
    "overdue": "days_overdue,due,state,progress", "due_30": "due,state,progress", "due": "due,state,progress",
    "expiring": "expires,state,window_opens", "held": "held,exception,state",
}  # fmt: skip
_USUAL = "state,due,expires,progress"


@dataclass(frozen=True)
class Cell:
    """What a cell says, and where it leads; empty for nowhere.

    :ivar badge: how it looks as a badge, ``None`` where it is none. :ivar tone: ``minus`` for what is late.
    """

    words: str
    address: str = ""
    badge: str | None = None
    tone: str = ""


def told_of(number: str) -> tuple[str, str]:
    """The columns of a list of people that a number leads to: who, what the number is about, and where she works."""
    about = next((said for stem, said in _SAID.items() if number.startswith(stem)), _USUAL)
    return ("columns", f"name,certification_name,{about},organisation,manager,person")


def people_of(here: ReportPage, name: str, where: Pairs) -> str:
    """The address of the people whom a number of the overview counts, among those of ``where``."""
    return here.address("learners", [*where, *_PEOPLE[name], told_of(name)])


def key_of(name: str, value: object) -> str:
    """The person or target that one of the columns ``NAMED`` says, as ``type:id``; empty for nobody."""
    return "" if not value else str(value) if name == "due_from" else f"individual:{value}"


def cell(here: ReportPage, asked: Question, column: Column, row: Row, zone: str, called: Mapping[str, str]) -> Cell:
    """A cell of a page: names lead to people, and numbers of the overview to whom they count.

    :param called: what those are called whom a column names by the id alone.
    """
    words, name = shown(column, row, zone), column.name
    if name in NAMED:
        words = called.get(key_of(name, row.get(name)), words)
    badge = state_tone(str(row[name])) if name == "state" and asked.source == "learners" and words else None
    late = name == "days_overdue" and row.get(name)
    return Cell(words, _address(here, asked, name, row), badge, "minus" if late else "")


def _address(here: ReportPage, asked: Question, name: str, row: Row) -> str:
    if name == "name" and row.get("person") and g.launch.rights.any:
        return url_for("person.show", person=row["person"])
    if name in ("recipient", "about") and row.get(name) and g.launch.rights.any:
        return url_for("person.show", person=row[name])
    if asked.source != "overview" or name not in COUNTED or not row.get(name):
        return ""
    stems = {one.partition(".")[0] for one, _value in asked.filters}
    if asked.by not in ("", "organisation", "position") or stems & {asked.by, *_UNASKED}:
        return ""  # no address of learners asks for exactly these
    where = [one for one in asked.filters if one[0] != "certification"]
    where += [("certification", row["certification"]), *([("as_of", asked.as_of)] if asked.as_of else [])]
    if asked.by and not row["total"]:
        where.append((asked.by, row[asked.by]))
    return people_of(here, name, where)


def head_of(names: Sequence[str]) -> int:
    """The place of the column that names a row."""
    return next((names.index(one) for one in _HEADS if one in names), 0)


def is_code(name: str) -> bool:
    """Whether a column says by a code what another says in words; on a narrow screen it comes last."""
    return name in _CODES


def shown(column: Column, row: Row, zone: str) -> str:
    """The words of a cell; empty where there is nothing to say."""
    value = row.get(column.name)
    if value is None:
        return ""
    if value == TOTAL:
        return str(_("Total, each learner once"))
    if column.type in DATES:
        return moment(int(value), zone)
    if column.type == FLAG:
        return str(_("Yes")) if value else str(_("No"))
    if column.type == SETTING:
        return due_words(value, zone)
    if column.type == PERCENT:
        return reader_language().tenths(value)
    if column.type == NUMBER:
        return count(int(value))
    if column.name in ("before", "after"):
        return setting_words(str(value), zone)
    return word(column.name, value)
