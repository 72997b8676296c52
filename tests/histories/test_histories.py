"""The product and the naive rules live through the same random histories and agree at every step (rules 2.8)."""

from __future__ import annotations

import os
from datetime import date, time

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from plugin.core.runtime import Runtime
from plugin.enrolment.doctor import examine
from plugin.population import sets
from plugin.population.sets import forget_bases
from plugin.population.stored_base import keep_base
from tests.histories.lab import Lab
from tests.histories.naive import DAY, Certification, Job, Row

NAMES = ("ann", "bob", "cat", "dan", "eve", "fay")
UNITS = ("o1", "o2", "o3", "o4")
POSITIONS = ("p1", "p2")
JOBS = ("j1", "j2", "j3", "j4", "j5", "j6", "j7")
AUDIENCES = ("a1", "a2")
CODES = ("A", "B")
COURSES = ("c1", "c2", "c3", "c4")

LONG = bool(os.environ.get("MUSTER_LONG"))
EXAMPLES = int(os.environ.get("MUSTER_EXAMPLES", "150" if LONG else "3"))

people = st.sampled_from(NAMES)
codes = st.sampled_from(CODES)
events = st.sampled_from(
    [
        ("first_login", None), ("enrolment", None), ("position_assigned", "p1"), ("job_start", "p2"),
        ("profile_date", "hired"), ("course_completion", "c4"), ("certification_completion", "A"),
    ]
)  # fmt: skip
dues = st.one_of(
    st.none(),
    st.none(),
    st.tuples(
        st.just("on"), st.dates(date(2026, 10, 25), date(2027, 3, 31)), st.sampled_from([None, None, time(17)]),
        st.sampled_from([None, None, "Asia/Tokyo"]),
    ),
    st.tuples(st.just("on"), st.dates(date(2026, 12, 1), date(2027, 3, 31)), st.none(), st.just("learner")),
    st.builds(
        lambda event, amount, unit: ("after", event[0], amount, unit, event[1]),
        events, st.sampled_from([0, 1, 3, 30]), st.sampled_from(["days", "weeks", "months"]),
    ),
)  # fmt: skip
below = st.sampled_from(["", "below", "below"])
buts = st.one_of(
    st.just(()), st.just(()), st.just(()),
    st.lists(
        st.one_of(
            st.tuples(st.just("organisation"), st.sampled_from(UNITS), below),
            st.tuples(st.just("position"), st.sampled_from(POSITIONS), below),
            st.tuples(st.just("audience"), st.sampled_from(AUDIENCES), st.just("")),
            st.tuples(st.just("individual"), people, st.just("")),
        ),
        min_size=1, max_size=2, unique_by=lambda one: one[:2],
    ).map(tuple),
)  # fmt: skip
first_days = st.one_of(st.none(), st.none(), st.none(), st.dates(date(2026, 11, 1), date(2027, 1, 20)))
waves = st.one_of(
    st.none(), st.none(), st.none(), st.tuples(st.sampled_from([0, 1, 1, 2, 3]), st.sampled_from(["day", "week"]))
)
rows = st.one_of(
    st.builds(
        Row, st.just("organisation"), st.sampled_from(UNITS), below, dues, but=buts, starts=first_days, wave=waves
    ),
    st.builds(
        Row, st.just("position"), st.sampled_from(POSITIONS), below, dues, but=buts, starts=first_days, wave=waves
    ),
    st.builds(
        Row,
        st.just("manager"),
        st.sampled_from(JOBS),
        st.sampled_from(["direct", "below"]),
        dues,
        but=buts,
        starts=first_days,
    ),
    st.builds(
        Row, st.just("audience"), st.sampled_from(AUDIENCES), st.just(""), dues, but=buts, starts=first_days, wave=waves
    ),
    st.builds(Row, st.just("individual"), people, st.just(""), dues, but=buts, starts=first_days, wave=waves),
    st.builds(Row, st.just("group"), st.just("g1"), st.just(""), dues, but=buts, starts=first_days, wave=waves),
)


