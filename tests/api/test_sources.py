"""Sources over the API: set up, planned, loaded, taken back, matched, with the status of every refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.conftest import Program
from tests.world import World, row

PLAN = {"source", "files", "identities", "matched", "unmatched", "units", "guard", "certifications"}


@pytest.fixture
def hr(world: World, program: Callable[..., Program]) -> Program:
    """A script of HR's with the scope ``sources`` alone, and a source of its own among 30 accounts."""
    for n in range(30):
        world.people(f"n{n}", number=f"{n:03}")
    made = program(scopes=("sources",))
    shown = made.ask("POST", "/sources", {"name": "hr", "kind": "csv", "mapping": {"separator": "/"}}, status=201)
    assert (shown["name"], shown["kind"], shown["state"], shown["join"]) == ("hr", "csv", "active", "id=number")
    made.ask("PUT", "/supply/organisation", {"names": ["hr"], "yes": True})
    return made


def people(units: list[str], extra: str = "") -> bytes:
    return ("id,organisation\n" + "".join(f"{n:03},{unit}\n" for n, unit in enumerate(units)) + extra).encode()


def send(asker: Program, method: str, path: str, data: bytes, status: int = 200, token: str | None = None) -> Any:
    answer = asker.client.open(
        f"/api/v1{path}", method=method, data=data, content_type="application/octet-stream",
        headers={"Authorization": f"Bearer {token or asker.token}"},
    )  # fmt: skip
    assert answer.status_code == status, (answer.status_code, answer.text[:2000])
    return answer.json


def test_a_file_is_planned_loaded_and_taken_back(hr: Program) -> None:
    data = people(["Claims"] * 18, "X1,Claims\n")
    plan = send(hr, "POST", "/sources/hr/plan/people", data)
    assert set(plan) >= PLAN
    assert plan["files"] == [{"kind": "people", "name": "people", "rows": 19, "used": 19, "refused": []}]
    assert (plan["identities"], plan["matched"], plan["unmatched"]["no_account"]) == (
        {"new": 19, "gone": 0, "changed": 0, "same": 0}, 18, 1,
    )  # fmt: skip
    assert hr.ask("GET", "/sources/hr")["matched"] == 0

    refused = send(hr, "PUT", "/sources/hr/files/people", data, 409)
    assert "--yes" in refused["detail"]
    assert refused["plan"] == plan
    assert refused["error_id"]
    assert send(hr, "PUT", "/sources/hr/files/people?yes=true", data) == plan
    assert hr.ask("GET", "/sources")["items"][0]["matched"] == 18

    moved = people(["Claims"] * 10 + ["Legal"] * 8, "X1,Claims\n")
    done = send(hr, "PUT", "/sources/hr/files/people?name=people_2026-11-30.csv", moved)
    assert (done["identities"]["changed"], done["units"]["new"]) == (8, 1)
    older = send(hr, "PUT", "/sources/hr/files/people?name=people_2026-11-29.csv", moved, 409)
    assert "older" in older["detail"]
    send(hr, "PUT", "/sources/hr/files/people?name=people_2026-11-29.csv&force=true", moved)
    kept = hr.ask("GET", "/sources/hr")["loads"]
    assert [one["state"] for one in kept] == ["done", "done", "done"]
    report = hr.client.get(
        f"/api/v1/sources/hr/loads/{kept[1]['id']}", headers={"Authorization": f"Bearer {hr.token}"}
    )  # fmt: skip
    lines = report.text.splitlines()
    assert (lines[0], lines[1], lines[11]) == (
        "line,verdict,sentence,file", "2,used,as before,people_2026-11-30.csv", "12,used,changed,people_2026-11-30.csv",
    )  # fmt: skip
    hr.ask("GET", "/sources/hr/loads/99", status=404)
    hr.ask("POST", "/sources/hr/undo", status=200)
    hr.ask("POST", "/sources/hr/undo", status=200)
    assert [one["state"] for one in hr.ask("GET", "/sources/hr")["loads"]] == ["undone", "undone", "done"]


@pytest.mark.parametrize(
    "content",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/csv", "application/json", ""],
)
def test_a_file_is_taken_whatever_a_client_calls_it(hr: Program, content: str) -> None:
    answer = hr.client.put(
        "/api/v1/sources/hr/files/people?yes=true", data=people(["Claims"] * 3), content_type=content,
        headers={"Authorization": f"Bearer {hr.token}"},
    )  # fmt: skip
    assert (answer.status_code, answer.json["matched"]) == (200, 3), answer.text


