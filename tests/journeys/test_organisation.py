"""The user's list "Adding learners by organisation", step by step, in a browser inside the host's iframe."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, FrameLocator, Page, expect

from tests.journeys.conftest import Running

pytestmark = pytest.mark.journey
LIST = "Adding learners by organisation"
WITHIN = 10
SHOTS = os.environ.get("MUSTER_SHOTS")


@contextmanager
def step(name: str) -> Iterator[None]:
    """One step of the user's document; a failure names it."""
    try:
        yield
    except BaseException as failure:
        failure.add_note(f"At: {name}")
        raise


class Administrator:
    """Sam, at the sandbox, with Muster in its iframe."""

    def __init__(
        self, browser: Any, running: Running, width: int = 1100, height: int = 900, person: str = "U-1"
    ) -> None:
        context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB")
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(f"{running.sandbox}/lti/start?role=administrator&person={person}")
        self.page.wait_for_url("**/t/**")

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "409" not in message.text and "400" not in message.text:
            self.complaints.append(message.text)

    def see(self, name: str) -> None:
        """No accessibility violation, no complaint of the browser; and a picture where somebody wants one."""
        self.page.wait_for_timeout(150)
        results = Axe().run(self.page)
        assert results.violations_count == 0, f"{name}: {results.generate_report()}"
        assert not self.complaints, (name, self.complaints)
        width = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width <= 0, f"{name}: {width} pixels too wide"
        if SHOTS:
            self.page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))

    def make(self, name: str, course: str) -> None:
        page = self.page
        page.get_by_role(
            "link", name="Certifications", exact=True
        ).first.click() if "/certifications" not in page.url else None
        page.get_by_role("link", name="New certification").click()
        page.get_by_label("Name", exact=True).fill(name)
        page.locator(f'input[name=course][value="{course}"]').check()
        self.see("certification-new")
        page.get_by_role("button", name="Create").click()
        page.wait_for_url("**/assignments")


def unit_for(running: Running) -> dict[str, Any]:
    units: Any = running.world("units")
    fit = [one for one in units if one["direct"] >= 2 and one["children"] and one["below"] <= 400]
    found: dict[str, Any] = max(fit, key=lambda one: one["below"])
    return found


def roster(running: Running, course: str) -> set[str]:
    found: Any = running.world(f"roster/{course}")
    return {one["person"] for one in found if one["state"] == "active"}


def follows(running: Running, course: str, enough: Any) -> None:
    until = time.monotonic() + WITHIN
    while time.monotonic() < until:
        if enough(roster(running, course)):
            return
        time.sleep(0.3)
    pytest.fail(f"After {WITHIN} seconds the host's roster has {len(roster(running, course))} learners.")


def open_dialog(page: Page) -> Any:
    dialog = page.locator("dialog[open]").last
    expect(dialog).to_be_visible()
    return dialog


