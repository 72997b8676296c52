"""History: one line for each save or act with what followed from it, whoever did it, names behind every number."""

from __future__ import annotations

import re
from html import unescape

import pytest

from plugin.enrolment.answers.groups import join
from tests.web.conftest import Visit, Visitor
from tests.world import HOST, World, row

PAST = {"fixed": "2020-01-31"}
TAB = "/certifications/1/history"


@pytest.fixture
def told(world: World) -> World:
    """A save that enrols dov and asks about ann and bea; both are let in by sam."""
    group = row("group", "Volunteers", group={"self_enrol": True, "withdraw": True})
    world.save(
        "FS", row("individual", "ann", due=PAST), row("individual", "bea", due=PAST), row("individual", "dov"), group
    )
    return world


def lines(page: str) -> list[tuple[str, list[str], str]]:
    """What, what followed, and who, of each line."""
    found = []
    for one in re.findall(r'<tr role="row"><th scope="row".*?</tr>', page, re.S):
        head = re.search(r"rowheader\">(?:<a[^>]*>)?([^<]*)", one)[1]  # type: ignore[index]
        followed = re.findall(r'class="effect[^>]*>([^<]*)<', one)
        who = re.search(r'data-label="Who"><bdi>([^<]*)', one)[1]  # type: ignore[index]
        found.append((unescape(head), sorted(map(unescape, followed)), unescape(who)))
    return found


def answer(sam: Visitor) -> None:
    sam.post("/certifications/1/exceptions", {"person": ["ann", "bea"], "action": "assign", "confirmed": "2"})


def test_an_act_and_what_follows_are_one_line_of_whoever_did_it(told: World, visit: Visit) -> None:
    sam = visit()
    answer(sam)
    assert "No open exceptions" in sam.page("/certifications/1/exceptions")  # at once, settled or not
    told.settle()
    join(told.runtime, HOST, 1, "Volunteers", 5)
    told.settle()
    page = sam.page(TAB)
    assert lines(page) == [
        ("Eve joined the group “Volunteers”", ["+1 enrolled"], "Eve"),
        ("Answered 2 exceptions: Assign", ["+2 let in"], "Sam (sam)"),
        ("Saved changes", ["+1 enrolled", "2 exceptions: Time allowance"], "tester"),
    ]
    assert "A change at the learning site" not in page
    let_in = re.search(r"/history/(\d+)/names\">\+2 let in", page)[1]  # type: ignore[index]
    names = sam.page(f"{TAB}/{let_in}/names")
    assert re.findall(r"<bdi>(Ann|Bea|Dov|Eve)</bdi>", names) == ["Ann", "Bea"]
    assert [one[0] for one in lines(sam.page(f"{TAB}?kind=answers"))] == ["Answered 2 exceptions: Assign"]
    assert [one[2] for one in lines(sam.page(f"{TAB}?who=eve"))] == ["Eve"]
    assert "Nothing fits this filter" in sam.page(f"{TAB}?to=2001-01-01")
    assert sam.get(f"{TAB}?from=yesterday").status_code == 400
    assert sam.get(f"{TAB}/99999/names").status_code == 404


def test_a_change_of_the_site_stays_the_sites(told: World, visit: Visit) -> None:
    told.save("NORTH", row("organisation", "north"))
    told.job("j-ann", "ann", "north")
    told.settle()
    first = lines(visit().page(TAB.replace("1", "2")))[0]
    assert first == ("A change at the learning site", ["+1 enrolled"], "The learning site")
