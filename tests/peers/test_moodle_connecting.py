"""Connecting a real Moodle by pages alone: its own registration page, its own frame, its own roster.

Runs where ``MUSTER_PEER_MOODLE_URL`` names a Moodle that may be played with and ``MUSTER_PEER_MOODLE_LOGIN`` its
administrator as ``name:password``; with the tokens of :mod:`tests.peers.moodle_site` it is read by its web services too, and people are
enrolled in it. That Moodle must be able to call this machine: HTTP security without blocked hosts and with all ports. A course, a
teacher and a tool stay behind in it. ``MUSTER_SHOTS`` names a folder for the pictures of docs/hosts/moodle.md.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from plugin.hosts.moodle.companion import bulk
from tests.journeys.outside.test_connecting import MUSTER, Empty, _once, _process, _wait
from tests.live import free_port
from tests.peers.moodle_site import COMMAND, TOKEN, URL, Site, call, command, functions

LOGIN = os.environ.get("MUSTER_PEER_MOODLE_LOGIN", "")
SHOTS = os.environ.get("MUSTER_SHOTS")
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(
        not (URL and LOGIN), reason="MUSTER_PEER_MOODLE_URL and MUSTER_PEER_MOODLE_LOGIN name no Moodle"
    ),
]
WITHIN = 30_000
TEACHER_WORD = "Muster-Trial-1"
LEARNERS = (
    "Amira Costa", "Daniel Hansen", "Farid Novak", "Grace Okafor", "Ines Larsen", "Keiko Tanaka", "Liam Quinn", "Olga Petrov",
    "Rosa Moreau", "Samir Haddad",
)  # fmt: skip


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
    with _process([*MUSTER, "run"], environment, log), _process([*MUSTER, "work"], environment, log):
        _wait(f"{base}/healthz", log)
        yield Empty(base, "", environment)


class Moodle:
    """Somebody signed in to Moodle."""

    def __init__(self, browser: Any, name: str, word: str) -> None:
        self.page: Page = browser.new_context(viewport={"width": 1100, "height": 800}, locale="en-GB").new_page()
        self.page.set_default_timeout(WITHIN)
        self.go("/login/index.php")
        self.page.fill("#username", name)
        self.page.fill("#password", word)
        self.page.click("#loginbtn")
        expect(self.page.locator("#loginbtn")).to_have_count(0, timeout=WITHIN)

    def go(self, path: str) -> None:
        self.page.goto(f"{URL}{path}")
        self.page.wait_for_load_state("networkidle")

    def open_message(self, path: str, subject: str) -> None:
        """Go to a page of messages until this one is there, and open it: such a page shows what had come when it was asked for."""
        message, until = self.page.get_by_text(subject).first, time.monotonic() + WITHIN / 1000
        self.go(path)
        while not message.is_visible() and time.monotonic() < until:
            time.sleep(0.5)
            self.go(path)
        message.click()

    def picture(self, name: str, height: int = 800) -> None:
        if SHOTS:
            self.page.set_viewport_size({"width": 1100, "height": height})
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
        return course, self.activity_in(course, tool)

    def activity_in(self, course: int, tool: int) -> str:
        """As a person does: have the tool shown in the course's activity chooser, and choose it there; returns the activity's path."""
        self.go(f"/mod/lti/coursetools.php?id={course}")
        shown = f"showinactivitychooser-toggle-{tool}"
        expect(self.page.locator("[id^=showinactivitychooser-toggle-]").first).to_be_attached(timeout=WITHIN)
        number = 1
        while not self.page.locator(f"#{shown}").count():  # ten tools a page, and each run leaves one behind
            number += 1
            self.page.locator(f'.pagination [data-page-number="{number}"] a').first.click()
            expect(self.page.locator(f'.pagination .active[data-page-number="{number}"]').first).to_be_visible()
        if not self.page.locator(f"#{shown}").is_checked():
            self.page.locator(f"#{shown}").dispatch_event("click")  # each release hides another part of the switch
            expect(self.page.locator(f"#{shown}")).to_be_checked(timeout=WITHIN)
        self.go(f"/course/view.php?id={course}")
        editing = self.page.locator(".editmode-switch-form input[type=checkbox]")
        if not editing.is_checked():
            with self.page.expect_navigation():
                editing.click()
            self.page.wait_for_load_state("networkidle")
        chooser = self.page.locator("[data-action=open-chooser]:not([data-beforemod])").first
        if not chooser.is_visible():  # since 5.0 below a button of its own
            self.page.locator("[data-action=open-addingcontent]:not([data-beforemod])").first.click()
        chooser.click()
        self.page.locator(f'.modal.show a[href*="typeid={tool}&"]').first.click()
        chosen = self.page.locator(
            "[data-action=add-selected-chooser-option]"
        )  # since 5.1 a choice is added by another button
        chosen.or_(self.page.locator("#id_name")).locator("visible=true").first.wait_for()
        if chosen.is_visible():
            chosen.click()
        self.page.fill("#id_name", "Muster")
        self.page.click("#id_submitbutton")
        self.page.wait_for_url("**/mod/lti/view.php?id=*")
        return self.page.url.removeprefix(URL).partition("&")[0]

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


@dataclass(frozen=True)
class Staff:
    """Ten people of an organisation in the Moodle: six work nights."""

    site: Site
    course: int

    @property
    def below(self) -> set[int]:
        return set(self.site.users)


@pytest.fixture
def staff() -> Iterator[Staff | None]:
    """People with an organisation in their profiles and a course to complete, deleted in the end."""
    if not TOKEN:
        yield None
        return
    site = Site()
    try:
        site.make_people(
            [
                {"orgpath": f"/Northfield {site.mark}/Claims{'/Nights' if number < 6 else ''}",
                 "position": "Team leader" if number == 0 else "Adjuster", "manager": "0" if number else ""}
                for number in range(len(LEARNERS))
            ],
            LEARNERS,
        )  # fmt: skip
        yield Staff(site, site.course("fire", "Fire safety"))
    finally:
        site.clean()


def shoot(page: Page, name: str) -> None:
    """A page of Muster's as the documents show it; of a long list the beginning."""
    if SHOTS:
        height = min(1700, page.evaluate("document.documentElement.scrollHeight"))
        page.screenshot(
            path=f"{SHOTS}/moodle-{name}.png", full_page=True, clip={"x": 0, "y": 0, "width": 1100, "height": height}
        )