def test_adding_and_removing_learners_by_organisation(running: Running, browser: Any) -> None:
    course, unit = "c7", unit_for(running)
    sam = Administrator(browser, running)
    page = sam.page
    with step(f"{LIST} 1: navigate to the certification and select the Assignments tab"):
        sam.see("certifications-empty")
        sam.make("Food Safety Level 2", course)
        expect(page.get_by_role("heading", name="No assignments yet")).to_be_visible()
        sam.see("assignments-empty")
    with step(f"{LIST} 2: select Organisation from the Add… dropdown menu"):
        page.locator("#add").click()
        sam.see("add-menu")
        page.get_by_role("link", name="Organisation", exact=True).click()
    dialog = open_dialog(page)
    expect(dialog.get_by_role("heading", name="Add organisation to certification")).to_be_visible()
    with step(f"{LIST} 3: select the required organisational framework from the dropdown box"):
        frameworks = dialog.get_by_label("Organisational framework")
        assert frameworks.locator("option").count() == 2
        frameworks.select_option(index=1)
        expect(dialog.get_by_role("tree")).to_be_visible()
        frameworks.select_option(index=0)
        sam.see("add-organisation-tree")
    with step(f"{LIST} 4: browse through the list, or search for a specific organisation"):
        expect(dialog.locator('[aria-level="2"]').first).to_be_visible()  # the only root opens by itself
        dialog.get_by_role("treeitem").first.focus()
        page.keyboard.press("ArrowLeft")
        expect(dialog.locator('[aria-level="2"]').first).to_be_hidden()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        expect(dialog.locator('[aria-level="2"]').first).to_be_focused()
        dialog.get_by_label("Search organisations").fill(unit["name"])
        expect(dialog.locator("[role=option]").first).to_be_visible()
        sam.see("add-organisation-search")
    with step(f"{LIST} 5: select the name of each organisation; they appear under the Selected items"):
        dialog.locator(f'[role=option][data-id="{unit["id"]}"]').click()
        selected = dialog.locator("[data-selected] li")
        expect(selected).to_have_count(1)
        expect(dialog.locator("[data-estimate-line]")).to_contain_text("in this selection")
        selected.get_by_role("button").click()
        expect(selected).to_have_count(0)
        dialog.locator(f'[role=option][data-id="{unit["id"]}"]').click()
        sam.see("add-organisation-selected")
    with step(f"{LIST} 6: select Ok, then Ok from the Add assignment pop-up"):
        dialog.get_by_role("button", name="Ok", exact=True).click()
        warning = page.get_by_role("alertdialog", name="Add assignment")
        expect(warning).to_contain_text(
            f"Adding this assignment will enrol {unit['direct']} learners to this certification"
            " except where they are enrolled already."
        )
        sam.see("add-assignment")
        warning.get_by_role("button", name="Ok", exact=True).click()
        expect(page.locator("dialog[open]")).to_have_count(0)
        row = page.locator(f'tr[data-key="organisation:{unit["id"]}"]')
        expect(row).to_contain_text("New")
    with step(f"{LIST} 7: select Include all below"):
        row.get_by_label("Include all below").check()
        expect(row.get_by_label("Include all below")).to_be_checked()
        expect(row.locator(".number")).to_have_text(str(unit["below"]))
        sam.see("assignments-new")
    with step(f"{LIST} 8: enter an Assignment due date"):
        row.locator("[data-role=due]").click()
        due = page.get_by_role("dialog", name="Assignment due date")
        due.get_by_label("Relative to an event").check()
        sam.see("due-date-relative")
        due.get_by_label("Fixed completion date").check()
        due.get_by_label("Date", exact=True).fill("2031-03-31")
        expect(due.locator("[data-in-words]")).to_contain_text("Monday")
        sam.see("due-date")
        due.get_by_role("button", name="Set due date").click()
        expect(row.locator("[data-role=due]")).to_contain_text("31 March 2031")
    with step(f"{LIST} 10: select Save changes"):
        page.locator("#save").click()
        review = page.get_by_role("dialog", name="Review changes")
        expect(review).to_contain_text("Newly enrolled")
        sam.see("review")
        review.locator(".plus a").first.click()
        expect(open_dialog(page)).to_contain_text("learners")
        sam.see("review-names")
        open_dialog(page).locator("footer [data-close]").click()
        review.get_by_role("button", name="Save changes").click()
        page.wait_for_url("**/progress")
    expect(page.locator("#progress").get_by_text("learners are enrolled.")).to_be_visible(timeout=WITHIN * 1000)
    sam.see("progress")
    follows(running, course, lambda people: unit["below"] * 0.9 <= len(people) <= unit["below"])
    page.get_by_role("link", name="View learners").click()
    expect(page.get_by_role("columnheader", name="Assignment name")).to_be_visible()
    sam.see("learners")
    page.get_by_role("link", name="Assignments", exact=True).click()
    sam.see("assignments")
    with step("Removing assignments: the warning, Remove, Save changes"):
        row.hover()
        row.locator("a[data-role=remove]").click()
        warning = page.get_by_role("alertdialog", name="Remove assignment")
        expect(warning).to_contain_text(
            f"This will withdraw {unit['below']} learners from this certification"
            " except where they have another assignment."
        )
        sam.see("remove")
        warning.get_by_role("button", name="Remove").click()
        expect(row).to_contain_text("To be removed")
        sam.see("assignments-removed")
        page.locator("#save").click()
        review = page.get_by_role("dialog", name="Review changes")
        typed = review.get_by_label("Type the number to confirm")
        withdrawn = (
            (review.locator(".minus a").inner_text()).split("learners")[0].strip().lstrip("−").replace(",", "").strip()
        )
        sam.see("review-guard")
        review.get_by_role("button", name="Save changes").click()
        expect(review.get_by_role("alert")).to_contain_text("withdrawal guard")
        typed.fill(withdrawn)
        review.get_by_role("button", name="Save changes").click()
        page.wait_for_url("**/progress")
    follows(running, course, lambda people: not people)


@pytest.mark.parametrize("width", [700, 390])
def test_every_main_state_fits_narrow_frames(running: Running, browser: Any, width: int) -> None:
    unit = unit_for(running)
    sam = Administrator(browser, running, width=width)
    page = sam.page
    sam.see(f"certifications-{width}")
    page.goto(page.url.split("?")[0].rstrip("/") + "/new")
    page.get_by_label("Name", exact=True).fill(f"First aid {width}")
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/assignments")
    page.locator("#add").click()
    page.get_by_role("link", name="Organisation", exact=True).click()
    dialog = open_dialog(page)
    sam.see(f"add-organisation-{width}")
    dialog.get_by_label("Search organisations").fill(unit["name"])
    dialog.locator(f'[role=option][data-id="{unit["id"]}"]').click()
    dialog.get_by_role("button", name="Ok", exact=True).click()
    page.get_by_role("alertdialog").get_by_role("button", name="Ok", exact=True).click()
    expect(page.locator(f'tr[data-key="organisation:{unit["id"]}"]')).to_be_visible()
    sam.see(f"assignments-{width}")
    page.locator("#save").click()
    expect(page.get_by_role("dialog", name="Review changes")).to_be_visible()
    sam.see(f"review-{width}")
    for tab in ("Overview", "Details", "Learners", "Exceptions", "Notifications", "History"):
        page.goto(page.url.rsplit("/", 1)[0] + f"/{tab.lower()}")
        sam.see(f"{tab.lower()}-{width}")


def test_inside_the_hosts_frame_dialogs_stand_where_they_can_be_seen(running: Running, browser: Any) -> None:
    page: Page = browser.new_context(viewport={"width": 1200, "height": 800}).new_page()
    page.goto(f"{running.sandbox}/muster/administrator/U-1")
    frame: FrameLocator = page.frame_locator("#tool")
    frame.get_by_role("link", name="New certification").click()
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
