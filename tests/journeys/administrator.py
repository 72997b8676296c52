"""An administrator at the sandbox host, with Muster open: what she does and what is checked wherever she looks."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Error, Locator, Page, expect

from tests.journeys.conftest import Running

WITHIN = 45
"""Seconds until the host's roster must follow."""
WIDTHS = (1100, 700, 390)
SHOTS = os.environ.get("MUSTER_SHOTS")
"""A folder for pictures of the main states, at three widths; docs/pictures is made by naming it here."""
_EXPECTED = ("400", "401", "409", "500")


def reload(page: Page) -> None:
    """Load a page anew, which may be doing so by itself: then the browser gives one of the two up."""
    with contextlib.suppress(Error):
        page.reload()
    page.wait_for_load_state()


class Administrator:
    """Sam, at the sandbox."""

    def __init__(
        self, browser: Any, running: Running, width: int = 1100, height: int = 900, person: str = "U-1",
        role: str = "administrator", **context: Any,
    ) -> None:  # fmt: skip
        self.running, self.height = running, height
        given = {"viewport": {"width": width, "height": height}, "locale": "en-GB", **context}
        self.page: Page = browser.new_context(**given).new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(f"{running.sandbox}/lti/start?role={role}&person={person}")
        self.page.wait_for_url("**/t/**")

    def _heard(self, message: ConsoleMessage) -> None:
        # The browser logs every answer that is no success; the journeys that provoke one look at the page instead.
        if message.type == "error" and not any(status in message.text for status in _EXPECTED):
            self.complaints.append(message.text)

    # --- looking

    def see(self, name: str) -> None:
        """No accessibility violation, no complaint of the browser, nothing wider than the frame."""
        self.page.wait_for_timeout(150)
        results = Axe().run(self.page)
        assert results.violations_count == 0, f"{name}: {results.generate_report()}"
        assert not self.complaints, (name, self.complaints)
        width = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width <= 0, f"{name}: {width} pixels too wide"

    def see_everywhere(self, name: str, folder: str | None = None) -> None:
        """The same at three widths."""
        before = self.page.viewport_size
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": self.height})
            self.see(f"{name}-{width}")
            if folder:
                self.page.screenshot(path=str(Path(folder) / f"{name}-{width}.png"))
        assert before is not None
        self.page.set_viewport_size(before)

    def picture(self, name: str) -> None:
        """A main state: seen at three widths, with a picture of each where somebody wants them."""
        self.see_everywhere(name, SHOTS)

    def reload(self) -> None:
        """Load the page anew; a page that refreshes itself in the same moment wins."""
        reload(self.page)

    def row(self, key: str) -> Locator:
        """A row of the table, by ``type:target``."""
        return self.page.locator(f'tr[data-key="{key}"]')

    @property
    def rows(self) -> Locator:
        return self.page.locator("#table tbody tr")

    # --- doing

    def make(self, name: str, course: str, *, kind: str = "") -> None:
        """A new certification with one course; ends on its Assignments tab."""
        page = self.page
        if "/certifications" not in page.url or not page.get_by_role("link", name="New certification").count():
            page.get_by_role("link", name="Certifications", exact=True).first.click()
        page.get_by_role("link", name="New certification").first.click()
        page.get_by_label("Name", exact=True).fill(name)
        if kind:
            page.locator(f'[name=kind][value="{kind}"]').check()
        page.locator(f'input[name=course][value="{course}"]').check()
        page.get_by_role("button", name="Create").click()
        page.wait_for_url("**/assignments")

    def find(self, name: str) -> None:
        """Search the list of certifications, which has pages; ends where the one of this name is in sight."""
        page = self.page
        if not re.search("/certifications$", page.url):
            page.get_by_role("link", name="Certifications", exact=True).first.click()
        page.get_by_label("Search certifications").fill(name)
        page.get_by_role("button", name="Search", exact=True).click()
        expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()

    def add(self, kind: str) -> Any:
        """Select a type from *Add…*; returns its dialog."""
        self.page.locator("#add").click()
        self.page.get_by_role("link", name=kind, exact=True).click()
        return open_dialog(self.page)

    def search(self, dialog: Any, label: str, text: str) -> None:
        """Search in a picker and wait for what it finds."""
        dialog.get_by_label(label).fill(text)
        expect(dialog.locator("[role=option] mark").first).to_be_visible()

    def until(self, done: Callable[[], bool]) -> None:
        """Wait for what happens beside the pages."""
        for _attempt in range(WITHIN):
            if done():
                return
            self.page.wait_for_timeout(1000)
        pytest.fail(f"Not so after {WITHIN} seconds.")

    def until_known(self, name: str) -> None:
        """Wait until the host's hint of somebody new has been followed."""
        for _attempt in range(WITHIN):
            dialog = self.add("Individuals")
            dialog.get_by_label("Search individuals").fill(name)
            found = dialog.locator("[role=option] mark").first
            with contextlib.suppress(AssertionError):
                expect(found).to_be_visible(timeout=1500)
            known = found.is_visible()
            dialog.get_by_role("link", name="Cancel").click()
            if known:
                return
        pytest.fail(f"Muster has not heard of {name}.")

    def accept(self, dialog: Any, sentence: str, *, apart: bool = False) -> None:
        """*Ok*, the warning with this sentence, *Ok*; ``apart`` gives each of a pasted list a row of its own."""
        dialog.get_by_role("button", name="Ok", exact=True).click()
        warning = self.page.get_by_role("alertdialog", name="Add assignment")
        expect(warning).to_contain_text(sentence)
        if apart:
            warning.locator("[name=together]").uncheck()
        warning.get_by_role("button", name="Ok", exact=True).click()
        expect(self.page.locator("dialog[open]")).to_have_count(0)

    def due(self, row: Locator, day: str) -> None:
        """Enter an *Assignment due date*, a fixed one."""
        row.locator("[data-role=due]").click()
        dialog = self.page.get_by_role("dialog", name="Assignment due date")
        dialog.get_by_label("Fixed completion date").check()
        dialog.get_by_label("Date", exact=True).fill(day)
        dialog.get_by_role("button", name="Set due date").click()
        expect(self.page.locator("dialog[open]")).to_have_count(0)
        expect(row.locator("[data-role=due]")).to_contain_text(day[:4])

    def review(self) -> Locator:
        """Select *Save changes*: the review opens."""
        self.page.locator("#save").click()
        review = self.page.get_by_role("dialog", name="Review changes")
        expect(review).to_be_visible()
        return review

    def save(self) -> int:
        """Review, *Save changes*, and wait until the work is done; returns how many learners are enrolled."""
        self.commit(self.review())
        return self.enrolled()

    def commit(self, review: Locator) -> None:
        """*Save changes* in the review. The page then leads to the progress by itself: going elsewhere before would race."""
        review.get_by_role("button", name="Save changes").click()
        self.page.wait_for_url("**/progress")

    def enrolled(self) -> int:
        """What the progress page says at its end."""
        told = self.page.locator("#progress [data-say]")
        expect(told).to_contain_text("enrolled", timeout=WITHIN * 1000)
        return number(told.inner_text())

    def open_tab(self, name: str) -> None:
        self.page.get_by_role("link", name=re.compile(f"^{name}")).first.click()


