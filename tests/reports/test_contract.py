"""REPORTS by its sentences: filters of every source, empty parameters, what a reader may ask for."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pyroaring import BitMap

from plugin.core.runtime import Runtime
from plugin.reports.asking.reader import Reader
from plugin.reports.asking.unknown import RefusedReport
from plugin.reports.service import report
from plugin.reports.sources.happenings import STEMS, happens
from plugin.reports.values import item
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
