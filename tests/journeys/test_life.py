"""The life of a certification: made, copied, deleted where nobody was enrolled, ended with the question what becomes of places."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.administrator import Administrator, follows
from tests.journeys.conftest import Running

pytestmark = pytest.mark.journey
COURSE = "c9"


@pytest.fixture
def sam(running: Running, browser: Any) -> Administrator:
    return Administrator(browser, running)


def test_a_copy_is_made_and_deleted_while_nobody_was_enrolled(sam: Administrator) -> None:
    page = sam.page
    sam.make("To be copied", COURSE)
    sam.open_tab("Details")
    sam.see_everywhere("details")
    page.get_by_role("link", name="Copy…").click()
    sam.see_everywhere("copy")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("heading", name="Copy of To be copied")).to_be_visible()
    expect(page.get_by_text("Draft: reaches nobody yet").first).to_be_visible()
    page.get_by_role("link", name="Delete…").click()
    question = page.get_by_role("alertdialog", name="Delete")
    expect(question.get_by_role("link", name="Cancel")).to_be_focused()  # what cannot be undone is not one key away
    sam.see_everywhere("delete")
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Delete…")).to_be_focused()
    page.get_by_role("link", name="Delete…").click()
    question.get_by_role("button", name="Delete").click()
    page.wait_for_url(re.compile("/certifications$"))
    sam.find("To be copied")
    expect(page.get_by_text("Copy of To be copied")).to_have_count(0)


def test_who_ends_one_says_what_becomes_of_places_and_the_host_follows(sam: Administrator, running: Running) -> None:
    page = sam.page
    learner = running.hire("Enda Ending")
    sam.make("To be ended", COURSE)
    sam.until_known("Enda Ending")
    dialog = sam.add("Individuals")
    sam.search(dialog, "Search individuals", "Enda Ending")
    dialog.locator("[role=option]").first.click()
    sam.accept(dialog, "will enrol 1 learner")
    assert sam.save() == 1
    follows(running, COURSE, lambda people: learner in people)
    sam.open_tab("Details")
    page.get_by_role("link", name="Delete…").click()
    expect(page.get_by_role("alertdialog")).to_contain_text("cannot be deleted")
    sam.see_everywhere("delete-refused")
    page.get_by_role("link", name="Close").click()
    page.get_by_label("Last day").fill("2020-01-31")
    page.get_by_role("button", name="Save changes").click()
    page.wait_for_url("**/review")
    expect(page.get_by_role("group", name=re.compile("course places of 1 learner"))).to_be_visible()
    expect(page.locator(".changes")).to_contain_text("last day 31 January 2020")
    sam.see_everywhere("end")
    page.get_by_label("As when a learner leaves: they are suspended").check()
    page.get_by_role("button", name="Save changes").click()
    page.wait_for_url("**/progress")
    follows(running, COURSE, lambda people: learner not in people)
    sam.open_tab("Details")
    expect(page.get_by_text("It has ended and can only be read.")).to_be_visible()
    expect(page.get_by_text("Ended: read only")).to_be_visible()
    sam.see_everywhere("details-ended")
