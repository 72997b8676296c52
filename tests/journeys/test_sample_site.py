"""The site that ``make run`` shows, walked by each role in English, German and Arabic at three widths."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.journeys.administrator import WIDTHS, Administrator
from tests.journeys.conftest import Running

pytestmark = pytest.mark.journey

SAM, MANAGER, LEARNER = "U-1", "U-6", "U-900"
OF_CERTIFICATION = (
    "overview", "details", "assignments", "learners", "exceptions", "exceptions?view=answered", "notifications",
    "notifications/new?when=due", "history",
)  # fmt: skip
WALKS: dict[str, tuple[str, ...]] = {
    SAM: (
        "home", "certifications", "certifications/new", *(f"certifications/DATA/{tab}" for tab in OF_CERTIFICATION), "people",
        f"people/{LEARNER}", "reports", "reports/learners", "reports/overview?by=organisation", "messages", "system", "delivery", "held", "endpoints", "hosts",
        "search?q=fire",
    ),
    MANAGER: ("my/team", "my/team?include=below&show=overdue", "my/certifications"),
    LEARNER: ("my/certifications", "my/record"),
}  # fmt: skip
"""By person, her pages; ``DATA`` stands for the number of the certification with most to see."""
LISTS = (
    "certifications",
    "people",
    "certifications/DATA/assignments",
    "certifications/DATA/learners",
    "certifications/DATA/exceptions",
    "certifications/DATA/history",
    "reports",
    "reports/learners",
    "reports/courses",
    "reports/overview?by=organisation",
)
TALLEST = 90
"""Pixels of a card at 390; a warning, which is read whole, adds its lines."""
SAID = {
    "en": ("en-GB", "ltr", "Certifications"), "de": ("de", "ltr", "Zertifizierungen"), "ar": ("ar", "rtl", "الشهادات"),
}  # fmt: skip


class Walker(Administrator):
    """Somebody at the site, in her language."""

    def __init__(self, browser: Any, running: Running, person: str, language: str) -> None:
        running.act("speak", person=person, language=language)
        role = "administrator" if person == SAM else "learner"
        super().__init__(browser, running, person=person, role=role)
        self.base = re.sub(r"(/t/[^/]+).*", r"\1", self.page.url)
        self.data = ""

    def open(self, path: str) -> None:
        """A page by its address below the session's."""
        if "DATA" in path and not self.data:
            self.page.goto(f"{self.base}/certifications?q=Data+Protection")
            address = self.page.locator("table th[scope=row] a").first.get_attribute("href")
            found = re.search(r"certifications/(\d+)", address or "")
            assert found is not None
            self.data = found[1]
        answer = self.page.goto(f"{self.base}/{path.replace('DATA', self.data)}")
        assert answer is not None
        assert answer.status == 200, (path, answer.status)

    def fits(self, name: str) -> None:
        """Nothing is wider than the frame, at any width."""
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{name}: {wide} pixels too wide at {width}"
        self.page.set_viewport_size({"width": 1100, "height": 900})


def mirrored(page: Page) -> bool:
    """Whether the second place of the navigation stands to the left of the first."""
    first, second = (page.locator("nav a").nth(place).bounding_box() for place in (0, 1))
    assert first is not None
    assert second is not None
    return second["x"] < first["x"]


@pytest.mark.parametrize("language", ["en", "de", "ar"])
@pytest.mark.parametrize("person", list(WALKS))
def test_every_page_of_each_role_is_whole_in_each_language(
    sampled: Running, browser: Any, person: str, language: str
) -> None:
    her = Walker(browser, sampled, person, language)
    tag, direction, certifications = SAID[language]
    for path in WALKS[person]:
        her.open(path)
        html = her.page.locator("html")
        assert (html.get_attribute("lang"), html.get_attribute("dir")) == (tag, direction), path
        name = f"{person}-{language}-{re.sub(r'[^a-z]+', '-', path)}"
        if os.environ.get("MUSTER_LONG") or language != "en":
            her.see(name)
        her.fits(name)
    if person == SAM:
        her.open("home")
        assert certifications in her.page.locator("nav").first.inner_text()
        assert mirrored(her.page) == (direction == "rtl")
    her.page.context.close()


def test_the_cards_of_every_list_are_small(sampled: Running, browser: Any) -> None:
    sam = Walker(browser, sampled, SAM, "en")
    manager = Walker(browser, sampled, MANAGER, "en")
    seen = 0
    for her, path in [*((sam, path) for path in LISTS), (manager, "my/team?include=below")]:
        her.open(path)
        her.page.set_viewport_size({"width": 390, "height": 900})
        tall = her.page.evaluate(
            "[...document.querySelectorAll('.cards tbody tr')].filter((row) => !row.querySelector('th :is(.warned, .bad)'))"
            ".map((row) => row.getBoundingClientRect().height)"
        )
        seen += len(tall)
        assert max(tall) <= TALLEST, (path, sorted(tall)[-3:])
    assert seen > 100


def test_a_name_without_a_space_widens_no_page(sampled: Running, browser: Any) -> None:
    name = "N" * 255
    sampled.command("apply", "-", "--yes", typed=f"version: 1\ncertifications:\n  - {{code: LONG, name: {name}}}\n")
    sam = Walker(browser, sampled, SAM, "en")
    sam.open(f"certifications?q={name}")
    address = sam.page.locator("table th[scope=row] a").first.get_attribute("href") or ""
    number = re.search(r"certifications/(\d+)", address)
    assert number is not None
    for path in (
        "home",
        "messages",
        "reports/overview",
        *(f"certifications/{number[1]}/{tab}" for tab in OF_CERTIFICATION[:4]),
    ):
        sam.open(path)
        sam.fits(path)
    sam.page.context.close()
