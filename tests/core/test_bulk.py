"""Conditions on many numbers: named, or all between, whichever reads less."""

from __future__ import annotations

import numpy as np
import pytest

from plugin.core.database.bulk import among, fetch, insert_rows, only
from plugin.core.db import Database
from plugin.core.tables import Counter

FEW, DENSE, SPARSE = np.array([3, 900_000]), np.arange(5, 2_005), np.arange(0, 90_000, 30)


@pytest.mark.parametrize(
    ("people", "of_among", "of_only"), [(FEW, "IN", "IN"), (DENSE, "BETWEEN", "BETWEEN"), (SPARSE, "BETWEEN", "IN")]
)
def test_many_are_named_where_those_between_would_be_many_times_as_many(
    people: np.ndarray, of_among: str, of_only: str
) -> None:
    assert among("person", people).split()[1] == of_among
    assert only("person", people).split()[1] == of_only


def test_nobody_matches_an_empty_list(db: Database) -> None:
    with db.write() as session:
        insert_rows(session, Counter, {"host_id": 1, "name": ["a", "b"], "value": [1, 2]})
        nobody = np.zeros(0, np.int64)
        assert fetch(session, f"SELECT value FROM counter WHERE {only('value', nobody)}") == []


@pytest.mark.parametrize("people", [FEW, DENSE, SPARSE], ids=["few", "dense", "sparse"])
def test_everybody_named_is_found_and_nobody_else_who_matters(db: Database, people: np.ndarray) -> None:
    values = np.arange(0, 1_000_000, 15)
    with db.write() as session:
        insert_rows(session, Counter, {"host_id": 1, "name": [str(one) for one in values.tolist()], "value": values})
        found = {row[0] for row in fetch(session, f"SELECT value FROM counter WHERE {only('value', people)}")}
    named = set(people.tolist())
    assert found & named == named & set(values.tolist())
    assert people is DENSE or found <= named
