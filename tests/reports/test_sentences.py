"""Sentences of REPORTS, each tried as somebody would who has read nothing else."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pyroaring import BitMap
from sqlalchemy import text

from plugin.core.clock import format_instant, parse_instant
from plugin.core.runtime import Runtime
from plugin.enrolment.answers import exceptions, overrides
from plugin.enrolment.saving.save import Choices
from plugin.mirror.connections.date_settings import move_zone
from plugin.mirror.tables import ACTIVE, DELETED, SUSPENDED
from plugin.reports.asking.question import parse_question
from plugin.reports.asking.reader import Reader
from plugin.reports.asking.unknown import RefusedReport
from plugin.reports.files.export import Export
from plugin.reports.outlook import due_by_week
from plugin.reports.service import asking, report
from plugin.reports.values import item
from tests.web.conftest import small_world
from tests.world import HOST, World, row

DAY = 86_400
CONTENT = {
    "certification": [{"name": "Core", "courses": ["c1", "c2"], "needs": "all"}],
    "recertification": [{"name": "Again", "courses": ["c2", "c3"], "needs": "all"}],
}
PERIOD = {"active": "1 years", "window": "1 months"}


@pytest.fixture
def world(runtime: Runtime) -> World:
    made = small_world(runtime)
    made.set_person("ann", fields={"city": "Ulm"})
    return made


def ask(world: World, source: str, query: str, reader: Reader | None = None) -> list[dict[str, Any]]:
    pairs = parse_qsl(query, keep_blank_values=True)
    _question, answer, zone = report(world.runtime, HOST, reader or Reader("tester"), source, pairs)
    return [item(answer.columns, one, zone) for one in answer.rows]


def test_what_was_done_before_the_window_counts_in_no_later_cycle(world: World) -> None:
    """Once expired the certification path counts, with everything done since the window opened (rules 7.4)."""
    world.courses("c3")
    world.save("rep", row("individual", "ann"), state="live", settle=True, content=CONTENT, period=PERIOD)
    for course in ("c1", "c2"):
        world.complete("ann", course, world.now - 100)
    world.settle()
    shown = "columns=state,progress"
    assert ask(world, "learners", shown) == [{"state": "certified", "progress": "2 of 2"}]
    world.at(world.now + 350 * DAY)
    world.settle()
    assert ask(world, "learners", shown) == [{"state": "window_open", "progress": "0 of 2"}]
    world.complete("ann", "c2", world.now)
    world.settle()
    assert ask(world, "learners", shown) == [{"state": "window_open", "progress": "1 of 2"}]
    second = world.now
    world.at(world.now + 60 * DAY)
    world.settle()
    assert ask(world, "learners", shown) == [{"state": "expired", "progress": "1 of 2"}]
    found = ask(world, "courses", "columns=course,completed_at,why_not")
    assert [(one["course"], one["completed_at"] is not None) for one in found] == [("c1", False), ("c2", True)]
    world.complete("ann", "c2", world.now)  # the one that counted stays
    world.settle()
    again = ask(world, "courses", "columns=course,completed_at&course=c2")
    assert again == [{"course": "c2", "completed_at": found[1]["completed_at"]}]
    assert again[0]["completed_at"] == text_of(second)


def text_of(at: int) -> str:
    return format_instant(at) or ""


def test_a_setting_is_sorted_and_filtered_by_its_value(world: World) -> None:
    world.save("rep", row("individual", "ann", due={"fixed": "2027-11-01"}), row("individual", "bea"),
               row("individual", "cid", due={"fixed": "2027-03-01"}), state="live", settle=True)  # fmt: skip
    pages = [ask(world, "membership", f"columns=person&sort={sort}") for sort in ("assignment_due", "-assignment_due")]
    assert [[one["person"] for one in page] for page in pages] == [["bea", "cid", "ann"], ["ann", "cid", "bea"]]
    fixed = '{"fixed":"2027-03-01"}'
    assert [one["person"] for one in ask(world, "membership", f"columns=person&assignment_due={fixed}")] == ["cid"]
    assert [one["person"] for one in ask(world, "membership", "columns=person&assignment_due=none")] == ["bea"]


def test_parts_of_an_overview_skip_and_repeat_nothing_when_rows_come_and_go(world: World) -> None:
    for code in ("b", "d", "f"):
        world.save(code, row("organisation", "sales", "below"), state="live", settle=True)
    for query, mine in (("", lambda one: True), ("by=organisation&sort=-enrolled&", lambda one: not one["total"])):
        first, cursor = part(world, f"{query}limit=1")
        world.save("a" if not query else "e", row("individual", "ann"), state="live", settle=True)
        found = [*first]
        while cursor:
            rows, cursor = part(world, f"{query}limit=1&cursor={cursor}")
            found += rows
        told = [(one["certification"], one.get("organisation")) for one in found if mine(one)]
        assert len(told) == len(set(told))
        there = {
            (one["certification"], one.get("organisation"))
            for one in ask(world, "overview", f"{query}limit=500")
            if mine(one)
        }
        assert {one for one in there if one[0] in "bdf"} == {one for one in told if one[0] in "bdf"}


def part(world: World, query: str, source: str = "overview") -> tuple[list[dict[str, Any]], str]:
    _question, answer, zone = report(world.runtime, HOST, Reader("tester"), source, parse_qsl(query))
    return [item(answer.columns, one, zone) for one in answer.rows], answer.next or ""


@pytest.mark.parametrize(
    ("source", "query", "words"),
    [
        ("messages", "state=snet", "There is no state 'snet'. Nearest: sent"),
        ("messages", "event=asigned", "There is no event 'asigned'. Nearest: assigned"),
        ("history", "what=export_finishd", "There is no what 'export_finishd'. Nearest: export_finished"),
        ("messages", "channel=fax", "There is no channel 'fax'. Nearest: "),
        ("learners", "due_from=organisation:mars", "There is no assignment 'organisation:mars'. Nearest: "),
        ("learners", "columns=fields.citty", "There is no column 'fields.citty'. Nearest: fields.city."),
        ("learners", "fields.town.empty=true", "There is no filter 'fields.town'. Nearest: fields.city."),
        ("learners", "sort=-fields.town", "There is no column 'fields.town'. Nearest: fields.city."),
    ],
)
def test_unknown_words_are_refused_with_the_nearest(world: World, source: str, query: str, words: str) -> None:
    world.save("rep", row("organisation", "sales", "below"), state="live", settle=True)
    with pytest.raises(RefusedReport) as refused:
        ask(world, source, query)
    assert str(refused.value).startswith(words)


def test_whom_a_reader_does_not_see_is_not_among_the_nearest(world: World) -> None:
    world.save("rep", *(row("individual", one) for one in ("ann", "bea", "cid")), row("organisation", "sales", "below"),
               state="live", settle=True)  # fmt: skip
    with pytest.raises(RefusedReport) as refused:
        ask(world, "learners", "assignment=individual:ann", Reader("bea", people=BitMap([3])))
    assert str(refused.value).endswith("Nearest: individual:cid, organisation:sales.")


def test_an_exemption_of_a_day_is_told_as_it_was_decided_by_then(world: World) -> None:
    world.save("rep", row("individual", "ann"), state="live", settle=True)
    for days in (10, 90):
        overrides.exempt(world.runtime, HOST, 1, 1, until=world.now + days * DAY, reason="Leave", who="sam")
        world.settle()
        decided = world.now
        world.at(world.now + DAY)
        world.settle()
    shown = "columns=state,exempt_until,account_state"
    first = f"{shown}&as_of={text_of(decided - DAY)}"
    assert [one["exempt_until"] for one in ask(world, "learners", first)] == [text_of(decided + 9 * DAY)]
    assert [one["exempt_until"] for one in ask(world, "learners", shown)] == [text_of(decided + 90 * DAY)]


def written(world: World, source: str, query: str) -> list[dict[str, str]]:
    export = Export(world.runtime, HOST, Reader("tester"), parse_question(source, parse_qsl(query)), "csv")
    return list(csv.DictReader(io.StringIO(b"".join(export).decode("utf-8-sig"))))


def test_a_file_says_whose_units_it_tells_rows_apart_by(world: World) -> None:
    world.save("rep", row("organisation", "sales", "below"), state="live", settle=True)
    world.at(world.now + 2 * DAY)
    world.settle()
    told: Callable[[str, str], set[str]] = lambda source, query: {  # noqa: E731
        one["as_of"] for one in written(world, source, f"{query}&as_of=2026-11-18")
    }
    assert told("learners", "columns=person") == {"2026-11-18"}
    assert told("overview", "by=organisation") == {"2026-11-18, organisations of today"}
    assert told("learners", "organisation=sales&columns=person,manager") == {
        "2026-11-18, organisations and managers of today"
    }
    assert told("overview", "by=position") == {"2026-11-18, positions of today"}
    world.audience("crew", "ann")
    assert told("membership", "audience=crew&fields.city.empty=false&columns=person") == {
        "2026-11-18, audiences and profile fields of today"
    }


def test_a_deleted_person_counts_on_a_past_day_without_a_name(world: World) -> None:
    world.save("rep", row("individual", "ann"), state="live", settle=True)
    world.at(world.now + 2 * DAY)
    world.state("ann", DELETED)
    world.settle()
    shown = "person,name,fields.city,account_state"
    assert ask(world, "learners", f"columns={shown}&as_of=2026-11-18") == [
        {"person": "ann", "name": None, "fields.city": None, "account_state": "active"}
    ]


def test_a_certification_deleted_meanwhile_is_whole_in_the_file_that_had_begun(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One instant for all rows, also for columns that are computed a part at a time, on both databases."""
    monkeypatch.setattr("plugin.reports.query._PART", 1)
    for code in ("a", "b"):
        world.save(code, row("organisation", "sales", "below"), state="live", settle=True)
    question = parse_question(
        "learners", parse_qsl("columns=person,certification,organisation,assignment_names,progress")
    )
    whole = [
        json.loads(line) for line in b"".join(Export(world.runtime, HOST, Reader("t"), question, "jsonl")).splitlines()
    ]
    export = Export(world.runtime, HOST, Reader("t"), question, "jsonl")
    begun = next(export)
    with world.runtime.db.write() as session:
        for table in ("enrolment", "assignment", "why_set", "certification"):
            session.execute(text(f"DELETE FROM {table} WHERE host_id = 1"))
        session.execute(text("UPDATE job SET gone = TRUE WHERE host_id = 1"))
    rows = [json.loads(line) for line in (begun + b"".join(export)).splitlines()]
    assert len(rows) == 8
    assert rows == whole


