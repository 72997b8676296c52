"""A day of an administrator, walked as she would and counted in presses of the pointer."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.administrator import WITHIN, open_dialog, reload
from tests.journeys.conftest import Running
from tests.journeys.test_sample_site import SAM, Walker

pytestmark = pytest.mark.journey

COUNT = "addEventListener('pointerdown', () => window.pressed(), true)"


class Hand:
    """The administrator's, which presses; typing and pasting are not counted."""

    def __init__(self, browser: Any, running: Running) -> None:
        self.sam = Walker(browser, running, SAM, "en")
        self.page: Page = self.sam.page
        self.pressed = 0
        self.page.expose_function("pressed", self._press)
        self.page.add_init_script(COUNT)

    def _press(self) -> None:
        self.pressed += 1

    def begin(self, path: str) -> None:
        """Begin to count on a page."""
        self.sam.open(path)
        self.pressed = 0


@pytest.fixture
def hand(sampled: Running, browser: Any) -> Hand:
    return Hand(browser, sampled)


def test_two_thousand_people_by_list_with_one_date(hand: Hand, sampled: Running) -> None:
    sam, page = hand.sam, hand.page
    sam.make("By list", "c9")
    people = [f"U-{number}" for number in range(100, 2100)]
    page.goto(page.url)  # so that presses are counted from here
    hand.pressed = 0
    page.locator("#add").click()
    page.get_by_role("link", name="Individuals", exact=True).click()
    dialog = open_dialog(page)
    dialog.get_by_text("Paste or upload a list").click()
    dialog.locator("#paste-lines").evaluate("(area, lines) => { area.value = lines; }", "\n".join(people))
    dialog.locator("#paste-lines").dispatch_event("paste")
    expect(dialog.locator("[data-pasted]")).to_contain_text("Found:", timeout=WITHIN * 1000)
    dialog.get_by_role("button", name="Ok", exact=True).click()
    warning = page.get_by_role("alertdialog", name="Add assignment")
    warning.get_by_label("Fixed completion date (optional)").click()
    warning.get_by_label("Fixed completion date (optional)").fill("2027-03-31")
    warning.get_by_role("button", name="Ok", exact=True).click()
    expect(page.locator("dialog[open]")).to_have_count(0)
    sam.commit(sam.review())
    assert hand.pressed <= 8, hand.pressed
    assert sam.enrolled() >= 1_900  # but for whoever is suspended or deleted at the learning site


def test_all_overdue_of_one_plant_are_extended(hand: Hand, sampled: Running) -> None:
    page = hand.page
    hand.begin("home")
    page.get_by_role("link", name="Food Safety Level 2").click()
    page.locator("a[href*='standing=overdue']").first.click()
    units: Any = sampled.world("units?kind=organisation")
    assert page.locator("tbody tr").count()
    page.get_by_placeholder("Organisation").click()
    page.get_by_placeholder("Organisation").fill(next(one["name"] for one in units if one["id"] == "ORG-3"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("and below")).to_be_visible()
    page.locator("[name=everyone]").check()
    page.get_by_label("New date").fill("2027-06-30")
    page.get_by_role("button", name="Move the date later").click()
    page.get_by_role("button", name=re.compile(r"Move \d+ dates?")).click()
    expect(page.locator(".notice.ok")).to_contain_text(re.compile(r"The dates? of \d+ learners? (is|are) moved"))
    assert hand.pressed <= 6, hand.pressed


def test_who_was_moved_by_what_the_site_said_and_why(hand: Hand, sampled: Running) -> None:
    sampled.hire("Nora Nightly", organisation="ORG-2")
    page = hand.page
    hand.begin("home")
    page.get_by_role("link", name="Fire Safety").first.click()
    page.get_by_role("link", name="History").click()
    line = page.get_by_role("row").filter(has_text="A change at the learning site").filter(has_text="+1 enrolled").first
    for _attempt in range(WITHIN):
        if line.count():
            break
        page.wait_for_timeout(1000)
        reload(page)
    line.get_by_role("link", name="+1 enrolled").click()
    expect(page.get_by_role("listitem").filter(has_text="Nora Nightly")).to_contain_text("now because of")
    assert hand.pressed <= 3, hand.pressed


def test_the_proof_of_one_person_on_a_day_for_an_auditor(hand: Hand) -> None:
    page = hand.page
    hand.begin("home")
    page.keyboard.press("/")
    expect(page.locator(".finder input")).to_be_focused()
    page.keyboard.type("user00900")
    page.keyboard.press("Enter")
    page.get_by_role("main").get_by_role("link", name=re.compile("Ravi Haddad|user00900")).first.click()
    page.get_by_label("As it stood at the end of").fill("2026-06-30")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("As it stood on")).to_be_visible()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Print").click()
    expect(opened.value.locator("body")).to_contain_text("Fire Safety")
    assert hand.pressed <= 5, hand.pressed
