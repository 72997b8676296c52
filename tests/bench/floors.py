"""The floors: what the database alone needs, through the same engine with the same durability."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Iterator
from typing import Any

from sqlalchemy import MetaData, Table, text

from plugin.core.runtime import Runtime
from plugin.schema import metadata
from tests.bench.meter import begun

SCAN_ENROLMENTS = "SELECT count(*) FROM enrolment WHERE state > -1"
COUNT_JOBS = "SELECT count(*) FROM job WHERE host_id = 1 AND NOT gone"
COUNT_RAW = f"{COUNT_JOBS} UNION ALL SELECT count(*) FROM audience_member WHERE host_id = 1"
ONE_ROW = "UPDATE person SET sweep = :turn WHERE host_id = 1 AND id = 5"
WRITTEN = ("enrolment", "seat", "message", "why_set", "journal")
_COPY = "COPY floor_{name} FROM STDIN"
_INSERT = "INSERT INTO floor_{name} VALUES ({marks})"
LITERAL = (
    SCAN_ENROLMENTS, COUNT_JOBS, COUNT_RAW, f"{ONE_ROW}  -- three times, each committed",
    *(f"{_COPY.format(name=name)}  -- or, on SQLite, {_INSERT.format(name=name, marks='?, ...')}" for name in WRITTEN),
)  # fmt: skip
"""Printed with every run; the last ones are written in one transaction, the rows sorted by key."""
_NEW = {
    "enrolment": "began >= {at}", "seat": "changed >= {at}", "message": "created >= {at}", "journal": "at >= {at}",
    "why_set": "1 = 1",
}  # fmt: skip
_BLOCK = 200_000


def asked(runtime: Runtime, sql: str, times: int = 5) -> float:
    """Median milliseconds of one statement."""
    taken = []
    for _turn in range(times):
        with runtime.db.read() as session:
            passed = begun()
            session.execute(text(sql)).all()
            taken.append(passed())
    return statistics.median(taken)


def same_rows(runtime: Runtime, at: int) -> float:
    """Milliseconds to write the rows the product wrote since an instant, to tables with the same keys and indexes.

    Sorted by key, by the bare driver (COPY, executemany), in one transaction. Reading them is not counted.
    """
    twins = {name: _twin(runtime, name) for name in WRITTEN}
    source, target = runtime.db.engine.raw_connection(), runtime.db.engine.raw_connection()
    try:
        if runtime.db.sqlite:
            target.cursor().execute("BEGIN IMMEDIATE")
        taken = sum(
            (_executemany if runtime.db.sqlite else _copy)(source, target, name, twin, at)
            for name, twin in twins.items()
        )
        passed = begun()
        target.cursor().execute("COMMIT") if runtime.db.sqlite else target.commit()
        return taken + passed()
    finally:
        source.close()
        target.close()
        for twin in twins.values():
            twin.drop(runtime.db.engine)


def _select(name: str, at: int) -> str:
    table = metadata.tables[name]
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    keys = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
    return f'SELECT {columns} FROM "{name}" WHERE {_NEW[name].format(at=at)} ORDER BY {keys}'


def _executemany(source: Any, target: Any, name: str, twin: Table, at: int) -> float:
    sql = _INSERT.format(name=name, marks=", ".join("?" * len(twin.columns)))
    reader, writer, taken = source.cursor(), target.cursor(), 0.0
    for block in _blocks(reader.execute(_select(name, at))):
        passed = begun()
        writer.executemany(sql, block)
        taken += passed()
    return taken


def _blocks(cursor: Any) -> Iterator[list[tuple[Any, ...]]]:
    while block := cursor.fetchmany(_BLOCK):
        yield block


def _copy(source: Any, target: Any, name: str, twin: Table, at: int) -> float:
    with tempfile.NamedTemporaryFile() as file:
        with source.cursor().copy(f"COPY ({_select(name, at)}) TO STDOUT") as rows:
            for data in rows:
                file.write(data)
        source.rollback()
        file.flush()
        file.seek(0, os.SEEK_SET)
        passed = begun()
        with target.cursor().copy(_COPY.format(name=name)) as copy:
            while data := file.read(1 << 20):
                copy.write(data)
        return passed()


def _twin(runtime: Runtime, name: str) -> Table:
    twin = metadata.tables[name].to_metadata(MetaData(), name=f"floor_{name}")
    for number, index in enumerate(sorted(twin.indexes, key=lambda one: str(one.name))):
        index.name = f"floor_{name}_{number}"
    for number, constraint in enumerate(sorted(twin.constraints, key=lambda one: str(one.name))):
        constraint.name = f"floor_{name}_c{number}"
    twin.create(runtime.db.engine)
    return twin


def three_commits(runtime: Runtime) -> float:
    """Milliseconds of three transactions that change a row each."""
    passed = begun()
    for turn in range(3):
        with runtime.db.write() as session:
            session.execute(text(ONE_ROW), {"turn": turn})
    return passed()
