"""A notification is changed with placeholders and a preview, a save shows one message, and the messages are found again."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.administrator import Administrator
from tests.journeys.conftest import Running

pytestmark = pytest.mark.journey


def test_a_notification_is_changed_previewed_shown_before_a_save_and_found_again(
    running: Running, browser: Any
) -> None:
    sam = Administrator(browser, running)
    page = sam.page
    sam.make("Fire warden", "c3")
    sam.open_tab("Notifications")
    expect(page.get_by_role("note")).to_contain_text("2 are switched on.")
    sam.picture("notifications")
    page.get_by_role("link", name="Learner assigned").click()
    page.wait_for_load_state("networkidle")  # the buttons' script is fetched when the page is there
    page.get_by_label("Subject").fill("Welcome, ")
    page.get_by_role("button", name="Learner’s name").click()
    expect(page.get_by_label("Subject")).to_have_value("Welcome, {learner_name}")
    page.get_by_label("Text").fill("Please begin today.\n\n")
    page.get_by_role("button", name="Links to the courses").click()
    page.get_by_label("As this learner would get it").fill("user00040")
    page.get_by_role("button", name="Show the preview").click()
    expect(page.locator("#preview")).to_contain_text("Welcome, ")
    sam.picture("notification")
    page.get_by_role("button", name="Save notification").click()
    expect(page.get_by_role("button", name="Reset to default")).to_be_visible()
    sam.open_tab("Assignments")
    running.hire("Mona Message")  # whoever is in the course by another journey is held, and gets no message
    sam.until_known("Mona Message")
    dialog = sam.add("Individuals")
    sam.search(dialog, "Search individuals", "Mona Message")
    dialog.locator("[role=option]").first.click()
    sam.accept(dialog, "will enrol 1 learner")
    review = sam.review()
    review.get_by_text("Show one of them").click()
    expect(review).to_contain_text("Please begin today.")
    sam.picture("review-with-a-message")
    sam.commit(review)
    sam.enrolled()
    page.get_by_role("link", name="Certifications", exact=True).first.click()
    page.get_by_role("link", name="Messages", exact=True).click()
    expect(page.locator("tbody tr").filter(has_text="Fire warden")).to_be_visible()
    sam.picture("messages")
    page.get_by_role("link", name="How messages go out").click()
    expect(page.get_by_label("Mail server")).to_be_hidden()
    page.get_by_label("As e-mail").check()
    page.get_by_label("Mail server").fill("mail.example.org")
    sam.picture("host-messages")
    page.get_by_role("link", name="People with rights", exact=True).click()
    page.get_by_label("Name, username, e-mail or ID number").fill("user00040")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Choose").first.click()
    page.get_by_role("radio", name="Site administrator").check()
    page.get_by_role("button", name="Give these rights").click()
    expect(page.get_by_role("button", name="Remove")).to_be_visible()
    sam.picture("administrators")
