"""Four workers on one PostgreSQL settle fifty certifications at once and are killed at random: the result is exact."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from plugin.certifications.resolve import Rule, rules_of
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from plugin.enrolment.doctor import examine
from plugin.schema import metadata
from tests.bench.__main__ import runtime_for
from tests.bench.company import HOST, build, certify
from tests.conftest import _with_database

LONG = bool(os.environ.get("MUSTER_LONG"))
PEOPLE, KILLS = (4_000, 60) if LONG else (600, 8)
CERTIFICATIONS, WORKERS = 50, 4
ROOT = Path(__file__).parents[2]


class Sets:
    """Who matches what, by dictionaries read straight from the rows; all jobs of the bench's company are current."""

    def __init__(self, runtime: Runtime) -> None:
        with runtime.db.read() as session:
            self.jobs = {row[0]: row[1:] for row in session.execute(
                text("SELECT id, person, organisation, position, manager_job FROM job"))}  # fmt: skip
            self.parent = dict(tuple(row) for row in session.execute(text("SELECT id, parent FROM unit")))
            self.audiences = defaultdict(set)
            for audience, person in session.execute(text("SELECT audience, person FROM audience_member")):
                self.audiences[audience].add(person)

    def of(self, rule: Rule) -> set[int]:
        assert rule.key is not None
        kind, target, include = rule.key
        if kind == "individual":
            return {target}
        if kind == "audience":
            return set(self.audiences[target])
        return {job[0] for number, job in self.jobs.items() if self._holds(kind, target, include, number)}

    def _holds(self, kind: str, target: int, include: str, number: int) -> bool:
        person, organisation, position, boss = self.jobs[number]
        if kind == "manager":
            if person == self.jobs[target][0]:
                return False
            while boss is not None and boss != target and include == "below":
                boss = self.jobs[boss][3]
            return bool(boss == target)
        unit = organisation if kind == "organisation" else position
        while unit is not None and unit != target and include == "below":
            unit = self.parent[unit]
        return bool(unit == target)


@pytest.mark.long
def test_four_workers_killed_at_random_leave_exactly_the_learners_that_the_rules_want(postgres_url: str) -> None:
    admin = Database(postgres_url)
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE IF EXISTS four_workers WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE four_workers"))
    admin.close()
    url = _with_database(postgres_url, "four_workers")
    runtime = runtime_for(url)
    metadata.create_all(runtime.db.engine)
    certify(runtime, build(runtime, PEOPLE), CERTIFICATIONS)
    killed = settle_under_fire(url, random.Random(7))
    assert killed == KILLS
    sets = Sets(runtime)
    with runtime.db.read() as session:
        for certification in range(1, CERTIFICATIONS + 1):
            wanted = set().union(*(sets.of(rule) for rule in rules_of(session, HOST, certification)))
            rows = session.execute(
                text("SELECT person FROM enrolment WHERE certification = :c AND state > 0"), {"c": certification}
            )
            assert {row[0] for row in rows} == wanted
            counted = session.execute(
                text("SELECT active_learners FROM certification WHERE id = :c"), {"c": certification}
            ).scalar_one()
            assert counted == len(wanted)
    assert examine(runtime, deep=True) == []
    runtime.db.close()


def settle_under_fire(url: str, rng: random.Random) -> int:
    """Run the workers, kill one of them now and then, and let the last ones finish; returns how many were killed."""
    workers = [_start(url) for _ in range(WORKERS)]
    killed = 0
    try:
        while killed < KILLS:
            time.sleep(rng.uniform(0.3, 0.9))
            victim = rng.randrange(WORKERS)
            workers[victim].send_signal(signal.SIGKILL)
            workers[victim].wait()
            killed += 1
            workers[victim] = _start(url)
        for worker in workers:
            assert worker.wait(timeout=300) == 0
    finally:
        for worker in workers:
            with suppress(ProcessLookupError):
                worker.kill()
                worker.wait()
    return killed


def _start(url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.long.settling_worker", url], cwd=ROOT)
