"""A second cycle with the same courses, at a host that can reset completions; and whatever such a host answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from plugin.certifications.file.certification_file import proposals, read_file
from plugin.core.clock import Clock, parse_instant
from plugin.core.errors import RefusedByRule
from plugin.core.runtime import Runtime
from plugin.delivery.resets.reset_tables import CourseReset
from plugin.enrolment.doctor import examine
from plugin.enrolment.saving.save import Choices, save
from plugin.enrolment.views.show import show_rows
from plugin.jobs.work import work_host
from plugin.mirror.pulling.pull import pull
from tests.live import Sandbox, connect, serve_sandbox

FILE = """
version: 1
certifications:
  - code: FS2
    name: Food
    state: live
    content: {certification: [{name: Core, courses: [c1, c2]}], recertification: same}
    period: {active: 1 year, window: 1 month, expiry_from: completion}
    assignments: [{individual: U-4}]
"""


class Lived:
    """Muster and a sandbox through the years."""

    def __init__(self, runtime: Runtime, sandbox: Sandbox) -> None:
        self.runtime, self.sandbox = runtime, sandbox
        self.at("2027-01-01T12:00:00Z", connected=False)
        self.host_id = connect(self.runtime, sandbox)
        with self.runtime.db.read() as session:
            wanted = proposals(session, self.host_id, read_file(FILE))
        save(self.runtime, self.host_id, wanted, who="tester", choices=Choices())
        work_host(self.runtime, self.host_id)

    def at(self, moment: str, *, connected: bool = True) -> None:
        """Come to a moment, read the host and do what is owed."""
        self.runtime = replace(self.runtime, clock=Clock(parse_instant(moment)))
        if connected:
            pull(self.runtime, self.host_id)
            work_host(self.runtime, self.host_id)

    def complete(self, *courses: str, at: str) -> None:
        for course in courses:
            self.sandbox.act("complete", person="U-4", course=course, at=at)

    @property
    def state(self) -> str:
        with self.runtime.db.read() as session:
            return str(show_rows(session, self.host_id, 1)[0]["state"])

    @property
    def resets(self) -> list[CourseReset]:
        with self.runtime.db.read() as session:
            return list(session.scalars(select(CourseReset).order_by(CourseReset.course, CourseReset.before)))

    def told(self) -> list[dict[str, Any]]:
        return [row for row in self.sandbox.get("log") if row["type"] == "completions.reset"]


@pytest.fixture(params=[False, True], ids=["at-once", "later"])
def lived(request: pytest.FixtureRequest, runtime: Runtime, tmp_path: Path) -> Iterator[Lived]:
    with serve_sandbox(tmp_path / "sandbox", resets=True, asynchronous=request.param) as sandbox:
        yield Lived(runtime, sandbox)


@pytest.fixture
def once(runtime: Runtime, tmp_path: Path) -> Iterator[Lived]:
    with serve_sandbox(tmp_path / "sandbox", resets=True) as sandbox:
        yield Lived(runtime, sandbox)


def test_the_same_courses_begin_anew_with_the_window_and_are_completed_again(once: Lived) -> None:
    once.complete("c1", "c2", at="2027-02-10T10:00:00Z")
    once.at("2027-02-11T00:00:00Z")
    assert (once.state, once.told()) == ("certified", [])
    once.at("2028-01-11T00:00:00Z")
    assert once.state == "window_open"
    assert [(row["course"], row["effective"]) for row in once.told()] == [("c1", 1), ("c2", 1)]
    assert [row.state for row in once.resets] == ["done", "done"]
    once.complete("c1", at="2028-01-12T10:00:00Z")
    once.at("2028-01-13T00:00:00Z")
    assert once.state == "window_open"
    once.complete("c2", at="2028-01-20T10:00:00Z")
    once.at("2028-01-21T00:00:00Z")
    assert once.state == "certified"
    once.at("2028-01-22T00:00:00Z")
    assert len(once.told()) == 2
    assert examine(once.runtime, deep=True) == []


def test_expired_only_what_she_did_before_the_window_begins_anew(once: Lived) -> None:
    once.complete("c1", "c2", at="2027-02-10T10:00:00Z")
    once.at("2027-02-11T00:00:00Z")
    once.at("2028-01-11T00:00:00Z")
    once.complete("c1", at="2028-01-20T10:00:00Z")
    once.at("2028-03-01T00:00:00Z")
    assert once.state == "expired"
    assert len(once.told()) == 2
    once.complete("c2", at="2028-03-05T10:00:00Z")
    once.at("2028-03-06T00:00:00Z")
    assert once.state == "certified"


@pytest.mark.parametrize("mood", ["down", "failing", "html", "garbage"])
def test_a_host_in_trouble_is_asked_again_with_the_same_words(once: Lived, mood: str) -> None:
    once.complete("c1", "c2", at="2027-02-10T10:00:00Z")
    once.at("2027-02-11T00:00:00Z")
    once.at("2028-01-11T00:00:00Z", connected=False)
    once.sandbox.act("mood", mood=mood)
    once.runtime = replace(once.runtime, clock=Clock(parse_instant("2028-01-11T00:00:00Z")))
    work_host(once.runtime, once.host_id)
    assert {row.state for row in once.resets} == {"sending"}
    once.sandbox.act("mood", mood="ok")
    once.at("2028-01-11T02:00:00Z")
    assert {row.state for row in once.resets} == {"done"}
    assert len(once.told()) == 2


def test_a_host_that_answers_later_is_asked_after(lived: Lived) -> None:
    lived.complete("c1", "c2", at="2027-02-10T10:00:00Z")
    lived.at("2027-02-11T00:00:00Z")
    for minute in range(12):
        lived.at(f"2028-01-11T00:{minute * 4:02}:00Z")
        if lived.resets and {row.state for row in lived.resets} == {"done"}:
            break
    assert {row.state for row in lived.resets} == {"done"}


def test_a_host_that_cannot_is_given_no_such_work(runtime: Runtime, tmp_path: Path) -> None:
    with serve_sandbox(tmp_path / "sandbox") as sandbox, pytest.raises(RefusedByRule, match="reset completions"):
        Lived(runtime, sandbox)
