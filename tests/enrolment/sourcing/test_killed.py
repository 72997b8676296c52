"""A load whose process is killed at any instant is whole or not begun, and the next one goes through."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

from sqlalchemy import select

from plugin.core.runtime import Runtime
from plugin.enrolment.doctor import examine
from plugin.mirror.sources.managing import setup
from plugin.mirror.sources.tables import Identity, SourceLoad
from plugin.mirror.tables import Job
from tests.enrolment.test_settle import active
from tests.world import HOST, World, row

ROOT = Path(__file__).parents[3]
KILLS = 60 if os.environ.get("MUSTER_LONG") else 6


def _seen(world: World) -> tuple[int, list[str], int, int]:
    """People of the source, their units in order, jobs, and the rows that the newest load says it read."""
    with world.runtime.db.read() as session:
        people = list(session.scalars(select(Identity.id).where(Identity.gone.is_(None))))
        jobs = list(session.scalars(select(Job.organisation_ext).where(Job.ext.like("hr:%"), Job.gone.is_(False))))
        newest = session.scalars(
            select(SourceLoad).where(SourceLoad.state == "done").order_by(SourceLoad.id.desc())
        ).first()
        return len(people), sorted(set(jobs)), len(jobs), newest.files[0]["rows"] if newest is not None else 0


def test_a_load_that_is_killed_is_whole_or_not_begun(runtime: Runtime) -> None:
    world, dice = World(runtime), random.Random(16)
    world.people(*(f"p{n}" for n in range(3)))
    for n in range(400):
        world.people(f"n{n}", number=f"{n:04}")
    with runtime.db.write() as session:
        setup.add_source(session, HOST, "hr", "csv", join_by="id=number", mapping={}, at=world.now, who="t")
    url = runtime.db.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.enrolment.sourcing.killed", url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as server:  # type: ignore[call-overload]

        def order(seconds: float, count: int, unit: str) -> str:
            server.stdin.write(f"{seconds} {count} {unit}\n")
            server.stdin.flush()
            return str(server.stdout.readline()).strip()

        first = order(60, 300, "Claims")
        assert first.startswith("done"), first
        world.save("fs", row("organisation", "hr:Claims"))
        takes, stands, outcomes = float(first.split()[1]), (300, "hr:Claims", "hr:Legal"), set()
        for number in range(KILLS):
            count, unit = 301 + number, ("Legal", "Claims")[number % 2]
            wanted = (count, *sorted({f"hr:{unit}", "hr:Legal"}))
            outcome = order(dice.uniform(0.05, 0.9) * takes, count, unit).split()[0]
            people, units, jobs, rows = _seen(world)
            there = (people, *units)
            assert there in (stands, wanted) if outcome == "killed" else there == wanted, (
                outcome,
                there,
                stands,
                wanted,
            )
            assert (jobs, rows) == (people, people)
            stands = (people, *units)
            outcomes.add(outcome)
        assert "killed" in outcomes
        assert order(60, 390, "Claims").startswith("done")
        server.stdin.close()
    world.settle()
    assert _seen(world) == (390, ["hr:Claims", "hr:Legal"], 390, 390)
    assert len(active(world)) == 389
    assert examine(world.runtime, deep=True) == []
