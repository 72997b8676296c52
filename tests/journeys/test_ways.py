"""Ways through the tab beside the lists: without scripts, by address, in a tab of its own, after the session ended."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.journeys.administrator import WITHIN, Administrator, open_dialog
from tests.journeys.conftest import Running

pytestmark = pytest.mark.journey


@pytest.fixture
def sam(running: Running, browser: Any) -> Administrator:
    return Administrator(browser, running)


def test_everything_works_without_scripts(running: Running, browser: Any) -> None:
    sam = Administrator(browser, running)  # the platform's own launch needs scripts
    state = sam.page.context.storage_state()
    page = browser.new_context(java_script_enabled=False, storage_state=state, locale="en-GB").new_page()
    page.goto(sam.page.url)
    sam.page = page
    page.get_by_role("link", name="New certification").first.click()
    page.get_by_label("Name", exact=True).fill("Plain")
    page.get_by_role("button", name="Create").click()
    page.locator("#add").click()
    page.get_by_role("link", name="Organisation", exact=True).click()
    expect(page.locator("[role=tree]")).to_be_hidden()
    page.get_by_role("button", name="Open Acme Group").click()
    page.get_by_role("checkbox", name="Retail").check()
    page.get_by_role("button", name="Open Retail").click()
    expect(page.get_by_role("checkbox", name="Retail").first).to_be_checked()  # carried along
    page.locator("p input[type=checkbox][name=target]:not(:checked)").first.check()
    page.get_by_role("button", name="Up", exact=True).click()
    page.get_by_role("button", name="Ok", exact=True).click()
    expect(page.get_by_text("Adding these assignments will enrol")).to_be_visible()
    page.get_by_role("button", name="Ok", exact=True).click()
    expect(sam.rows).to_have_count(2)
    row = sam.rows.filter(has_text="Retail").last
    row.locator("[data-role=include]").check()
    row.get_by_role("button", name="Apply").click()
    expect(sam.rows.locator("input:checked")).to_have_count(1)
    sam.rows.first.locator("[data-role=due]").click()
    page.get_by_label("Fixed completion date").check()
    page.get_by_label("Date", exact=True).fill("2031-03-31")
    page.get_by_role("button", name="Set due date").click()
    expect(sam.rows.first).to_contain_text("31 March 2031")
    page.locator("#save").click()
    expect(page.get_by_text("Newly enrolled")).to_be_visible()
    page.get_by_role("button", name="Save changes").click()
    expect(page.locator("#progress")).to_be_visible()


def test_what_the_table_shows_is_in_the_address(sam: Administrator) -> None:
    page = sam.page
    sam.make("Addressed", "c9")
    for kind, at in (("Audience", 0), ("Audience", 1), ("Individuals", 0)):
        dialog = sam.add(kind)
        dialog.locator("[role=option]:not([aria-disabled])").nth(at).click()
        sam.accept(dialog, "will enrol")
    expect(sam.rows).to_have_count(3)
    page.get_by_role("columnheader", name="Learners").get_by_role("link").click()
    page.wait_for_url("**sort=learners")
    expect(page.get_by_role("columnheader", name="Learners")).to_have_attribute("aria-sort", "ascending")
    page.get_by_label("Assignment type").select_option("audience")
    expect(sam.rows).to_have_count(2)
    assert "type=audience" in page.url
    assert "sort=learners" in page.url
    page.get_by_label("State", exact=True).select_option("changed")
    expect(page.get_by_text("No assignments match this filter.")).to_be_visible()
    sam.see("no-match")
    page.get_by_label("State", exact=True).select_option("new")
    page.get_by_label("Search assignments").fill("audience")
    page.wait_for_url("**q=audience**")
    expect(sam.rows).to_have_count(2)
    expect(sam.rows.first).to_contain_text("Audience")
    shown, address = sam.rows.all_inner_texts(), page.url
    page.goto(address)
    assert sam.rows.all_inner_texts() == shown
    expect(page.get_by_label("Search assignments")).to_have_value("audience")
    sam.rows.first.get_by_role("button", name="Remove").click()
    expect(sam.rows).to_have_count(len(shown) - 1 or 1)
    assert page.url == address  # an edit leaves the reader where she was


def test_a_manager_who_is_gone_is_followed_by_another(sam: Administrator, running: Running) -> None:
    page = sam.page
    sam.make("Successor", "c9")
    dialog = sam.add("Management hierarchy")
    option = dialog.locator("[role=option]").nth(20)
    job = option.get_attribute("data-id")
    option.click()
    sam.accept(dialog, "will enrol")
    sam.save()
    running.act("delete-job", job=job)
    page.get_by_role("link", name="Assignments", exact=True).click()
    row = sam.row(f"manager:{job}")
    for _attempt in range(WITHIN * 2):
        if row.get_by_role("link", name="Choose a successor").count():
            break
        page.wait_for_timeout(500)
        sam.reload()
    sam.see_everywhere("missing-manager")
    row.get_by_role("link", name="Choose a successor").click()
    dialog = open_dialog(page)
    expect(dialog.get_by_role("heading")).to_contain_text(["Choose a successor for"])
    options = dialog.locator("[role=option]:not([aria-disabled])")
    options.nth(0).click()
    options.nth(1).click()
    expect(dialog.locator("[data-selected] li")).to_have_count(1)  # one follows, not two
    dialog.get_by_role("button", name="Ok", exact=True).click()
    asked = page.get_by_role("alertdialog", name="Choose a successor")
    expect(asked).to_contain_text("with the same settings")
    sam.see("successor")
    asked.get_by_role("button", name="Ok", exact=True).click()
    expect(row).to_contain_text("To be removed")
    expect(sam.rows.first).to_contain_text("New")


def test_out_of_the_frame_into_a_tab_of_its_own(running: Running, browser: Any) -> None:
    page: Page = browser.new_context(viewport={"width": 1200, "height": 800}, locale="en-GB").new_page()
    page.goto(f"{running.sandbox}/muster/administrator/U-1")
    frame: FrameLocator = page.frame_locator("#tool")
    frame.get_by_role("link", name="New certification").first.click()
    with page.expect_popup() as opened:
        frame.get_by_role("button", name="Open in a new tab").click()
    tab = opened.value
    expect(tab.get_by_role("heading", name="New certification")).to_be_visible()
    expect(tab.get_by_role("button", name="Open in a new tab")).to_have_count(0)
    assert tab.evaluate("window.opener === null")


def test_after_a_session_ended_the_way_back_leads_to_the_unsaved_changes(sam: Administrator, running: Running) -> None:
    page = sam.page
    sam.make("Interrupted", "c9")
    dialog = sam.add("Audience")
    dialog.locator("[role=option]").first.click()
    sam.accept(dialog, "will enrol")
    page.context.clear_cookies()  # the cookie of the session is gone: it has ended for this browser
    page.locator("[data-role=due]").click()
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text("Your session has ended.")
    expect(sam.rows).to_contain_text("New")
    sam.see_everywhere("ended")
    expect(notice.get_by_role("link", name="Back to your learning site")).to_have_attribute(
        "href", f"{running.sandbox}/"
    )
    page.reload()
    expect(page.get_by_role("link", name="Back to your learning site")).to_be_visible()
    page.goto(f"{running.sandbox}/lti/start?role=administrator&person=U-1")
    page.wait_for_url("**/home")
    line = page.get_by_role("listitem").filter(has_text="Interrupted")
    expect(line).to_contain_text("Your unsaved changes")
    sam.see_everywhere("home-unsaved")
    line.get_by_role("link").first.click()
    expect(sam.rows).to_contain_text("New")


def test_a_program_is_called_a_program(sam: Administrator) -> None:
    sam.make("Induction", "c9", kind="program")
    expect(sam.page.get_by_role("note").first).to_contain_text("Before assigning users to a program, we strongly")
    dialog = sam.add("Audience")
    expect(dialog.get_by_role("heading", name="Add audiences to program")).to_be_visible()
    dialog.locator("[role=option]").first.click()
    sam.accept(dialog, "learners to this program except where they are enrolled already.")
    sam.see("program")


def test_what_a_form_held_when_the_session_ended_is_back_for_whoever_filled_it_in(
    sam: Administrator, running: Running
) -> None:
    page = sam.page
    sam.make("Filled in", "c9")
    details = re.sub(r".*/t/[^/]+", "", page.url).replace("/assignments", "/details")

    def come_in(person: str) -> None:
        page.goto(f"{running.sandbox}/lti/start?role=administrator&person={person}")
        page.wait_for_url("**/t/**")
        page.goto(re.sub(r"(/t/[^/]+).*", rf"\1{details}", page.url))

    page.get_by_role("link", name="Details", exact=True).click()
    page.get_by_label("Category (optional)").fill("Health")
    page.get_by_label("Name", exact=True).fill("Filled in at length")
    page.context.clear_cookies()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("What you had not saved yet of a certification is kept")).to_be_visible()
    come_in("U-6")
    expect(page.get_by_label("Category (optional)")).to_have_value("")
    come_in("U-1")
    expect(page.get_by_role("status").filter(has_text="is back in this form")).to_be_visible()
    expect(page.get_by_label("Category (optional)")).to_have_value("Health")
    page.get_by_role("button", name="Save changes").click()
    page.wait_for_url("**saved=1**")
    page.goto(page.url)
    expect(page.get_by_label("Name", exact=True)).to_have_value("Filled in at length")
    expect(page.get_by_text("is back in this form")).to_be_hidden()
