"""Every state the Assignments tab can be in: empty, loading, failing, read-only, ended, missing at the host, narrow."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.journeys.administrator import WITHIN, Administrator, unit_for
from tests.journeys.conftest import Running

pytestmark = pytest.mark.journey


@pytest.fixture
def sam(running: Running, browser: Any) -> Administrator:
    return Administrator(browser, running)


def choose_first(sam: Administrator, kind: str, at: int = 0) -> None:
    """Add one target of a flat list."""
    dialog = sam.add(kind)
    dialog.locator("[role=option]:not([aria-disabled])").nth(at).click()
    sam.accept(dialog, "will enrol")


def test_while_a_branch_loads_its_unit_is_busy(sam: Administrator) -> None:
    sam.make("Loading", "c9")
    dialog = sam.add("Organisation")
    expect(dialog.locator('[aria-level="2"]').first).to_be_visible()
    waiting: list[Route] = []
    sam.page.route("**/f/tree/**", lambda route: waiting.append(route))
    closed = dialog.locator('[aria-level="2"][aria-expanded=false]').first
    node = dialog.locator(f'[role=treeitem][data-id="{closed.get_attribute("data-id")}"]')
    node.locator("> .row .twisty").click()
    expect(node).to_have_attribute("aria-busy", "true")
    sam.see_everywhere("loading")
    waiting[0].continue_()
    expect(node).to_have_attribute("aria-expanded", "true")
    expect(node).not_to_have_attribute("aria-busy", "true")


def test_what_fails_says_so_in_place_and_can_be_tried_again(sam: Administrator) -> None:
    sam.make("Failing", "c9")
    dialog = sam.add("Organisation")
    expect(dialog.locator('[aria-level="2"]').first).to_be_visible()
    sam.page.route("**/f/search/**", lambda route: route.fulfill(status=500, body="no"))
    dialog.get_by_label("Search organisations").fill("retail")
    notice = dialog.get_by_role("alert")
    expect(notice).to_contain_text("could not be loaded")
    sam.picture("error")
    sam.page.unroute("**/f/search/**")
    notice.get_by_role("button", name="Try again").click()
    expect(dialog.locator("[role=option] mark").first).to_be_visible()
    expect(notice).to_have_count(0)


def test_an_archived_certification_can_be_looked_at_and_not_changed(sam: Administrator) -> None:
    sam.make("Archived", "c9")
    choose_first(sam, "Audience")
    sam.save()
    address = re.sub(r"/progress.*", "", sam.page.url)
    sam.page.goto(f"{address}/details")
    sam.page.get_by_label("Availability").select_option("archived")
    sam.page.get_by_role("button", name="Save changes").click()
    sam.page.wait_for_url(re.compile("/(review|details.*)$"))
    if sam.page.url.endswith("/review"):
        sam.page.get_by_role("button", name="Save changes").click()
        sam.page.wait_for_url("**/progress")
    sam.page.goto(f"{address}/assignments")
    expect(sam.page.get_by_text("Archived: read only")).to_be_visible()
    expect(sam.page.locator("#add")).to_have_count(0)
    expect(sam.page.locator("[data-role=remove]")).to_have_count(0)
    sam.picture("read-only")


def test_a_target_the_host_deletes_leaves_its_row_and_its_learners(sam: Administrator, running: Running) -> None:
    units: Any = running.world("units")
    unit = next(one for one in reversed(units) if not one["children"] and 2 <= one["direct"] <= 9)
    sam.make("Missing", "c9")
    dialog = sam.add("Organisation")
    sam.search(dialog, "Search organisations", unit["name"])
    dialog.locator(f'[role=option][data-id="{unit["id"]}"]').click()
    sam.accept(dialog, "Adding this assignment will enrol")
    sam.save()
    running.act("delete-unit", unit=unit["id"])
    sam.page.get_by_role("link", name="Assignments", exact=True).click()
    row = sam.row(f"organisation:{unit['id']}")
    for _attempt in range(WITHIN * 2):
        if row.get_by_text("Missing at the host").count():
            break
        sam.page.wait_for_timeout(500)
        sam.reload()
    expect(row).to_contain_text("Missing at the host")
    sam.picture("missing")


def test_a_session_that_ends_in_mid_edit_says_so_and_keeps_the_draft(sam: Administrator, running: Running) -> None:
    sam.make("Ended", "c9")
    choose_first(sam, "Audience")
    sam.page.route("**/assignments/due*", lambda route: route.fulfill(status=401, body="ended"))
    sam.page.locator("[data-role=due]").click()
    expect(sam.page.get_by_role("alert")).to_contain_text("Your session has ended. Open this page again")
    sam.see("ended")
    expect(sam.rows).to_contain_text("New")


def test_forced_colours_and_reduced_motion(sam: Administrator) -> None:
    sam.page.emulate_media(forced_colors="active", reduced_motion="reduce")
    sam.make("Forced colours", "c9")
    dialog = sam.add("Organisation")
    dialog.locator('[aria-level="2"] > .row .name').first.click()
    sam.see_everywhere("forced-colours")
    moving = dialog.locator(".twisty").first.evaluate("one => getComputedStyle(one, '::before').transitionDuration")
    assert moving == "0s"


def test_the_whole_page_mirrors_and_arrow_keys_with_it(sam: Administrator) -> None:
    sam.make("Mirrored", "c10")
    page = sam.page
    page.evaluate("document.documentElement.dir = 'rtl'")
    dialog = sam.add("Organisation")
    expect(dialog.locator('[aria-level="2"]').first).to_be_visible()
    dialog.locator('[aria-level="2"][aria-expanded]').first.focus()
    page.keyboard.press("ArrowLeft")
    expect(dialog.locator('[aria-level="3"]').first).to_be_visible()
    sam.see_everywhere("mirrored")
    page.keyboard.press("ArrowRight")
    expect(dialog.locator('[aria-level="3"]').first).to_be_hidden()


def test_the_tab_is_light(sam: Administrator) -> None:
    sam.make("Light", "c9")
    wire = sam.page.context.new_cdp_session(sam.page)
    wire.send("Network.enable")
    wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
    loaded: list[int] = []
    wire.on("Network.loadingFinished", lambda event: loaded.append(int(event["encodedDataLength"])))
    sam.page.reload(wait_until="networkidle")
    # What an earlier page had under way ends with nothing transferred; only what came over the wire counts.
    assert len([size for size in loaded if size]) <= 12
    assert sum(loaded) <= 40_000


@pytest.mark.parametrize("width", [700, 390])
def test_every_tab_fits_narrow_frames(running: Running, browser: Any, width: int) -> None:
    sam = Administrator(browser, running, width=width)
    sam.make(f"First aid {width}", "c10")
    dialog = sam.add("Organisation")
    unit = unit_for(running)
    sam.search(dialog, "Search organisations", unit["name"])
    dialog.locator(f'[role=option][data-id="{unit["id"]}"]').click()
    sam.accept(dialog, "will enrol")
    expect(sam.row(f"organisation:{unit['id']}")).to_be_visible()
    sam.review()
    for tab in ("Overview", "Details", "Learners", "Exceptions", "Notifications", "History"):
        sam.page.goto(sam.page.url.rsplit("/", 1)[0] + f"/{tab.lower()}")
        sam.see(f"{tab.lower()}-{width}")
