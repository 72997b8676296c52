"""A source that is a Moodle beside the learning site: its units, jobs, managers and cohorts by its profile fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from plugin.core.clock import Clock
from plugin.core.errors import Invalid, Unavailable
from plugin.core.runtime import Runtime
from plugin.enrolment.doctor import examine
from plugin.enrolment.sourcing import changes, fetching
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.mirror.sources.managing import overview, setup
from plugin.mirror.tables import Audience, Job, Unit
from tests.enrolment.test_settle import active
from tests.hosts.fake_moodle import serve_moodle
from tests.world import HOST, World, row

MAPPING = {"organisation": "profile:orgpath", "position": "profile:position", "manager": "profile:manager"}


def add(world: World, base: str, token: str, **mapping: Any) -> None:
    with world.runtime.db.write() as session:
        at = world.now
        setup.add_source(
            session, HOST, "old", "moodle", join_by="username=username", mapping={**MAPPING, **mapping}, at=at, who="t"
        )
        setup.change_source(session, HOST, "old", settings={"url": base}, secret=token, at=at, who="t")


def test_a_moodle_supplies_units_managers_and_cohorts_and_its_people_join_by_their_user_names(runtime: Runtime) -> None:
    world = World(replace(runtime, clock=Clock()))
    with serve_moodle(12) as fake:
        for number in range(3, 14):
            world.people(f"p{number}", username=f"USER{number:03}")
        add(world, fake.base, fake.token)
        for kind in ("organisation", "position", "managers", "audiences"):
            changes.supply(world.runtime, HOST, kind, ["old"], yes=True, who="t")
        with pytest.raises(NotLoaded) as refusal:
            fetching.fetch_now(world.runtime, HOST, "old", who="t")
        assert refusal.value.plan is not None
        done = fetching.fetch_now(world.runtime, HOST, "old", who="t", yes=True)
        assert done is not None
        assert (done.document, done.document["matched"]) == (refusal.value.plan.document, 11)
        with world.runtime.db.read() as session:
            units = {(one.kind, one.name) for one in session.scalars(select(Unit).where(Unit.gone.is_(False)))}
            nights = session.scalars(select(Unit.ext).where(Unit.name == "Nights")).one()
            boss = session.scalars(select(Job.ext).where(Job.person_ext == "p3", Job.gone.is_(False))).one()
            cohort = session.scalars(select(Audience.ext).order_by(Audience.ext)).first()
        assert {("organisation", "Claims"), ("organisation", "Nights"), ("position", "Agent")} <= units
        assert nights.startswith("old:")
        world.save("fs", row("organisation", nights))
        world.settle()
        assert active(world) == {"p3", "p6", "p9", "p12"}
        world.save("gs", row("manager", boss, "below"), row("audience", str(cohort)))
        world.settle()
        assert len(active(world)) == 11
        fake.user(4, username="user004", custom={"orgpath": "/Acme/Claims/Nights", "position": "Agent", "manager": ""})
        fetching.fetch_now(world.runtime, HOST, "old", who="t")
        world.settle()
        assert active(world) >= {"p4"}
        assert examine(world.runtime, deep=True) == []
        fake.mood = "garbage"
        with pytest.raises(Unavailable):
            fetching.fetch_now(world.runtime, HOST, "old", who="t")
        with world.runtime.db.read() as session:
            assert overview.shown(session, HOST, "old")["matched"] == 11


def test_the_mapping_of_a_moodle_is_its_own(runtime: Runtime) -> None:
    world = World(runtime)
    for wrong in ({"columns": {"id": "Nr"}}, {"organisation": "shoe"}, {"leavers": {"freeze": "long"}}):
        with pytest.raises(Invalid):
            add(world, "https://moodle.example", "t", **wrong)
    add(world, "https://moodle.example", "t", leavers={"freeze": 3}, keep=["city"])
    with world.runtime.db.write() as session:
        mapping = overview.shown(session, HOST, "old")["mapping"]
        assert (mapping["organisation"], mapping["leavers"], mapping["keep"]) == (
            "profile:orgpath", {"freeze": 3}, ["city"],
        )  # fmt: skip
        with pytest.raises(Invalid, match="no setting of a mapping of kind webhook"):
            setup.add_source(session, HOST, "x", "webhook", join_by="id=number", mapping=MAPPING, at=world.now, who="t")
