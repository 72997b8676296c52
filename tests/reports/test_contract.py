"""REPORTS by its sentences: filters of every source, empty parameters, what a reader may ask for."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pyroaring import BitMap

from plugin.core.runtime import Runtime
from plugin.mirror.tables import ACTIVE, SUSPENDED
from plugin.reports.asking.reader import Reader
from plugin.reports.asking.unknown import RefusedReport
from plugin.reports.service import report
from plugin.reports.sources.happenings import STEMS, happens
from plugin.reports.values import item
from tests.in_turn import in_turn
from tests.web.conftest import small_world
from tests.world import HOST, row

ROOT = Path(__file__).parents[2]


@pytest.fixture
def site(runtime: Runtime) -> Runtime:
    """Two certifications: four people in one, ann overdue there; in the other a question about her waits."""
    world = small_world(runtime)
    world.set_person("ann", fields={"city": "Ulm"})
    world.save("rep", row("individual", "ann", due={"fixed": "2026-11-01"}), row("organisation", "sales", "below"),
               settle=True, state="live", exceptions={"time_allowance": "assign"})  # fmt: skip
    world.save("two", row("individual", "ann", due={"fixed": "2026-11-01"}), settle=True, state="live")
    return runtime


def ask(site: Runtime, source: str, query: str, reader: Reader | None = None) -> list[dict[str, Any]]:
    pairs = parse_qsl(query, keep_blank_values=True)
    _question, answer, zone = report(site, HOST, reader or Reader("tester"), source, pairs)
    assert answer.total == len(answer.rows)
    return [item(answer.columns, one, zone) for one in answer.rows]


def test_filters_about_the_enrolment_narrow_every_source_with_a_person(site: Runtime) -> None:
    """``assignment=`` and ``overdue=`` ask of the enrolment a row is about (REPORTS 2)."""
    held, late = "assignment=individual:ann", "overdue=true"
    assert [(one["certification"], one["type"]) for one in ask(site, "exceptions", held)] == [
        ("rep", "time_allowance"), ("two", "time_allowance"),
    ]  # fmt: skip
    assert [one["certification"] for one in ask(site, "exceptions", late)] == ["rep"]
    assert [one["certification"] for one in ask(site, "exceptions", "overdue=false")] == ["two"]
    history = ask(site, "history", f"{late}&columns=person,what")
    assert [tuple(one.values()) for one in history] == [("ann", "enrolled"), ("ann", "exception_decided")]
    assert len(ask(site, "history", f"{held}&columns=person")) == 3
    assert ask(site, "messages", held) == ask(site, "messages", late) == []
    overview = ask(site, "overview", f"{late}&columns=certification,enrolled,overdue")
    assert [tuple(one.values()) for one in overview] == [("rep", 1, 1), ("two", 0, 0)]
    assert [one["enrolled"] for one in ask(site, "overview", "overdue=1")] == [4]  # the column, by value
    by_unit = ask(site, "overview", f"{late}&by=organisation&certification=rep&columns=organisation,enrolled")
    assert [tuple(one.values()) for one in by_unit] == [("sales", 1), (None, 1)]


def test_empty_parameters_are_none_and_fields_take_operators(site: Runtime) -> None:
    assert len(ask(site, "learners", "columns=&sort=&as_of=&cursor=&limit=&by=")) == 5
    assert len(ask(site, "learners", "fields.city=Ulm")) == 2
    assert len(ask(site, "learners", "fields.city.empty=true")) == 3
    with pytest.raises(RefusedReport, match=r"There is no filter 'due\.foo'\. Nearest: "):
        ask(site, "learners", "due.foo=1")


@in_turn(
    ("source", "query"),
    [
        ("learners", "due=2026-W47-3"),
        ("learners", "due.before=20261118"),
        ("learners", "due.between=2026-11-01..2026-W50-1"),
        ("learners", "as_of=2026-W47-3"),
        ("learners", "as_of=2026-11-31"),
        ("learners", "cycle=１"),
        ("learners", "cycle=1_0"),
        ("learners", "cycle= 1"),
        ("learners", "cycle=+1"),
        ("overview", "certified_percent.after=1e1"),
        ("overview", "certified_percent=nan"),
        ("overview", "enrolled=1.5"),
    ],
)
def test_days_and_numbers_are_read_to_the_letter(site: Runtime, source: str, query: str) -> None:
    with pytest.raises(RefusedReport):
        ask(site, source, query)


def test_the_last_day_there_is_lies_before_nothing(site: Runtime) -> None:
    assert len(ask(site, "learners", "due.before=9999-12-31&person=ann")) == 1
    assert ask(site, "learners", "due.after=9999-12-31") == ask(site, "learners", "due=0001-01-01") == []


def test_the_suspended_of_the_overview_are_the_learners_behind_the_number_before_and_after_they_are_settled(
    runtime: Runtime,
) -> None:
    world = small_world(runtime)
    world.save("rep", row("organisation", "sales", "below"), settle=True, state="live")

    def both() -> tuple[int, list[str]]:
        (number,) = (one["suspended"] for one in ask(runtime, "overview", "certification=rep"))
        rows = ask(runtime, "learners", "certification=rep&active=true&suspended=true&columns=person")
        return number, [one["person"] for one in rows]

    somebody = ask(runtime, "learners", "certification=rep&columns=person")[0]["person"]
    assert both() == (0, [])
    world.state(somebody, SUSPENDED)
    assert both() == (0, [])
    (account,) = ask(runtime, "learners", f"person={somebody}&columns=account_state")
    assert account["account_state"] == "suspended"
    world.settle()
    assert both() == (1, [somebody])
    world.state(somebody, ACTIVE)
    assert both() == (1, [somebody])
    world.settle()
    assert both() == (0, [])


def test_a_search_for_nothing_leaves_nobody_out(site: Runtime) -> None:
    for query in ("search=", "search=%20%09", "search=&search="):
        assert len(ask(site, "learners", query)) == 5
        assert [one["enrolled"] for one in ask(site, "overview", query)] == [4, 0]
    assert ask(site, "learners", "search=&search=nobody") == []


def test_a_cell_of_several_words_is_a_value_as_each_of_them_is(site: Runtime) -> None:
    whole, one = "assignment_types=individual; organisation", "assignment_types=organisation"
    assert [row["person"] for row in ask(site, "learners", f"{whole}&certification=rep")] == ["ann"]
    assert {row["person"] for row in ask(site, "learners", one)} == {"ann", "bea", "cid", "dov"}
    with pytest.raises(RefusedReport):
        ask(site, "learners", "assignment_types=individual; organization")


def test_the_history_of_learners_sorted_by_its_count_comes_whole_in_parts(site: Runtime) -> None:
    """Every count is 1: rows keep their own order, and a part goes on where the one before it ended (REPORTS 2)."""
    asked = [("columns", "what,person,count"), ("sort", "-count"), ("limit", "2")]
    told: list[tuple[Any, ...]] = []
    cursor, total = "", -1
    while len(told) != total:
        pairs = [*asked, *([("cursor", cursor)] if cursor else [])]
        _question, answer, _zone = report(site, HOST, Reader("tester"), "history", pairs)
        told += [(one["_n"], one["_person"]) for one in answer.rows]
        cursor, total = answer.next or "", answer.total
        assert answer.rows
    assert told == sorted(told)
    assert len(set(told)) == total > 4


def test_whom_a_reader_does_not_see_she_cannot_ask_for(site: Runtime) -> None:
    team = Reader("bea", people=BitMap([3]))
    for query in ("person=ann", "manager=ann", "manager.below=bea"):
        with pytest.raises(RefusedReport, match=r"There is no person '.*'\. Nearest: cid\."):
            ask(site, "learners", query, team)


def test_every_word_of_the_history_can_be_asked_for() -> None:
    """Whatever the code writes into the history by name, and with a name that an answer ends, is a value of ``what``."""
    written: set[str] = set()
    for path in (ROOT / "plugin").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            place = {"record": 4, "Entry": 0, "_tell_history": 0}.get(_called(call))
            if isinstance(call, ast.Call) and place is not None and len(call.args) > place:
                texts = (part.value for part in ast.walk(call.args[place]) if isinstance(part, ast.Constant))
                written |= {text for text in texts if isinstance(text, str)}
    written -= {"disabled", "exemption_ended", "staying"}  # a state that decides between two; told to subscribers alone
    assert len(written) > 70
    missing = {one for one in written if not happens(one) and not any(stem.startswith(one) for stem in STEMS)}
    assert missing <= {"exception_"}  # an answer follows, and each stands for itself


def _called(node: ast.AST) -> str:
    name = node.func if isinstance(node, ast.Call) else None
    return name.attr if isinstance(name, ast.Attribute) else name.id if isinstance(name, ast.Name) else ""
