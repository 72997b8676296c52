"""The main job, as a browser without a screen would do it: launch, assign, watch the host's roster, move, remove."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import requests

WITHIN = 10.0
"""Seconds in which the host's roster has to follow."""
CALLS = 30.0
Say = Callable[[str], None]


class Failed(Exception):
    """A step did not come out right."""

    def __init__(self, step: str, sentence: str) -> None:
        super().__init__(sentence)
        self.step = step


class _Forms(HTMLParser):
    """The forms of a page: action, method and fields."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append({"action": found.get("action", ""), "method": found.get("method", "get"), "fields": {}})
        elif tag == "input" and self.forms and found.get("name") and _counts(found):
            self.forms[-1]["fields"][found["name"]] = found.get("value", "")


def _counts(found: dict[str, str]) -> bool:
    """Whether a browser would send this field: boxes only when they are ticked."""
    return found.get("type") not in ("checkbox", "radio") or "checked" in found


class Browser:
    """A session that follows redirects and posts a page's forms."""

    def __init__(self) -> None:
        self._http = requests.Session()
        self.address = ""
        self.page = ""

    def get(self, url: str) -> str:
        """Open an address."""
        return self._took(self._http.get(urljoin(self.address, url), timeout=CALLS))

    def post(self, url: str, fields: dict[str, Any]) -> str:
        """Post a form's fields."""
        return self._took(self._http.post(urljoin(self.address, url), data=fields, timeout=CALLS))

    def submit(self, containing: str = "", **changes: Any) -> str:
        """Post the form of this page whose action contains something, with some fields changed."""
        parser = _Forms()
        parser.feed(self.page)
        for form in parser.forms:
            if containing in form["action"]:
                return self.post(form["action"] or self.address, {**form["fields"], **changes})
        raise Failed("page", f"There is no form for '{containing}' at {self.address}.")

    def _took(self, answer: requests.Response) -> str:
        self.address, self.page = answer.url, answer.text
        if answer.status_code >= 400:
            said = re.sub(r"<[^>]+>", " ", answer.text)
            raise Failed("page", f"{answer.url} answered {answer.status_code}: {' '.join(said.split())[:300]}")
        return self.page


def check(muster: str, sandbox: str, *, say: Say) -> None:
    """Do the main job and compare the host's own roster at every step.

    :raises Failed: naming the step.
    """
    world = _World(sandbox)
    browser = Browser()
    unit = world.suitable_unit()
    course = world.fresh_course()
    _launch(browser, sandbox, say)
    code = _certification(browser, course, say)
    _assign(browser, unit, say)
    expected = {one["id"] for one in world.people(unit["id"]) if one["state"] == "active"}
    world.follows("the host enrols", course, expected, say)
    world.told("the learners are told", sorted(expected)[0], code, say)
    mover = world.somebody_in(unit["id"], expected)
    world.move(mover, world.elsewhere(unit["id"]))
    expected.discard(mover)
    world.follows("somebody moves out and leaves", course, expected, say)
    _remove(browser, say)
    world.follows("the assignment is removed and the rest leave", course, set(), say)


def _launch(browser: Browser, sandbox: str, say: Say) -> None:
    try:
        browser.get(f"{sandbox}/lti/start?role=administrator&person=U-1")
        browser.submit("/lti/login")
        browser.submit("/lti/launch")
    except Failed as failure:
        raise Failed("launch", str(failure)) from None
    if "/t/" not in browser.address:
        raise Failed("launch", "The launch did not open a session.")
    say("launch: the sandbox's administrator is in")


def _certification(browser: Browser, course: str, say: Say) -> str:
    code = f"DEMO{int(time.time())}"
    fields = {"code": code, "name": f"Demonstration {code}", "kind": "certification", "state": "live", "course": course}
    try:
        browser.post(_below(browser, "certifications/new"), fields)
    except Failed as failure:
        raise Failed("certification", str(failure)) from None
    if not re.search(r"/certifications/\d+/assignments", browser.address):
        raise Failed("certification", "The new certification did not open its Assignments tab.")
    say(f"certification: {code} is live with course {course}")
    return code


def _below(browser: Browser, path: str) -> str:
    prefix = re.match(r"(https?://[^/]+/t/[^/]+/)", browser.address)
    if prefix is None:
        raise Failed("page", f"{browser.address} is no page of a session.")
    return prefix[1] + path


def _tab(browser: Browser) -> str:
    """The address of the Assignments tab we are on."""
    found = re.match(r"(.*/certifications/\d+/assignments)", browser.address)
    if found is None:
        raise Failed("page", f"{browser.address} is not an Assignments tab.")
    return found[1]