def test_a_day_is_that_of_the_zone_the_site_had_then(world: World) -> None:
    """Asked again after the site moved to another zone: the same answer, in every column (REPORTS 3)."""
    world.save("rep", row("individual", "ann", due={"fixed": "2026-11-17"}), state="live", settle=True,
               exceptions={"time_allowance": "assign"})  # fmt: skip
    world.at(parse_instant("2026-11-19T00:30:00Z"))
    world.save("rep", row("individual", "ann", due={"fixed": "2026-11-17"}), row("individual", "bea"))
    world.at(world.now + 2 * DAY)
    world.settle()
    asked = [
        (source, f"as_of=2026-11-{day}&{more}")
        for day in (18, 19, 20) for source, more in (
            ("learners", "columns=person,due,due_local,days_overdue,enrolled_at,enrolled_at_local"),
            ("membership", "columns=person,assignment,since,gives_due"), ("overview", ""), ("learners", "due=2026-11-17&columns=person"),
        )
    ]  # fmt: skip
    before = [ask(world, *one) for one in asked]
    assert [one["person"] for one in before[0]] == ["ann"]
    with world.runtime.db.write() as session:
        move_zone(session, HOST, "America/New_York", at=world.now, who="sam")
    world.settle()
    assert [ask(world, *one) for one in asked] == before
    assert written(world, *asked[0])[0]["enrolled_at_local"] == "2026-11-18T11:06:40+00:00"
    world.at(world.now + 2 * DAY)
    [after] = ask(world, "learners", "columns=enrolled_at_local&as_of=2026-11-22&person=ann")
    assert after == {"enrolled_at_local": "2026-11-18T06:06:40-05:00"}


