"""How data arrives is changed: nobody leaves by it unasked, and rows follow what they meant."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from sqlalchemy import select, update

from plugin.certifications.store import definition_of
from plugin.core.errors import Invalid, NotFound, RefusedByRule
from plugin.core.runtime import Runtime
from plugin.enrolment.doctor import examine
from plugin.enrolment.saving.proposal import certification_id
from plugin.enrolment.settling.tick import tick
from plugin.enrolment.sourcing import changes, loads
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.hosts.csv.file_faults import Unreadable
from plugin.mirror.lookup.written_ids import meant
from plugin.mirror.sources.managing import overview, setup
from plugin.mirror.sources.managing.time_changes import turn
from plugin.mirror.tables import Job, Unit
from tests.enrolment.test_settle import active
from tests.world import HOST, World, row

PEOPLE = 24
DAY = 24 * 3600


@pytest.fixture
def world(runtime: Runtime) -> World:
    """24 accounts; those below 12 work in the site's own unit ORG-1."""
    made = World(runtime)
    for n in range(PEOPLE):
        made.people(f"p{n}", number=f"{n:03}")
    made.units(("ORG-1", None), ("ORG-2", None))
    for n in range(12):
        made.job(f"j{n}", f"p{n}", "ORG-1")
    return made


def add(world: World, name: str = "hr", **mapping: Any) -> None:
    with world.runtime.db.write() as session:
        setup.add_source(session, HOST, name, "csv", join_by="id=number", mapping=mapping, at=world.now, who="t")


def load(world: World, text: str, name: str = "hr", **how: Any) -> dict[str, Any]:
    files = [("people.csv", text.encode())]
    done = loads.load(world.runtime, HOST, name, files, who="t", **{"yes": True, **how}).document
    world.settle()
    return done


def whole(units: dict[int, str]) -> str:
    return "id,organisation\n" + "".join(f"{n:03},{unit}\n" for n, unit in units.items())


def supply(world: World, kind: str, *names: str, **how: Any) -> dict[str, Any]:
    done = changes.supply(world.runtime, HOST, kind, names, who="t", **{"yes": False, **how}).document
    world.settle()
    return done


def targets(world: World, code: str = "fs") -> list[str]:
    with world.runtime.db.read() as session:
        return sorted(
            one.target for one in definition_of(session, HOST, certification_id(session, HOST, code)).assignments
        )


def sound(world: World) -> None:
    assert examine(world.runtime, deep=True) == []


def test_a_map_has_rows_name_the_new_unit_and_learners_in_common_stay_untouched(world: World) -> None:
    world.save("fs", row("organisation", "ORG-1"))
    world.settle()
    before = active(world)
    assert len(before) == 12
    add(world)
    load(world, whole({n: "Claims" for n in range(14)}))
    with pytest.raises(NotLoaded):  # without a map the row has no target left, and its learners wait on hold
        supply(world, "organisation", "hr")
    wanted = {"ORG-1": "hr:Claims"}
    with pytest.raises(NotLoaded) as refusal:
        supply(world, "organisation", "hr", targets=wanted)
    assert refusal.value.exit_code == 1
    assert refusal.value.plan is not None
    assert refusal.value.plan.withdrawn == 0
    assert refusal.value.plan.document["retargeted"] == 1
    assert (targets(world), active(world)) == (["ORG-1"], before)
    assert supply(world, "organisation", "hr", targets=wanted, yes=True)["retargeted"] == 1
    assert targets(world) == ["hr:Claims"]
    assert active(world) >= before
    assert len(active(world)) == 14
    sound(world)


def test_a_map_is_offered_though_the_row_that_names_what_goes_enrolled_nobody_yet(world: World) -> None:
    add(world)
    load(world, whole({n: "Claims" for n in range(14)}))
    world.save("fs", row("organisation", "ORG-1"), settle=False)
    assert active(world) == set()
    with pytest.raises(NotLoaded) as refusal:
        changes.supply(world.runtime, HOST, "organisation", ["hr"], yes=False, who="t")
    assert refusal.value.plan is not None
    assert list(refusal.value.plan.document["map"]) == ["ORG-1"]
    assert supply(world, "organisation", "hr", targets={"ORG-1": "hr:Claims"}, yes=True)["retargeted"] == 1
    assert len(active(world)) == 14
    sound(world)


