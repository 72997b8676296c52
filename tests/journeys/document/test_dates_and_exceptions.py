"""Every kind of due date set, each of the four exceptions met and answered each way, and the host's rosters watched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.journeys.administrator import WITHIN, Administrator, follows, roster
from tests.journeys.conftest import Running

pytestmark = pytest.mark.journey

TODAY = datetime.now(UTC)
SOON, LATER = (TODAY + timedelta(days=3)).date().isoformat(), "2033-03-31"
REALISTIC, ASSIGN, DISMISS = "Set realistic due date and assign", "Assign", "Do not assign"
DATED, SHORT, SHARED = "c8", "c6", "c4"
"""Courses: of the certification with every kind of date, of one that takes a fortnight, of one beside the first."""


class Learners:
    """People hired for this journey, so that nobody else's certifications concern them."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self.names: dict[str, str] = {}

    def hire(self, name: str, **job: object) -> str:
        person = self._running.hire(name, **job)
        self.names[person] = name
        return person

    def on(self, course: str) -> set[str]:
        """Which of them are in a course, as the host itself says."""
        return {self.names[one] for one in roster(self._running, course) if one in self.names}

    def settle_on(self, course: str, *names: str) -> None:
        """Wait until just these of them are in a course."""
        follows(self._running, course, lambda _people: self.on(course) == set(names))


def positioned(running: Running, learners: Learners) -> tuple[str, str, str]:
    """Somebody hired into a position of few: her id, her name, and the position."""
    units: Any = running.world("units?kind=position")
    position = str(units[-1]["id"])
    return learners.hire("Posy Positioned", position=position), "Posy Positioned", position


def small_unit(running: Running) -> str:
    """An organisation of few."""
    units: Any = running.world("units")
    return str(next(one["id"] for one in reversed(units) if not one["children"] and one["direct"] <= 9))


def add_people(sam: Administrator, *people: str) -> None:
    """Add individuals by a pasted list."""
    dialog = sam.add("Individuals")
    dialog.get_by_text("Paste or upload a list").click()
    dialog.get_by_label("Usernames, e-mail addresses").fill("\n".join(people))
    dialog.get_by_role("button", name="Look up").click()
    expect(dialog.locator("[data-selected] li")).to_have_count(len(people))
    sam.accept(dialog, "will enrol", apart=len(people) > 1)


def set_due(sam: Administrator, person: str, **fields: str) -> None:
    """Set one row's due date in the dialog: radio buttons are checked, lists selected, the rest typed."""
    row = sam.row(f"individual:{person}")
    row.locator("[data-role=due]").click()
    dialog = sam.page.get_by_role("dialog", name="Assignment due date")
    dialog.locator(f'[name=kind][value="{fields.pop("kind")}"]').check()
    for name, value in fields.items():
        field = dialog.locator(f'[name="{name.replace("_", "-")}"]')
        if field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    dialog.get_by_role("button", name="Set due date").click()
    expect(sam.page.locator("dialog[open]")).to_have_count(0)


def certification(sam: Administrator, name: str, code: str, *courses: str) -> str:
    """A new certification with these courses; returns the address of its pages."""
    page = sam.page
    if page.get_by_role("link", name="Certifications", exact=True).count():
        page.get_by_role("link", name="Certifications", exact=True).first.click()
    page.get_by_role("link", name="New certification").first.click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Code (optional)").fill(code)
    for course in courses:
        page.locator(f'input[name=course][value="{course}"]').check()
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/assignments")
    return page.url.rsplit("/", 1)[0]


def exceptions_of(sam: Administrator, address: str, kind: str, count: int) -> Locator:
    """The open exceptions of a type, once there are so many; returns the rows."""
    rows = sam.page.locator("main tbody tr")
    for _attempt in range(WITHIN * 2):
        sam.page.goto(f"{address}/exceptions?type={kind}")
        if rows.count() == count:
            return rows
        sam.page.wait_for_timeout(500)
    raise AssertionError(sam.page.locator("main").inner_text())


def answer(sam: Administrator, address: str, kind: str, name: str, words: str, left: int) -> None:
    """Answer one learner's exception; ``left`` of the type stay open."""
    rows = exceptions_of(sam, address, kind, left + 1)
    rows.filter(has_text=name).get_by_role("checkbox").check()
    with sam.page.expect_navigation():
        sam.page.get_by_role("button", name=words, exact=True).click()
    exceptions_of(sam, address, kind, left)


@pytest.fixture
def sam(running: Running, browser: Any) -> Administrator:
    return Administrator(browser, running)


