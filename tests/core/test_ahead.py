"""Reading ahead keeps the order, passes errors on in their place, and leaves no thread behind."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from plugin.core.database import parallel
from plugin.core.database.parallel import read_ahead, side_by_side
from plugin.core.db import Database


@pytest.fixture(params=[1, 2, 4])
def readers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(parallel, "hands", lambda: request.param)
    return int(request.param)


def doubled(session: Session, number: int) -> int:
    return int(session.execute(text("SELECT :n * 2"), {"n": number}).scalar_one())


@pytest.mark.parametrize("many", [0, 1, 3, 50])
def test_answers_come_in_the_order_of_what_was_asked(db: Database, readers: int, many: int) -> None:
    assert list(read_ahead(db, range(many), doubled)) == [2 * number for number in range(many)]


def test_several_connections_read_at_once(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "hands", lambda: 3)
    together = threading.Barrier(3, timeout=5)
    assert list(read_ahead(db, [1, 2, 3], lambda _session, number: together.wait() * 0 + number)) == [1, 2, 3]


def test_an_error_comes_in_the_place_of_its_answer(db: Database, readers: int) -> None:
    def read(session: Session, number: int) -> int:
        if number == 3:
            raise LookupError("three")
        return doubled(session, number)

    found = []
    with pytest.raises(LookupError, match="three"):
        for answer in read_ahead(db, range(40), read):
            found.append(answer)
    assert found == [0, 2, 4]


def test_whoever_stops_listening_leaves_no_thread_behind(db: Database, readers: int) -> None:
    before, asked = threading.active_count(), []

    def read(_session: Session, number: int) -> int:
        asked.append(number)
        return number

    reading = read_ahead(db, range(10_000), read)
    assert next(reading) == 0
    reading.close()  # type: ignore[attr-defined]
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before
    assert len(asked) < 100


def test_a_database_in_memory_is_read_through_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "hands", lambda: 4)
    db, names = Database("sqlite://"), set()

    def read(_session: Session, number: int) -> int:
        names.add(threading.current_thread().name)
        return number

    assert list(read_ahead(db, range(9), read)) == list(range(9))
    assert names == {threading.current_thread().name}
    db.close()


def test_works_side_by_side_are_all_over_before_an_error_is_raised() -> None:
    over = []

    def work(number: int) -> int:
        if number == 1:
            raise LookupError("one")
        time.sleep(0.05)
        over.append(number)
        return number

    with pytest.raises(LookupError, match="one"):
        side_by_side(work, [0, 1, 2])
    assert sorted(over) == [0, 2]
    assert side_by_side(work, [5]) == [5]
    assert side_by_side(work, [2, 0]) == [2, 0]
