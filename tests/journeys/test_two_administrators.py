"""Two administrators at one certification: theirs beside mine, and nothing overwritten."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.administrator import Administrator, open_dialog
from tests.journeys.conftest import Running

pytestmark = pytest.mark.journey


def add_first_audience(sam: Administrator, at: int = 0) -> None:
    page = sam.page
    page.locator("#add").click()
    page.get_by_role("link", name="Audience", exact=True).click()
    dialog = open_dialog(page)
    dialog.locator("[role=option]").nth(at).click()
    dialog.get_by_role("button", name="Ok", exact=True).click()
    page.get_by_role("alertdialog").get_by_role("button", name="Ok", exact=True).click()
    expect(page.locator("dialog[open]")).to_have_count(0)


def save(sam: Administrator) -> None:
    sam.page.locator("#save").click()
    sam.page.get_by_role("dialog", name="Review changes").get_by_role("button", name="Save changes").click()
    sam.page.wait_for_url("**/progress")
    sam.page.get_by_role("link", name="Assignments", exact=True).click()


def test_a_clash_shows_theirs_beside_mine_and_overwrites_nothing(running: Running, browser: Any) -> None:
    sam, kim = Administrator(browser, running), Administrator(browser, running, person="U-3")
    sam.make("Two at once", "c10")
    add_first_audience(sam)
    save(sam)
    kim.page.get_by_role("link", name="Certifications", exact=True).first.click()
    kim.page.get_by_label("Search certifications").fill("Two at once")
    kim.page.get_by_label("Search certifications").press("Enter")
    kim.page.get_by_role("link", name="Two at once", exact=True).click()
    for who, day in ((sam, "2031-01-31"), (kim, "2032-02-29")):
        who.page.locator("[data-role=due]").click()
        due = who.page.get_by_role("dialog", name="Assignment due date")
        due.get_by_label("Date", exact=True).fill(day)
        due.get_by_role("button", name="Set due date").click()
        expect(who.page.locator("tbody tr")).to_contain_text("Changed")
    save(kim)
    sam.page.locator("#save").click()
    sam.page.wait_for_url("**/conflict")
    expect(sam.page.locator("main")).to_contain_text("29 February 2032")
    expect(sam.page.locator("main")).to_contain_text("31 January 2031")
    sam.picture("conflict")
    sam.page.get_by_label("Take theirs").check()
    sam.page.get_by_role("button", name="Continue with these").click()
    expect(sam.page.locator("tbody tr")).to_contain_text("29 February 2032")
    expect(sam.page.locator(".savebar")).to_have_count(0)
