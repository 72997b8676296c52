"""Whole columns of a table as numpy arrays, read as one value: a row at a time costs several times as much."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from plugin.core.database.bulk import NULL as LEAST
from plugin.core.database.bulk import NULL_SQL, fetch
from plugin.core.database.dialect import is_sqlite

Ints = npt.NDArray[np.int64]
NULL = -1
"""Stands for NULL in the arrays; every number stored in these columns is zero or more, or an instant."""


def read_columns(
    session: Session, table: str, names: Sequence[str], where: str, *values: int, null: int = NULL
) -> list[Ints]:
    """Read integer columns in one scan, all in the same order of rows.

    :param table: table name, and ``names``, column names: constants of ours, never input.
    :param where: an SQL condition with ``?`` for each of the values.
    :param null: what NULL becomes.
    """
    missing = NULL_SQL if null == LEAST else str(null)
    cast = [f"coalesce({name}, {missing})" for name in names]
    if is_sqlite(session):
        listed = ", ".join(f"group_concat({name})" for name in cast)
        [row] = fetch(session, f"SELECT {listed} FROM {table} WHERE {where}", *values)
        return [_from_text(value) for value in row]
    listed = ", ".join(f"string_agg(int8send(({name})::bigint), ''::bytea)" for name in cast)
    [row] = fetch(session, f"SELECT {listed} FROM {table} WHERE {where}", *values, binary=True)
    return [np.frombuffer(bytes(value or b""), ">i8").astype(np.int64) for value in row]


def _from_text(value: str | int | None) -> Ints:
    if value is None:
        return np.zeros(0, np.int64)
    return np.fromstring(str(value), dtype=np.int64, sep=",")
