"""Hints are kept apart from repeats, worked off together, collapsed when there are many, and forgotten in the end."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from plugin.core.clock import Clock
from plugin.core.network.signing import signed_headers
from plugin.core.runtime import Runtime
from plugin.delivery.drift import echoes
from plugin.hosts.port import Refused
from plugin.mirror.hints import inbox, receiving
from plugin.mirror.hints.recent import Refusals, came, latest, outcomes_of
from plugin.mirror.tables import Person, StoredHint, SyncRun
from tests.live import Sandbox, connect, serve_sandbox

LONG = bool(os.environ.get("MUSTER_LONG"))


@pytest.fixture
def mirrored(runtime: Runtime, tmp_path: Path) -> Iterator[tuple[Runtime, Sandbox, int]]:
    made = replace(runtime, clock=Clock())
    with serve_sandbox(tmp_path / "sandbox", people=40, units=10) as sandbox:
        yield made, sandbox, connect(made, sandbox)


def hint(made: Runtime, sandbox: Sandbox, kind: str, *ids: str, key: str) -> int:
    body = json.dumps({"type": kind, "timestamp": "2026-01-01T00:00:00Z", "data": {"ids": list(ids)}})
    headers = signed_headers(sandbox.connection["webhook_secret"], key, body, at=made.clock.true())
    return receiving.store(made, "sandbox", headers, body.encode())


def kept(made: Runtime) -> list[StoredHint]:
    with made.db.read() as session:
        return list(session.scalars(select(StoredHint).order_by(StoredHint.id)))


def runs(made: Runtime) -> int:
    with made.db.read() as session:
        return session.scalar(select(func.count()).select_from(SyncRun)) or 0


def long_ago(made: Runtime, seconds: int) -> None:
    """Let the hints that wait have come so much earlier."""
    with made.db.write() as session:
        session.execute(update(StoredHint).values(received=StoredHint.received - seconds))


def just_now(made: Runtime) -> None:
    """Let the hints that wait have come this very second, however long a slow machine took to write them."""
    with made.db.write() as session:
        session.execute(update(StoredHint).values(received=made.clock.true()))


def test_many_hints_at_once_end_in_one_read_of_what_changed(mirrored: Any) -> None:
    made, sandbox, host_id = mirrored
    with made.db.write() as session:
        now = made.clock.true()
        session.add_all(
            StoredHint(
                host_id=host_id, id=n, connection=1, key=f"k{n}", kind="people", ids=[f"U-{n % 40}"], received=now
            )
            for n in range(1, inbox.STORM * 3)
        )
    sandbox.act("suspend", person="U-7")
    before = runs(made)
    just_now(made)
    assert inbox.work(made, host_id, patient=True) == 0  # it may still go on
    assert runs(made) == before
    long_ago(made, inbox.QUIET + 1)
    assert inbox.work(made, host_id, patient=True) == inbox.STORM * 3 - 1
    assert runs(made) == before + 1
    assert {row.caused for row in kept(made)} == {f"delta 1 {inbox.STORM * 3 - 1}"}
    with made.db.read() as session:
        assert session.scalar(select(Person.state).where(Person.ext == "U-7")) == 1


def test_a_storm_that_never_ends_is_read_once_a_minute(mirrored: Any) -> None:
    made, _sandbox, host_id = mirrored
    now = made.clock.true()
    with made.db.write() as session:
        session.add_all(
            StoredHint(host_id=host_id, id=n, connection=1, key=f"k{n}", kind="people", ids=["U-1"],
                 received=now - (inbox.LONGEST if n == 1 else 0))
            for n in range(1, inbox.STORM + 10)
        )  # fmt: skip
    assert inbox.work(made, host_id, patient=True) == inbox.STORM + 9
    assert inbox.work(made, host_id, patient=True) == 0


def test_a_hint_without_ids_is_one_read_of_its_kind(mirrored: Any) -> None:
    made, sandbox, host_id = mirrored
    sandbox.act("suspend", person="U-7")
    for turn in range(5):
        hint(made, sandbox, "person.changed", key=f"h{turn}")
    just_now(made)
    assert inbox.work(made, host_id, patient=True) == 0
    before = runs(made)
    assert inbox.work(made, host_id) == 5
    assert runs(made) == before + 1
    assert {row.caused for row in kept(made)} == {"delta 1 5"}


def test_hints_about_enrolments_are_left_to_delivery(mirrored: Any) -> None:
    made, sandbox, host_id = mirrored
    hint(made, sandbox, "enrolment.changed", "c1:U-1", key="e")
    hint(made, sandbox, "person.changed", "U-1", key="p")
    assert inbox.work(made, host_id) == 1
    assert [row.done for row in kept(made)] == [False, True]
    assert echoes.reread_hinted(made, host_id) == 1
    assert kept(made)[0].caused == "differed 0 0"


def test_what_a_hint_led_to_is_kept_with_when_and_under_which_id(mirrored: Any) -> None:
    made, sandbox, host_id = mirrored
    sandbox.act("suspend", person="U-7")
    hint(made, sandbox, "user.updated", "U-7", key="a")
    inbox.work(made, host_id)
    (row,) = kept(made)
    assert (row.caused, row.done) == ("read 1", True)
    assert row.worked is not None
    with made.db.write() as session:
        from plugin.core.journal import record
        from plugin.core.logs import use_correlation

        use_correlation(row.batch)
        record(session, host_id, 5, "sync", "withdrawn", certification=1, person=7)
    with made.db.read() as session:
        assert outcomes_of(session, host_id, [row.batch]) == {row.batch: {"withdrawn": 1}}
        total, rows = latest(session, host_id, kind="people", state="done")
        assert (total, [one.id for one in rows]) == (1, [row.id])
        figures = came(session, host_id, made.clock.now(), made.clock.true())
        assert (figures.hour, figures.waiting) == (1, 0)


@pytest.mark.parametrize("bad", ["U-\x00", "U-\ud800", "a\nb"])
def test_an_id_no_database_takes_is_not_understood(mirrored: Any, bad: str) -> None:
    made, sandbox, _host_id = mirrored
    with pytest.raises(Refused):
        hint(made, sandbox, "person.changed", bad, key="x")


def test_keys_are_known_for_longer_than_anybody_tries_again(mirrored: Any) -> None:
    made, sandbox, host_id = mirrored
    hint(made, sandbox, "person.changed", "U-1", key="a")
    inbox.work(made, host_id)
    long_ago(made, 14 * 86_400)
    made.db.transact(lambda session: inbox.forget(session, host_id, made.clock.true()))
    assert hint(made, sandbox, "person.changed", "U-1", key="a") == 0
    long_ago(made, 2 * 86_400)
    made.db.transact(lambda session: inbox.forget(session, host_id, made.clock.true()))
    assert kept(made) == []


def test_what_is_turned_away_is_counted_without_keeping_the_database_busy(mirrored: Any) -> None:
    made, _sandbox, host_id = mirrored
    refusals = Refusals()
    for _turn in range(50):
        refusals.count(made, "sandbox", "signature")
    refusals.count(made, "nobody", "signature")
    with made.db.read() as session:
        assert came(session, host_id, made.clock.now(), made.clock.true()).refused == {"signature": 1}
    refusals._written = time.monotonic() - 10
    refusals.count(made, "sandbox", "words")
    with made.db.read() as session:
        assert came(session, host_id, made.clock.now(), made.clock.true()).refused == {"signature": 50, "words": 1}


def storm(mirrored: Any, number: int, seed: int) -> None:
    """So many signed hints, some of them repeats, with a worker looking now and then; then the read that ends them."""
    made, sandbox, host_id = mirrored
    dice = random.Random(seed)
    secret, expected = sandbox.connection["webhook_secret"], set()
    before, slowest, began = runs(made), 0.0, time.monotonic()
    for turn in range(number):
        key = f"h{dice.randrange(number)}"
        body = json.dumps({"type": "person.changed", "data": {"ids": [f"U-{dice.randrange(1, 40)}"]}})
        start = time.monotonic()
        new = receiving.store(made, "sandbox", signed_headers(secret, key, body, at=made.clock.true()), body.encode())
        slowest = max(slowest, time.monotonic() - start)
        assert new == (key not in expected)
        expected.add(key)
        if turn == number // 2:
            sandbox.act("suspend", person="U-7")
        if turn % 1500 == 1499:
            inbox.work(made, host_id, patient=True)
    took = time.monotonic() - began
    long_ago(made, inbox.QUIET + 1)
    while inbox.work(made, host_id, patient=True):
        pass
    rows = kept(made)
    assert len(rows) == len(expected)
    assert all(row.done for row in rows)
    assert runs(made) - before <= 1 + took / inbox.LONGEST * 2
    with made.db.read() as session:
        assert session.scalar(select(Person.state).where(Person.ext == "U-7")) == 1
    print(f"{number} hints in {took:.1f} s, slowest {slowest * 1000:.0f} ms, {runs(made) - before} reads")
    assert slowest < receiving.STORING + 1


@pytest.mark.long
def test_a_hundred_thousand_hints_in_a_minute_are_one_read(mirrored: Any) -> None:
    """CI sends fewer, yet more than make a storm: sending them is what takes the time."""
    storm(mirrored, 100_000 if LONG else 2 * inbox.STORM, seed=7)
