"""Writing many rows at once: COPY on PostgreSQL, executemany on SQLite, inside the session's own transaction.

The one place where the two databases are written to in different ways. PostgreSQL takes no COPY into a table with row
security, so that there rows go into a temporary table first. Callers hand over columns, not rows: a column
is an array or list with a value for each row, or one value for all of them. Booleans are 0 and 1, JSON is its text.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import repeat
from typing import Any

import numpy as np
import psycopg.errors
from sqlalchemy import Dialect, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from plugin.core.database.binary_copy import NULL as NULL
from plugin.core.database.binary_copy import binary_rows
from plugin.core.database.copy_lines import text_lines
from plugin.core.database.dialect import has_row_security, is_sqlite
from plugin.core.database.slices import slices

NULL_SQL = "(-9223372036854775807 - 1)"
"""``NULL`` as SQL writes it: as a literal it would overflow."""
_NAMED = 500
_SPARSE = 8
_SLICE = 4_000
"""Rows for which one statement carries arrays; more go by COPY."""
_FEW = 1_000
"""Rows for which a temporary table costs more than it saves."""
_STAGE = "muster_new_rows"
_POSTGRES: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's dialects have no types

_NUMBERS = ("SMALLINT", "INTEGER", "BIGINT", "BOOLEAN")

Column = Any
"""``ndarray`` of integers with ``NULL``, a list, or a single value."""


def fetch(session: Session, sql: str, *values: Any, binary: bool = False) -> list[tuple[Any, ...]]:
    """All rows of a query as plain tuples, by the driver itself.

    :param sql: text of ours, with ``?`` for each value; a list of numbers fits ``IN`` by :func:`among`.
    :param binary: let PostgreSQL send the values as they are: worth it for long strings of bytes.
    """
    cursor = _cursor(session)
    if is_sqlite(session):
        cursor.execute(sql, values)
    else:
        cursor.execute(sql.replace("?", "%s"), values, binary=binary)
    return list(cursor.fetchall())


def fetch_named(session: Session, sql: str, names: Iterable[Any], *values: Any) -> list[tuple[Any, ...]]:
    """The rows of a query about some names or numbers, however many, as :func:`fetch` gives them.

    :param sql: ``{names}`` in it stands for their list, behind all other values.
    """
    found: list[tuple[Any, ...]] = []
    for part in slices(sorted(set(names)), _NAMED):
        found += fetch(session, sql.replace("{names}", ", ".join("?" * len(part))), *values, *part)
    return found


def stream(session: Session, sql: str, *values: Any, size: int = 2_000) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a query in parts, however many there are. ``sql`` as for :func:`fetch`.

    Other statements of the session may run between the parts; the transaction lasts until the last.
    """
    if is_sqlite(session):
        cursor = _cursor(session)
        cursor.execute(sql, values)
    else:
        session.flush()
        cursor = session.connection().connection.cursor(name="stream")
        cursor.execute(sql.replace("?", "%s"), values)
    try:
        while rows := cursor.fetchmany(size):
            yield list(rows)
    finally:
        cursor.close()


def run(session: Session, sql: str, *values: Any) -> int:
    """Execute one statement by the driver itself; returns how many rows it touched. ``sql`` as for :func:`fetch`."""
    cursor = _cursor(session)
    cursor.execute(sql if is_sqlite(session) else sql.replace("?", "%s"), values)
    return int(cursor.rowcount)


