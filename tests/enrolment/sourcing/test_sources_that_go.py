"""A source is taken away, and perhaps added again under its name; who supplies fields, and in which order, changes."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from plugin.core.errors import RefusedByRule
from plugin.core.runtime import Runtime
from plugin.enrolment.doctor import examine
from plugin.enrolment.sourcing import changes, loads, undoing
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.mirror.sources.managing import setup
from plugin.mirror.sources.managing.time_changes import turn
from plugin.mirror.sources.overlays import below
from plugin.mirror.sources.tables import SourceLoad
from plugin.mirror.tables import Person, Unit
from tests.enrolment.test_settle import active_in
from tests.world import HOST, World, row

PEOPLE = 24


@pytest.fixture
def world(runtime: Runtime) -> World:
    """24 accounts, each with a town that the learning site knows."""
    made = World(runtime)
    for n in range(PEOPLE):
        made.people(f"p{n}", number=f"{n:03}", fields={"town": "Ulm"})
    return made


def add(world: World, name: str = "hr", **mapping: Any) -> None:
    with world.runtime.db.write() as session:
        setup.add_source(session, HOST, name, "csv", join_by="id=number", mapping=mapping, at=world.now, who="t")


def load(world: World, text: str, name: str = "hr", **how: Any) -> None:
    loads.load(world.runtime, HOST, name, [("people.csv", text.encode())], who="t", **{"yes": True, **how})
    world.settle()


def supply(world: World, kind: str, *names: str) -> None:
    changes.supply(world.runtime, HOST, kind, names, who="t", yes=True)
    world.settle()


def remove(world: World, name: str = "hr") -> None:
    changes.remove(world.runtime, HOST, name, yes=True, who="t")
    world.settle()


def fields(world: World, name: str) -> dict[str, Any]:
    with world.runtime.db.read() as session:
        return dict(session.scalars(select(Person.fields).where(Person.ext == name)).one())


def sound(world: World) -> None:
    assert examine(world.runtime, deep=True) == []


HEAD = "id,first_name,organisation,manager\n"


def test_a_source_that_was_taken_away_is_added_again_under_its_name_and_rows_mean_its_units_again(world: World) -> None:
    text = HEAD + "".join(f"{n:03},Ann,Claims,900\n" for n in range(10)) + "900,Boss,Board,\n"
    add(world)
    supply(world, "organisation", "hr")
    supply(world, "managers", "hr")
    load(world, text)
    world.save("fs", row("organisation", "hr:Claims"))
    world.save("gs", row("manager", "hr:900", "direct"))
    world.settle()
    before = {f"p{n}" for n in range(10)}
    assert (active_in(world, "fs"), active_in(world, "gs")) == (before, before)
    remove(world)
    add(world)
    supply(world, "organisation", "hr")
    supply(world, "managers", "hr")
    load(world, text.replace("Boss", "Chief"))
    assert (active_in(world, "fs"), active_in(world, "gs")) == (before, before)
    with world.runtime.db.read() as session:
        assert session.scalars(select(Person.name).where(Person.ghost)).all() == ["Chief"]
    sound(world)


def test_a_manager_without_an_account_who_comes_back_after_90_days_carries_her_team_again(world: World) -> None:
    team, boss = "".join(f"{n:03},Ann,Claims,900\n" for n in range(10)), "900,Boss,Board,\n"
    add(world)
    supply(world, "managers", "hr")
    load(world, HEAD + team + boss)
    load(world, HEAD + team)
    world.at(world.now + 91 * 24 * 3600)
    turn(world.runtime, HOST)
    load(world, HEAD + team + boss)
    world.save("gs", row("manager", "hr:900", "direct"))
    assert active_in(world, "gs") == {f"p{n}" for n in range(10)}
    sound(world)


def test_an_id_of_the_learning_site_that_begins_like_a_sources_keeps_the_name_from_being_taken(world: World) -> None:
    world.units(("hr:own", None))
    with pytest.raises(RefusedByRule, match="hr:own"):
        add(world)
    world.people("dir:7")
    with pytest.raises(RefusedByRule, match="dir:7"):
        add(world, "dir")


def test_a_first_load_that_was_taken_back_fixes_nothing(world: World) -> None:
    add(world)
    supply(world, "organisation", "hr")
    load(world, "id,organisation\n001,C1\n")
    files = [("people.csv", b"id,organisation\n001,C1\n"), ("organisations.csv", b"id,name\nC1,Claims\n")]
    with pytest.raises(RefusedByRule, match="fixed at the first load"):
        loads.load(world.runtime, HOST, "hr", files, who="t", yes=True)
    undoing.undo(world.runtime, HOST, "hr", who="t", yes=True)
    loads.load(world.runtime, HOST, "hr", files, who="t", yes=True)
    world.settle()
    with world.runtime.db.read() as session:
        assert session.scalars(select(Unit.name).where(Unit.gone.is_(False))).all() == ["Claims"]
    world.save("fs", row("organisation", "hr:C1"))
    assert active_in(world, "fs") == {"p1"}
    sound(world)


def test_loads_go_with_their_source_those_that_wait_too(world: World) -> None:
    add(world)
    load(world, HEAD + "001,Ann,Claims,\n")
    add(world, "other")
    with pytest.raises(NotLoaded, match="first load"):
        load(world, HEAD + "002,Bea,Claims,\n", "other", yes=False)
    remove(world)
    remove(world, "other")
    with world.runtime.db.read() as session:
        assert session.scalar(select(func.count()).select_from(SourceLoad)) == 0


def test_fields_of_a_source_go_with_it_or_when_it_supplies_them_no_longer(world: World) -> None:
    add(world, keep=["grade"])
    load(world, "id,grade\n001,G7\n")
    assert fields(world, "p1") == {"town": "Ulm", "grade": "G7"}
    supply(world, "fields", "site")
    assert fields(world, "p1") == {"town": "Ulm"}
    supply(world, "fields", "site", "hr")
    assert fields(world, "p1") == {"town": "Ulm", "grade": "G7"}
    remove(world)
    assert fields(world, "p1") == {"town": "Ulm"}


@pytest.mark.parametrize("order", [("a", "b", "site"), ("site", "a", "b"), ("b", "site", "a")])
def test_of_several_suppliers_of_fields_the_later_wins_field_by_field_whatever_comes_or_goes(
    world: World, order: tuple[str, ...]
) -> None:
    said = {
        "a": {"town": "Bonn", "grade": "A"},
        "b": {"town": "Köln", "grade": "", "desk": "9"},
        "site": {"town": "Ulm"},
    }
    for name in ("a", "b"):
        add(world, name, keep=["town", "grade", "desk"])
        load(world, "id,town,grade,desk\n" + f"001,{said[name]['town']},{said[name]['grade']},{said[name].get('desk', '')}\n"
             "002,,,\n", name)  # fmt: skip
    supply(world, "fields", *order)

    def wanted(*names: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in names:
            found |= {field: value for field, value in said[name].items() if value}
        return found

    assert fields(world, "p1") == wanted(*order)
    add(world, "c", keep=["town"])
    with world.runtime.db.write() as session:  # the site tells of her again
        tell(session, "p1")
    assert fields(world, "p1") == wanted(*order)
    remove(world, "c")
    first, second = (name for name in order if name != "site")
    remove(world, first)
    with world.runtime.db.write() as session:
        tell(session, "p1")
    assert fields(world, "p1") == wanted(*(name for name in order if name != first))
    remove(world, second)
    assert fields(world, "p1") == {"town": "Ulm"}


def tell(session: Any, name: str) -> None:
    person = session.scalars(select(Person).where(Person.ext == name)).one()
    columns = {name: {"fields": {"town": "Ulm"}, "state": person.state}}
    below(session, HOST, columns, {name: {"fields", "state"}})
    person.fields = columns[name]["fields"]
