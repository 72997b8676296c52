"""Whole columns of a table as numpy arrays, read as one value: a row at a time costs several times as much."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.core.database.bulk import NULL as LEAST
from plugin.core.database.bulk import NULL_SQL, fetch
from plugin.core.database.dialect import is_sqlite

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_FEW = 16
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


def bitmap(people: Ints) -> BitMap:
    """A set of ids."""
    return BitMap(people.astype(np.uint32))


def one_of(values: np.ndarray, codes: Sequence[int | str]) -> Mask:
    """Where a value is one of a few codes; several times as quick as a general search in short arrays."""
    found = values == codes[0]
    for code in codes[1:]:
        found |= values == code
    return found


def are_in(people: Ints, members: BitMap) -> Mask:
    """Which of these people, distinct ids, are among the members."""
    if len(people) <= _FEW:
        return np.array([person in members for person in people.tolist()], bool)
    inside = np.array(BitMap(people.astype(np.uint32)) & members, dtype=np.int64)
    return np.isin(people, inside, assume_unique=True)


def _from_text(value: str | int | None) -> Ints:
    if value is None:
        return np.zeros(0, np.int64)
    return np.fromstring(str(value), dtype=np.int64, sep=",")
