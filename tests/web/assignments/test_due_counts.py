"""The due date dialog says how many learners get which date; *View dates* whether a date can be changed (rules 3.9)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.web.conftest import Visit, Visitor
from tests.world import World, row

CONTENT = {"certification": [{"name": "Core", "courses": ["c1"], "needs": "all"}]}
PERIOD = {"active": "1 year", "window": "1 month"}
COUNTS = "/certifications/1/assignments/due/counts"
KEY = "organisation:sales"


@pytest.fixture
def saved(world: World) -> World:
    """Ann, Bea, Cid and Dov are assigned by their organisation; two of them have logged in, one a year ago."""
    world.set_person("ann", first_login=world.now - 86_400)
    world.set_person("bea", first_login=world.now - 400 * 86_400)
    world.save("fs", row("organisation", "sales", "below"), content=CONTENT, period=PERIOD)
    return world


def counts(sam: Visitor, status: int = 200, **fields: Any) -> str:
    found = sam.get(COUNTS, query_string={"key": KEY, **fields})
    assert found.status_code == status, found.text
    return " ".join(found.text.split())


def test_the_dialog_says_how_many_learners_get_which_date(visit: Visit, saved: World) -> None:
    sam = visit()
    assert "4 learners: 31 Mar 2027, 23:59" in counts(sam, kind="fixed", date="2027-03-31")
    assert "Complete by 31 March 2027, 23:59 (Europe/London)" in counts(sam, kind="fixed", date="2027-03-31")
    login = counts(sam, kind="after", event="first_login", amount="30", unit="days")
    assert "1 learner: 13 Nov 2025, 23:59" in login
    assert "1 learner: 17 Dec 2026, 23:59" in login
    assert "2 learners: the date comes with the first login" in login
    assert "For 1 learner the date has passed already." in login
    unknown = counts(sam, kind="after", event="profile_date", amount="1", unit="years", **{"item-field": "hired"})
    assert "4 learners: the date is not known, and an exception asks" in unknown
    assert "4 learners" in counts(sam, kind="none")
    assert "4 learners: 18 Dec 2026, 23:59" in counts(sam, kind="after", event="enrolment", amount="1", unit="months")


def test_many_dates_are_put_together(visit: Visit, saved: World) -> None:
    for number, name in enumerate(("f1", "f2", "f3", "f4")):
        saved.people(name, first_login=saved.now - number * 86_400 - 86_400 * 2)
        saved.job(f"j-{name}", name, "sales")
    found = counts(visit(), kind="after", event="first_login", amount="30", unit="days")
    assert found.count("1 learner: ") == 6
    assert "1 learner: a later date" in found
    assert "2 learners: the date comes with the first login" in found


def test_fields_that_mean_nothing_say_what_is_missing(visit: Visit, saved: World) -> None:
    sam = visit()
    assert "Enter the date." in counts(sam, kind="fixed")
    assert "is not a date" in counts(sam, kind="fixed", date="2027-02-30")
    assert "Choose what the event is about." in counts(
        sam, kind="after", event="course_completion", amount="1", unit="days"
    )
    assert "Choose one of the three" in counts(sam)
    assert sam.get(COUNTS, query_string={"key": "organisation:legal", "kind": "none"}).status_code == 404
    assert "4 learners" in sam.page(f"/certifications/1/assignments/due?key={KEY}")


def test_view_dates_says_whether_a_date_can_be_changed_and_why_not(visit: Visit, saved: World) -> None:
    short = {"fixed": "2026-11-01"}
    saved.complete("ann", "c1", saved.now - 60)
    saved.state("bea", 1)
    saved.settle()
    saved.save("fs", row("organisation", "sales", "below", short))
    page = visit().page("/certifications/1/learners?assignment=1")
    for words in ("Can be changed", "No: her certification sets it", "No: she is suspended at the learning site",
                  "No: an exception waits for an answer"):  # fmt: skip
        assert words in page
    assert "Can be changed" not in visit().page("/certifications/1/learners")


def test_an_assignment_without_a_date_leads_to_its_learners_dates_too(visit: Visit, saved: World) -> None:
    sam = visit()
    text = sam.page("/certifications/1/assignments")
    assert re.search(r'/certifications/1/learners\?assignment=1">View dates', text)
    assert "No due date" in sam.page("/certifications/1/learners?assignment=1")