def test_before_its_first_save_a_certification_is_not_there(world: World) -> None:
    world.save("rep", row("individual", "ann"), state="live", settle=True)
    first = world.now
    world.at(world.now + 3 * DAY)
    world.save("two", row("individual", "ann"), state="live", settle=True)
    world.at(world.now + 3 * DAY)
    for query in ("", "by=organisation&", "certification=two&", "certification=two&by=assignment&"):
        for day, there in (
            ("2026-11-17", set()),
            (text_of(first), {"rep"}),
            ("2026-11-20", {"rep"}),
            ("2026-11-21", {"rep", "two"}),
        ):
            found = {one["certification"] for one in ask(world, "overview", f"{query}as_of={day}")}
            assert found == (there & {"two"} if "two" in query else there), (query, day)
    for source in ("learners", "membership"):
        assert ask(world, source, "as_of=2026-11-17") == []


def test_the_history_writes_times_as_files_do(world: World) -> None:
    world.save("rep", row("individual", "ann", due={"fixed": "2026-12-31"}), state="live", settle=True)
    until = parse_instant("2027-02-01T12:00:00Z")
    overrides.extend(world.runtime, HOST, 1, 1, until, who="sam")
    overrides.exempt(world.runtime, HOST, 1, 1, until=until, reason="Leave", who="sam")
    world.settle()
    told = ask(world, "history", "person=ann&what=extended&what=exempted&columns=what,after&sort=what")
    assert [tuple(one.values()) for one in told] == [
        (what, "2027-02-01T12:00:00Z") for what in ("exempted", "extended")
    ]


