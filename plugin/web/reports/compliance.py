"""The picture of compliance: bars of the states, overdue and expiring, by organisation a level at a time, what is ahead.

Every number leads to its people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import request, url_for
from flask_babel import gettext as _

from plugin.core.clock import format_instant
from plugin.mirror.lookup.search import fold
from plugin.reports import overview
from plugin.reports.asking.question import parse_question
from plugin.reports.asking.reader import Asker
from plugin.reports.outlook import Month, due_by_week, trend
from plugin.reports.query import ask
from plugin.web.frame.words import short_day
from plugin.web.reports.cells import TO_DO, people_of, told_of
from plugin.web.reports.report_address import Pairs, ReportPage

_WIDTH, _LEFT = 560, 0
WEEK = 7 * 86_400
_PARTS = (("certified", "good"), ("in_progress", "bar1"), ("not_started", "rail"), ("expired", "late"))
_NUMBERS = ("enrolled", "overdue", "due_30", "expiring_30", "held")


@dataclass(frozen=True)
class BarPart:
    """A part of a bar: where it begins, how wide, what it counts, and where its people are."""

    x: float
    width: float
    tone: str
    words: str
    size: int
    address: str


@dataclass(frozen=True)
class ComplianceLine:
    """A certification or a unit: its bar and its numbers, each with the address of its people."""

    name: str
    address: str | None
    parts: list[BarPart]
    numbers: dict[str, tuple[int, str]]
    percent: float | None


def home(here: ReportPage) -> str:
    """The first page of these reports."""
    return url_for("reports.first" if here.endpoint == "reports.table" else "reports.team_first")


def picture(asker: Asker, here: ReportPage) -> dict[str, Any]:
    """What the first page shows. The address may name a certification and a unit to look below."""
    _columns, rows = overview.rows(asker, parse_question("overview", []))
    live = sorted((row for row in rows if row["enrolled"] or row["held"]), key=_by_name("certification"))
    chosen = request.args.get("certification") or (live[0]["certification"] if live else "")
    lines = [
        _line(here, row, [("certification", row["certification"])],
              url_for(_first(here), certification=row["certification"]))
        for row in live
    ]  # fmt: skip
    units, above = _units(asker, here, chosen) if chosen else ([], None)
    weeks, under = due_by_week(asker, chosen), request.args.get("under", "")
    months = trend(asker, chosen, under) if chosen else []
    return {
        "lines": lines, "legend": _legend(),
        "chosen": chosen, "chosen_name": next((row["certification_name"] for row in live if row["certification"] == chosen), ""),
        "units": units, "above": above, "zone": asker.zone, "weeks": _week_bars(asker, here, chosen, weeks),
        "months": months, "past": _past(here, chosen, months) if not under else {},
    }  # fmt: skip


def picture_of(asker: Asker, here: ReportPage, code: str) -> dict[str, Any]:
    """The same of one certification, for its Overview."""
    rows = ask(asker, parse_question("overview", [("certification", code)])).rows
    months = trend(asker, code)
    return {
        "lines": [_line(here, row, [("certification", code)], url_for(_first(here), certification=code)) for row in rows],
        "legend": _legend(), "months": months, "past": _past(here, code, months),
        "compliance": url_for(_first(here), certification=code),
    }  # fmt: skip


def _by_name(column: str) -> Callable[[dict[str, Any]], tuple[str, str]]:
    """The order in which people look for something: by its name, whatever its code is."""
    return lambda row: (fold(row[f"{column}_name"] or row[column]), row[column])


def _legend() -> list[tuple[str, str]]:
    return [(_words(name), tone) for name, tone in _PARTS]


def _first(here: ReportPage) -> str:
    return "reports.first" if here.endpoint == "reports.table" else "reports.team_first"


def _words(name: str) -> str:
    return str(
        {"certified": _("Certified"), "in_progress": _("In progress"), "not_started": _("Not started"),
         "expired": _("Expired")}[name]
    )  # fmt: skip


def _line(here: ReportPage, row: dict[str, Any], where: Pairs, address: str | None, name: str = "") -> ComplianceLine:
    enrolled = row["enrolled"]
    parts, x = [], float(_LEFT)
    for part, tone in _PARTS:
        size = row[part]
        width = round(size / enrolled * _WIDTH, 1) if enrolled else 0.0
        parts.append(BarPart(round(x, 1), width, tone, _words(part), size, people_of(here, part, where)))
        x += width
    numbers = {name: (row[name], people_of(here, name, where)) for name in _NUMBERS}
    return ComplianceLine(
        name or row["certification_name"] or row["certification"], address, parts, numbers, row["certified_percent"]
    )


def _units(asker: Asker, here: ReportPage, code: str) -> tuple[list[ComplianceLine], str | None]:
    """The units right below the one that the address names, and the address of the level above."""
    under = request.args.get("under", "")
    sql = (
        "SELECT u.ext, o.ext FROM unit u LEFT JOIN unit o ON o.host_id = u.host_id AND o.id = u.parent"
        " WHERE u.host_id = ? AND u.kind = 'organisation' AND NOT u.gone"
    )
    parents = dict(asker.rows(sql, asker.host_id))
    pairs = [("by", "organisation"), ("certification", code), *([("organisation", under)] if under else [])]
    level = frozenset(ext for ext, parent in parents.items() if (parent or "") == under)
    _columns, rows = overview.rows(asker, parse_question("overview", pairs), only=level)
    lines = []
    for row in sorted((one for one in rows if not one["total"]), key=_by_name("organisation")):
        deeper = row["organisation"] in parents.values()
        address = url_for(_first(here), certification=code, under=row["organisation"]) if deeper else None
        where = [("certification", code), ("organisation", row["organisation"])]
        lines.append(_line(here, row, where, address, row["organisation_name"]))
    above = None
    if under:
        above = url_for(_first(here), certification=code, under=parents.get(under) or None)
    return lines, above


def _past(here: ReportPage, code: str, months: list[Month]) -> dict[str, dict[str, str]]:
    """By the day on which a month ended, where the people of its numbers are; of a unit nobody keeps who was in it."""
    names = ("enrolled", "certified", "overdue")
    return {
        day: {name: people_of(here, name, [("certification", code), ("as_of", day)]) for name in names}
        for day in (month.day.isoformat() for month in months)
    }


def _week_bars(asker: Asker, here: ReportPage, code: str, weeks: list[int]) -> list[dict[str, Any]]:
    most, step = max([*weeks, 1]), _WIDTH / max(len(weeks), 1)
    return [
        {
            "x": round(at * step, 1), "height": max(round(size / most * 150, 1), 2.0 if size else 0.0), "size": size,
            "label": short_day(asker.now + at * WEEK, asker.zone), "address": due_in_week(here, code, asker.now, at),
        }
        for at, size in enumerate(weeks)
    ]  # fmt: skip


def due_in_week(here: ReportPage, code: str, now: int, number: int) -> str:
    """Where the people are who are due in one of the next weeks, of one certification or of all."""
    first, last = format_instant(now + number * WEEK + 1), format_instant(now + (number + 1) * WEEK)
    to_do = [
        ("active", "true"),
        *(("state", one) for one in TO_DO),
        ("due.between", f"{first}..{last}"),
        ("sort", "due"),
        told_of("due"),
    ]
    return here.address("learners", [*([("certification", code)] if code else []), *to_do])
