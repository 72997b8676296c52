"""Muster's plugins from the zip to a green checklist, by pages alone: Moodle's own installer, seven clicks; then what people see.

Takes the plugins out of the Moodle first and leaves them installed. Needs the variables of :mod:`tests.peers.moodle_site`,
``MUSTER_PEER_MOODLE_LOGIN``, and folders ``local`` and ``blocks`` that the web server may write. ``MUSTER_SHOTS`` names a folder for pictures.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from plugin.hosts.moodle.companion.package import BLOCK, NAME, archive
from tests.journeys.outside.test_connecting import MUSTER, Empty, _once
from tests.peers.moodle_site import COMMAND, TOKEN, URL, Site, command
from tests.peers.test_moodle_connecting import LOGIN, SHOTS, WITHIN, Moodle
from tests.peers.test_moodle_connecting import empty as empty

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(
        not (URL and TOKEN and LOGIN and COMMAND), reason="no Moodle is named that plugins may be installed in"
    ),
]
CLICKS, SECONDS = 7, 300
_DROP = """([selector, name, content]) => {
    const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name, {type: 'application/zip'}));
    const place = document.querySelector(selector);
    for (const kind of ['dragenter', 'dragover', 'drop']) {
        place.dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: data}));
    }
}"""


class Counting:
    """Counts the clicks of one person over all her windows."""

    def __init__(self) -> None:
        self.clicks: list[str] = []

    def press(self, page: Page, name: str | re.Pattern[str], role: Any = "button") -> None:
        target = page.get_by_role(role, name=name).locator("visible=true").first
        expect(target).to_be_enabled(timeout=4 * WITHIN)
        target.click()
        self.clicks.append(str(name))


def install(moodle: Moodle, counting: Counting, name: str) -> None:
    """Through Moodle's page *Install plugins*: the file is dropped, then its own buttons."""
    page = moodle.page
    moodle.go("/admin/tool/installaddon/index.php")
    drop = ".filepicker-container"
    expect(page.locator(drop).first).to_be_visible()
    page.evaluate(_DROP, [drop, f"{name}.zip", base64.b64encode(archive(name)).decode()])
    expect(page.get_by_text(f"{name}.zip").first).to_be_visible(timeout=WITHIN)
    counting.press(page, "Install plugin from the ZIP file")
    counting.press(page, "Continue")
    upgrade(page, counting)


def unpack(moodle: Moodle, name: str, folder: Path) -> None:
    """Where Moodle may not write its own folders: the server's administrator unpacks the file, and *Notifications* is opened."""
    file = folder / f"{name}.zip"
    file.write_bytes(archive(name))
    command("unpack", file, name)
    moodle.go("/admin/index.php")
    upgrade(moodle.page, Counting())


def upgrade(page: Page, counting: Counting) -> None:
    """Moodle's own pages from there on."""
    expect(page.get_by_role("heading", name="Server checks")).to_be_visible(timeout=4 * WITHIN)
    counting.press(page, "Continue")
    counting.press(page, "Upgrade Moodle database now")
    expect(page.get_by_role("button", name="Continue")).to_be_visible(timeout=4 * WITHIN)


@pytest.fixture
def learner() -> Iterator[Site]:
    made = Site()
    try:
        made.make_people([{"orgpath": f"/Block {made.mark}"} for _ in range(2)], ["Ines Larsen", "Liam Quinn"])
        yield made
    finally:
        made.clean()


def shoot(page: Page, name: str, height: int = 700) -> None:
    if SHOTS:
        page.set_viewport_size({"width": 1100, "height": height})
        page.screenshot(path=f"{SHOTS}/moodle-{name}.png")


def certification(empty: Empty, site: Site, course: int, tmp_path: Any) -> None:
    """A certification of everybody in the learner's organisation, saved by the command."""
    text = f"""
version: 1
certifications:
  - code: fire{site.mark}
    name: Fire safety & first aid
    state: live
    content: {{certification: [{{name: Core, courses: ['{course}']}}]}}
    notifications: [{{when: assigned, to: [learner]}}]
    assignments:
      - {{individual: '{site.users[0]}', due: {{fixed: 2031-01-31}}}}
"""
    path = tmp_path / "fire.yaml"
    path.write_text(text)
    name = _once([*MUSTER, "host", "list"], empty.environment).split()[0]
    _once([*MUSTER, "apply", "--yes", "--host", name, str(path)], empty.environment)