def test_no_assignment_gives_a_date_that_was_moved_by_hand(world: World) -> None:
    world.save("rep", row("individual", "ann", due={"fixed": "2026-12-31"}), state="live", settle=True)
    shown = "columns=due,due_from"
    assert ask(world, "learners", shown)[0]["due_from"] == "individual:ann"
    overrides.extend(world.runtime, HOST, 1, 1, parse_instant("2027-02-01T12:00:00Z"), who="sam")
    world.settle()
    assert ask(world, "learners", shown) == [{"due": "2027-02-01T12:00:00Z", "due_from": None}]
    assert ask(world, "membership", "gives_due=true") == []
    assert [one["gives_due"] for one in ask(world, "membership", "")] == [False]


def test_no_assignment_gives_a_realistic_date(world: World) -> None:
    """Neither one that was answered, nor the one of somebody who comes back; a date that was cleared is nobody's."""
    core = [{"name": "Core", "courses": ["c1"], "needs": "all", "minimum": "30 days"}]
    world.save("rep", row("individual", "ann", due={"fixed": "2026-11-20"}), row("individual", "bea", due={"fixed": "2027-01-20"}),
               state="live", content={"certification": core})  # fmt: skip
    exceptions.answer(world.runtime, HOST, 1, "realistic", who="sam", people=[1])
    world.state("bea", SUSPENDED)
    world.settle()
    shown = "columns=person,due,due_from"
    told = [{"person": "ann", "due": "2026-12-25T23:59:00Z", "due_from": None}]
    assert ask(world, "learners", f"{shown}&person=ann") == told
    assert ask(world, "membership", "columns=gives_due&person=ann") == [{"gives_due": False}]
    world.at(parse_instant("2027-02-01T12:00:00Z"))
    world.state("bea", ACTIVE)
    world.settle()
    told.append({"person": "bea", "due": "2027-03-10T23:59:00Z", "due_from": None})
    assert ask(world, "learners", shown) == told
    waits = {"after": "course_completion", "course": "c2", "add": "1 days"}
    world.save("rep", row("individual", "ann", due=waits), row("individual", "bea", due=waits),
               exceptions={"unknown_date": "wait"}, choices=Choices(earlier=True))  # fmt: skip
    assert ask(world, "learners", shown) == [{**one, "due": None} for one in told]


