"""When jobs begin or end, the people of a host are not read again; what a process keeps is true whatever else happened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugin.core.database import process_cache
from plugin.core.database.bulk import fetch
from plugin.core.runtime import Runtime
from plugin.enrolment.settling.tick import tick
from plugin.population import sets
from plugin.population.sets import forget_bases, population, population_read
from tests.histories.lab import Lab
from tests.histories.naive import DAY, Job

PEOPLE = [f"u{n}" for n in range(6)]


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    forget_bases()
    yield
    forget_bases()


def company(runtime: Runtime) -> Lab:
    """Six people, whose jobs begin one a day from today on."""
    made = Lab(runtime)
    made.unit("o1", "organisation", None)
    made.unit("o2", "organisation", "o1")
    for n, name in enumerate(PEOPLE):
        made.person(name)
        made.job(f"j{n}", Job(name, "o2" if n % 2 else "o1", None, "j0" if n else None, starts=_day(made, n)))
    made.audience("all", set(PEOPLE))
    tick(made.runtime, made.host)
    return made


def _day(lab: Lab, n: int) -> int | None:
    return lab.model.now + n * DAY if n else None


def everybody(lab: Lab, read: Any) -> dict[Any, list[int]]:
    """Who exists, and whom each unit, team and audience matches, as these sets tell it."""
    with lab.runtime.db.read() as session:
        people = read(session, lab.host)
        keys = [
            ("organisation", row[0], "below")
            for row in fetch(session, "SELECT id FROM unit WHERE host_id = ?", lab.host)
        ]
        keys += [
            ("manager", row[0], "below") for row in fetch(session, "SELECT id FROM job WHERE host_id = ?", lab.host)
        ]
        keys += [
            ("audience", row[0], "") for row in fetch(session, "SELECT id FROM audience WHERE host_id = ?", lab.host)
        ]
        found = {key: sorted(people.matching(key)) for key in keys}
        return {**found, "existing": sorted(people.existing), "suspended": sorted(people.suspended)}


def pass_day(lab: Lab) -> int:
    lab._clock(lab.model.now + DAY)
    return tick(lab.runtime, lab.host)


def test_at_a_midnight_at_which_jobs_begin_no_row_is_read_again(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = company(runtime)
    before = everybody(lab, population)
    with monkeypatch.context() as patched:
        for name in ("read_columns", "load_base", "rebased", "read_base"):
            patched.setattr(sets, name, lambda *_args: pytest.fail("read again"))
        assert pass_day(lab) == 1
        first = everybody(lab, population)
        assert pass_day(lab) == 1
        second = everybody(lab, population)
    assert before != first != second
    assert second == everybody(lab, population_read)


ACTS = ("day", "look", "look at the second process", "move", "suspend", "leave", "join", "unit")


@given(acts=st.lists(st.sampled_from(ACTS), min_size=2, max_size=10))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_processes_know_everybody_whatever_happens_between_two_beginnings(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, acts: list[str]
) -> None:
    lab = company(runtime)
    kept: list[Any] = [WeakKeyDictionary(), WeakKeyDictionary()]

    def look(process: int) -> dict[Any, list[int]]:
        monkeypatch.setattr(process_cache, "_kept", kept[process])
        return everybody(lab, population)

    look(0), look(1)
    for at, act in enumerate(acts):
        name = PEOPLE[at % len(PEOPLE)]
        if act == "day":
            pass_day(lab)
        elif act == "look":
            look(0)
        elif act == "look at the second process":
            look(1)
        elif act == "move":
            lab.job(f"j{at % 6}", Job(name, "o2" if at % 3 else "o1", None, None, starts=lab.model.now + at % 4 * DAY))
        elif act == "suspend":
            lab.person(name, state="suspended" if at % 2 else "active")
        elif act == "leave":
            lab.audience("all", set(PEOPLE) - {name})
        elif act == "join":
            lab.person(f"new{at}")
        else:
            lab.unit("o2", "organisation", None if at % 2 else "o1")
    told = everybody(lab, population_read)
    assert look(0) == told
    assert look(1) == told
