"""Rows written at once come back as they were, whichever way they went."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, MetaData, SmallInteger, String, Table, select, text

from plugin.core.database.binary_copy import binary_rows
from plugin.core.database.bulk import NULL, insert_rows
from plugin.core.db import Database

THINGS = Table(
    "copied_thing", MetaData(), Column("id", Integer, primary_key=True), Column("big", BigInteger),
    Column("small", SmallInteger), Column("yes", Boolean), Column("name", String(300)), Column("data", JSON),
)  # fmt: skip
TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8)
ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63) + 1, 2**63 - 1), st.none() | st.integers(-(2**15), 2**15 - 1),
        st.booleans(), TEXTS,
    ),
    min_size=1, max_size=12,
)  # fmt: skip


@pytest.fixture
def table(db: Database) -> Table:
    THINGS.drop(db.engine, checkfirst=True)
    THINGS.create(db.engine)
    return THINGS


def _written(db: Database, columns: dict[str, object]) -> list[tuple[object, ...]]:
    with db.write() as session:
        session.execute(THINGS.delete())
        insert_rows(session, THINGS, columns)
    with db.read() as session:
        return [tuple(row) for row in session.execute(select(THINGS).order_by(THINGS.c.id))]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_what_was_copied_comes_back_as_it_was(db: Database, table: Table, rows: list[tuple[object, ...]]) -> None:
    big, small, yes, name = (list(column) for column in zip(*rows, strict=True))
    arrays = [np.array([NULL if value is None else value for value in column], np.int64) for column in (big, small)]
    columns = {"id": np.arange(len(rows)), "big": arrays[0], "small": arrays[1], "yes": [int(one) for one in yes],  # type: ignore[call-overload]
               "name": name, "data": '{"a": [1]}'}  # fmt: skip

    found = _written(db, columns)

    assert found == [(i, *row, {"a": [1]}) for i, row in enumerate(rows)]


def test_one_value_stands_for_all_rows(db: Database, table: Table) -> None:
    columns = {"id": np.arange(3), "big": 5, "small": None, "yes": True, "name": "Łódź", "data": "[]"}

    assert _written(db, columns) == [(i, 5, None, True, "Łódź", []) for i in range(3)]


def test_long_texts_and_missing_ones_go_as_lines(db: Database, table: Table) -> None:
    names = ["x" * 299, "tab\tand\nline", "\\N"]

    found = _written(db, {"id": np.arange(3), "name": names, "data": "[]", "yes": 0, "big": 0, "small": 0})

    assert [row[4] for row in found] == names


def test_a_number_too_large_for_its_column_is_refused_not_cut(db: Database, table: Table) -> None:
    if db.sqlite:
        pytest.skip("SQLite has one size of numbers")
    with pytest.raises(psycopg.errors.DataError, match="out of range"), db.write() as session:
        insert_rows(session, THINGS, {"id": np.array([1, 2**40])})
    with db.read() as session:
        assert session.execute(text("SELECT count(*) FROM copied_thing")).scalar() == 0


def test_types_without_a_binary_form_of_ours_go_as_lines() -> None:
    assert binary_rows({"a": [b"x"]}, {"a": "BYTEA"}, 1) is None
    assert binary_rows({"a": np.array([1])}, {"a": "NUMERIC"}, 1) is None
    assert binary_rows({"a": [1.5]}, {"a": "INTEGER"}, 1) is None