@pytest.mark.parametrize("wanted", [{"ORG-1": "hr:None"}, {"ORG-1": "ORG-2"}])
def test_a_map_to_what_is_not_there_is_refused_and_nothing_changes(world: World, wanted: dict[str, str]) -> None:
    world.save("fs", row("organisation", "ORG-1"))
    world.settle()
    add(world)
    load(world, whole({n: "Claims" for n in range(12)}))
    before = active(world)
    with pytest.raises(RefusedByRule):
        supply(world, "organisation", "hr", targets=wanted, yes=True)
    assert (targets(world), active(world)) == (["ORG-1"], before)
    supply(world, "organisation", "hr", targets={"ORG-1": "hr:Claims"}, yes=True)
    with pytest.raises(RefusedByRule, match="let both supply first"):
        supply(world, "organisation", "site", targets={"hr:Claims": "ORG-1"}, yes=True)
    assert (targets(world), active(world)) == (["hr:Claims"], before)
    for wrong in (["ORG-1"], {"ORG-1": None}, "ORG-1"):
        with pytest.raises(Invalid):
            supply(world, "organisation", "hr", targets=wrong, yes=True)


def test_a_file_of_changes_means_only_what_it_says(world: World) -> None:
    add(world, mode="changes")
    supply(world, "organisation", "hr", "site")
    load(world, "action,id,organisation\n" + "".join(f"add,{n:03},Claims\n" for n in range(10)))
    world.save("fs", row("organisation", "hr:Claims"))
    world.settle()
    assert len(active(world)) == 10
    done = load(
        world, "action,id,organisation\nadd,010,Claims\nUpdate,003,Legal\nremove,004,\nremove,099,\nmove,005,X\n"
    )
    assert done["identities"] == {"new": 1, "gone": 1, "changed": 1, "same": 0}
    assert [(one["line"], one["column"]) for one in done["files"][0]["refused"]] == [(6, "action")]
    assert active(world) == {f"p{n}" for n in (0, 1, 2, 5, 6, 7, 8, 9, 10)}
    with pytest.raises(Unreadable, match="action"):
        load(world, whole({1: "Claims"}))
    assert len(active(world)) == 9
    sound(world)


@pytest.mark.parametrize(("renamed", "confirmed"), [(True, False), (False, False), (False, True)])
def test_a_unit_that_vanished_is_asked_about_and_until_then_nobody_leaves(
    world: World, renamed: bool, confirmed: bool
) -> None:
    add(world)
    supply(world, "organisation", "hr", "site")
    load(world, whole({n: "Claims" for n in range(10)} | {n: "Legal" for n in range(10, 20)}))
    world.save("fs", row("organisation", "hr:Claims"))
    world.settle()
    before = active(world)
    done = load(world, whole({n: "Claims & Co" for n in range(8)} | {n: "Legal" for n in range(8, 20)}))
    assert done["units"]["renamed"] == 1
    assert before - active(world) == {"p8", "p9"}
    with world.runtime.db.read() as session:
        (question,) = overview.shown(session, HOST, "hr")["renames"]
    assert (question["old"], question["new"], question["people"]) == ("hr:Claims", "hr:Claims & Co", 8)

    def answer(*, yes: bool, allow: int | None = None) -> Any:
        return changes.answer_rename(
            world.runtime, HOST, "hr", question["id"], renamed=renamed, yes=yes, who="t", allow=allow
        ).document  # fmt: skip

    if renamed:
        assert answer(yes=False)["certifications"] == []
        world.settle()
        assert len(active(world)) == 8
        load(world, whole({n: "Claims & Co" for n in range(9)} | {n: "Legal" for n in range(9, 20)}))
        assert len(active(world)) == 9
        written = [("organisation", f"hr:{words}") for words in ("claims  &  CO", "Claims & Co", "Claims", "None")]
        with world.runtime.db.read() as session:
            assert meant(session, HOST, written) == dict.fromkeys(written[:2], "hr:Claims")
    else:
        with pytest.raises(NotLoaded) as refusal:
            answer(yes=False)
        assert refusal.value.plan is not None
        assert refusal.value.plan.withdrawn == 8
        assert len(active(world)) == 8
        with pytest.raises(NotLoaded, match="says 7, the plan says 8"):
            answer(yes=True, allow=7)
        answer(yes=not confirmed, allow=8 if confirmed else None)
        world.settle()
        assert len(active(world)) == (0 if confirmed else 8)  # without their number the guard holds as in any sync
    assert targets(world) == ["hr:Claims"]
    with pytest.raises(NotFound):
        answer(yes=True)
    sound(world)


