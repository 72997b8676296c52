"""Hosts: how old each kind of data is, and what reading it took."""

from __future__ import annotations

import re

from plugin.mirror.tables import Connection, SyncRun
from tests.web.conftest import Visit
from tests.world import HOST, World


def test_each_kind_has_its_age_and_its_cost(world: World, visit: Visit) -> None:
    now = world.runtime.clock.now()
    with world.runtime.db.write() as session:
        session.add(
            Connection(host_id=HOST, id=1, name="acme", kind="webhook", api_url="https://x.test", mapping={}, caps={},
                       settings={"watch_cost": {"calls": 7, "bytes": 70_400}},
                       marks={"people": {"read": now - 7200}, "units": {"read": now}, "completions": {"read": now - 600}})
        )  # fmt: skip
        for number, costs in enumerate(
            ({"people": {"calls": 3, "bytes": 2_500_000}}, {"units": {"calls": 1, "bytes": 900}}, {})
        ):
            session.add(SyncRun(host_id=HOST, id=number + 1, connection=1, kind="delta", started=now, ended=now, state="done",
                                counts={}, costs=costs))  # fmt: skip
    page = " ".join(visit().page("/hosts").split())
    for words in (
        "2 hours ago",
        "3 calls, 2.5 MB",
        "1 call, 0.9 kB",
        "10 minutes ago",
        "7 calls, 70 kB",
    ):
        assert words in page


def test_a_token_is_shown_once_and_taken_back(world: World, visit: Visit) -> None:
    visitor = visit()
    assert "add yourself under People with rights first" in visitor.page(f"/hosts/{HOST}/tokens")
    refused = visitor.post(f"/hosts/{HOST}/tokens", {"name": "Payroll", "scope": "read"})
    assert refused.status_code == 403  # a role of a launch alone owns none
    assert "a role at the learning site alone owns none" in refused.text
    assert visitor.post(f"/hosts/{HOST}/rights", {"subject": "sam", "role": "site"}).status_code == 303
    assert "There are none yet." in visitor.page(f"/hosts/{HOST}/tokens")
    answer = visitor.post(f"/hosts/{HOST}/tokens", {"name": "Payroll <b>", "scope": ["read", "write"]})
    assert answer.status_code == 201
    token = re.search(r"muster_1_[\w-]{43}", answer.text)
    assert token is not None
    assert visitor.post(f"/hosts/{HOST}/tokens", {"name": "Payroll <b>", "scope": "read"}).status_code == 409
    page = visitor.page(f"/hosts/{HOST}/tokens")
    assert token[0] not in page
    assert "Payroll &lt;b&gt;" in page
    asked = {"Authorization": f"Bearer {token[0]}"}
    assert visitor.client.get("/api/v1/certifications", headers=asked).status_code == 200
    assert visitor.post(f"/hosts/{HOST}/tokens/remove", {"name": "Payroll <b>"}).status_code == 303
    assert visitor.client.get("/api/v1/certifications", headers=asked).status_code == 401
    assert visitor.post(f"/hosts/{HOST + 1}/tokens", {"name": "x"}).status_code == 404
