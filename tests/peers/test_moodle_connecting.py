"""Connecting a real Moodle by pages alone: its own registration page, its own frame, its own roster.

Runs where ``MUSTER_PEER_MOODLE_URL`` names a Moodle that may be played with and ``MUSTER_PEER_MOODLE_LOGIN`` its
administrator as ``name:password``; with ``MUSTER_PEER_MOODLE_TOKEN`` it is read by its web services too. That Moodle must be able to call this machine: HTTP security without blocked hosts and
with all ports. A course, a teacher and a tool stay behind in it.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import browser as browser
from tests.journeys.test_connecting import MUSTER, Empty, _once, _process, _wait
from tests.live import free_port

URL = os.environ.get("MUSTER_PEER_MOODLE_URL", "").rstrip("/")
LOGIN = os.environ.get("MUSTER_PEER_MOODLE_LOGIN", "")
TOKEN = os.environ.get("MUSTER_PEER_MOODLE_TOKEN", "")
SHOTS = os.environ.get("MUSTER_SHOTS")
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(
        not (URL and LOGIN), reason="MUSTER_PEER_MOODLE_URL and MUSTER_PEER_MOODLE_LOGIN name no Moodle"
    ),
]
WITHIN = 30_000
TEACHER_WORD = "Muster-Trial-1"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Empty]:
    """Muster with nothing in it."""
    port = free_port()
    base = f"http://localhost:{port}"
    environment = {name: value for name, value in os.environ.items() if name != "MUSTER_NOW"} | {
        "MUSTER_ENV": "development", "MUSTER_DATABASE_URL": f"sqlite:///{tmp_path}/muster.sqlite3", "PORT": str(port),
        "MUSTER_BASE_URL": base, "MUSTER_SECRET_KEYS": "a-key-for-this-trial-only",
    }  # fmt: skip
    log = tmp_path / "log"
    log.touch()
    _once([*MUSTER, "db", "upgrade"], environment)
    with _process([*MUSTER, "run"], environment, log):
        _wait(f"{base}/healthz", log)
        yield Empty(base, "", environment)


class Moodle:
    """Somebody signed in to Moodle."""

    def __init__(self, browser: Any, name: str, word: str) -> None:
        self.page: Page = browser.new_context(viewport={"width": 1200, "height": 1000}, locale="en-GB").new_page()
        self.page.set_default_timeout(WITHIN)
        self.go("/login/index.php")
        self.page.fill("#username", name)
        self.page.fill("#password", word)
        self.page.click("#loginbtn")
        expect(self.page.locator("#loginbtn")).to_have_count(0, timeout=WITHIN)

    def go(self, path: str) -> None:
        self.page.goto(f"{URL}{path}")
        self.page.wait_for_load_state("networkidle")

    def picture(self, name: str) -> None:
        if SHOTS:
            self.page.screenshot(path=f"{SHOTS}/moodle-{name}.png")

    def register(self, address: str) -> None:
        """As an administrator pastes the address and presses the button."""
        self.go("/mod/lti/toolconfigure.php")
        self.page.get_by_placeholder("Tool URL...").fill(address)
        self.picture("paste")
        self.page.get_by_role("button", name="Add LTI Advantage").click()

    def activate(self) -> int:
        """Activate the tool registered last; returns Moodle's number of it."""
        self.go("/mod/lti/toolconfigure.php")
        cards = self.page.locator("[data-type-id]")
        expect(cards.first).to_be_visible(timeout=WITHIN)
        number = max(int(card.get_attribute("data-type-id") or 0) for card in cards.all())
        card = self.page.locator(f'[data-type-id="{number}"]').first
        self.picture("pending")
        card.locator("a.activate").click()
        expect(card.locator("a.activate")).to_have_count(0, timeout=WITHIN)
        return number

    def course_with(self, tool: int) -> tuple[int, str]:
        """A new course with the tool in it; returns the course's number and the activity's path."""
        name = f"Muster {secrets.token_hex(4)}"
        self.go("/course/edit.php?category=1")
        self.page.fill("#id_fullname", name)
        self.page.fill("#id_shortname", name)
        self.page.click("#id_saveanddisplay")
        self.page.wait_for_url("**/course/view.php?id=*")
        course = int(re.search(r"id=(\d+)", self.page.url)[1])  # type: ignore[index]
        self.go(f"/course/modedit.php?add=lti&typeid={tool}&course={course}&section=0&return=0")
        self.page.fill("#id_name", "Muster")
        self.page.click("#id_submitbutton")
        self.page.wait_for_url("**/mod/lti/view.php?id=*")
        return course, self.page.url.removeprefix(URL).partition("&")[0]

    def teacher(self, course: int) -> str:
        """A new user who teaches the course; returns the username."""
        name = f"teacher{secrets.token_hex(4)}"
        self.go("/user/editadvanced.php?id=-1&course=1")
        fields = {"username": name, "firstname": "Tea", "lastname": name, "email": f"{name}@example.com"}
        for field, value in fields.items():
            self.page.fill(f"#id_{field}", value)
        self.page.locator("[data-passwordunmask=edit]").first.click()
        self.page.fill("#id_newpassword", TEACHER_WORD)
        self.page.click("#id_submitbutton")
        self.page.wait_for_load_state("networkidle")
        self.go(f"/enrol/instances.php?id={course}")
        self.page.goto(self.page.locator('a[href*="enrol/manual/manage.php"]').first.get_attribute("href") or "")
        self.page.select_option("#menuroleid", label="Teacher")
        option = self.page.locator("#addselect option", has_text=name)
        self.page.select_option("#addselect", option.first.get_attribute("value"))
        self.page.click("#add")
        self.page.wait_for_load_state("networkidle")
        return name

    def open(self, activity: str) -> Any:
        """The frame of the tool."""
        self.go(activity)
        return self.page.frame_locator("#contentframe")


