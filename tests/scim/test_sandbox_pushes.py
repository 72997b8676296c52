"""The sandbox's directory pushes what Entra and Okta send; the mirror is the same after either."""

from __future__ import annotations

from typing import Any

import pytest

from plugin.sandbox.hr import _Directory
from tests.enrolment.test_settle import active
from tests.scim.test_conformance import address  # noqa: F401
from tests.scim.test_people import sound
from tests.world import World, row

BOSS = {"number": "EMP000001", "username": "ann@corp.local", "given": "Ann", "family": "Lee", "email": "ann@corp.local",
        "unit": "Claims", "title": "Head", "manager": "", "start": "2020-01-01", "active": True}  # fmt: skip
STAFF = [BOSS, {**BOSS, "number": "EMP000002", "username": "bea@corp.local", "given": "Bea", "manager": "EMP000001"}]


@pytest.mark.parametrize("okta", [False, True])
def test_people_are_pushed_moved_grouped_and_deactivated(world: World, address: Any, *, okta: bool) -> None:  # noqa: F811
    base, token = address
    directory = _Directory(base, token, okta=okta)
    for _again in range(2):
        directory.do("push", STAFF)
    world.save("fs", row("organisation", "dir:Claims"))
    world.settle()
    assert active(world) == {"ann", "bea"}
    directory.do("group", STAFF)
    directory.do("move", STAFF[1:])
    world.settle()
    assert active(world) == {"ann"}
    directory.do("deactivate", STAFF[:1])
    world.settle()
    assert active(world) == set()
    sound(world)