def test_from_the_zip_to_a_green_checklist_and_what_people_see(
    browser: Any, empty: Empty, learner: Site, tmp_path: Any
) -> None:
    command("uninstall")
    assert command("plugins") == ""
    operator = browser.new_context(viewport={"width": 1100, "height": 900}, locale="en-GB").new_page()
    operator.set_default_timeout(WITHIN)
    operator.goto(empty.setup_link())
    operator.get_by_role("button", name="Open Hosts").click()
    operator.get_by_role("link", name="Connect a learning site").click()
    operator.get_by_role("link", name="Moodle").click()
    operator.get_by_role("button", name="Connect with the plugin").click()
    code = operator.get_by_label("One-time code", exact=True).input_value()
    name, _colon, word = LOGIN.partition(":")
    admin = Moodle(browser, name, word)

    counting, began = Counting(), time.monotonic()
    install(admin, counting, NAME)
    counting.press(admin.page, "Connect it now", "link")
    admin.page.get_by_role("textbox", name="Address of Muster").fill(empty.muster)
    admin.page.get_by_role("textbox", name="One-time code").fill(code)
    shoot(admin.page, "plugin-connect", 560)
    counting.press(admin.page, "Connect")
    expect(admin.page.get_by_text("Connected to").first).to_be_visible(timeout=2 * WITHIN)
    led = operator.context.new_page()  # the operator's browser; in a test it is not the administrator's
    led.goto(admin.page.get_by_role("link", name="Test the connection in Muster").get_attribute("href") or "")
    counting.clicks.append("Test the connection in Muster")
    expect(led.get_by_text("The token is that of the account")).to_be_visible(timeout=WITHIN)
    took = time.monotonic() - began
    expect(led.get_by_text("Does not work")).to_have_count(0)
    shoot(led, "plugin-checklist", 900)
    print({"clicks": counting.clicks, "seconds": round(took, 1)})
    assert len(counting.clicks) <= CLICKS
    assert took < SECONDS

    unpack(admin, BLOCK, tmp_path)
    assert command("plugins").split() == [NAME, BLOCK]
    command("dashboard")
    course = learner.course("fire", "Fire safety")
    command("complete", course, 0)
    _once(
        [*MUSTER, "sync", _once([*MUSTER, "host", "list"], empty.environment).split()[0], "--full"], empty.environment
    )
    certification(empty, learner, course, tmp_path)
    until = time.monotonic() + WITHIN / 1000
    while command("notified", learner.users[0]) == "" and time.monotonic() < until:
        time.sleep(0.5)
    she_finds_certifications_dates_and_message(browser, learner)


def she_finds_certifications_dates_and_message(browser: Any, site: Site) -> None:
    """A learner in no course of Muster's: the entry in the top navigation, the block on her dashboard, the notification."""
    hers = Moodle(browser, f"peer{site.mark}0000", "Learner-1!")
    hers.go("/my/")
    block = hers.page.locator(".block_muster")
    expect(block.get_by_text("Fire safety & first aid")).to_be_visible(timeout=WITHIN)
    expect(block.get_by_text("To be completed by 31 Jan 2031")).to_be_visible()
    shoot(hers.page, "block", 700)
    hers.go("/message/output/popup/notifications.php")
    expect(hers.page.get_by_text("Fire safety & first aid").first).to_be_visible(timeout=WITHIN)
    shoot(hers.page, "notification", 560)
    other = Moodle(browser, f"peer{site.mark}0001", "Learner-1!")
    other.go("/my/")
    expect(other.page.locator(".block_muster").get_by_text("You have no certifications now.")).to_be_visible(
        timeout=WITHIN
    )
    for one, said in ((hers, "Fire safety & first aid"), (other, "You have no certifications now")):
        one.go("/user/preferences.php")  # where Moodle shows no tour in front of its navigation
        one.page.locator(".primary-navigation a", has_text="Certifications").locator("visible=true").first.click()
        frame = one.page.frame_locator("#contentframe")
        expect(frame.get_by_text(said).first).to_be_visible(timeout=WITHIN)
    hers.picture("learner")