def run_each(session: Session, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Execute one statement with the values of each row. ``sql`` as for :func:`fetch`."""
    if rows:
        _cursor(session).executemany(sql if is_sqlite(session) else sql.replace("?", "%s"), rows)


def exactly(column: str, people: np.ndarray) -> str:
    """An SQL condition on numbers: these and no others, for what changes rows or takes whatever it reads."""
    return f"{column} IN ({', '.join(map(str, people.tolist())) or 'NULL'})"


def among(column: str, people: np.ndarray) -> str:
    """An SQL condition on sorted numbers: those named where they are few, else all between the first and the last, of
    which the caller takes its own."""
    if len(people) <= _NAMED:
        return exactly(column, people)
    return f"{column} BETWEEN {int(people[0])} AND {int(people[-1])}"


def only(column: str, people: np.ndarray) -> str:
    """The same where each row counts: named also where they are many, if those between are many times as many."""
    if len(people) <= _NAMED or int(people[-1]) - int(people[0]) < _SPARSE * len(people):
        return among(column, people)
    return exactly(column, people)


def insert_rows(session: Session, table: Any, columns: Mapping[str, Column], *, skip_present: bool = False) -> bool:
    """Insert rows into a mapped class or table. Columns left out take their Python-side default.

    :param skip_present: rows whose key is there already are left as they are.
    :returns: whether every row was new.
    """
    target = _table(table)
    n = _length(columns)
    if not n:
        return True
    full = {**_defaults(target, columns), **columns}
    if is_sqlite(session):
        marks = ", ".join("?" * len(full))
        verb = "INSERT OR IGNORE" if skip_present else "INSERT"
        sql = f"{verb} INTO {_quoted(target.name)} ({_names(full)}) VALUES ({marks})"
        cursor = _cursor(session)
        cursor.executemany(sql, _rows(full.values(), n))
        return bool(cursor.rowcount == n)
    if has_row_security(session) and "host_id" in target.columns:
        return _stage(session, target, full, n, skip_present=skip_present)
    if not skip_present:
        _copy(session, target.name, target, full, n)
        return True
    return _copy_new(session, target, full, n)


def update_rows(
    session: Session, table: Any, keys: Mapping[str, Column], columns: Mapping[str, Column], *, count: str = ""
) -> None:
    """Set columns of the rows with these keys; a key may be one value for all rows.

    :param count: a column to raise by one.
    """
    target = _table(table)
    n = _length({**keys, **columns})
    if not n:
        return
    if is_sqlite(session):
        sets = ", ".join([f"{_quoted(name)} = ?" for name in columns] + _raised(target, count))
        where = " AND ".join(f"{_quoted(name)} = ?" for name in keys)
        sql = f"UPDATE {_quoted(target.name)} SET {sets} WHERE {where}"
        _cursor(session).executemany(sql, _rows([*columns.values(), *keys.values()], n))
        return
    given = {**keys, **columns}
    sets = ", ".join([f"{_quoted(name)} = given.{_quoted(name)}" for name in columns] + _raised(target, count))
    where = " AND ".join(f"{_quoted(target.name)}.{_quoted(name)} = given.{_quoted(name)}" for name in keys)
    for first in range(0, n, _SLICE):
        part = {name: _lists(value, n)[first : first + _SLICE] for name, value in given.items()}
        source, values = _unnest(target, part)
        _cursor(session).execute(f"UPDATE {_quoted(target.name)} SET {sets} FROM {source} WHERE {where}", values)


def _raised(table: Table, column: str) -> list[str]:
    return [f"{_quoted(column)} = {_quoted(table.name)}.{_quoted(column)} + 1"] if column else []


def nullable(column: np.ndarray) -> list[int | None]:
    """A list of an array, with ``None`` for ``NULL``."""
    if (column != NULL).all():
        return list(column.tolist())
    return [None if value == NULL else value for value in column.tolist()]


def _copy(session: Session, into_table: str, table: Table, columns: Mapping[str, Column], n: int) -> None:
    into = f"COPY {_quoted(into_table)} ({_names(columns)}) FROM STDIN"
    data = binary_rows(columns, {name: _pg_type(table, name) for name in columns}, n)
    with _cursor(session).copy(into if data is None else f"{into} (FORMAT BINARY)") as copy:
        copy.write("".join(text_lines(columns.values(), n)) if data is None else data)


def _copy_new(session: Session, table: Table, columns: Mapping[str, Column], n: int) -> bool:
    """COPY knows no *on conflict*: where a row turns out to be present, go back and insert with it."""
    cursor = _cursor(session)
    if n > 50:
        cursor.execute("SAVEPOINT bulk")
        try:
            _copy(session, table.name, table, columns, n)
        except psycopg.errors.UniqueViolation:
            cursor.execute("ROLLBACK TO SAVEPOINT bulk")
        else:
            cursor.execute("RELEASE SAVEPOINT bulk")
            return True
    return _insert_arrays(session, table, columns, n, skip_present=True)


def _stage(session: Session, table: Table, columns: Mapping[str, Column], n: int, *, skip_present: bool) -> bool:
    """By COPY into a temporary table, and from there under the table's policies (decision 0094 has the times)."""
    if n <= _FEW:
        return _insert_arrays(session, table, columns, n, skip_present=skip_present)
    cursor, names = _cursor(session), _names(columns)
    cursor.execute(
        f"CREATE TEMPORARY TABLE {_STAGE} ON COMMIT DROP AS SELECT {names} FROM {_quoted(table.name)} WITH NO DATA"
    )
    _copy(session, _STAGE, table, columns, n)
    cursor.execute(_insert(table, names, _STAGE, skip_present=skip_present))
    inserted = int(cursor.rowcount)
    cursor.execute(f"DROP TABLE {_STAGE}")
    return inserted == n


def _insert_arrays(
    session: Session, table: Table, columns: Mapping[str, Column], n: int, *, skip_present: bool
) -> bool:
    cursor, inserted = _cursor(session), 0
    lists = {name: _lists(value, n) for name, value in columns.items()}
    for first in range(0, n, _SLICE):
        source, values = _unnest(table, {name: value[first : first + _SLICE] for name, value in lists.items()})
        cursor.execute(_insert(table, _names(columns), source, skip_present=skip_present), values)
        inserted += int(cursor.rowcount)
    return inserted == n


def _insert(table: Table, names: str, source: str, *, skip_present: bool) -> str:
    end = " ON CONFLICT DO NOTHING" if skip_present else ""
    return f"INSERT INTO {_quoted(table.name)} ({names}) SELECT {names} FROM {source}{end}"


def _unnest(table: Table, columns: Mapping[str, list[Any]]) -> tuple[str, list[Any]]:
    casts = ", ".join(f"%s::{_pg_type(table, name)}[]" for name in columns)
    values = [numbers(value) if _pg_type(table, name) in _NUMBERS else value for name, value in columns.items()]
    return f"unnest({casts}) AS given({_names(columns)})", values


def numbers(values: Sequence[int | None]) -> str:
    """An array of PostgreSQL's in its own letters, to be cast: the driver would look at each number by itself."""
    return "{" + ",".join(["NULL" if value is None else str(int(value)) for value in values]) + "}"


@cache
def _pg_type(table: Table, name: str) -> str:
    return str(table.c[name].type.compile(dialect=_POSTGRES))


def _rows(columns: Iterable[Column], n: int) -> Iterable[tuple[Any, ...]]:
    return zip(*(_iterable(column, n) for column in columns), strict=False)


def _iterable(column: Column, n: int) -> Iterable[Any]:
    if isinstance(column, np.ndarray):
        return nullable(column)
    return column if isinstance(column, list) else repeat(_plain(column), n)


def _lists(column: Column, n: int) -> list[Any]:
    return list(_iterable(column, n))


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, np.integer | bool) else value


def _length(columns: Mapping[str, Column]) -> int:
    lengths = {len(column) for column in columns.values() if isinstance(column, np.ndarray | list)}
    assert len(lengths) == 1, "columns of one length, and at least one of them"
    return lengths.pop()


def _defaults(table: Table, given: Mapping[str, Column]) -> dict[str, Column]:
    found: dict[str, Column] = {}
    for column in table.columns:
        default = column.default
        if column.name in given or default is None:
            continue
        if default.is_scalar:
            found[column.name] = _plain(default.arg)  # type: ignore[attr-defined]  # defaults here are values
        else:  # a container, empty
            found[column.name] = "{}" if "dict" in str(default.arg) else "[]"  # type: ignore[attr-defined]  # defaults here are values
    return found


def _table(table: Any) -> Table:
    return table if isinstance(table, Table) else table.__table__


def _names(columns: Mapping[str, Any] | Sequence[str]) -> str:
    return ", ".join(_quoted(name) for name in columns)


def _quoted(name: str) -> str:
    return f'"{name}"'


def _cursor(session: Session) -> Any:
    session.flush()
    return session.connection().connection.cursor()
