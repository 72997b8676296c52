"""A Moodle of 50,000 people: never all in one answer, changes known in time, and never more than the share of its time.

CI reads a seeded tenth as it would the whole. What Moodle needs for an answer is reckoned as measured on a running one
(docs/hosts/moodle.md): 45 ms a call, and for each person of an answer 0.5 ms for ids, 2 ms for a listed profile, 5 ms for a
whole one; a completion 50 ms.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import select

from plugin.certifications.file.certification_file import proposals, read_file
from plugin.core.clock import Clock
from plugin.core.runtime import Runtime
from plugin.delivery.completion_polling import SHARE, watch
from plugin.enrolment.saving.save import Choices, save
from plugin.jobs.work import work_host
from plugin.jobs.worker import POLL
from plugin.mirror.connections.health import latest_costs
from plugin.mirror.connections.store import NewHost, add_host
from plugin.mirror.pulling.pull import pull
from plugin.mirror.tables import Completion, Connection, Job, Person, Unit
from tests.hosts.conformance.cases import MAPPING
from tests.hosts.fake_moodle import FakeMoodle, now, serve_moodle

LONG = bool(os.environ.get("MUSTER_LONG"))
PEOPLE, MANY = (50_000, 20_000) if LONG else (5_000, 2_000)
OPEN = PEOPLE // 50
"""Learners whose seat is open."""
LARGEST = 2_000
"""People in one answer, at most."""
FILE = """
version: 1
certifications:
  - {code: FS2, name: Food, state: live, content: {certification: [{name: Core, courses: ["11"]}]}, assignments: [{audience: "7"}]}
"""


@dataclass
class Weighed:
    """What the site was asked, and what that took it."""

    calls: int = 0
    seconds: float = 0.0
    largest: int = 0
    names: set[str] = field(default_factory=set)

    def weigh(self, name: str, asked: dict[str, Any], answer: Any) -> None:
        people = len(answer) if isinstance(answer, list) and name.startswith("core_") and "user" in name else 0
        each = 0.005 if name == "core_user_get_users_by_field" else 0.002
        if "'id'" in str(asked.get("options", "")):
            each = 0.0005
        if "completion" in name:
            each, people = 0.05, 1
        self.calls += 1
        self.seconds += 0.045 + each * people
        self.largest = max(self.largest, people)
        self.names.add(name)


@dataclass
class Site:
    """Muster and a large Moodle."""

    made: Runtime
    fake: FakeMoodle
    host: int
    weighed: Weighed

    def later(self, seconds: int) -> None:
        self.made = replace(self.made, clock=Clock(self.made.clock.now() + seconds))

    def fresh(self) -> Weighed:
        """Begin to weigh anew."""
        self.weighed.__dict__.update(Weighed().__dict__)
        return self.weighed


@pytest.fixture
def site(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr("plugin.hosts.moodle.host.MANY", MANY)
    weighed, original = Weighed(), FakeMoodle.call

    def call(self: FakeMoodle, name: str, asked: dict[str, Any]) -> Any:
        answer = original(self, name, asked)
        weighed.weigh(name, asked, answer)
        return answer

    monkeypatch.setattr(FakeMoodle, "call", call)
    made = replace(runtime, clock=Clock(now()))
    with serve_moodle(PEOPLE) as fake:
        fake.cohort(7, *range(100, 100 + OPEN))
        new = NewHost(
            "moodle", fake.base, "client", "1", *(f"{fake.base}/{name}" for name in ("auth", "token", "jwks")), kind="moodle",
            api_url=fake.base, api_token=fake.token, mapping=MAPPING,
        )  # fmt: skip
        host = runtime.db.transact(lambda session: add_host(session, new, made.clock.now()).id)
        yield Site(made, fake, host, weighed)


@pytest.mark.long
def test_a_large_moodle_is_read_in_pieces_in_time_and_within_its_share(site: Site) -> None:
    rng = random.Random(11)
    first = pull(site.made, site.host)
    assert site.weighed.largest <= LARGEST
    assert "core_user_get_users" not in site.weighed.names
    assert first.costs["people"].calls >= PEOPLE // LARGEST
    assert sum(cost.calls for cost in first.costs.values()) == _calls(site)
    whole = sum(cost.received for cost in first.costs.values())

    moved = rng.sample(range(200 + OPEN, PEOPLE), 20)
    for number in moved:
        site.fake.user(number, custom={"orgpath": "/Acme/Elsewhere"})
    site.later(POLL)
    poll = site.fresh()
    second = pull(site.made, site.host)
    assert _in_unit(site, "Elsewhere") == {str(number) for number in moved}, "known at the next poll, within 15 minutes"
    assert poll.largest <= LARGEST
    assert poll.seconds <= POLL * SHARE / 100 * PEOPLE / 50_000, "less than its share of the time between two polls"
    cost = sum((one.received for one in second.costs.values()), 0)
    assert cost <= whole
    with site.made.db.read() as session:
        connection = session.scalars(select(Connection)).one()
        shown = latest_costs(session, site.host, connection)
    assert shown["people"] == (second.costs["people"].calls, second.costs["people"].received)
    print(f"\n{PEOPLE} people: first read {whole / 1e6:.1f} MB; poll {poll.calls} calls, {cost / 1e6:.1f} MB,"
          f" {poll.seconds:.0f} s of the site's time in {POLL} s")  # fmt: skip

    _completions_in_time(site)


def _completions_in_time(site: Site) -> None:
    """Only those with an open seat are asked about; whoever never opened the course too is known within the hour."""
    with site.made.db.read() as session:
        wanted = proposals(session, site.host, read_file(FILE))
    save(site.made, site.host, wanted, who="tester", choices=Choices())
    work_host(site.made, site.host)
    assert len(site.fake.roster(11)) == OPEN
    site.fake.completed[11, 100 + OPEN // 2] = now()
    asked, began = site.fresh(), site.made.clock.now()
    while site.made.clock.now() - began < 3600 and not _completed(site):
        watch(site.made, site.host)
        site.later(40)
    assert _completed(site) == {str(100 + OPEN // 2)}
    assert asked.largest <= LARGEST
    assert asked.seconds <= 3600 * SHARE / 100
    assert asked.calls <= OPEN * 2 + 60


def _calls(site: Site) -> int:
    """Calls over the line: several functions may go in one."""
    inside = sum(1 for name, _asked in site.fake.calls if name == "core_completion_get_course_completion_status")
    return len(site.fake.calls) - inside


def _in_unit(site: Site, name: str) -> set[str]:
    with site.made.db.read() as session:
        query = (
            select(Person.ext)
            .join(Job, (Job.host_id == Person.host_id) & (Job.person == Person.id) & ~Job.gone)
            .join(Unit, (Unit.host_id == Job.host_id) & (Unit.id == Job.organisation))
            .where(Unit.name == name)
        )
        return set(session.scalars(query))


def _completed(site: Site) -> set[str]:
    with site.made.db.read() as session:
        return set(session.scalars(select(Completion.person_ext)))
