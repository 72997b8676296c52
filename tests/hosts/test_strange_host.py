"""A host that does everything the contract allows: Muster reads it, writes to it and waits for it as it asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from plugin.certifications.file.certification_file import proposals, read_file
from plugin.certifications.tables import Certification
from plugin.cli import main
from plugin.core.clock import Clock, format_instant
from plugin.core.host_time import move_on
from plugin.core.network.http import DEADLINE, HttpAnswer, Outbound
from plugin.core.runtime import Runtime
from plugin.delivery.seats.parking import RETRY, answer_parked
from plugin.delivery.tables import Message
from plugin.enrolment.doctor import examine
from plugin.enrolment.saving.save import Choices, save
from plugin.enrolment.tables import Enrolment
from plugin.enrolment.views.show import show_rows
from plugin.hosts.webhook import WebhookHost
from plugin.jobs.work import work_host
from plugin.mirror.connections.store import spec_of
from plugin.mirror.pulling.pull import pull
from plugin.mirror.tables import Connection
from tests.conftest import KEYS
from tests.hosts.strange import Strange, register, serve

DAY = 86_400
TOLD = "notifications: [{when: assigned, to: [learner]}]"


class Site:
    """The strange host and Muster beside it, at a clock that stands where it is put."""

    def __init__(self, strange: Strange, runtime: Runtime, host_id: int) -> None:
        self.strange, self.runtime, self.host_id = strange, runtime, host_id

    def later(self, seconds: int) -> None:
        self.runtime = replace(self.runtime, clock=Clock(self.runtime.clock.now() + seconds))

    def assign(self, *rows: str, more: str = "") -> None:
        text = f"""
version: 1
certifications:
  - code: X
    name: X
    state: live
    content: {{certification: [{{name: Core, courses: [c1]}}]}}
    assignments: [{", ".join(rows)}]
    {more}