def test_what_is_above_a_unit_that_stays_or_is_new_stays(world: World) -> None:
    add(world, separator="/")
    supply(world, "organisation", "hr", "site")
    load(world, whole({n: "Claims / Nights" for n in range(10)} | {n: "Legal" for n in range(10, 20)}))
    world.save("fs", row("organisation", "hr:Claims", "below"))
    world.save("gs", row("organisation", "hr:Claims / Nights"))
    world.settle()
    before = active(world)
    done = load(world, whole({n: "Claims / Night shift" for n in range(10)} | {n: "Legal" for n in range(10, 20)}))
    assert done["units"] == {"new": 1, "gone": 0, "renamed": 1, "moved": 0}
    assert active(world) == before
    load(world, whole({n: "Sales / Days" for n in range(10)} | {n: "Legal" for n in range(10, 20)}), yes=True)
    with world.runtime.db.read() as session:
        rows = {one.ext: one.parent_ext for one in session.scalars(select(Unit).where(Unit.gone.is_(False)))}
    assert all(not above or above in rows for above in rows.values()), rows
    sound(world)


def test_words_are_split_at_a_declared_separator_alone_also_when_it_is_declared_later(world: World) -> None:
    add(world)
    supply(world, "organisation", "hr", "site")
    words = {13: "R / D", 14: "R/D", 15: "Ops / Night"}

    def units() -> dict[str, tuple[str, str]]:
        with world.runtime.db.read() as session:
            rows = session.scalars(select(Unit).where(Unit.gone.is_(False), Unit.ext.startswith("hr:")))
            return {one.ext: (one.name, one.parent_ext) for one in rows}

    load(world, whole(words))
    assert units() == {"hr:R / D": ("R / D", ""), "hr:Ops / Night": ("Ops / Night", "")}
    world.save("fs", row("organisation", "hr:R / D"))
    assert active(world) == {"p13", "p14"}
    with world.runtime.db.write() as session:
        setup.change_source(session, HOST, "hr", mapping={"separator": "/"}, at=world.now, who="t")
    load(world, whole(words))
    assert units() == {
        "hr:R": ("R", ""), "hr:R / D": ("D", "hr:R"), "hr:Ops": ("Ops", ""), "hr:Ops / Night": ("Night", "hr:Ops"),
    }  # fmt: skip
    assert active(world) == {"p13", "p14"}
    sound(world)


def test_an_id_means_the_same_record_in_either_form_of_its_letters(world: World) -> None:
    add(world)
    supply(world, "managers", "hr")
    text = "id,manager\nMü7,\n013,Mü7\n"
    load(world, unicodedata.normalize("NFC", text[:12]) + unicodedata.normalize("NFD", text[12:]))
    done = load(world, unicodedata.normalize("NFD", text))
    assert done["identities"] == {"new": 0, "gone": 0, "changed": 0, "same": 2}
    with world.runtime.db.read() as session:
        job = session.scalars(select(Job).where(Job.ext == "hr:013")).one()
    assert (job.manager_ext, job.manager is not None) == ("hr:Mü7", True)


def test_leavers_are_frozen_for_their_days_and_then_gone(world: World) -> None:
    add(world, leavers={"freeze": 14})
    supply(world, "organisation", "hr", "site")
    head = "id,organisation,active\n"
    load(world, head + "".join(f"{n:03},Claims,yes\n" for n in range(10, 20)))
    world.save("fs", row("organisation", "hr:Claims"))
    world.settle()
    assert len(active(world)) == 10
    load(world, head + "".join(f"{n:03},Claims,{'no' if n in (11, 15) else 'yes'}\n" for n in range(10, 20)))
    for later, gone in ((0, {"p11"}), (13 * DAY, {"p11"}), (15 * DAY, {"p11", "p15"})):
        world.at(1_795_000_000 + later)
        turn(world.runtime, HOST)
        tick(world.runtime, HOST)
        world.settle()
        assert {f"p{n}" for n in range(10, 20)} - active(world) == gone, later
    sound(world)


def test_a_paused_source_reads_nothing_and_its_records_stay(world: World) -> None:
    add(world)
    supply(world, "organisation", "hr", "site")
    load(world, whole({n: "Claims" for n in range(10)}))
    world.save("fs", row("organisation", "hr:Claims"))
    world.settle()
    with world.runtime.db.write() as session:
        setup.set_paused(session, HOST, "hr", paused=True, at=world.now, who="t")
    with pytest.raises(NotLoaded, match="paused"):
        load(world, whole({n: "Legal" for n in range(10)}))
    tick(world.runtime, HOST)
    world.settle()
    assert len(active(world)) == 10
    with world.runtime.db.write() as session:
        setup.set_paused(session, HOST, "hr", paused=False, at=world.now, who="t")
    load(world, whole({n: "Claims" for n in range(11)}))
    assert len(active(world)) == 11


