"""A row of a report as a page shows it: words, times in the zone that the page names, links to people."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import g, url_for
from flask_babel import gettext as _

from plugin.core.clock import parse_instant
from plugin.reports.asking.question import Question
from plugin.reports.columns import FLAG, INSTANT, LOCAL, NUMBER, PERCENT, SETTING, Column, Row
from plugin.reports.overview import TOTAL
from plugin.reports.sources.overview import NUMBERS as COUNTED
from plugin.reports.sources.overview import PERCENTS
from plugin.web.certifications.happening_words import what_words
from plugin.web.certifications.history_words import who_words
from plugin.web.frame.words import count, due_words, exception_words, moment, state_words, type_words
from plugin.web.reports.labels import column_label
from plugin.web.reports.report_address import Pairs, ReportPage

_STATES = frozenset({"assigned", "in_progress", "certified", "window_open", "expired", "complete", "withdrawn"})
_EXCEPTIONS = frozenset({"time_allowance", "unknown_date", "duplicate_course", "already_assigned"})
NUMBERS, DATES = (NUMBER, PERCENT), (INSTANT, LOCAL)
_HEADS = ("name", "certification_name", "recipient", "what")
_CODES = frozenset({"certification", "person", "username", "number", "course", "organisation", "position", "manager"})
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


@dataclass(frozen=True)
class Cell:
    """What a cell says, and where it leads; empty for nowhere."""

    words: str
    address: str = ""


def people_of(here: ReportPage, name: str, where: Pairs) -> str:
    """The address of the people whom a number of the overview counts, among those of ``where``."""
    return here.address("learners", [*where, *_PEOPLE[name]])


def cell(here: ReportPage, asked: Question, column: Column, row: Row, zone: str) -> Cell:
    """A cell of a page: names lead to people, and numbers of the overview to whom they count."""
    return Cell(shown(column, row, zone), _address(here, asked, column.name, row))


def _address(here: ReportPage, asked: Question, name: str, row: Row) -> str:
    if name == "name" and row.get("person") and g.launch.rights.any:
        return url_for("person.show", person=row["person"])
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
        return f"{value:.1f}"
    if column.type == NUMBER:
        return count(int(value))
    if column.name in ("before", "after"):
        return setting_words(str(value), zone)
    return word(column.name, value)


def word(name: str, value: Any) -> str:
    """A value of a column in words, where it is a code."""
    text = str(value)
    if name == "state" and text in _STATES:
        return state_words(text)
    if name in ("exception", "type") and text in _EXCEPTIONS:
        return exception_words(text)
    if name in ("assignment_type", "assignment_types"):
        return "; ".join(type_words(kind).label for kind in text.split("; "))
    if name == "what":
        return what_words(text)
    if name == "who":
        return who_words(text)
    if text in ("true", "false"):
        return str(_("Yes")) if text == "true" else str(_("No"))
    return text


_VERSION = re.compile(r"version ([0-9]+)", re.ASCII)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z", re.ASCII)


def setting_words(text: str, zone: str) -> str:
    """What something was before or after: a setting as *name: value*, a time in the zone, a version by its number."""
    if found := _VERSION.fullmatch(text):
        return str(_("Version %(number)s", number=found[1]))
    if _TIME.fullmatch(text):
        return moment(parse_instant(text), zone)
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return "; ".join(_said(told, zone)) if isinstance(told, dict | list) else _plain(told, zone)


def _said(told: Any, zone: str, names: str = "") -> list[str]:
    """The parts of a setting, each with the names that lead to it."""
    if isinstance(told, dict):
        return [
            part for name, value in told.items()
            for part in _said(value, zone, f"{names}, {column_label(name)}" if names else column_label(name))
        ]  # fmt: skip
    if isinstance(told, list) and any(isinstance(one, dict | list) for one in told):
        return [part for one in told for part in _said(one, zone, names)]
    value = ", ".join(_plain(one, zone) for one in told) if isinstance(told, list) else _plain(told, zone)
    return [f"{names}: {value or '–'}" if names else value]


def _plain(value: Any, zone: str) -> str:
    if isinstance(value, bool):
        return str(_("Yes")) if value else str(_("No"))
    if isinstance(value, str):
        return moment(parse_instant(value), zone) if _TIME.fullmatch(value) else value
    return "" if value is None else str(value)
