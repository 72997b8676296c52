"""The user's words on groups and on both warnings, sentence by sentence."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.administrator import Administrator, follows, number, reload, roster, unit_for
from tests.journeys.conftest import Running
from tests.journeys.lists import Walk

pytestmark = pytest.mark.journey


@pytest.fixture
def sam(running: Running, browser: Any) -> Administrator:
    return Administrator(browser, running)


def learner(browser: Any, running: Running, person: str) -> Page:
    """A learner's first page."""
    page: Page = browser.new_context(viewport={"width": 1100, "height": 900}, locale="en-GB").new_page()
    page.goto(f"{running.sandbox}/lti/start?role=learner&person={person}")
    page.wait_for_url("**/my/certifications")
    return page


def until(page: Page, seen: Callable[[], bool]) -> None:
    """Reload until something is on the page."""
    for _attempt in range(80):
        if seen():
            return
        page.wait_for_timeout(400)
        reload(page)
    raise AssertionError(page.locator("main").inner_text())


def test_what_the_document_says_before_the_lists(sam: Administrator, running: Running) -> None:
    page = sam.page
    with Walk("Assign learners to a certification") as walk:
        with walk.step(1, "assign by organisation, position, audience, management hierarchy, individually"):
            sam.make("Everything", "c11")
            page.locator("#add").click()
            offered = page.locator("[data-menu] ul a").all_inner_texts()
            assert offered == [
                "Organisation", "Position", "Audience", "Management hierarchy", "Individuals", "Group (self-enrolment)",
            ]  # fmt: skip
            page.keyboard.press("Escape")
        with walk.step(2, "once learners are assigned they can enrol in each selected course"):
            dialog = sam.add("Individuals")
            sam.search(dialog, "Search individuals", "user00033")
            dialog.locator("[role=option]").first.click()
            sam.accept(dialog, "Adding this assignment will enrol 1 learner to this certification")
            sam.save()
            follows(running, "c11", lambda people: people == {"U-33"})
        with walk.step(3, "open the Assignments tab in the relevant certification"):
            sam.find("Everything")
            page.get_by_role("link", name="Everything", exact=True).click()
            expect(page).to_have_title("Assignments – Everything")
        with walk.step(4, "review which notifications are active and how many users will receive them"):
            notice = page.get_by_role("note").first
            expect(notice).to_contain_text(
                "Before assigning users to a certification, we strongly recommend reviewing the associated notifications."
            )
            expect(notice).to_contain_text("1 notification is sent as soon as learners are assigned.")
            notice.get_by_role("link", name="Review notifications").click()
            expect(page.get_by_role("columnheader", name="Would reach now")).to_be_visible()
            sam.see("notifications")


