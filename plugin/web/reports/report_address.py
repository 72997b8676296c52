"""What a page's address asks: filters as chips, headings that sort, and the addresses of what is next to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request, url_for

from plugin.reports.asking.filters import OPERATORS, names_of
from plugin.reports.asking.question import Question, parse_question
from plugin.reports.catalogue import source_named
from plugin.web.reports.labels import column_label, operator_label

Pairs = list[tuple[str, str]]
Names = Mapping[tuple[str, str], str]
"""Of a filter and its value, what that is called."""
_OWN = ("add", "value", "how", "column", "format", "source")
"""Fields of the page's own forms."""


@dataclass(frozen=True)
class ReportChip:
    """A filter in words, and the address without it."""

    words: str
    without: str


@dataclass(frozen=True)
class ReportPage:
    """The page: its endpoint, and what is fixed in its address.

    :ivar endpoint: of a source's table. ``files``: of its file.
    """

    endpoint: str
    files: str

    def address(self, source: str, pairs: Pairs) -> str:
        """The address of a report on these pages."""
        return url_for(self.endpoint, source=source, **grouped(pairs))

    def file(self, source: str, pairs: Pairs, form: str) -> str:
        """The address of its file."""
        return url_for(self.files, source=source, form=form, **grouped(pairs))


def grouped(pairs: Pairs) -> dict[str, Any]:
    """Pairs as ``url_for`` takes them."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def given() -> Pairs:
    """What the address says, without what the page's own forms add."""
    return [(name, value) for name, value in request.args.items(multi=True) if name not in _OWN]


def changed(meant: Callable[[str, str], str]) -> Pairs | None:
    """The report with what the page's forms add: another filter, other columns; ``None`` where they add nothing.

    :param meant: of a filter's name and what was typed, the value.
    """
    pairs = given()
    add, value = request.args.get("add", "").strip(), request.args.get("value", "").strip()
    how = request.args.get("how", "")
    if add:
        if how == "empty" or (add == "overdue" and not value):
            value = value or "true"
        elif how not in OPERATORS:
            value = meant(add, value)
        return [*without(pairs, "cursor"), (f"{add}.{how}" if how in OPERATORS else add, value)]
    if columns := request.args.getlist("column"):
        return [*without(pairs, "columns", "cursor"), ("columns", ",".join(columns))]
    return None


def without(pairs: Pairs, *names: str) -> Pairs:
    """These pairs, less the ones of these names."""
    return [pair for pair in pairs if pair[0] not in names]


def question(source: str, pairs: Pairs) -> Question:
    """The question of a page.

    :raises Refused: for anything that is no question.
    """
    return parse_question(source, pairs)


def chips(here: ReportPage, asked: Question, pairs: Pairs, names: Names) -> list[ReportChip]:
    """The filters that are on. :param names: what values are called."""
    found = []
    for pair, words in zip(asked.filters, filter_words(asked, names), strict=True):
        rest = [one for one in without(pairs, "cursor") if one != pair]
        found.append(ReportChip(words, here.address(asked.source, rest)))
    return found


def filter_words(asked: Question, names: Names) -> list[str]:
    """The filters of a question in words. :param names: what values are called."""
    found = []
    for name, value in asked.filters:
        stem, _dot, operator = name.rpartition(".")
        if name == "manager.below" or operator not in OPERATORS:
            stem, operator = name, ""
        told = "" if operator == "empty" and value == "true" else names.get((name, value), value)
        found.append(f"{column_label(stem)} {operator_label(operator)} {told}".strip())
    return found


def headings(here: ReportPage, asked: Question, pairs: Pairs, names: Sequence[str]) -> list[tuple[str, str, str]]:
    """Label, address that sorts by it, and ``ascending``, ``descending`` or nothing, of each column."""
    found = []
    for name in names:
        now = "ascending" if asked.sort == name else "descending" if asked.sort == f"-{name}" else ""
        turned = f"-{name}" if now == "ascending" else name
        address = here.address(asked.source, [*without(pairs, "sort", "cursor"), ("sort", turned)])
        found.append((column_label(name), address, now))
    return found


def choices(here: ReportPage, source: str, pairs: Pairs, names: Sequence[str]) -> list[tuple[str, str, bool, str]]:
    """The columns there are, those shown first in their order.

    Name, label, whether it is shown, and the address of the report with it a place further up.
    """
    found = []
    for place, name in enumerate(names):
        moved = [*names]
        moved[place - 1 : place + 1] = [name, names[place - 1]]
        address = here.address(source, [*without(pairs, "columns"), ("columns", ",".join(moved))]) if place else ""
        found.append((name, column_label(name), True, address))
    rest = [one.name for one in source_named(source).columns if one.name not in names]
    return found + [(name, column_label(name), False, "") for name in rest]


def filter_names(source: str) -> list[tuple[str, str]]:
    """What may be filtered by: name and label, by label."""
    return sorted(((one, column_label(one)) for one in names_of(source_named(source))), key=lambda pair: pair[1])
