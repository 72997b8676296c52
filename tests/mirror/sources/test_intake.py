"""What a source hands over reaches the mirror: joined where exactly one account fits, and nobody twice."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from plugin.core.runtime import Runtime
from plugin.enrolment.doctor import examine
from plugin.mirror.changes import stamp
from plugin.mirror.lookup.without_account import UnmatchedRecord, accounts_around, named, of_targets
from plugin.mirror.pulling.rows import KINDS, drop_rows
from plugin.mirror.sources.intake import DeliveryResult, take, unmatched_counts
from plugin.mirror.sources.learning_site import accounts_changed
from plugin.mirror.sources.managing import setup
from plugin.mirror.sources.managing.matching import pin, unpin
from plugin.mirror.sources.source import source_of, source_row
from plugin.mirror.sources.source_data import AudienceData, Delivery, PersonData, Spell
from plugin.mirror.sources.tables import WHYS, Identity, Rename
from plugin.mirror.tables import Job, Person, Unit
from tests.enrolment.test_settle import active
from tests.world import HOST, World, row

WHOLE = frozenset({"people"})


@pytest.fixture
def world(runtime: Runtime) -> World:
    made = World(runtime)
    for name, number in (("ann", "1"), ("bob", "2"), ("cat", "3"), ("dan", "4")):
        made.people(name, number=number, username=name.upper(), email=f"{name}@example.com")
    with runtime.db.write() as session:
        setup.add_source(
            session, HOST, "hr", "csv", join_by="id=number", mapping={"separator": "/"}, at=made.now, who="t"
        )  # fmt: skip
    return made


def said(ext: str, organisation: str = "", manager: str = "", key: str | None = None, **more: Any) -> PersonData:
    spell = Spell(organisation=organisation, manager=manager, end=more.pop("end", ""))
    name = more.pop("name", ext)
    return PersonData(ext, ext if key is None else key, name, jobs={"": [spell]}, **more)


def hand_over(world: World, *people: PersonData, settle: bool = True, **more: Any) -> DeliveryResult:
    def work(session: Session) -> DeliveryResult:
        source = source_of(session, source_row(session, HOST, "hr"))
        return take(session, HOST, source, Delivery(people=people, **more), world.now)

    done = world.runtime.db.transact(work)
    if settle:
        world.settle()
    return done


def whys(world: World) -> dict[str, str]:
    with world.runtime.db.read() as session:
        return {one.ext: WHYS[one.why] for one in session.scalars(select(Identity)) if one.gone is None}


def jobs(world: World) -> dict[str, tuple[str, str, str]]:
    with world.runtime.db.read() as session:
        rows = session.scalars(select(Job).where(Job.gone.is_(False)))
        return {one.ext: (one.person_ext, one.organisation_ext, one.manager_ext) for one in rows}


def sound(world: World) -> None:
    assert examine(world.runtime, deep=True) == []


def test_records_join_their_accounts_and_make_units_of_words(world: World) -> None:
    done = hand_over(
        world, said("1", "Claims / Nights"), said("2", "claims /  nights", manager="1"), said("9", "Legal"), whole=WHOLE
    )
    assert sorted(done.new) == ["1", "2", "9"]
    assert jobs(world) == {
        "hr:1": ("ann", "hr:Claims / Nights", ""), "hr:2": ("bob", "hr:Claims / Nights", "ann"),
        "hr:9": ("hr:9", "hr:Legal", ""),
    }  # fmt: skip
    assert whys(world) == {"1": "", "2": "", "9": "no_account"}
    world.save("fs", row("organisation", "hr:Claims", "below"))
    assert active(world) == {"ann", "bob"}
    sound(world)


def test_a_job_without_an_account_still_carries_the_chain_and_is_in_no_count(world: World) -> None:
    hand_over(world, said("1"), said("2", manager="9"), said("9", "Board", manager="1"), whole=WHOLE)
    world.save("fs", row("manager", "hr:1", "below"))
    assert active(world) == {"bob"}
    world.save("board", row("organisation", "hr:Board"))
    assert active(world) == {"bob"}
    sound(world)


def test_a_manager_that_comes_after_her_reports_is_found_in_either_order(world: World) -> None:
    hand_over(world, said("2", manager="9"), whole=WHOLE)
    hand_over(world, said("1"))
    hand_over(world, said("9", manager="1"))
    world.save("fs", row("manager", "hr:1", "below"))
    assert active(world) == {"bob"}
    world.people("eve", number="9")
    arrive(world, "eve")
    assert jobs(world)["hr:2"][2] == "eve"
    assert active(world) == {"bob", "eve"}
    sound(world)


def arrive(world: World, name: str) -> None:
    def work(session: Session) -> None:
        number = session.scalars(select(Person.id).where(Person.ext == name)).one()
        stamp(session, HOST, accounts_changed(session, HOST, [number], world.now).people | {number}, world.now)

    world.runtime.db.transact(work)
    world.settle()


def test_an_account_that_comes_late_joins_at_its_arrival_and_one_that_comes_anew_takes_the_record_over(
    world: World,
) -> None:
    hand_over(world, said("9", "Claims"), whole=WHOLE)
    world.save("fs", row("organisation", "hr:Claims"))
    assert active(world) == set()
    world.people("eve", number="9")
    arrive(world, "eve")
    assert active(world) == {"eve"}

    def delete(session: Session) -> None:
        gone = drop_rows(session, HOST, KINDS["people"], ["eve"])
        stamp(session, HOST, gone.people | accounts_changed(session, HOST, gone.accounts, world.now).people, world.now)

    world.runtime.db.transact(delete)
    world.settle()
    world.people("eve2", number="9")
    arrive(world, "eve2")
    assert active(world) == {"eve2"}
    with world.runtime.db.read() as session:
        assert accounts_around(session, HOST, "eve2") == ("eve", "")
        assert accounts_around(session, HOST, "eve") == ("", "eve2")
        assert accounts_around(session, HOST, "ann") == ("", "")
    sound(world)


def test_who_has_no_account_yet_is_named_by_unit_audience_and_name(world: World) -> None:
    lost = said("77", "Claims / Nights", name="Zoë Lost")
    crew = AudienceData("crew", "Crew", ["77", "1"])
    hand_over(
        world, said("1", "Claims"), lost, said("78", "Legal", name="Gone", active=False), audiences=[crew], whole=WHOLE
    )
    asked = [("organisation", "hr:Claims", True), ("organisation", "hr:Claims", False), ("audience", "hr:crew", False),
             ("organisation", "hr:Legal", True)]  # fmt: skip
    zoe = UnmatchedRecord("hr", "77", "Zoë Lost", "no_account")
    with world.runtime.db.read() as session:
        assert of_targets(session, HOST, asked[:1], world.now) == {("organisation", "hr:Claims"): [zoe]}
        assert of_targets(session, HOST, asked[1:], world.now) == {("audience", "hr:crew"): [zoe]}
        assert named(session, HOST, "lost", 5) == [zoe]
        assert named(session, HOST, "77", 5) == [zoe]
        assert named(session, HOST, "Gone", 5) == []


def test_a_join_once_made_stands_and_the_second_is_the_ambiguous_one(world: World) -> None:
    hand_over(world, said("1"), whole=WHOLE)
    hand_over(world, said("77", key="1"))
    assert whys(world) == {"1": "", "77": "several_records"}
    world.people("ann2", number="1")
    arrive(world, "ann2")
    assert jobs(world)["hr:1"][0] == "ann"
    hand_over(world, said("78", key=""), said("79", key="0004"))
    assert whys(world) == {"1": "", "77": "several_records", "78": "no_key", "79": "no_account"}


def test_two_of_one_key_at_once_join_nobody(world: World) -> None:
    world.people("dan2", number="4")
    arrive(world, "dan2")
    hand_over(world, said("a", key="1"), said("b", key="1"), said("c", key="4"), whole=WHOLE)
    assert whys(world) == {"a": "several_records", "b": "several_records", "c": "several_accounts"}
    with world.runtime.db.read() as session:
        counts = unmatched_counts(session, source_of(session, source_row(session, HOST, "hr")))
    assert counts == (0, {"no_account": 0, "several_accounts": 1, "several_records": 2, "no_key": 0})
    hand_over(world, said("a", key="1"), said("c", key="4"), whole=WHOLE)
    assert whys(world) == {"a": "", "c": "several_accounts"}


def test_key_and_name_changed_together_suspend_the_join(world: World) -> None:
    hand_over(world, said("x", "Claims", key="1", name="Ann Lee"), whole=WHOLE)
    hand_over(world, said("x", "Claims", key="2", name="Bob Ray"), whole=WHOLE)
    assert whys(world) == {"x": "suspended"}
    assert jobs(world)["hr:x"][0] == "hr:x"
    with world.runtime.db.write() as session:
        pin(session, HOST, "hr", "x", "cat", at=world.now, who="t")
    assert jobs(world)["hr:x"][0] == "cat"
    hand_over(world, said("x", "Claims", key="3", name="Bob Ray"), said("y", key="3"), whole=WHOLE)
    assert whys(world) == {"x": "", "y": "several_records"}
    with world.runtime.db.write() as session:
        unpin(session, HOST, "hr", "x", at=world.now, who="t")
    assert whys(world)["x"] == "several_records"


def test_who_left_has_jobs_that_ended_and_her_reports_keep_their_chain(world: World) -> None:
    hand_over(world, said("1"), said("2", "Claims", manager="1"), said("3", "Claims", manager="2"), whole=WHOLE)
    world.save("fs", row("organisation", "hr:Claims"), row("manager", "hr:1", "below"))
    assert active(world) == {"bob", "cat"}
    hand_over(
        world, said("1"), said("2", "Claims", manager="1", active=False), said("3", "Claims", manager="2"), whole=WHOLE
    )
    assert active(world) == {"cat"}
    hand_over(world, said("1"), said("3", "Claims", manager="2"), whole=WHOLE)
    assert active(world) == {"cat"}
    sound(world)


def test_a_repeated_delivery_changes_nothing(world: World) -> None:
    people = [said("1", "Claims"), said("2", "Claims", manager="1")]
    hand_over(world, *people, whole=WHOLE)
    done = hand_over(world, *people, whole=WHOLE)
    assert (done.new, done.changed, done.gone, done.same, done.people) == ([], [], [], 2, set())


def test_members_wait_for_their_account_and_count_while_she_is_there(world: World) -> None:
    team = [AudienceData("night", "Night team", ["1", "2", "9"])]
    hand_over(world, said("1"), said("2"), whole=frozenset({"people", "audiences"}), audiences=team)
    world.save("fs", row("audience", "hr:night"))
    assert active(world) == {"ann", "bob"}
    world.people("eve", number="9")
    hand_over(world, said("1"), said("2", active=False), said("9"), whole=WHOLE)
    arrive(world, "eve")
    assert active(world) == {"ann", "eve"}
    hand_over(
        world,
        said("1"),
        said("2"),
        said("9"),
        whole=frozenset({"people", "audiences"}),
        audiences=[AudienceData("night", "N", ["2"])],
    )
    assert active(world) == {"bob"}
    sound(world)


def test_a_unit_that_vanished_while_a_new_one_took_its_people_is_asked_about_and_nobody_leaves(world: World) -> None:
    hand_over(world, said("1", "Claims / Nights"), said("2", "Claims / Nights"), said("3", "Legal"), whole=WHOLE)
    world.save("fs", row("organisation", "hr:Claims / Nights"))
    done = hand_over(world, said("1", "Claims / Late"), said("2", "Claims / Late"), said("3", "Legal"), whole=WHOLE)
    assert done.units["renamed"] == ["hr:Claims / Nights"]
    assert active(world) == {"ann", "bob"}
    hand_over(world, said("1", "Claims / Late"), said("2", "Claims / Late"), said("3", "Claims / Late"), whole=WHOLE)
    assert active(world) == {"ann", "bob"}
    with world.runtime.db.read() as session:
        assert session.scalars(select(Rename.new)).all() == ["hr:Claims / Late"]
    sound(world)


def test_a_unit_and_a_position_of_one_word_are_two_units(world: World) -> None:
    one = PersonData("1", "1", "Ann", jobs={"": [Spell(organisation="Claims", position="Claims")]})
    two = PersonData("2", "2", "Bob", jobs={"": [Spell(organisation="Claims / Nights")]})
    hand_over(world, one, two, whole=WHOLE)
    with world.runtime.db.read() as session:
        assert sorted(session.execute(select(Unit.kind, Unit.ext)).all()) == [
            ("organisation", "hr:Claims"), ("organisation", "hr:Claims / Nights"), ("position", "hr:Claims"),
        ]  # fmt: skip
        nights = session.scalars(select(Unit).where(Unit.ext == "hr:Claims / Nights")).one()
        above = session.scalars(select(Unit).where(Unit.ext == "hr:Claims", Unit.kind == "organisation")).one()
        assert (nights.parent, above.below) == (above.id, 2)
    world.save("fs", row("position", "hr:Claims"))
    assert active(world) == {"ann"}


def test_fields_are_laid_over_where_the_site_has_none(world: World) -> None:
    with world.runtime.db.write() as session:
        session.execute(update(Person).where(Person.ext == "ann").values(fields={"grade": "", "town": "Ulm"}))
    hand_over(world, said("1", fields={"grade": "G7", "town": "Bonn"}), whole=WHOLE)
    with world.runtime.db.read() as session:
        assert session.scalars(select(Person.fields).where(Person.ext == "ann")).one() == {"grade": "G7", "town": "Ulm"}


def test_a_delivery_that_lacks_too_many_says_so(world: World) -> None:
    hand_over(world, *(said(f"p{n}") for n in range(40)), whole=WHOLE)
    done = hand_over(world, *(said(f"p{n}") for n in range(20)), whole=WHOLE)
    assert done.guard is not None
    assert len(done.gone) == 20
