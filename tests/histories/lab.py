"""One world, twice: in the product's tables, through the product's own path, and in the naive model; then compared."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from plugin.certifications.definition import AssignmentDef, Definition, Proposal
from plugin.certifications.store import by_id, definition_of
from plugin.core.clock import Clock, format_instant
from plugin.core.database.bulk import fetch
from plugin.core.runtime import Runtime
from plugin.core.tables import Host, HostClock
from plugin.delivery.tables import WANTS
from plugin.enrolment.answers import exceptions, groups, overrides
from plugin.enrolment.codes import EXCEPTION_TYPES, STATES
from plugin.enrolment.doctor import examine
from plugin.enrolment.saving.proposal import certification_id
from plugin.enrolment.saving.save import Choices, save
from plugin.enrolment.settling.everyone import settle_everything
from plugin.enrolment.settling.people import settle_people
from plugin.enrolment.settling.saves import settle_certifications
from plugin.enrolment.settling.tick import tick
from plugin.enrolment.tables import Enrolment
from plugin.hosts.port import Caps, Page, Record
from plugin.mirror.pulling import pages
from plugin.mirror.pulling.rows import KINDS
from plugin.mirror.tables import Connection, Person
from tests.histories import naive
from tests.histories.naive import Certification, Job, Model, Row, Save, Unit

_hosts = count(100)
HOLDS = ("", "exception", "dismissed", "exempt", "guard", "gone")
UNITS_OF = {"days": "days", "weeks": "weeks", "months": "months", "years": "years"}


def text_of(instant: int | None) -> str | None:
    return format_instant(instant)


def day_text(day: date | None) -> str:
    return day.isoformat() if day else ""


def wave_text(wave: tuple[int, str] | None) -> dict[str, Any] | None:
    return {"learners": wave[0], "every": wave[1]} if wave else None


def due_of(due: tuple | None) -> Any:
    """The model's date setting in the form of AS-CODE."""
    if due is None:
        return "none"
    if due[0] == "on":
        _on, day, at, zone = due
        fixed = {"fixed": day.isoformat() if at is None else f"{day.isoformat()}T{at.isoformat('minutes')}"}
        return {**fixed, "zone": zone} if zone else fixed
    _after, event, amount, unit, item = due
    key = {"position_assigned": "position", "job_start": "position", "course_completion": "course",
           "certification_completion": "certification", "profile_date": "field"}.get(event)  # fmt: skip
    return {"after": event, "add": f"{amount} {unit}", **({key: item} if key else {})}


