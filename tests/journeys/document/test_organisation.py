"""The user's list "Adding learners by organisation", step by step, and the same page inside the host's frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.journeys.administrator import SHOTS, Administrator, follows, open_dialog, unit_for
from tests.journeys.conftest import Running
from tests.journeys.lists import Walk

pytestmark = pytest.mark.journey


def hidden_until_hovered(card: Any) -> None:
    """The remove icon of a selected item shows when the pointer is over the item."""
    card.page.mouse.move(1, 1)
    button = card.get_by_role("button")
    expect(button).to_have_css("opacity", "0.6")
    card.hover()
    expect(button).to_have_css("opacity", "1")


def test_adding_learners_by_organisation(running: Running, browser: Any) -> None:
    course, unit = "c7", unit_for(running)
    sam = Administrator(browser, running)
    page = sam.page
    with Walk("Adding learners by organisation") as walk:
        with walk.step(1, "navigate to the certification and select the Assignments tab"):
            sam.see_everywhere("certifications-empty")
            sam.make("Food Safety Level 2", course)
            sam.open_tab("Overview")
            sam.open_tab("Assignments")
            expect(page.get_by_role("heading", name="No assignments yet")).to_be_visible()
            sam.picture("assignments-empty")
        with walk.step(2, "select Organisation from the Add… dropdown menu"):
            page.locator("#add").click()
            sam.see("add-menu")
            page.get_by_role("link", name="Organisation", exact=True).click()
            dialog = open_dialog(page)
            expect(dialog.get_by_role("heading", name="Add organisation to certification")).to_be_visible()
        with walk.step(3, "select the required organisational framework from the dropdown box"):
            frameworks = dialog.get_by_label("Organisational framework")
            assert frameworks.locator("option").count() == 2
            frameworks.select_option(index=1)
            other = dialog.locator('[role=treeitem][aria-level="1"]').first
            expect(other).not_to_have_attribute("data-name", "Acme Group")
            other.locator("> .row .name").click()
            frameworks.select_option(index=0)
        with walk.step(4, "browse through the list, or search for a specific organisation"):
            expect(dialog.locator('[aria-level="2"]').first).to_be_visible()  # the only root opens by itself
            dialog.locator('[aria-level="2"] > .row .twisty').first.click()
            expect(dialog.locator('[aria-level="3"]').first).to_be_visible()
            sam.picture("add-organisation")
            sam.search(dialog, "Search organisations", unit["name"])
            expect(dialog.locator("mark").first).to_be_visible()
        with walk.step(5, "select the name of each organisation; they appear under the Selected items"):
            selected = dialog.locator("[data-selected] li")
            expect(selected).to_have_count(1)  # of the other framework: kept across frameworks and searches
            dialog.locator(f'[role=option][data-id="{unit["id"]}"]').click()
            expect(selected).to_have_count(2)
            expect(dialog.locator("[data-estimate-line]")).to_contain_text("in this selection")
            sam.picture("add-organisation-search")
            hidden_until_hovered(selected.first)
            selected.first.get_by_role("button").click()
            expect(selected).to_have_count(1)
        with walk.step(6, "select Ok, then select Ok from the Add assignment pop-up, or Cancel to exit"):
            dialog.get_by_role("button", name="Ok", exact=True).click()
            warning = page.get_by_role("alertdialog", name="Add assignment")
            expect(warning).to_contain_text(
                f"Adding this assignment will enrol {unit['direct']} learners to this certification"
                " except where they are enrolled already."
            )
            sam.picture("add-assignment")
            warning.get_by_role("link", name="Cancel").click()
            expect(warning).to_have_count(0)
            expect(selected).to_have_count(1)  # back in the pop-up, with the selection as it was
            dialog.get_by_role("button", name="Ok", exact=True).click()
            warning.get_by_role("button", name="Ok", exact=True).click()
            row = sam.row(f"organisation:{unit['id']}")
            expect(row).to_contain_text("New")
        with walk.step(7, "select Include all below"):
            row.get_by_label("Include all below").check()
            expect(row.locator(".number")).to_have_text(str(unit["below"]))
            expect(page.locator("#table [data-say]")).to_contain_text(f"{unit['below']} learners")
            people: Any = running.world(f"people?unit={unit['id']}&below=1")
            told = sum(one["state"] == "active" for one in people)  # nobody writes to whoever is suspended
            expect(page.locator("#reached")).to_contain_text(f"reach now: {told}.")  # follows every edit
        with walk.step(8, "enter an Assignment due date"):
            row.locator("[data-role=due]").click()
            due = page.get_by_role("dialog", name="Assignment due date")
            due.get_by_label("Relative to an event").check()
            sam.see_everywhere("due-date-relative")
            due.get_by_label("Fixed completion date").check()
            due.get_by_label("Date", exact=True).fill("2031-03-31")
            expect(due.locator("[data-in-words]")).to_contain_text("Monday")
            sam.picture("due-date")
            due.get_by_role("button", name="Set due date").click()
            expect(row.locator("[data-role=due]")).to_contain_text("31 March 2031")
        with walk.step(9, "repeat steps 1-8 to add another organisation"):
            sam.open_tab("Assignments")
            again = sam.add("Organisation")
            again.get_by_label("Organisational framework").select_option(index=1)
            first = again.locator('[role=treeitem][aria-level="1"][aria-checked]').first
            expect(first).not_to_have_attribute("data-name", "Acme Group")
            first.locator("> .row .name").click()
            key = f"organisation:{first.get_attribute('data-id')}"
            sam.accept(again, "Adding this assignment will enrol")
            sam.row(key).get_by_label("Include all below").check()
            sam.due(sam.row(key), "2032-06-30")
            expect(page.locator(".savebar")).to_contain_text("2 unsaved changes")
            sam.picture("assignments-new")
        with walk.step(10, "select Save changes"):
            review = sam.review()
            expect(review).to_contain_text("Newly enrolled")
            sam.picture("review")
            review.locator(".plus a").first.click()
            expect(open_dialog(page)).to_contain_text("learners")
            sam.see_everywhere("review-names")
            open_dialog(page).locator("footer [data-close]").click()
            sam.commit(review)
            enrolled = sam.enrolled()
            sam.see_everywhere("progress")
            follows(running, course, lambda people: len(people) == enrolled)
            here: Any = running.world(f"people?unit={unit['id']}&below=1")
            active = {one["id"] for one in here if one["state"] == "active"}
            follows(running, course, lambda people: active <= people)
    page.get_by_role("link", name="View learners").click()
    expect(page.get_by_role("columnheader", name="Assignment name")).to_be_visible()
    sam.picture("learners")


def test_inside_the_hosts_frame_dialogs_stand_where_they_can_be_seen(running: Running, browser: Any) -> None:
    page: Page = browser.new_context(viewport={"width": 1200, "height": 800}, locale="en-GB").new_page()
    page.goto(f"{running.sandbox}/muster/administrator/U-1")
    frame: FrameLocator = page.frame_locator("#tool")
    frame.get_by_role("link", name="New certification").first.click()
    frame.get_by_label("Name", exact=True).fill("Framed")
    frame.get_by_role("button", name="Create").click()
    frame.locator("#add").click()
    frame.get_by_role("link", name="Organisation", exact=True).click()
    heading = frame.get_by_role("heading", name="Add organisation to certification")
    expect(heading).to_be_visible()
    page.wait_for_timeout(300)
    box = frame.locator("dialog[open]").bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 800
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / "in-frame.png"))


def test_in_a_frame_taller_than_the_window_a_dialog_stands_in_the_part_on_screen(
    running: Running, browser: Any
) -> None:
    page: Page = browser.new_context(viewport={"width": 1200, "height": 800}, locale="en-GB").new_page()
    page.goto(f"{running.sandbox}/muster/administrator/U-1")
    frame: FrameLocator = page.frame_locator("#tool")
    frame.get_by_role("link", name="New certification").first.click()
    frame.get_by_label("Name", exact=True).fill("Tall")
    frame.get_by_role("button", name="Create").click()
    expect(frame.locator("#add")).to_be_visible()
    # A host that makes its frames as tall as it likes, and a reader who has scrolled down.
    page.locator("#tool").evaluate("frame => { frame.style.height = '3000px'; frame.style.maxHeight = 'none'; }")
    page.evaluate("document.scrollingElement.scrollTo(0, 120)")
    frame.locator("#add").click()
    frame.get_by_role("link", name="Organisation", exact=True).click()
    expect(frame.get_by_role("heading", name="Add organisation to certification")).to_be_visible()
    page.wait_for_timeout(400)
    box = frame.locator("dialog[open]").bounding_box()
    assert box is not None
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 810