"""
        with self.runtime.db.read() as session:
            wanted = proposals(session, self.host_id, read_file(text))
        save(self.runtime, self.host_id, wanted, who="tester", choices=Choices())

    def individuals(self, *names: str, more: str = "") -> None:
        self.assign(*(f"{{individual: {name}}}" for name in names), more=more)

    def work(self) -> None:
        work_host(self.runtime, self.host_id)

    def pull(self) -> None:
        pull(self.runtime, self.host_id)

    def seats(self) -> dict[str, dict[str, Any]]:
        with self.runtime.db.read() as session:
            certification = session.scalars(select(Certification.id)).one()
            rows = show_rows(session, self.host_id, certification)
            return {row["person"]: {**row["seats"].get("c1", {}), "state": row["state"]} for row in rows}

    def connection(self) -> Connection:
        with self.runtime.db.read() as session:
            return session.scalars(select(Connection)).one()


@pytest.fixture
def site(runtime: Runtime) -> Iterator[Site]:
    strange = Strange()
    strange.add("people", *({"id": f"P{n}", "name": f"Person {n}", "state": "active"} for n in range(1, 9)))
    strange.add("courses", {"id": "c1", "name": "Course"})
    with serve(strange) as base:
        made = Site(strange, runtime, register(runtime, base))
        made.pull()
        yield made
        assert examine(made.runtime, deep=True) == []


def test_pages_smaller_than_asked_and_fields_nobody_knows_are_read_whole_every_time_without_marks(site: Site) -> None:
    strange = site.strange
    asked = [asked for path, asked in strange.reads if path == "/people"]
    assert asked == [{"limit": "1000"}] + [{"limit": "1000", "cursor": f"page-{n}"} for n in (3, 6)]
    strange.reads.clear()
    site.pull()
    assert [asked for path, asked in strange.reads if path == "/people"] == asked
    site.individuals("P1", "P8")
    site.work()
    assert strange.wants_in("c1") == {"P1", "P8"}
    del strange.rows["people"]["P8"]
    site.pull()
    site.work()
    assert site.seats()["P8"]["state"] == "assigned"  # absent once, and the host reads nobody by id
    site.pull()
    site.work()
    assert site.seats()["P8"]["state"] == "withdrawn"


def test_changes_since_a_mark_with_what_is_gone_and_a_mark_that_is_too_old(site: Site) -> None:
    strange = site.strange
    strange.kinds, strange.mark = {kind: ["full", "delta"] for kind in strange.kinds}, "now/1"
    strange.add("audiences", {"id": "A", "name": "All"})
    strange.add("members", *({"id": f"m{n}", "audience": "A", "person": f"P{n}"} for n in (1, 2)),
                {"id": "m9", "audience": "A", "person": "NOBODY"})  # fmt: skip
    site.pull()
    site.assign("{audience: A}")
    site.work()
    assert strange.wants_in("c1") == {"P1", "P2"}
    strange.changes["members", "now/1"] = {
        "items": [{"id": "m3", "audience": "A", "person": "P3"}],
        "gone": ["m1", "who?"],
        "mark": "forgotten",
    }
    site.pull()
    site.work()
    assert strange.wants_in("c1") == {"P2", "P3"}
    strange.add("members", {"id": "m3", "audience": "A", "person": "P3"}, {"id": "m4", "audience": "A", "person": "P4"})
    strange.reads.clear()
    site.pull()
    site.work()
    read = [asked for path, asked in strange.reads if path == "/members"]
    assert [sorted(one) for one in read] == [["limit", "since"], ["limit"], ["cursor", "limit"]]
    assert strange.wants_in("c1") == {"P1", "P2", "P3", "P4"}


def test_a_manager_known_by_name_alone_has_that_team_in_every_job_and_one_who_stands_in_has_none(site: Site) -> None:
    strange = site.strange
    strange.add(
        "jobs", {"id": "B1", "person": "P1"}, {"id": "B2", "person": "P1", "title": None},
        {"id": "J2", "person": "P2", "manager": "P1"}, {"id": "J3", "person": "P3", "manager": "P7", "manager_job": "B2"},
        {"id": "J4", "person": "P4", "manager_job": "B1", "temporary": True},
        {"id": "J5", "person": "P5", "manager": "P2"}, {"id": "J6", "person": "P6", "manager": "P6"},
    )  # fmt: skip
    site.pull()
    for job, include, team in (("B1", "direct", {"P2"}), ("B1", "below", {"P2", "P5"}), ("B2", "direct", {"P2", "P3"}),
                               ("B2", "below", {"P2", "P3", "P5"})):  # fmt: skip
        site.assign(f"{{manager: {job}, include: {include}}}")
        site.work()
        assert strange.wants_in("c1") == team, (job, include)


def test_outcomes_in_another_order_and_a_pause_for_one_learner(site: Site) -> None:
    strange = site.strange
    strange.outcome = lambda item: (
        {"outcome": "retry", "why": "The course is being copied.", "after": 3600} if item["person"] == "P1" else None
    )
    site.individuals("P1", "P2", "P3")
    site.work()
    assert [len(call["items"]) for call in strange.calls] == [2, 1]
    assert strange.wants_in("c1") == {"P2", "P3"}
    assert (site.seats()["P1"]["confirmed"], site.seats()["P2"]["confirmed"]) == ("unknown", "in")
    strange.calls.clear()
    strange.outcome = lambda _item: None
    site.later(3590)
    site.work()
    assert strange.calls == []
    site.later(20)
    site.work()
    assert strange.sent() == [("P1", 1, "in")]
    assert site.seats()["P1"]["confirmed"] == "in"


def test_whom_others_enrolled_is_left_to_them_and_whom_we_reactivate_becomes_ours(site: Site) -> None:
    strange = site.strange
    strange.outcome = lambda _item: {"outcome": "found"}
    site.individuals("P1")
    site.work()
    assert site.seats()["P1"] == {"want": "in", "confirmed": "in", "origin": "found", "state": "assigned"}
    strange.calls.clear()
    site.assign()
    site.work()
    assert strange.calls == []
    strange.answer = lambda _call: (503, {"Retry-After": "60"}, None)
    site.individuals("P2")
    site.work()
    site.assign()
    strange.answer = lambda _call: None
    for answer, want in (("retry", "in"), ("found", "suspended")):  # sent, unknown, and no longer wanted by then
        strange.outcome = lambda _item, answer=answer: {"outcome": answer}  # type: ignore[misc]
        strange.calls.clear()
        site.later(120)
        site.work()
        assert strange.sent()[-1][2] == want
    strange.outcome = lambda _item: {"outcome": "done"}
    site.individuals("P2")
    site.work()
    assert strange.sent()[-1][2] == "in"  # found suspended is not found active
    assert (site.seats()["P2"]["confirmed"], site.seats()["P2"]["origin"]) == ("in", "ours")


def test_who_is_said_to_be_gone_is_looked_at_again(site: Site) -> None:
    strange = site.strange
    strange.kinds = {kind: ["full", "ids"] for kind in strange.kinds}
    site.pull()
    del strange.rows["people"]["P1"]
    strange.outcome = lambda item: {"outcome": "gone", "why": "Never heard of her."} if item["person"] < "P3" else None
    strange.reads.clear()
    site.individuals("P1", "P2", "P3")
    site.work()
    assert [asked for path, asked in strange.reads if path == "/people"] == [{"ids": "P1,P2", "limit": "1000"}]
    assert site.seats()["P1"]["state"] == "withdrawn"
    assert site.seats()["P2"]["parked"] == "Never heard of her."
    assert site.seats()["P3"]["confirmed"] == "in"


def test_what_is_not_offered_is_not_asked_for_and_says_so(site: Site) -> None:
    strange = site.strange
    strange.described = {"writes": {"seats": 5}}
    site.pull()
    site.individuals("P1", more=TOLD)
    site.work()
    assert [call["type"] for call in strange.calls] == ["seats.changed"]
    with site.runtime.db.read() as session:
        message = session.scalars(select(Message)).one()
    assert message.state == "parked"
    assert message.why.startswith("The learning site does not offer to take messages")
    strange.described = {"writes": {}}
    site.pull()
    site.individuals("P1", "P2")
    site.work()
    assert len(strange.calls) == 1
    assert site.seats()["P2"]["parked"] == "The learning site does not offer to take enrolments."
    strange.described = {"writes": {"seats": 5}}
    site.pull()
    site.runtime.db.transact(
        lambda session: answer_parked(session, site.host_id, RETRY, None, at=site.runtime.clock.now(), who="tester")
    )
    site.work()
    assert strange.wants_in("c1") == {"P1", "P2"}


@pytest.mark.parametrize("promised", [False, True])
def test_an_answer_without_outcomes_means_done_only_where_that_was_promised(site: Site, promised: bool) -> None:
    strange = site.strange
    strange.described = {"writes": {"seats": 5}, "writes_all_or_nothing": promised}
    strange.answer = lambda _call: (204, {}, None)
    site.pull()
    site.individuals("P1", "P2")
    site.work()
    if promised:
        assert {row["confirmed"] for row in site.seats().values()} == {"in"}
        assert site.connection().state == "active"
        return
    assert {row["confirmed"] for row in site.seats().values()} == {"unknown"}
    assert site.connection().state == "paused"
    strange.answer = lambda _call: None
    site.later(300)
    site.work()
    first, again = strange.calls
    assert (first["id"], first["body"]) == (again["id"], again["body"])
    assert {row["confirmed"] for row in site.seats().values()} == {"in"}


def test_work_taken_as_a_job_is_asked_after_and_one_that_is_forgotten_is_sent_anew(site: Site) -> None:
    strange = site.strange

    def later(call: dict[str, Any]) -> Any:
        strange.jobs["a job/1?"] = [{"state": "running"}, {"state": "done", "outcomes": strange.outcomes(call)}]
        return 202, {}, {"job": "a job/1?", "eta": "soon"}

    strange.described, strange.answer = {"writes": {"seats": 5}}, later
    site.pull()
    site.individuals("P1", "P2")
    for _turn in range(3):
        site.work()
        site.later(30)
    assert {row["confirmed"] for row in site.seats().values()} == {"in"}
    assert len(strange.calls) == 1
    strange.answer = lambda _call: (202, {}, {"job": "lost"})
    strange.jobs["lost"] = [{"state": "done", "outcomes": []}]
    site.individuals("P1", "P2", "P3")
    site.work()
    strange.answer = lambda _call: None
    for _turn in range(2):
        site.later(600)
        site.work()
    assert site.seats()["P3"]["confirmed"] == "in"


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_that_is_busy_is_asked_nothing_for_as_long_as_it_says(site: Site, status: int) -> None:
    strange = site.strange
    strange.answer = lambda _call: (status, {"Retry-After": "600"}, {"detail": "The night's backup runs."})
    site.individuals("P1")
    site.work()
    assert site.connection().reason == "The night's backup runs."
    strange.reads.clear()
    site.later(590)
    site.work()
    assert (len(strange.calls), strange.reads) == (1, [])
    strange.answer = lambda _call: None
    site.later(20)
    site.work()
    assert strange.calls[0]["id"] == strange.calls[1]["id"]
    assert strange.wants_in("c1") == {"P1"}


def test_a_push_is_waited_for_as_long_as_the_contract_says(runtime: Runtime) -> None:
    limits: list[dict[str, Any]] = []

    class Noting(Outbound):
        def call(self, method: str, url: str, **how: Any) -> HttpAnswer:
            limits.append({"method": method, **how})
            return super().call(method, url, **how)

    with serve(Strange()) as base:
        host_id = register(runtime, base)
        with runtime.db.read() as session:
            spec = spec_of(session.scalars(select(Connection).where(Connection.host_id == host_id)).one())
        host = WebhookHost(spec, Noting(allow_private=True), runtime.clock)
        assert host.send("m1", "seats", host.prepare("seats", [], "")).outcomes == []
    assert [(one["method"], one["read_timeout"], one.get("deadline", DEADLINE)) for one in limits] == [("POST", 30, 30)]


@pytest.mark.one_database
@pytest.mark.parametrize("looked_between", [False, True])
def test_without_a_worker_grace_counts_from_the_read_that_moved_somebody(
    site: Site, looked_between: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not somebody opened a page between the two reads, which lets the time pass too."""
    strange, began = site.strange, site.runtime.clock.now()
    url = site.runtime.db.engine.url.render_as_string(hide_password=False)
    for name, value in (("ENV", "development"), ("SECRET_KEYS", KEYS), ("DATABASE_URL", url)):
        monkeypatch.setenv(f"MUSTER_{name}", value)
    strange.add("units", *({"id": f"U{n}", "kind": "organisation", "name": f"Unit {n}", "framework": "F"} for n in (1, 2)),
                {"id": "clerk", "kind": "position", "name": "Clerk", "framework": "G"})  # fmt: skip
    strange.add("jobs", *({"id": f"J{n}", "person": f"P{n}", "organisation": "U1"} for n in (1, 2, 3)))
    site.pull()
    site.assign("{organisation: U1}", more="leaving: {seat: suspend, grace: 2 days}")
    site.work()
    for days, job in ((1, {"organisation": "U1", "position": "clerk"}), (2, {"organisation": "U2"})):
        site.later(days * DAY)
        if looked_between:
            move_on(site.runtime, site.host_id)
        strange.add("jobs", {"id": "J1", "person": "P1", **job})
        monkeypatch.setenv("MUSTER_NOW", format_instant(site.runtime.clock.now()) or "")
        assert main(["sync", "strange"]) == 0
    site.work()
    with site.runtime.db.read() as session:
        found = session.scalars(select(Enrolment.leaves_on).order_by(Enrolment.person)).all()
    assert found == [began + 5 * DAY, None, None], "two days after she moved, not after she became a clerk"
