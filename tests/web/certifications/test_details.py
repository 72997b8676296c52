"""Details: from when until when, standing answers, and what becomes of the seats when it ends (rules 4.5, 5.11)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from plugin.certifications.store import definition_of
from plugin.delivery.tables import WANTS, Seat
from tests.web.conftest import Visit, Visitor
from tests.web.steps import make, revision, save
from tests.world import HOST, World, row

PATH = "/certifications/1"
FORM: dict[str, Any] = {
    "name": "FS", "state": "live", "seat": "suspend", "grace": "0 days", "enrol": "at_once",
    "period-active": "1 year", "period-window": "1 month", "period-expiry_from": "completion",
    "certification-set": ["0"], "certification-0-name": "Core", "certification-0-courses": ["c1"],
    "certification-0-needs": "all", "certification-0-next": "then",
}  # fmt: skip


@pytest.fixture
def sam(world: World, visit: Visit) -> Visitor:
    content = {"certification": [{"name": "Core", "courses": ["c1"], "needs": "all"}]}
    world.save("fs", row("individual", "ann"), content=content, name="FS",
               period={"active": "1 year", "window": "1 month"})  # fmt: skip
    return visit("sam")


def saved(world: World) -> Any:
    with world.runtime.db.read() as session:
        return definition_of(session, HOST, 1)


def seats(world: World) -> list[str]:
    with world.runtime.db.read() as session:
        return [WANTS[one] for one in session.scalars(select(Seat.wanted))]


def test_standing_answers_are_chosen_on_the_page(sam: Visitor, world: World) -> None:
    page = sam.page(f"{PATH}/details")
    for words in ("Standing answers", "Ask an administrator", "Wait until it is known", "Do not ask"):
        assert words in page
    answers = {"answer-unknown_date": "wait", "answer-already_assigned": "dismiss"}
    assert sam.post(f"{PATH}/details", {**FORM, **answers}).location.endswith("saved=1")
    assert saved(world).exceptions == {
        "time_allowance": "hold", "unknown_date": "wait", "duplicate_course": "hold", "already_assigned": "dismiss",
    }  # fmt: skip
    assert 'value="wait" selected' in sam.page(f"{PATH}/details")
    assert sam.post(f"{PATH}/details", {**FORM, "answer-unknown_date": "assign"}).status_code == 400
    before = saved(world)
    sam.post(f"{PATH}/details", FORM)  # a form without them leaves them alone
    assert saved(world) == before


def test_available_from_until_is_entered_as_days(sam: Visitor, world: World) -> None:
    assert sam.post(f"{PATH}/details", {**FORM, "available-from": "2026-12-24"}).location.endswith("saved=1")
    for page in (f"{PATH}/details", "/certifications"):
        assert "Not available yet" in sam.page(page)
    begins = {**FORM, "available-from": "2026-01-01", "available-until": ""}
    assert sam.post(f"{PATH}/details", begins).location.endswith("saved=1")
    assert saved(world).available == {"from": "2026-01-01"}
    for wrong in ({"available-from": "soon"}, {"available-until": "0001-01-01"},
                  {"available-from": "2027-02-01", "available-until": "2027-01-31"}):  # fmt: skip
        answer = sam.post(f"{PATH}/details", {**FORM, **wrong})
        assert answer.status_code == 400
        assert next(iter(wrong.values())) in answer.text  # what was entered is not lost
    assert saved(world).available == {"from": "2026-01-01"}


@pytest.mark.parametrize("end", [{"state": "archived"}, {"available-until": "2026-11-17"}], ids=["archived", "until"])
@pytest.mark.parametrize(("at_end", "seat"), [("stay", "in"), ("leave", "suspended")])
def test_who_ends_a_certification_is_asked_what_becomes_of_the_seats(
    sam: Visitor, world: World, end: dict[str, str], at_end: str, seat: str
) -> None:
    assert sam.post(f"{PATH}/details", {**FORM, **end}).location.endswith("/review")
    review = sam.page(f"{PATH}/assignments/review")
    assert "what becomes of the course places of 1 learner?" in review
    assert "they are suspended" in review
    answer = sam.post(f"{PATH}/assignments/save", {"revision": revision(review), "at_end": at_end})
    assert answer.status_code == 303, answer.text
    world.settle()
    assert saved(world).leaving.get("at_end", "stay") == at_end
    assert seats(world) == [seat]
    assert ": read only</span>" in sam.page(f"{PATH}/details")  # whatever its state says, it reaches nobody now
    assert "can only be read" in sam.page(f"{PATH}/details")
    refused = sam.post(f"{PATH}/details", {**FORM, **end, "name": "Another"})
    assert refused.status_code == 400
    assert "can only be read" in refused.text
    assert "Another" in refused.text


def test_the_review_says_what_a_setting_becomes_and_names_nothing_that_stays(sam: Visitor) -> None:
    path = make(sam)  # as its page makes it; the form of Details then writes it in its own way
    assert sam.post(f"{path}/assignments/add/individual", {"target": ["bea"]}).status_code == 303
    form = {**FORM, "name": "Food Safety Level 2", "certification-0-name": "Courses",
            "certification-0-courses": ["c1", "c2"]}  # fmt: skip
    later = {"available-from": "2026-01-01", "available-until": "2027-06-30", "seat": "keep", "at_end": "leave"}
    assert sam.post(f"{path}/details", {**form, **later, "answer-time_allowance": "dismiss"}).status_code == 303
    review = " ".join(sam.page(f"{path}/assignments/review").split())
    for label, words in (
        ("Availability", "Available to learners · from 1 January 2026 · last day 30 June 2027"),
        ("When a learner leaves", "they stay · at its end all course places are treated the same"),
        ("Standing answers to exceptions", "Time allowance: Do not assign"),
    ):
        assert f'{label} <span class="muted"><bdi>{words}</bdi></span>' in review
    assert review.count("badge changed") == 3


def test_a_form_that_somebody_else_saved_past_is_compared_and_overwrites_nothing(sam: Visitor, world: World) -> None:
    yearly = {"active": "1 year", "window": "1 month", "expiry_from": "completion"}
    world.save("fs", row("individual", "ann"), period=yearly)
    page = sam.page(f"{PATH}/details")
    version = re.search(r'name="version" value="(\d+)"', page)[1]  # type: ignore[index]
    longer = {"active": "2 years", "window": "3 months", "expiry_from": "completion"}
    world.save("fs", row("individual", "ann"), period=longer, name="Theirs")
    answer = sam.post(f"{PATH}/details", {**FORM, "name": "Mine", "enrol": "on_open", "version": version})
    assert answer.location.endswith("/assignments/conflict")
    assert (saved(world).name, saved(world).period) == ("Theirs", longer)
    compared = sam.page(f"{PATH}/assignments/conflict", status=409)
    assert re.search(r'name="setting name" value="theirs"><span>Take theirs<span\s+class="under">Theirs<', compared)
    assert re.search(r'name="setting name" value="mine" checked><span>Keep mine<span\s+class="under">Mine<', compared)
    assert "setting period" not in compared
    sam.post(f"{PATH}/assignments/conflict", {"version": "3", "setting name": "theirs"})
    assert save(sam, PATH) == 303
    found = saved(world)
    assert (found.name, found.enrol, found.period) == ("Theirs", "on_open", longer)
