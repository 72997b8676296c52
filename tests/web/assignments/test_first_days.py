"""A row, or a whole certification, that begins on a day: in the file, on the pages, by the tick, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from plugin.certifications.file import certification_file
from plugin.core.clock import format_instant
from plugin.core.days import instant_of, local_day
from plugin.enrolment.settling.tick import tick
from plugin.enrolment.views.show import show_person, show_rows
from tests.web.assignments.test_exclusions import a_file, apply, learners, number, plan
from tests.web.conftest import Visit
from tests.web.steps import add, make, save
from tests.world import HOST, World

Settle = Callable[[], None]
ZONE = "Europe/London"


def in_days(world: World, days: int) -> str:
    return (local_day(world.now, ZONE) + timedelta(days=days)).isoformat()


def at_midnight(world: World, day: str) -> int:
    from datetime import date, time

    return instant_of(date.fromisoformat(day), time(0), ZONE)


def the_day_comes(world: World, day: str, settle: Settle) -> None:
    """Half a day after its first instant."""
    world.at(at_midnight(world, day) + 43_200)
    tick(world.runtime, HOST)
    settle()


def test_a_row_of_a_file_begins_at_the_first_instant_of_its_day(world: World, settle: Settle) -> None:
    day = in_days(world, 3)
    sales: dict[str, Any] = {"organisation": "sales", "due": "none", "starts": day}
    text = a_file(sales, {"individual": "bea", "due": "none"})
    found = plan(world, text)
    assert (found["adding"]["x"], found["adding"]["newly"], found["adding"]["later"]) == (1, 1, 0)
    assert found["assignments"][0] == {"assignment": "organisation:sales", "matched": 0}
    apply(world, text)
    settle()
    assert learners(world) == {"bea"}
    with world.runtime.db.read() as session:
        assert certification_file.rows_of(session, HOST, number(world))["organisation:sales"] == sales
        said = show_person(session, HOST, number(world), "ann")["assignments"][0]
    assert said["matches"] is False
    assert said["sentence"].endswith(f"The assignment begins on {day}.")
    assert plan(world, text)["adding"]["x"] == 0
    the_day_comes(world, day, settle)
    with world.runtime.db.read() as session:
        rows = {row["person"]: row for row in show_rows(session, HOST, number(world))}
    assert rows["ann"]["spell_began"] == format_instant(at_midnight(world, day))
    assert rows["bea"]["why"] == ["individual:bea", "organisation:sales"]


def test_the_later_of_both_first_days_counts_and_null_takes_one_away(world: World, settle: Settle) -> None:
    import json

    early, late = in_days(world, 2), in_days(world, 5)
    document = json.loads(a_file({"organisation": "sales", "starts": early}))
    document["certifications"][0]["starts"] = late
    apply(world, json.dumps(document))
    the_day_comes(world, early, settle)
    assert learners(world) == set()
    document["certifications"][0]["starts"] = None
    apply(world, json.dumps(document))
    settle()
    assert learners(world) == {"ann", "bea"}


def test_whoever_is_enrolled_stays_when_the_day_moves_later(visit: Visit, world: World, settle: Settle) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales")
    save(sam, path)
    settle()
    world.job("j-eve", "eve", "legal")
    day = in_days(world, 10)
    assert "no day" in sam.post(f"{path}/assignments/begins", {"key": "organisation:sales", "day": "soon"}).text
    sam.page(f"{path}/assignments/begins?key=organisation:sales")
    shown = sam.post(f"{path}/assignments/begins", {"key": "organisation:sales", "day": day}, fragment=True).text
    assert "Begins on" in shown
    sam.post(f"{path}/assignments/include", {"key": "organisation:sales", "include": "below"})
    review = sam.page(f"{path}/assignments/review")
    assert "as things are now it matches 2 learners then." in review
    assert "2 learners enrolled through “sales” stay, although it begins on" in review
    assert "Cid" in sam.page(f"{path}/assignments/review/names/begins_0")
    assert "Ann" in sam.page(f"{path}/assignments/review/names/staying_0")
    assert save(sam, path) == 303
    settle()
    world.job("j-ann", "ann", "legal")  # who moves away goes, and does not come back before the day
    settle()
    world.job("j-ann", "ann", "sales")
    settle()
    page = sam.page(f"{path}/learners")
    assert "Bea" in page
    assert "Cid" not in page
    the_day_comes(world, day, settle)
    assert all(name in sam.page(f"{path}/learners") for name in ("Ann", "Bea", "Cid", "Dov"))


def test_a_whole_certification_begins_on_a_day(visit: Visit, world: World, settle: Settle) -> None:
    sam = visit()
    path = make(sam)
    add(sam, path, "sales")
    day = in_days(world, 4)
    sam.page(f"{path}/assignments/begins")
    assert (
        "before that day no assignment here matches anybody."
        in sam.post(f"{path}/assignments/begins", {"day": day}, fragment=True).text
    )
    assert "First day" in sam.page(f"{path}/assignments/review")
    assert save(sam, path) == 303
    settle()
    assert "Ann" not in sam.page(f"{path}/learners")
    the_day_comes(world, day, settle)
    assert "Ann" in sam.page(f"{path}/learners")