def read_by_web_services(operator: Page, hosts: str) -> None:
    """Token, checklist, mapping with a look at people, and the first read."""
    operator.goto(f"{hosts}/1/configuration?kind=moodle")
    operator.locator("#api_token").fill(TOKEN)
    operator.get_by_role("button", name="Save and go to the checklist").click()
    operator.get_by_role("button", name="Test the connection").click()
    expect(operator.get_by_text("The token is that of the account")).to_be_visible(timeout=WITHIN)
    if SHOTS:
        operator.screenshot(path=f"{SHOTS}/moodle-checklist.png", full_page=True)
    operator.get_by_role("link", name="Mapping").click()
    operator.get_by_label("Organisation", exact=True).fill("profile:orgpath")
    operator.get_by_role("button", name="Try it on people").click()
    expect(operator.get_by_text("Fields seen with these people:")).to_be_visible(timeout=WITHIN)
    if SHOTS:
        operator.screenshot(path=f"{SHOTS}/moodle-mapping.png")
    operator.get_by_role("button", name="Save this mapping").click()
    operator.goto(hosts)
    operator.get_by_role("button", name="Read everything").click()
    expect(operator.get_by_role("heading", name="How old its data is")).to_be_visible(timeout=2 * WITHIN)
    expect(operator.locator("dl.counters div").first).not_to_have_text(re.compile("^People\\s*0$"))
    if SHOTS:
        operator.screenshot(path=f"{SHOTS}/moodle-hosts.png", full_page=True)


def test_moodle_registers_muster_opens_it_for_administrators_and_gives_its_roster(browser: Any, empty: Empty) -> None:
    operator = browser.new_context(viewport={"width": 1100, "height": 900}, locale="en-GB").new_page()
    operator.set_default_timeout(WITHIN)
    operator.goto(empty.setup_link())
    operator.get_by_role("link", name="Connect a learning site").click()
    operator.get_by_role("link", name="Moodle").click()
    address = operator.get_by_label("Registration address", exact=True).input_value()

    name, _colon, word = LOGIN.partition(":")
    admin = Moodle(browser, name, word)
    admin.register(address)
    inside = admin.page.frame_locator("iframe")
    expect(inside.get_by_role("heading", name="waits for approval")).to_be_visible(timeout=WITHIN)
    admin.picture("registered")
    inside.get_by_role("button", name="Close this window").click()
    expect(admin.page.locator("iframe[src*=register], iframe[name*=register]")).to_have_count(0, timeout=WITHIN)
    course, activity = admin.course_with(admin.activate())
    expect(admin.open(activity).get_by_text("nobody has approved that yet")).to_be_visible(timeout=WITHIN)

    operator.get_by_role("link", name="See what waits").click()
    operator.get_by_role("button", name="Approve").click()
    expect(operator.get_by_label("Kind of learning site")).to_have_value("moodle")
    expect(operator.get_by_label("Address of the site")).to_have_value(URL)
    expect(admin.open(activity).get_by_role("heading", name="Certifications").first).to_be_visible(timeout=WITHIN)
    admin.picture("in-frame")

    teacher = Moodle(browser, admin.teacher(course), TEACHER_WORD)
    frame = teacher.open(activity)
    expect(frame.locator("main")).to_be_visible(timeout=WITHIN)
    expect(frame.get_by_role("heading", name="Certifications")).to_have_count(0)

    hosts = operator.url.rpartition("/hosts")[0] + "/hosts"
    operator.goto(f"{hosts}/1/configuration?kind=nrps")
    operator.get_by_role("button", name="Save and go to the checklist").click()
    admin.open(activity)
    expect(admin.page.frame_locator("#contentframe").locator("main")).to_be_visible(timeout=WITHIN)
    operator.get_by_role("button", name="Test the connection").click()
    expect(operator.get_by_text("Everything works.")).to_be_visible(timeout=WITHIN)
    expect(operator.locator("main")).to_contain_text("Its members can be read: 2.")
    operator.goto(hosts)
    operator.get_by_role("button", name="Read everything").click()
    expect(operator.get_by_role("heading", name="How old its data is")).to_be_visible(timeout=WITHIN)
    expect(operator.locator("dl.counters div").first).to_contain_text("2")
    if TOKEN:
        read_by_web_services(operator, hosts)
