"""What a directory pushes becomes identities, jobs and audiences, and nobody is withdrawn in silence (SOURCES 5.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from plugin.core.clock import Clock
from plugin.core.tables import Journal
from plugin.enrolment.codes import ASSIGNED
from plugin.enrolment.doctor import examine
from plugin.enrolment.sourcing import settings
from plugin.enrolment.sourcing.loads import NotLoaded
from plugin.enrolment.tables import Enrolment
from plugin.jobs.work import work_host
from plugin.mirror.pulling.unit_trees import count_if_owed
from plugin.mirror.sources.directory.guarding import held_shown, release
from plugin.mirror.sources.joining import key_accounts
from plugin.mirror.sources.source import source_of, source_row
from plugin.mirror.tables import Audience, AudienceMember, Connection, Person, Unit
from tests.application import application
from tests.enrolment.test_settle import active
from tests.scim.conftest import ENTERPRISE, GROUP, Directory
from tests.world import HOST, World, row

DAY = 86_400


def sound(world: World) -> None:
    world.settle()
    count_if_owed(world.runtime, HOST, patient=False)
    assert examine(world.runtime, deep=True) == []


def members(world: World) -> set[tuple[str, str]]:
    with world.runtime.db.read() as session:
        rows = session.execute(
            select(Audience.name, Person.ext)
            .join(AudienceMember, (AudienceMember.host_id == HOST) & (AudienceMember.audience == Audience.id))
            .join(Person, (Person.host_id == HOST) & (Person.id == AudienceMember.person))
            .where(Audience.gone.is_(False))
        )
        return {(one[0], one[1]) for one in rows}


def test_from_a_push_to_an_enrolment_and_out_again(directory: Directory, world: World) -> None:
    ann = directory.user("ann@corp.local", "Claims")
    directory.user("BEA@corp.local", "claims")
    directory.user("nobody@corp.local", "Claims")
    world.save("fs", row("organisation", "dir:Claims"))
    assert active(world) == {"ann", "bea"}
    directory.user("cid@corp.local", "Claims")
    world.settle()
    assert active(world) == {"ann", "bea", "cid"}
    directory.patch(f"/Users/{ann['id']}", {"op": "Replace", "path": f"{ENTERPRISE}:department", "value": "Legal"})
    world.settle()
    assert active(world) == {"bea", "cid"}
    sound(world)


def test_people_of_a_unit_are_counted_by_the_next_worker_that_comes(directory: Directory, world: World) -> None:
    def counted() -> list[tuple[str, int, int]]:
        with world.runtime.db.read() as session:
            here = (Unit.host_id == HOST, Unit.ext.startswith("dir:"))
            return [(one.name, one.direct, one.below) for one in session.scalars(select(Unit).where(*here))]

    with world.runtime.db.write() as session:  # a learning site that nothing is sent to
        site = {"host_id": HOST, "id": 99, "name": "acme", "kind": "webhook"}
        session.add(Connection(**site, mapping={}, settings={}, marks={}, caps={}))
    ann = directory.user("ann@corp.local", "Claims")
    directory.user("bea@corp.local", "Claims")
    work_host(world.runtime, HOST)
    assert counted() == [("Claims", 2, 2)]
    directory.patch(f"/Users/{ann['id']}", {"op": "Replace", "path": "active", "value": "False"})
    work_host(world.runtime, HOST)
    assert counted() == [("Claims", 1, 1)]
    assert examine(world.runtime, deep=True) == []


def test_who_is_inactive_leaves_and_comes_back(directory: Directory, world: World) -> None:
    ann = directory.user("ann@corp.local", "Claims")
    directory.user("bea@corp.local", "Claims")
    world.save("fs", row("organisation", "dir:Claims"))
    directory.patch(f"/Users/{ann['id']}", {"op": "Replace", "path": "active", "value": "False"})
    world.settle()
    assert active(world) == {"bea"}
    assert directory.ask("GET", f"/Users/{ann['id']}")["active"] is False
    directory.patch(f"/Users/{ann['id']}", {"op": "Replace", "path": "active", "value": "True"})
    world.settle()
    assert active(world) == {"ann", "bea"}
    sound(world)


def test_a_manager_may_come_after_her_reports_by_either_id(directory: Directory, world: World) -> None:
    directory.user("bea@corp.local", "Claims", manager="e-ann@corp.local")
    assert directory.jobs()["bea"][1] == "dir:e-ann@corp.local"
    ann = directory.user("ann@corp.local", "Claims")
    assert directory.jobs()["bea"][1] == "ann"
    directory.user("cid@corp.local", manager={"value": ann["id"]})
    assert directory.jobs()["cid"][1] == "ann"
    sound(world)


def test_a_group_is_an_audience_whose_members_may_come_later(directory: Directory, world: World) -> None:
    ann = directory.user("ann@corp.local")
    body = {
        "schemas": [GROUP], "displayName": "First aid",
        "members": [{"value": ann["id"]}, {"value": "e-bea@corp.local"}, {"value": "e-none"}],
    }  # fmt: skip
    group = directory.ask("POST", "/Groups", body, 201)
    assert members(world) == {("First aid", "ann")}
    bea = directory.user("bea@corp.local")
    assert members(world) == {("First aid", "ann"), ("First aid", "bea")}
    directory.patch(
        f"/Groups/{group['id']}", {"op": "remove", "path": 'members[value eq "e-bea@corp.local"]'}, status=204
    )
    assert members(world) == {("First aid", "ann")}
    directory.patch(
        f"/Groups/{group['id']}", {"op": "add", "path": "members", "value": [{"value": bea["id"]}]}, status=204
    )
    directory.ask("PUT", f"/Groups/{group['id']}", body | {"displayName": "Aid", "members": [{"value": bea["id"]}]})
    assert members(world) == {("Aid", "bea")}
    directory.ask("DELETE", f"/Groups/{group['id']}", status=204)
    assert members(world) == set()
    sound(world)


def test_a_directory_that_deactivates_many_is_held_until_released(directory: Directory, world: World) -> None:
    made = [directory.user("ann@corp.local", "Claims"), directory.user("bea@corp.local", "Claims")]
    made += [directory.user(f"u{number}@corp.local", "Claims") for number in range(18)]
    world.save("fs", row("organisation", "dir:Claims"))
    for one in reversed(made[3:]):
        directory.patch(f"/Users/{one['id']}", {"op": "Replace", "path": "active", "value": "False"})
    directory.ask("DELETE", f"/Users/{made[0]['id']}", status=204)
    directory.patch(f"/Users/{made[1]['id']}", {"op": "Replace", "path": "active", "value": False})
    world.settle()
    assert active(world) == {"ann", "bea"}
    directory.ask("GET", f"/Users/{made[0]['id']}", status=404)
    assert directory.ask("GET", f"/Users/{made[1]['id']}")["active"] is False
    with world.runtime.db.read() as session:
        shown = held_shown(session, HOST, source_row(session, HOST, "dir").id)
    assert shown["count"] == 10
    assert {"id": made[0]["id"], "name": "ann@corp.local", "deleted": True} in shown["users"]
    directory.patch(f"/Users/{made[1]['id']}", {"op": "Replace", "path": "active", "value": True})
    with world.runtime.db.write() as session:
        assert release(session, HOST, "dir", now=world.now, who="t") == 9
    world.settle()
    assert active(world) == {"bea"}
    sound(world)


def test_another_mapping_counts_for_users_who_were_sent_before(directory: Directory, world: World) -> None:
    for name, title in (("ann", "A"), ("bea", "B"), ("cid", "C"), ("dov", "D")):
        directory.user(f"{name}@corp.local", "Claims", title=title, nickName="x")
    change(world, {"columns": {"organisation": "title"}, "keep": ["nickName"]})
    assert {who: unit for who, (unit, _boss) in directory.jobs().items()} == {
        "ann": "dir:A", "bea": "dir:B", "cid": "dir:C", "dov": "dir:D",
    }  # fmt: skip
    with world.runtime.db.read() as session:
        assert session.scalars(select(Person.fields).where(Person.ext == "ann")).one()["nickName"] == "x"
    sound(world)


def test_a_mapping_by_which_a_directorys_people_would_lose_their_organisation_waits_for_a_look_and_their_number(
    directory: Directory, world: World
) -> None:
    for n in range(12):
        world.people(f"u{n}", username=f"u{n}@corp.local")
    with world.runtime.db.write() as session:
        key_accounts(session, source_of(session, source_row(session, HOST, "dir")))
    for n in range(12):
        directory.user(f"u{n}@corp.local", "Claims")
    world.save("fs", row("organisation", "dir:Claims"))
    everybody = {f"u{n}" for n in range(12)}
    mapping: dict[str, object] = {"columns": {"organisation": "costCentre"}}
    with pytest.raises(NotLoaded, match="12 of 12 people would lose their organisation") as refusal:
        change(world, mapping)
    assert refusal.value.plan is not None
    assert (refusal.value.plan.withdrawn, refusal.value.exit_code) == (12, 1)
    with pytest.raises(NotLoaded, match="12 of 12"):  # the number alone is not enough where the row guard asks
        change(world, mapping, allow=12)
    with pytest.raises(NotLoaded, match="says 3, the plan says 12"):
        change(world, mapping, yes=True, allow=3)
    assert ({unit for unit, _boss in directory.jobs().values()}, active(world)) == ({"dir:Claims"}, everybody)
    change(world, mapping, yes=True)
    assert active(world) == everybody  # the withdrawal guard holds them
    change(world, {}, yes=True)
    change(world, mapping, yes=True, allow=12)
    assert active(world) == set()
    with world.runtime.db.read() as session:
        changed = session.scalars(select(Journal).where(Journal.what == "source_changed").order_by(Journal.n)).all()
    assert [(one.data["after"]["mapping"], one.data.get("withdrawals"), one.count) for one in changed] == [
        (mapping, None, 0), ({}, None, 0), (mapping, 12, 12),
    ]  # fmt: skip
    sound(world)


def change(world: World, mapping: dict[str, object], **how: Any) -> None:
    settings.change(world.runtime, HOST, "dir", settings.SourceChange(mapping=mapping), who="t", **how)
    world.settle()


def test_without_a_worker_grace_counts_from_the_change_that_moved_somebody(directory: Directory, world: World) -> None:
    ann = directory.user("ann@corp.local", "Claims")
    directory.user("bea@corp.local", "Claims")
    world.save("fs", row("organisation", "dir:Claims"), leaving={"seat": "suspend", "grace": "2 days"})
    path, began = f"/Users/{ann['id']}", world.now
    for days, changed in ((1, ("title", "Clerk")), (3, (f"{ENTERPRISE}:department", "Legal"))):
        world.runtime = replace(world.runtime, clock=Clock(began + days * DAY))
        application(world.runtime)
        directory.patch(path, {"op": "Replace", "path": changed[0], "value": changed[1]})
    world.settle()
    with world.runtime.db.read() as session:
        found = session.scalars(select(Enrolment.leaves_on).where(Enrolment.state == ASSIGNED)).all()
    assert found == [began + 5 * DAY, None], "two days after ann moved, not after she became a clerk"
    sound(world)
