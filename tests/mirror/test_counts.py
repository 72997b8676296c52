"""How many people work in each unit, and with all below, as stored with the units."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import select, update

from plugin.core.runtime import Runtime
from plugin.mirror.changes import stamp
from plugin.mirror.pulling import unit_trees
from plugin.mirror.pulling.unit_trees import count_if_owed, recount
from plugin.mirror.tables import DELETED, Job, Person, Unit
from tests.world import HOST, World


def test_people_are_counted_once_in_each_unit_and_in_all_above_it(runtime: Runtime) -> None:
    world, rng = World(runtime), random.Random(7)
    above = {f"u{n}": None if n < 2 else f"u{rng.randrange(n)}" for n in range(12)}
    world.units(*above.items())
    world.people(*(f"p{n}" for n in range(30)))
    for n in range(60):
        world.job(f"j{n}", f"p{rng.randrange(30)}", f"u{rng.randrange(12)}")
    with runtime.db.write() as session:
        here = Job.host_id == HOST
        session.execute(update(Job).where(here, Job.ext == "j3").values(gone=True))
        session.execute(update(Job).where(here, Job.ext == "j4").values(ends=world.now))
        session.execute(update(Job).where(here, Job.ext == "j5").values(starts=world.now + 1))
        session.execute(update(Person).where(Person.host_id == HOST, Person.ext == "p7").values(state=DELETED))
        session.execute(update(Unit).where(Unit.host_id == HOST).values(direct=9, below=9))
        recount(session, HOST)
    with runtime.db.read() as session:
        units = {one.id: one for one in session.scalars(select(Unit).where(Unit.host_id == HOST))}
        deleted = set(session.scalars(select(Person.id).where(Person.state == DELETED)))
        left = ("j3", "j4", "j5")
        jobs = [one for one in session.scalars(select(Job)) if one.ext not in left and one.person not in deleted]
        direct: dict[int, set[int | None]] = {number: set() for number in units}
        below: dict[int, set[int | None]] = {number: set() for number in units}
        for job in jobs:
            unit = job.organisation
            direct[unit or 0].add(job.person)
            while unit is not None:
                below[unit].add(job.person)
                unit = units[unit].parent
        found = {number: (one.direct, one.below) for number, one in units.items()}
        assert found == {number: (len(direct[number]), len(below[number])) for number in units}


def test_while_changes_keep_coming_people_are_not_counted_all_the_time(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most a twentieth of a worker's time; whoever is not patient counts at once."""
    world, clock = World(runtime), [1000.0]
    monkeypatch.setattr(unit_trees.time, "monotonic", lambda: clock[0])
    counting = unit_trees.recount_apart
    times: list[float] = []

    def count_for_two_seconds(*given: Any) -> None:
        times.append(clock[0])
        clock[0] += 2
        counting(*given)

    monkeypatch.setattr(unit_trees, "recount_apart", count_for_two_seconds)
    for _second in range(100):
        with runtime.db.write() as session:
            stamp(session, HOST, [], world.now)
        count_if_owed(runtime, HOST, patient=True)
        clock[0] += 1
    assert times == [1000.0, 1042.0, 1084.0]
    count_if_owed(runtime, HOST, patient=False)
    assert len(times) == 4
    count_if_owed(runtime, HOST, patient=False)  # nothing changed since
    assert len(times) == 4
