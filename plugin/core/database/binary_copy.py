"""Rows in PostgreSQL's binary COPY format, built a column at a time ("COPY", File Formats, Binary Format).

A row is a line of a table of bytes as wide as the widest row; a mask leaves out what a row does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

NULL = np.iinfo(np.int64).min
"""Stands for NULL in an array of numbers."""
_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL = b"\xff\xff"
_NUMBERS = {"SMALLINT": ">i2", "INTEGER": ">i4", "BIGINT": ">i8", "BOOLEAN": ">i1"}
_TEXTS = ("VARCHAR", "TEXT", "JSON")
_WIDE = 256
"""Texts longer than this, in bytes, are cheaper as lines."""

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Part = tuple[Bytes, Mask | None]
"""The bytes of a field, length first, for each row (or one row for all); which of them are there, where not all."""


def binary_rows(columns: Mapping[str, Any], kinds: Mapping[str, str], n: int) -> bytes | None:
    """``n`` rows as a binary COPY.

    :param columns: arrays of integers with ``NULL``, lists, or single values for all rows.
    :param kinds: the columns' types as SQL names them.
    :returns: ``None`` where a value or a type does not fit; lines of text then say it as well, or why not.
    """
    parts: list[Part] = [(_raw(len(columns).to_bytes(2)), None)]
    for name, column in columns.items():
        part = _part(column, kinds[name])
        if part is None:
            return None
        parts.append(part)
    width = sum(values.shape[1] for values, _there in parts)
    lines, there = np.empty((n, width), np.uint8), None
    if any(mask is not None for _values, mask in parts):
        there = np.ones((n, width), bool)
    at = 0
    for values, mask in parts:
        end = at + values.shape[1]
        lines[:, at:end] = values
        if mask is not None and there is not None:
            there[:, at:end] = mask
        at = end
    return _HEAD + (lines if there is None else lines[there]).tobytes() + _TAIL


def _part(column: Any, kind: str) -> Part | None:
    if kind in _NUMBERS:
        return _numbers(column, _NUMBERS[kind])
    if not kind.startswith(_TEXTS):
        return None
    if isinstance(column, list):
        return _strings(column) if all(type(value) is str for value in column) else None
    if column is None:
        return _raw(b"\xff" * 4), None
    return _one(column.encode()) if isinstance(column, str) else None


def _numbers(column: Any, form: str) -> Part | None:
    if column is None:
        return _raw(b"\xff" * 4), None
    if isinstance(column, list):
        if not all(value is None or isinstance(value, int) for value in column):
            return None
        column = np.array([NULL if value is None else int(value) for value in column], np.int64)
    elif not isinstance(column, np.ndarray):
        return _one(np.array(int(column), form).tobytes()) if _fits(np.array([int(column)]), form) else None
    missing = column == NULL
    if not _fits(column[~missing], form):
        return None
    size = np.dtype(form).itemsize
    field = np.empty((len(column), 4 + size), np.uint8)
    field[:, :4] = _raw(size.to_bytes(4))
    field[:, 4:] = np.where(missing, 0, column).astype(form).view(np.uint8).reshape(-1, size)
    if not missing.any():
        return field, None
    field[missing, :4] = 0xFF
    there = np.ones(field.shape, bool)
    there[missing, 4:] = False
    return field, there


def _fits(values: np.ndarray, form: str) -> bool:
    if not len(values) or form == ">i8":
        return True
    limits = np.iinfo(np.dtype(form))
    return bool(values.min() >= limits.min and values.max() <= limits.max)


def _strings(column: list[str]) -> Part | None:
    encoded = [value.encode() for value in column]
    lengths = np.array([len(value) for value in encoded], np.int64)
    width = int(lengths.max())
    if width > _WIDE:
        return None
    field = np.zeros((len(column), 4 + width), np.uint8)
    field[:, :4] = lengths.astype(">i4").view(np.uint8).reshape(-1, 4)
    if width:
        field[:, 4:] = np.array(encoded, f"S{width}").view(np.uint8).reshape(-1, width)
    if (lengths == width).all():
        return field, None
    there = np.ones(field.shape, bool)
    there[:, 4:] = np.arange(width) < lengths[:, None]
    return field, there


def _one(value: bytes) -> Part:
    return _raw(len(value).to_bytes(4) + value), None


def _raw(value: bytes) -> Bytes:
    return np.frombuffer(value, np.uint8)[None, :]
