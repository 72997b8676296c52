"""Every number of a report equals the naive model's, in random worlds, whatever is asked of them."""

from __future__ import annotations

import copy
import os
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from plugin.certifications.definition import Proposal
from plugin.core.clock import format_instant
from plugin.core.runtime import Runtime
from plugin.reports.asking.question import parse_question
from plugin.reports.asking.reader import Reader
from plugin.reports.query import ask, whole
from plugin.reports.service import asking
from plugin.reports.values import item
from tests.histories.lab import due_of
from tests.histories.naive import Certification, Model, Row
from tests.histories.test_histories import AUDIENCES, CODES, NAMES, UNITS, Histories
from tests.reports import oracle

EXAMPLES = 60 if os.environ.get("MUSTER_LONG") else 3
NOTIFICATIONS = tuple({"when": when, "to": ["learner"]} for when in ("assigned", "withdrawn", "due_changed"))
SORTS = (
    "", "due", "-due", "state", "-days_overdue", "assignment_names", "-progress", "organisation", "expires", "-certification",
)  # fmt: skip


class Reported(Histories):
    """The same histories; after each step the reports are asked and compared."""

    def __init__(self) -> None:
        super().__init__()
        self.dice = random.Random(7)
        self.past: dict[int, tuple[Model, oracle.Told]] = {}
        self.told = oracle.Told()
        settle, proposal, answer, reopen = self.lab.settle, self.lab.proposal, self.lab.answer, self.lab.reopen

        def settled() -> None:
            before = copy.deepcopy(self.model.enrolments)
            settle()
            self.told.settled(self.model, before)
            self.past[self.model.now] = copy.deepcopy((self.model, self.told))

        def proposed(code: str, rows: dict[str, Row], terms: Certification) -> Proposal:
            made = proposal(code, rows, terms)
            return replace(made, definition=replace(made.definition, notifications=NOTIFICATIONS))

        def answered(code: str, name: str, action: str) -> None:
            before = copy.deepcopy(self.model.enrolments[code, name])
            answer(code, name, action)
            self.told.answered_by_hand(self.model, code, name, before)

        def reopened(code: str, name: str) -> None:
            reopen(code, name)
            self.told.reopened(self.model, code, name)

        for name, method in (("settle", settled), ("proposal", proposed), ("answer", answered), ("reopen", reopened)):
            setattr(self.lab, name, method)

    def _follow(self, now: bool) -> None:
        super()._follow(now)
        if now:
            self.compare()

    def asked(self, source: str, *pairs: tuple[str, str]) -> list[dict[str, Any]]:
        with asking(self.lab.runtime, self.lab.host, Reader("tester")) as asker:
            found = whole(asker, parse_question(source, pairs))
            return [item(found.columns, row, asker.zone) for part in found.parts for row in part]

    def paged(self, source: str, *pairs: tuple[str, str]) -> list[dict[str, Any]]:
        found, cursor = [], ""
        while True:
            question = parse_question(source, [*pairs, ("limit", "3"), *([("cursor", cursor)] if cursor else [])])
            with asking(self.lab.runtime, self.lab.host, Reader("tester")) as asker:
                answer = ask(asker, question)
                found += [item(answer.columns, row, asker.zone) for row in answer.rows]
            if answer.next is None:
                assert answer.total == len(found)
                return found
            cursor = answer.next

    def teardown(self) -> None:
        """Every instant of the history, asked now, is as it was then; and so is the end of every day."""
        if self.past:
            self.lab.settle()
            instants = sorted(self.past)
            zone = self.model.zone
            ends = {
                oracle.end_of_its_day(at, zone) for at in instants if oracle.end_of_its_day(at, zone) < self.model.now
            }
            for at in self.dice.sample(instants, min(len(instants), 6)):
                self.compare_then(format_instant(at) or "", at)
            for end in self.dice.sample(sorted(ends), min(len(ends), 6)):
                self.compare_then(oracle.day_text(end, zone), end)
        super().teardown()

    def compare_then(self, as_of: str, at: int) -> None:
        model, hers = copy.deepcopy(self.past[max(one for one in self.past if one <= at)])
        model.now = at
        rows = self.asked("learners", ("as_of", as_of))
        live = {(row["person"], row["certification"]): row for row in rows if row["state"] != "withdrawn"}
        wanted = oracle.learners(model)
        told = "\n".join(self.lab.log)
        assert live.keys() == wanted.keys(), (as_of, told)
        for key, expected in wanted.items():
            assert {name: live[key][name] for name in expected} == expected, (as_of, key, told)
        rows = self.asked("membership", ("as_of", as_of))
        found = {(row["person"], row["certification"], row["assignment"]) for row in rows}
        assert found == oracle.membership(model), (as_of, told)
        for row in rows:
            setting = due_of(model.certifications[row["certification"]].rows[row["assignment"]].due)
            assert row["assignment_due"] == setting, (as_of, told)
            assert row["since"] == hers.since(model, row), (as_of, row, told)
        for row in self.asked("overview", ("as_of", as_of)):
            expected = oracle.counts(model, row["certification"])
            assert {name: row[name] for name in expected} == expected, (as_of, told)

    def compare(self) -> None:
        self.compare_learners()
        self.compare_courses_and_exceptions()
        self.compare_membership()
        self.compare_history_and_messages()
        self.compare_overview()
        self.compare_sets()

    def compare_learners(self) -> None:
        rows = self.asked("learners")
        live = {(row["person"], row["certification"]): row for row in rows if row["state"] != "withdrawn"}
        wanted = oracle.learners(self.model)
        assert live.keys() == wanted.keys()
        for key, expected in wanted.items():
            assert {name: live[key][name] for name in expected} == expected
            assert live[key]["progress"] == oracle.progress(self.model)[key]
            froms = self.model.enrolments[key[1], key[0]].due_from
            assert live[key]["due_from"] in (froms or {None}), (key, live[key], "\n".join(self.lab.log))
        gone = [row for row in rows if row["state"] == "withdrawn"]
        assert {(row["person"], row["certification"]) for row in gone} == oracle.withdrawn(self.model)
        assert all(row["withdrawn_at"] and row["progress"] is None for row in gone)
        sort = self.dice.choice(SORTS)
        order = [("sort", sort), ("columns", "person,certification,due,state,days_overdue,organisation")]
        everything = self.asked("learners", *order)
        assert self.paged("learners", *order) == everything
        if name := sort.removeprefix("-"):
            by = {(row["person"], row["certification"]): row for row in self.asked("learners", ("columns", f"person,certification,{name}"))
                  } if name not in ("person", "certification") else {}  # fmt: skip
            keys = [(row["person"], row["certification"]) for row in everything]
            value = {key: by[key][name] if by else key[1] for key in keys}
            full = sorted(key for key in keys if value[key] is not None)
            full.sort(key=lambda key: value[key], reverse=sort.startswith("-"))
            assert keys == full + sorted(key for key in keys if value[key] is None)

    def compare_courses_and_exceptions(self) -> None:
        rows = {(row["person"], row["certification"], row["course"]): row for row in self.paged("courses")}
        wanted = oracle.courses(self.model)
        assert rows.keys() == wanted.keys()
        for key, expected in wanted.items():
            assert {name: rows[key][name] for name in expected} == expected, (key, "\n".join(self.lab.log))
        rows = self.paged("exceptions")
        answered = [tuple(row[name] for name in oracle.ANSWERED) for row in rows if row["answer"] is not None]
        assert len(answered) == len({*answered})
        assert {*answered} == self.told.answers(), "\n".join(self.lab.log)
        asked = {
            (row["person"], row["certification"]): row for row in self.asked("exceptions", ("answer.empty", "true"))
        }
        assert asked.keys() == {(row["person"], row["certification"]) for row in rows if row["answer"] is None}
        questions = oracle.exceptions(self.model)
        assert asked.keys() == questions.keys()
        for who, one in questions.items():
            assert {name: asked[who][name] for name in one} == one, (who, "\n".join(self.lab.log))

    def compare_membership(self) -> None:
        rows = self.paged("membership")
        found = {(row["person"], row["certification"], row["assignment"]) for row in rows}
        assert len(found) == len(rows)
        assert found == oracle.membership(self.model)
        for row in rows:
            settings_now = self.model.certifications[row["certification"]].rows[row["assignment"]]
            assert row["include"] == (settings_now.include or None)
            one = self.model.enrolments[row["certification"], row["person"]]
            if row["gives_due"] and one.due_from:
                assert row["assignment"] in one.due_from
            assert row["since"] == self.told.since(self.model, row), (row, "\n".join(self.lab.log))
        shown = [("columns", "person,certification,assignment,since")]
        began = sorted({row["since"] for row in rows})
        if began:
            some = self.dice.choice(began)
            for operator, keeps in (("after", lambda since: since > some), ("before", lambda since: since < some),
                                    ("", lambda since: since == some)):  # fmt: skip
                name = f"since.{operator}" if operator else "since"
                wanted = [item for item in self.asked("membership", *shown) if keeps(item["since"])]
                assert self.paged("membership", *shown, (name, some)) == wanted
            newest = self.paged("membership", *shown, ("sort", "-since"))
            assert [row["since"] for row in newest] == sorted((row["since"] for row in rows), reverse=True)

    def compare_history_and_messages(self) -> None:
        for what in oracle.HAPPENED:
            rows = self.paged("history", ("what", what), ("columns", "at,person,certification,count"))
            found = Counter((row["at"], row["person"], row["certification"]) for row in rows)
            assert found == self.told.happened[what], (what, "\n".join(self.lab.log))
            counts = self.asked("history", ("what", what), ("columns", "count"))
            assert sum(row["count"] for row in counts) == len(rows)
        name = self.dice.choice(NAMES)
        hers = self.asked("history", ("person", name), ("columns", "what,person"))
        assert {row["person"] for row in hers} <= {name}
        for what, happened in self.told.happened.items():
            wanted = sum(many for (_at, person, _code), many in happened.items() if person == name)
            assert sum(row["what"] == what for row in hers) == wanted
        rows = self.paged("messages")
        assert Counter((row["event"], row["about"], row["certification"]) for row in rows) == oracle.messages(
            self.model
        )
        assert {(row["channel"], row["recipient"] == row["about"]) for row in rows} <= {("host", True)}
        dead = Counter((row["about"], row["certification"]) for row in rows if row["state"] == "cancelled")
        assert dead == oracle.cancelled(self.model), "\n".join(self.lab.log)

    def compare_overview(self) -> None:
        for row in self.asked("overview"):
            expected = oracle.counts(self.model, row["certification"])
            assert {name: row[name] for name in expected} == expected
        kind = self.dice.choice(("organisation", "position"))
        for row in self.asked("overview", ("by", kind)):
            inside = None if row["total"] else oracle.unit(self.model, kind, row[kind])
            expected = oracle.counts(self.model, row["certification"], inside)
            assert {name: row[name] for name in expected} == expected
        for row in self.asked("overview", ("by", "manager")):
            inside = None if row["total"] else oracle.team(self.model, row["manager"], "direct")
            expected = oracle.counts(self.model, row["certification"], inside)
            assert {name: row[name] for name in expected} == expected
        for row in self.asked("overview", ("by", "assignment")):
            held = {name for (code, name), one in self.model.enrolments.items()
                    if code == row["certification"] and one.live and row["assignment"] in one.why}  # fmt: skip
            expected = oracle.counts(self.model, row["certification"], None if row["total"] else held)
            assert {name: row[name] for name in expected} == expected

    def compare_sets(self) -> None:
        unit, person, code = self.dice.choice(UNITS), self.dice.choice(NAMES), self.dice.choice(CODES)
        asked = [("certification", code)]
        inside = set(NAMES)
        if unit in self.model.units and self.dice.random() < 0.5:
            asked.append(("organisation", unit))
            inside &= oracle.unit(self.model, "organisation", unit)
        if self.model.exists(person) and self.dice.random() < 0.5:
            asked.append(("manager.below", person))
            inside &= oracle.team(self.model, person, "below")
        if (audience := self.dice.choice(AUDIENCES)) in self.model.audiences and self.dice.random() < 0.3:
            asked.append(("audience", audience))
            inside &= {name for name in self.model.audiences[audience] if self.model.exists(name)}
        overdue = self.dice.choice((None, True, False))
        if overdue is not None:
            asked.append(("overdue", str(overdue).lower()))
        wanted = {
            name for (other, name), one in self.model.enrolments.items()
            if other == code and one.live and name in inside and overdue in (None, oracle.is_overdue(one, self.model.now))
        }  # fmt: skip
        rows = self.paged("learners", *asked)
        assert {row["person"] for row in rows if row["state"] != "withdrawn"} == wanted
        counted = self.asked("overview", *[pair for pair in asked if pair[0] != "overdue"])
        expected = oracle.counts(self.model, code, inside)
        assert {name: counted[0][name] for name in expected} == expected


@pytest.mark.long
def test_reports_of_random_histories_equal_the_rules(runtime: Runtime) -> None:
    machine = type("Reported", (Reported,), {"runtime": runtime})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=20, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck), print_blob=False, phases=(Phase.generate,),
        ),
    )  # fmt: skip
