"""The user's lists for positions, audiences, management hierarchy and individuals, step by step."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.administrator import Administrator, follows, open_dialog, roster, unit_for
from tests.journeys.conftest import Running
from tests.journeys.lists import Walk

pytestmark = pytest.mark.journey


@pytest.fixture
def sam(running: Running, browser: Any) -> Administrator:
    return Administrator(browser, running)


def test_adding_learners_by_position(sam: Administrator, running: Running) -> None:
    unit = unit_for(running, "position")
    with Walk("Adding learners by position") as walk:
        with walk.step(1, "navigate to the certification and select the Assignments tab"):
            sam.make("By position", "c2")
            sam.open_tab("Assignments")
        with walk.step(2, "select Position from the Add… dropdown menu"):
            dialog = sam.add("Position")
            expect(dialog.get_by_role("heading", name="Add positions to certification")).to_be_visible()
        with walk.step(3, "select the required position framework from the dropdown box"):
            dialog.get_by_label("Position framework").select_option(index=0)
        with walk.step(4, "browse through the position list or search for a specific position"):
            expect(dialog.locator("[role=treeitem][aria-checked]").first).to_be_visible()
            sam.see_everywhere("add-positions")
            sam.search(dialog, "Search positions", unit["name"])
        with walk.step(5, "select the name of each position; they appear under the Selected items"):
            dialog.locator(f'[role=option][data-id="{unit["id"]}"]').click()
            expect(dialog.locator("[data-selected] li")).to_have_count(1)
        with walk.step(6, "select Ok, then select Ok from the Add assignment pop-up, or Cancel to exit"):
            sam.accept(dialog, f"Adding this assignment will enrol {unit['direct']} learners to this certification")
        with walk.step(7, "select Include all below"):
            row = sam.row(f"position:{unit['id']}")
            row.get_by_label("Include all below").check()
            expect(row.locator(".number")).to_have_text(f"{unit['below']:,}")
        with walk.step(8, "enter an Assignment due date"):
            sam.due(row, "2031-01-31")
        with walk.step(9, "repeat steps 2-6 to add another position, and its due date"):
            dialog = sam.add("Position")
            sam.search(dialog, "Search positions", unit["name"])
            taken = dialog.locator(f'[role=option][data-id="{unit["id"]}"]')
            expect(taken).to_contain_text("Already assigned")
            taken.click(force=True)
            expect(dialog.locator("[data-selected] li")).to_have_count(0)  # cannot be added twice
            dialog.get_by_label("Search positions").fill("")
            free = dialog.locator("[role=treeitem][aria-checked]:not([aria-disabled])").last
            # The list may still change under `last`: what is clicked is found by its own id.
            identity = free.get_attribute("data-id")
            node = dialog.locator(f'[role=treeitem][data-id="{identity}"]')
            node.locator("> .row .name").click()
            expect(node).to_have_attribute("aria-checked", "true")
            key = f"position:{identity}"
            sam.accept(dialog, "Adding this assignment will enrol")
            sam.due(sam.row(key), "2031-02-28")
        with walk.step(10, "select Save changes"):
            enrolled = sam.save()
            follows(running, "c2", lambda people: len(people) == enrolled >= unit["below"] * 0.9)


def test_adding_learners_by_audience(sam: Administrator, running: Running) -> None:
    with Walk("Adding learners by audience") as walk:
        with walk.step(1, "navigate to the certification and select the Assignments tab"):
            before = roster(running, "c3")  # other journeys use the course too
            sam.make("By audience", "c3")
            sam.open_tab("Assignments")
        with walk.step(2, "select Audience from the Add… dropdown menu"):
            dialog = sam.add("Audience")
            expect(dialog.get_by_role("heading", name="Add audiences to certification")).to_be_visible()
        with walk.step(3, "browse through the audience list or search for a specific audience"):
            expect(dialog.locator("[role=option]").nth(1)).to_be_visible()
            sam.see_everywhere("add-audiences")
            dialog.get_by_label("Search audiences").fill("zzz")
            expect(dialog.get_by_text("No audiences match “zzz”.")).to_be_visible()
            sam.see("add-audiences-no-match")
            dialog.get_by_label("Search audiences").fill("night")
            expect(dialog.locator("[role=option]")).to_have_count(1)
        with walk.step(4, "select the name of each audience; they appear under the Selected items"):
            dialog.locator("[role=option]").click()
            expect(dialog.locator("[data-selected] li")).to_contain_text("Night workers")
        with walk.step(5, "select Ok, then select Ok from the Add assignment pop-up, or Cancel to exit"):
            sam.accept(dialog, "Adding this assignment will enrol")
            row = sam.rows.filter(has_text="Night workers")
        with walk.step(6, "enter an Assignment due date"):
            sam.due(row, "2031-04-30")
        with walk.step(7, "repeat steps 2-6 to add another audience, and its due date"):
            dialog = sam.add("Audience")
            sam.search(dialog, "Search audiences", "drivers")
            dialog.locator("[role=option]").first.click()
            sam.accept(dialog, "Adding this assignment will enrol")
            sam.due(sam.rows.filter(has_text="Drivers"), "2031-05-31")
        with walk.step(8, "select Save changes"):
            enrolled = sam.save()
            follows(running, "c3", lambda people: len(people - before) == enrolled)


def test_adding_learners_by_management_hierarchy(sam: Administrator, running: Running) -> None:
    with Walk("Adding learners by management hierarchy") as walk:
        with walk.step(1, "navigate to the certification and select the Assignments tab"):
            before = roster(running, "c4")  # other journeys use the course too
            sam.make("By manager", "c4")
            sam.open_tab("Assignments")
        with walk.step(2, "select Management hierarchy from the Add… dropdown menu"):
            dialog = sam.add("Management hierarchy")
            expect(dialog.get_by_role("heading", name="Add managers to certification")).to_be_visible()
        with walk.step(3, "browse through the managers list or search for a specific manager"):
            expect(dialog.locator("[role=option]").nth(1)).to_contain_text("in the direct team")
            sam.see_everywhere("add-managers")
        with walk.step(4, "select the name of each manager; they appear under the Selected items"):
            dialog.locator("[role=option]").first.click()
            expect(dialog.locator("[data-selected] li")).to_have_count(1)
        with walk.step(5, "select Ok, then select Ok from the Add assignment pop-up, or Cancel to exit"):
            sam.accept(dialog, "Adding this assignment will enrol")
        with walk.step(6, "select Include direct team or Include all below"):
            row = sam.rows.first
            include = row.locator("select[name=include]")
            expect(include).to_have_value("direct")
            direct = row.locator(".number").inner_text()
            include.select_option(label="Include all below")
            expect(include).to_have_value("below")
            expect(sam.page.locator("#table [data-say]")).to_contain_text("learners")
            sam.see_everywhere("switched")
            include.select_option(label="Include direct team")
            expect(row.locator(".number")).to_have_text(direct)
        with walk.step(7, "enter an Assignment due date"):
            sam.due(row, "2031-06-30")
        with walk.step(8, "repeat steps 2-6 to add another manager, and her due date"):
            dialog = sam.add("Management hierarchy")
            dialog.locator("[role=option]:not([aria-disabled])").nth(5).click()
            sam.accept(dialog, "Adding this assignment will enrol")
            sam.rows.first.locator("select[name=include]").select_option(label="Include all below")
            expect(sam.rows.first.locator("select[name=include]")).to_have_value("below")
            sam.due(sam.rows.first, "2031-07-31")
            sam.see("assignments-managers")
        with walk.step(9, "select Save changes"):
            enrolled = sam.save()
            follows(running, "c4", lambda people: len(people - before) == enrolled)


def test_adding_individual_learners(sam: Administrator, running: Running) -> None:
    with Walk("Adding individual learners") as walk:
        with walk.step(1, "navigate to the certification and select the Assignments tab"):
            before = roster(running, "c5")  # other journeys use the course too
            sam.make("Individuals", "c5")
            sam.open_tab("Assignments")
        with walk.step(2, "select Individuals from the Add… dropdown menu"):
            dialog = sam.add("Individuals")
            expect(dialog.get_by_role("heading", name="Add individuals to certification")).to_be_visible()
        with walk.step(3, "browse through the user list or search for a specific individual"):
            expect(dialog.locator("[role=option]").nth(1)).to_be_visible()
            sam.search(dialog, "Search individuals", "muller")
            expect(dialog.locator("mark").first).to_be_visible()
        with walk.step(4, "select the name of each individual; they appear under the Selected items"):
            option = dialog.locator("[role=option]").first
            person = option.get_attribute("data-id")
            option.click()
            dialog.get_by_text("Paste or upload a list").click()
            lines = "u30@acme.example\nU-31\nuser00032\nnobody@nowhere.example"
            dialog.get_by_label("Usernames, e-mail addresses").fill(lines)
            dialog.get_by_role("button", name="Look up").click()
            expect(dialog.locator("[data-pasted]")).to_contain_text("Not found: 1")
            expect(dialog.locator("[data-selected] li")).to_have_count(4)
            sam.picture("add-individuals")
        with walk.step(5, "select Ok, then select Ok from the Add assignment pop-up, or Cancel to exit"):
            sam.accept(
                dialog,
                "Adding these assignments will enrol 4 learners to this certification"
                " except where they are enrolled already.",
                apart=True,
            )
            expect(sam.rows).to_have_count(4)
        with walk.step(6, "enter an Assignment due date"):
            sam.due(sam.row(f"individual:{person}"), "2031-08-31")
        with walk.step(7, "repeat steps 2-6 to add another individual, and her due date"):
            dialog = sam.add("Individuals")
            dialog.get_by_text("Paste or upload a list").click()
            dialog.get_by_label("or a CSV file").set_input_files(
                {
                    "name": "list.csv",
                    "mimeType": "text/csv",
                    "buffer": b'\xef\xbb\xbfusername;name\r\nU-31;x\r\n"U-40";y\r\n',
                }
            )
            dialog.get_by_role("button", name="Look up").click()
            expect(dialog.locator("[data-pasted]")).to_contain_text("Already assigned: 1")
            expect(dialog.locator("[data-selected] li")).to_have_count(1)
            sam.accept(dialog, "Adding this assignment will enrol 1 learner to this certification")
            sam.due(sam.row("individual:U-40"), "2031-09-30")
        with walk.step(8, "select Save changes"):
            enrolled = sam.save()
            follows(running, "c5", lambda people: len(people - before) == enrolled)
    sam.page.get_by_role("link", name="Assignments", exact=True).click()
    expect(sam.row("individual:U-40")).to_contain_text("30 Sept 2031, 23:59")


def test_one_file_may_hold_every_kind_of_dirt(sam: Administrator) -> None:
    sam.make("Dirty list", "c5")
    dialog = sam.add("Individuals")
    dialog.get_by_text("Paste or upload a list").click()
    dialog.get_by_label("or a CSV file").set_input_files(
        {
            "name": "a.csv",
            "mimeType": "text/csv",
            "buffer": '=cmd|"/c calc"!A1\nM\xfcller\nU-50\nU-50\n'.encode("latin-1"),
        }
    )
    dialog.get_by_role("button", name="Look up").click()
    expect(dialog.locator("[data-pasted]")).to_contain_text("Found: 1")
    expect(dialog.locator("[data-pasted]")).to_contain_text("=cmd")
    sam.see_everywhere("pasted")
    expect(open_dialog(sam.page).locator("[data-selected] li")).to_have_count(1)
