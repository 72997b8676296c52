"""What the sandbox does with Muster's signed webhooks."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.live import Sandbox, serve_sandbox
from tests.sandbox.conftest import Push, outcomes, pusher, seat


def test_a_learner_is_enrolled_suspended_back_and_removed(sandbox: Sandbox, push: Push) -> None:
    for generation, want in enumerate(("in", "suspended", "in", "out"), start=1):
        assert outcomes(push("seats.changed", [seat("U-5", want, generation)])) == ["done"]
        assert sandbox.roster("c1") == ({"U-5"} if want == "in" else set())
        assert sandbox.roster("c1", "suspended") == ({"U-5"} if want == "suspended" else set())


def test_sending_again_has_no_second_effect(sandbox: Sandbox, push: Push) -> None:
    assert outcomes(push("seats.changed", [seat("U-5", "in", 2)])) == ["done"]
    assert outcomes(push("seats.changed", [seat("U-5", "in", 2)])) == ["same"]
    assert outcomes(push("seats.changed", [seat("U-5", "out", 1)])) == ["same"]
    assert sandbox.roster("c1") == {"U-5"}
    assert [row["effective"] for row in sandbox.get("log?after=0")] == [1, 0, 0]


def test_somebody_elses_enrolment_is_found_and_left_alone(sandbox: Sandbox, push: Push) -> None:
    sandbox.act("enrol-by-hand", person="U-5", course="c1")
    found = [
        outcomes(push("seats.changed", [seat("U-5", want, n)])) for n, want in enumerate(("in", "suspended", "out"))
    ]
    assert found == [["found"]] * 3
    assert sandbox.roster("c1") == {"U-5"}


def test_an_enrolment_muster_reactivates_becomes_its_own(sandbox: Sandbox, push: Push) -> None:
    sandbox.act("enrol-by-hand", person="U-5", course="c1", state="suspended")
    assert outcomes(push("seats.changed", [seat("U-5", "suspended")])) == ["found"]
    assert outcomes(push("seats.changed", [seat("U-5", "in", 2)])) == ["done"]
    assert [row["by"] for row in sandbox.get("roster/c1")] == ["muster"]


def test_who_is_not_in_the_course_is_as_good_as_suspended(push: Push) -> None:
    assert outcomes(push("seats.changed", [seat("U-5", "suspended"), seat("U-6", "out")])) == ["same", "same"]


def test_one_bad_item_fails_no_neighbour(sandbox: Sandbox, push: Push) -> None:
    items = [seat("U-nobody", "in"), seat("U-5", "in", course="c99"), seat("U-5", "maybe"), seat("U-6", "in"),
             {**seat("U-7", "in"), "generation": "x"}, "nonsense", {**seat("U-8", "in"), "person": ["U-8"]}]  # fmt: skip
    found = outcomes(push("seats.changed", items))
    assert found == ["gone", "gone", "refused", "done", "refused", "refused", "refused"]
    assert sandbox.roster("c1") == {"U-6"}


def test_a_wrong_signature_is_refused_and_leaves_nothing(sandbox: Sandbox, push: Push) -> None:
    answer = push("seats.changed", [seat("U-5", "in")], secret="whsec_" + "QUFB" * 8)
    assert answer.status_code == 401
    assert sandbox.roster("c1") == set()
    assert sandbox.get("log?after=0") == []
    assert push("gardens.changed", []).status_code == 400


def test_a_message_is_delivered_once(sandbox: Sandbox, push: Push) -> None:
    item = {"message": "k1", "person": "U-5", "subject": "Hello", "text": "You are enrolled"}
    assert outcomes(push("message.send", [item, {**item, "message": "k2", "person": "U-nobody"}])) == ["done", "gone"]
    assert outcomes(push("message.send", [item])) == ["same"]
    assert [row["subject"] for row in sandbox.get("inbox/U-5")] == ["Hello"]


def test_five_hundred_items_are_applied_quickly(sandbox: Sandbox, push: Push) -> None:
    items = [seat(f"U-{person}", "in", course=f"c{course}") for person in range(1, 101) for course in range(1, 6)]
    began = time.monotonic()
    assert outcomes(push("seats.changed", items)) == ["done"] * 500
    assert time.monotonic() - began < 10  # call by call it would take a minute
    assert len(sandbox.roster("c3")) == 100


@pytest.mark.parametrize(
    ("lie", "people"),
    [
        ("done_without_enrolling", 0),
        ("one_too_few", 2),
        ("enrol_stranger", 4),
        ("wrong_item", 3),
        ("ignore_withdrawal", 3),
    ],
)
def test_a_lie_says_done_and_does_otherwise(sandbox: Sandbox, push: Push, lie: str, people: int) -> None:
    sandbox.act("lie", lie=lie)
    answer = push("seats.changed", [seat(f"U-{n}", "in") for n in (5, 6, 7)])
    assert outcomes(answer) == ["done"] * 3
    assert len(sandbox.roster("c1")) == people
    named = {one["seat"] for one in answer.json()["outcomes"]}
    assert (named == {"c1/U-5", "c1/U-6", "c1/U-7"}) is (lie != "wrong_item")


def test_an_ignored_withdrawal_leaves_the_learner_in(sandbox: Sandbox, push: Push) -> None:
    push("seats.changed", [seat("U-5", "in")])
    sandbox.act("lie", lie="ignore_withdrawal")
    assert outcomes(push("seats.changed", [seat("U-5", "suspended", 2)])) == ["done"]
    assert sandbox.roster("c1") == {"U-5"}


def test_it_can_answer_later(tmp_path: Path) -> None:
    with serve_sandbox(tmp_path / "sandbox", asynchronous=True) as sandbox:
        answer = pusher(sandbox)("seats.changed", [seat("U-5", "in")])
        assert answer.status_code == 202
        status = f"jobs-status/{answer.json()['job']}"
        limit = time.monotonic() + 5
        while (found := sandbox.api(status).json())["state"] == "running" and time.monotonic() < limit:
            time.sleep(0.1)
        assert found == {"state": "done", "outcomes": [{"seat": "c1/U-5", "outcome": "done"}]}


def test_a_completion_is_reset_where_it_is_offered(tmp_path: Path) -> None:
    with serve_sandbox(tmp_path / "sandbox", resets=True) as sandbox:
        sandbox.act("complete", person="U-5", course="c1", at="2026-01-01T00:00:00Z")
        item = {"reset": "r1", "person": "U-5", "course": "c1", "before": "2026-02-01T00:00:00Z"}
        assert outcomes(pusher(sandbox)("completions.reset", [item])) == ["done"]
        assert [row["state"] for row in sandbox.api("completions").json()["items"]] == ["reset"]
        assert outcomes(pusher(sandbox)("completions.reset", [item])) == ["same"]
