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

from plugin.core.clock import format_instant
from plugin.core.runtime import Runtime
from plugin.enrolment.answers import overrides
from plugin.reports.asking.question import parse_question
from plugin.reports.asking.reader import Reader
from plugin.reports.asking.unknown import Refused
from plugin.reports.files.export import Export
from plugin.reports.service import report
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


def part(world: World, query: str) -> tuple[list[dict[str, Any]], str]:
    _question, answer, zone = report(world.runtime, HOST, Reader("tester"), "overview", parse_qsl(query))
    return [item(answer.columns, one, zone) for one in answer.rows], answer.next or ""


@pytest.mark.parametrize(
    ("source", "query", "words"),
    [
        ("messages", "state=snet", "There is no state 'snet'. Nearest: sent"),
        ("messages", "event=asigned", "There is no event 'asigned'. Nearest: assigned"),
        ("messages", "channel=fax", "There is no channel 'fax'. Nearest: "),
        ("learners", "due_from=organisation:mars", "There is no assignment 'organisation:mars'. Nearest: "),
        ("learners", "columns=fields.citty", "There is no column 'fields.citty'. Nearest: fields.city."),
        ("learners", "fields.town.empty=true", "There is no filter 'fields.town'. Nearest: fields.city."),
        ("learners", "sort=-fields.town", "There is no column 'fields.town'. Nearest: fields.city."),
    ],
)
def test_unknown_words_are_refused_with_the_nearest(world: World, source: str, query: str, words: str) -> None:
    world.save("rep", row("organisation", "sales", "below"), state="live", settle=True)
    with pytest.raises(Refused) as refused:
        ask(world, source, query)
    assert str(refused.value).startswith(words)


def test_whom_a_reader_does_not_see_is_not_among_the_nearest(world: World) -> None:
    world.save("rep", *(row("individual", one) for one in ("ann", "bea", "cid")), row("organisation", "sales", "below"),
               state="live", settle=True)  # fmt: skip
    with pytest.raises(Refused) as refused:
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
