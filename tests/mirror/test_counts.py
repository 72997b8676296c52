"""How many people work in each unit, and with all below, as stored with the units."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
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


@given(st.data())
def test_counts_of_units_agree_with_counting_people_one_by_one(data: st.DataObject) -> None:
    many = data.draw(st.integers(1, 9))
    above = [None if n == 0 else data.draw(st.none() | st.integers(0, n - 1)) for n in range(many)]
    ids = data.draw(st.permutations(range(10, 10 + many)))
    jobs = data.draw(st.lists(st.tuples(st.integers(-1, many), st.integers(1, 4)), max_size=12))
    places = _preorder(above)
    units = np.array([(*places[n], ids[n], 0 if up is None else ids[up], -1, -1) for n, up in enumerate(above)])
    named = np.array([ids[unit] if 0 <= unit < many else unit for unit, _person in jobs], np.int64)
    people = np.array([person for _unit, person in jobs], np.int64)
    found = unit_trees._differences(1, units, named, people)
    under: list[set[int]] = [set() for _unit in range(many)]
    for unit, person in jobs:
        at: int | None = unit if 0 <= unit < many else None
        while at is not None:
            under[at].add(person)
            at = above[at]
    direct = [len({person for unit, person in jobs if unit == n}) for n in range(many)]
    assert {one["id"]: (one["direct"], one["below"]) for one in found} == {
        ids[n]: (direct[n], len(under[n])) for n in range(many)
    }


def _preorder(above: list[int | None]) -> dict[int, tuple[int, int]]:
    """By unit the first and the last number of its tree."""
    places, counter = {}, 0

    def visit(unit: int) -> None:
        nonlocal counter
        counter += 1
        first = counter
        for child, parent in enumerate(above):
            if parent == unit:
                visit(child)
        places[unit] = (first, counter)

    for unit, parent in enumerate(above):
        if parent is None:
            visit(unit)
    return places