def test_adding_groups(sam: Administrator, running: Running, browser: Any) -> None:
    page, course, joiner, held = sam.page, "c6", "U-900", "U-34"
    with Walk("Adding groups (self-enrolment)") as walk:
        with walk.step(1, "a group lets learners add themselves when self-enrolment is enabled for it"):
            sam.make("Volunteers", course)
            dialog = sam.add("Group (self-enrolment)")
            dialog.get_by_label("Name", exact=True).fill("First aiders")
            dialog.get_by_label("Description").fill("People who help")
            dialog.get_by_label("Allow self-enrolment").check()
            dialog.get_by_label("Allow withdrawal").check()
            sam.see_everywhere("add-group")
            dialog.get_by_role("button", name="Ok", exact=True).click()
            expect(sam.rows).to_contain_text("Self-enrolment open")
            expect(page.get_by_role("alertdialog")).to_have_count(0)  # the warning is for removals only
            dialog = sam.add("Group (self-enrolment)")
            dialog.get_by_label("Name", exact=True).fill("By invitation")
            dialog.get_by_role("button", name="Ok", exact=True).click()
            expect(sam.row("group:By invitation")).to_contain_text("Self-enrolment closed")
            sam.row("group:By invitation").locator("[data-role=group]").click()
            expect(page.get_by_role("dialog", name="Change group")).to_be_visible()
            sam.see_everywhere("change-group")
            page.keyboard.press("Escape")
            dialog = sam.add("Individuals")
            sam.search(dialog, "Search individuals", "user00034")
            dialog.locator("[role=option]").first.click()
            sam.accept(dialog, "Adding this assignment will enrol 1 learner")
            sam.due(sam.row("group:First aiders"), "2031-11-30")
            sam.save()
        with walk.step(2, "both enrolment and optional withdrawal, depending on the group's settings"):
            ann = learner(browser, running, joiner)
            expect(ann.get_by_text("People who help")).to_be_visible()
            expect(ann.get_by_text("By invitation")).to_have_count(0)
            ann.get_by_role("button", name="Join First aiders").click()
            until(ann, lambda: ann.get_by_text("Because you joined First aiders").count() > 0)
            follows(running, course, lambda people: joiner in people)
            ann.get_by_role("link", name="Leave First aiders").click()
            ann.get_by_role("alertdialog", name="Leave First aiders").get_by_role("button", name="Leave").click()
            expect(ann.get_by_role("button", name="Join First aiders")).to_be_visible()
            follows(running, course, lambda people: joiner not in people)
            ann.get_by_role("button", name="Join First aiders").click()
        with walk.step(3, "others can still self-enrol, but cannot withdraw from their non-group assignment"):
            bea = learner(browser, running, held)
            until(bea, lambda: bea.get_by_text("Because you were assigned individually").count() > 0)
            bea.get_by_role("button", name="Join First aiders").click()
            until(bea, lambda: bea.get_by_text("Because you joined First aiders").count() > 0)
            expect(bea.get_by_text("You stay enrolled when you leave")).to_be_visible()
            bea.get_by_role("link", name="Leave First aiders").click()
            bea.get_by_role("alertdialog", name="Leave First aiders").get_by_role("button", name="Leave").click()
            until(bea, lambda: bea.get_by_text("Because you joined First aiders").count() == 0)
            expect(bea.get_by_text("Because you were assigned individually")).to_be_visible()
            assert held in roster(running, course)
        with walk.step(4, "alongside other types, the same due dates, exceptions and rules"):
            until(ann, lambda: ann.get_by_text(re.compile("(30 Nov|1 Dec) 2031")).count() > 0)  # as it is where she is
        with walk.step(5, "administrators manage members directly; self-enrolled users are added by themselves"):
            sam.page.get_by_role("link", name="Assignments", exact=True).click()
            sam.row("group:First aiders").locator(".number a").click()
            expect(page.locator("tbody")).to_contain_text("user00900")
            page.get_by_label("Username, e-mail address or ID number").fill("user00035")
            page.get_by_role("button", name="Add to the group").click()
            warning = page.get_by_role("alertdialog", name="Add to the group")
            expect(warning).to_contain_text("This happens at once, without Save changes.")
            sam.see("add-to-the-group")
            warning.get_by_role("button", name="Ok", exact=True).click()
            until(page, lambda: page.locator("tbody").get_by_text("user00035").count() > 0)
            follows(running, course, lambda people: "U-35" in people)
            sam.see("group-members")
        with walk.step(6, "reports have the columns assignment type and assignment name"):
            page.get_by_role("link", name="Show all learners").click()
            expect(page.get_by_role("columnheader", name="Assignment type")).to_be_visible()
            expect(page.get_by_role("columnheader", name="Assignment name")).to_be_visible()
            with page.expect_download() as download:
                page.get_by_role("link", name="Download as CSV").click()
            text = download.value.path().read_text(encoding="utf-8-sig")
            lines = list(csv.DictReader(io.StringIO(text)))
            one = next(line for line in lines if line["ID"] == joiner)
            assert (one["Assignment type"], one["Assignment name"]) == ("Group (self-enrolment)", "First aiders")
    sam.page = ann
    sam.picture("my-certifications")


def test_adding_warns(sam: Administrator, running: Running) -> None:
    unit, before = unit_for(running), roster(running, "c8")
    with Walk("Adding assignments") as walk:
        with walk.step(1, "a prompt: will enrol X learners except where they are enrolled already"):
            sam.make("Warned", "c8")
            dialog = sam.add("Organisation")
            sam.search(dialog, "Search organisations", unit["name"])
            dialog.locator(f'[role=option][data-id="{unit["id"]}"]').click()
            dialog.locator("[role=option]:not([aria-selected=true])").first.click()
            dialog.get_by_role("button", name="Ok", exact=True).click()
            warning = sam.page.get_by_role("alertdialog", name="Add assignment")
            expect(warning).to_contain_text("Adding these assignments will enrol")
            expect(warning).to_contain_text("learners to this certification except where they are enrolled already.")
            x = number(warning.locator("#confirm-text p").first.inner_text())
            parts = [int(one.replace(",", "")) for one in warning.locator(".truth strong").all_inner_texts()]
            assert x == sum(parts)
            expect(warning).to_contain_text("if you include all below")
            sam.see("warning-adding")
        with walk.step(2, "choose Ok or Cancel the change before it takes effect"):
            warning.get_by_role("link", name="Cancel").click()
            dialog.get_by_role("link", name="Cancel").click()
            expect(sam.page.get_by_role("heading", name="No assignments yet")).to_be_visible()
            assert roster(running, "c8") == before