def number(text: str) -> int:
    """The first number of a sentence."""
    found = re.search(r"\d[\d,]*", text)
    assert found is not None, text
    return int(found[0].replace(",", ""))


def open_dialog(page: Page) -> Any:
    """The dialog on top."""
    dialog = page.locator("dialog[open]").last
    expect(dialog).to_be_visible()
    return dialog


def unit_for(running: Running, kind: str = "organisation") -> dict[str, Any]:
    """A unit with people of its own and below: of the organisations a large one, of the positions the smallest."""
    units: Any = running.world(f"units?kind={kind}")
    fit = [one for one in units if one["direct"] >= 2 and one["children"]]
    if kind == "position":
        return dict(min(fit, key=lambda one: one["below"]))
    return dict(max((one for one in fit if one["below"] <= 400), key=lambda one: one["below"]))


def roster(running: Running, course: str) -> set[str]:
    """Who is active in a course, as the host itself says."""
    found: Any = running.world(f"roster/{course}")
    return {one["person"] for one in found if one["state"] == "active"}


def follows(running: Running, course: str, enough: Any) -> None:
    """Wait until the host's roster is as wanted."""
    until = time.monotonic() + WITHIN
    while time.monotonic() < until:
        if enough(roster(running, course)):
            return
        time.sleep(0.3)
    pytest.fail(f"After {WITHIN} seconds the host's roster has {len(roster(running, course))} learners.")
