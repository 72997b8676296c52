"""No click of an administrator is lost while the table is being replaced, and no answer that comes late undoes a later one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.journeys.administrator import Administrator, unit_for
from tests.journeys.conftest import Running

pytestmark = pytest.mark.journey


class Slow:
    """Answers to changes of *Include*, kept back until they are let through one by one."""

    def __init__(self, page: Page) -> None:
        self.waiting: list[Route] = []
        page.route(re.compile("/assignments/include"), lambda route: self.waiting.append(route))
        self._page = page

    def through(self) -> None:
        """Let the next one through, once it has been asked."""
        for _attempt in range(200):
            if self.waiting:
                self.waiting.pop(0).continue_()
                return
            self._page.wait_for_timeout(50)
        raise AssertionError("Nothing was asked.")


@pytest.fixture
def sam(running: Running, browser: Any) -> Administrator:
    return Administrator(browser, running)


def with_a_unit(sam: Administrator, running: Running, name: str) -> tuple[Locator, dict[str, Any]]:
    """A row of an organisation, not saved."""
    unit = unit_for(running)
    sam.make(name, "c9")
    dialog = sam.add("Organisation")
    sam.search(dialog, "Search organisations", unit["name"])
    dialog.locator(f'[role=option][data-id="{unit["id"]}"]').click()
    sam.accept(dialog, "will enrol")
    return sam.row(f"organisation:{unit['id']}"), unit


def test_a_click_during_which_the_table_is_replaced_is_heard(sam: Administrator, running: Running) -> None:
    page = sam.page
    row, unit = with_a_unit(sam, running, "Pressed meanwhile")
    slow = Slow(page)
    row.get_by_label("Include all below").check()
    row.locator("[data-role=due]").hover()
    with page.expect_response(re.compile("/assignments/include")) as answered:
        page.mouse.down()
        slow.through()
    answered.value.finished()
    page.wait_for_timeout(300)  # the answer is here, and waits
    page.mouse.up()
    dialog = page.get_by_role("dialog", name="Assignment due date")
    expect(dialog).to_be_visible()
    expect(row.locator(".number")).to_have_text(f"{unit['below']:,}")
    page.keyboard.press("Escape")
    expect(row.locator("[data-role=due]")).to_be_focused()


def test_of_two_quick_changes_the_later_one_stands(sam: Administrator, running: Running) -> None:
    page = sam.page
    row, unit = with_a_unit(sam, running, "Changed twice")
    slow, below = Slow(page), row.get_by_label("Include all below")
    below.check()
    below.uncheck()  # while the first is on its way
    page.locator("#save").click()  # and the review waits for both
    slow.through()
    slow.through()
    review = page.get_by_role("dialog", name="Review changes")
    expect(review).to_contain_text(f"{unit['direct']} learners")
    page.keyboard.press("Escape")
    expect(below).not_to_be_checked()
    expect(row.locator(".number")).to_have_text(f"{unit['direct']:,}")
    page.reload()
    expect(below).not_to_be_checked()


def test_what_was_added_is_shown_whatever_the_table_was_filtered_by(sam: Administrator, running: Running) -> None:
    page = sam.page
    row, _unit = with_a_unit(sam, running, "Filtered")
    page.get_by_label("Assignment type").select_option("position")
    expect(page.get_by_text("No assignments match this filter.")).to_be_visible()
    dialog = sam.add("Audience")
    dialog.locator("[role=option]").first.click()
    sam.accept(dialog, "will enrol")
    expect(sam.rows).to_have_count(2)
    expect(sam.rows.first.locator("[data-role=due]")).to_be_focused()
    expect(page.locator("#table [data-say]")).to_contain_text("The filter was lifted")
    expect(page.get_by_label("Assignment type")).to_have_value("")
    assert "type=" not in page.url
    page.get_by_label("Assignment type").select_option("organisation")
    expect(sam.rows).to_have_count(1)
    row.get_by_label("Include all below").check()  # and a change keeps to the filter
    expect(page.locator("#table .warned")).to_be_visible()
    expect(sam.rows).to_have_count(1)
    sam.see_everywhere("told")