def test_many_who_are_gone_are_held_with_the_plan(hr: Program) -> None:
    send(hr, "PUT", "/sources/hr/files/people?yes=true", people(["Claims"] * 30))
    held = send(hr, "PUT", "/sources/hr/files/people", people(["Claims"] * 17), 409)
    assert held["plan"]["guard"]
    assert held["plan"]["identities"]["gone"] == 13
    assert hr.ask("GET", "/sources/hr")["matched"] == 30
    send(hr, "PUT", "/sources/hr/files/people?yes=true", people(["Claims"] * 17))
    assert hr.ask("GET", "/sources/hr")["matched"] == 17


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"who,what\n1,2\n", "line 1"),
        (b"id,organisation,id\n001,Claims,002\n", "line 1"),
        (b"id,start\n001,03/04/2020\n002,05/06/2021\n", "start"),
        (b"", "empty"),
        (b"PK\x03\x04 no zip", "unpacked"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_said_with_its_place(hr: Program, data: bytes, said: str) -> None:
    for method, path in (("PUT", "/sources/hr/files/people?yes=true"), ("POST", "/sources/hr/plan/people")):
        answer = send(hr, method, path, data, 422)
        assert said in answer["detail"], answer
    assert hr.ask("GET", "/sources/hr")["loads"] == []


def test_a_row_that_cannot_be_used_is_named_and_the_others_are_loaded(hr: Program) -> None:
    data = (
        b"id,organisation,start\n"
        + b"".join(b"%03d,Claims,2020-03-01\n" % n for n in range(25))
        + b"028,Cla\x00ims,2020-03-01\n"
    )
    done = send(hr, "PUT", "/sources/hr/files/people?yes=true", data)
    (refused,) = done["files"][0]["refused"]
    assert (refused["line"], refused["column"]) == (27, "organisation")
    assert (done["files"][0]["rows"], done["files"][0]["used"], done["matched"]) == (26, 25, 25)


def test_who_may_not_or_names_what_is_not_there_is_told_so(hr: Program, program: Callable[..., Program]) -> None:
    data = people(["Claims"])
    reader, reports = program("reader", may_write=False), program("reports", scopes=("reports",))
    for other in (reader, reports):
        send(hr, "PUT", "/sources/hr/files/people", data, 403, token=other.token)
        other.ask("POST", "/sources", {"name": "x", "kind": "csv"}, status=403)
        other.ask("POST", "/sources/hr/undo", status=403)
        other.ask("DELETE", "/sources/hr", status=403)
    reports.ask("GET", "/sources", status=403)
    send(hr, "PUT", "/sources/hr/files/people", data, 401, token="nobody")
    send(hr, "PUT", "/sources/none/files/people", data, 404)
    send(hr, "POST", "/sources/none/plan/people", data, 404)
    send(hr, "PUT", "/sources/hr/files/shoes", data, 404)
    for method, path, body in (
        ("GET", "/sources/none", None), ("PATCH", "/sources/none", {}), ("DELETE", "/sources/none", None),
        ("POST", "/sources/none/undo", None), ("GET", "/sources/none/match", None), ("POST", "/sources/none/pause", None),
        ("PUT", "/sources/none/pins/1", {"person": "n1"}), ("DELETE", "/sources/none/pins/1", None),
        ("PUT", "/sources/hr/pins/none", {"person": "n1"}), ("DELETE", "/sources/hr/pins/none", None),
    ):  # fmt: skip
        hr.ask(method, path, body, status=404)
    hr.ask("GET", "/certifications", status=403)
    assert hr.ask("GET", "/sources?name=%00", status=400)["error_id"]
    hr.ask("POST", "/sources", {"name": "hr", "kind": "csv"}, status=409)
    for wrong in ({"name": "HR", "kind": "csv"}, {"name": "x", "kind": "paper"}, {"name": "x", "kind": "csv", "join": "id=shoe"},
                  {"name": "x", "kind": "csv", "schedule": "never"}, {"name": "x", "kind": "csv", "url": "ftp://a/b"},
                  {"name": "x", "kind": "csv", "mapping": {"shoes": 1}}):  # fmt: skip
        hr.ask("POST", "/sources", wrong, status=400)
    assert [one["name"] for one in hr.ask("GET", "/sources")["items"]] == ["hr"]


def test_records_are_matched_by_hand_and_let_go(hr: Program) -> None:
    send(hr, "PUT", "/sources/hr/files/people?yes=true", b"id,first_name\n001,Ann\n0002,Bob\na/b,Cat\n")
    assert hr.ask("GET", "/sources/hr/match")["items"] == [
        {"id": "0002", "name": "Bob", "why": "no_account",
         "suggestion": {"person": "n2", "because": "would match without its leading zeros"}},
        {"id": "a/b", "name": "Cat", "why": "no_account", "suggestion": None},
    ]  # fmt: skip
    assert hr.ask("PUT", "/sources/hr/pins/0002", {"person": "n1"}) == {"instead": "001"}
    assert [(one["id"], one["why"]) for one in hr.ask("GET", "/sources/hr/match")["items"]] == [
        ("001", "several_records"), ("a/b", "no_account"),
    ]  # fmt: skip
    hr.ask("PUT", "/sources/hr/pins/a/b", {"person": "n1"}, status=409)
    hr.ask("DELETE", "/sources/hr/pins/0002", status=204)
    hr.ask("PUT", "/sources/hr/pins/0002", {"person": "nobody"}, status=404)
    hr.ask("PUT", "/sources/hr/pins/0002", {"person": "n2"}, status=204)
    hr.ask("PUT", "/sources/hr/pins/a/b", {"person": "n3"}, status=204)
    assert hr.ask("GET", "/sources/hr/match")["items"] == []
    hr.ask("DELETE", "/sources/hr/pins/0002", status=204)
    assert [one["id"] for one in hr.ask("GET", "/sources/hr/match")["items"]] == ["0002"]


def test_a_source_is_changed_paused_and_taken_away(hr: Program) -> None:
    shown = hr.ask(
        "PATCH", "/sources/hr",
        {"url": "https://hr.example/people.csv", "secret": "very-secret", "schedule": "daily 02:30", "after": "moved"},
    )  # fmt: skip
    assert (shown["url"], shown["schedule"], shown["after"]) == (
        "https://hr.example/people.csv",
        "daily 02:30",
        "moved",
    )
    assert "very-secret" not in str(shown)
    assert hr.ask("POST", "/sources/hr/pause")["state"] == "paused"
    assert "paused" in send(hr, "PUT", "/sources/hr/files/people?yes=true", people(["A"]), 409)["detail"]
    assert hr.ask("POST", "/sources/hr/resume")["state"] == "active"
    send(hr, "PUT", "/sources/hr/files/people?yes=true", people(["A"]))
    assert (
        hr.ask("PUT", "/supply/organisation", {"names": ["site", "hr"], "yes": True})["source"]
        == "organisation: site, hr"
    )
    hr.ask("PUT", "/supply/shoes", {"names": ["hr"]}, status=400)
    assert "Nobody" in hr.ask("POST", "/sources/hr/release", status=409)["detail"]
    hr.ask("POST", "/sources/hr/renames/1", {"same": True}, status=404)
    hr.ask("DELETE", "/sources/hr?map=no", status=400)
    hr.ask("DELETE", "/sources/hr?yes=true&map=%7B%7D")
    assert hr.ask("GET", "/sources")["items"] == []


def test_a_re_organisation_on_paper_is_told_with_names_and_nothing_is_written(hr: Program, world: World) -> None:
    send(hr, "PUT", "/sources/hr/files/people?yes=true", people(["Claims"] * 18 + ["Legal"] * 2))
    world.save("fs", row("organisation", "hr:Claims"))
    world.settle()
    asked = {"unit": "HR:legal", "into": "hr:Claims", "names": True}
    told = hr.ask("POST", "/what-if", asked)
    assert (told["kind"], told["unit"], told["people"]) == ("organisation", "hr:Legal", 2)
    (effect,) = told["certifications"]
    assert (effect["newly"], [one["id"] for one in effect["names"]["newly"]]) == (2, ["n18", "n19"])
    assert hr.ask("POST", "/what-if", {"unit": "hr:Claims", "under": "hr:Legal"})["certifications"] == []
    hr.ask("POST", "/what-if", {**asked, "under": "hr:Claims"}, status=422)
    hr.ask("POST", "/what-if", {"unit": "hr:Nobody"}, status=404)
    hr.ask("POST", "/what-if", {"unit": "hr:Claims", "kind": "shoes"}, status=422)
    planned = send(hr, "POST", "/sources/hr/plan/people?names=true", people(["Claims"] * 17 + ["Legal"] * 3))
    assert [one["id"] for one in planned["certifications"][0]["names"]["withdrawn"]] == ["n17"]


def test_what_waits_is_loaded_and_what_cannot_be_fetched_is_said(hr: Program) -> None:
    hr.ask("POST", "/sources/hr/load", status=400)
    send(hr, "PUT", "/sources/hr/files/people", people(["Claims"] * 3), 409)
    assert hr.ask("POST", "/sources/hr/load?yes=true")["matched"] == 3
    hr.ask("POST", "/sources/hr/plan", status=409)
    hr.ask("PATCH", "/sources/hr", {"url": "http://127.0.0.1:9/people.csv"})
    assert hr.ask("POST", "/sources/hr/plan", status=503)["detail"]
    assert hr.ask("POST", "/sources/hr/load", status=503)["detail"]


def test_another_kind_of_source_is_refused_with_the_plan_until_somebody_looked(world: World, hr: Program) -> None:
    send(hr, "PUT", "/sources/hr/files/people?yes=true", people(["Claims"] * 18))
    world.save("fs", row("organisation", "hr:Claims"))
    world.settle()
    asked = {"kind": "scim", "mapping": {}, "join": "userName=username"}
    refused = hr.ask("PATCH", "/sources/hr", asked, status=409)
    assert (refused["plan"]["map"], refused["plan"]["certifications"]) == ({"hr:Claims": ""}, [])
    assert hr.ask("GET", "/sources/hr")["kind"] == "csv"
    hr.ask("PATCH", "/sources/hr", {**asked, "yes": True, "allow_withdrawals": 3}, status=409)
    hr.ask("PATCH", "/sources/hr", {"kind": "paper"}, status=400)
    shown = hr.ask("PATCH", "/sources/hr", {**asked, "yes": True})
    assert (shown["kind"], shown["join"], shown["matched"], shown["held"]["count"]) == (
        "scim",
        "userName=username",
        0,
        0,
    )
