"""Every number in a picker is the resolver's, whatever moved since the last read of the host (rules 2.7)."""

from __future__ import annotations

import re

from plugin.core.days import DAY
from plugin.enrolment.settling.tick import tick
from plugin.mirror.lookup.search import keep_indexed
from tests.web.conftest import Visit
from tests.web.steps import make
from tests.world import HOST, World


def sizes(page: str) -> dict[str, list[int]]:
    """By target, the numbers its entry shows."""
    found = {}
    for entry in re.findall(r'<li role="(?:option|treeitem)".*?</li>', page, re.DOTALL):
        name = re.search(r'data-id="([^"]+)"', entry)
        shown = re.search(r'class="meta">(.*?)</span>', entry, re.DOTALL)
        assert name is not None
        assert shown is not None
        found[name[1]] = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", shown[1])]
    return found


def test_an_audience_shows_its_members(visit: Visit, world: World) -> None:
    world.audience("crew", "ann", "bea", "eve")
    world.audience("nobody")
    keep_indexed(world.runtime, HOST)
    sam = visit()
    path = make(sam)
    assert sizes(sam.page(f"{path}/f/search/audience?q=crew")) == {"crew": [3]}
    assert sizes(sam.page(f"{path}/f/search/audience?q=nobody")) == {"nobody": [0]}


def test_a_unit_shows_people_alone_and_with_all_below(visit: Visit, world: World) -> None:
    keep_indexed(world.runtime, HOST)
    sam = visit()
    path = make(sam)
    assert sizes(sam.page(f"{path}/f/search/organisation?q=sales"))["sales"] == [2, 4]
    assert sizes(sam.page(f"{path}/f/tree/organisation?framework=f")) == {"legal": [0], "sales": [2, 4]}


def test_a_job_that_begins_by_itself_is_counted_without_another_read(visit: Visit, world: World) -> None:
    world.job("j-eve", "eve", "sales", starts=world.now + DAY)
    keep_indexed(world.runtime, HOST)
    sam = visit()
    path = make(sam)
    assert sizes(sam.page(f"{path}/f/search/organisation?q=sales"))["sales"] == [2, 4]
    world.at(world.now + 2 * DAY)
    tick(world.runtime, HOST)
    assert sizes(sam.page(f"{path}/f/search/organisation?q=sales"))["sales"] == [3, 5]
