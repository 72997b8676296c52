"""A certification copied, and deleted where nobody was ever enrolled (rules 5.11)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import inspect, select

from plugin.certifications.definition import Definition
from plugin.certifications.store import by_code, codes, definition_of
from plugin.core.db import Base
from tests.web.conftest import Visit
from tests.web.steps import add, make
from tests.world import HOST, World, row

CONTENT = {"certification": [{"name": "Core", "courses": ["c1"], "needs": "all"}], "recertification": []}
PERIOD = {"active": "2 years", "window": "1 month", "minimum_active": "1 month", "expiry_from": "completion"}
ANSWERS = {"time_allowance": "assign", "unknown_date": "wait", "duplicate_course": "hold", "already_assigned": "off"}
AFTER = {"after": "certification_completion", "certification": "fs", "add": "30 days"}


@pytest.fixture
def original(world: World) -> World:
    group = row("group", "aid", group={"self_enrol": True, "withdraw": True}, members=("eve",))
    world.save(
        "fs", row("organisation", "sales", "below", {"fixed": "2027-03-31"}), group, name="Food Safety", content=CONTENT,
        period=PERIOD, exceptions=ANSWERS, leaving={"seat": "remove", "grace": "2 days"},
        notifications=({"when": "assigned", "to": ["learner"]},), available={"from": "2026-01-01"},
    )  # fmt: skip
    return world


def the(world: World, code: str) -> Definition:
    with world.runtime.db.read() as session:
        found = by_code(session, HOST, code)
        assert found is not None
        return definition_of(session, HOST, found.id)


def test_a_copy_is_a_draft_with_what_was_ticked(visit: Visit, original: World) -> None:
    sam = visit()
    assert "Copy of Food Safety" in sam.page("/certifications/1/copy")
    ticked = ["content", "period", "leaving", "exceptions", "assignments", "notifications"]
    assert sam.post("/certifications/1/copy", {"name": "Food Safety 3", "part": ticked}).status_code == 303
    original.settle()
    before, made = the(original, "fs"), the(original, "FS3")
    for name in ("kind", "content", "period", "leaving", "exceptions", "assignments", "notifications"):
        assert getattr(made, name) == getattr(before, name), name
    assert (made.state, made.available) == ("draft", {})
    assert ">Eve<" not in sam.page("/certifications/2/learners?assignment=4")


def test_only_what_was_ticked_comes_along(visit: Visit, original: World) -> None:
    sam = visit()
    sam.post("/certifications/1/copy", {"name": "Bare", "code": "bare"})
    bare = the(original, "bare")
    assert (bare.assignments, bare.content, bare.notifications) == ((), {}, ())
    sam.post("/certifications/1/copy", {"name": "Whole", "code": "whole", "part": ["assignments", "members"]})
    details = {"name": "Whole", "state": "live", "certification-0-courses": ["c2"]}
    sam.post("/certifications/3/details", details)
    sam.post("/certifications/3/assignments/save", {"revision": "1"})
    original.settle()
    assert "Eve" in sam.page("/certifications/3/learners")


@pytest.mark.parametrize("wrong", [{"name": ""}, {"name": "A", "code": "fs"}, {"name": "A", "part": ["learners"]},
                                   {"name": "A" * 300}])  # fmt: skip
def test_a_copy_that_cannot_be_made_says_why_and_makes_nothing(
    visit: Visit, original: World, wrong: dict[str, Any]
) -> None:
    assert visit().post("/certifications/1/copy", wrong).status_code == 400
    with original.runtime.db.read() as session:
        assert codes(session, HOST) == ["fs"]


def test_what_nobody_was_enrolled_in_is_deleted_with_all_that_belongs_to_it(visit: Visit, original: World) -> None:
    sam = visit()
    path = make(sam, "Never used", state="draft")
    before = of_certification(original, 2)
    assert before >= {"version", "notification", "course_set"}
    add(sam, path, "legal")
    original.settle()
    assert "Nobody was ever enrolled" in sam.page(f"{path}/delete")
    assert sam.post(f"{path}/delete").status_code == 303
    assert of_certification(original, 2) <= {"journal", "event"}
    assert sam.get(f"{path}/details").status_code == 404
    assert sam.post(f"{path}/delete").status_code == 404
    assert sam.get("/certifications").status_code == 200


def of_certification(world: World, number: int) -> set[str]:
    """Tables with a row of a certification."""
    found = set()
    with world.runtime.db.read() as session:
        for table in Base.metadata.sorted_tables:
            if "certification" in table.c and inspect(table).c.certification.type.python_type is int:
                held = session.execute(select(table).where(table.c.certification == number)).first()
                found |= {table.name} if held is not None else set()
    return found


def test_what_somebody_was_enrolled_in_or_another_counts_from_is_not_deleted(visit: Visit, original: World) -> None:
    sam = visit()
    assert "Archive it instead" in sam.page("/certifications/1/delete")
    assert sam.post("/certifications/1/delete").status_code == 409
    path = make(sam, "Counted from", code="base", state="draft")
    original.settle()
    due = {**AFTER, "certification": "base"}
    original.save("gs", row("individual", "ann", due=due), content=CONTENT, period=PERIOD)
    answer = sam.post(f"{path}/delete")
    assert answer.status_code == 409
    assert "Due dates of gs count from its completion" in answer.text
