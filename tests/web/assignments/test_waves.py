"""Waves: so many begin in a period, in a fixed order; in the file, on the pages, by the tick, and what is foreseen."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from plugin.core.clock import format_instant
from plugin.core.errors import Invalid
from plugin.enrolment.views.show import show_person, show_rows
from plugin.enrolment.waves import queues
from plugin.mirror.tables import SUSPENDED
from tests.web.assignments.test_exclusions import a_file, apply, learners, number, plan
from tests.web.assignments.test_first_days import at_midnight, in_days, the_day_comes
from tests.web.conftest import Visit, Visitor
from tests.web.steps import add, make, save
from tests.world import HOST, World

Settle = Callable[[], None]
EVERYONE: dict[str, Any] = {"organisation": "sales", "include": "below", "due": "none"}


def a_day(learners: int) -> dict[str, Any]:
    return {**EVERYONE, "wave": {"learners": learners, "every": "day"}}


def test_so_many_of_a_row_begin_each_day_as_foreseen(world: World, settle: Settle) -> None:
    text = a_file(a_day(1))
    found = plan(world, text)["adding"]
    assert (found["x"], found["newly"], found["later"]) == (4, 1, 3)
    apply(world, text)
    settle()
    first = learners(world)
    assert len(first) == 1
    assert plan(world, text)["adding"]["x"] == 0
    waiting = sorted({"ann", "bea", "cid", "dov"} - first)
    with world.runtime.db.read() as session:
        said = {one: show_person(session, HOST, number(world), one)["assignments"][0]["sentence"] for one in waiting}
    days = {one: sentence.split("she begins on ")[1].rstrip(".") for one, sentence in said.items()}
    assert sorted(days.values()) == [in_days(world, 1), in_days(world, 2), in_days(world, 3)]
    second = {one for one, day in days.items() if day == in_days(world, 1)}
    day = in_days(world, 1)
    the_day_comes(world, day, settle)
    assert learners(world) == first | second
    with world.runtime.db.read() as session:
        rows = {row["person"]: row for row in show_rows(session, HOST, number(world))}
    assert {rows[one]["spell_began"] for one in second} == {format_instant(at_midnight(world, day))}
    apply(world, a_file(a_day(0)))  # stopped
    settle()
    the_day_comes(world, in_days(world, 3), settle)
    assert learners(world) == first | second
    apply(world, a_file(a_day(1)))  # resumed
    settle()
    assert len(learners(world)) == 3
    all_begin = plan(world, a_file(EVERYONE))["adding"]
    assert (all_begin["x"], all_begin["already"], all_begin["newly"]) == (4, 3, 1)
    apply(world, a_file(EVERYONE))  # all begin
    settle()
    assert learners(world) == {"ann", "bea", "cid", "dov"}


def test_a_row_without_a_wave_enrols_at_once_and_joiners_take_what_is_left(world: World, settle: Settle) -> None:
    apply(world, a_file(a_day(3), {"individual": "cid", "due": "none"}))
    settle()
    assert learners(world) == {"ann", "bea", "cid", "dov"}  # hers takes no place of the wave
    world.job("j-eve", "eve", "sales")
    settle()
    assert "eve" not in learners(world)  # the day is full
    the_day_comes(world, in_days(world, 1), settle)
    assert "eve" in learners(world)


def test_a_whole_certification_has_one_wave_for_rows_without_their_own(world: World, settle: Settle) -> None:
    document = json.loads(a_file(EVERYONE, {"organisation": "legal", "due": "none"}))
    world.job("j-eve", "eve", "legal")
    document["certifications"][0]["wave"] = {"learners": 2, "every": "week"}
    apply(world, json.dumps(document))
    settle()
    assert len(learners(world)) == 2
    the_day_comes(world, in_days(world, 7), settle)
    assert len(learners(world)) == 4
    document["certifications"][0]["wave"] = None
    apply(world, json.dumps(document))
    settle()
    assert len(learners(world)) == 5


@pytest.mark.parametrize(
    "wave", [{"learners": 300}, {"learners": -1, "every": "day"}, {"learners": 3, "every": "month"}, {"first": 3}]
)
def test_dirt_in_a_wave_is_refused(world: World, wave: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="wave"):
        plan(world, a_file({**EVERYONE, "wave": wave}))


def test_a_wave_is_set_reviewed_stopped_and_undone_on_the_pages(visit: Visit, world: World, settle: Settle) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales", "north")
    key = "organisation:sales"
    sam.page(f"{path}/assignments/wave?key={key}")
    assert "whole number" in sam.post(f"{path}/assignments/wave", {"key": key, "learners": "many"}).text
    shown = sam.post(f"{path}/assignments/wave", {"key": key, "learners": "1", "every": "week"}, fragment=True).text
    assert "1 learner a week" in shown
    review = sam.page(f"{path}/assignments/review")
    assert "begins later" in review
    assert "Who begins when" in review
    assert 'aria-labelledby="forecast-picture"' in review
    assert " · " in sam.page(f"{path}/assignments/review/names/later")
    assert save(sam, path) == 303
    settle()
    page = sam.page(f"{path}/learners")
    assert sum(name in page for name in ("Ann", "Bea")) == 1
    assert "Cid" in page
    stopped = sam.post(f"{path}/assignments/wave", {"key": key, "act": "stop"}, fragment=True).text
    assert "Stopped: nobody new begins" in stopped
    assert "waits for a wave that is stopped" in sam.page(f"{path}/assignments/review")
    sam.post(f"{path}/assignments/wave", {"key": key, "act": "all"})
    assert save(sam, path) == 303
    settle()
    assert all(name in sam.page(f"{path}/learners") for name in ("Ann", "Bea", "Cid", "Dov"))
    sam.page(f"{path}/assignments/wave")
    whole = sam.post(f"{path}/assignments/wave", {"learners": "5", "every": "day"}, fragment=True).text
    assert "5 learners a day, over all assignments" in whole


def foreseen(page: str) -> list[tuple[int, int]]:
    """The lines of a forecast: how many begin, how many still wait."""
    table = page.split("Who begins when</caption>")[1].split("</table>")[0]
    return [
        (int(begin), int(left))
        for begin, left in re.findall(r'class="number">(\d+)</td><td\s+class="number">(\d+)', table)
    ]


def adds_up(sam: Visitor, at: str, wave: str, key: str, waiting: int, **form: str) -> str:
    """Set a wave; its review says of those who wait how many begin each time, and each number leads to so many names."""
    sam.post(f"{at}/assignments/wave", {"key": key, "learners": wave, "every": "day", **form})
    page = sam.page(f"{at}/assignments/review")
    lines = foreseen(page)
    assert sum(begin for begin, _left in lines) + lines[-1][1] == waiting
    assert [left for _begin, left in lines] == [
        waiting - sum(begin for begin, _left in lines[: place + 1]) for place in range(len(lines))
    ]
    for address, size in re.findall(r'href="/t/[^/]+([^"]*review/names/[^"]*)"[^>]*>[+−]?(\d+)', page):
        assert f"{size} learner" in sam.page(html.unescape(address))
    return page


def test_a_forecast_adds_up_after_edits_undo_and_with_people_who_leave(
    visit: Visit, world: World, settle: Settle
) -> None:
    sam, key = visit(), "organisation:legal"
    everyone = [f"p{place}" for place in range(8)]
    world.people(*everyone)
    for one in everyone:
        world.job(f"j-{one}", one, "legal")
    first, second = make(sam, "First"), make(sam, "Second")
    for path in (first, second):
        add(sam, path, "legal")
        adds_up(sam, path, "1", key, 8)
        assert save(sam, path) == 303
    settle()
    the_day_comes(world, in_days(world, 1), settle)
    assert [len(enrolled_in(world, path)) for path in (first, second)] == [2, 2]
    adds_up(sam, first, "2", key, 6)  # today one of two has begun
    assert save(sam, first) == 303
    settle()
    assert len(enrolled_in(world, first)) == 3
    leaving = sorted(set(everyone) - enrolled_in(world, first))[:2]
    world.drop_job(f"j-{leaving[0]}")
    world.state(leaving[1], SUSPENDED)
    settle()
    the_day_comes(world, in_days(world, 1), settle)
    assert len(enrolled_in(world, first)) == 5
    before = enrolled_in(world, first)
    [entry] = re.findall(r"/history/(\d+)/undo", sam.page(f"{first}/history"))[:1]
    undone = sam.page(f"{first}/history/{entry}/undo")
    assert foreseen(undone)[0][0] == 0  # today's one has begun
    assert sam.post(f"{first}/history/{entry}/undo", {}).status_code == 303
    settle()
    assert enrolled_in(world, first) == before  # whoever has begun stays
    stopped = adds_up(sam, first, "", key, 1, act="stop")
    assert "1 learner waits for a wave that is stopped" in stopped
    quicker = adds_up(sam, first, "2", key, 1)
    assert "stopped" not in quicker  # the one who is suspended waits for herself
    with world.runtime.db.read() as session:
        [said] = show_person(session, HOST, int(first.rpartition("/")[2]), leaving[1])["assignments"]
    assert "This learner waits for a wave." in said["sentence"]
    assert len(enrolled_in(world, second)) >= 3


def test_who_begins_after_all_that_is_foreseen_does_not_wait_for_a_stopped_wave(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "MOST_STEPS", 1)
    sam = visit()
    path = make(sam)
    add(sam, path, "sales", "north")
    sam.post(f"{path}/assignments/include", {"key": "organisation:sales", "include": "below"})
    sam.post(f"{path}/assignments/wave", {"learners": "1", "every": "day"})
    page = sam.page(f"{path}/assignments/review")
    assert "2 learners begin after" in page
    assert "that is stopped" not in page
    names = sam.page(f"{path}/assignments/review/names/later")
    assert names.count("after ") == 2
    assert "stopped" not in names


def enrolled_in(world: World, path: str) -> set[str]:
    """The people enrolled in a certification, by its address."""
    with world.runtime.db.read() as session:
        return {
            str(row["person"])
            for row in show_rows(session, HOST, int(path.rpartition("/")[2]))
            if row["state"] != "withdrawn"
        }
