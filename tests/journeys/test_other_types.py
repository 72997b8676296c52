"""The user's other lists: positions, audiences, management hierarchy, individuals, groups; and the keyboard alone."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Running
from tests.journeys.test_organisation import Administrator, open_dialog, step

pytestmark = pytest.mark.journey


@pytest.fixture
def sam(running: Running, browser: Any) -> Administrator:
    return Administrator(browser, running)


def begin(sam: Administrator, name: str, kind: str) -> Any:
    sam.make(name, "c9")
    sam.page.locator("#add").click()
    sam.page.get_by_role("link", name=kind, exact=True).click()
    return open_dialog(sam.page)


def accept(page: Page, dialog: Any, sentence: str = "Adding this assignment will enrol") -> Any:
    dialog.get_by_role("button", name="Ok", exact=True).click()
    warning = page.get_by_role("alertdialog", name="Add assignment")
    expect(warning).to_contain_text(sentence)
    warning.get_by_role("button", name="Ok", exact=True).click()
    expect(page.locator("dialog[open]")).to_have_count(0)
    return page.locator("tbody tr")


def save(page: Page) -> None:
    page.locator("#save").click()
    page.get_by_role("dialog", name="Review changes").get_by_role("button", name="Save changes").click()
    page.wait_for_url("**/progress")
    expect(page.locator("#progress")).to_contain_text("enrolled", timeout=10_000)


def test_adding_learners_by_position(sam: Administrator) -> None:
    name = "Adding learners by position"
    with step(f"{name} 2-5: Add…, framework, browse, several selected"):
        dialog = begin(sam, "By position", "Position")
        expect(dialog.get_by_role("heading", name="Add positions to certification")).to_be_visible()
        items = dialog.locator("[role=treeitem][aria-checked]")
        expect(items.nth(1)).to_be_visible()
        items.nth(0).locator("> .row .name").click()
        items.nth(1).locator("> .row .name").click()
        expect(dialog.locator("[data-selected] li")).to_have_count(2)
        sam.see("add-positions")
    with step(f"{name} 6-7: Ok, Ok, Include all below"):
        rows = accept(sam.page, dialog, "Adding these assignments will enrol")
        expect(rows).to_have_count(2)
        rows.first.get_by_label("Include all below").check()
        sam.see("assignments-positions")
    with step(f"{name} 10: Save changes"):
        save(sam.page)


def test_adding_learners_by_audience(sam: Administrator) -> None:
    name = "Adding learners by audience"
    with step(f"{name} 2-4"):
        dialog = begin(sam, "By audience", "Audience")
        expect(dialog.get_by_role("heading", name="Add audiences to certification")).to_be_visible()
        dialog.locator("[role=option]").first.click()
        sam.see("add-audiences")
    with step(f"{name} 5, 8"):
        expect(accept(sam.page, dialog)).to_have_count(1)
        save(sam.page)


def test_adding_learners_by_management_hierarchy(sam: Administrator) -> None:
    name = "Adding learners by management hierarchy"
    with step(f"{name} 2-4"):
        dialog = begin(sam, "By manager", "Management hierarchy")
        expect(dialog.get_by_role("heading", name="Add managers to certification")).to_be_visible()
        dialog.locator("[role=option]").first.click()
        sam.see("add-managers")
    with step(f"{name} 5-6: Include direct team or Include all below"):
        row = accept(sam.page, dialog)
        row.locator("select[name=include]").select_option(label="Include all below")
        expect(row.locator("select[name=include]")).to_have_value("below")
        expect(sam.page.locator("#table [data-say]")).to_contain_text("learners")
        sam.see("assignments-managers")


def test_adding_individual_learners_and_a_pasted_list(sam: Administrator) -> None:
    name = "Adding individual learners"
    with step(f"{name} 2-4"):
        dialog = begin(sam, "Individuals", "Individuals")
        expect(dialog.get_by_role("heading", name="Add individuals to certification")).to_be_visible()
        dialog.get_by_label("Search individuals").fill("muller")
        expect(dialog.locator("mark").first).to_be_visible()
        dialog.locator("[role=option]").first.click()
        dialog.get_by_text("Paste or upload a list").click()
        dialog.get_by_label("Usernames, e-mail addresses").fill("u30@acme.example\nU-31\nnobody@nowhere.example")
        dialog.get_by_role("button", name="Look up").click()
        expect(dialog.locator("[data-pasted]")).to_contain_text("Not found: 1")
        expect(dialog.locator("[data-selected] li")).to_have_count(3)
        sam.see("add-individuals")
    with step(f"{name} 5, 8"):
        expect(accept(sam.page, dialog, "Adding these assignments will enrol 3 learners")).to_have_count(3)
        save(sam.page)


def test_adding_a_group_that_learners_join_themselves(sam: Administrator, running: Running, browser: Any) -> None:
    with step("Adding groups (self-enrolment)"):
        dialog = begin(sam, "Volunteers", "Group (self-enrolment)")
        dialog.get_by_label("Name", exact=True).fill("First aiders")
        dialog.get_by_label("Description").fill("People who help")
        dialog.get_by_label("Allow self-enrolment").check()
        dialog.get_by_label("Allow withdrawal").check()
        sam.see("add-group")
        dialog.get_by_role("button", name="Ok", exact=True).click()
        expect(sam.page.locator("tbody tr")).to_contain_text("Self-enrolment open")
        save(sam.page)
    with step("A learner joins, and leaves"):
        page = browser.new_context().new_page()
        page.goto(f"{running.sandbox}/lti/start?role=learner&person=U-900")
        page.wait_for_url("**/my/certifications")
        page.get_by_role("button", name="Join First aiders").click()
        expect(page.get_by_role("button", name="Leave First aiders")).to_be_visible()
        for _attempt in range(20):
            page.reload()
            if page.get_by_text("Because you joined First aiders").count():
                break
            page.wait_for_timeout(500)
        expect(page.get_by_text("Because you joined First aiders")).to_be_visible()
        page.get_by_role("button", name="Leave First aiders").click()
        expect(page.get_by_role("button", name="Join First aiders")).to_be_visible()


def test_the_keyboard_alone_assigns_an_organisation(sam: Administrator) -> None:
    sam.make("By keyboard", "c9")
    page = sam.page
    page.locator("#add").focus()
    for key in ("ArrowDown", "Enter"):
        page.keyboard.press(key)
    dialog = open_dialog(page)
    expect(dialog.locator('[aria-level="2"]').first).to_be_visible()
    expect(dialog.get_by_label("Organisational framework")).to_be_focused()
    page.keyboard.press("Tab")
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "Space", "End", "Home"):
        page.keyboard.press(key)
    expect(dialog.locator("[data-selected] li")).to_have_count(1)
    expect(page.locator("#live")).to_contain_text("added to selected items. 1 selected.")
    dialog.get_by_role("button", name="Ok", exact=True).focus()
    page.keyboard.press("Enter")
    expect(
        page.get_by_role("alertdialog", name="Add assignment").get_by_role("button", name="Ok", exact=True)
    ).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr [data-role=due]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Assignment due date")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("tbody tr [data-role=due]")).to_be_focused()


def test_a_session_that_ends_in_mid_edit_says_so_and_keeps_the_draft(sam: Administrator) -> None:
    dialog = begin(sam, "Ended", "Audience")
    dialog.locator("[role=option]").first.click()
    accept(sam.page, dialog)
    sam.page.route("**/assignments/due*", lambda route: route.fulfill(status=401, body="ended"))
    sam.page.locator("[data-role=due]").click()
    expect(sam.page.get_by_role("alert")).to_contain_text("Your session has ended. Open this page again")
    expect(sam.page.locator("tbody tr")).to_contain_text("New")


def test_forced_colours_and_reduced_motion(sam: Administrator) -> None:
    sam.page.emulate_media(forced_colors="active", reduced_motion="reduce")
    dialog = begin(sam, "Forced colours", "Organisation")
    dialog.locator('[aria-level="2"] > .row .name').first.click()
    sam.see("forced-colours")


def test_the_tab_is_light(sam: Administrator) -> None:
    sam.make("Light", "c9")
    wire = sam.page.context.new_cdp_session(sam.page)
    wire.send("Network.enable")
    wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
    loaded: list[int] = []
    wire.on("Network.loadingFinished", lambda event: loaded.append(int(event["encodedDataLength"])))
    sam.page.reload(wait_until="networkidle")
    # What an earlier page had under way ends with nothing transferred; only what came over the wire counts.
    assert len([size for size in loaded if size]) <= 8
    assert sum(loaded) <= 40_000