def _assign(browser: Browser, unit: dict[str, Any], say: Say) -> None:
    """The user's own steps: Add…, Organisation, Ok, the warning, Ok, Include all below, due date, Save changes."""
    tab, key, target = _tab(browser), f"organisation:{unit['id']}", unit["id"]
    try:
        browser.post(f"{tab}/add/organisation/confirm", {"target": target})
        wanted = "except where they are enrolled already."
        if wanted not in browser.page:
            raise Failed("page", f"The warning does not say '{wanted}'")
        browser.post(f"{tab}/add/organisation", {"target": target})
        browser.post(f"{tab}/include", {"key": key, "include": "below"})
        browser.post(f"{tab}/due", {"key": key, "kind": "fixed", "date": "2031-03-31", "time": "17:00"})
        _save(browser, tab)
    except Failed as failure:
        raise Failed("assign an organisation with all below", str(failure)) from None
    say(
        f"assign an organisation with all below: {unit['name']}, {unit['direct']} directly and {unit['below']} with all below"
    )


def _save(browser: Browser, tab: str, **answers: str) -> None:
    browser.get(f"{tab}/review")
    guard = re.search(r"This would withdraw ([\d,]+) learners?", browser.page)
    browser.submit("/save", **({"withdrawals": guard[1]} if guard else {}), **answers)
    if "/review" in browser.address or "/save" in browser.address:
        said = " ".join(re.sub(r"<[^>]+>", " ", browser.page).split())
        raise Failed("page", f"The save was not taken: {said[:300]}")
    browser.get(tab)


def _remove(browser: Browser, say: Say) -> None:
    tab = _tab(browser)
    found = re.search(r"organisation:[A-Za-z0-9-]+", browser.page)
    if found is None:
        raise Failed("remove the assignment", "The table shows no assignment.")
    try:
        browser.get(f"{tab}/remove?key={found[0]}")
        browser.post(f"{tab}/remove", {"key": found[0]})
        _save(browser, tab)
    except Failed as failure:
        raise Failed("remove the assignment", str(failure)) from None
    say("remove the assignment: saved")


class _World:
    """The sandbox's own view, asked directly; never through Muster."""

    def __init__(self, base: str) -> None:
        self._base = base

    def _get(self, path: str) -> Any:
        return requests.get(f"{self._base}/world/{path}", timeout=CALLS).json()

    def suitable_unit(self) -> dict[str, Any]:
        """A unit with people of its own and people below, of a size that makes the check worth its while."""
        units = [one for one in self._get("units") if one["direct"] >= 2 and one["children"] and one["below"] <= 400]
        found: dict[str, Any] = max(units, key=lambda one: one["below"])
        return found

    def fresh_course(self) -> str:
        """A course nobody is in."""
        for number in range(1, 13):
            if not self._get(f"roster/c{number}"):
                return f"c{number}"
        raise Failed("start", "Every course of the sandbox has learners already.")

    def people(self, unit: str) -> list[dict[str, Any]]:
        """Everybody working in a unit or under it."""
        found: list[dict[str, Any]] = self._get(f"people?unit={unit}&below=1")
        return found

    def somebody_in(self, unit: str, among: set[str]) -> str:
        """A learner whose every job is below the unit by one job alone, so that moving it takes her out."""
        for one in sorted(among):
            if len(self._get(f"person/{one}")["jobs"]) == 1:
                return one
        raise Failed("start", f"Nobody in {unit} has a single job.")

    def elsewhere(self, unit: str) -> str:
        """A unit that is not below this one."""
        return "REG-1"

    def move(self, person: str, unit: str) -> None:
        """Move somebody's job."""
        answer = requests.post(f"{self._base}/world/move", json={"person": person, "organisation": unit}, timeout=CALLS)
        if not answer.ok:
            raise Failed("somebody moves out and leaves", answer.text)

    def roster(self, course: str) -> set[str]:
        """Active learners of a course, as the host has them."""
        return {row["person"] for row in self._get(f"roster/{course}") if row["state"] == "active"}

    def follows(self, step: str, course: str, expected: set[str], say: Say) -> None:
        """Wait until the roster is exactly as expected, and see that it stays so."""
        until = time.monotonic() + WITHIN
        while time.monotonic() < until and self.roster(course) != expected:
            time.sleep(0.2)
        time.sleep(0.5)
        found = self.roster(course)
        if found != expected:
            missing, extra = len(expected - found), len(found - expected)
            raise Failed(
                step, f"the host's roster has {len(found)}, expected {len(expected)}: {missing} missing, {extra} extra."
            )
        say(f"{step}: {len(found)} on the host's roster")

    def told(self, step: str, person: str, code: str, say: Say) -> None:
        """Wait until a learner's inbox has exactly one message about it."""
        until = time.monotonic() + WITHIN
        count = 0
        while time.monotonic() < until:
            count = sum(1 for one in self._get(f"inbox/{person}") if code in one["subject"])
            if count:
                break
            time.sleep(0.2)
        if count != 1:
            raise Failed(step, f"{person} has {count} messages, expected 1.")
        say(f"{step}: {person} has 1 message")
