"""The keyboard alone does everything: each type, from *Add…* to *Save changes*, and the tree by the WAI-ARIA practices."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.administrator import Administrator, open_dialog
from tests.journeys.conftest import Running
from tests.journeys.test_sample_site import SAM, Walker

pytestmark = pytest.mark.journey
TYPES = ("Organisation", "Position", "Audience", "Management hierarchy", "Individuals", "Group (self-enrolment)")


@pytest.fixture
def sam(running: Running, browser: Any) -> Administrator:
    return Administrator(browser, running)


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def tab_to(page: Page, target: Any, key: str = "Tab", most: int = 40) -> None:
    """Tab until the target has focus, and back again if it was put anew just as it was passed."""
    other = {"Tab": "Shift+Tab", "Shift+Tab": "Tab"}[key]
    for pressed in [key] * most + [other] * most:
        if target.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press(pressed)
    raise AssertionError(f"Tab never reaches {target}.")


def open_type(sam: Administrator, name: str) -> Any:
    """From the top of the page to the dialog of a type."""
    page = sam.page
    tab_to(page, page.locator("#add"))
    press(page, "ArrowDown", *["ArrowDown"] * TYPES.index(name))
    expect(page.get_by_role("link", name=name, exact=True)).to_be_focused()
    press(page, "Enter")
    return open_dialog(page)


def accept(sam: Administrator, dialog: Any) -> None:
    """Ok, the warning, Ok: focus ends in the new row."""
    page = sam.page
    tab_to(page, dialog.get_by_role("button", name="Ok", exact=True))
    press(page, "Enter")
    warning = page.get_by_role("alertdialog", name="Add assignment")
    expect(warning.get_by_role("button", name="Ok", exact=True)).to_be_focused()
    press(page, "Enter")
    expect(sam.rows.first.locator("[data-role=due]")).to_be_focused()


def finish(sam: Administrator) -> None:
    """A due date, Save changes, the review, and its button."""
    page = sam.page
    press(page, "Enter")
    due = page.get_by_role("dialog", name="Assignment due date")
    expect(due).to_be_visible()
    expect(due.get_by_label("Fixed completion date")).to_be_focused()
    press(page, "Tab")
    page.keyboard.type("03312031")
    tab_to(page, due.get_by_role("button", name="Set due date"))
    press(page, "Enter")
    expect(sam.rows.first.locator("[data-role=due]")).to_be_focused()
    expect(sam.rows.first.locator("[data-role=due]")).to_contain_text("31 March 2031")
    tab_to(page, page.locator("#save"))
    press(page, "Enter")
    expect(page.get_by_role("dialog", name="Review changes").get_by_role("button", name="Save changes")).to_be_focused()
    press(page, "Enter")
    page.wait_for_url("**/progress")


@pytest.mark.parametrize("name", ["Organisation", "Position"])
def test_a_unit_of_a_tree(sam: Administrator, name: str) -> None:
    sam.make(f"By keys: {name}", "c9")
    page = sam.page
    dialog = open_type(sam, name)
    expect(dialog.locator('[aria-level="2"]').first).to_be_visible()
    tab_to(page, dialog.locator("[role=treeitem]").first)
    press(page, "ArrowDown", "Space")
    expect(dialog.locator("[data-selected] li")).to_have_count(1)
    expect(page.locator("#live")).to_contain_text("added to selected items. 1 selected.")
    accept(sam, dialog)
    tab_to(page, sam.rows.first.locator("[data-role=include]"), "Shift+Tab")
    press(page, "Space")
    expect(sam.rows.first.get_by_label("Include all below")).to_be_checked()
    expect(sam.rows.first.locator("[data-role=include]")).to_be_focused()
    tab_to(page, sam.rows.first.locator("[data-role=due]"))
    finish(sam)


@pytest.mark.parametrize("name", ["Audience", "Management hierarchy", "Individuals"])
def test_one_of_a_list(sam: Administrator, name: str) -> None:
    sam.make(f"By keys: {name}", "c9")
    page = sam.page
    dialog = open_type(sam, name)
    expect(dialog.get_by_role("searchbox")).to_be_focused()
    press(page, "ArrowDown", "ArrowDown", "End", "Home", "Space")
    expect(dialog.locator("[role=option]").first).to_have_attribute("aria-selected", "true")
    expect(page.locator("#live")).to_contain_text("added to selected items. 1 selected.")
    press(page, "ArrowUp")
    expect(dialog.get_by_role("searchbox")).to_be_focused()
    accept(sam, dialog)
    if name == "Management hierarchy":
        tab_to(page, sam.rows.first.locator("select[name=include]"), "Shift+Tab")
        press(page, "ArrowDown")
        expect(sam.rows.first.locator("select[name=include]")).to_have_value("below")
        expect(sam.rows.first.locator("select[name=include]")).to_be_focused()
        tab_to(page, sam.rows.first.locator("[data-role=due]"))
    finish(sam)


def test_a_group(sam: Administrator) -> None:
    sam.make("By keys: group", "c9")
    page = sam.page
    dialog = open_type(sam, "Group (self-enrolment)")
    expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("Helpers")
    press(page, "Tab")
    page.keyboard.type("They help")
    press(page, "Tab", "Space", "Tab", "Space")
    tab_to(page, dialog.get_by_role("button", name="Ok", exact=True))
    press(page, "Enter")
    expect(sam.rows.first).to_contain_text("withdrawal allowed")
    expect(sam.rows.first.locator("[data-role=due]")).to_be_focused()
    finish(sam)


def test_the_tree_follows_the_practices(sam: Administrator) -> None:
    sam.make("Tree keys", "c9")
    page = sam.page
    dialog = open_type(sam, "Organisation")
    items = dialog.locator("[role=treeitem]")
    expect(dialog.locator('[aria-level="2"]').first).to_be_visible()
    tab_to(page, items.first)
    assert dialog.locator('[role=treeitem][tabindex="0"]').count() == 1
    root, second = items.first, dialog.locator('[aria-level="2"]').first
    press(page, "ArrowLeft")
    expect(root).to_have_attribute("aria-expanded", "false")
    press(page, "ArrowRight")
    expect(root).to_have_attribute("aria-expanded", "true")
    expect(root).to_be_focused()
    press(page, "ArrowRight")
    expect(second).to_be_focused()
    press(page, "ArrowLeft")
    expect(root).to_be_focused()
    press(page, "End")
    expect(dialog.locator('[aria-level="2"]').last).to_be_focused()
    press(page, "Home")
    expect(root).to_be_focused()
    press(page, "ArrowDown", "ArrowUp")
    expect(root).to_be_focused()
    page.keyboard.type("fi")
    expect(dialog.locator("[role=treeitem]:focus .name").first).to_contain_text("Fi")
    press(page, "Home", "ArrowDown", "*")
    expect(dialog.locator('[aria-level="2"][aria-expanded=false]')).to_have_count(0)
    press(page, "Enter", "Enter")
    expect(dialog.locator("[data-selected] li")).to_have_count(0)
    assert dialog.locator('[role=treeitem][tabindex="0"]').count() == 1
    press(page, "Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator("#add")).to_be_focused()


def test_a_row_is_removed_and_taken_back(sam: Administrator) -> None:
    sam.make("Removed by keys", "c9")
    page = sam.page
    dialog = open_type(sam, "Audience")
    expect(dialog.get_by_role("searchbox")).to_be_focused()
    press(page, "ArrowDown", "Space")
    accept(sam, dialog)
    finish(sam)
    page.get_by_role("link", name="Assignments", exact=True).click()
    remove = sam.rows.first.locator("a[data-role=remove]")
    tab_to(page, remove)
    expect(remove).to_have_css("opacity", "1")  # seen on focus, not only under the pointer
    press(page, "Enter")
    warning = page.get_by_role("alertdialog", name="Remove assignment")
    expect(warning.get_by_role("link", name="Cancel")).to_be_focused()
    press(page, "Tab", "Enter")
    expect(sam.rows.first.locator("[data-role=undo]")).to_be_focused()
    press(page, "Enter")
    expect(sam.rows.first).not_to_contain_text("To be removed")
    expect(sam.rows.first.locator("[data-role=remove]")).to_be_focused()


def test_an_exception_is_answered_and_a_report_taken_away(sampled: Running, browser: Any) -> None:
    sam = Walker(browser, sampled, SAM, "en")
    page = sam.page
    sam.open("certifications/DATA/exceptions")
    page.locator("[name=person]").first.focus()
    press(page, "Space", "End")  # the last row: the answers come behind it
    tab_to(page, page.get_by_role("button", name="Set realistic due date and assign"))
    press(page, "Enter")
    expect(
        page.get_by_role("status").filter(has_text="1 exception is answered: Set realistic due date")
    ).to_be_focused()
    sam.open("reports/learners")
    tab_to(page, page.locator("summary").filter(has_text="Download"))
    press(page, "Enter", "ArrowDown")
    with page.expect_download() as taken:
        press(page, "Enter")
    assert taken.value.suggested_filename.startswith("learners-")
