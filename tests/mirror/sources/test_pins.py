"""A match by hand holds over any rule until it is undone, also at the next load (SOURCES 3.3)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from plugin.core.errors import RefusedByRule
from plugin.core.runtime import Runtime
from plugin.core.tables import Journal
from plugin.enrolment.doctor import examine
from plugin.enrolment.sourcing import changes, loads, undoing
from plugin.mirror.sources.managing import matching, setup
from plugin.mirror.sources.source import source_of, source_row
from plugin.mirror.sources.tables import Identity
from plugin.mirror.tables import Person
from tests.enrolment.test_settle import active
from tests.world import HOST, World, row

FIRST = {"001": "Claims", "002": "Claims", "003": "Legal", "X9": "Legal"}


@pytest.fixture
def world(runtime: Runtime) -> World:
    """Accounts p1 to p3 joined by their numbers, and a record X9 of nobody; p1 and p2 work in Claims."""
    made = World(runtime)
    for n in range(1, 5):
        made.people(f"p{n}", number=f"{n:03}")
    with runtime.db.write() as session:
        setup.add_source(session, HOST, "hr", "csv", join_by="id=number", mapping={}, at=made.now, who="t")
    changes.supply(runtime, HOST, "organisation", ["hr"], yes=True, who="t")
    load(made, FIRST)
    made.save("fs", row("organisation", "hr:Claims"))
    made.settle()
    assert active(made) == {"p1", "p2"}
    return made


def load(world: World, units: dict[str, str], **how: Any) -> None:
    text = "id,organisation\n" + "".join(f"{ext},{unit}\n" for ext, unit in units.items())
    loads.load(world.runtime, HOST, "hr", [("people.csv", text.encode())], who="t", **{"yes": True, **how})
    world.settle()


def pin(world: World, ext: str, person: str) -> str:
    instead: str = world.runtime.db.transact(
        lambda session: matching.pin(session, HOST, "hr", ext, person, at=world.now, who="t")
    )
    world.settle()
    return instead


def unpin(world: World, ext: str) -> None:
    world.runtime.db.transact(lambda session: matching.unpin(session, HOST, "hr", ext, at=world.now, who="t"))
    world.settle()


def joined(world: World) -> dict[str, str | None]:
    with world.runtime.db.read() as session:
        names = {one.id: one.ext for one in session.scalars(select(Person))}
        rows = session.scalars(select(Identity).where(Identity.gone.is_(None)))
        return {one.ext: names.get(one.person or 0) for one in rows}


def to_be_matched(world: World) -> dict[str, str]:
    with world.runtime.db.read() as session:
        source = source_of(session, source_row(session, HOST, "hr"))
        return {one.id: one.why for one in matching.unmatched(session, source)}


def test_a_match_by_hand_takes_an_account_from_a_record_that_its_key_had_matched_and_says_which(world: World) -> None:
    assert pin(world, "X9", "p1") == "001"
    assert joined(world) == {"001": None, "002": "p2", "003": "p3", "X9": "p1"}
    assert (to_be_matched(world), active(world)) == ({"001": "several_records"}, {"p2"})
    with world.runtime.db.read() as session:
        said = session.scalars(select(Journal.data).where(Journal.what == "identity_pinned")).one()
    assert said == {"source": "hr", "id": "X9", "instead": "001"}
    assert examine(world.runtime, deep=True) == []


def test_it_holds_at_later_loads_whatever_the_record_of_the_key_says_and_after_undo(world: World) -> None:
    pin(world, "X9", "p1")
    load(world, FIRST)
    load(world, {**FIRST, "001": "Legal", "X9": "Claims", "004": "Claims"})
    assert joined(world) == {"001": None, "002": "p2", "003": "p3", "X9": "p1", "004": "p4"}
    assert active(world) == {"p1", "p2", "p4"}
    without = {ext: unit for ext, unit in FIRST.items() if ext != "001"}
    load(world, without)
    load(world, FIRST)
    undoing.undo(world.runtime, HOST, "hr", who="t", yes=True)
    load(world, FIRST)
    assert joined(world)["X9"] == "p1"
    assert to_be_matched(world) == {"001": "several_records"}
    assert examine(world.runtime, deep=True) == []


def test_undone_the_account_goes_back_to_the_record_that_has_its_key(world: World) -> None:
    pin(world, "X9", "p1")
    unpin(world, "X9")
    assert joined(world) == {"001": "p1", "002": "p2", "003": "p3", "X9": None}
    assert (to_be_matched(world), active(world)) == ({"X9": "no_account"}, {"p1", "p2"})
    pin(world, "001", "p4")
    assert (joined(world)["001"], active(world)) == ("p4", {"p2", "p4"})
    unpin(world, "001")
    assert (joined(world)["001"], active(world)) == ("p1", {"p1", "p2"})
    assert examine(world.runtime, deep=True) == []


def test_an_account_that_somebody_matched_by_hand_is_not_taken_by_another_match(world: World) -> None:
    pin(world, "X9", "p1")
    with pytest.raises(RefusedByRule, match="'X9' already"):
        pin(world, "003", "p1")
    assert joined(world)["X9"] == "p1"


def test_a_record_that_went_gives_its_account_up_to_a_match_by_hand_for_good(world: World) -> None:
    pin(world, "X9", "p4")
    load(world, {ext: unit for ext, unit in FIRST.items() if ext != "X9"} | {"Y1": "Claims"})
    pin(world, "Y1", "p4")
    assert active(world) == {"p1", "p2", "p4"}
    load(world, {**FIRST, "Y1": "Claims"})
    assert (joined(world)["Y1"], joined(world)["X9"]) == ("p4", None)
    assert examine(world.runtime, deep=True) == []
