"""What a question is answered with: a part of a list, or all rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from plugin.reports.as_of import Moment
from plugin.reports.columns import Column, Row


@dataclass(frozen=True)
class ReportAnswer:
    """A part of a report.

    :ivar next: the cursor of the part after it. :ivar moment: the time it was asked as of.
    """

    columns: tuple[Column, ...]
    rows: list[Row]
    next: str | None
    total: int
    moment: Moment | None = None


@dataclass(frozen=True)
class WholeReport:
    """A whole report: its columns, its rows in parts, and the time it was asked as of."""

    columns: tuple[Column, ...]
    parts: Iterator[list[Row]]
    moment: Moment | None
    tables: Callable[[], Iterator[list[tuple[Any, ...]]] | None] = lambda: None
    """In place of the parts: the same as bare rows, where the database gives all of them."""
