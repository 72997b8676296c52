"""Leases of work without a row: one has it, until she gives it back, its time is over, or her process is gone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from plugin.core.database import leases
from plugin.core.database.leases import end_turn, is_dead, is_free, take_turn, worker_token
from plugin.core.runtime import Runtime

HOST = 1


def take(runtime: Runtime, now: int, host: int = HOST) -> str | None:
    return runtime.db.transact(lambda session: take_turn(session, host, "pull", now, 60))


def test_one_has_it_until_it_is_given_back_or_over(runtime: Runtime) -> None:
    first = take(runtime, 1000)
    assert first
    assert take(runtime, 1060) is None
    assert take(runtime, 1000, host=2)
    runtime.db.transact(lambda session: end_turn(session, HOST, "pull", "somebody else's"))
    assert take(runtime, 1060) is None
    runtime.db.transact(lambda session: end_turn(session, HOST, "pull", first))
    second = take(runtime, 1001)
    assert second not in (None, first)
    assert take(runtime, 1062)  # its time is over
    runtime.db.transact(lambda session: end_turn(session, HOST, "pull", str(second)))
    assert take(runtime, 1063) is None  # which was too late


def test_the_lease_of_a_dead_process_is_taken_over_at_once(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "from plugin.core.database.leases import worker_token; print(worker_token())"
    dead = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    assert is_dead(dead)
    assert is_free(dead, 2000, 1000)
    with monkeypatch.context() as patch:
        patch.setattr(leases, "worker_token", lambda: dead)
        assert take(runtime, 1000) == dead
    assert take(runtime, 1001)


def test_what_lives_or_is_elsewhere_is_not_dead() -> None:
    for token in (worker_token(), "elsewhere:1:0:aa", "", "x:y"):
        assert not is_dead(token)
    assert is_free("", 2000, 1000)
    assert not is_free("elsewhere:1:0:aa", 1000, 1000)
