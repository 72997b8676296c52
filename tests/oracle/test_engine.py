"""Random histories: after every step the product and the naive model hold the same learners, dates, questions, seats."""

from __future__ import annotations

import os
import tempfile
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import create_engine, text

from config.settings import read_settings
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from plugin.schema import metadata
from tests.conftest import KEYS, NOW
from tests.oracle.both import Both
from tests.oracle.model import DAY, Certification, Rule, end_of_day

PEOPLE = [f"u{n}" for n in range(1, 8)]
"""Fewer than ten, so that the withdrawal guard has nothing to say."""
UNITS = ["top", "left", "right", "leaf"]
JOBS = [f"j{n}" for n in range(1, 9)]
BOSSES = ["j1", "j2"]
CODES = ["A", "B"]
LONG = bool(os.environ.get("MUSTER_LONG"))
PHASES = (Phase.generate, Phase.shrink) if os.environ.get("MUSTER_SHRINK") else (Phase.generate,)

people, units, jobs = st.sampled_from(PEOPLE), st.sampled_from(UNITS), st.sampled_from(JOBS)
dues = st.one_of(
    st.none(),
    st.tuples(st.just("fixed"), st.sampled_from([end_of_day(NOW + n * DAY) for n in (-3, 5, 40, 90)])),
    st.tuples(st.sampled_from(["enrolment", "first_login", "hired"]), st.sampled_from([0, 10, 30, 60])),
)
rules = st.one_of(
    st.builds(Rule, st.just("organisation"), units, st.sampled_from(["", "below"]), dues),
    st.builds(Rule, st.just("audience"), st.sampled_from(["au1", "au2"]), st.just(""), dues),
    st.builds(Rule, st.just("manager"), st.sampled_from(BOSSES), st.sampled_from(["direct", "below"]), dues),
    st.builds(Rule, st.just("individual"), people, st.just(""), dues),
    st.builds(Rule, st.just("group"), st.sampled_from(["g1", "g2"]), st.just(""), dues),
)
answers = st.fixed_dictionaries(
    {
        "time_allowance": st.sampled_from(["hold", "hold", "realistic", "assign", "dismiss"]),
        "unknown_date": st.sampled_from(["hold", "hold", "realistic", "dismiss", "wait"]),
        "duplicate_course": st.sampled_from(["hold", "hold", "assign", "dismiss"]),
        "already_assigned": st.sampled_from(["off", "off", "hold"]),
    }
)