def test_each_kind_of_date_and_each_exception(sam: Administrator, running: Running) -> None:
    learners = Learners(running)
    wanted = ("Nora None", "Fay Fixed", "Tim Timed", "Lea Local", "Ida In", "Wim Waiting", "Jo Job", "Pia Profile",
              "Eli Enrolled", "Cor Course", "Cy Cert")  # fmt: skip
    position, unit = positioned(running, learners), small_unit(running)
    jobs = {
        "Jo Job": {"position": position[2]},
        "Fay Fixed": {"organisation": unit},
        "Tim Timed": {"organisation": unit},
    }
    nora, fay, tim, lea, ida, wim, jo, pia, eli, cor, cy = (
        learners.hire(name, **jobs.get(name, {})) for name in wanted
    )
    running.act("first-login", person=ida, at="2026-01-05T09:00:00Z")
    fortnight = takes_a_fortnight(sam)
    dated = every_kind_of_date(sam, position, nora, fay, tim, lea, ida, wim, jo, pia, eli, cor, cy)
    known = {*wanted, position[1]} - {"Cor Course", "Cy Cert"}
    learners.settle_on(DATED, *known)
    waiting_for_a_login(sam, running, dated, wim)
    unknown_dates(sam, running, dated, learners, known)
    too_little_time(sam, fortnight, learners, ida, eli, pia)
    a_shared_course(sam, learners, fay, tim)
    assigned_already(sam, running, dated, learners, unit)


def every_kind_of_date(sam: Administrator, position: tuple[str, str, str], *people: str) -> str:
    nora, fay, tim, lea, ida, wim, jo, pia, eli, cor, cy = people
    address = certification(sam, "Dates of every kind", "DATES", DATED)
    sam.until_known("Cy Cert")
    add_people(sam, *people, position[0])
    set_due(sam, nora, kind="none")
    set_due(sam, fay, kind="fixed", date=LATER)
    set_due(sam, tim, kind="fixed", date=LATER, time="14:30")
    set_due(sam, lea, kind="fixed", date=LATER, where="learner")
    set_due(sam, ida, kind="after", amount="7", unit="years", event="first_login")
    set_due(sam, wim, kind="after", amount="2", unit="weeks", event="first_login")
    set_due(sam, jo, kind="after", amount="6", unit="months", event="job_start", item_position=position[2])
    set_due(sam, position[0], kind="after", amount="9", unit="years", event="position_assigned",
            item_position=position[2])  # fmt: skip
    set_due(sam, pia, kind="after", amount="2", unit="years", event="profile_date", item_field="hired")
    set_due(sam, eli, kind="after", amount="30", unit="days", event="enrolment")
    set_due(sam, cor, kind="after", amount="5", unit="weeks", event="course_completion", item_course="c1")
    set_due(sam, cy, kind="after", amount="5", unit="weeks", event="certification_completion",
            item_certification="Takes a fortnight")  # fmt: skip
    assert sam.save() == len(people) + 1 - 2  # two dates are not known, and ask
    sam.page.goto(f"{address}/assignments")
    expect(sam.row(f"individual:{fay}")).to_contain_text("31 Mar 2033, 23:59")
    expect(sam.row(f"individual:{tim}")).to_contain_text("31 Mar 2033, 14:30")
    expect(sam.row(f"individual:{wim}")).to_contain_text("Not yet known")
    expect(sam.row(f"individual:{nora}")).to_contain_text("No due date")
    expect(sam.row(f"individual:{jo}")).not_to_contain_text("Not yet known")
    sam.see("dates-of-every-kind")
    return address


