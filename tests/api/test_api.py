"""The API does what pages and the command do, by the same rules, for the host of its token alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from plugin.access.tables import ApiToken
from plugin.access.tokens import RequestedToken, TokenOwner, make_token
from plugin.core.tables import Host, Journal
from tests.api.conftest import Program
from tests.world import HOST, World

FILE: dict[str, Any] = {
    "version": 1,
    "certifications": [
        {
            "code": "FS", "name": "Food Safety", "state": "live", "notifications": [],
            "content": {"certification": [{"name": "Core", "courses": ["c1"], "needs": "all", "minimum": "1 day"}]},
            "assignments": [{"organisation": "sales", "include": "below", "due": {"fixed": "2027-06-30"}}],
        }
    ],
}  # fmt: skip
Make = Callable[..., Program]


@pytest.fixture
def saved(program: Make, settle: Callable[[], None]) -> Program:
    made = program()
    made.ask("POST", "/apply", FILE)
    settle()
    return made


def test_a_file_is_planned_applied_and_read_back(program: Make, settle: Callable[[], None], world: World) -> None:
    made = program()
    plan = made.ask("POST", "/plan", FILE)["certifications"][0]
    assert (plan["version"], plan["adding"]["newly"], plan["messages"]) == (0, 4, 0)
    assert made.ask("GET", "/certifications")["items"] == []
    assert made.ask("POST", "/apply", FILE) == {"saved": [{"code": "FS", "version": 1}]}
    settle()
    whole = made.ask("GET", "/certifications/FS")
    assert whole["learners"] == {"assigned": 4}
    assert whole["definition"]["assignments"] == FILE["certifications"][0]["assignments"]
    again = {"version": 1, "certifications": [whole["definition"]]}
    assert made.ask("POST", "/apply", again) == {"saved": []}
    with world.runtime.db.read() as session:
        assert session.scalars(select(Journal.who).where(Journal.what == "saved")).all() == ["api:hr"]


def test_learners_come_in_parts_with_every_fact_of_show(saved: Program) -> None:
    first = saved.ask("GET", "/certifications/FS/learners?limit=3")
    assert [row["person"] for row in first["items"]] == ["ann", "bea", "cid"]
    assert first["items"][0]["why"] == ["organisation:sales"]
    assert first["items"][0]["due"] == "2027-06-30T22:59:00Z"
    assert first["items"][0]["seats"]["c1"] == {"want": "in", "confirmed": "none", "origin": "ours"}
    rest = saved.ask("GET", f"/certifications/FS/learners?cursor={first['next']}")
    assert ([row["person"] for row in rest["items"]], rest["next"]) == (["dov"], None)


def test_one_learner_says_why_or_why_not(saved: Program) -> None:
    assert saved.ask("GET", "/certifications/FS/learners/ann")["why_not"] is None
    eve = saved.ask("GET", "/certifications/FS/learners/eve")
    assert (eve["state"], eve["why_not"]) == (None, "No assignment matches this learner.")
    assert [one["certification"] for one in saved.ask("GET", "/people/ann/certifications")["items"]] == ["FS"]
    saved.ask("GET", "/certifications/FS/learners/nobody", status=404)


def test_an_assignment_is_added_changed_and_removed_alone(saved: Program, settle: Callable[[], None]) -> None:
    change = saved.ask("PUT", "/certifications/FS/assignments/individual:eve", {"due": "none"})
    assert (change["version"], change["plan"]["certifications"][0]["adding"]["newly"]) == (2, 1)
    settle()
    look = saved.ask("PUT", "/certifications/FS/assignments/organisation:sales?plan_only=1", {"include": None})
    assert (look["version"], look["plan"]["certifications"][0]["removing"]["withdrawn"]) == (2, 2)
    saved.ask("PUT", "/certifications/FS/assignments/organisation:sales", {"include": None})
    settle()
    listed = saved.ask("GET", "/certifications/FS/assignments")
    assert listed["version"] == 3
    assert [(one["assignment"], one["learners"]) for one in listed["items"]] == [
        ("organisation:sales", 2), ("individual:eve", 1),
    ]  # fmt: skip
    assert listed["items"][0]["row"] == {"organisation": "sales", "due": {"fixed": "2027-06-30"}}
    saved.ask("DELETE", "/certifications/FS/assignments/individual:eve")
    settle()
    assert saved.ask("GET", "/certifications/FS/learners/eve")["state"] == "withdrawn"
    saved.ask("DELETE", "/certifications/FS/assignments/individual:eve", status=404)


def test_what_cannot_be_is_refused_in_a_sentence(saved: Program) -> None:
    for path, body, status, words in (
        ("organisation:nowhere", {}, 400, "the host knows no organisation 'nowhere'."),
        ("team:x", {}, 400, "An assignment is written type:target"),
        ("organisation:legal", {"due": {"fixed": "soon"}}, 400, "due"),
        ("organisation:legal", {"colour": "red"}, 422, "not understood"),
        ("organisation:legal?alow_withdrawals=3", {}, 422, "not understood"),
        ("organisation:legal?if_version=7", {}, 409, "FS is at version 1 now, not 7"),
    ):
        assert words in saved.ask("PUT", f"/certifications/FS/assignments/{path}", body, status=status)["detail"]
    assert saved.ask("GET", "/certifications/FS")["version"] == 1


@pytest.mark.parametrize("cursor", ["%C2%8B" * 256, "%ED%A0%80"])
def test_cursors_are_judged_as_they_were_sent(saved: Program, cursor: str) -> None:
    assert saved.send("GET", f"/certifications/FS/learners?cursor={cursor}").status_code == 422


def test_what_a_rule_refuses_comes_with_the_plan(saved: Program) -> None:
    empty = {"version": 1, "certifications": [{"code": "FS", "assignments": []}]}
    refused = saved.ask("POST", "/apply?allow_withdrawals=3", empty, status=409)
    assert refused["plan"]["certifications"][0]["removing"]["withdrawn"] == 4
    stale = saved.ask("POST", "/apply?if_version=FS%3D4", empty, status=409)
    assert "FS is at version 1 now" in stale["detail"]
    assert saved.ask("POST", "/apply?allow_withdrawals=4&if_version=FS%3D1", empty)["saved"][0]["version"] == 2


def test_history_is_read_in_parts_and_a_save_taken_back(saved: Program, settle: Callable[[], None]) -> None:
    saved.ask("PUT", "/certifications/FS/assignments/individual:eve?reason=New+starter", {})
    settle()
    entries = saved.ask("GET", "/certifications/FS/history?limit=1")
    assert entries["next"] is not None
    while True:
        number, what = entries["items"][0]["n"], entries["items"][0]["what"]
        if what == "saved":
            break
        entries = saved.ask("GET", f"/certifications/FS/history?limit=1&cursor={entries['next']}")
    assert entries["items"][0]["reason"] == "New starter"
    assert saved.ask("POST", f"/history/{number}/undo")["saved"] == [{"code": "FS", "version": 3}]
    saved.ask("POST", "/history/999999/undo", status=404)


def test_groups_extensions_and_exemptions_are_an_administrators_acts(
    saved: Program, settle: Callable[[], None]
) -> None:
    group = {"description": "First aiders", "self_enrol": False, "withdraw": False, "members": []}
    saved.ask("PUT", "/certifications/FS/assignments/group:Aid", group)
    saved.ask("PUT", "/certifications/FS/groups/Aid/members/eve", status=204)
    settle()
    assert saved.ask("GET", "/certifications/FS/groups/Aid/members") == {"items": ["eve"]}
    saved.ask("PUT", "/certifications/FS/assignments/individual:ann", {})
    assert saved.ask("GET", "/certifications/FS/groups/Aid/members") == {"items": ["eve"]}
    saved.ask("PUT", "/certifications/FS/groups/Aid/members/eve", status=409)
    saved.ask("DELETE", "/certifications/FS/groups/Aid/members/eve", status=204)
    saved.ask("GET", "/certifications/FS/groups/None/members", status=404)
    saved.ask("POST", "/certifications/FS/extensions/ann", {"to": "2027-07-31"}, status=204)
    saved.ask("POST", "/certifications/FS/extensions/ann", {"to": "2027-02-30"}, status=400)
    saved.ask("PUT", "/certifications/FS/exemptions/bea", {"reason": "On leave"}, status=204)
    settle()
    assert saved.ask("GET", "/certifications/FS/learners/ann")["due"] == "2027-07-31T22:59:00Z"
    assert saved.ask("GET", "/certifications/FS/learners/bea")["why_not"] == "This learner is exempt: On leave"


def test_exceptions_are_listed_and_answered(program: Make, settle: Callable[[], None]) -> None:
    made, file = program(), {"version": 1, "certifications": [dict(FILE["certifications"][0])]}
    file["certifications"][0]["assignments"] = [{"organisation": "sales", "due": {"fixed": "2026-11-18"}}]
    made.ask("POST", "/apply", file)
    settle()
    listed = made.ask("GET", "/certifications/FS/exceptions?limit=1")
    assert [(one["person"], one["type"]) for one in listed["items"]] == [("ann", "time_allowance")]
    assert [one["person"] for one in made.ask("GET", "/certifications/FS/exceptions?cursor=ann")["items"]] == ["bea"]
    answers = "/certifications/FS/exceptions/answers"
    made.ask("POST", answers, {"action": "assign"}, status=422)
    made.ask("POST", answers, {"action": "assign", "people": ["eve"]}, status=409)
    assert made.ask("POST", answers, {"action": "assign", "type": "time_allowance"}) == {"answered": 2}
    assert made.ask("GET", "/held") == {"items": []}
    made.ask("POST", "/held/answers", {"answer": "release", "ids": ["1"]}, status=404)
    assert made.ask("POST", "/held/answers", {"answer": "release", "all": True}) == {"answered": 0}


def test_a_token_is_kept_as_a_hash_and_ends_when_it_is_taken_back(program: Make, world: World) -> None:
    made = program()
    made.ask("GET", "/certifications")
    with world.runtime.db.read() as session:
        row = session.scalars(select(ApiToken)).one()
        assert made.token not in repr(vars(row))
        assert row.used > 0
    with world.runtime.db.write() as session:
        session.delete(session.scalars(select(ApiToken)).one())
    assert made.send("GET", "/certifications").headers["WWW-Authenticate"] == "Bearer"
    made.ask("GET", "/certifications", status=401)


def test_a_token_to_read_changes_nothing(program: Make, saved: Program) -> None:
    reader = program("reader", may_write=False)
    reader.ask("GET", "/certifications/FS")
    reader.ask("POST", "/plan", FILE)
    for method, path in (
        ("POST", "/apply"),
        ("PUT", "/certifications/FS/assignments/individual:eve"),
        ("POST", "/held/answers"),
    ):
        assert reader.ask(method, path, FILE, status=403)["detail"] == "This token may read only."


def test_without_a_known_token_there_is_only_the_description(app: Any) -> None:
    client = app.test_client()
    for sent in ("", "Bearer", "Bearer x", "Basic eDp5", f"Bearer muster_1_{'a' * 43}", "Bearer muster_²_x"):
        assert client.get("/api/v1/certifications", headers={"Authorization": sent}).status_code == 401
    described = client.get("/api/v1/openapi.json")
    assert described.status_code == 200
    assert described.json["info"]["title"] == "Muster"


def test_a_token_opens_one_host_and_no_pages(saved: Program, world: World) -> None:
    with world.runtime.db.write() as session:
        session.add(Host(id=HOST + 1, name="other", title="Other", settings={}))
    with world.runtime.db.write() as session:
        token = make_token(
            session, HOST + 1, RequestedToken("hr", ("read", "write")), owner=TokenOwner(), at=world.now, who="x"
        )
    other = Program(saved.client, token)
    assert other.ask("GET", "/certifications") == {"items": [], "next": None}
    for path in ("", "/learners", "/learners/ann", "/assignments", "/history", "/exceptions"):
        other.ask("GET", f"/certifications/FS{path}", status=404)
    other.ask("GET", "/people/ann/certifications", status=404)
    other.ask("POST", "/history/1/undo", status=404)
    other.ask("DELETE", "/certifications/FS/assignments/organisation:sales", status=404)
    stolen = Program(saved.client, token.replace(f"_{HOST + 1}_", f"_{HOST}_"))
    stolen.ask("GET", "/certifications", status=401)
    with world.runtime.db.write() as session:
        session.get_one(Host, HOST).state = "disabled"
    saved.ask("GET", "/certifications", status=401)


def test_deep_and_dirty_bodies_are_refused(saved: Program) -> None:
    client, headers = saved.client, {"Authorization": f"Bearer {saved.token}", "Content-Type": "application/json"}
    path = "/api/v1/certifications/FS/exemptions/ann"
    for body in (
        "[" * 100_000,
        '{"reason": "a\\u0000b"}',
        '{"reason": "\\ud800"}',
        "nonsense",
        '{"reason": 3}',
        "\xff",
    ):
        answer = client.put(path, data=body.encode("latin-1"), headers=headers)
        assert answer.status_code in (400, 422), body[:20]
        assert answer.json["detail"]
    for body in ("[" * 100_000, "- " * 50_000, "\xff", "a: &a [1]\nb: " + "[*a]"):
        assert client.post("/api/v1/plan", data=body.encode("latin-1"), headers=headers).status_code == 400
