"""What goes wrong between HR and Muster: nobody leaves because of it, and the cause is said."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from plugin.certifications.tables import Certification
from plugin.core.runtime import Runtime
from plugin.enrolment.doctor import examine
from plugin.enrolment.sourcing import changes, loads
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.enrolment.tables import Enrolment
from plugin.hosts.csv import last_file
from plugin.mirror.sources.managing import matching, overview, setup
from plugin.mirror.sources.managing.time_changes import turn
from plugin.mirror.sources.source import source_of, source_row
from plugin.mirror.tables import Person
from tests.world import HOST, World, row

PEOPLE = 30
DAY = 24 * 3600


@pytest.fixture
def world(runtime: Runtime) -> World:
    """30 accounts, and two sources of files that supply units and managers together."""
    made = World(runtime)
    for n in range(PEOPLE):
        made.people(f"p{n}", number=f"{n:03}")
    with runtime.db.write() as session:
        for name in ("hr", "other"):
            setup.add_source(session, HOST, name, "csv", join_by="id=number", mapping={}, at=made.now, who="t")
    for kind in ("organisation", "managers"):
        changes.supply(runtime, HOST, kind, ["hr", "other"], yes=True, who="t")
    return made


def load(world: World, text: str, source: str = "hr", name: str = "people.csv", **how: Any) -> dict[str, Any]:
    files = [(name, text.encode())]
    done = loads.load(world.runtime, HOST, source, files, who="t", **{"yes": True, **how}).document
    world.settle()
    return done


def everybody(count: int = PEOPLE, unit: str = "Claims", form: str = "{:03}") -> str:
    return "id,organisation\n" + "".join(f"{form.format(n)},{unit}\n" for n in range(count))


def planned(world: World, text: str) -> str:
    guard = loads.plan(world.runtime, HOST, "hr", [("people.csv", text.encode())]).document["guard"]
    return str(guard or "")


def active(world: World, code: str = "fs") -> set[str]:
    """Who is enrolled in a certification."""
    with world.runtime.db.read() as session:
        query = select(Person.ext).join(Enrolment, Enrolment.person == Person.id)
        query = query.join(Certification, Certification.id == Enrolment.certification)
        return set(session.scalars(query.where(Certification.code == code, Enrolment.state > 0)))


def sound(world: World) -> None:
    assert examine(world.runtime, deep=True) == []


def test_ids_that_lost_their_zeros_overnight_are_held_and_the_cause_is_named(world: World) -> None:
    load(world, everybody())
    world.save("fs", row("organisation", "hr:Claims"))
    world.settle()
    before, lost = active(world), everybody(form="{}")
    cause = "are there under another id, which would match without its leading zeros"
    assert cause in planned(world, lost)
    with pytest.raises(NotLoaded, match=cause):
        load(world, lost, yes=False)
    assert active(world) == before
    load(world, lost)  # somebody says yes all the same: each record is offered the account it lost
    with world.runtime.db.write() as session:
        source = source_of(session, source_row(session, HOST, "hr"))
        offered = {one.id: (one.person, one.because) for one in matching.unmatched(session, source)}
        assert offered == {str(n): (f"p{n}", "would match without its leading zeros") for n in range(PEOPLE)}
        because = offered["7"][1]
        assert matching.accept_suggestions(session, HOST, "hr", because, at=world.now, who="t") == PEOPLE
    world.settle()
    assert active(world) == before
    sound(world)


def test_a_file_of_another_company_is_held(world: World) -> None:
    load(world, everybody())
    world.save("fs", row("organisation", "hr:Claims"))
    world.settle()
    wrong = everybody(form="X{}")
    assert "30 of 30 people would be gone" in planned(world, wrong)
    with pytest.raises(NotLoaded):
        load(world, wrong, yes=False)
    assert len(active(world)) == PEOPLE
    sound(world)


def test_managers_that_lead_in_a_ring_over_two_sources_end_and_everybody_below_is_found(world: World) -> None:
    load(world, "id,organisation,manager\n000,A,001\n001,A,\n002,A,000\n")
    load(world, "id,organisation,manager\n000,B,\n001,B,000\n003,B,001\n", "other")
    world.save("fs", row("manager", "hr:001", "below"))
    world.save("gs", row("manager", "other:000", "below"))
    world.settle()
    assert active(world) >= {"p0", "p2"}
    assert active(world, "gs") >= {"p1", "p3"}
    load(world, "id,organisation,manager\n000,A,001\n001,A,002\n002,A,000\n")
    sound(world)


def test_a_source_that_is_silent_for_a_month_changes_nothing_and_goes_on_where_it_was(world: World) -> None:
    load(world, everybody(), name="people_2026-11-01.csv")
    world.save("fs", row("organisation", "hr:Claims"))
    world.settle()
    start, before = world.now, active(world)
    for day in (1, 15, 29, 31, 40):
        world.at(start + day * DAY)
        turn(world.runtime, HOST)
        load(world, everybody(3, "Sales"), "other")  # what forgets old loads forgets nothing of the silent one
        assert active(world) == before
    with pytest.raises(NotLoaded, match="older"):
        load(world, everybody(), name="people_2026-10-31.csv")
    with pytest.raises(NotLoaded, match="fewer than half"):
        load(world, everybody(10), name="people_2026-12-10.csv")
    assert load(world, everybody(29), name="people_2026-12-10.csv")["identities"]["gone"] == 1
    sound(world)


def test_one_person_of_two_sources_has_both_jobs_and_leaves_one_at_a_time(world: World) -> None:
    load(world, everybody(2))
    load(world, everybody(1, "Sales"), "other")
    world.save("fs", row("organisation", "hr:Claims"))
    world.save("gs", row("organisation", "other:Sales"))
    world.settle()
    assert (active(world), active(world, "gs")) == ({"p0", "p1"}, {"p0"})
    load(world, "id,organisation\n001,Claims\n")
    assert (active(world), active(world, "gs")) == ({"p1"}, {"p0"})
    with world.runtime.db.read() as session:
        assert [one["matched"] for one in overview.listed(session, HOST)] == [1, 1]
    sound(world)


def test_the_date_of_a_file_is_read_as_a_date_and_holds_over_loads_of_other_kinds(world: World) -> None:
    def made_on(day: str) -> str:
        return f"id,organisation,Erstellt am\n000,Claims,{day}\n001,Claims,{day}\n"

    load(world, made_on("30.11.2026"))
    load(world, made_on("01.12.2026 04:00"))
    load(world, "audience,person\nA,000\n", name="audiences.csv")
    with pytest.raises(NotLoaded, match="is of 2026-11-30, older than the one read last, of 2026-12-01"):
        load(world, made_on("30.11.2026"))
    load(world, made_on("01.12.2026"))
    assert "older" in planned(world, made_on("30.11.2026"))


def test_half_of_a_large_file_is_refused_though_only_what_differs_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_file, "FEWEST", 5)
    load(world, everybody())
    with pytest.raises(NotLoaded, match="fewer than half"):
        load(world, everybody(14))
    assert "would be gone" in planned(world, everybody(14))
    load(world, everybody(14), force=True)
