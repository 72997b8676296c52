"""First pages that sort not all rows, totals that are counted by sets, and counts by night: each equals the long way."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from urllib.parse import parse_qsl

import pytest
from sqlalchemy import text

from plugin.core.runtime import Runtime
from plugin.delivery.tables import Message
from plugin.reports import outlook, overview
from plugin.reports.asking import first_rows
from plugin.reports.asking.question import parse_question
from plugin.reports.asking.reader import Reader
from plugin.reports.catalogue import SOURCES
from plugin.reports.counts import kept_first, people_in_order, totals
from plugin.reports.counts.nightly import keep_counts
from plugin.reports.counts.tables import ReportCount
from plugin.reports.query import Query, ask, whole
from plugin.reports.service import asking
from tests.web.conftest import small_world
from tests.world import HOST, World, row

DAY = 86_400
SHOWN = "person,certification"


@pytest.fixture
def world(runtime: Runtime) -> World:
    """Five learners of three certifications, with dates that are alike, early, late and missing, and one withdrawn."""
    made = small_world(runtime)
    made.set_person("dov", name="")
    made.set_person("cid", name="Bea")
    content = {"certification": [{"name": "Core", "courses": ["c1", "c2"], "needs": "all"}]}
    everybody = [row("individual", one, due={"fixed": "2027-03-31"}) for one in ("bea", "cid", "dov", "eve")]
    made.save("a", *everybody, row("individual", "ann", due={"fixed": "2026-11-01"}), state="live", settle=True,
              content=content, exceptions={"time_allowance": "assign"})  # fmt: skip
    made.save("b", row("organisation", "sales", "below"), row("individual", "eve", due={"fixed": "2027-01-31"}),
              row("individual", "dov", due={"fixed": "2027-03-31"}), state="live", settle=True)  # fmt: skip
    made.save("c", row("individual", "ann"), row("individual", "bea"), state="live", settle=True)
    made.save("c", row("individual", "bea"), state="live", settle=True)
    made.complete("bea", "c1", made.now - 100)
    made.settle()
    return made


def pages(world: World, source: str, query: list[tuple[str, str]], limit: int) -> tuple[list[Any], int]:
    """All rows, a page at a time, and the total that the first page tells."""
    found: list[Any] = []
    cursor, total = "", None
    with asking(world.runtime, HOST, Reader("tester")) as asker:
        while True:
            question = parse_question(source, [*query, ("limit", str(limit)), ("cursor", cursor)])
            answer = ask(asker, question)
            found += [tuple(one[name] for name in ("person", "certification")) for one in answer.rows]
            total = answer.total if total is None else total
            if answer.next is None:
                return found, total
            cursor = answer.next


def everything(world: World, source: str, query: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """All rows at once."""
    with asking(world.runtime, HOST, Reader("tester")) as asker:
        return [one for part in whole(asker, parse_question(source, query)).parts for one in part]


def test_rows_that_pass_a_computed_test_are_the_same_by_page_and_at_once(world: World) -> None:
    """Filters and orders that no SQL knows, together and apart."""
    for source, asked in (
        ("learners", "progress=0 of 2&sort=due"), ("learners", "progress.empty=false&sort=-assignment_names"),
        ("learners", "assignment_types=organisation&sort=organisation"), ("learners", "assignment_types.empty=true"),
        ("membership", "since.empty=false&sort=-since"), ("membership", "since.empty=false"),
        ("membership", "assignment_type=individual"), ("membership", "gives_due=true&assignment_type=individual"),
        ("courses", "set=Core&sort=-why_not"), ("courses", "why_not.empty=true&sort=course"),
    ):  # fmt: skip
        query = parse_qsl(asked)
        rows = everything(world, source, [*query, ("columns", SHOWN)])
        expected = [(one["person"], one["certification"]) for one in rows]
        assert expected, asked
        assert pages(world, source, [*query, ("columns", SHOWN)], 2) == (expected, len(expected)), asked


def test_pages_in_any_order_are_the_whole_list(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every order of every source, as if two alike rows were many, and more than none were not few."""
    for module, name, value in ((first_rows, "MANY", 2), (kept_first, "MANY", 2), (kept_first, "_FEW", 0)):
        monkeypatch.setattr(module, name, value)
    for source in ("learners", "membership", "courses"):
        for name in [one.name for one in SOURCES[source].columns]:
            for sort in (name, f"-{name}"):
                query = [("columns", SHOWN), ("sort", sort)]
                rows = everything(world, source, query)
                expected = [(one["person"], one["certification"]) for one in rows]
                assert len(expected) > 5
                assert pages(world, source, query, 3) == (expected, len(expected)), (source, sort)
                values = [one[name] for one in everything(world, source, [("columns", name), ("sort", sort)])]
                full = [json.dumps(one) if isinstance(one, dict) else one for one in values if one is not None]
                assert full == sorted(full, reverse=sort.startswith("-")), (source, sort)
                assert all(one is None for one in values[len(full) :])


