"""Hosts side by side: one that takes a call and never answers holds its own lane, and idle ones cost one statement together."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy import event

from plugin.core.clock import Clock
from plugin.core.runtime import Runtime
from plugin.core.tables import Host, HostClock
from plugin.jobs.lanes import LANES, TROUBLED, Lanes
from plugin.jobs.owed_hosts import owed_hosts
from plugin.jobs.worker import _Schedule
from plugin.mirror.connections.store import connection_of
from plugin.mirror.hints import receiving
from plugin.mirror.tables import Connection
from tests.hosts.strange import Strange, register, serve


def hosts(runtime: Runtime, count: int, first: int = 100) -> list[int]:
    numbers = list(range(first, first + count))
    with runtime.db.write() as session:
        for number in numbers:
            session.add(
                Host(
                    id=number,
                    name=f"h{number}",
                    issuer=f"https://{number}.test",
                    client_id="c",
                    time_zone="UTC",
                    settings={},
                )
            )
            session.flush()
            session.add(HostClock(host_id=number, seq=1, as_of=runtime.clock.now()))
            session.add(
                Connection(
                    host_id=number, id=1, name=f"h{number}", kind="webhook", settings={}, caps={}, marks={}, mapping={}
                )
            )
    return numbers


@pytest.fixture
def silent() -> Iterator[str]:
    """Takes every connection and never says a word."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_silent_hosts_keep_no_other_waiting(runtime: Runtime, silent: str) -> None:
    made = replace(runtime, clock=Clock())
    mute = hosts(made, TROUBLED)
    with made.db.write() as session:
        for number in mute:
            connection_of(session, number).api_url = silent
    strange = Strange()
    strange.kinds = {**strange.kinds, "people": ["full", "ids"]}
    with serve(strange) as base:
        host_id = register(made, base)
        schedule = _Schedule(made)
        lanes = Lanes(made, schedule.serve)
        try:
            lanes.round([0])
            strange.add("people", {"id": "P1", "name": "Ann"})
            began = time.monotonic()
            with made.db.write() as session:
                receiving.look_again(session, host_id, "test", {"people": ["P1"]}) if connection_of(
                    session, host_id
                ).caps else None
            while time.monotonic() - began < 8:
                lanes.round([host_id])
                with made.db.read() as session:
                    if connection_of(session, host_id).marks.get("people"):
                        break
                time.sleep(0.05)
            assert time.monotonic() - began < 8
            assert sum(one in lanes._under_way for one in mute) == TROUBLED
        finally:
            lanes.close()


def test_hosts_in_trouble_hold_half_of_the_lanes_at_most(runtime: Runtime) -> None:
    numbers = hosts(runtime, LANES * 2)
    with runtime.db.write() as session:
        for number in numbers[:LANES]:
            connection_of(session, number).state = "down"
    open_, seen, most = threading.Event(), set[int](), [0]
    lock, now = threading.Lock(), set[int]()

    def turn(host_id: int, _alone: bool) -> int:
        with lock:
            now.add(host_id)
            seen.add(host_id)
            most[0] = max(most[0], len(now))
        if host_id in numbers[:LANES]:
            open_.wait(20)
        with lock:
            now.discard(host_id)
        return 0

    lanes = Lanes(runtime, turn)
    try:
        for _round in range(200):
            lanes.round([0])
            if seen >= set(numbers[LANES:]):
                break
            time.sleep(0.01)
        assert seen >= set(numbers[LANES:])
        assert len(seen & set(numbers[:LANES])) == TROUBLED
        assert most[0] <= LANES
    finally:
        open_.set()
        lanes.close()


def test_one_host_has_one_turn_at_a_time_and_what_fails_stays_in_its_lane(runtime: Runtime) -> None:
    [one, other] = hosts(runtime, 2)
    turns: list[int] = []
    side_by_side: list[int] = []
    busy = threading.Lock()

    def turn(host_id: int, _alone: bool) -> int:
        turns.append(host_id)
        if host_id == other:
            raise ZeroDivisionError
        if not busy.acquire(blocking=False):  # a failed assertion here would be logged as a fault of the host alone
            side_by_side.append(host_id)
            return 0
        time.sleep(0.05)
        busy.release()
        return 0

    lanes = Lanes(runtime, turn)
    for _round in range(30):
        lanes.round([one, other])
        time.sleep(0.01)
    lanes.wait()
    lanes.close()
    assert {one, other} <= set(turns)
    assert side_by_side == []


def test_a_round_over_a_hundred_idle_hosts_runs_a_handful_of_statements(runtime: Runtime) -> None:
    hosts(runtime, 100)
    ran: list[str] = []
    lanes = Lanes(runtime, lambda _host, _alone: 0)
    try:
        for _round in range(60):  # each has its first look
            lanes.round()
            lanes.wait()
        event.listen(runtime.db.engine, "before_cursor_execute", lambda *given: ran.append(given[2]))
        lanes.round()
    finally:
        lanes.close()
    assert 0 < len(ran) <= 5


def test_what_is_owed_by_any_host_is_found_by_one_statement(runtime: Runtime) -> None:
    strange = Strange()
    numbers = hosts(runtime, 3)
    with serve(strange) as base:
        host_id = register(runtime, base)
    with runtime.db.write() as session:
        assert owed_hosts(session, runtime.clock.now()) == set()
        connection_of(session, host_id).caps = {"reads": {"people": ["ids"]}}
        connection_of(session, numbers[1]).caps = {"reads": {"people": ["ids"]}}
        session.flush()
        for number in (host_id, numbers[1]):
            receiving.look_again(session, number, "test", {"people": ["P1"]})
        session.flush()
        assert owed_hosts(session, runtime.clock.now()) == {host_id, numbers[1]}
