"""Rows in PostgreSQL's text COPY format ("COPY", File Formats, Text Format), for what its binary form does not fit."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import Any

import numpy as np

from plugin.core.database.binary_copy import NULL

_SPECIAL = frozenset("\\\t\n\r")


def text_lines(columns: Iterable[Any], n: int) -> Iterable[str]:
    """``n`` lines of columns: arrays of integers with ``NULL``, lists, or single values for all rows."""
    texts = [_texts(column, n) for column in columns]
    return (line + "\n" for line in map("\t".join, zip(*texts, strict=False)))


def _texts(column: Any, n: int) -> Iterable[str]:
    if isinstance(column, np.ndarray):
        missing = column == NULL
        if missing.all():
            return repeat("\\N", n)
        if not missing.any():
            return map(str, column.tolist())
        return ["\\N" if value == NULL else str(value) for value in column.tolist()]
    if isinstance(column, list):
        plain = all(type(value) is str for value in column) and not _SPECIAL.intersection("".join(column))
        return column if plain else map(_escaped, column)
    return repeat(_escaped(column), n)


def _escaped(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    return str(int(value))