def the_checklist_says_that_moodle_may_not_call_us(operator: Page) -> None:
    """As every Moodle is before its administrator allows a port like ours."""
    here = operator.url
    command("set", "curlsecurityallowedport", "443")
    try:
        operator.get_by_role("link", name="Checklist").click()
        operator.get_by_role("button", name="Test the connection").click()
        row = operator.get_by_role("row").filter(has_text="LTI services")
        expect(row).to_contain_text("HTTP security", timeout=WITHIN)
    finally:
        command("set", "curlsecurityallowedport", "")
    operator.goto(here)


def read_by_web_services(operator: Page, hosts: str) -> None:
    """Token, checklist, mapping with a look at people, and the first read."""
    operator.goto(f"{hosts}/1/configuration?kind=moodle")
    operator.locator("#api_token").fill(TOKEN)
    operator.get_by_role("button", name="Save and go to the checklist").click()
    operator.get_by_role("button", name="Test the connection").click()
    expect(operator.get_by_text("The token is that of the account")).to_be_visible(timeout=WITHIN)
    expect(operator.get_by_text("Does not work")).to_have_count(0)
    shoot(operator, "checklist")
    operator.get_by_role("link", name="Mapping").click()
    for label, taken in (("Organisation", "orgpath"), ("Position", "position"), ("Manager", "manager")):
        operator.get_by_label(label, exact=True).fill(f"profile:{taken}")
    operator.get_by_role("button", name="Try it on people").click()
    expect(operator.get_by_text("Fields seen with these people:")).to_be_visible(timeout=WITHIN)
    shoot(operator, "mapping")
    operator.get_by_role("button", name="Save this mapping").click()
    operator.goto(hosts)
    operator.get_by_role("button", name="Read everything").click()
    expect(operator.get_by_role("heading", name="How old its data is")).to_be_visible(timeout=2 * WITHIN)
    expect(operator.locator("dl.counters div").first).not_to_have_text(re.compile("^People\\s*0$"))
    shoot(operator, "hosts")


def assign_in_the_frame(admin: Moodle, activity: str, staff: Staff) -> None:
    """In Moodle's frame: a certification with one course, assigned to an organisation with all below, and told to each learner."""
    frame = admin.open(activity)
    frame.get_by_role("link", name="New certification").first.click()
    frame.get_by_label("Name", exact=True).fill("Fire safety")
    frame.locator(f'input[name=course][value="{staff.course}"]').check()
    frame.get_by_role("button", name="Create").click()
    frame.locator("#add").click()
    frame.get_by_role("link", name="Organisation", exact=True).click()
    dialog = frame.locator("dialog[open]").last
    dialog.get_by_label("Search organisations").fill(f"Northfield {staff.site.mark}")
    dialog.locator("[role=option]").first.click()
    dialog.get_by_role("button", name="Ok", exact=True).click()
    frame.get_by_role("alertdialog", name="Add assignment").get_by_role("button", name="Ok", exact=True).click()
    row = frame.locator('tr[data-key^="organisation:"]')
    row.get_by_label("Include all below").check()
    expect(row.locator(".number")).to_have_text(str(len(staff.below)), timeout=WITHIN)
    admin.picture("assignments", 900)
    frame.locator("#save").click()
    review = frame.get_by_role("dialog", name="Review changes")
    review.get_by_role("button", name="Save changes").click()
    expect(frame.locator("#progress [data-say]")).to_contain_text("enrolled", timeout=WITHIN)


