"""Directories that repeat themselves, come out of order, or err in one operation of fifty: nothing is half done, nobody twice."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.enrolment.test_settle import active
from tests.scim.conftest import CORE, ENTERPRISE, GROUP, Directory
from tests.scim.test_people import members, sound
from tests.world import World, row

WRONG: list[dict[str, Any]] = [
    {"op": "replace", "path": "active", "value": "perhaps"}, {"op": "befriend", "path": "title", "value": "x"},
    {"op": "remove"}, {"op": "replace", "path": "emails[type eq", "value": "x"}, {"op": "replace", "path": "userName", "value": None},
    {"op": "replace", "path": "userName", "value": "BEA@corp.local"},
]  # fmt: skip


@pytest.mark.one_database
@pytest.mark.parametrize("place", [0, 25, 49])
@pytest.mark.parametrize("wrong", WRONG)
def test_of_fifty_operations_none_is_done_where_one_is_wrong(
    directory: Directory, wrong: dict[str, Any], place: int
) -> None:
    ann = directory.user("ann@corp.local", "Claims", title="Clerk")
    directory.user("bea@corp.local")
    before, jobs = directory.ask("GET", f"/Users/{ann['id']}"), directory.jobs()
    operations: list[dict[str, Any]] = [
        {"op": "Replace", "path": f"{ENTERPRISE}:department", "value": f"Unit {n}"} for n in range(50)
    ]
    operations[place] = wrong
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}
    answer = directory.send("PATCH", f"/Users/{ann['id']}", body)
    assert answer.status_code in (400, 409), answer.text
    told = answer.get_json(force=True)
    assert (told["schemas"], told["status"]) == (
        ["urn:ietf:params:scim:api:messages:2.0:Error"], str(answer.status_code),
    )  # fmt: skip
    assert (directory.ask("GET", f"/Users/{ann['id']}"), directory.jobs()) == (before, jobs)


@pytest.mark.one_database
def test_of_fifty_members_none_is_added_where_one_operation_is_wrong(directory: Directory, world: World) -> None:
    ann = directory.user("ann@corp.local")
    group = directory.ask("POST", "/Groups", {"schemas": [GROUP], "displayName": "First aid"}, 201)
    operations: list[dict[str, Any]] = [
        {"op": "Add", "path": "members", "value": [{"value": ann["id"] if n == 7 else f"later-{n}"}]} for n in range(49)
    ]
    directory.patch(f"/Groups/{group['id']}", *operations, {"op": "Add", "path": "nickName[", "value": "x"}, status=400)
    assert members(world) == set()
    directory.patch(f"/Groups/{group['id']}", *operations, status=204)
    assert members(world) == {("First aid", "ann")}


def test_whatever_is_repeated_is_done_once(directory: Directory, world: World) -> None:
    body = {"schemas": [CORE], "userName": "ann@corp.local", "externalId": "e1", "active": True}
    ann = directory.ask("POST", "/Users", body | {ENTERPRISE: {"department": "Claims"}}, 201)
    assert directory.ask("POST", "/Users", body, 409)["scimType"] == "uniqueness"
    world.save("fs", row("organisation", "dir:Claims"))
    move = {"op": "Replace", "path": f"{ENTERPRISE}:department", "value": "Legal"}
    first = directory.patch(f"/Users/{ann['id']}", move)
    assert directory.patch(f"/Users/{ann['id']}", move)["meta"] == first["meta"]
    again = {name: value for name, value in first.items() if name not in ("meta", "groups")}
    assert directory.ask("PUT", f"/Users/{ann['id']}", again)["meta"] == first["meta"]
    group = directory.ask("POST", "/Groups", {"schemas": [GROUP], "displayName": "First aid"}, 201)
    member = {"op": "Add", "path": "members", "value": [{"value": ann["id"]}]}
    for _time in range(3):
        directory.patch(f"/Groups/{group['id']}", member, status=204)
    assert members(world) == {("First aid", "ann")}
    assert len(directory.identities()) == 1
    directory.ask("DELETE", f"/Users/{ann['id']}", status=204)
    directory.ask("DELETE", f"/Users/{ann['id']}", status=404)
    assert members(world) == set()
    sound(world)
    assert active(world) == set()


@pytest.mark.parametrize("seed", [1, 2])
def test_in_whatever_order_they_come_the_mirror_is_the_same(directory: Directory, world: World, seed: int) -> None:
    names = ["ann", "bea", "cid", "dov", "eve"]
    bosses = {"bea": "ann", "cid": "bea", "dov": "bea", "eve": "cid", "ann": "eve"}
    requests: list[tuple[str, dict[str, Any]]] = []
    for name in names:
        extension = {"department": "Claims" if name < "d" else "Legal", "manager": {"value": f"e-{bosses[name]}"}}
        user = {"schemas": [CORE, ENTERPRISE], "userName": f"{name}@corp.local", "externalId": f"e-{name}"}
        requests.append(("/Users", user | {"active": True, ENTERPRISE: extension}))
    listed = [{"value": f"e-{name}"} for name in names[:3]]
    requests.append(("/Groups", {"schemas": [GROUP], "displayName": "First aid", "members": listed}))
    random.Random(seed).shuffle(requests)
    for path, body in requests:
        directory.ask("POST", path, body, 201)
    world.save("fs", row("organisation", "dir:Claims"))
    sound(world)
    assert active(world) == {"ann", "bea", "cid"}
    assert members(world) == {("First aid", name) for name in ("ann", "bea", "cid")}
    assert {who: boss for who, (_unit, boss) in directory.jobs().items()} == bosses