def test_a_source_is_taken_away_only_when_somebody_looked_at_who_leaves(world: World) -> None:
    add(world)
    supply(world, "organisation", "hr", "site")
    load(world, whole({n: "Claims" for n in range(10)}))
    world.save("fs", row("organisation", "hr:Claims"))
    world.settle()
    with pytest.raises(NotLoaded) as refusal:
        changes.remove(world.runtime, HOST, "hr", yes=False, who="t")
    assert refusal.value.exit_code == 1
    assert len(active(world)) == 10
    changes.remove(world.runtime, HOST, "hr", yes=True, who="t")
    world.settle()
    with world.runtime.db.read() as session:
        assert overview.listed(session, HOST) == []
        assert session.scalars(select(Job.ext).where(Job.gone.is_(False), Job.ext.like("hr:%"))).all() == []
    assert (len(active(world)), targets(world)) == (10, ["hr:Claims"])  # on hold until somebody releases the guard
    sound(world)


def test_a_map_is_offered_by_code_and_path_and_the_plan_counts_what_it_does(world: World) -> None:
    world.units(("ORG-3", None))
    with world.runtime.db.write() as session:
        session.execute(update(Unit).where(Unit.ext == "ORG-1").values(code="CL"))
        session.execute(update(Unit).where(Unit.ext == "ORG-3").values(name="Legal"))
    world.job("j20", "p20", "ORG-3")
    world.save("fs", row("organisation", "ORG-1"), row("organisation", "ORG-3"))
    world.settle()
    add(world)
    files = [
        ("people.csv", b"id,organisation\n" + b"".join(b"%03d,c1\n" % n for n in range(2, 15)) + b"020,l1\n"),
        ("organisations.csv", b"id,name,parent,code\nc1,Claims,,cl\nl1,LEGAL,,\n"),
    ]
    loads.load(world.runtime, HOST, "hr", files, who="t", yes=True)
    world.settle()
    with pytest.raises(NotLoaded) as refusal:
        supply(world, "organisation", "hr")
    plan = refusal.value.plan
    assert plan is not None
    wanted = plan.document["map"]
    assert wanted == {"ORG-1": "hr:c1", "ORG-3": "hr:l1"}
    assert plan.document["mapped_by"] == {"ORG-1": "code", "ORG-3": "path"}
    assert '"ORG-1": "hr:c1"  # by code' in changes.lines(plan)
    with pytest.raises(NotLoaded) as refusal:
        supply(world, "organisation", "hr", targets=wanted)
    plan = refusal.value.plan
    assert plan is not None
    assert (plan.document["retargeted"], plan.document["map"]) == (2, {})
    assert plan.document["certifications"] == [
        {"code": "fs", "newly": 3, "withdrawn": 2, "redated": 0, "held_back": 0, "messages": 0}
    ]  # fmt: skip
    with pytest.raises(NotLoaded, match="says 1, the plan says 2"):
        supply(world, "organisation", "hr", targets=wanted, allow=1)
    done = supply(world, "organisation", "hr", targets=wanted, allow=2)
    assert done["certifications"] == plan.document["certifications"]
    assert active(world) == {*(f"p{n}" for n in range(2, 15)), "p20"}
    sound(world)


def test_rows_follow_from_a_source_that_is_taken_away(world: World) -> None:
    add(world)
    supply(world, "organisation", "hr", "site")
    load(world, whole({n: "Org 1" for n in range(12)}))
    world.save("fs", row("organisation", "hr:Org 1"))
    world.settle()
    with pytest.raises(NotLoaded) as refusal:
        changes.remove(world.runtime, HOST, "hr", targets={"HR:org  1": "ORG-1"}, yes=False, who="t")
    assert refusal.value.plan is not None
    assert refusal.value.plan.document["retargeted"] == 1
    assert refusal.value.plan.document["certifications"] == []
    changes.remove(world.runtime, HOST, "hr", targets={"HR:org  1": "ORG-1"}, yes=True, who="t")
    world.settle()
    assert (targets(world), len(active(world))) == (["ORG-1"], 12)
    sound(world)


def test_the_first_load_needs_people(world: World) -> None:
    add(world)
    with pytest.raises(RefusedByRule, match="people"):
        loads.plan(world.runtime, HOST, "hr", [("organisations.csv", b"id,name\n1,Claims\n")])


def test_what_is_told_while_another_supplies_it_counts_from_the_change_on(world: World) -> None:
    add(world)
    supply(world, "audiences", "site")
    files = [
        ("people.csv", b"id\n001\n002\n"), ("audiences.csv", b"audience,name,person\ncrew,The crew,001\ncrew,,003\n"),
    ]  # fmt: skip
    loads.load(world.runtime, HOST, "hr", files, who="t", yes=True)
    supply(world, "audiences", "hr", "site", yes=True)
    world.save("fs", row("audience", "hr:crew"))
    world.settle()
    assert active(world) == {"p1"}
    load(world, whole({1: "A", 2: "A", 3: "A"}))
    assert active(world) == {"p1", "p3"}
    sound(world)