class Histories(RuleBasedStateMachine):
    """People come, go, move and are suspended; managers change, in circles too; administrators save and answer."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.database, self.dispose = fresh(self.url)
        chosen = read_settings({"MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": KEYS})
        self.both = Both(Runtime(chosen, self.database, Clock(NOW)))
        self.steps = 0
        for unit, parent in zip(UNITS, ["", "top", "top", "left"], strict=True):
            self.both.unit(unit, parent)
        for name in ("au1", "au2"):
            self.both.audience(name)
        for n, person in enumerate(PEOPLE):
            self.both.person(person)
            self.both.job(
                f"j{n + 1}", person, UNITS[n % 4], boss="" if n == 0 else BOSSES[(n - 1) % 2] if n > 1 else "j1"
            )
        self.both.settle()

    @initialize(data=st.data())
    def first(self, data: st.DataObject) -> None:
        for code in CODES:
            self._save(code, data)

    def teardown(self) -> None:
        try:
            self.both.whole()
        finally:
            self.dispose()

    @invariant()
    def alike(self) -> None:
        self.steps += 1
        self.both.compare()

    def _save(self, code: str, data: st.DataObject) -> None:
        found = data.draw(st.lists(rules, min_size=1, max_size=4, unique_by=lambda one: one.name))
        model = self.both.model
        found = [one for one in found if one.kind != "individual" or model.exists(one.target)]
        present = model.certifications.get(code)
        made = Certification(
            code=code,
            course=present.course if present else data.draw(st.sampled_from(["c1", "c1", "c2"])),
            minimum=data.draw(st.sampled_from([0, 2, 4])) * 7 * DAY if not present else present.minimum,
            answers=data.draw(answers),
            leaving=data.draw(st.sampled_from(["suspend", "remove", "keep"])) if not present else present.leaving,
            grace=data.draw(st.sampled_from([0, 0, 2])) * DAY if not present else present.grace,
            rules={one.name: replace(one) for one in found},
        )
        self.both.save(made, earlier=data.draw(st.booleans()))

    @rule(code=st.sampled_from(CODES), data=st.data())
    def save(self, code: str, data: st.DataObject) -> None:
        self._save(code, data)

    @rule(
        moves=st.lists(st.tuples(jobs, people, units), min_size=1, max_size=3, unique_by=lambda one: one[0]),
        boss=st.sampled_from(["", *JOBS]),
        boss_person=st.sampled_from(["", "", *PEOPLE]),
        start=st.sampled_from([None, None, -2, 1, 2]),
        last=st.sampled_from([None, None, 0, 1, 3]),
        temporary=st.sampled_from([False, False, False, True]),
    )
    def move(
        self,
        moves: list[tuple[str, str, str]],
        boss: str,
        boss_person: str,
        start: int | None,
        last: int | None,
        temporary: bool,
    ) -> None:
        """One batch of the host: somebody gets another job, or an old one says something else."""
        midnight = self.both.model.now - self.both.model.now % DAY
        for job, person, unit in moves:
            if job in BOSSES:
                person = str(self.both.model.jobs[job]["person"])
            known = boss if boss in self.both.model.jobs and boss != job else ""
            self.both.job(
                job, person, unit, boss=known, boss_person="" if known else boss_person, temporary=temporary,
                start=None if start is None else midnight + start * DAY,
                last_day=None if last is None else midnight + last * DAY,
            )  # fmt: skip
        self.both.settle()

    @rule(job=jobs)
    def lose_job(self, job: str) -> None:
        if job in self.both.model.jobs and job not in BOSSES:
            self.both.no_job(job)
            self.both.settle()

    @rule(unit=st.sampled_from(UNITS[1:]), parent=st.sampled_from(UNITS))
    def move_unit(self, unit: str, parent: str) -> None:
        if not self.both.model.under(parent, unit):
            self.both.unit(unit, parent)
            self.both.settle()

    @rule(audience=st.sampled_from(["au1", "au2"]), person=people, inside=st.booleans())
    def member(self, audience: str, person: str, inside: bool) -> None:
        if inside != (person in self.both.model.audiences[audience]) and self.both.model.exists(person):
            self.both.member(audience, person, inside=inside)
            self.both.settle()

    @rule(person=people, state=st.sampled_from(["active", "suspended", "suspended", "deleted"]))
    def change_state(self, person: str, state: str) -> None:
        targets = {
            one.target
            for c in self.both.model.certifications.values()
            for one in c.rules.values()
            if one.kind == "individual"
        }
        owners = {str(self.both.model.jobs[job]["person"]) for job in BOSSES}
        if state == "deleted" and (person in targets | owners or not self.both.model.exists(person)):
            return
        if not self.both.model.exists(person):
            return
        self.both.person(person, state, self.both.model.login.get(person), self.both.model.hired.get(person))
        self.both.settle()

    @rule(person=people, login=st.booleans(), hired=st.sampled_from([None, -20, 0, 5]))
    def learn_dates(self, person: str, login: bool, hired: int | None) -> None:
        if not self.both.model.exists(person):
            return
        midnight = self.both.model.now - self.both.model.now % DAY
        seen = self.both.model.login.get(person) or (self.both.model.now if login else None)
        self.both.person(person, self.both.model.state[person], seen, None if hired is None else midnight + hired * DAY)
        self.both.settle()

    @rule(person=people, name=st.sampled_from(["g1", "g2"]), code=st.sampled_from(CODES))
    def group(self, person: str, name: str, code: str) -> None:
        model = self.both.model
        if (code, name) not in model.groups or f"group:{name}" not in model.certifications[code].rules:
            return
        inside = person in model.groups[code, name]
        if model.state.get(person) == "active" or (inside and model.exists(person)):
            self.both.group(code, name, person, inside=not inside)
            self.both.settle()

    @precondition(lambda self: any(facts.question and facts.live for facts in self.both.model.facts.values()))
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        model = self.both.model
        asked = sorted(key for key, facts in model.facts.items() if facts.question and facts.live)
        code, person = data.draw(st.sampled_from(asked))
        question = model.get(code, person).question
        assert question is not None
        allowed = {
            "time_allowance": ["realistic", "assign", "dismiss"], "unknown_date": ["realistic", "dismiss"],
            "duplicate_course": ["assign", "dismiss"], "already_assigned": ["assign", "dismiss"],
        }[question[0]]  # fmt: skip
        self.both.answer(code, person, data.draw(st.sampled_from(allowed)))
        self.both.settle()

    @rule(hours=st.sampled_from([1, 7, 20, 24]))
    def time_passes(self, hours: int) -> None:
        self.both.advance(hours * 3600)


def fresh(url: str) -> tuple[Database, Any]:
    """An empty database of our schema, and how to be rid of it."""
    if url.startswith("sqlite"):
        folder = tempfile.TemporaryDirectory(prefix="oracle")
        database = Database(f"sqlite:///{Path(folder.name) / 'oracle.sqlite3'}")
        metadata.create_all(database.engine)

        def dispose() -> None:
            database.close()
            folder.cleanup()

        return database, dispose
    name = "o" + uuid.uuid4().hex[:12]
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    from tests.conftest import _with_database

    database = Database(_with_database(url, name))
    metadata.create_all(database.engine)

    def drop() -> None:
        database.close()
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()

    return database, drop


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_every_history_leads_both_to_the_same_place(kind: str, request: pytest.FixtureRequest) -> None:
    url = "sqlite://" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    machine = type(f"Histories_{kind}", (Histories,), {"url": url})
    examples = {"sqlite": 12, "postgres": 6}[kind] * (20 if LONG else 1)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=25, deadline=None, derandomize=not LONG, database=None,
            suppress_health_check=list(HealthCheck), phases=PHASES,
        ),
    )  # fmt: skip
