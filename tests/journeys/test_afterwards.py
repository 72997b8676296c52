"""After a save: progress found again, the learners and why each is there, checking one learner, and Undo."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.administrator import Administrator, follows, roster
from tests.journeys.conftest import Running

pytestmark = pytest.mark.journey


@pytest.fixture
def sam(running: Running, browser: Any) -> Administrator:
    return Administrator(browser, running)


def test_a_save_is_looked_at_and_undone(sam: Administrator, running: Running) -> None:
    page = sam.page
    page.get_by_role("link", name="New certification").first.click()
    course = page.locator("input[name=course]").last.get_attribute("value") or ""
    page.get_by_role("link", name="Certifications", exact=True).first.click()
    page.wait_for_url("**/certifications")
    sam.make("Looked at", course)
    before = roster(running, course)  # other journeys use the course too
    dialog = sam.add("Individuals")
    sam.search(dialog, "Search individuals", "user00040")
    dialog.locator("[role=option]").first.click()
    sam.accept(dialog, "will enrol 1 learner")
    sam.save()
    page.get_by_role("link", name="Assignments", exact=True).click()
    dialog = sam.add("Audience")
    sam.search(dialog, "Search audiences", "drivers")
    dialog.locator("[role=option]").first.click()
    sam.accept(dialog, "will enrol")
    enrolled = sam.save()
    follows(running, course, lambda people: len(people - before) == enrolled > 1)

    page.get_by_role("link", name="View learners").click()
    page.get_by_role("combobox", name="Assignment type").select_option("individual")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "type=individual" in page.url
    sam.see_everywhere("learners-filtered")
    page.get_by_role("link", name="Check a learner").click()
    page.get_by_label("Name, username, e-mail or ID number").fill("user00040")
    page.get_by_role("button", name="Search").click()
    sam.see("check")
    page.locator(".names a").click()
    expect(page.locator("tbody tr").filter(has_text="Individual")).to_contain_text("Is assigned individually.")
    expect(page.locator("tbody tr").filter(has_text="Drivers")).to_contain_text(re.compile("member of this audience"))
    sam.picture("check-a-learner")

    sam.open_tab("History")
    sam.see("history")
    page.get_by_role("link", name="What changed").first.click()
    expect(page.get_by_role("dialog", name="Version 3")).to_contain_text("Drivers")
    sam.see_everywhere("what-changed")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Undo").first.click()
    undo = page.get_by_role("dialog", name="Undo this save")
    expect(undo).to_contain_text("Messages already sent, and decisions made since, stay.")
    sam.picture("undo")
    undo.locator(".minus a").click()
    names = page.get_by_role("dialog", name=f"{enrolled - 1} learners")
    expect(names.get_by_role("link", name="Close").last).to_be_focused()
    page.keyboard.press("Escape")
    expect(names).to_have_count(0)
    expect(undo).to_be_visible()  # Escape closes one dialog, not both
    guard = undo.locator("[name=withdrawals]")
    if guard.count():
        guard.fill(str(enrolled - 1))
    undo.get_by_role("button", name="Undo this save").click()
    page.wait_for_url("**/progress")
    assert sam.enrolled() == 1
    follows(running, course, lambda people: people - before == {"U-40"})
    page.get_by_role("link", name="Back to assignments").click()
    expect(sam.rows).to_have_count(1)


def test_a_job_under_way_is_left_and_found_again(sam: Administrator) -> None:
    page = sam.page
    sam.make("Left alone", "c9")
    dialog = sam.add("Audience")
    dialog.locator("[role=option]").first.click()
    sam.accept(dialog, "will enrol")
    sam.commit(sam.review())
    address = page.url
    page.get_by_role("link", name="Certifications", exact=True).first.click()
    page.goto(address)
    sam.enrolled()
    sam.see("progress-found-again")
