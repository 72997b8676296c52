"""How a source is set up is changed: nobody leaves by it unasked, and what an administrator looked at is what happens."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from plugin.core.errors import Invalid, Unavailable
from plugin.core.runtime import Runtime
from plugin.enrolment.doctor import examine
from plugin.enrolment.sourcing import changes, settings, undoing
from plugin.enrolment.sourcing.kept import loads_in
from plugin.enrolment.sourcing.loads import NotLoaded, load
from plugin.enrolment.sourcing.source_input import DONE
from plugin.hosts.csv.file_faults import Unreadable
from plugin.jobs.worker import _forget_counts
from plugin.mirror.pulling.pull import pull
from plugin.mirror.sources.managing import overview, setup
from plugin.mirror.sources.source import source_of, source_row
from plugin.mirror.tables import SITE, Connection, Person, Unit
from tests.enrolment.sourcing.test_changes import targets
from tests.enrolment.test_settle import active, active_in
from tests.hosts.strange import TOKEN, Strange, serve
from tests.live import free_port
from tests.world import HOST, World, row

PEOPLE = 24


@pytest.fixture
def world(runtime: Runtime) -> World:
    """24 accounts, and a source of files that supplies organisations; the first 12 of them work in Claims."""
    made = World(runtime)
    for n in range(PEOPLE):
        made.people(f"p{n}", number=f"{n:03}", username=f"U{n}")
    with runtime.db.write() as session:
        setup.add_source(session, HOST, "hr", "csv", join_by="id=number", mapping={}, at=made.now, who="t")
    supply(made, "organisation", "hr")
    read(made, {n: "Claims" for n in range(12)})
    made.save("fs", row("organisation", "hr:Claims"))
    made.settle()
    assert active(made) == CLAIMS
    return made


CLAIMS = {f"p{n}" for n in range(12)}


def supply(world: World, kind: str, *names: str, **how: Any) -> dict[str, Any]:
    done = changes.supply(world.runtime, HOST, kind, names, who="t", **{"yes": True, **how}).document
    world.settle()
    return done


def read(world: World, units: dict[int, str], **how: Any) -> None:
    text = "id,username,organisation\n" + "".join(f"{n:03},U{n},{unit}\n" for n, unit in units.items())
    load(world.runtime, HOST, "hr", [("people.csv", text.encode())], who="t", **{"yes": True, **how})
    world.settle()


def change(world: World, asked: settings.SourceChange, **how: Any) -> dict[str, Any] | None:
    done = settings.change(world.runtime, HOST, "hr", asked, who="t", **how)
    world.settle()
    return None if done is None else done.document


def sound(world: World) -> None:
    assert examine(world.runtime, deep=True) == []


def test_a_source_becomes_of_another_kind_after_a_look_and_its_learners_wait_until_it_told_again(world: World) -> None:
    with world.runtime.db.read() as session:
        supplies = overview.shown(session, HOST, "hr")["supplies"]
    with pytest.raises(NotLoaded) as refusal:
        change(world, settings.SourceChange(kind="scim"))
    plan = refusal.value.plan
    assert plan is not None
    assert (plan.withdrawn, plan.document["map"], sum(one.on_hold for one in plan.effects)) == (
        0,
        {"hr:Claims": ""},
        12,
    )
    assert active(world) == CLAIMS
    change(world, settings.SourceChange(kind="scim", join="userName=username"), yes=True)
    with world.runtime.db.read() as session:
        shown = overview.shown(session, HOST, "hr")
    assert (shown["kind"], shown["join"], shown["matched"], shown["loads"]) == ("scim", "userName=username", 0, [])
    assert shown["supplies"] == supplies
    assert active(world) == CLAIMS
    assert change(world, settings.SourceChange(kind="csv", join="id=number"), yes=True) is not None
    with pytest.raises(NotLoaded, match="first load"):
        read(world, {n: "Claims" for n in range(12)}, yes=False)
    read(world, {n: "Claims" for n in range(13)})
    assert active(world) == {*CLAIMS, "p12"}
    sound(world)


def test_rows_follow_a_map_when_a_source_becomes_of_another_kind(world: World) -> None:
    world.units(("ORG-1", None))
    for n in range(12):
        world.job(f"j{n}", f"p{n}", "ORG-1")
    asked = settings.SourceChange(kind="scim", targets={"hr:Claims": "ORG-1"})
    with pytest.raises(NotLoaded) as refusal:
        change(world, asked)
    assert refusal.value.plan is not None
    assert (refusal.value.plan.document["retargeted"], refusal.value.plan.document["certifications"]) == (1, [])
    change(world, asked, yes=True)
    assert (targets(world), active(world)) == (["ORG-1"], CLAIMS)
    sound(world)


@pytest.mark.parametrize("asked", [
    settings.SourceChange(kind="paper"), settings.SourceChange(kind="scim", mapping={"columns": {"id": "nr"}}),
    settings.SourceChange(kind="moodle", mapping={"organisation": "shoe"}), settings.SourceChange(join="id=shoe"),
    settings.SourceChange(kind="scim", targets=["ORG-1"]),
])  # fmt: skip
def test_a_change_that_cannot_be_is_refused_and_nothing_is_lost(world: World, asked: settings.SourceChange) -> None:
    with pytest.raises(Invalid):
        change(world, asked, yes=True)
    with world.runtime.db.read() as session:
        shown = overview.shown(session, HOST, "hr")
    assert (shown["kind"], shown["matched"], len(shown["loads"])) == ("csv", 12, 1)
    assert active(world) == CLAIMS


def test_the_kind_it_has_and_settings_of_fetching_change_nothing_of_anybody(world: World) -> None:
    assert change(world, settings.SourceChange(kind="csv", settings={"schedule": "hourly"})) is None
    assert active(world) == CLAIMS
    with pytest.raises(NotLoaded, match="nobody is withdrawn"):
        change(world, settings.SourceChange(settings={"schedule": "hourly"}), allow=3)


def test_a_join_by_which_people_would_leave_asks_first_and_the_withdrawal_guard_holds_them_until_their_number_is_named(
    world: World,
) -> None:
    asked = settings.SourceChange(join="username=email")
    with pytest.raises(NotLoaded) as refusal:
        change(world, asked)
    assert refusal.value.plan is not None
    assert refusal.value.plan.withdrawn == 12
    assert active(world) == CLAIMS
    with pytest.raises(NotLoaded, match="says 11, the plan says 12"):
        change(world, asked, yes=True, allow=11)
    change(world, asked, yes=True)
    assert active(world) == CLAIMS  # the guard holds them
    change(world, settings.SourceChange(join="id=number"))
    change(world, asked, allow=12)
    assert active(world) == set()
    sound(world)


def test_a_join_that_matches_the_same_people_needs_no_look(world: World) -> None:
    world.set_person("p0", email="p0@corp.example")
    change(world, settings.SourceChange(mapping={"keep": ["username"]}))
    read(world, {n: "Claims" for n in range(12)})
    assert change(world, settings.SourceChange(join="username=username")) is not None
    assert active(world) == CLAIMS
    sound(world)


@pytest.fixture
def site(world: World) -> Strange:
    """A learning site that knows units of its own: 12 people work in ORG-1, in it is one more."""
    strange = Strange()
    strange.add(
        "people", *({"id": f"p{n}", "name": f"N{n}", "number": f"{n:03}", "state": "active"} for n in range(24))
    )
    strange.add("units", {"id": "ORG-1", "kind": "organisation", "framework": "f", "name": "Claims"},
                {"id": "ORG-2", "kind": "organisation", "framework": "f", "name": "Legal"})  # fmt: skip
    strange.add("jobs", *({"id": f"j{n}", "person": f"p{n}", "organisation": "ORG-1"} for n in range(13)))
    return strange


def connect(world: World, base: str) -> None:
    with world.runtime.db.write() as session:
        session.add(
            Connection(
                host_id=HOST, id=90, name="lms", kind="webhook", role=SITE, api_url=f"{base}/odd/v9", api_token=TOKEN,
                mapping={}, settings={}, marks={}, caps={},
            )
        )  # fmt: skip


def test_a_kind_is_given_back_to_the_learning_site_in_one_step_by_what_it_says_now(world: World, site: Strange) -> None:
    with serve(site) as base:
        connect(world, base)
        pull(world.runtime, HOST, full=True)
        world.settle()
        with pytest.raises(NotLoaded) as refusal:
            supply(world, "organisation", "site", yes=False)
        plan = refusal.value.plan
        assert plan is not None
        assert plan.document["map"] == {"hr:Claims": "ORG-1"}
        wanted = {"hr:Claims": "ORG-1"}
        with pytest.raises(NotLoaded) as refusal:
            supply(world, "organisation", "site", targets=wanted, yes=False)
        assert refusal.value.plan is not None
        (effect,) = refusal.value.plan.document["certifications"]
        assert (effect["newly"], effect["withdrawn"], targets(world)) == (1, 0, ["hr:Claims"])
        supply(world, "organisation", "site", targets=wanted, yes=True)
        assert (targets(world), active(world)) == (["ORG-1"], {*CLAIMS, "p12"})
        sound(world)
        site.rows["units"].pop("ORG-2")
        site.rows["jobs"].pop("j12")
        for _time in range(2):
            pull(world.runtime, HOST, full=True)
        world.settle()
        assert active(world) == CLAIMS
        with world.runtime.db.read() as session:
            assert session.scalars(select(Unit.ext).where(Unit.gone.is_(False))).all() == ["ORG-1"]
        sound(world)


def test_a_learning_site_that_does_not_answer_is_given_nothing_back(world: World, site: Strange) -> None:
    with serve(site) as base:
        connect(world, base)
        pull(world.runtime, HOST, full=True)
    world.settle()
    with world.runtime.db.write() as session:
        session.get_one(Connection, (HOST, 90)).api_url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Unavailable) as refusal:
        supply(world, "organisation", "site", targets={"hr:Claims": "ORG-1"}, yes=True)
    assert refusal.value.exit_code == 3
    assert (targets(world), active(world)) == (["hr:Claims"], CLAIMS)
    sound(world)


def test_a_page_waits_for_a_learning_site_so_long_and_no_longer_and_the_command_to_its_end(
    world: World, site: Strange
) -> None:
    with serve(site) as base:
        connect(world, base)
        pull(world.runtime, HOST, full=True)
        world.settle()
        asked: dict[str, Any] = {"targets": {"hr:Claims": "ORG-1"}, "yes": True}
        with pytest.raises(Unavailable, match="muster source supply"):
            supply(world, "organisation", "site", **asked, seconds=0)
        assert (targets(world), active(world)) == (["hr:Claims"], CLAIMS)
        supply(world, "organisation", "site", **asked)
    assert targets(world) == ["ORG-1"]


def test_managers_and_audiences_are_given_back_with_what_the_site_says_of_them(world: World, site: Strange) -> None:
    site.rows["jobs"]["j1"]["manager_job"] = "j0"
    site.add("audiences", {"id": "A", "name": "Crew"})
    site.add("members", {"id": "m1", "audience": "A", "person": "p20"})
    with serve(site) as base:
        connect(world, base)
        for kind in ("managers", "audiences"):
            supply(world, kind, "hr", yes=True)
        pull(world.runtime, HOST, full=True)
        for kind in ("managers", "audiences"):
            supply(world, kind, "site", yes=True)
    world.save("gs", row("audience", "A"), row("manager", "j0", "direct"))
    world.settle()
    assert active_in(world, "gs") == {"p1", "p20"}
    sound(world)


def test_a_file_without_a_column_that_is_kept_is_refused_and_names_it(world: World) -> None:
    change(world, settings.SourceChange(mapping={"keep": ["username"]}))
    read(world, {n: "Claims" for n in range(12)})
    with pytest.raises(Unreadable, match="line 1: there is no column 'username', which the mapping keeps"):
        load(world.runtime, HOST, "hr", [("people.csv", b"id,user,organisation\n000,U0,Claims\n")], who="t", yes=True)
    with world.runtime.db.read() as session:
        assert session.scalars(select(Person.fields).where(Person.ext == "p3")).one() == {"username": "U3"}


def test_a_load_is_taken_back_within_30_days_and_its_report_goes_then(world: World) -> None:
    read(world, {n: "Claims" for n in range(13)})
    world.at(world.now + 30 * 86_400)
    with world.runtime.db.write() as session:
        _forget_counts(session, HOST, world.now)
        source = source_of(session, source_row(session, HOST, "hr"))
        assert [one.report is not None for one in loads_in(session, source, DONE)] == [True, True]
    world.at(world.now + 1)
    with pytest.raises(NotLoaded, match="no load that can be taken back"):
        undoing.undo(world.runtime, HOST, "hr", who="t", yes=True)
    with world.runtime.db.write() as session:
        _forget_counts(session, HOST, world.now)
        assert [one.report for one in loads_in(session, source, DONE)] == [None]  # what it read last is still known
    assert active(world) == {*CLAIMS, "p12"}
