"""A learner goes to her course from Muster's frame, completes it, and stands in the course's gradebook as certified."""

from __future__ import annotations

import re
import time
from typing import Any

from playwright.sync_api import Page, expect

from tests.journeys.administrator import WITHIN, Administrator, follows
from tests.journeys.conftest import Running


def test_who_is_certified_stands_in_the_gradebook(running: Running, browser: Any) -> None:
    course, person = "c12", "U-44"
    sam = Administrator(browser, running)
    sam.page.goto(f"{running.sandbox}/lti/start?role=administrator&person=U-1&course={course}")
    sam.page.wait_for_url("**/t/**")
    sam.make("Leading teams", course)
    dialog = sam.add("Individuals")
    sam.search(dialog, "Search individuals", "user00044")
    dialog.locator("[role=option]").first.click()
    sam.accept(dialog, "Adding this assignment will enrol 1 learner")
    sam.save()
    follows(running, course, lambda people: person in people)
    _leaves_by_the_link(browser, running, course, person)
    running.act("complete", person=person, course=course)
    _stands(running, course, person)
    page = sam.page
    page.goto(f"{running.sandbox}/courses/{course}")
    expect(page.get_by_role("row", name=re.compile(rf"\b{person}\b"))).to_contain_text("1 of 1")
    sam.see_everywhere("sandbox-roster")
    page.goto(f"{running.sandbox}/lti/start?role=administrator&person=U-1")
    page.wait_for_url("**/t/**")
    page.get_by_role("link", name="System").first.click()
    page.get_by_role("link", name="Delivery").first.click()
    page.get_by_role("link", name="Show results by course").click()
    expect(page.get_by_role("row", name=re.compile("Leading teams"))).to_be_visible()
    sam.picture("results")


def _leaves_by_the_link(browser: Any, running: Running, course: str, person: str) -> None:
    """Out of the frame, from a form inside it."""
    page: Page = browser.new_context(viewport={"width": 1100, "height": 900}, locale="en-GB").new_page()
    page.goto(f"{running.sandbox}/muster/learner/{person}")
    inside = page.frame_locator("#tool")
    inside.get_by_role("button", name="Start with Leading Teams").click()
    page.wait_for_url(f"**/courses/{course}")
    assert page.url.startswith(running.sandbox)


def _stands(running: Running, course: str, person: str) -> None:
    until = time.monotonic() + WITHIN
    while time.monotonic() < until:
        book: Any = running.world(f"grades/{course}")
        if any(score["person"] == person and score["given"] == 1 for item in book for score in item["scores"]):
            return
        time.sleep(0.3)
    raise AssertionError(book)
