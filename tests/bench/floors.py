"""The floors: what the database alone needs, through the same engine with the same durability."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import MetaData, Table, text

from plugin.core.runtime import Runtime
from plugin.schema import metadata

SCAN_ENROLMENTS = "SELECT count(*) FROM enrolment WHERE state > -1"
COUNT_JOBS = "SELECT count(*) FROM job WHERE host_id = 1 AND NOT gone"
COUNT_RAW = f"{COUNT_JOBS} UNION ALL SELECT count(*) FROM audience_member WHERE host_id = 1"
WRITTEN = ("enrolment", "seat", "message", "journal")


def statement(runtime: Runtime, sql: str) -> float:
    """Milliseconds of one statement."""
    with runtime.db.read() as session:
        began = time.perf_counter()
        session.execute(text(sql)).all()
        return (time.perf_counter() - began) * 1000


def same_rows(runtime: Runtime, since: dict[str, int]) -> float:
    """Milliseconds to write the rows the product wrote, to tables alike, sorted, by the bare driver, in one transaction.

    :param since: how many rows each table had before; only what came on top counts.
    """
    with runtime.db.read() as session:
        content = {
            name: [tuple(row) for row in session.execute(_in_order(metadata.tables[name])).all()][since[name] :]
            for name in WRITTEN
        }
    twins = {name: _twin(runtime, name) for name in WRITTEN}
    raw = runtime.db.engine.raw_connection()
    try:
        cursor = raw.cursor()
        began = time.perf_counter()
        for name, twin in twins.items():
            _write(cursor, twin, _plain(metadata.tables[name], content[name], runtime), sqlite=runtime.db.sqlite)
        raw.commit()
        return (time.perf_counter() - began) * 1000
    finally:
        raw.close()
        for twin in twins.values():
            twin.drop(runtime.db.engine)


def three_commits(runtime: Runtime) -> float:
    """Milliseconds of three transactions that change a row each."""
    began = time.perf_counter()
    for _turn in range(3):
        with runtime.db.write() as session:
            session.execute(text("UPDATE host_clock SET as_of = as_of WHERE host_id = 1"))
    return (time.perf_counter() - began) * 1000


def counts(runtime: Runtime) -> dict[str, int]:
    """Rows of each table the product writes."""
    with runtime.db.read() as session:
        return {name: int(session.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()) for name in WRITTEN}


def _in_order(table: Table) -> Any:
    newest_last = [table.c.changed] if "changed" in table.c else [table.c.began] if "began" in table.c else []
    return table.select().order_by(*newest_last, *table.primary_key.columns)


def _twin(runtime: Runtime, name: str) -> Table:
    twin = metadata.tables[name].to_metadata(MetaData(), name=f"floor_{name}")
    for number, index in enumerate(sorted(twin.indexes, key=lambda one: str(one.name))):
        index.name = f"floor_{name}_{number}"
    for number, constraint in enumerate(sorted(twin.constraints, key=lambda one: str(one.name))):
        constraint.name = f"floor_{name}_c{number}"
    twin.create(runtime.db.engine)
    return twin


def _plain(table: Table, rows: Sequence[tuple[Any, ...]], runtime: Runtime) -> list[tuple[Any, ...]]:
    """Values as the driver takes them."""
    binders = [column.type.dialect_impl(runtime.db.engine.dialect).bind_processor(runtime.db.engine.dialect)
               for column in table.columns]  # fmt: skip
    return [tuple(bind(value) if bind else value for bind, value in zip(binders, row, strict=True)) for row in rows]


def _write(cursor: Any, twin: Table, rows: list[tuple[Any, ...]], *, sqlite: bool) -> None:
    if sqlite:
        marks = ", ".join("?" * len(twin.columns))
        cursor.executemany(f"INSERT INTO {twin.name} VALUES ({marks})", rows)
        return
    with cursor.copy(f"COPY {twin.name} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
