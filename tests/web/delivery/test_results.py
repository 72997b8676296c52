"""Results reported to courses: how they stand, what the platform said, Retry and Dismiss."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from plugin.delivery.resets.reset_tables import CourseReset
from plugin.delivery.results.score_tables import Score, ScoreLine
from plugin.lti.tables import ScoreEndpoint
from plugin.mirror.tables import Connection
from tests.web.conftest import Visit
from tests.world import HOST, World

FULL = "This user is <b>not</b> in the course."


@pytest.fixture
def reporting(world: World) -> World:
    """A line with a result sent, one owed and two refused; another one that rests; and a link that names nobody."""
    now = world.runtime.clock.now()
    world.save("FOOD", name="Food hygiene")
    with world.runtime.db.write() as session:
        session.add(
            Connection(host_id=HOST, id=1, name="acme", kind="webhook", mapping={}, settings={}, marks={}, caps={})
        )
        session.add(
            ScoreLine(host_id=HOST, id=1, certification=1, context="c1", title="Course one", filled=None, next_at=9)
        )
        session.add(ScoreLine(host_id=HOST, id=2, certification=1, context="c2", title="Course two", why="It answered 429.",
                              next_at=now + 600))  # fmt: skip
        for person, state in enumerate(("sent", "owed", "parked", "parked"), start=1):
            session.add(Score(host_id=HOST, line=1, person=person, cycle=1, state=state, at=now, created=now,
                              why=FULL if state == "parked" else ""))  # fmt: skip
        session.add(ScoreEndpoint(host_id=HOST, context="c3", link="l", title="Course three", certification="GONE", seen=now,
                                  scopes=[]))  # fmt: skip
    return world


def states(world: World) -> list[str]:
    with world.runtime.db.read() as session:
        return [row.state for row in session.scalars(select(Score).order_by(Score.person))]


def test_results_are_shown_by_course_with_the_platforms_own_words(reporting: World, visit: Visit) -> None:
    page = visit().page("/delivery")
    assert "Results reported to courses" in page
    assert "It answered 429." in page
    page = visit().page("/delivery/results")
    for words in ("Course one", "Course two", "&lt;b&gt;not&lt;/b&gt;", "Next try:", "names the certification “GONE”",
                  "all 2 that match"):  # fmt: skip
        assert words in page
    assert "Nothing was refused" in visit().page("/delivery/results?line=2")
    assert "No course takes results" not in page


def test_refused_results_are_retried_and_dismissed(reporting: World, visit: Visit) -> None:
    one = visit()
    assert one.post("/delivery/results", {"action": "dismiss:1.3.1"}).status_code == 303
    assert states(reporting) == ["sent", "owed", "dismissed", "parked"]
    answer = one.post("/delivery/results", {"action": "retry", "all": "1", "line": "1"})
    assert answer.headers["Location"].endswith("done=retry:1")
    assert "1 result is reported again." in one.page("/delivery/results?done=retry:1")
    assert "2 results are left unreported." in one.page("/delivery/results?done=dismiss:2")
    assert states(reporting) == ["sent", "owed", "dismissed", "owed"]
    with reporting.runtime.db.read() as session:
        assert session.get_one(ScoreLine, (HOST, 1)).next_at == 0


@pytest.mark.parametrize(
    "form",
    [{"action": "retry"}, {"action": "retry", "result": "1.3"}, {"action": "explode", "result": "1.3.1"}, {},
     {"action": "retry:"}, {"action": "retry:x"}],
)  # fmt: skip
def test_an_answer_that_cannot_be_is_refused_in_a_sentence(
    reporting: World, visit: Visit, form: dict[str, str]
) -> None:
    answer = visit().post("/delivery/results", form)
    assert answer.status_code in (400, 422)
    assert "Choose" in answer.text
    assert states(reporting) == ["sent", "owed", "parked", "parked"]


def test_only_administrators_see_results(reporting: World, visit: Visit) -> None:
    learner = visit("ann", administrator=False, person=1)
    assert learner.get("/delivery/results").status_code == 403
    assert learner.post("/delivery/results", {"action": "retry", "all": "1"}).status_code == 403


def test_a_site_whose_courses_take_no_results_is_told_what_to_do(world: World, visit: Visit) -> None:
    assert "No course takes results yet" in visit().page("/delivery/results?line=x")


def test_courses_the_host_would_not_let_begin_anew_are_shown_and_answered(reporting: World, visit: Visit) -> None:
    now = reporting.runtime.clock.now()
    with reporting.runtime.db.write() as session:
        for person, state in enumerate(("owed", "parked", "parked"), start=1):
            session.add(CourseReset(host_id=HOST, person=person, course=1, before=now, certification=1, created=now,
                                    state=state, why="Not <i>allowed</i>." if state == "parked" else ""))  # fmt: skip
    one = visit()
    page = one.page("/delivery")
    assert "refuses 2 of them:" in page
    assert "Not &lt;i&gt;allowed&lt;/i&gt;." in page
    assert one.post("/delivery/resets", {"action": "shrug", "why": "x"}).status_code in (400, 422)
    assert one.post("/delivery/resets", {"action": "dismiss", "why": "something else"}).status_code == 303
    assert one.post("/delivery/resets", {"action": "retry", "why": "Not <i>allowed</i>."}).status_code == 303
    page = one.page("/delivery")
    assert "3 courses are to begin anew" in page
    assert "of them:" not in page