def learners_are_in_moodle(browser: Any, admin: Moodle, staff: Staff) -> Moodle:
    """Moodle's own page of participants shows them, and the message is with one of them when she signs in; returns her."""
    until = time.monotonic() + WITHIN / 1000
    while staff.site.roster(staff.course) != staff.below and time.monotonic() < until:
        time.sleep(0.5)
    admin.go(f"/user/index.php?id={staff.course}")
    for name in LEARNERS:
        expect(admin.page.locator("#participants")).to_contain_text(name)
    admin.picture("participants", 1550)
    learner = Moodle(browser, f"peer{staff.site.mark}0000", "Learner-1!")
    if bulk.NOTIFY in functions():  # with Muster's plugin what it tells comes as Moodle's own notifications
        learner.open_message("/message/output/popup/notifications.php", "You are enrolled in Fire")
        told = learner.page.locator(".content-area [data-region=content]", has_text="Fire safety")
    else:
        learner.open_message("/message/index.php", "You are enrolled in Fire")
        told = learner.page.locator("[data-region=message]", has_text="Fire safety")
    expect(told.locator("visible=true").first).to_be_visible(timeout=WITHIN)
    learner.picture("message")
    return learner


def who_is_certified_has_the_grade(learner: Moodle, activity: str, staff: Staff) -> None:
    """She completes her course and opens Muster: certified at once, and so in Moodle's gradebook."""
    command("complete", staff.course, 0)
    command("complete", staff.course, staff.site.users[0])
    until = time.monotonic() + WITHIN / 1000
    while not _sees(learner.open(activity), "Certified") and time.monotonic() < until:
        time.sleep(1)
    learner.picture("my")
    expect(learner.page.frame_locator("#contentframe").get_by_text("Certified", exact=True).first).to_be_visible()
    until = time.monotonic() + WITHIN / 1000
    while _grade(staff) != 1 and time.monotonic() < until:
        time.sleep(0.5)
    assert _grade(staff) == 1


def _sees(frame: Any, word: str) -> bool:
    expect(frame.locator("main")).to_be_visible(timeout=WITHIN)
    return bool(frame.get_by_text(word, exact=True).count())


def _grade(staff: Staff) -> float | None:
    answer = call("gradereport_user_get_grade_items", courseid=staff.course, userid=staff.site.users[0])
    items = [one for one in answer["usergrades"][0]["gradeitems"] if one["itemtype"] != "course"]
    return next((one["graderaw"] / one["grademax"] for one in items if one["graderaw"] is not None), None)


def test_moodle_registers_muster_opens_it_for_administrators_and_gives_its_roster(
    browser: Any, empty: Empty, staff: Staff | None
) -> None:
    operator = browser.new_context(viewport={"width": 1100, "height": 900}, locale="en-GB").new_page()
    operator.set_default_timeout(WITHIN)
    operator.goto(empty.setup_link())
    operator.get_by_role("button", name="Open Hosts").click()
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
    tool = admin.activate()
    course, activity = admin.course_with(tool)
    expect(admin.open(activity).get_by_text("nobody has approved that yet")).to_be_visible(timeout=WITHIN)

    operator.get_by_role("link", name="See what waits").click()
    operator.get_by_role("button", name="Approve").click()
    expect(operator.get_by_label("Kind of learning site")).to_have_value("moodle")
    expect(operator.get_by_label("Address of the site")).to_have_value(URL)
    expect(admin.open(activity).get_by_role("heading", name="Certifications").first).to_be_visible(timeout=WITHIN)
    admin.picture("in-frame")

    if COMMAND:
        the_checklist_says_that_moodle_may_not_call_us(operator)
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
    if staff:
        read_by_web_services(operator, hosts)
        activity = admin.activity_in(staff.course, tool)
        assign_in_the_frame(admin, activity, staff)
        learner = learners_are_in_moodle(browser, admin, staff)
        if COMMAND:
            who_is_certified_has_the_grade(learner, activity, staff)
