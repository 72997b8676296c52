"""The preview of three cycles on the settings page (rules 7.3)."""

from __future__ import annotations

import html
import re

import pytest

from tests.in_turn import in_turn
from tests.web.conftest import Visit, Visitor
from tests.world import World, row

CONTENT = {
    "certification": [{"name": "Core", "courses": ["c1"], "needs": "all"}],
    "recertification": [{"name": "Again", "courses": ["c2"], "needs": "all", "minimum": "40 days"}],
}
PATH = "/certifications/1/details/renewal"
YEARLY = "period-active=1+year&period-window=2+months&period-minimum_active=6+months&"
EXAMPLE = "example-completed=2013-04-15&example-due=2013-05-03&example-early=14"


@pytest.fixture
def sam(world: World, visit: Visit) -> Visitor:
    world.save("fs", row("individual", "ann"), content=CONTENT, period={})
    return visit("sam")


def days(text: str) -> list[str]:
    return re.findall(r'data-label="Expires">([^<]*)<', text)


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("completion", ["15 Apr 2014", "1 Apr 2015", "18 Mar 2016"]),
        ("expiry", ["3 May 2014", "3 May 2015", "3 May 2016"]),
        ("fixed", ["3 May 2014", "3 May 2015", "3 May 2016"]),
    ],
)
def test_what_each_choice_does_over_three_cycles(sam: Visitor, base: str, expected: list[str]) -> None:
    text = sam.page(f"{PATH}?{YEARLY}period-expiry_from={base}&{EXAMPLE}")
    assert days(text) == expected
    assert f"<strong>{expected[-1]}</strong>" in text


def test_who_is_late_is_shown_to_be(sam: Visitor) -> None:
    text = sam.page(f"{PATH}?{YEARLY}period-expiry_from=expiry&{EXAMPLE}".replace("early=14", "early=-10"))
    assert days(text) == ["3 May 2014", "13 May 2015", "23 May 2016"]
    assert text.count("late</span>") == 2


@in_turn(
    ("query", "says"),
    [
        ("", "Enter how long it holds"),
        ("period-active=1+year", "A certification needs window"),
        ("period-active=1+month&period-window=1+year", "can be longer than the active period"),
        ("period-active=1+year&period-window=1+month", "shorter than the minimum time of the recertification path"),
        ("period-active=soon&period-window=1+month", "'soon' is not a length of time"),
        (YEARLY + "period-expiry_from=never", "expiry_from is completion, expiry or fixed"),
        (YEARLY + "example-completed=", "Enter the day on which the learner completes"),
        (YEARLY + "example-completed=2013-02-30", "'2013-02-30' is no day"),
        (YEARLY + "example-completed=9999-12-31", "between 1970 and 2200"),
        (YEARLY + "example-early=many", "Enter how many days"),
        (YEARLY + "example-early=--1", "Enter how many days"),
        (YEARLY + "example-early=99999", "Enter how many days"),
    ],
)
def test_what_cannot_be_shown_says_why(sam: Visitor, query: str, says: str) -> None:
    assert says in html.unescape(sam.page(f"{PATH}?{query}"))


def test_it_stands_on_the_page_and_belongs_to_administrators(sam: Visitor, visit: Visit) -> None:
    assert "What this means for one learner" in sam.page("/certifications/1/details")
    assert visit("ann", administrator=False).get(PATH).status_code == 403


def test_a_window_too_short_for_the_renewal_is_not_saved(sam: Visitor) -> None:
    form = {
        "name": "FS", "state": "live", "seat": "suspend", "period-active": "1 year", "period-window": "1 month",
        "certification-0-courses": "c1", "recertification-0-courses": "c2", "recertification-0-minimum": "40",
    }  # fmt: skip
    answer = sam.post("/certifications/1/details", form)
    assert answer.status_code == 400
    assert "shorter than the minimum time of the recertification path" in answer.text