class Histories(RuleBasedStateMachine):
    """Random small worlds. Fewer than ten people, so that the withdrawal guard (its own tests) never minds."""

    runtime: Runtime

    def __init__(self) -> None:
        super().__init__()
        self.lab = Lab(self.runtime)
        self.model = self.lab.model
        self.patch = pytest.MonkeyPatch()

    @initialize(
        bosses=st.lists(st.sampled_from([None, *JOBS]), min_size=7, max_size=7), of_a=st.lists(rows, min_size=1, max_size=3),
        of_b=st.lists(rows, min_size=1, max_size=3), duplicate=st.sampled_from(["hold", "assign"]),
        unknown=st.sampled_from(["hold", "wait"]), minimum=st.sampled_from([0, 20]), grace=st.sampled_from([0, 0, 3]),
        old_sets=st.sampled_from([(2000, 4), (0, 0), (2, 0), (2, 4)]),
    )  # fmt: skip
    def begin(
        self, bosses: list[str | None], of_a: list[Row], of_b: list[Row], duplicate: str, unknown: str, minimum: int,
        grace: int, old_sets: tuple[int, int],
    ) -> None:  # fmt: skip
        lab = self.lab
        self.patch.setattr(sets, "REBUILD_ABOVE", old_sets[0])
        self.patch.setattr(sets, "READ_ALL_ABOVE", old_sets[1])
        lab.courses(*COURSES)
        for name in NAMES:
            lab.person(name)
        for name, parent in (("o1", None), ("o2", "o1"), ("o3", "o2"), ("o4", "o1")):
            lab.unit(name, "organisation", parent)
        for name, parent in (("p1", None), ("p2", "p1")):
            lab.unit(name, "position", parent)
        for number, (job, boss) in enumerate(zip(JOBS, bosses, strict=True)):
            lab.job(job, Job(NAMES[number % 6], UNITS[number % 4], POSITIONS[number % 2], boss_job=boss))
        lab.audience("a1", {"ann", "bob"})
        lab.audience("a2", {"cat", "dan", "eve"})
        answers = {"duplicate_course": duplicate, "unknown_date": unknown}
        for code, listed, courses in (("A", of_a, ("c1", "c2")), ("B", of_b, ("c2", "c3"))):
            new = {row.name: row for row in listed if not (row.due and row.due[1] == "certification_completion")}
            terms = Certification(
                courses=courses, again=("c4",), minimum=minimum * DAY, grace=grace * DAY, answers=answers
            )
            lab.save(code, new, terms)
        self._follow(True)

    def teardown(self) -> None:
        """However a history went, ``muster doctor --deep`` finds nothing (design point 10)."""
        self._follow(True)
        assert examine(self.lab.runtime, deep=True, only=self.lab.host) == []
        self.patch.undo()

    def _follow(self, now: bool) -> None:
        if now:
            self.lab.settle()
            self.lab.check()

    # --- people

    @rule(name=people, state=st.sampled_from(["active", "active", "suspended", "deleted"]), now=st.booleans())
    def turn(self, name: str, state: str, now: bool) -> None:
        if self.model.people[name].state != state:
            self.lab.person(name, state=state)
            self._follow(now)

    @rule(name=people, back=st.integers(0, 40), now=st.booleans())
    def log_in(self, name: str, back: int, now: bool) -> None:
        if self.model.exists(name) and self.model.people[name].first_login is None:
            self.lab.person(name, first_login=self.model.now - back * DAY)
            self._follow(now)

    @rule(name=people, hired=st.sampled_from([None, 0, 20, -30]), zone=st.sampled_from(["", "America/New_York"]))
    def describe(self, name: str, hired: int | None, zone: str) -> None:
        if self.model.exists(name):
            fields = {} if hired is None else {"hired": str(self.model.now + hired * DAY)}
            self.lab.person(name, fields=fields, zone=zone)
            self._follow(True)

    # --- structure

    @rule(name=st.sampled_from(UNITS), parent=st.sampled_from([None, *UNITS]), now=st.booleans())
    def move_unit(self, name: str, parent: str | None, now: bool) -> None:
        above = parent
        while above is not None:
            if above == name:
                return  # the host's tree has no loops
            above = self.model.units[above].parent if above in self.model.units else None
        self.lab.unit(name, "organisation", parent)
        self._follow(now)

    @rule(name=st.sampled_from([*UNITS, "p2"]), now=st.booleans())
    def drop_unit(self, name: str, now: bool) -> None:
        if name in self.model.units:
            self.lab.drop_unit(name)
            self._follow(now)

    @rule(
        name=st.sampled_from(JOBS), person=people, organisation=st.sampled_from([None, *UNITS]),
        position=st.sampled_from([None, *POSITIONS]), boss_job=st.sampled_from([None, *JOBS]),
        boss=st.sampled_from([None, None, *NAMES]), temporary=st.sampled_from([False, False, True]),
        starts=st.sampled_from([None, None, None, -300, -3, 2, 15]), length=st.sampled_from([None, None, 1, 5, 310]),
        since=st.sampled_from([None, -20, 0]), now=st.booleans(),
    )  # fmt: skip
    def job(
        self, name: str, person: str, organisation: str | None, position: str | None, boss_job: str | None,
        boss: str | None, temporary: bool, starts: int | None, length: int | None, since: int | None, now: bool,
    ) -> None:  # fmt: skip
        here = self.model.now
        begins = None if starts is None else here + starts * DAY
        ends = None if length is None else (here if begins is None else begins) + length * DAY
        job = Job(person, organisation, position, boss_job, None if boss_job else boss, temporary, begins, ends,
                  None if since is None else here + since * DAY)  # fmt: skip
        self.lab.job(name, job)
        self._follow(now)

    @rule(names=st.sets(st.sampled_from(JOBS), min_size=1, max_size=3), now=st.booleans())
    def drop_jobs(self, names: set[str], now: bool) -> None:
        if present := sorted(names & self.model.jobs.keys()):
            self.lab.drop_job(*present)
            self._follow(now)

    @rule(
        names=st.sets(st.sampled_from(JOBS), min_size=2, max_size=4), organisation=st.sampled_from(UNITS),
        boss=st.sampled_from([None, *JOBS]),
    )  # fmt: skip
    def reorganise(self, names: set[str], organisation: str, boss: str | None) -> None:
        found = {
            name: Job(**{**vars(self.model.jobs[name]), "organisation": organisation, "boss_job": boss, "boss": None})
            for name in sorted(names & self.model.jobs.keys())
        }
        if found:
            self.lab.note("together", found)
            self.lab.jobs(found)
            self._follow(True)

    @rule(name=st.sampled_from(AUDIENCES), members=st.sets(people), now=st.booleans())
    def audience(self, name: str, members: set[str], now: bool) -> None:
        self.lab.audience(name, members)
        self._follow(now)

    @rule(name=st.sampled_from(AUDIENCES), now=st.booleans())
    def drop_audience(self, name: str, now: bool) -> None:
        if name in self.model.audiences:
            self.lab.drop_audience(name)
            self._follow(now)

    # --- administrators

    @rule(code=codes, row=rows, earlier=st.sampled_from([False, False, True]), now=st.sampled_from([True, True, False]))
    def assign(self, code: str, row: Row, earlier: bool, now: bool) -> None:
        """Add a row, or change the one there is."""
        certification = self.model.certifications[code]
        if row.name not in certification.rows and not self.model.target_exists(row):
            return
        if row.due and row.due[1] == "certification_completion" and code == "A":
            return
        if code in self.lab.saves:
            return  # one save at a time
        new = {**certification.rows, row.name: row}
        self.lab.save(code, new, Certification(**{**vars(certification), "rows": {}}), earlier=earlier)
        self._follow(now)

    @rule(code=codes, pick=st.integers(0, 9), now=st.sampled_from([True, True, False]))
    def unassign(self, code: str, pick: int, now: bool) -> None:
        certification = self.model.certifications[code]
        if certification.rows and code not in self.lab.saves:
            name = sorted(certification.rows)[pick % len(certification.rows)]
            new = {other: row for other, row in certification.rows.items() if other != name}
            self.lab.save(code, new, Certification(**{**vars(certification), "rows": {}}))
            self._follow(now)

    @rule(
        code=codes, leaving=st.sampled_from(["keep", "suspend", "remove"]), grace=st.sampled_from([0, 0, 3]),
        minimum=st.sampled_from([0, 5, 30]), short=st.sampled_from(["hold", "hold", "realistic", "assign", "dismiss"]),
        unknown=st.sampled_from(["hold", "hold", "realistic", "dismiss", "wait"]),
        duplicate=st.sampled_from(["hold", "hold", "assign", "dismiss"]), already=st.sampled_from(["off", "off", "hold", "assign", "dismiss"]),
    )  # fmt: skip
    def terms(
        self, code: str, leaving: str, grace: int, minimum: int, short: str, unknown: str, duplicate: str, already: str
    ) -> None:
        self._follow(True)
        before = self.model.certifications[code]
        answers = {
            "time_allowance": short, "unknown_date": unknown, "duplicate_course": duplicate, "already_assigned": already
        }  # fmt: skip
        new = {**vars(before), "rows": {}, "leaving": leaving, "grace": grace * DAY, "minimum": minimum * DAY}
        self.lab.save(code, before.rows, Certification(**{**new, "answers": answers}))
        self._follow(True)

    @rule(code=codes, courses=st.sampled_from([("c1", "c2"), ("c2", "c3"), ("c1",), ("c3",)]))
    def content(self, code: str, courses: tuple[str, ...]) -> None:
        self._follow(True)
        before = self.model.certifications[code]
        self.lab.save(code, before.rows, Certification(**{**vars(before), "rows": {}, "courses": courses}))
        self._follow(True)

    @rule(code=codes, starts=st.one_of(st.none(), st.dates(date(2026, 11, 1), date(2027, 1, 20))))
    def begin_on(self, code: str, starts: date | None) -> None:
        """The certification's own first day."""
        self._follow(True)
        before = self.model.certifications[code]
        self.lab.save(code, before.rows, Certification(**{**vars(before), "rows": {}, "starts": starts}))
        self._follow(True)

    @rule(code=codes, wave=waves)
    def in_waves(self, code: str, wave: tuple[int, str] | None) -> None:
        """The certification's own wave."""
        self._follow(True)
        before = self.model.certifications[code]
        self.lab.save(code, before.rows, Certification(**{**vars(before), "rows": {}, "wave": wave}))
        self._follow(True)

    @rule(code=codes, name=people, now=st.booleans())
    def group(self, code: str, name: str, now: bool) -> None:
        if "group:g1" not in self.model.certifications[code].rows or self.model.people[name].state != "active":
            return
        if name in self.model.groups.get((code, "g1"), ()):
            self.lab.leave(code, "g1", name)
        else:
            self.lab.join(code, "g1", name)
        self._follow(now)

    # --- answers

    @rule(pick=st.integers(0, 20), action=st.sampled_from(["realistic", "assign", "dismiss"]))
    def answer(self, pick: int, action: str) -> None:
        self._follow(True)
        asked = sorted(
            key for key, one in self.model.enrolments.items()
            if one.live and one.question and one.leaves_on is None and self.model.people[key[1]].state == "active"
        )  # fmt: skip
        if asked:
            code, name = asked[pick % len(asked)]
            question = self.model.enrolments[code, name].question
            if question is not None and action in self.model.ALLOWED[question.type]:
                self.lab.answer(code, name, action)
                self._follow(True)

    @rule(pick=st.integers(0, 20))
    def reopen(self, pick: int) -> None:
        self._follow(True)
        answered = sorted(
            key for key, one in self.model.enrolments.items()
            if one.live and one.answer and one.question is None and one.leaves_on is None
            and one.answer.type != "already_assigned"
            and self.model.people[key[1]].state == "active" and one.state in ("assigned", "in_progress")
        )  # fmt: skip
        if answered:
            self.lab.reopen(*answered[pick % len(answered)])
            self._follow(True)

    @rule(pick=st.integers(0, 20), more=st.integers(1, 60))
    def extend(self, pick: int, more: int) -> None:
        self._follow(True)
        dated = sorted(
            key for key, one in self.model.enrolments.items()
            if one.active and one.due is not None and one.state in ("assigned", "in_progress")
            and one.due + more * DAY > self.model.now
        )  # fmt: skip
        if dated:
            code, name = dated[pick % len(dated)]
            self.lab.extend(code, name, (self.model.enrolments[code, name].due or 0) + more * DAY)
            self._follow(True)

    @rule(code=codes, name=people, until=st.sampled_from([None, 1, 10]))
    def exempt(self, code: str, name: str, until: int | None) -> None:
        if self.model.people[name].state == "active":
            self.lab.exempt(code, name, None if until is None else self.model.now + until * DAY)
            self._follow(True)

    # --- time

    @rule(name=people, course=st.sampled_from(COURSES))
    def complete(self, name: str, course: str) -> None:
        if self.model.exists(name):
            self.lab.complete(name, course)
            self._follow(True)

    @rule(step=st.sampled_from([60, 3600, DAY, 4 * DAY, 40 * DAY, 340 * DAY]))
    def wait(self, step: int) -> None:
        self._follow(True)
        self.lab.at(self.model.now + step)
        self._follow(True)

    @rule()
    def restart(self) -> None:
        """A process that starts has the stored base and whoever changed since."""
        keep_base(self.lab.runtime, self.lab.host)
        forget_bases()
        self._follow(True)

    @rule()
    def nightly(self) -> None:
        self._follow(True)
        self.lab.check_whole()


@pytest.mark.long
def test_every_step_of_a_random_history_agrees_with_the_rules(runtime: Runtime) -> None:
    machine = type("Histories", (Histories,), {"runtime": runtime})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=40, deadline=None, derandomize="MUSTER_EXAMPLES" not in os.environ, database=None,
            suppress_health_check=list(HealthCheck), print_blob=False,
            phases=(Phase.generate, Phase.shrink) if os.environ.get("MUSTER_SHRINK") else (Phase.generate,),
        ),
    )  # fmt: skip
