"""CSV and JSON lines, a part at a time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from plugin.reports.columns import FLAG, INSTANT, TEXT, WORD, Column, Row
from plugin.reports.values import item, plain, written_instant

BOM = "\ufeff"
_FORMULA = tuple("=+-@\t\r＝＋－＠|%")
_BLANK = " \t\r\n\v\f\u00a0\u200b\u2007\u202f\ufeff\u3000"


_SUSPICIOUS = frozenset("".join(_FORMULA) + _BLANK)


def defused(text: str) -> str:
    """Text that no spreadsheet takes for a formula, also after blanks: an apostrophe stands before it."""
    if text[:1] not in _SUSPICIOUS:
        return text
    return f"'{text}" if text[:1] in ("\t", "\r") or text.lstrip(_BLANK).startswith(_FORMULA) else text


def clean(text: str) -> str:
    """Text that can be written: half a surrogate becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def cells(column: Column, values: Sequence[Any], zone: str) -> list[str]:
    """The cells of a CSV file, a column of them."""
    if column.type == INSTANT:
        return ["" if value is None else str(written_instant(int(value))) for value in values]
    if column.type in (TEXT, WORD) and column.words and not column.parts:
        return ["" if value is None else value for value in values]
    if column.type in (TEXT, WORD):
        return ["" if value is None else defused(value) for value in values]
    if column.type == FLAG:
        return ["" if value is None else "true" if value else "false" for value in values]
    told = (plain(column, value, zone) for value in values)
    return [_written(value) for value in told]


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return defused(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def table_of(columns: tuple[Column, ...], part: Sequence[Row], zone: str) -> list[tuple[str, ...]]:
    """Rows of cells."""
    if not part or not columns:
        return []
    return list(zip(*(cells(one, [row.get(one.name) for row in part], zone) for one in columns), strict=True))


def csv_parts(columns: tuple[Column, ...], parts: Iterable[list[Row]], zone: str) -> Iterator[bytes]:
    """UTF-8 with a byte order mark, as RFC 4180 has it; the heading comes first and at once."""
    yield (BOM + _lines([[one.name for one in columns]])).encode()
    for part in parts:
        yield _lines(table_of(columns, part, zone)).encode("utf-8", "replace")


def csv_tables(columns: tuple[Column, ...], parts: Iterable[list[tuple[Any, ...]]], zone: str) -> Iterator[bytes]:
    """The same of bare rows: a column at a time, which costs a third."""
    yield (BOM + _lines([[one.name for one in columns]])).encode()
    for part in parts:
        lists = [cells(one, values, zone) for one, values in zip(columns, zip(*part, strict=True), strict=True)]
        yield _lines(list(zip(*lists, strict=True))).encode("utf-8", "replace")


def _lines(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def jsonl_parts(columns: tuple[Column, ...], parts: Iterable[list[Row]], zone: str) -> Iterator[bytes]:
    """One JSON document a line."""
    for part in parts:
        lines = [clean(json.dumps(item(columns, row, zone), ensure_ascii=False)) for row in part]
        if lines:
            yield ("\n".join(lines) + "\n").encode()


def table_parts(columns: tuple[Column, ...], parts: Iterable[list[Row]], zone: str) -> Iterator[bytes]:
    """Text in columns, as wide as the first rows ask for."""
    widths: list[int] | None = None
    for part in parts:
        rows = [[" ".join(clean(text).split()) for text in row] for row in table_of(columns, part, zone)]
        if widths is None and rows:
            names = [one.name for one in columns]
            widths = [min(60, max(map(len, column))) for column in zip(names, *rows, strict=True)]
            yield (_padded(names, widths) + "\n").encode()
        if rows and widths is not None:
            yield ("\n".join(_padded(row, widths) for row in rows) + "\n").encode()
    if widths is None:
        yield ("  ".join(one.name for one in columns) + "\n").encode()


def _padded(row: list[str], widths: list[int]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
