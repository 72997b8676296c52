"""Muster killed with -9 at any instant: afterwards the host's rosters are exactly right, and nobody was told twice.

The kills are spread over the work, not over the clock, so that a slow machine does as much between them as a fast one.

CI runs a seeded tenth; ``make test-long`` runs all 500 on PostgreSQL with three workers, and on SQLite with one.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest
import requests

from plugin.core.db import Database
from tests.long.killing import STAGES, Changing, Company, company

LONG = bool(os.environ.get("MUSTER_LONG"))
KILLS = int(os.environ.get("MUSTER_KILLS") or (500 if LONG else 50))
PEOPLE, UNITS = (2400, 180) if LONG else (900, 60)
ENOUGH = 20_000 if LONG else 2_000
"""Enrolments, withdrawals and messages that took effect at the host meanwhile, at least."""


@pytest.mark.long
def test_kills_at_any_instant_leave_the_rosters_exactly_right(
    db: Database, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = db.engine.url.render_as_string(hide_password=False)
    if db.sqlite:
        url = f"sqlite:///{tmp_path}/company.sqlite3"
    else:
        _empty(db)
    rng = random.Random(20261123)
    stages: Counter[str] = Counter()
    with company(tmp_path, url, 1 if db.sqlite else 3, PEOPLE, UNITS) as one:
        changing = Changing(one, random.Random(7))
        changing.start()
        for turn in range(KILLS):
            victim = "host" if turn % 20 == 19 else "web" if turn % 5 == 4 else rng.choice(one.workers)
            one.at_work(victim, ENOUGH * turn // KILLS)
            if turn % 3:
                time.sleep(rng.random() * 0.8)
            else:  # what lasts a moment only is rarely met by chance
                one.reach(victim, rng.choice(STAGES[victim.rstrip("123")]))
            pid = one.kill(victim)
            stages[one.stage(victim, pid)] += 1
            one.start(victim)
        changing.finish()
        one.wait_until_quiet()
        effective = check(one)
    print(f"\n{'sqlite' if db.sqlite else 'postgresql'}: {KILLS} kills during {changing.saves} saves and {effective}"
          f" effective changes and messages; by stage: {dict(sorted(stages.items()))}")  # fmt: skip
    assert sum(stages.values()) == KILLS
    assert effective >= ENOUGH
    if LONG:
        for stage in ("worker: claimed, not sent", "worker: sent, not recorded", "worker: settling",
                      "worker: between calls", "web: saving", "host: answering"):  # fmt: skip
            assert stages[stage], stages


def _empty(db: Database) -> None:
    """Migrations make the tables."""
    from plugin.schema import metadata

    metadata.drop_all(db.engine)


def check(one: Company) -> int:
    """What must be true of the host's log and rosters, and of everything stored; returns how much took effect."""
    live = {code: bool(n) for code, n in one.query(
        "SELECT c.code, (SELECT count(*) FROM assignment a WHERE a.host_id = c.host_id AND a.certification = c.id AND a.live)"
        " FROM certification c")}  # fmt: skip
    everyone = requests.get(f"{one.host}/world/people?unit=ORG-1&below=1", timeout=30).json()
    company = {row["id"] for row in everyone if row["state"] == "active"}
    for course, wanted in (("c1", live["FS2"] or live["HS1"]), ("c2", live["HS1"])):
        roster = requests.get(f"{one.host}/world/roster/{course}", timeout=30).json()
        assert {row["person"] for row in roster if row["state"] == "active"} == (company if wanted else set())
    log = requests.get(f"{one.host}/world/log", timeout=120).json()
    changes = Counter(
        (row["key"], row["generation"]) for row in log if row["type"] == "seats.changed" and row["effective"]
    )
    assert max(changes.values(), default=0) <= 1
    # The host sees when it was connected before each key (decision 0145).
    told = Counter(row["key"].partition(":")[2] for row in log if row["type"] == "message.send" and row["effective"])
    assert max(told.values(), default=0) <= 1
    states = dict(one.query("SELECT key, state FROM message WHERE state <> 'cancelled'"))
    assert set(states.values()) <= {"sent", "maybe"}
    assert told.keys() | {key for key, state in states.items() if state == "maybe"} == states.keys()
    assert one.owed() == 0
    assert one.query("SELECT 1 FROM seat WHERE confirmed = 3") == []
    doctor = one.command("doctor", "--deep")
    assert (doctor.returncode, doctor.stdout) == (0, "Everything is as it should be.\n"), doctor.stderr
    return sum(changes.values()) + sum(told.values())