def test_removing_warns(sam: Administrator, running: Running) -> None:
    unit, page = unit_for(running), sam.page
    with Walk("Removing assignments") as walk:
        with walk.step(1, "a prompt: will withdraw X learners except where they have another assignment"):
            sam.make("Removed", "c1")
            dialog = sam.add("Organisation")
            sam.search(dialog, "Search organisations", unit["name"])
            dialog.locator(f'[role=option][data-id="{unit["id"]}"]').click()
            sam.accept(dialog, f"Adding this assignment will enrol {unit['direct']} learners")
            row = sam.row(f"organisation:{unit['id']}")
            row.get_by_label("Include all below").check()
            expect(row.locator(".number")).to_have_text(str(unit["below"]))
            enrolled = sam.save()
            page.get_by_role("link", name="Assignments", exact=True).click()
            sam.see_everywhere("assignments")
            page.mouse.move(1, 1)
            icon = row.locator("a[data-role=remove]")
            expect(icon).to_have_css("opacity", "0.6")  # quiet, and seen without a mouse too
            row.hover()
            expect(icon).to_have_css("opacity", "1")
            icon.click()
            warning = page.get_by_role("alertdialog", name="Remove assignment")
            expect(warning).to_contain_text(
                f"This will withdraw {unit['below']} learners from this certification"
                " except where they have another assignment."
            )
            parts = [int(one.replace(",", "")) for one in warning.locator(".truth strong").all_inner_texts()]
            assert sum(parts) == unit["below"]
            sam.picture("remove")
        with walk.step(2, "choose to Remove the assignment or Cancel before it is removed"):
            warning.get_by_role("link", name="Cancel").click()
            expect(row).not_to_contain_text("To be removed")
            row.hover()
            icon.click()
            warning.get_by_role("button", name="Remove").click()
            expect(row).to_contain_text("To be removed")
            sam.picture("assignments-removed")
            review = sam.review()
            sam.picture("review-guard")
            review.get_by_role("button", name="Save changes").click()
            expect(review.get_by_role("alert")).to_contain_text("withdrawal guard")
            review.get_by_label("Type the number to confirm").fill(str(enrolled))
            review.get_by_role("button", name="Save changes").click()
            page.wait_for_url("**/progress")
            follows(running, "c1", lambda people: not people)


def test_every_type_warns(sam: Administrator, running: Running) -> None:
    page = sam.page

    def warned(kind: str) -> str:
        """Add the first one on offer; returns what the warning said."""
        dialog = sam.add(kind)
        items = "[role=treeitem][aria-checked]:not([aria-disabled]) > .row .name, [role=option]:not([aria-disabled])"
        dialog.locator(items).first.click()
        dialog.get_by_role("button", name="Ok", exact=True).click()
        warning = page.get_by_role("alertdialog", name="Add assignment")
        expect(warning).to_contain_text("except where they are enrolled already.")
        text = warning.inner_text()
        warning.get_by_role("button", name="Ok", exact=True).click()
        expect(page.locator("dialog[open]")).to_have_count(0)
        return text

    with Walk("These warnings will apply to all assignment types") as walk:
        sam.make("All types", "c12")
        with walk.step(1, "organisations"):
            warned("Organisation")
        with walk.step(2, "positions"):
            warned("Position")
        with walk.step(3, "audiences"):
            warned("Audience")
        with walk.step(4, "management hierarchy; and individuals, whose steps go through the same pop-up"):
            warned("Management hierarchy")
            warned("Individuals")
        with walk.step(5, "groups, for removals only"):
            dialog = sam.add("Group (self-enrolment)")
            dialog.get_by_label("Name", exact=True).fill("Helpers")
            dialog.get_by_role("button", name="Ok", exact=True).click()
            expect(page.locator("dialog[open]")).to_have_count(0)
            sam.save()
            page.get_by_role("link", name="Assignments", exact=True).click()
            expect(sam.rows).to_have_count(6)
            sam.picture("assignments-all-types")
            for position in range(6):
                sam.rows.nth(position).hover()
                sam.rows.nth(position).locator("a[data-role=remove]").click()
                warning = page.get_by_role("alertdialog", name="Remove assignment")
                expect(warning).to_contain_text("This will withdraw")
                expect(warning).to_contain_text("except where they have another assignment.")
                warning.get_by_role("link", name="Cancel").click()


def test_a_request_that_waits_is_seen_as_one(sam: Administrator, running: Running, browser: Any) -> None:
    sam.make("By request", "c9")
    dialog = sam.add("Group (self-enrolment)")
    dialog.get_by_label("Name", exact=True).fill("Late risers")
    dialog.get_by_label("Allow self-enrolment").check()
    dialog.get_by_role("button", name="Ok", exact=True).click()
    sam.due(sam.row("group:Late risers"), "2020-01-31")  # who joins has no time left: an exception asks
    sam.commit(sam.review())
    sam.enrolled()
    hers = learner(browser, running, "U-901")
    hers.get_by_role("button", name="Join Late risers").click()
    until(hers, lambda: hers.get_by_text("Your request waits for an administrator").count() > 0)
    expect(hers.get_by_role("button", name="Cancel your request")).to_be_visible()
    sam.page = hers
    sam.see_everywhere("request")
