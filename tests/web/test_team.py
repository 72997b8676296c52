"""A manager sees her team's certifications, whatever role she came with; nobody sees anybody else's (DOMAIN §10)."""

from __future__ import annotations

import re

import pytest

from plugin.mirror.search import reindex
from plugin.mirror.tables import SUSPENDED, Person
from tests.web.conftest import Visit
from tests.world import HOST, World, row

ANN, CID, DOV, EVE = 1, 3, 4, 5


@pytest.fixture
def led(world: World) -> World:
    """ann leads bea and cid, cid leads dov; bea and dov are in one certification, ann in it too."""
    world.job("j-bea", "bea", "sales", boss="j-ann")
    world.job("j-cid", "cid", "north", boss_person="ann")
    world.job("j-dov", "dov", "north", boss="j-cid")
    world.save("FS2", row("organisation", "legal"), *(row("individual", one) for one in ("ann", "bea", "dov")))
    return world


def shown(page: str) -> list[tuple[str, str]]:
    """Name and certification of each row."""
    rows = re.findall(r'rowheader"><bdi>(\w+)</bdi>.*?<td[^>]*>(.*?)</td>', page, re.S)
    return [(name, re.sub(r"<[^>]*>", "", cell).strip()) for name, cell in rows]


def test_a_manager_sees_her_direct_team_and_on_request_everybody_below(led: World, visit: Visit) -> None:
    ann = visit("ann", administrator=False, person=ANN)
    assert shown(ann.page("/my/team")) == [("Bea", "Fs2"), ("Cid", "No certifications now")]
    below = ann.page("/my/team?include=below")
    assert shown(below) == [("Bea", "Fs2"), ("Cid", "No certifications now"), ("Dov", "Fs2")]
    with led.runtime.db.write() as session:
        reindex(session, HOST, Person, ["name"], [CID, DOV])
    assert shown(ann.page("/my/team?include=below&q=dov")) == [("Dov", "Fs2")]
    assert "Nobody matches “dov”." in ann.page("/my/team?q=dov")
    assert "/my/team" in ann.page("/my/certifications")


def test_who_leads_nobody_has_no_team_and_reads_so(led: World, visit: Visit) -> None:
    eve = visit("eve", administrator=False, person=EVE)
    assert "Nobody reports to you" in eve.page("/my/team")
    assert "/my/team" not in eve.page("/my/certifications")
    assert visit("nobody", administrator=False).get("/my/team").status_code == 403


def test_a_stand_in_and_a_gone_job_make_no_manager(led: World, visit: Visit) -> None:
    led.job("j-bea", "bea", "sales", boss="j-ann", temporary=True)
    led.drop_job("j-cid")
    assert "Nobody reports to you" in visit("ann", administrator=False, person=ANN).page("/my/team")


def test_a_learner_held_back_is_not_shown_as_enrolled_and_a_late_one_as_overdue(led: World, visit: Visit) -> None:
    led.save("LATE", row("individual", "bea", due={"fixed": "2020-01-31"}), row("individual", "cid"),
             exceptions={"time_allowance": "assign"})  # fmt: skip
    after = {"after": "course_completion", "course": "c1", "add": "1 day"}
    led.save("HELD", row("individual", "bea", due="none"), row("individual", "cid", due=after))
    led.state("cid", SUSPENDED)
    led.settle()
    page = visit("ann", administrator=False, person=ANN).page("/my/team")
    assert shown(page) == [("Bea", "Fs2"), ("Bea", "Held"), ("Bea", "Late"), ("Cid", "Late")]
    assert page.count("Overdue</span>") == 1
    assert "Suspended" in page
