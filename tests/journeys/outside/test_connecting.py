"""From an empty database to the first launch by pages alone: the sandbox registers Muster, or both sides are entered."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.live import free_port

pytestmark = pytest.mark.journey
ROOT = Path(__file__).parents[3]
MUSTER = [sys.executable, "-c", "import sys; from plugin.cli import main; sys.exit(main())"]
SANDBOX = [sys.executable, "-m", "plugin.sandbox"]
SHOTS = os.environ.get("MUSTER_SHOTS")
WIDTHS = (1100, 700, 390)


@dataclass(frozen=True)
class Empty:
    """Muster with nothing in it, beside a sandbox it does not know."""

    muster: str
    sandbox: str
    environment: dict[str, str]

    def setup_link(self) -> str:
        """What an operator is given on the command line."""
        return _once([*MUSTER, "setup-link"], self.environment).strip().splitlines()[-1]


def _once(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def _process(command: list[str], environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("ab") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


def _wait(address: str, log: Path) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until:
        try:
            if requests.get(address, timeout=2).ok:
                return
        except requests.RequestException:  # not there yet, or slower than that
            time.sleep(0.2)
    pytest.fail(f"{address} did not answer:\n{log.read_text()[-3000:]}")


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Empty]:
    ports = free_port(), free_port()
    muster, sandbox = (f"http://localhost:{port}" for port in ports)
    environment = {name: value for name, value in os.environ.items() if name != "MUSTER_NOW"} | {
        "MUSTER_ENV": "development", "MUSTER_DATABASE_URL": f"sqlite:///{tmp_path}/muster.sqlite3", "PORT": str(ports[0]),
        "MUSTER_BASE_URL": muster, "MUSTER_SECRET_KEYS": "a-key-for-this-journey-only",
    }  # fmt: skip
    data, log = str(tmp_path / "sandbox"), tmp_path / "log"
    log.touch()
    init = [*SANDBOX, "init", "--data", data, "--port", str(ports[1]), "--muster", muster]
    _once([*init, "--people", "120", "--units", "20"], environment)
    _once([*MUSTER, "db", "upgrade"], environment)
    with ExitStack() as stack:
        stack.enter_context(_process([*SANDBOX, "serve", "--data", data, "--port", str(ports[1])], environment, log))
        stack.enter_context(_process([*MUSTER, "run"], environment, log))
        _wait(f"{sandbox}/", log)
        _wait(f"{muster}/healthz", log)
        yield Empty(muster, sandbox, environment)


class Operator:
    """Whoever has the setup link, in one window, and the learning site in another."""

    def __init__(self, browser: Any, empty: Empty) -> None:
        self.empty = empty
        context = browser.new_context(viewport={"width": WIDTHS[0], "height": 900}, locale="en-GB")
        self.page: Page = context.new_page()
        self.site: Page = browser.new_context(viewport={"width": WIDTHS[0], "height": 900}, locale="en-GB").new_page()
        self.complaints: list[str] = []
        for page in (self.page, self.site):
            page.on("console", self._heard)
            page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(empty.setup_link())
        self.page.get_by_role("button", name="Open Hosts").click()

    def _heard(self, message: ConsoleMessage) -> None:
        answered = any(status in message.text for status in ("400", "403"))
        if message.type == "error" and not answered and "favicon" not in str(message.location):
            self.complaints.append(message.text)

    def see(self, name: str, page: Page | None = None) -> None:
        """No accessibility violation and nothing too wide, at three widths; no complaint of the browser."""
        page = page or self.page
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(100)
            results = Axe().run(page)
            assert results.violations_count == 0, f"{name} at {width}: {results.generate_report()}"
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"{name} at {width}: {wider} pixels too wide"
            if SHOTS:
                page.screenshot(path=f"{SHOTS}/{name}-{width}.png", full_page=True)
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        assert not self.complaints, (name, self.complaints)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).first.click()

    def given(self, name: str) -> str:
        """What the learning site shows for the other side."""
        self.site.goto(f"{self.empty.sandbox}/tools")
        return str(self.site.locator(f"#{name}").text_content())

    def configure(self) -> None:
        """API address, token, webhook and its secret; then the checklist, where everything works."""
        page = self.page
        self.see("configuration")
        page.get_by_label("API address").fill(self.given("api_url"))
        page.locator("#api_token").fill(self.given("api_token"))
        page.get_by_label("Webhook address").fill(self.given("webhook_url"))
        page.locator("#webhook_secret").fill(self.given("webhook_secret"))
        page.get_by_label("Time zone").fill("Europe/London")
        self.press("Save and go to the checklist")
        expect(page.get_by_text("Saved.")).to_be_visible()
        self.press("Test the connection")
        expect(page.get_by_role("button", name="Test again")).to_be_visible(timeout=20_000)
        expect(page.get_by_text("Does not work")).to_have_count(0)
        self.see("checklist")
        page.get_by_role("link", name="Registration").click()
        expect(page.get_by_role("heading", name="Deployments")).to_be_visible()
        self.see("registration")
        page.get_by_role("link", name="Mapping").click()
        self.press("Try it on people")
        expect(page.get_by_role("heading", name="What becomes of 50 people")).to_be_visible()
        expect(page.locator("[aria-labelledby=preview]")).to_contain_text("For 0% of them something stays unresolved")
        self.see("mapping")
        self.press("Save this mapping")
        expect(page.get_by_text("Everything is read again")).to_be_visible()
        page.get_by_role("link", name="Hosts").click()
        self.press("Read everything")
        expect(page.get_by_role("heading", name="How old its data is")).to_be_visible(timeout=20_000)
        expect(page.locator("dl.counters")).to_contain_text("120")
        self.see("hosts")

    def launch(self) -> None:
        """An administrator of the learning site opens Muster in its frame."""
        self.site.goto(f"{self.empty.sandbox}/muster/administrator/U-1")
        frame = self.site.frame_locator("#tool")
        expect(frame.get_by_role("heading", name="Certifications").first).to_be_visible(timeout=15_000)
        self.page.get_by_role("link", name="Checklist").first.click()
        self.press("Test the connection")
        expect(self.page.get_by_text("Everything works.")).to_be_visible(timeout=20_000)


def test_a_learning_site_registers_muster_and_opens_it(browser: Any, empty: Empty) -> None:
    operator = Operator(browser, empty)
    page, site = operator.page, operator.site
    expect(page.get_by_role("heading", name="No hosts yet")).to_be_visible()
    operator.see("hosts-empty")
    page.get_by_role("link", name="Connect a learning site").click()
    operator.see("choose")
    page.get_by_role("link", name="Another learning system").click()
    operator.see("connect")
    address = page.get_by_label("Registration address", exact=True).input_value()
    page.get_by_role("button", name="Copy Registration address").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()

    site.goto(f"{empty.sandbox}/tools")
    site.get_by_label("Registration address").fill(address)
    site.get_by_role("button", name="Register").click()
    inside = site.frame_locator("#tool")
    expect(inside.get_by_role("heading", name="Muster is registered and waits for approval")).to_be_visible()
    operator.see("registered", site)
    inside.get_by_role("button", name="Close this window").click()
    expect(site.get_by_text("The tool says that it is done.")).to_be_visible()
    site.goto(f"{empty.sandbox}/muster/administrator/U-1")
    expect(site.frame_locator("#tool").get_by_text("nobody has approved that yet")).to_be_visible()

    page.get_by_role("link", name="See what waits").click()
    operator.see("hosts-waiting")
    operator.press("Approve")
    operator.configure()
    operator.launch()


def test_both_sides_are_entered_by_hand(browser: Any, empty: Empty) -> None:
    operator = Operator(browser, empty)
    page = operator.page
    page.get_by_role("link", name="Connect a learning site").click()
    page.get_by_role("link", name="Another learning system").click()
    for label, path in (
        ("Tool, launch and target address", "/lti/launch"), ("Login address (initiate login)", "/lti/login"),
        ("Redirect address", "/lti/launch"), ("Key set address (public keys)", "/lti/jwks"),
    ):  # fmt: skip
        expect(page.get_by_label(label, exact=True)).to_have_value(f"{empty.muster}{path}")
    labels = {
        "issuer": "Issuer (platform id)", "client_id": "Client id", "deployment": "Deployment id",
        "auth_url": "Authorisation address (authentication request)", "token_url": "Token address (access token)",
        "jwks_url": "Key set address of the learning site",
    }  # fmt: skip
    for name, label in labels.items():
        page.get_by_label(label, exact=True).fill(operator.given(name))
    page.get_by_label("Token address (access token)").fill("ftp://nowhere")
    operator.press("Connect")
    expect(page.get_by_role("alert")).to_contain_text("token address")
    operator.see("connect-refused")
    page.get_by_label("Token address (access token)").fill(operator.given("token_url"))
    operator.press("Connect")
    expect(page.get_by_label("API address")).to_be_visible()
    operator.press("Make a new webhook secret")
    expect(page.get_by_label("Webhook secret", exact=True)).to_have_value(re.compile(r"^whsec_"))
    operator.see("secret")
    operator.configure()
    operator.launch()


def test_a_moodle_that_does_not_answer_is_connected_and_told_what_is_wrong(browser: Any, empty: Empty) -> None:
    operator = Operator(browser, empty)
    page = operator.page
    page.get_by_role("link", name="Connect a learning site").click()
    page.get_by_role("link", name="Moodle").click()
    operator.see("moodle-connect")
    page.get_by_label("Issuer (platform id)").fill("http://127.0.0.1:1")
    page.get_by_label("Client id", exact=True).fill("iO7fBnS7DrYbFDb")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_label("Address of the site")).to_have_value("http://127.0.0.1:1")
    page.locator("#api_token").fill("a-token")
    operator.see("moodle-configuration")
    operator.press("Save and go to the checklist")
    operator.press("Test the connection")
    expect(page.get_by_text("Does not work").first).to_be_visible(timeout=20_000)
    operator.see("moodle-checklist")
    page.get_by_role("link", name="Mapping").click()
    page.get_by_label("Organisation", exact=True).fill("profile:orgpath")
    operator.see("moodle-mapping")
    page.get_by_label("Organisation", exact=True).fill("shoes")
    operator.press("Try it on people")
    expect(page.get_by_role("alert")).to_contain_text("'shoes' is nothing")
    expect(page.get_by_label("Organisation", exact=True)).to_have_value("shoes")
