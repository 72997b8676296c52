"""The product and the naive model side by side: every change is made to both, and then they are compared."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from plugin.certifications.definition import AssignmentDef, Definition, Proposal
from plugin.certifications.store import by_id, definition_of
from plugin.core.clock import Clock
from plugin.core.runtime import Runtime
from plugin.core.tables import Host, HostClock
from plugin.delivery.tables import WANTS, Seat
from plugin.enrolment import exceptions, groups
from plugin.enrolment.codes import DISMISSED, EXCEPTION_TYPES, HELD_BY_EXCEPTION, HELD_BY_GUARD, TARGET_GONE
from plugin.enrolment.doctor import examine
from plugin.enrolment.people import settle_people
from plugin.enrolment.preview import Review, review
from plugin.enrolment.save import Choices, save
from plugin.enrolment.settle import settle_certifications, settle_everything
from plugin.enrolment.tables import Enrolment, ExceptionRow, WhySet
from plugin.enrolment.tick import tick
from plugin.enrolment.weigh import certification_id
from plugin.hosts.port import Record
from plugin.mirror.changes import stamp
from plugin.mirror.records import KINDS, drop_rows, write_rows
from plugin.mirror.tables import Course, Person
from plugin.mirror.trees import renumber
from tests.oracle.model import Certification, Model, Rule

HOST = 1


def day(instant: int | None) -> str | None:
    return None if instant is None else datetime.fromtimestamp(instant, UTC).date().isoformat()


class Both:
    """Two worlds that must never differ."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime, self.model = runtime, Model(runtime.clock.now())
        with runtime.db.write() as session:
            session.add(Host(id=HOST, name="oracle", title="Oracle", time_zone="UTC", settings={}))
            session.add(HostClock(host_id=HOST, seq=0, as_of=runtime.clock.now()))
        for course in ("c1", "c2"):
            self._told("courses", course, {"name": course})

    # --- what the host tells

    def _told(self, kind: str, ext: str, fields: dict[str, Any] | None) -> None:
        """A record as the mirror takes it, or (``None``) its end; whom it touches is stamped by the mirror itself."""
        with self.runtime.db.write() as session:
            if fields is None:
                written = drop_rows(session, HOST, KINDS[kind], [ext])
            else:
                written = write_rows(session, HOST, KINDS[kind], [Record(ext, fields)], "UTC", 0)
            if written.trees:
                renumber(session, HOST)
            if written.people or written.changed:
                stamp(session, HOST, written.people, self.model.now)

    def person(self, ext: str, state: str = "active", login: int | None = None, hired: int | None = None) -> None:
        model = self.model
        model.state[ext] = state
        model.login[ext], model.hired[ext] = login, hired
        if state == "deleted":
            for members in model.audiences.values():
                members.discard(ext)
            self._told("people", ext, None)
            return
        seen = None if login is None else datetime.fromtimestamp(login, UTC).isoformat()
        extra = {} if hired is None else {"hired": day(hired)}
        self._told("people", ext, {"name": ext, "state": state, "first_login": seen, "fields": extra})

    def unit(self, ext: str, parent: str) -> None:
        self.model.units[ext] = parent
        self._told("units", ext, {"kind": "organisation", "framework": "f", "name": ext, "parent": parent or None})

    def job(
        self, ext: str, person: str, unit: str, *, boss: str = "", boss_person: str = "", start: int | None = None,
        last_day: int | None = None, temporary: bool = False,
    ) -> None:  # fmt: skip
        """:param start: the first second of a day. :param last_day: a second of the last day on which it counts."""
        end = None if last_day is None else last_day - last_day % 86_400 + 86_400
        self.model.jobs[ext] = {
            "person": person, "organisation": unit, "position": None, "boss": boss, "boss_person": boss_person,
            "start": start, "end": end, "temporary": temporary,
        }  # fmt: skip
        self._told(
            "jobs", ext,
            {"person": person, "organisation": unit or None, "manager_job": boss or None,
             "manager": boss_person or None, "start": day(start), "end": day(last_day), "temporary": temporary},
        )  # fmt: skip

    def no_job(self, ext: str) -> None:
        del self.model.jobs[ext]
        self._told("jobs", ext, None)

    def audience(self, ext: str) -> None:
        self.model.audiences.setdefault(ext, set())
        self._told("audiences", ext, {"name": ext})

    def member(self, audience: str, person: str, *, inside: bool) -> None:
        members = self.model.audiences[audience]
        (members.add if inside else members.discard)(person)
        self._told("members", f"{audience}:{person}", {"audience": audience, "person": person} if inside else None)

    # --- what administrators do

    def _number(self, code: str) -> int:
        with self.runtime.db.read() as session:
            return certification_id(session, HOST, code)

    def proposal(self, made: Certification) -> Proposal:
        """A definition as the model has it, against what is saved."""
        number = self._number(made.code)
        with self.runtime.db.read() as session:
            current = definition_of(session, HOST, number) if number else None
            base = by_id(session, HOST, number).version if number else 0
        weeks = made.minimum // (7 * 86_400)
        stage: dict[str, Any] = {"name": "One", "courses": [made.course], "needs": "all"}
        if weeks:
            stage["minimum"] = f"{weeks} weeks"
        definition = Definition(
            code=made.code, name=made.code, state="live", content={"certification": [stage]},
            leaving={"seat": made.leaving, "grace": f"{made.grace // 86_400} days"}, exceptions=made.answers,
            assignments=tuple(_as_definition(rule) for rule in made.rules.values()),
        )  # fmt: skip
        return Proposal(definition, base, current)

    def review(self, made: Certification) -> Review:
        with self.runtime.db.read() as session:
            return review(session, HOST, [self.proposal(made)], now=self.model.now)[0]

    def save(self, made: Certification, *, earlier: bool = False) -> Review:
        """Save and settle; returns what the review had promised."""
        promised = self.review(made)
        saved = save(self.runtime, HOST, [self.proposal(made)], who="oracle", choices=Choices(earlier=earlier))
        before = self.model.certifications.get(made.code)
        if saved:
            made.version = saved[0].version
            for name, rule in made.rules.items():
                old = before.rules.get(name) if before else None
                rule.new_in = old.new_in if old else made.version
            self.model.certifications[made.code] = made
            for rule in made.rules.values():
                if rule.kind == "group":
                    self.model.groups.setdefault((made.code, rule.target), set())
        self._settle_product()
        if saved:
            self.model.settle_save(made.code, earlier=earlier)
        return promised

    def group(self, code: str, name: str, person: str, *, inside: bool) -> None:
        with self.runtime.db.read() as session:
            number = session.scalars(select(Person.id).where(Person.host_id == HOST, Person.ext == person)).one()
        act = groups.join if inside else groups.leave
        act(self.runtime, HOST, self._number(code), name, number, by="oracle")
        members = self.model.groups[code, name]
        (members.add if inside else members.discard)(person)

    def answer(self, code: str, person: str, action: str) -> None:
        facts = self.model.get(code, person)
        assert facts.question is not None
        kind, due = facts.question
        with self.runtime.db.read() as session:
            number = session.scalars(select(Person.id).where(Person.host_id == HOST, Person.ext == person)).one()
        exceptions.answer(self.runtime, HOST, self._number(code), action, who="oracle", people=[number])
        facts.answer = (kind, action, self.model.now)
        facts.decision = (facts.spell, kind, action, due, facts.why)

    # --- time and settling

    def advance(self, seconds: int) -> None:
        """The clock moves on by at most a day; whoever's job turned meanwhile is settled as of that instant."""
        before = self.model.now
        self.model.now += seconds
        self.runtime = replace(self.runtime, clock=Clock(self.model.now))
        turned: dict[str, int] = {}
        for job in self.model.jobs.values():
            for bound in (job["start"], job["end"]):
                if isinstance(bound, int) and before < bound <= self.model.now:
                    turned[str(job["person"])] = bound
        self._settle_product()
        self.model.settle_people(turned)

    def settle(self) -> None:
        self._settle_product()
        self.model.settle_people()

    def _settle_product(self) -> None:
        tick(self.runtime, HOST)
        while settle_certifications(self.runtime, HOST) + settle_people(self.runtime, HOST):
            pass

    # --- are they alike?

    def compare(self) -> None:
        ours, theirs = self._product(), self._expected()
        differing = {
            key: (ours.get(key), theirs.get(key))
            for key in ours.keys() | theirs.keys()
            if ours.get(key) != theirs.get(key)
        }
        assert not differing, "\n".join(f"{key}: product {a} | model {b}" for key, (a, b) in sorted(differing.items()))
        assert self._seats() == {key: seat[0] for key, seat in self.model.seats.items()}

    def whole(self) -> None:
        """Settling everyone changes nothing, and the doctor finds nothing (DOMAIN 2.8)."""
        before = self._product()
        settle_everything(self.runtime, HOST)
        assert self._product() == before
        assert examine(self.runtime, deep=True) == []

    def _expected(self) -> dict[tuple[str, str], tuple[Any, ...]]:
        return {
            key: (
                facts.spell, facts.began, facts.due, facts.waiting, facts.kept_by_gone and not facts.waiting,
                tuple(sorted(facts.why)), facts.leaves_on, facts.frozen_since, facts.question,
            )
            for key, facts in self.model.facts.items()
            if facts.live
        }  # fmt: skip

    def _product(self) -> dict[tuple[str, str], tuple[Any, ...]]:
        with self.runtime.db.read() as session:
            people = {row[0]: row[1] for row in session.execute(select(Person.id, Person.ext))}
            codes = {
                self_id: code
                for code in self.model.certifications
                if (self_id := certification_id(session, HOST, code))
            }
            from plugin.certifications.tables import Assignment

            names = {one.id: f"{one.type}:{one.target}" for one in session.scalars(select(Assignment))}
            whys = {one.id: tuple(sorted(names[a] for a in one.assignments)) for one in session.scalars(select(WhySet))}
            asked = {(one.certification, one.person): one for one in session.scalars(select(ExceptionRow))}
            found: dict[tuple[str, str], tuple[Any, ...]] = {}
            for one in session.scalars(select(Enrolment).where(Enrolment.state > 0)):
                assert one.hold != HELD_BY_GUARD
                waiting = {HELD_BY_EXCEPTION: "exception", DISMISSED: "dismissed"}.get(one.hold, "")
                question = asked.pop((one.certification, one.person), None)
                found[codes[one.certification], people[one.person]] = (
                    one.spell, one.began, one.due, waiting, one.hold == TARGET_GONE, whys.get(one.why, ()),
                    one.leaves_on, one.frozen_since,
                    (EXCEPTION_TYPES[question.type], question.wanted_due) if question else None,
                )  # fmt: skip
            assert not asked, "no exception without its enrolment"
            return found

    def _seats(self) -> dict[tuple[str, str], str]:
        with self.runtime.db.read() as session:
            rows = session.execute(
                select(Course.ext, Person.ext, Seat.wanted)
                .join(Seat, (Seat.host_id == Course.host_id) & (Seat.course == Course.id))
                .join(Person, (Person.host_id == Seat.host_id) & (Person.id == Seat.person))
            )
            return {(course, person): WANTS[wanted] for course, person, wanted in rows}


def _as_definition(rule: Rule) -> AssignmentDef:
    due: Any = "none"
    if rule.due is not None:
        event, number = rule.due
        if event == "fixed":
            due = {"fixed": day(number)}
        elif event == "hired":
            due = {"after": "profile_date", "field": "hired", "add": f"{number} days"}
        else:
            due = {"after": event, "add": f"{number} days"}
    return AssignmentDef(rule.kind, rule.target, rule.include, due)
