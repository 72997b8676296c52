"""The generic host API, read as a stranger would read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from plugin.sandbox.__main__ import main
from plugin.sandbox.store import KINDS, Store
from tests.live import Sandbox


def _walk(sandbox: Sandbox, kind: str, **asked: Any) -> tuple[list[dict[str, Any]], list[str], str]:
    items: list[dict[str, Any]] = []
    gone: list[str] = []
    cursor: str | None = None
    while True:
        page = sandbox.api(kind, **asked, **({"cursor": cursor} if cursor else {})).json()
        items, gone, cursor = items + page["items"], gone + page["gone"], page["next"]
        if cursor is None:
            return items, gone, page["mark"]


@pytest.mark.parametrize("kind", KINDS)
def test_small_pages_give_what_one_page_gives_in_the_order_of_ids(sandbox: Sandbox, kind: str) -> None:
    whole, _, mark = _walk(sandbox, kind)
    paged, _, _ = _walk(sandbox, kind, limit=max(1, len(whole) // 3))
    assert paged == whole
    assert mark
    ids = [row["id"] for row in whole]
    assert ids == sorted(set(ids))


def test_it_describes_itself(sandbox: Sandbox) -> None:
    found = sandbox.api("").json()
    assert found["version"] == 1
    assert set(found["kinds"]) == set(KINDS)
    assert found["writes"] == {"seats": 500, "messages": 100}
    assert found["resets_completion"] is False


def test_a_mark_gives_what_changed_since_and_what_is_gone(sandbox: Sandbox) -> None:
    _, _, mark = _walk(sandbox, "people")
    assert _walk(sandbox, "people", since=mark)[:2] == ([], [])
    hired = sandbox.act("hire", organisation="ORG-2", name="Nadia O'Brien")["person"]
    sandbox.act("suspend", person="U-9")
    sandbox.act("delete", person="U-8")
    items, gone, later = _walk(sandbox, "people", since=mark)
    assert {row["id"]: row["state"] for row in items} == {hired: "active", "U-9": "suspended"}
    assert gone == ["U-8"]
    assert _walk(sandbox, "people", since=later)[:2] == ([], [])
    assert "U-8" not in {row["id"] for row in _walk(sandbox, "people")[0]}


def test_a_delta_read_in_pages_stays_a_delta(sandbox: Sandbox) -> None:
    _, _, mark = _walk(sandbox, "people")
    for number in range(20, 25):
        sandbox.act("suspend", person=f"U-{number}")
    items, _, _ = _walk(sandbox, "people", since=mark, limit=2)
    assert [row["id"] for row in items] == [f"U-{number}" for number in range(20, 25)]


def test_a_change_made_during_a_read_is_in_the_next_delta(sandbox: Sandbox) -> None:
    first = sandbox.api("people", limit=100).json()
    sandbox.act("suspend", person=first["items"][0]["id"])
    last = sandbox.api("people", limit=100, cursor=first["next"]).json()
    items, _, _ = _walk(sandbox, "people", since=last["mark"])
    assert [row["id"] for row in items] == [first["items"][0]["id"]]


def test_ids_give_exactly_those_that_exist(sandbox: Sandbox) -> None:
    found = sandbox.api("people", ids="U-3,U-2,U-nobody").json()
    assert [row["id"] for row in found["items"]] == ["U-2", "U-3"]
    assert sandbox.api("people", ids=",".join(f"U-{n}" for n in range(201))).status_code == 400


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [("gardens", {}, 404), ("people", {"since": "999999"}, 410), ("people", {"since": "x"}, 410),
     ("people", {"cursor": "x"}, 410), ("jobs-status/none", {}, 404)],
)  # fmt: skip
def test_what_is_not_offered_is_refused(sandbox: Sandbox, path: str, asked: dict[str, str], status: int) -> None:
    answer = sandbox.api(path, **asked)
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_a_wrong_token_is_refused(sandbox: Sandbox) -> None:
    url = f"{sandbox.connection['api_url']}/people"
    assert requests.get(url, timeout=5).status_code == 401
    assert requests.get(url, headers={"Authorization": "Bearer x"}, timeout=5).status_code == 401


@pytest.mark.parametrize(("mood", "status"), [("down", 503), ("failing", 500)])
def test_it_can_be_told_to_fail(sandbox: Sandbox, mood: str, status: int) -> None:
    sandbox.act("mood", mood=mood)
    assert sandbox.api("people").status_code == status
    assert sandbox.api("people").headers["Retry-After"]
    sandbox.act("mood", mood="ok")
    assert sandbox.api("people").status_code == 200


def test_it_can_be_told_to_answer_garbage(sandbox: Sandbox) -> None:
    sandbox.act("mood", mood="html")
    assert sandbox.api("people").headers["Content-Type"].startswith("text/html")
    sandbox.act("mood", mood="garbage")
    with pytest.raises(requests.JSONDecodeError):
        sandbox.api("people").json()
    sandbox.act("mood", mood="drop")
    assert "id" not in sandbox.api("people").json()["items"][0]
    sandbox.act("mood", mood="loop")
    page = sandbox.api("people", limit=100).json()
    again = sandbox.api("people", limit=100, cursor=page["next"]).json()
    assert again["next"] == page["next"]


def test_the_same_seed_makes_the_same_world(tmp_path: Path) -> None:
    worlds = []
    for name in ("one", "two"):
        main(["init", "--data", str(tmp_path / name), "--people", "60", "--units", "20"])
        store = Store(tmp_path / name / "sandbox.sqlite3")
        worlds.append({kind: store.all(kind) for kind in KINDS})
    assert worlds[0] == worlds[1]


def test_a_second_init_changes_nothing(tmp_path: Path) -> None:
    asked = ["init", "--data", str(tmp_path), "--people", "20", "--units", "20"]
    main(asked)
    before = (tmp_path / "connection.json").read_text(), Store(tmp_path / "sandbox.sqlite3").seq()
    main(asked)
    assert before == ((tmp_path / "connection.json").read_text(), Store(tmp_path / "sandbox.sqlite3").seq())
