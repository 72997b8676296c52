"""The worker finds what is owed by itself, survives one host's fault, and is seen while it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from config.settings import read_settings
from plugin.core.clock import Clock
from plugin.core.database.leases import end_turn, take_turn
from plugin.core.db import Database
from plugin.core.errors import Invalid
from plugin.core.runtime import Runtime
from plugin.core.tables import Lease, Worker
from plugin.jobs import worker
from plugin.jobs.queue import Nudges, open_queue
from plugin.jobs.single_machine import machine, refuse_two_machines
from plugin.mirror.connections.store import connection_of
from tests.conftest import KEYS
from tests.live import Sandbox, connect, free_port, serve_sandbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with serve_sandbox(tmp_path / "sandbox", people=40, units=12) as served:
        yield served


def seen(runtime: Runtime) -> list[Worker]:
    with runtime.db.read() as session:
        return list(session.scalars(select(Worker)))


def test_a_worker_is_seen_while_it_runs_and_gone_when_it_stops(runtime: Runtime) -> None:
    schedule = worker._Schedule(runtime)
    schedule.heartbeat()
    assert [one.machine for one in seen(runtime)] == [machine()]
    schedule.leave()
    assert seen(runtime) == []


def test_a_host_is_read_by_the_timer_alone_and_by_one_worker_only(runtime: Runtime, sandbox: Sandbox) -> None:
    now = runtime.clock.true()
    made = replace(runtime, clock=Clock(now))
    host_id = connect(made, sandbox)
    later = replace(made, clock=Clock(now + worker.WHOLE))
    turn = later.db.transact(lambda session: take_turn(session, host_id, "pull", now, worker.PULL_LEASE))
    assert turn
    worker._Schedule(later)._pull_if_due(host_id)
    with later.db.read() as session:
        assert not connection_of(session, host_id).settings["whole_read"]  # still owed
    later.db.transact(lambda session: end_turn(session, host_id, "pull", turn))
    after = replace(made, clock=Clock(now + worker.WHOLE + worker.PULL_LEASE))
    worker._Schedule(after)._pull_if_due(host_id)
    with after.db.read() as session:
        assert connection_of(session, host_id).settings["whole_read"] == after.clock.now()
        assert session.get_one(Lease, (host_id, "pull")).lease_until == 0


def test_a_host_that_fails_does_not_stop_the_worker(
    runtime: Runtime, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(runtime, sandbox)

    def broken(*_arguments: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(worker, "work_host", broken)
    assert worker._Schedule(runtime).work() == 0


def test_sqlite_is_refused_to_a_second_machine_and_postgresql_is_not(db: Database) -> None:
    url = db.engine.url.render_as_string(hide_password=False)
    settings = read_settings({"MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": KEYS, "MUSTER_DATABASE_URL": url})
    runtime = Runtime(settings, db, Clock())
    refuse_two_machines(runtime)
    with db.write() as session:
        session.add(Worker(id="elsewhere:1", machine="elsewhere", pid=1, seen=runtime.clock.true()))
    if settings.sqlite:
        with pytest.raises(Invalid, match="must share one machine"):
            refuse_two_machines(runtime)
    else:
        refuse_two_machines(runtime)


def test_nudges_wake_and_a_queue_that_is_gone_loses_them_quietly(tmp_path: Path) -> None:
    settings = read_settings(
        {"MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": KEYS, "MUSTER_QUEUE_URL": f"sqlite:///{tmp_path}/q"}
    )
    sender, receiver = Nudges(lambda: open_queue(settings)), Nudges(lambda: open_queue(settings))
    assert not receiver.waiting()
    sender.nudge(1)
    assert receiver.waiting()
    assert not receiver.waiting()
    away = read_settings(
        {"MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": KEYS, "MUSTER_QUEUE_URL": "redis://127.0.0.1:9/0"}
    )
    lost = Nudges(lambda: open_queue(away))
    lost.nudge(1)
    assert not lost.waiting()


def test_a_host_is_read_no_longer_than_its_share_of_the_time() -> None:
    from plugin.hosts.port import Caps
    from plugin.mirror.tables import Connection

    polled, told = Caps(reads={"jobs": ("full",)}), Caps(reads={"jobs": ("full", "delta")})
    assert worker._pause(Connection(settings={}), polled) == worker.POLL
    assert worker._pause(Connection(settings={}), told) == worker.DELTA
    assert worker._pause(Connection(settings={"pull_took": 300}), polled) == 1200
    assert worker._pause(Connection(settings={"pull_took": 300, "share": 50}), polled) == worker.POLL


def test_a_worker_outlives_a_database_and_a_queue_that_are_away() -> None:
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    environment = {**os.environ, "MUSTER_ENV": "development", "MUSTER_DATABASE_URL": away, "MUSTER_LOG_JSON": "true",
                   "MUSTER_QUEUE_URL": "redis://127.0.0.1:9/0"}  # fmt: skip
    command = [sys.executable, "-c", "import sys; from plugin.cli import main; sys.exit(main(['work']))"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    lines = [json.loads(process.stderr.readline()) for _line in range(3)]
    assert process.poll() is None
    process.terminate()
    assert process.wait(20) == 0
    process.stderr.close()
    told = [line["again_in_seconds"] for line in lines if line["event"] == "database not reachable"]
    assert told == [2, 4]
