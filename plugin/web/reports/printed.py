"""A report as a page to print: every row, with what was asked and when; an export like any other (REPORTS 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flask import Response, render_template, stream_with_context
from markupsafe import Markup, escape

from plugin.reports.asking.question import Question
from plugin.reports.asking.reader import Reader
from plugin.reports.columns import Column, Row
from plugin.reports.files.export import Export
from plugin.web.frame.kit import host_id, runtime
from plugin.web.frame.words import moment
from plugin.web.reports import choosing
from plugin.web.reports.cells import NUMBERS, shown
from plugin.web.reports.labels import column_label, source_label
from plugin.web.reports.report_address import filter_words
from plugin.web.reports.value_words import when_words

_ROWS = "{rows}"


def printed(source: str, question: Question, reader: Reader) -> Response:
    """The page, on its way while its rows are read.

    :raises Refused: for anything that is asked for and is not there.
    """
    with runtime().db.read() as session:
        names = choosing.names(session, host_id(), reader, source, question.filters)
    export = Export(runtime(), host_id(), reader, question, "print", writer=_rows)
    page = render_template(
        "reports/printed.html", label=source_label(source), filters=filter_words(question, names),
        as_of=when_words(export.as_of or "", export.zone),
        zone=export.zone, at=moment(runtime().clock.now(), export.zone), rows=Markup(_ROWS),  # noqa: S704 - a constant
    )  # fmt: skip
    head, _place, tail = page.partition(_ROWS)

    def whole() -> Iterator[bytes]:
        yield head.encode()
        yield from export
        yield tail.encode()

    answer = Response(stream_with_context(whole()), content_type=export.media)
    answer.call_on_close(export.close)
    return answer


def _rows(columns: tuple[Column, ...], parts: Iterable[list[Row]], zone: str) -> Iterator[bytes]:
    heads = "".join(f'<th scope="col">{escape(column_label(one.name))}</th>' for one in columns)
    yield f"<thead><tr>{heads}</tr></thead><tbody>".encode()
    kinds = [' class="number"' if one.type in NUMBERS else "" for one in columns]
    for part in parts:
        lines = []
        for row in part:
            cells = (
                f"<td{kind}>{escape(shown(one, row, zone))}</td>" for one, kind in zip(columns, kinds, strict=True)
            )
            lines.append(f"<tr>{''.join(cells)}</tr>")
        yield "\n".join(lines).encode("utf-8", "replace")
    yield b"</tbody>"
