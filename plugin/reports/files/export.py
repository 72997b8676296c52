"""A report that leaves Muster: written down in the history before its first byte, and again when it is whole."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from plugin.core.days import local_day
from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.reports.asking import learner_sets
from plugin.reports.asking.question import Question
from plugin.reports.asking.reader import Reader
from plugin.reports.asking.unknown import unknown
from plugin.reports.columns import TEXT, Column, Row
from plugin.reports.files.sheet import book_parts
from plugin.reports.files.text import csv_parts, csv_tables, jsonl_parts, table_parts
from plugin.reports.query import whole
from plugin.reports.service import asker_of, zone_of

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "jsonl": "application/x-ndjson",
    "table": "text/plain; charset=utf-8",
}
Writer = Callable[[tuple[Column, ...], Iterable[list[Row]], str], Iterator[bytes]]
"""Writes rows in a form of its own: columns, rows in parts, the host's zone."""
BEGUN, FINISHED, STOPPED = "export_begun", "export_finished", "export_stopped"


@dataclass
class _Count:
    rows: int = 0


_PRESENT = {
    "organisations": {"organisation", "organisation_path"}, "positions": {"position"},
    "managers": {"manager", "manager_email"}, "audiences": {"audience"}, "profile fields": {"fields"},
}  # fmt: skip
"""What is as of now whatever day is asked about (REPORTS 3), and the filters and columns that tell it."""


def _of_today(question: Question) -> str:
    """What is to be said beside the day where rows are told apart by what is kept of the present alone."""
    named = (question.by, *(name for name, _value in question.filters), *question.columns)
    asked = {one.partition(".")[0] for one in named}
    words = [word for word, columns in _PRESENT.items() if asked & columns]
    return f", {' and '.join(words)} of today" if words else ""


class Export:
    """A report on its way out: iterate it to the end, or close it.

    The transaction it is read in lasts as long as it: every row is of one instant.

    :ivar name: of the file. :ivar media: its type. :ivar number: of the entry in the history.
    :param writer: of a form that is none of ``FORMATS``: a page to print.
    :raises Refused: for anything that is asked for and is not there; then nothing is written down.
    """

    def __init__(
        self, runtime: Runtime, host_id: int, reader: Reader, question: Question, form: str, *, writer: Writer | None = None
    ) -> None:  # fmt: skip
        if form not in FORMATS and writer is None:
            raise unknown("format", form, list(FORMATS))
        self._writer = writer
        self.runtime, self.host_id, self.reader, self.question, self.form = runtime, host_id, reader, question, form
        self.media = FORMATS.get(form, "text/html; charset=utf-8")
        self.counted = _Count()
        self.done = False
        self._stack = ExitStack()
        try:
            session = self._stack.enter_context(runtime.db.read(steady=True))
            asker = asker_of(runtime, session, host_id, reader)
            found = whole(asker, question)
            self.columns, self._parts = found.columns, found.parts
            self._tables = found.tables if form == "csv" and not question.as_of else lambda: None
            self.as_of = question.as_of + (found.moment.words if found.moment is not None else "") + _of_today(question)
            self.zone = zone_of(asker, found)
            codes = [value for name, value in question.filters if name == "certification"]
            self.certification = learner_sets.certifications(asker).get(codes[0]) if len(codes) == 1 else None
            self.name = self._name(codes)
            self.number = self._told(BEGUN)
        except BaseException:
            self._stack.close()
            raise
        self._bytes = self._written()

    def _name(self, codes: list[str]) -> str:
        day = self.question.as_of[:10] or local_day(self.runtime.clock.now(), self.zone).isoformat()
        which = "-".join(codes) if len(codes) < 4 else f"{len(codes)}-certifications"
        named = "-".join(part for part in (self.question.source, which, day) if part)
        safe = "".join(one if (one.isalnum() and one.isascii()) or one in "-_." else "_" for one in named)
        return f"{safe[:150]}.{'txt' if self.form == 'table' else self.form}"

    def _told(self, what: str, count: int = 0) -> int:
        """Write into the history; where that fails nothing leaves."""
        data = {
            "source": self.question.source, "format": self.form, "report": self.question.pairs(),
            **({} if what == BEGUN else {"of": self.number}),
        }  # fmt: skip
        return self.runtime.db.transact(
            lambda session: record(
                session, self.host_id, self.runtime.clock.now(), self.reader.who, what,
                certification=self.certification, reason=self.question.source, data=data, count=count,
            )
        )  # fmt: skip

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._bytes)

    def _counting(self) -> Iterator[list[Row]]:
        for part in self._parts:
            self.counted.rows += len(part)
            if self.question.as_of:
                for row in part:
                    row["as_of"] = self.as_of
            yield part

    def _counting_rows(self, parts: Iterator[list[tuple[Any, ...]]]) -> Iterator[list[tuple[Any, ...]]]:
        for part in parts:
            self.counted.rows += len(part)
            yield part

    def _written(self) -> Iterator[bytes]:
        columns = self.columns
        if self.question.as_of:
            columns = (*columns, Column("as_of", TEXT))
        writers: dict[str, Writer] = {"csv": csv_parts, "jsonl": jsonl_parts, "table": table_parts}
        if (tables := self._tables()) is not None:
            yield from csv_tables(columns, self._counting_rows(tables), self.zone)
        elif (writer := self._writer or writers.get(self.form)) is not None:
            yield from writer(columns, self._counting(), self.zone)
        else:
            yield from book_parts(columns, self._counting(), self.zone, self.question.source)
        self.done = True
        self._told(FINISHED, self.counted.rows)
        self._stack.close()

    def close(self) -> None:
        """Give back what it holds; one that is not whole is written down as stopped."""
        for one in (self._bytes, self._parts):
            if isinstance(one, Generator):
                one.close()
        self._stack.close()
        if not self.done:
            self.done = True
            self._told(STOPPED, self.counted.rows)
