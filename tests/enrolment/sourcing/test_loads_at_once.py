"""Two things happen to one source at once: what each says holds, as if one had come after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from plugin.core.runtime import Runtime
from plugin.enrolment.doctor import examine
from plugin.enrolment.sourcing import loads, undoing
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.mirror.sources.managing import overview, setup
from plugin.mirror.tables import Job
from tests.enrolment.test_settle import active
from tests.world import HOST, World, row

PEOPLE = 24


@pytest.fixture
def world(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> World:
    """24 accounts and a source whose next file is read by what differs from the last, as large ones are."""
    monkeypatch.setattr("plugin.hosts.csv.last_file.FEWEST", 5)
    made = World(runtime)
    for n in range(PEOPLE):
        made.people(f"p{n}", number=f"{n:03}")
    with runtime.db.write() as session:
        setup.add_source(session, HOST, "hr", "csv", join_by="id=number", mapping={}, at=made.now, who="t")
    return made


def whole(**elsewhere: str) -> bytes:
    """Everybody works in Claims but for those named."""
    rows = (f"{n:03},{elsewhere.get(f'p{n}', 'Claims')}\n" for n in range(PEOPLE))
    return ("id,organisation\n" + "".join(rows)).encode()


def load(world: World, data: bytes, **how: Any) -> dict[str, Any]:
    return loads.load(world.runtime, HOST, "hr", [("people.csv", data)], who="t", **{"yes": True, **how}).document


def units(world: World) -> dict[str, str]:
    """Who works elsewhere than in Claims."""
    with world.runtime.db.read() as session:
        rows = session.scalars(select(Job).where(Job.gone.is_(False), Job.ext.like("hr:%")))
        return {str(one.person_ext): one.organisation_ext for one in rows if one.organisation_ext != "hr:Claims"}


def between(monkeypatch: pytest.MonkeyPatch, *acts: Callable[[], object]) -> None:
    """Have these happen, one a time, after a file was read and before anything of it is written."""
    waiting, reading = list(acts), loads.read

    def read(*given: Any) -> Any:
        found = reading(*given)
        if waiting:
            waiting.pop(0)()
        return found

    monkeypatch.setattr(loads, "read", read)


def test_a_whole_file_counts_as_it_is_though_another_was_loaded_while_it_was_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(world, whole())
    between(monkeypatch, lambda: load(world, whole(p3="Sales")), lambda: None)
    load(world, whole(p5="Legal"))
    assert units(world) == {"p5": "hr:Legal"}
    world.settle()
    assert examine(world.runtime, deep=True) == []


def test_a_plan_tells_of_the_records_as_they_are_when_it_is_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    load(world, whole())
    between(monkeypatch, lambda: load(world, whole(p3="Sales")), lambda: None)
    told = loads.plan(world.runtime, HOST, "hr", [("people.csv", whole(p5="Legal"))])
    assert told.document["identities"] == {"new": 0, "gone": 0, "changed": 2, "same": 22}
    assert units(world) == {"p3": "hr:Sales"}


def test_a_file_is_read_by_the_mapping_that_counts_when_it_is_taken(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(world, whole())

    def change() -> None:
        with world.runtime.db.write() as session:
            setup.change_source(session, HOST, "hr", mapping={"separator": "/"}, at=world.now, who="t")

    between(monkeypatch, change)
    load(world, whole(p5="Legal/Tax"))
    assert units(world) == {"p5": "hr:Legal / Tax"}


def test_a_source_that_is_paused_meanwhile_takes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    load(world, whole())

    def pause() -> None:
        with world.runtime.db.write() as session:
            setup.set_paused(session, HOST, "hr", paused=True, at=world.now, who="t")

    between(monkeypatch, pause)
    with pytest.raises(NotLoaded, match="paused"):
        load(world, whole(p5="Legal"))
    assert units(world) == {}


def test_an_older_file_is_refused_though_the_newer_one_came_while_it_was_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(world, whole())

    def newer() -> None:
        loads.load(world.runtime, HOST, "hr", [("people_2026-11-30.csv", whole(p3="Sales"))], who="t")

    between(monkeypatch, newer)
    with pytest.raises(NotLoaded, match="older"):
        loads.load(world.runtime, HOST, "hr", [("people_2026-11-29.csv", whole(p5="Legal"))], who="t")
    assert units(world) == {"p3": "hr:Sales"}


def test_a_load_taken_back_while_another_file_is_read_leaves_what_the_file_says(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(world, whole())
    load(world, whole(p3="Sales"))
    between(monkeypatch, lambda: undoing.undo(world.runtime, HOST, "hr", who="t", yes=True))
    load(world, whole(p3="Sales", p5="Legal"))
    assert units(world) == {"p3": "hr:Sales", "p5": "hr:Legal"}
    undoing.undo(world.runtime, HOST, "hr", who="t", yes=True)
    assert units(world) == {}


def test_many_loads_and_a_way_back_at_once_leave_the_state_of_one_of_them(world: World) -> None:
    load(world, whole())
    world.save("fs", row("organisation", "hr:Claims"))
    world.settle()
    wanted = [{f"p{n}": "Legal"} for n in range(4)]
    failures: list[BaseException] = []

    def act(elsewhere: dict[str, str]) -> None:
        try:
            load(world, whole(**elsewhere))
        except BaseException as error:  # a thread must not lose it
            failures.append(error)

    threads = [threading.Thread(target=act, args=(one,)) for one in wanted]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failures == []
    assert units(world) in [{name: "hr:Legal" for name in one} for one in wanted]
    world.settle()
    assert active(world) == {f"p{n}" for n in range(PEOPLE)} - units(world).keys()
    with world.runtime.db.read() as session:
        assert [one["state"] for one in overview.shown(session, HOST, "hr")["loads"]] == ["done"] * 5
    assert examine(world.runtime, deep=True) == []
