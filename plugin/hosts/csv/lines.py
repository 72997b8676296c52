"""Files whose rows are lines: what tells a line again, and what stands in a column, without taking every line apart."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from plugin.hosts.csv.table import Table

_PLAIN = ("utf-8", "utf-8-sig", "cp1252", "latin-1")
"""Encodings in which a byte below 128 is always the letter of ASCII."""


def plain_lines(table: Table) -> list[bytes] | None:
    """The lines below the headings where each is one row; ``None`` where a row may go on in the next line, or be no line.

    A line's number in the file is its place here, after ``table.first``, from 1.
    """
    data = table.file.data
    if table.file.rows is not None or table.encoding not in _PLAIN:
        return None
    if data.count(b"\r") != data.count(b"\r\n"):
        return None
    lines = data.split(b"\n")[table.first :]
    if b'"' in data:
        quoted = [line for line in lines if b'"' in line]
        if len(quoted) * 5 > len(lines) or not all(_whole(table, line) for line in quoted):
            return None
    return lines


def _whole(table: Table, line: bytes) -> bool:
    """Whether a line with quotes is a row of its own."""
    try:
        return (
            len(list(csv.reader([line.decode(table.encoding, "replace")], delimiter=table.separator, strict=True))) == 1
        )
    except csv.Error:
        return False


def marks_of(lines: Sequence[bytes]) -> NDArray[np.uint64]:
    """By line a number of 64 bits that tells it from another."""
    crc = np.fromiter(map(zlib.crc32, lines), np.uint64, len(lines))
    adler = np.fromiter(map(zlib.adler32, lines), np.uint64, len(lines))
    return crc << np.uint64(32) | adler


def values_of(table: Table, lines: Sequence[bytes], columns: Mapping[str, int]) -> dict[str, set[str]]:
    """By name the values of some columns over all lines of :func:`plain_lines`."""
    if not columns:
        return {}
    sign, code = table.separator.encode(), table.encoding
    quoted = [line for line in lines if b'"' in line] if b'"' in table.file.data else []
    rows = list(csv.reader((line.decode(code, "replace") for line in quoted), delimiter=table.separator))
    plain = [line for line in lines if b'"' not in line] if quoted else lines
    found: dict[str, set[str]] = {}
    for name, place in columns.items():
        cells = {cut[place] for line in plain if len(cut := line.split(sign, place + 1)) > place}
        found[name] = {cell.decode(code, "replace") for cell in cells} | {
            row[place] for row in rows if len(row) > place
        }
    return found
