"""The content editor: course sets, what joins them, minimum times, and how courses open (rules 7.1, 7.2)."""

from __future__ import annotations

import html
from typing import Any

import pytest
from sqlalchemy import delete

from plugin.certifications.store import definition_of
from plugin.mirror.tables import Course
from tests.in_turn import in_turn
from tests.web.conftest import Visit, Visitor
from tests.world import HOST, World, row

PATH = "/certifications/1/details"
FORM: dict[str, Any] = {
    "name": "FS", "state": "live", "seat": "suspend", "enrol": "on_open",
    "period-active": "1 year", "period-window": "1 month", "period-expiry_from": "completion",
    "certification-set": ["3", "0", "1"],
    "certification-0-name": "Core", "certification-0-courses": ["c1", "c2"], "certification-0-needs": "some",
    "certification-0-least": "2", "certification-0-minimum": "2", "certification-0-unit": "weeks",
    "certification-0-next": "or",
    "certification-3-name": "First", "certification-3-courses": ["c3"], "certification-3-needs": "any",
    "certification-3-minimum": "0", "certification-3-next": "then",
    "certification-1-needs": "all", "certification-1-next": "and",
    "recertification-0-courses": ["c2"], "recertification-0-needs": "optional",
}  # fmt: skip


@pytest.fixture
def sam(world: World, visit: Visit) -> Visitor:
    world.courses("c3")
    content = {"certification": [{"name": "Old", "courses": ["c1", "c3"], "needs": "all", "minimum": "36 hours"}]}
    world.save("fs", content=content)
    return visit("sam")


def saved(world: World) -> Any:
    with world.runtime.db.read() as session:
        return definition_of(session, HOST, 1)


def test_sets_are_saved_in_the_order_of_the_page(sam: Visitor, world: World) -> None:
    assert sam.post(PATH, FORM).status_code == 303
    definition = saved(world)
    assert definition.content == {
        "certification": [
            {"name": "First", "courses": ["c3"], "needs": "any", "next": "then"},
            {"name": "Core", "courses": ["c1", "c2"], "needs": 2, "minimum": "2 weeks", "next": "then"},
        ],
        "recertification": [{"name": "Courses", "courses": ["c2"], "needs": "optional", "next": "then"}],
    }
    assert definition.enrol == "on_open"
    page = sam.page(PATH)
    assert "<bdi>First</bdi> (1 of 1) <strong>THEN</strong> <bdi>Core</bdi> (2 of 2)" in page
    assert 'value="weeks" selected' in page


def test_a_minimum_in_hours_is_no_minimum_in_days(sam: Visitor) -> None:
    page = sam.page(PATH)
    assert 'value="36"' in page
    assert 'value="hours" selected' in page


@in_turn(
    ("change", "says"),
    [
        ({"certification-0-least": "3"}, "Course set 2 of the certification path needs 3 courses but has 2"),
        ({"certification-0-least": "two"}, "Enter how many courses of “Core” learners complete at least"),
        ({"certification-0-least": ""}, "Enter how many courses of “Core”"),
        ({"certification-0-courses": []}, "The course set “Core” has no course. Choose one, or remove the set."),
        ({"certification-0-courses": ["c9"]}, "The learning site no longer has the course 'c9'."),
        ({"certification-0-minimum": "-1"}, "The minimum time of “Core” is a whole number"),
        ({"certification-0-minimum": "1000"}, "the number must be from 0 to 999"),
        ({"certification-0-unit": "years"}, "Choose one of the values offered."),
        ({"certification-0-needs": "most"}, "Choose one of the values offered."),
        ({"certification-3-next": "perhaps"}, "Choose one of the values offered."),
        ({"enrol": "later"}, "Choose one of the values offered."),
        ({"recertification": "same"}, "does not reset completions"),
        ({"period-window": "2 years"}, "can be longer than the active period"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_entered_is_lost(
    sam: Visitor, world: World, change: dict[str, Any], says: str
) -> None:
    answer = sam.post(PATH, {**FORM, "name": "Another name", **change})
    assert answer.status_code == 400
    text = html.unescape(answer.text)
    assert says in text
    assert 'value="Another name"' in text
    assert 'value="First"' in text
    assert saved(world).content["certification"][0]["name"] == "Old"


def test_a_course_that_vanished_is_shown_and_may_stay(sam: Visitor, world: World) -> None:
    with world.runtime.db.write() as session:
        session.execute(delete(Course).where(Course.ext == "c3"))
    assert "Missing at the host" in sam.page(PATH)
    assert sam.post(PATH, {**FORM, "enrol": "at_once"}).status_code == 303
    assert saved(world).content["certification"][0]["courses"] == ["c3"]


def test_many_sets_from_a_file_are_all_there(sam: Visitor, world: World) -> None:
    sets = [{"name": f"Set {n}", "courses": ["c1"], "needs": "all"} for n in range(30)]
    world.save("fs", row("individual", "ann"), content={"certification": sets})
    assert sam.page(PATH).count('name="certification-set"') == 32  # one more to add, and one without script