def test_who_was_never_enrolled_is_not_withdrawn_when_she_is_deleted(world: World) -> None:
    core = [{"name": "Core", "courses": ["c1"], "needs": "all", "minimum": "30 days"}]
    world.save("rep", row("individual", "ann", due={"fixed": "2026-11-20"}), row("individual", "bea"), state="live",
               content={"certification": core})  # fmt: skip
    for person in ("ann", "bea"):  # ann waits for an answer
        world.state(person, DELETED)
    world.settle()
    assert ask(world, "history", "what=withdrawn&columns=person,reason") == [
        {"person": "bea", "reason": "deleted at the host"}
    ]


def test_an_answer_stays_when_another_exception_is_answered(world: World) -> None:
    """One row an exception, open or answered; with the instant at which each was raised (REPORTS 1)."""
    world.save("rep", row("individual", "ann", due={"fixed": "2026-11-20"}), state="live",
               content={"certification": [{"name": "Core", "courses": ["c1"], "needs": "all", "minimum": "30 days"}]})  # fmt: skip
    raised = [world.now]
    world.at(world.now + DAY)
    exceptions.answer(world.runtime, HOST, 1, "realistic", who="sam", people=[1])
    world.settle()
    answered = [world.now]
    world.save("rep", state="live")  # she leaves, and comes back
    world.at(world.now + 5 * DAY)
    world.save("rep", row("individual", "ann", due={"fixed": "2026-11-28"}), state="live")
    raised.append(world.now)
    world.at(world.now + DAY)
    assert [one["answer"] for one in ask(world, "exceptions", "sort=raised_at")] == ["realistic", None]
    exceptions.answer(world.runtime, HOST, 1, "assign", who="tess", people=[1])
    world.settle()
    answered.append(world.now)
    shown = "columns=type,raised_at,answer,answered_at,answered_by&sort=answered_at&limit=1"
    first, cursor = part(world, shown, "exceptions")
    rest, end = part(world, f"{shown}&cursor={cursor}", "exceptions")
    assert end == ""
    assert [tuple(one.values()) for one in first + rest] == [
        ("time_allowance", text_of(raised[0]), "realistic", text_of(answered[0]), "sam"),
        ("time_allowance", text_of(raised[1]), "assign", text_of(answered[1]), "tess"),
    ]
    exceptions.answer(world.runtime, HOST, 1, "reopen", who="tess", people=[1])
    world.settle()
    assert [one["answer"] for one in ask(world, "exceptions", "sort=answer")] == ["realistic", None]


def test_a_course_that_stays_closed_says_why(world: World) -> None:
    sets = [{"name": "A", "courses": ["c1"], "needs": "all"}, {"name": "B", "courses": ["c2"], "needs": "all"}]
    world.save("rep", row("individual", "ann"), state="live", content={"certification": sets},
               available={"from": None, "until": "2026-11-19"})  # fmt: skip
    asked = "columns=course,want,why_not"
    for reason in ("the sets before it are not done", "the certification is not live"):
        assert [tuple(one.values()) for one in ask(world, "courses", asked)] == [
            ("c1", "in", None),
            ("c2", "out", reason),
        ]
        world.at(world.now + 3 * DAY)  # past its last day
        world.settle()


def test_weeks_ahead_count_certifications_of_the_reader_alone(world: World) -> None:
    for code, person in (("rep", "ann"), ("two", "bea")):
        world.save(code, row("individual", person, due={"fixed": "2026-12-24"}), state="live")
    for number, size in ((None, 2), (1, 1), (2, 1), (3, 0)):
        reader = Reader("tess", certifications=None if number is None else frozenset({number}))
        with asking(world.runtime, HOST, reader) as asker:
            assert sum(due_by_week(asker, "")) == size
            assert sum(due_by_week(asker, "two")) == (number in (None, 2))