class Lab:
    """Every method does one thing to both worlds. Nothing follows from it until :meth:`settle`."""

    def __init__(self, runtime: Runtime, zone: str = "Europe/London") -> None:
        self.host = next(_hosts)
        self.runtime, self.zone = runtime, zone
        self.model = Model(runtime.clock.now(), ZoneInfo(zone))
        self.saves: dict[str, Save] = {}
        self.log: list[str] = []
        self._numbers: dict[str, int] = {}
        with runtime.db.write() as session:
            session.add(Host(id=self.host, name=f"h{self.host}", title="Host", time_zone=zone, settings={}))
            session.add(HostClock(host_id=self.host, seq=0, as_of=runtime.clock.now()))
            session.add(Connection(host_id=self.host, id=1, name=f"c{self.host}", kind="webhook", marks={}))
        self._members = count()

    def note(self, *words: object) -> None:
        self.log.append(" ".join(str(word) for word in words))

    # --- the host

    def reader(self, runtime: Runtime) -> pages.HostReader:
        """Who writes what the host tells."""
        with runtime.db.read() as session:
            connection = session.get_one(Connection, (self.host, 1))
            zone = session.get_one(Host, self.host).time_zone
        return pages.HostReader(runtime, self.host, connection, None, Caps(), zone)  # type: ignore[arg-type]

    def tell(self, kind: str, rows: dict[str, dict[str, Any]] | None = None, gone: tuple[str, ...] = ()) -> None:
        """What a read by ids brings, through the mirror's own writing."""
        reader = self.reader(self.runtime)
        records = [Record(ext, fields) for ext, fields in (rows or {}).items()]
        pages.write_page(reader, KINDS[kind], Page(kind, records, gone), 0, {})

    def person(self, name: str, **changes: Any) -> None:
        self.note("person", name, changes)
        one = self.model.people.setdefault(name, naive.Person())
        for key, value in changes.items():
            setattr(one, key, value)
        if one.state == "deleted":
            self.tell("people", gone=(name,))
            return
        fields = {"name": name, "state": one.state, "time_zone": one.zone, "fields": one.fields,
                  "first_login": text_of(one.first_login)}  # fmt: skip
        self.tell("people", {name: fields})

    def unit(self, name: str, kind: str, parent: str | None) -> None:
        self.note("unit", name, kind, "under", parent)
        self.model.units[name] = Unit(kind, parent)
        self.tell("units", {name: {"kind": kind, "parent": parent, "name": name, "framework": "f"}})

    def drop_unit(self, name: str) -> None:
        self.note("drop unit", name)
        self.model.units.pop(name, None)
        self.tell("units", gone=(name,))

    def job(self, name: str, job: Job) -> None:
        self.note("job", name, job)
        self.jobs({name: job})

    def jobs(self, jobs: dict[str, Job]) -> None:
        """Several at once: one hint batch."""
        self.model.jobs.update(jobs)
        rows = {
            name: {
                "person": job.person, "organisation": job.organisation, "position": job.position,
                "manager_job": job.boss_job, "manager": job.boss, "temporary": job.temporary,
                "start": text_of(job.starts), "end": text_of(job.ends), "position_since": text_of(job.position_since),
            }
            for name, job in jobs.items()
        }  # fmt: skip
        self.tell("jobs", rows)

    def drop_job(self, *names: str) -> None:
        self.note("drop jobs", *names)
        for name in names:
            self.model.jobs.pop(name, None)
        self.tell("jobs", gone=names)

    def audience(self, name: str, members: set[str]) -> None:
        self.note("audience", name, sorted(members))
        if name not in self.model.audiences:
            self.model.audiences[name] = set()
            self.tell("audiences", {name: {"name": name}})
        before, self.model.audiences[name] = self.model.audiences[name], set(members)
        rows = {f"{name}/{one}": {"audience": name, "person": one} for one in sorted(members - before)}
        self.tell("members", rows, tuple(f"{name}/{one}" for one in sorted(before - members)))

    def drop_audience(self, name: str) -> None:
        self.note("drop audience", name)
        members = self.model.audiences.pop(name, set())
        self.tell("audiences", gone=(name,))
        self.tell("members", gone=tuple(f"{name}/{one}" for one in sorted(members)))

    def courses(self, *names: str) -> None:
        self.tell("courses", {name: {"name": name} for name in names})

    def complete(self, name: str, course: str) -> None:
        self.note("complete", name, course)
        at = self.model.now
        self.model.completions.setdefault((name, course), []).append(at)
        key = f"{name}/{course}/{len(self.model.completions[name, course])}"
        self.tell("completions", {key: {"person": name, "course": course, "at": text_of(at), "state": "done"}})

    # --- administrators

    def number(self, code: str) -> int:
        if not self._numbers.get(code):
            with self.runtime.db.read() as session:
                self._numbers[code] = certification_id(session, self.host, code)
        return self._numbers[code]

    def id_of(self, name: str) -> int:
        with self.runtime.db.read() as session:
            return session.scalars(select(Person.id).where(Person.host_id == self.host, Person.ext == name)).one()

    def proposal(self, code: str, rows: dict[str, Row], terms: Certification) -> Proposal:
        number = self.number(code)
        with self.runtime.db.read() as session:
            current = definition_of(session, self.host, number) if number else None
            base = by_id(session, self.host, number).version if number else 0
        definition = current or Definition(code=code, name=code)
        path = [{"name": "All", "courses": list(terms.courses), "needs": "all"}] if terms.courses else []
        if path and terms.minimum:
            path[0]["minimum"] = f"{terms.minimum // naive.DAY} days"
        again = [{"name": "Again", "courses": list(terms.again), "needs": "all"}] if terms.again else []
        definition = replace(
            definition,
            state="live" if terms.live else "draft",
            content={"certification": path, "recertification": again},
            period={"active": f"{terms.active_years} years", "window": f"{terms.window_months} months"},
            leaving={"seat": terms.leaving, "grace": f"{terms.grace // naive.DAY} days"},
            exceptions=terms.answers,
            available={
                bound: day.isoformat() for bound, day in (("from", terms.first_day), ("until", terms.last_day)) if day
            },
            assignments=tuple(
                AssignmentDef(
                    row.type,
                    row.target,
                    row.include,
                    due_of(row.due),
                    exclusions=row.but,
                    starts=day_text(row.starts),
                    wave=wave_text(row.wave),
                )
                for row in rows.values()
            ),  # fmt: skip
            starts=day_text(terms.starts),
            wave=wave_text(terms.wave),
        )
        return Proposal(definition, base, current)

    def save(
        self, code: str, rows: dict[str, Row], terms: Certification, *, earlier: bool = False, allow: int | None = None
    ) -> bool:
        """``False`` where there was no difference. ``allow``: the number typed for the withdrawal guard."""
        self.note(
            "save",
            code,
            {name: (row.include, row.due, row.but, row.starts, row.wave) for name, row in rows.items()},
            vars(terms),
            earlier,
        )
        before = self.model.certifications.get(code, Certification())
        choices = Choices(earlier=earlier, allow_withdrawals=allow)
        saved = save(self.runtime, self.host, [self.proposal(code, rows, terms)], who="tester", choices=choices)
        new = {**vars(terms), "rows": {}}
        self.model.certifications[code] = certification = Certification(**new)
        for name, row in rows.items():
            old = before.rows.get(name)
            fresh = Row(row.type, row.target, row.include, row.due, but=row.but, starts=row.starts, wave=row.wave)
            if old is not None:
                fresh.missing, fresh.pins, fresh.settled = old.missing, old.pins, old.settled
            certification.rows[name] = fresh
        if saved:
            self.saves.pop(code, None)
            at = max(self.model.now, self.runtime.clock.now())
            self.saves[code] = Save(set(rows) - set(before.rows), earlier, at)
        return bool(saved)

    def join(self, code: str, group: str, name: str) -> None:
        self.note("join", code, group, name)
        groups.join(self.runtime, self.host, self.number(code), group, self.id_of(name), by="tester")
        self.model.groups.setdefault((code, group), set()).add(name)

    def leave(self, code: str, group: str, name: str) -> None:
        self.note("leave", code, group, name)
        groups.leave(self.runtime, self.host, self.number(code), group, self.id_of(name), by="tester")
        self.model.groups[code, group].discard(name)

    def answer(self, code: str, name: str, action: str) -> None:
        self.note("answer", code, name, action)
        exceptions.answer(self.runtime, self.host, self.number(code), action, who="tester", people=[self.id_of(name)])
        self.model.answer(code, name, action)

    def reopen(self, code: str, name: str) -> None:
        self.note("reopen", code, name)
        exceptions.answer(self.runtime, self.host, self.number(code), "reopen", who="tester", people=[self.id_of(name)])
        self.model.reopen(code, name)

    def extend(self, code: str, name: str, to: int) -> None:
        self.note("extend", code, name, to)
        overrides.extend(self.runtime, self.host, self.number(code), self.id_of(name), to, who="tester")
        self.model.extend(code, name, to)

    def exempt(self, code: str, name: str, until: int | None) -> None:
        self.note("exempt", code, name, until)
        overrides.exempt(
            self.runtime, self.host, self.number(code), self.id_of(name), until=until, reason="so", who="tester"
        )
        self.model.exempt[code, name] = until

    # --- time, and what follows

    def at(self, now: int) -> None:
        """Put the clock there, stopping at each instant at which something begins or ends."""
        while (stop := self.model.next_boundary()) is not None and stop < now:
            self._clock(stop)
            self.settle()
            self.check()
        self._clock(now)

    def _clock(self, now: int) -> None:
        self.note("clock", format_instant(now))
        self.runtime = replace(self.runtime, clock=Clock(now))
        self.model.now = now

    def settle(self) -> None:
        """What follows, in both worlds."""
        self.work()
        self.learn_numbers()
        self.model.settle(self.saves)
        for code in self.saves:
            self.model.settled(code)
        self.saves = {}

    def learn_numbers(self) -> None:
        """What waves order people by is ours, not the host's."""
        if self.model.numbers.keys() != self.model.people.keys():
            with self.runtime.db.read() as session:
                rows = fetch(session, "SELECT ext, id FROM person WHERE host_id = ?", self.host)
            self.model.numbers.update(rows)

    def work(self) -> None:
        """Everything the product owes, as one round of the worker after the other (plugin/jobs/work.py)."""
        for _round in range(50):
            tick(self.runtime, self.host)
            done = settle_certifications(self.runtime, self.host)
            done += settle_people(self.runtime, self.host)
            if not done:
                break
        else:
            raise AssertionError("never quiet")

    def check(self) -> None:
        """Both worlds are the same; and settling everybody once more changes nothing (2.8)."""
        self.same(self.product(), "settled person by person")

    @staticmethod
    def since(instant: int) -> str | None:
        """An instant as :meth:`product` shows it."""
        return text_of(instant)

    def ended(self, code: str, name: str) -> str | None:
        """When the last spell of somebody ended."""
        with self.runtime.db.read() as session:
            row = session.get_one(Enrolment, (self.host, self.number(code), self.id_of(name)))
            return text_of(row.ended)

    def check_nothing_left(self) -> None:
        """Settling everybody changes nothing, and the doctor agrees."""
        before = self.product()
        settle_everything(self.runtime, self.host)
        assert self.product() == before
        assert examine(self.runtime, deep=True, only=self.host) == []

    def check_whole(self) -> None:
        """The nightly check finds nothing to do."""
        settle_everything(self.runtime, self.host)
        self.same(self.product(), "settled whole")

    def same(self, found: dict[str, Any], how: str) -> None:
        wanted = self.expected()
        if found == wanted:
            return
        lines = [f"{how}: product and model differ after:", *(f"  {one}" for one in self.log), "DIFFERENCES:"]
        for key in sorted(found.keys() | wanted.keys()):
            if found.get(key) != wanted.get(key):
                lines += [f"  {key}", f"    product: {found.get(key)}", f"    model:   {wanted.get(key)}"]
        raise AssertionError("\n".join(lines))

    def expected(self, only: str | None = None) -> dict[str, Any]:
        """What the model says of everybody, or of one person."""
        rows: dict[str, Any] = {}
        for (code, name), one in self.model.enrolments.items():
            if one.live and only in (None, name):
                question = one.question
                rows[f"{code} {name}"] = {
                    "state": one.state, "held": one.held, "since": text_of(one.began), "due": text_of(one.due),
                    "why": sorted(one.why), "exception": question and (question.type, text_of(question.wanted)),
                    "leaves_on": text_of(one.leaves_on), "frozen": one.frozen_since is not None, "spell": one.spell,
                    "expires": text_of(one.expires), "window": text_of(one.window_opens),
                }  # fmt: skip
        for (name, course), seat in self.model.seats.items():
            if only in (None, name):
                rows[f"seat {name} {course}"] = seat.shown
        return rows

    def product(self) -> dict[str, Any]:
        """What the product's rows say of everybody. Plain SQL: this is asked for after every step."""
        with self.runtime.db.read() as session:
            people = dict(fetch(session, "SELECT id, ext FROM person WHERE host_id = ?", self.host))
            codes = {self.number(code): code for code in self.model.certifications}
            sql = "SELECT id, type, target FROM assignment WHERE host_id = ?"
            names = {row[0]: f"{row[1]}:{row[2]}" for row in fetch(session, sql, self.host)}
            sql = "SELECT id, CAST(assignments AS TEXT) FROM why_set WHERE host_id = ?"
            whys = {row[0]: sorted(names[one] for one in json.loads(row[1])) for row in fetch(session, sql, self.host)}
            sql = "SELECT certification, person, type, wanted_due FROM exception WHERE host_id = ?"
            asked = {row[:2]: (EXCEPTION_TYPES[row[2]], text_of(row[3])) for row in fetch(session, sql, self.host)}
            enrolled = fetch(
                session, f"SELECT {', '.join(_ROW)} FROM enrolment WHERE host_id = ? AND state > 0", self.host
            )
            seats = fetch(session, _SEATS, self.host)
        rows: dict[str, Any] = {}
        for values in enrolled:
            row = dict(zip(_ROW, values, strict=True))
            rows[f"{codes[row['certification']]} {people[row['person']]}"] = {
                "state": STATES[row["state"]], "held": HOLDS[row["hold"]], "since": text_of(row["began"]),
                "due": text_of(row["due"]), "why": whys[row["why"]] if row["why"] else [],
                "exception": asked.pop((row["certification"], row["person"]), None),
                "leaves_on": text_of(row["leaves_on"]), "frozen": row["frozen_since"] is not None, "spell": row["spell"],
                "expires": text_of(row["expires"]), "window": text_of(row["window_opens"]),
            }  # fmt: skip
        for (certification, person), question in asked.items():
            rows[f"exception of nobody {codes[certification]} {people[person]}"] = question
        for person, course, wanted in seats:
            rows[f"seat {people[person]} {course}"] = WANTS[wanted]
        return rows


_ROW = ("certification", "person", "state", "hold", "began", "due", "why", "leaves_on", "frozen_since", "spell", "expires",
        "window_opens")  # fmt: skip
_SEATS = (
    "SELECT s.person, c.ext, s.wanted FROM seat s JOIN course c ON c.host_id = s.host_id AND c.id = s.course"
    " WHERE s.host_id = ?"
)
