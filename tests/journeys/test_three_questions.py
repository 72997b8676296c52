"""What people ask of reports, answered by somebody who sees the pages for the first time; counted in presses of the pointer."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook
from playwright.sync_api import expect

from tests.journeys.conftest import Running
from tests.journeys.test_a_day import Hand

pytestmark = pytest.mark.journey


@pytest.fixture
def hand(sampled: Running, browser: Any) -> Hand:
    return Hand(browser, sampled)


def choose(hand: Hand, label: str, words: str) -> None:
    """One of a list that opens: a press to open it, and one on the words."""
    hand.page.get_by_label(label, exact=True).select_option(label=words)
    hand.pressed += 2


def add_filter(hand: Hand, name: str) -> None:
    choose(hand, "Filter by", name)
    hand.page.get_by_role("button", name="Add filter").click()


def source(hand: Hand, name: str) -> None:
    hand.begin("home")
    hand.page.get_by_role("navigation").get_by_role("link", name="Reports", exact=True).click()
    hand.page.get_by_role("main").get_by_role("link", name=name, exact=True).click()


def total(hand: Hand) -> int:
    told = re.search(r"of ([\d,]+)", hand.page.get_by_text("Showing").inner_text())
    assert told is not None
    return int(told[1].replace(",", ""))


def test_who_is_overdue_in_one_unit_and_whom_to_write_to(hand: Hand, sampled: Running) -> None:
    """Then the same every Monday: what is on the page is what is sent."""
    page, units = hand.page, sampled.world("units?kind=organisation")
    assert isinstance(units, list)
    unit = next(one["name"] for one in units if one["id"] == "ORG-3")
    source(hand, "Learners")
    add_filter(hand, "Overdue")
    expect(page.get_by_role("list", name="Filters")).to_contain_text("Overdue is Yes")
    add_filter(hand, "Organisation")
    hand.sam.picture("filter-value")
    page.keyboard.type(unit)
    page.keyboard.press("Enter")
    expect(page.get_by_role("list", name="Filters")).to_contain_text(f"Organisation is {unit} and all below")
    page.locator("summary").filter(has_text="Columns").first.click()
    page.get_by_label("Manager’s e-mail address").check()
    page.get_by_role("button", name="Show these columns").click()
    expect(page.get_by_role("columnheader", name="Manager’s e-mail address")).to_be_visible()
    page.locator("summary").filter(has_text="Download").click()
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="Download as a spreadsheet").click()
    assert hand.pressed <= 13, hand.pressed
    sheet = load_workbook(BytesIO(downloaded.value.path().read_bytes()), read_only=True).active
    assert sheet is not None
    heads, *rows = sheet.iter_rows(values_only=True)
    assert len(rows) == total(hand) > 0
    late, address = heads.index("days_overdue"), heads.index("manager_email")
    assert all(int(str(row[late])) > 0 for row in rows)
    assert any("@" in str(row[address]) for row in rows)
    hand.sam.picture("report")

    hand.pressed = 0
    page.get_by_role("link", name="Send regularly").click()
    expect(page.get_by_label("Day of the week")).to_have_value("monday")
    hand.sam.picture("send")
    page.get_by_label("Give me the right to read reports").check()
    page.get_by_role("button", name="Send from now on").click()
    expect(page.get_by_role("row").filter(has_text="Monday")).to_contain_text("Learners")
    assert hand.pressed <= 3, hand.pressed
    hand.sam.picture("sent")


def test_who_was_in_and_why_on_a_day_of_last_month(hand: Hand) -> None:
    page = hand.page
    source(hand, "Assignments of learners")
    add_filter(hand, "Certification code")
    page.get_by_label("Certification code is").select_option(value="FIRE")
    hand.pressed += 2
    page.get_by_role("button", name="Add filter").click()
    page.get_by_label("As it stood at the end of").fill(
        str(datetime.now(tz=UTC).date().replace(day=1) - timedelta(days=15))
    )
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("As it stood on")).to_be_visible()
    assert hand.pressed <= 10, hand.pressed
    assert total(hand) > 0
    for column in ("Name", "Assignment name", "Due date", "Since"):
        expect(page.get_by_role("columnheader", name=column).first).to_be_visible()
    hand.sam.picture("as-of")