def takes_a_fortnight(sam: Administrator) -> str:
    """A certification whose course takes two weeks."""
    address = certification(sam, "Takes a fortnight", "FORTNIGHT", SHORT)
    sam.page.goto(f"{address}/details")
    sam.page.get_by_label("Minimum time", exact=True).first.fill("2")
    sam.page.get_by_label("Unit of the minimum time").first.select_option("weeks")
    sam.page.get_by_role("button", name="Save changes").click()
    expect(sam.page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    return address


def waiting_for_a_login(sam: Administrator, running: Running, address: str, wim: str) -> None:
    """The date appears by itself on the first login, for that learner alone."""
    running.act("first-login", person=wim)
    row = sam.row(f"individual:{wim}")
    for _attempt in range(WITHIN * 2):
        sam.page.goto(f"{address}/assignments")
        if not row.get_by_text("Not yet known").count():
            return
        sam.page.wait_for_timeout(400)
    raise AssertionError(row.inner_text())


def unknown_dates(sam: Administrator, running: Running, address: str, learners: Learners, known: set[str]) -> None:
    """Completion time unknown: one gets a realistic date, the other is not assigned, and thinks better of it."""
    exceptions_of(sam, address, "unknown_date", 2)
    sam.see("exceptions")
    expect(sam.page.get_by_role("button", name=ASSIGN, exact=True)).to_have_count(0)
    answer(sam, address, "unknown_date", "Cor Course", REALISTIC, 1)
    learners.settle_on(DATED, *known, "Cor Course")
    answer(sam, address, "unknown_date", "Cy Cert", DISMISS, 0)
    assert learners.on(DATED) == {*known, "Cor Course"}


def too_little_time(sam: Administrator, address: str, learners: Learners, ida: str, eli: str, pia: str) -> None:
    """Time allowance: realistic, as it is, and not at all."""
    sam.page.goto(f"{address}/assignments")
    add_people(sam, ida, eli, pia)
    for person in (ida, eli, pia):
        set_due(sam, person, kind="fixed", date=SOON)
    review = sam.review()
    expect(review).to_contain_text("Time allowance")
    sam.commit(review)
    exceptions_of(sam, address, "time_allowance", 3)
    assert learners.on(SHORT) == set()  # held: no call, no message
    answer(sam, address, "time_allowance", "Ida In", REALISTIC, 2)
    learners.settle_on(SHORT, "Ida In")
    answer(sam, address, "time_allowance", "Eli Enrolled", ASSIGN, 1)
    learners.settle_on(SHORT, "Ida In", "Eli Enrolled")
    answer(sam, address, "time_allowance", "Pia Profile", DISMISS, 0)
    assert learners.on(SHORT) == {"Ida In", "Eli Enrolled"}


def a_shared_course(sam: Administrator, learners: Learners, fay: str, tim: str) -> None:
    """Duplicate course: each of them is in another certification with one of its courses."""
    address = certification(sam, "Shares a course", "SHARES", DATED, SHARED)
    add_people(sam, fay, tim)
    sam.commit(sam.review())
    exceptions_of(sam, address, "duplicate_course", 2)
    assert learners.on(SHARED) == set()
    answer(sam, address, "duplicate_course", "Fay Fixed", ASSIGN, 1)
    learners.settle_on(SHARED, "Fay Fixed")
    answer(sam, address, "duplicate_course", "Tim Timed", DISMISS, 0)
    assert learners.on(SHARED) == {"Fay Fixed"}
    asked_again_together(sam, address)
    assert {"Fay Fixed", "Tim Timed"} <= learners.on(DATED)  # no exception ever withdraws anyone


def asked_again_together(sam: Administrator, address: str) -> None:
    """Both answers are taken back and given anew, each time after the number was confirmed; Fay is in and stays in."""
    page = sam.page
    page.goto(f"{address}/exceptions?view=answered")
    expect(page.locator("main tbody tr")).to_have_count(2)
    page.get_by_label("All 2 that match").check()
    page.get_by_role("button", name="Ask again").click()
    dialog = page.get_by_role("alertdialog", name="Ask again")
    expect(dialog).to_contain_text("takes back the answers to 2 exceptions")
    sam.see("exceptions-together")
    with page.expect_navigation():
        dialog.get_by_role("button", name="Answer 2").click()
    exceptions_of(sam, address, "duplicate_course", 2)
    page.get_by_label("All 2 that match").check()
    page.get_by_role("button", name=DISMISS, exact=True).click()
    with page.expect_navigation():
        page.get_by_role("alertdialog").get_by_role("button", name="Answer 2").click()
    exceptions_of(sam, address, "duplicate_course", 0)


def assigned_already(sam: Administrator, running: Running, address: str, learners: Learners, unit: str) -> None:
    """Already assigned, where a certification asks for it: a flag on learners who are in and stay in."""
    file = "version: 1\ncertifications: [{code: DATES, exceptions: {already_assigned: hold}}]\n"
    running.command("apply", "-", "--yes", typed=file)
    before = learners.on(DATED)
    sam.page.goto(f"{address}/assignments")
    dialog = sam.add("Organisation")
    units: Any = running.world("units")
    sam.search(dialog, "Search organisations", next(one["name"] for one in units if one["id"] == unit))
    dialog.locator(f'[role=option][data-id="{unit}"]').click()
    sam.accept(dialog, "Adding this assignment will enrol")
    review = sam.review()
    expect(review).to_contain_text("Already assigned")
    sam.commit(review)
    exceptions_of(sam, address, "already_assigned", 2)
    answer(sam, address, "already_assigned", "Fay Fixed", ASSIGN, 1)
    answer(sam, address, "already_assigned", "Tim Timed", DISMISS, 0)
    assert learners.on(DATED) == before
