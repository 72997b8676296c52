"""Draws what happens next, who does it, and when: a worker, the host, an administrator, a learner, or the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from plugin.core.clock import format_instant
from plugin.core.database import bulk
from plugin.core.db import Database
from plugin.core.errors import RefusedByRule
from plugin.core.runtime import Runtime
from plugin.enrolment.answers.withdrawal_guard import Limits
from plugin.enrolment.checking.daily import check_daily
from plugin.enrolment.doctor import examine
from plugin.enrolment.saving.review import review
from plugin.enrolment.settling import everyone
from plugin.enrolment.settling import people as settling
from plugin.enrolment.settling.changed_date_settings import follow_meanings
from plugin.enrolment.settling.everyone import settle_everything
from plugin.enrolment.settling.people import settle_people
from plugin.enrolment.settling.saves import settle_certifications
from plugin.enrolment.settling.tick import tick
from plugin.enrolment.tables import Settling
from plugin.enrolment.timed_messages import owe_timed
from plugin.hosts.port import Hint as Heard
from plugin.hosts.port import Record
from plugin.jobs import catch_up as catching_up
from plugin.mirror.hints import inbox, receiving
from plugin.mirror.pulling import pages
from plugin.mirror.pulling import pull as pulling
from plugin.mirror.pulling.rows import KINDS, write_rows
from plugin.mirror.tables import Connection
from plugin.population import sets
from plugin.population.sets import forget_bases
from plugin.population.stored_base import keep_base
from plugin.reports.asking.question import parse_question
from plugin.reports.asking.reader import Reader as ReportReader
from plugin.reports.query import whole
from plugin.reports.service import asking
from plugin.reports.values import item
from tests.histories.foreseen import after_saving, expected_adding
from tests.histories.naive import DAY, Certification, Model, Row, day_of, midnight
from tests.histories.seams import Different, Hands, Killed, SeamLab
from tests.reports import oracle

NAMES = ("ann", "bob", "cat", "dan", "eve")
JOBS = ("j1", "j2", "j3", "j4", "j5", "j6")
UNITS = ("o1", "o2", "o3")
COURSES = ("c1", "c2", "c3", "c4")
ZONES = (
    "UTC",
    "Europe/London",
    "Asia/Tokyo",
    "America/New_York",
    "Pacific/Auckland",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
)
BEGINNINGS = tuple(
    int(datetime(*moment, tzinfo=UTC).timestamp())
    for moment in ((2026, 11, 18, 11, 6, 40), (2026, 10, 23, 22, 30), (2027, 3, 26, 23, 50), (2027, 2, 26, 9, 0), (2026, 12, 30, 14, 0))
)  # fmt: skip
"""An ordinary day; before clocks go back, and forward; before the end of a February, and of a year."""
HOUR = 3600


class Player:
    """Plays one history. Everything it does follows from its seed.

    :param others: connections of further workers to the same database.
    """

    def __init__(self, runtime: Runtime, patch: pytest.MonkeyPatch, seed: int, others: Sequence[Database] = ()) -> None:
        self.chance = chance = Random(seed)
        self.hands = Hands(shown=[chance.choice(BEGINNINGS)])
        self.runtime = replace(runtime, clock=self.hands)
        self.workers = [self.runtime, *(replace(self.runtime, db=one) for one in others)]
        self.labs = [SeamLab(self.runtime, zone) for zone in chance.sample(ZONES, chance.choice([1, 1, 2]))]
        by_host = {lab.host: lab for lab in self.labs}
        patch.setattr(pulling, "open_connection", lambda _runtime, row, *_more: by_host[row.host_id].truth)
        if seed % 2:  # a whole settle of those who changed reads their rows alone, however few all are
            patch.setattr(everyone, "_ROWS_AT_ONCE", 0)
        if seed % 4 == 1:  # always so, and with nobody to look up beside an older base
            patch.setattr(settling, "_LEAST", 0)
            patch.setattr(sets, "REBUILD_ABOVE", 0)
        if seed % 3 == 1:  # statements read all people between the first and the last they are about
            patch.setattr(bulk, "_NAMED", 1)
        self._depth = 0
        self.photographs: list[tuple[SeamLab, Model]] = []
        """Hosts as they stood when all was settled and nothing else happened at that instant."""
        self._quiet = -1
        """How long the log of the host was when all that it owed had been settled last."""
        write, absent = pulling.write_page, pulling._absent

        def write_page(reader: Any, kind: Any, page: Any, *more: Any, **named: Any) -> int:
            changed = write(reader, kind, page, *more, **named)
            by_host[reader.host_id].learned(kind.name, page.rows, page.gone)
            return changed

        def look_for_absent(reader: Any, kind: Any, sweep: int) -> int:
            with reader.runtime.db.read() as session:
                suspects, _known = pulling._not_seen(session, reader.host_id, kind, sweep)
            changed = absent(reader, kind, sweep)
            lab = by_host[reader.host_id]
            # Whom an earlier page of this read showed stays until the next, though gone from the host meanwhile.
            lab.learned(kind.name, (), [name for name in suspects if (kind.name, name) not in lab.truth.records])
            return changed

        patch.setattr(pulling, "write_page", write_page)
        patch.setattr(pulling, "_absent", look_for_absent)

        pass_time = catching_up.pass_time

        def look_first(runtime: Runtime, host: int, **named: Any) -> Any:
            by_host[host].look(whole=False)
            return pass_time(runtime, host, **named)

        patch.setattr(catching_up, "pass_time", look_first)
        for lab in self.labs:
            self._found(lab)
            lab.truth.between = partial(self._between_pages, lab)

    # --- a world

    def _found(self, lab: SeamLab) -> None:
        chance, truth = self.chance, lab.truth
        for name in COURSES:
            truth.put("courses", name, {"name": name})
        for name in NAMES:
            truth.put("people", name, {"name": name})
        for name, kind, parent in (("o1", "organisation", None), ("o2", "organisation", "o1"), ("o3", "organisation", "o1"),
                                   ("p1", "position", None)):  # fmt: skip
            truth.put("units", name, {"kind": kind, "parent": parent, "name": name, "framework": "f"})
        for number, name in enumerate(JOBS):
            truth.put("jobs", name, self._job(lab, NAMES[number % len(NAMES)], JOBS[0] if number else None))
        for name in ("a1", "a2"):
            truth.put("audiences", name, {"name": name})
        self._members(lab, "a1")
        self._members(lab, "a2")
        self._first_read(lab)
        for code, courses in (("A", ("c1", "c2")), ("B", ("c2", "c3"))):
            rows = {row.name: row for row in (self._row(lab), self._row(lab))}
            terms = Certification(
                courses=courses, again=("c4",), minimum=chance.choice([0, 0, 5]) * DAY, grace=chance.choice([0, 0, 2]) * DAY,
                answers={"duplicate_course": chance.choice(["hold", "assign"]), "unknown_date": chance.choice(["hold", "wait"])},
            )  # fmt: skip
            lab.save(code, rows, terms)
        self.settle_all(lab)

    def _first_read(self, lab: SeamLab) -> None:
        """All there is at once: what a whole read writes, in one transaction."""
        reader = lab.reader(self.runtime)
        records = {kind: [Record(name, fields) for name, fields in lab.truth.of(kind).items()] for kind in KINDS}

        def write(session: Session) -> None:
            parts = [write_rows(session, lab.host, kind, records[name], lab.zone, 0) for name, kind in KINDS.items()]
            pages.finish(session, reader, *parts)

        self.runtime.db.transact(write)
        for kind, rows in records.items():
            lab.learned(kind, rows, ())
        lab.truth.unread.clear()

    def _moment(self, lab: SeamLab, days: int) -> str:
        """So many days from now: a day of the host, or an instant at its midnight or at some other hour."""
        day = day_of(self.hands.now(), lab.model.zone) + timedelta(days=days)
        match self.chance.randrange(4):
            case 0:
                at = midnight(day, lab.model.zone) + self.chance.choice([-1, 0, 1, 9 * HOUR, 13 * HOUR])
                return str(format_instant(at))
            case _:
                return day.isoformat()

    def _job(self, lab: SeamLab, person: str, boss: str | None) -> dict[str, Any]:
        chance = self.chance
        fields: dict[str, Any] = {
            "person": person,
            "organisation": chance.choice(UNITS),
            "position": chance.choice(["p1", None]),
        }
        if boss is not None:
            fields |= {"manager_job": boss, "temporary": chance.random() < 0.15}
        starts = chance.choice([None, None, -3, 0, 1, 1, 2, 3, 5])
        length = chance.choice([None, None, 0, 1, 2, 4])
        if starts is not None:
            fields["start"] = self._moment(lab, starts)
        if length is not None:
            fields["end"] = self._moment(lab, (starts or 0) + length)
        return fields

    def _row(self, lab: SeamLab) -> Row:
        chance = self.chance
        kind, target, include = chance.choice(
            [("organisation", "o1", "below"), ("organisation", chance.choice(UNITS), ""), ("organisation", "o2", ""),
             ("position", "p1", ""), ("manager", "j1", chance.choice(["direct", "below"])), ("audience", "a1", ""),
             ("audience", "a2", ""), ("individual", chance.choice(NAMES), ""), ("group", "g1", "")]
        )  # fmt: skip
        starts = day_of(self.hands.now(), lab.model.zone) + timedelta(days=chance.randint(-1, 4))
        return Row(kind, target, include, self._due(lab), starts=starts if chance.random() < 0.15 else None)

    def _due(self, lab: SeamLab) -> tuple | None:
        day = day_of(self.hands.now(), lab.model.zone) + timedelta(days=self.chance.choice([1, 2, 3, 8, 40]))
        event, item = self.chance.choice(
            [
                ("enrolment", None),
                ("first_login", None),
                ("job_start", "p1"),
                ("course_completion", "c4"),
                *[("profile_date", "hired")] * 2,
            ]
        )
        return self.chance.choice(
            [None, ("on", day, None, None), ("on", day, None, None), ("on", day, None, "learner"), ("after", event, self.chance.choice([0, 1, 7]), "days", item)]
        )  # fmt: skip

    def _members(self, lab: SeamLab, audience: str) -> None:
        chosen = set(self.chance.sample(NAMES, self.chance.randint(1, 4)))
        for name in NAMES:
            if name in chosen:
                lab.truth.put("members", f"{audience}/{name}", {"audience": audience, "person": name})
            else:
                lab.truth.drop("members", f"{audience}/{name}")

    # --- a history

    def play(self, steps: int) -> None:
        for step in range(steps):
            lab = self.chance.choice([*self.labs, self.labs[0]])
            self._step(lab)
            if step % 6 == 5:
                self.settle_all(lab)
        self.hands.shown[0] = max(self.hands.now(), *(lab.highest for lab in self.labs)) + DAY
        for lab in self.labs:
            lab.moved()
            self.settle_all(lab)
            self._daily(lab, self.runtime)
            self._looks_back(lab)
            found = examine(self.runtime, deep=True, only=lab.host)
            assert found == [], "\n".join([*lab.log, *found])

    def _step(self, lab: SeamLab) -> None:
        draw = self.chance.random()
        if draw < 0.30:
            self._host_changes(lab)
            if self.chance.random() < 0.6:
                self._disturbed(lab, self._any_read())
        elif draw < 0.52:
            self._clock_moves()
        elif draw < 0.72:
            self._disturbed(lab, self._any_work())
        elif draw < 0.76:
            self._photograph(lab)
        elif draw < 0.92:
            self._somebody_decides(lab)
        else:
            self.settle_all(lab)
        lab.look(whole=False)

    # --- the host

    def _host_changes(self, lab: SeamLab) -> None:
        chance, truth = self.chance, lab.truth
        name = chance.choice(NAMES)
        for _change in range(chance.choice([1, 1, 2])):
            match chance.randrange(9):
                case 0 | 1 | 2 | 3:
                    job = chance.choice(JOBS)
                    truth.put(
                        "jobs",
                        job,
                        self._job(lab, chance.choice(NAMES) if job != "j1" else "ann", "j1" if job != "j1" else None),
                    )
                case 5:
                    self._members(lab, chance.choice(["a1", "a2"]))
                case 6:
                    at = str(format_instant(self.hands.now()))
                    course = chance.choice(COURSES)
                    if ("people", name) in truth.records:
                        truth.put(
                            "completions",
                            f"{name}/{course}/{at}",
                            {"person": name, "course": course, "at": at, "state": "done"},
                        )
                case _:
                    self._person_changes(lab, name)
        lab.note("the host changes", *(f"{key}={truth.records.get(key)}" for key in truth.unread))

    def _person_changes(self, lab: SeamLab, name: str) -> None:
        """Somebody is suspended, comes back, logs in for the first time, is deleted, or is there again."""
        chance, truth = self.chance, lab.truth
        person = truth.records.get(("people", name))
        if person is None:
            truth.put("people", name, {"name": name})
            return
        match chance.randrange(8):
            case 6 | 7:
                truth.put("people", name, {**person, "fields": {"hired": self._written()}})
            case 0 | 1:
                other = "suspended" if person.get("state", "active") == "active" else "active"
                truth.put("people", name, {**person, "state": other})
            case 2 | 3:
                truth.put("people", name, {"first_login": str(format_instant(self.hands.now())), **person})
            case 4:
                truth.drop("people", name)

    def _written(self) -> str:
        """A day in a profile field, in whatever form; often one that is another day in another form."""
        day = datetime.fromtimestamp(self.hands.now(), UTC).date() + timedelta(
            days=self.chance.choice([-40, -3, 0, 1, 5, 60])
        )
        return self.chance.choice([day.isoformat(), f"{day:%d/%m/%Y}", f"{day:%m/%d/%Y}", str(self.hands.now())])

    Act = Callable[[SeamLab, Runtime], None]

    def _any_read(self) -> Act:
        return self.chance.choice([self._read_ids, self._read_hints, self._read_delta, self._read_whole])

    def _read_hints(self, lab: SeamLab, runtime: Runtime) -> None:
        """Hints come, some of them twice, and wait in the inbox until somebody works them off."""
        told = [
            Heard(kind, (name,), f"{kind}:{name}:{lab.truth.changed[kind, name]}") for kind, name in lab.truth.unread
        ]
        lab.note("hints", [hint.key for hint in told])
        with runtime.db.read() as session:
            connection = session.get_one(Connection, (lab.host, 1))
        runtime.db.transact(lambda session: receiving._insert(session, connection, told, runtime.clock.true()))
        inbox.work(runtime, lab.host)
        lab.truth.unread.clear()

    def _read_ids(self, lab: SeamLab, runtime: Runtime) -> None:
        wanted: dict[str, list[str]] = {}
        for kind, name in list(lab.truth.unread):
            if self.chance.random() < 0.8:
                wanted.setdefault(kind, []).append(name)
                lab.truth.unread.pop((kind, name), None)
        lab.note("read", wanted)
        pulling.read_by_ids(runtime, lab.host, wanted)

    def _read_delta(self, lab: SeamLab, runtime: Runtime) -> None:
        lab.note("read what changed")
        pulling.pull(runtime, lab.host)
        lab.truth.unread.clear()

    def _read_whole(self, lab: SeamLab, runtime: Runtime) -> None:
        lab.note("read everything")
        pulling.pull(runtime, lab.host, full=True)
        lab.truth.unread.clear()

    def _between_pages(self, lab: SeamLab) -> None:
        """A read takes long: the clock goes on, and others work."""
        if self._depth < 2 and self.chance.random() < 0.15:
            with self._nested(lab, "meanwhile"):
                self._aside(lab)

    # --- workers

    def _any_work(self) -> Act:
        chance = self.chance
        return chance.choice([self._tick, self._people, self._people, self._certifications, self._certifications,
                              self._everything, self._restart, self._daily, self._any_read(), self._meanings,
                              self._reminders, self._send])  # fmt: skip

    def _meanings(self, lab: SeamLab, runtime: Runtime) -> None:
        lab.note("follow what dates mean")
        follow_meanings(runtime, lab.host)

    def _reminders(self, lab: SeamLab, runtime: Runtime) -> None:
        lab.note("reminders")
        owe_timed(runtime, lab.host)

    def _send(self, lab: SeamLab, _runtime: Runtime) -> None:
        lab.look(whole=False)
        lab.messages_go()

    def _tick(self, lab: SeamLab, runtime: Runtime) -> None:
        lab.note("tick")
        tick(runtime, lab.host)

    def _people(self, lab: SeamLab, runtime: Runtime) -> None:
        limit = self.chance.choice([None, None, 0])
        lab.note("settle people", "whole" if limit == 0 else "one by one")
        settle_people(runtime, lab.host, limit)

    def _certifications(self, lab: SeamLab, runtime: Runtime) -> None:
        lab.note("settle certifications")
        settle_certifications(runtime, lab.host)

    def _everything(self, lab: SeamLab, runtime: Runtime) -> None:
        lab.note("settle everything")
        settle_everything(runtime, lab.host)

    def _daily(self, lab: SeamLab, runtime: Runtime) -> None:
        """The daily check finds nothing, whoever stopped in the middle of whatever."""
        lab.note("daily check")
        found = check_daily(runtime, lab.host)
        if found:
            raise Different("\n".join([f"the daily check found {found}, after:", *(f"  {one}" for one in lab.log)]))

    def _restart(self, lab: SeamLab, runtime: Runtime) -> None:
        lab.note("a process starts")
        keep_base(runtime, lab.host)
        forget_bases()

    def settle_all(self, lab: SeamLab) -> None:
        """Everything that is owed, by one worker after the other, as often as one of them finds something."""
        lab.note("work")
        self._leases_run_out(lab)
        quiet = 0
        for turn in range(200):
            runtime = self.workers[turn % len(self.workers)]
            done = catching_up.catch_up(runtime, lab.host)
            if lab.is_to_follow():
                lab.look(whole=False)
                done += follow_meanings(runtime, lab.host)
                lab.look(whole=False)
            done += settle_certifications(runtime, lab.host) + settle_people(runtime, lab.host)
            quiet = 0 if done else quiet + 1
            if quiet == len(self.workers):
                break
        else:
            raise AssertionError("never quiet")
        owe_timed(self.runtime, lab.host)
        lab.look(whole=True)
        self._quiet = len(lab.log)

    def _leases_run_out(self, lab: SeamLab) -> None:
        with self.runtime.db.write() as session:
            session.execute(update(Settling).where(Settling.host_id == lab.host).values(lease_until=0))
            sql = "UPDATE lease SET lease_until = 0 WHERE host_id = :host"
            session.execute(text(sql), {"host": lab.host})

    # --- what comes between

    def _disturbed(self, lab: SeamLab, act: Act) -> None:
        """Somebody does something: to its end, until the process is killed, or with others coming between."""
        runtime, draw = self.chance.choice(self.workers), self.chance.random()
        if draw < 0.55:
            act(lab, runtime)
        elif draw < 0.75:
            with suppress(Killed), self._before_transaction(lab, runtime, self._die):
                act(lab, runtime)
            if self.chance.random() < 0.7:
                self._leases_run_out(lab)
        else:
            with self._before_transaction(lab, runtime, partial(self._come_between, lab)):
                act(lab, runtime)

    def _die(self) -> None:
        raise Killed

    def _come_between(self, lab: SeamLab) -> None:
        with self._nested(lab, "come between"):
            for _act in range(self.chance.choice([1, 1, 2])):
                self._aside(lab)

    @contextmanager
    def _nested(self, lab: SeamLab, words: str) -> Iterator[None]:
        lab.note(words, "{")
        lab.look(whole=False)
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            lab.note("}")
        lab.look(whole=False)

    def _aside(self, lab: SeamLab) -> None:
        """What others do in the middle of something."""
        match self.chance.randrange(5):
            case 4:
                self._meaning_changes(lab)
            case 0:
                self._clock_moves()
            case 1:
                self._any_work_of_another()(lab, self.chance.choice(self.workers))
            case 2:
                self._host_changes(lab)
            case 3:
                self._somebody_decides(lab, careful=True)

    def _any_work_of_another(self) -> Act:
        return self.chance.choice([self._tick, self._people, self._certifications, self._read_ids])

    @contextmanager
    def _before_transaction(self, lab: SeamLab, runtime: Runtime, what: Callable[[], None]) -> Iterator[None]:
        """``what`` happens before one of the next transactions of this worker, if it comes to that."""
        left, plain, within = self.chance.randrange(5), Database.transact, self.chance.random() < 0.3

        def transact(db: Database, work: Callable[[Any], Any]) -> Any:
            nonlocal left
            left -= 1
            if left != -1:
                return plain(db, work)
            Database.transact = plain  # type: ignore[method-assign]
            if what == self._die and within:
                return plain(db, lambda session: (work(session), what()))
            what()
            return plain(db, work)

        Database.transact = transact  # type: ignore[assignment,method-assign]
        try:
            yield
        finally:
            Database.transact = plain  # type: ignore[method-assign]

    # --- the clock

    def _clock_moves(self) -> None:
        chance, now = self.chance, self.hands.now()
        zone = chance.choice(self.labs).model.zone
        night = midnight(day_of(now, zone) + timedelta(days=1), zone)
        to = chance.choice(
            [now + 60, now + HOUR, night - 1, night, night + 1, night + 7 * HOUR, night + DAY, now + 3 * DAY, night + 4 * DAY + 9 * HOUR,
             now - HOUR, now - 2 * DAY, max(lab.highest for lab in self.labs), now + (35 if chance.random() < 0.3 else 1) * DAY,
             now + (340 if chance.random() < 0.2 else 2) * DAY]
        )  # fmt: skip
        self.hands.shown[0] = to
        for lab in self.labs:
            lab.note("clock", format_instant(to), "here", datetime.fromtimestamp(to, lab.model.zone).isoformat())
            lab.moved()

    # --- looking back

    def _photograph(self, lab: SeamLab) -> None:
        """How a host stands at an instant when all is settled, and after which the clock goes on at once."""
        self.settle_all(lab)
        if self._behind(lab):
            return
        self.photographs.append((lab, deepcopy(lab.model)))
        lab.note("photograph")
        self.hands.shown[0] += 60
        for one in self.labs:
            one.moved()
        tick(self.runtime, lab.host)
        lab.look(whole=False)

    def _looks_back(self, lab: SeamLab) -> None:
        """Reports tell of every photograph what it shows."""
        for other, model in self.photographs:
            if other is not lab:
                continue
            at = str(format_instant(model.now))
            with asking(lab.runtime, lab.host, ReportReader("tester")) as asker:
                question = parse_question("learners", [("as_of", at)])
                found = whole(asker, question)
                rows = [item(found.columns, row, asker.zone) for part in found.parts for row in part]
            live = {(row["person"], row["certification"]): row for row in rows if row["state"] != "withdrawn"}
            wanted = oracle.learners(model)
            for row in wanted.values():
                del row["days_overdue"]  # by the days of a zone that may be another one by now
            shown = {key: {name: live[key][name] for name in wanted[key]} if key in live and key in wanted else None
                     for key in live.keys() | wanted.keys()}  # fmt: skip
            if shown != wanted:
                lab.differ_over(
                    f"the report as of {at}",
                    {key: wanted.get(key) for key in shown if shown[key] != wanted.get(key)},
                    shown,
                )

    # --- administrators and learners

    def _somebody_decides(self, lab: SeamLab, *, careful: bool = False) -> None:
        chance, model = self.chance, lab.model
        lab.moved()
        code, name = chance.choice(["A", "B"]), chance.choice(NAMES)
        terms = model.certifications[code]
        match chance.randrange(8):
            case 6 | 7:
                self._meaning_changes(lab)
            case 0 | 1:
                self._saves(lab, code)
            case 2:
                if "group:g1" in terms.rows and model.people[name].state == "active" and not self._behind(lab):
                    is_in = name in model.groups.get((code, "g1"), ())
                    with self._refused_once_ended(lab, terms):
                        (lab.leave if is_in else lab.join)(code, "g1", name)
            case 3:
                if model.people[name].state == "active" and not self._behind(lab):
                    until = midnight(
                        day_of(self.hands.now(), model.zone) + timedelta(days=chance.choice([1, 2, 4])), model.zone
                    )
                    with self._refused_once_ended(lab, terms):
                        lab.exempt(code, name, until)
            case 4:
                self._previews(lab, code)
            case 5:
                if not careful:
                    self._answers(lab)

    def _meaning_changes(self, lab: SeamLab) -> None:
        """The host moves to another zone, and says so when it is read or somebody types it; or a field is read otherwise."""
        match self.chance.randrange(3):
            case 0:
                lab.truth.zone = self.chance.choice(ZONES)
                lab.note("the host moves to", lab.truth.zone)
            case 1:
                lab.moves_to(self.chance.choice(ZONES))
            case 2:
                lab.reads_in("hired", self.chance.choice([None, "%d/%m/%Y", "%m/%d/%Y"]))

    def _refused_once_ended(self, lab: SeamLab, terms: Certification) -> AbstractContextManager[Any]:
        """5.11: what has ended can only be read. Whoever does something moves the host's time on to now first."""
        ended = lab.model.has_ended(terms, self.hands.now())
        return pytest.raises(RefusedByRule, match="has ended") if ended else nullcontext()

    def _behind(self, lab: SeamLab) -> bool:
        return self.hands.now() < lab.highest

    def _saves(self, lab: SeamLab, code: str) -> None:
        chance, before = self.chance, lab.model.certifications[code]
        if code in lab.saves or lab.model.has_ended(before, self.hands.now()) or self._behind(lab):
            return
        rows, terms = dict(before.rows), {**vars(before), "rows": {}}
        today = day_of(self.hands.now(), lab.model.zone)
        match chance.randrange(5):
            case 0 | 1:
                row = self._row(lab)
                if not lab.model.target_exists(row):
                    return
                rows[row.name] = row
            case 2:
                if rows:
                    del rows[chance.choice(sorted(rows))]
            case 3:
                if rows:
                    name = chance.choice(sorted(rows))
                    other = (
                        {"": "below", "below": ""}.get(rows[name].include, "below")
                        if rows[name].type == "organisation"
                        else rows[name].include
                    )
                    rows[name] = replace(rows[name], include=other, due=self._due(lab))
            case 4:
                terms["first_day"] = chance.choice([None, today + timedelta(days=chance.randint(0, 4))])
                terms["last_day"] = chance.choice([None, None, today + timedelta(days=chance.randint(4, 9))])
                terms["grace"] = chance.choice([0, 0, 1, 3]) * DAY
        lab.save(code, rows, Certification(**terms), earlier=chance.random() < 0.2)

    def _previews(self, lab: SeamLab, code: str) -> None:
        if self._depth == 0 and self.chance.random() < 0.5:
            self.settle_all(lab)  # then its numbers can be told
        lab.note("preview", code)
        rows = dict(lab.model.certifications[code].rows)
        row = self._row(lab)
        rows.setdefault(row.name, row)
        proposal = lab.proposal(code, rows, lab.model.certifications[code])
        runtime = self.chance.choice(self.workers)
        with runtime.db.read() as session:
            now, limits = max(lab.model.now, self.hands.now()), Limits.of(runtime.settings)
            [found] = review(session, lab.host, [proposal], now=now, limits=limits)
        model, before = lab.model, lab.model.certifications[code]
        if self._quiet != len(lab.log) - 1 or self._behind(lab) or not model.is_open(before) or row.name in before.rows:
            return
        if not model.target_exists(row):
            return
        wanted = expected_adding(model, after_saving(model, code, rows), code, model.matched(code, row))
        if found.adding != wanted:
            lines = [f"a review says {found.adding}, the rules {wanted}, after:", *(f"  {one}" for one in lab.log)]
            raise Different("\n".join([*lines, str(row)]))

    def _answers(self, lab: SeamLab) -> None:
        self.settle_all(lab)
        model = lab.model
        if self._behind(lab):
            return
        asked = sorted(
            key for key, one in model.enrolments.items()
            if one.live and one.question and one.leaves_on is None and model.people[key[1]].state == "active"
            and model.is_open(model.certifications[key[0]])
        )  # fmt: skip
        if asked:
            code, name = self.chance.choice(asked)
            question = model.enrolments[code, name].question
            assert question is not None
            lab.answer(code, name, self.chance.choice(model.ALLOWED[question.type]))
            self.settle_all(lab)
