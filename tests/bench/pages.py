"""How fast the Assignments tab feels in Chromium: bytes, requests, dialogs, search, warnings, saving.

    python -m tests.bench.pages                                    # small, a minute
    python -m tests.bench.pages --people 100000 --units 5000       # the size the goals are for

It starts the demonstration (Muster, its worker and a sandbox host, over real HTTP) in a folder of its own. Times of the
Assignments tab are medians of several turns, taken inside the page from the event to the moment what was asked for is in
the document. Those of each role's pages are processor time of Muster, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync"]  # fmt: skip
TYPES = ("Organisation", "Position", "Audience", "Management hierarchy", "Individuals")
PATIENCE = 3600

CLICK = """([click, wanted]) => new Promise((done, failed) => {
  const began = performance.now();
  const seen = () => [...document.querySelectorAll(wanted)].some((one) => one.checkVisibility());
  const watch = new MutationObserver(() => { if (seen()) { watch.disconnect(); done(performance.now() - began); } });
  watch.observe(document, { subtree: true, childList: true, attributes: true });
  setTimeout(() => failed(new Error(`Nothing came: ${wanted}`)), 30000);
  document.querySelector(click).click();
})"""
TYPE = """([field, text, wanted]) => new Promise((done, failed) => {
  const input = document.querySelector(field);
  const watch = new MutationObserver(() => {
    if (document.querySelector(wanted)) { watch.disconnect(); done(performance.now() - began); }
  });
  watch.observe(document, { subtree: true, childList: true });
  setTimeout(() => failed(new Error(`Nothing came: ${wanted}`)), 30000);
  input.value = text;
  const began = performance.now();
  input.dispatchEvent(new InputEvent('input', { bubbles: true }));
})"""


FETCH = """async (address) => {
  const began = performance.now();
  const answer = await fetch(address);
  await answer.text();
  if (!answer.ok) throw new Error(`${answer.status} ${address}`);
  return performance.now() - began;
}"""
OF_CERTIFICATION = ("overview", "details", "assignments", "learners", "learners?standing=overdue", "learners?sort=-due",
                    "exceptions", "notifications", "history")  # fmt: skip
ADMINISTRATOR = (
    "/home", "/certifications", *(f"/certifications/1/{one}" for one in OF_CERTIFICATION), "/reports", "/reports/learners",
    "/reports/membership", "/reports/courses", "/reports/overview", "/reports/exceptions", "/reports/history",
    "/reports/messages", "/people", "/people?q=chen", "/people?organisation=ORG-1", "/people/U-900", "/search?q=north",
    "/messages", "/system", "/delivery", "/held", "/endpoints", "/hosts/1/sources", "/hosts",
)  # fmt: skip
MANAGER = ("/my/team", "/my/team?include=below", "/my/team/reports", "/my/team/reports/learners")
AREA = (
    "/home", "/certifications", *(f"/certifications/1/{one}" for one in ("assignments", "learners", "learners?standing=overdue")),
    "/people", "/people?q=chen", "/people/FIRST", "/search?q=north", "/reports", "/reports/learners", "/reports/membership",
)  # fmt: skip
LEARNER = ("/my/certifications", "/my/record")
"""Every page of the navigation, as each role sees it; ``FIRST`` is whom *People* lists first."""


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    what: str
    goal: float
    unit: str
    found: float

    @property
    def met(self) -> bool:
        return self.found <= self.goal


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass(frozen=True)
class Demonstration:
    """What runs: the sandbox's address, where its data are, and its processes' group."""

    sandbox: str
    folder: Path
    group: int

    def command(self, *arguments: str) -> None:
        """Run a command of Muster beside it."""
        environment = {**os.environ, "MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": "demonstration-only-secret-key",
                       "MUSTER_DATABASE_URL": f"sqlite:///{self.folder}/muster.sqlite3"}  # fmt: skip
        command = [sys.executable, "-c", "import sys; from plugin.cli import main; sys.exit(main())", *arguments]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)

    def processor(self) -> float:
        """Milliseconds of processor time that its processes have used."""
        ticks = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            ticks += int(fields[11]) + int(fields[12]) if int(fields[2]) == self.group else 0
        return ticks * 1000 / os.sysconf("SC_CLK_TCK")


@contextmanager
def demonstration(people: int, units: int) -> Iterator[Demonstration]:
    """Everything running."""
    muster, sandbox = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="mpages") as folder:
        command = [sys.executable, "-c", "import sys; from plugin.cli import main; sys.exit(main())", "demo", "--empty",
                   "--port", str(muster), "--sandbox-port", str(sandbox), "--data", folder,
                   "--people", str(people), "--units", str(units)]  # fmt: skip
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
            try:
                _wait(process, f"http://localhost:{muster}/healthz", Path(folder) / "log")
                yield Demonstration(f"http://localhost:{sandbox}", Path(folder), process.pid)
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(30)


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            if requests.get(address, timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.5)
    raise SystemExit(f"The demonstration did not start:\n{log.read_text()[-2000:]}")


class Bench:
    """A page of one administrator at one certification."""

    def __init__(self, page: Page, running: Demonstration, turns: int) -> None:
        self.page, self.turns, self.running = page, turns, running
        page.goto(f"{running.sandbox}/lti/start?role=administrator&person=U-1")
        page.wait_for_url("**/t/**")
        page.get_by_role("link", name="New certification").first.click()
        page.get_by_label("Name", exact=True).fill("Bench")
        page.locator("input[name=course]").first.check()
        page.get_by_role("button", name="Create").click()
        page.wait_for_url("**/assignments")
        self.tab = page.url

    def run(self) -> Iterator[Figure]:
        """Every figure, in the order of the goals."""
        for kind in ("Organisation", "Audience"):
            self.choose(kind)
            self.accept()
        include = self.page.locator("input[name=include]").last
        include.check()
        expect(self.page.locator("#table [data-say]")).to_contain_text("learners")
        yield from self.weight()
        for kind in TYPES:
            yield self.timed(f"dialog: {kind}", 300, lambda kind=kind: self.opened(kind))
        for kind, text in (("Organisation", "north"), ("Management hierarchy", "chen"), ("Individuals", "müller")):
            yield self.timed(
                f"search: {kind}, after the last key", 400, lambda kind=kind, text=text: self.found(kind, text)
            )
        for kind in TYPES:
            yield self.timed(f"warning on adding: {kind}", 300, lambda kind=kind: self.warned(kind))
        yield self.saved()
        yield self.timed("warning on removing", 300, self.removing)
        yield from self.roles()

    def roles(self) -> Iterator[Figure]:
        """The pages of each role."""
        self.open_to_areas()
        self.running.command("grant", "add", "auditor", "--person", "U-3")
        self.running.command("grant", "add", "area", "--person", "U-4", "--unit", "ORG-2")
        yield from self.pages("administrator", "administrator", "U-1", ADMINISTRATOR)
        yield from self.pages("auditor", "learner", "U-3", ADMINISTRATOR)
        yield from self.pages("area administrator", "learner", "U-4", AREA)
        yield from self.pages("manager", "learner", "U-6", MANAGER)
        yield from self.pages("learner", "learner", "U-900", LEARNER)

    def open_to_areas(self) -> None:
        """Let area administrators work on the certification."""
        self.page.goto(self.tab.replace("/assignments", "/details"))
        self.page.get_by_label(re.compile("Area administrators")).check()
        self.page.get_by_role("button", name="Save changes").click()
        self.page.wait_for_url("**saved=1**")

    def pages(self, role: str, launched: str, person: str, addresses: Sequence[str]) -> Iterator[Figure]:
        """How much processor time each page of a role takes, from asking for it to its last byte."""
        self.page.goto(f"{self.running.sandbox}/lti/start?role={launched}&person={person}")
        self.page.wait_for_url("**/t/**")
        base = "/".join(self.page.url.split("/")[:5])
        for one in addresses:
            yield Figure(f"page: {role} {one}", 300, "ms", self.processed(base + self.found_first(base, one)))

    def found_first(self, base: str, address: str) -> str:
        """The address with somebody whom this role sees."""
        if "FIRST" not in address:
            return address
        self.page.goto(base + "/people")
        found = self.page.locator("tbody th a").first.get_attribute("href") or ""
        return address.replace("FIRST", found.rpartition("/")[2])

    def processed(self, address: str) -> float:
        """Processor time of Muster for a page: the mean of several turns, after one that is not counted."""
        self.page.evaluate(FETCH, address)
        began = self.running.processor()
        for _turn in range(self.turns):
            self.page.evaluate(FETCH, address)
        return (self.running.processor() - began) / self.turns

    def timed(self, what: str, goal: float, work: Any) -> Figure:
        """The median of several turns, after one that is not counted."""
        work()
        return Figure(what, goal, "ms", statistics.median(work() for _turn in range(self.turns)))

    def weight(self) -> Iterator[Figure]:
        """What a first visit transfers."""
        wire = self.page.context.new_cdp_session(self.page)
        wire.send("Network.enable")
        wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
        loaded: list[int] = []
        wire.on("Network.loadingFinished", lambda event: loaded.append(int(event["encodedDataLength"])))
        self.page.goto(self.tab, wait_until="networkidle")
        wire.send("Network.setCacheDisabled", {"cacheDisabled": False})
        wire.detach()
        yield Figure("tab: bytes over the wire", 40_000, "bytes", sum(loaded))
        yield Figure("tab: requests", 8, "requests", len([size for size in loaded if size]))

    def opened(self, kind: str) -> float:
        """From the click in the menu to the first item in the dialog."""
        self.page.goto(self.tab)
        self.page.locator("#add").click()
        self.page.wait_for_load_state("networkidle")
        link = f'[data-menu] a[href*="{_path(kind)}"]'
        return float(self.page.evaluate(CLICK, [link, "dialog[open] :is([role=option], [role=treeitem])"]))

    def found(self, kind: str, text: str) -> float:
        """From the last key to the first hit on screen; the wait for a further key is part of it."""
        self.opened(kind)
        self.page.wait_for_timeout(100)
        return float(self.page.evaluate(TYPE, ["dialog[open] [name=q]", text, "dialog[open] [role=option] mark"]))

    def choose(self, kind: str) -> None:
        """Open the dialog of a type and select the first free item."""
        self.opened(kind)
        items = "dialog[open] :is([role=treeitem][aria-checked]:not([aria-disabled]) > .row .name,"
        self.page.locator(f"{items} [role=option]:not([aria-disabled]) .name)").first.click()
        expect(self.page.locator("dialog[open] [data-selected] li")).to_have_count(1)

    def warned(self, kind: str) -> float:
        """From Ok in the dialog to the numbers of the warning."""
        self.choose(kind)
        self.page.wait_for_timeout(400)
        return float(self.page.evaluate(CLICK, ["dialog[open] [data-ok]", "dialog[role=alertdialog] .truth strong"]))

    def accept(self) -> None:
        """Ok, the warning, Ok."""
        self.page.evaluate(CLICK, ["dialog[open] [data-ok]", "dialog[role=alertdialog] .truth strong"])
        self.page.get_by_role("alertdialog").get_by_role("button", name="Ok", exact=True).click()
        expect(self.page.locator("dialog[open]")).to_have_count(0)

    def removing(self) -> float:
        """From the icon to the numbers of the warning, on a row that was saved before."""
        self.page.goto(self.tab)
        return float(self.page.evaluate(CLICK, ["a[data-role=remove]", "dialog[role=alertdialog] .truth strong"]))

    def saved(self) -> Figure:
        """From the button of the review to the next page; then waits until the work is done."""
        page = self.page
        page.goto(self.tab)
        page.locator("#save").click()
        button = page.get_by_role("dialog", name="Review changes").get_by_role("button", name="Save changes")
        button.wait_for(timeout=60_000)
        page.wait_for_timeout(300)
        began = time.perf_counter()
        button.click()
        page.wait_for_url("**/progress", wait_until="commit", timeout=60_000)
        taken = (time.perf_counter() - began) * 1000
        page.locator("#progress [data-say]").wait_for(timeout=PATIENCE * 1000)
        return Figure("saving returns", 1000, "ms", taken)


def _path(kind: str) -> str:
    return {"Management hierarchy": "/add/manager", "Individuals": "/add/individual"}.get(kind, f"/add/{kind.lower()}")


def main() -> int:
    """Measure and print; the exit status is 1 when a goal was missed."""
    parser = argparse.ArgumentParser(prog="bench.pages", description=__doc__)
    parser.add_argument("--people", type=int, default=2_000)
    parser.add_argument("--units", type=int, default=300)
    parser.add_argument("--turns", type=int, default=5)
    asked = parser.parse_args()
    path = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
                None)  # fmt: skip
    print(f"{asked.people:,} people, {asked.units:,} units", flush=True)
    print(f"{'what':44} {'goal':>8} {'found':>8} {'':9}", flush=True)
    missed = 0
    with demonstration(asked.people, asked.units) as running, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_context(viewport={"width": 1100, "height": 900}, locale="en-GB").new_page()
        page.set_default_navigation_timeout(PATIENCE * 1000)  # the first launch comes while everybody is being read
        for one in Bench(page, running, asked.turns).run():
            missed += not one.met
            verdict = "met" if one.met else "missed"
            print(f"{one.what:44} {one.goal:>8,.0f} {one.found:>8,.0f} {one.unit:9} {verdict}", flush=True)
        browser.close()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