KEPT = (
    "due.next=100", "due.before=2027-02-01&state=assigned", "due=2027-03-31", "due.between=2026-11-01..2027-01-31",
    "due.empty=true&active=true", "overdue=true", "overdue=false&state=assigned", "overdue=true&overdue=false",
    "enrolled_at.last=1&organisation=north", "expires.empty=false", "completed_at.empty=true&certification=a", "due.after=2026-12-31",
    "due=2026-11-01&due=2027-01-31", "held=guard", "search=bea", "state=withdrawn&due.empty=true",
)  # fmt: skip
"""Filters on learners that are answered by what the process keeps."""


def test_rows_that_are_kept_are_those_of_a_scan(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose they are, how many, and their order by page, with any two filters."""
    found = 0
    for few in (0, 200):
        monkeypatch.setattr(kept_first, "_FEW", few)
        monkeypatch.setattr(kept_first, "MANY", 2 if few else 100)
        for asked in KEPT:
            for sort in ("", "due", "-due", "name", "-name", "-enrolled_at", "email", "-person", "state"):
                pairs = [*parse_qsl(asked), ("columns", SHOWN), ("sort", sort)]
                rows = everything(world, "learners", pairs)
                expected = [(one["person"], one["certification"]) for one in rows]
                assert pages(world, "learners", pairs, 2) == (expected, len(expected)), (asked, sort)
                found += bool(expected)
            with asking(world.runtime, HOST, Reader("tester")) as asker:
                query = Query(asker, parse_question("learners", parse_qsl(asked)))
                assert query.kept is not None
                assert query.kept.total == query.statement.count(), asked
    assert found > 200


def test_an_order_of_people_that_is_kept_follows_who_changed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_first, "_FEW", 0)
    asked = [("columns", SHOWN), ("sort", "name"), ("state", "assigned")]
    for anew in (2_000, 0):
        monkeypatch.setattr(people_in_order, "_ANEW_ABOVE", anew)
        for person, name in (("ann", "Zoe"), ("eve", "Abe"), ("dov", "Mia"), ("bea", ""), ("ann", "Ann"), ("dov", "")):
            expected = [(one["person"], one["certification"]) for one in everything(world, "learners", asked)]
            assert pages(world, "learners", asked, 2) == (expected, len(expected))
            world.set_person(person, name=name)
            world.people(f"new-{person}-{name}-{anew}")


def test_pages_of_messages_in_any_order_are_the_whole_list(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are sorted when the list opens: by the instant at which each went, which many have in common."""
    with world.runtime.db.write() as session:
        for n in range(12):
            session.add(Message(
                host_id=HOST, id=1_000 + n, key=f"k{n}", notification=0, when="due", certification=1 + n % 3, learner=1 + n % 5,
                recipient=1 + n % 4, spell=1, cycle=0, channel="host", state="sent", created=world.now + n,
                sent_at=None if n % 2 else world.now + 100 - n // 8, next_at=0,
            ))  # fmt: skip
    for many in (first_rows.MANY, 4):  # never fewer than a page has
        monkeypatch.setattr(first_rows, "MANY", many)
        for name in [one.name for one in SOURCES["messages"].columns]:
            for sort in (name, f"-{name}"):
                query = [("columns", SHOWN), ("sort", sort)]
                expected = [(one["person"], one["certification"]) for one in everything(world, "messages", query)]
                assert len(expected) == 12
                assert pages(world, "messages", query, 3) == (expected, 12), (many, sort)


def test_totals_by_sets_are_those_of_a_scan(world: World) -> None:
    questions = [
        ("learners", ""), ("learners", "state=assigned"), ("learners", "state=withdrawn"), ("learners", "active=false"),
        ("learners", "active=true&certification=b"), ("learners", "organisation=sales&state=assigned&state=in_progress"),
        ("learners", "held=exception"), ("membership", ""), ("membership", "certification=a"), ("courses", ""),
        ("courses", "organisation=north&certification=a"), ("courses", "want=in&confirmed=none"), ("courses", "want=out"),
        ("courses", "want=in&want=out&confirmed=in"), ("courses", "confirmed=none&confirmed=suspended"),
        ("courses", "organisation=north&confirmed=in"), ("courses", "confirmed=unknown&certification=b"),
        ("membership", "gives_due=true"), ("membership", "gives_due=false"), ("membership", "gives_due=true&gives_due=false"),
        ("membership", "assignment_type=individual&gives_due=true"), ("membership", "include=below&gives_due=false"),
        ("membership", "assignment=individual:eve&certification=b"), ("membership", "assignment_type=organisation&include=below"),
        ("membership", "gives_due=true&assignment=individual:dov"),
    ]  # fmt: skip
    with world.runtime.db.write() as session:
        session.execute(text("UPDATE seat SET confirmed = 2 WHERE person IN (2, 3)"))
    found: list[int | None] = []
    with asking(world.runtime, HOST, Reader("tester")) as asker:
        for source, asked in questions:
            query = Query(asker, parse_question(source, parse_qsl(asked)))
            counted = totals.total(asker, query.question, query.where.people, query.members)
            assert counted == query.statement.count(), (source, asked)
            found.append(counted)
            assert query.page().total == query.statement.count()
    assert sum(bool(one) for one in found) > 20


def test_an_overview_that_is_kept_follows_every_change_and_the_clock(world: World) -> None:
    def both() -> list[dict[str, Any]]:
        with asking(world.runtime, HOST, Reader("tester")) as asker:
            kept = ask(asker, parse_question("overview", [])).rows
            asked, _tests = overview.overview_subject(asker, parse_question("overview", []))
            scanned = overview.scanned(asker, asked)
        for one in kept:
            assert all(one[name] == scanned[number][name] for number, (code, _name) in asked.codes.items()
                       if code == one["certification"] for name in scanned[number])  # fmt: skip
        return kept

    assert [one["enrolled"] for one in both()] == [5, 5, 1]
    assert [one["overdue"] for one in both()] == [1, 0, 0]
    world.at(world.now + 75 * DAY)  # 1 February 2027
    assert [one["overdue"] for one in both()] == [1, 1, 0]
    world.save("c", row("individual", "bea"), row("individual", "cid"), state="live", settle=True)
    assert [one["enrolled"] for one in both()] == [5, 5, 2]


def test_counts_are_kept_each_night_by_organisation(world: World) -> None:
    assert keep_counts(world.runtime, HOST) == 0  # saved today: no day of it is over
    at = world.now
    for days in (13, 44):  # the first of December and of January
        world.at(at + days * DAY)
        assert keep_counts(world.runtime, HOST) > 0
        assert keep_counts(world.runtime, HOST) == 0
    with asking(world.runtime, HOST, Reader("tester")) as asker:
        everybody, sales = outlook.trend(asker, "b"), outlook.trend(asker, "b", "sales")
        north, legal = outlook.trend(asker, "b", "north"), outlook.trend(asker, "b", "legal")
    ends = [date(2026, 11, 30), date(2026, 12, 31)]
    assert [(one.day, one.enrolled) for one in everybody] == [(day, 5) for day in ends]
    assert [(one.day, one.enrolled) for one in sales] == [(day, 4) for day in ends]
    assert [(one.day, one.enrolled) for one in north] == [(day, 2) for day in ends]
    assert legal == []


def test_a_month_that_nobody_counted_is_worked_out_and_old_nights_go(world: World) -> None:
    world.at(world.now + 60 * DAY)
    assert keep_counts(world.runtime, HOST, seconds=0.0) == 0  # no time: nothing is begun
    keep_counts(world.runtime, HOST)
    with world.runtime.db.read() as session:
        found = {(one.certification, one.day): one for one in session.query(ReportCount)}
    assert {day for _number, day in found} == {"2026-11-30", "2026-12-31", "2027-01-16"}
    assert (found[1, "2026-11-30"].enrolled, found[1, "2026-11-30"].overdue, found[1, "2026-11-30"].units) == (
        5,
        1,
        None,
    )
    world.at(world.now + 60 * DAY)
    keep_counts(world.runtime, HOST)
    with world.runtime.db.read() as session:
        days = {one.day for one in session.query(ReportCount)}
    assert "2027-01-16" not in days
    assert {"2026-11-30", "2027-01-31", "2027-02-28"} <= days
