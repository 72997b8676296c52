"""The rules of docs/rules.md in plain Python sets and dicts, replayed step by step (rules 2.8): the strict oracle.

Nothing here is clever, nothing is shared with the product, everything is worked out afresh for everybody at every step.
A comment names the rule of docs/rules.md. Where that page leaves a choice open, the comment says *open* and what is taken.

Names of people, units, jobs, audiences and courses are the host's own; an assignment is ``type:target``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

DAY = 86_400
ZONE = ZoneInfo("Europe/London")

# --- days (rules 3.2, 3.3, 4.4)


def day_of(instant: int, zone: ZoneInfo = ZONE) -> date:
    return datetime.fromtimestamp(instant, zone).date()


def end_of(day: date, zone: ZoneInfo = ZONE) -> int:
    return int(datetime.combine(day, time(23, 59), zone).timestamp())


def midnight(day: date, zone: ZoneInfo = ZONE) -> int:
    """A day's first instant."""
    return int(datetime.combine(day, time(0), zone).timestamp())


def later(day: date, amount: int, unit: str) -> date:
    """Calendar arithmetic, clamped to the month's end."""
    if unit in ("days", "weeks"):
        return day + timedelta(days=amount * (7 if unit == "weeks" else 1))
    year, month = divmod(day.year * 12 + day.month - 1 + amount * (12 if unit == "years" else 1), 12)
    for number in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, number)
        except ValueError:
            continue
    raise AssertionError(day)


def moved(instant: int, amount: int, unit: str, zone: ZoneInfo = ZONE) -> int:
    """The same time of day, so much later or earlier."""
    local = datetime.fromtimestamp(instant, zone)
    return int(datetime.combine(later(local.date(), amount, unit), local.time(), zone).timestamp())


def realistic(now: int, minimum: int, zone: ZoneInfo = ZONE) -> int:
    return end_of(day_of(now + minimum + 7 * DAY, zone), zone)


# --- what the host knows


@dataclass
class Person:
    state: str = "active"  # suspended, deleted
    zone: str = ""
    first_login: int | None = None
    fields: dict[str, str] = field(default_factory=dict)


@dataclass
class Unit:
    kind: str
    parent: str | None = None


@dataclass
class Job:
    person: str
    organisation: str | None = None
    position: str | None = None
    boss_job: str | None = None
    boss: str | None = None
    temporary: bool = False
    starts: int | None = None
    ends: int | None = None
    position_since: int | None = None


# --- what administrators define


@dataclass
class Row:
    """An assignment. ``due``: ``None``, ``("on", date, time, zone)`` or ``("after", event, amount, unit, item)``.

    ``but``: what it leaves out, each a type, a target and ``""`` or ``below`` (11.1).
    """

    type: str
    target: str
    include: str = ""
    due: tuple | None = None
    missing: bool = False
    pins: set[str] = field(default_factory=set)
    but: tuple[tuple[str, str, str], ...] = ()
    starts: date | None = None
    wave: tuple[int, str] | None = None  # so many, every day or week (11.3)
    settled: tuple | None = None  # its include and exclusions when its certification was last settled

    @property
    def name(self) -> str:
        return f"{self.type}:{self.target}"


@dataclass
class Certification:
    rows: dict[str, Row] = field(default_factory=dict)
    courses: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    minimum: int = 0
    leaving: str = "suspend"
    grace: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    live: bool = True
    active_years: int = 1
    window_months: int = 1
    first_day: date | None = None
    last_day: date | None = None
    starts: date | None = None
    wave: tuple[int, str] | None = None
    zone: ZoneInfo | None = None  # of its first and last days; without, the host's


@dataclass
class Save:
    """What a save decides besides its rows.

    ``earlier_of``: of the dates that move earlier, only those that these rows gave. ``same_day``: besides, a date of the
    same day in another zone moves earlier. ``quiet``: nobody is told.
    """

    added: set[str] = field(default_factory=set)
    earlier: bool = False
    at: int = 0
    earlier_of: frozenset[str] | None = None
    same_day: bool = False
    quiet: bool = False

    def moves(self, one: Enrolment, wanted: int | None) -> bool:
        """Whether the date of somebody may move earlier, to what is wanted."""
        if self.same_day and wanted is not None and one.due is not None and one.due - wanted < 23 * 3600:
            return True
        return self.earlier and (self.earlier_of is None or bool(one.due_from & self.earlier_of))


# --- what follows


@dataclass
class Question:
    type: str
    wanted: int | None
    since: int = 0


@dataclass
class Answer:
    action: str
    type: str
    why: frozenset[str]
    wanted: int | None
    at: int


@dataclass
class Enrolment:
    began: int
    state: str = "assigned"
    held: str = ""  # "", exception, dismissed: not active; gone: her withdrawal waits
    due: int | None = None
    due_from: frozenset[str] = frozenset()
    why: frozenset[str] = frozenset()
    question: Question | None = None
    answer: Answer | None = None
    frozen_since: int | None = None
    leaves_on: int | None = None
    certified_at: int | None = None
    expires: int | None = None
    window_opens: int | None = None
    cycle: int = 0
    spell: int = 1
    quiet: bool = False

    @property
    def live(self) -> bool:
        return self.state != "withdrawn"

    @property
    def asked(self) -> Question | None:
        """The open question about her dates; that of a save stands beside, and waits for a person (*open*)."""
        return None if self.question is None or self.question.type == "already_assigned" else self.question

    @property
    def active(self) -> bool:
        return self.live and self.held not in ("exception", "dismissed")


@dataclass
class Seat:
    """``policies``: of those that wanted it in this round and no longer do."""

    claims: set[str] = field(default_factory=set)
    policies: set[str] = field(default_factory=set)
    shown: str = "out"


GENTLEST = ("keep", "suspend", "remove")
LEFT = {"keep": "in", "suspend": "suspended", "remove": "out"}
NOT_YET = ("assigned", "in_progress")


class Model:
    """One host's world and everything that follows from it."""

    def __init__(self, now: int, zone: ZoneInfo = ZONE) -> None:
        self.now, self.zone = now, zone
        self.caused: dict[tuple[str, str], int] = {}
        """By certification and person, when what is settled now happened; otherwise it happens now."""
        self.people: dict[str, Person] = {}
        self.units: dict[str, Unit] = {}
        self.jobs: dict[str, Job] = {}
        self.audiences: dict[str, set[str]] = {}
        self.completions: dict[tuple[str, str], list[int]] = {}
        self.certifications: dict[str, Certification] = {}
        self.groups: dict[tuple[str, str], set[str]] = {}
        self.exempt: dict[tuple[str, str], int | None] = {}
        self.enrolments: dict[tuple[str, str], Enrolment] = {}
        self.seats: dict[tuple[str, str], Seat] = {}
        self.numbers: dict[str, int] = {}
        """What the order of a wave knows of each person."""
        self.used: dict[tuple[str, str], tuple[int, int]] = {}
        """By certification and lane: when it drew last, and how many in the period of that."""
        self.drawn: dict[str, set[str]] = {}
        """By certification, who was drawn and begins in this settle."""
        self.formats: dict[str, str] = {}
        """In what form the dates in a profile field are written, where it is said."""
        self._dated: int | None = None
        self.told: dict[tuple[str, str], dict[tuple[str, int, int], str]] = {}
        """By certification and person: the message, spell and cycle that somebody was told of, and whether it went."""

    # --- rules 2: who an assignment matches

    def exists(self, name: str) -> bool:
        return name in self.people and self.people[name].state != "deleted"

    def is_current(self, job: Job) -> bool:
        return (job.starts is None or job.starts <= self.now) and (job.ends is None or self.now < job.ends)

    def units_under(self, top: str) -> set[str]:
        if top not in self.units:
            return set()
        found = {top}
        while more := {
            name for name, unit in self.units.items()
            if unit.parent in found and name not in found and unit.kind == self.units[top].kind
        }:  # fmt: skip
            found |= more
        return found

    def reports_of(self, name: str) -> set[str]:
        """The jobs that report to a job: they name it, or name no job and its person (HOST-API)."""
        person = self.jobs[name].person
        if not self.exists(person):
            return set()
        return {
            other for other, job in self.jobs.items()
            if not job.temporary and self.exists(job.person)
            and (job.boss_job == name or (job.boss_job is None and job.boss == person))
        }  # fmt: skip

    def team_of(self, name: str, include: str) -> set[str]:
        if name not in self.jobs:
            return set()
        found = self.reports_of(name)
        if include == "below":
            while more := {below for one in found for below in self.reports_of(one)} - found:
                found |= more
        people = {self.jobs[one].person for one in found if self.is_current(self.jobs[one])}
        return people - {self.jobs[name].person}  # never the manager herself

    def matched(self, code: str, row: Row) -> set[str]:
        """2.1 to 2.5 less 11.1, and those kept because a target or a team went (2.3, 5.10)."""
        found = set() if row.missing else self.reached(code, row)
        return {name for name in found | row.pins if self.exists(name)}

    def reached(self, code: str, row: Row) -> set[str]:
        """Whom a row itself matches now; before its first day (11.2) only who is enrolled through it."""
        found = self.aimed_at(code, row) - self.left_out(code, row)
        if self.now < self.starts(code, row):
            found = {name for name in found if row.name in self.why_now(code, name)}
        return found

    def starts(self, code: str, row: Row) -> int:
        """11.2: the first instant at which a row matches anybody; 0 for always."""
        terms = self.certifications[code]
        days = [day for day in (row.starts, terms.starts) if day is not None]
        return midnight(max(days), terms.zone or self.zone) if days else 0

    def why_now(self, code: str, name: str) -> frozenset[str]:
        """The rows somebody is enrolled through as things stand."""
        one = self.enrolments.get((code, name))
        return one.why if one is not None and one.live else frozenset()

    def left_out(self, code: str, row: Row) -> set[str]:
        """11.1: whom the targets a row excepts match."""
        return set().union(*(self.aimed_at(code, Row(kind, target, below)) for kind, target, below in row.but))

    def aimed_at(self, code: str, row: Row) -> set[str]:
        """Whom the target of a row matches."""
        if row.type in ("organisation", "position"):
            units = self.units_under(row.target) if row.include else {row.target} & self.units.keys()
            found = {
                job.person for job in self.jobs.values()
                if self.is_current(job) and (job.organisation if row.type == "organisation" else job.position) in units
            }  # fmt: skip
        elif row.type == "audience":
            found = set(self.audiences.get(row.target, ()))
        elif row.type == "manager":
            found = self.team_of(row.target, row.include)
        elif row.type == "individual":
            found = {row.target}
        else:
            found = set(self.groups.get((code, row.target), ()))
        return found

    def target_exists(self, row: Row) -> bool:
        if row.type in ("organisation", "position"):
            return row.target in self.units
        if row.type == "audience":
            return row.target in self.audiences
        if row.type == "manager":
            return row.target in self.jobs and self.exists(self.jobs[row.target].person)
        return row.type == "group" or self.exists(row.target)

    # --- rules 3: due dates

    def date_of(self, row: Row, name: str, began: int) -> tuple[int | None, str]:
        """The date a row gives somebody, or why it gives none: ``none``, ``waiting``, ``unknown``."""
        if row.due is None:
            return None, "none"
        if row.due[0] == "on":
            _on, day, at, zone = row.due
            mine = self.people[name].zone if zone == "learner" else zone
            where = ZoneInfo(mine) if mine else self.zone
            if at is None:
                return end_of(day, where), ""
            return int(datetime.combine(day, at, where).timestamp()), ""
        _after, event, amount, unit, item = row.due
        base = self.base_of(event, item, name, began)
        if base is None:
            return None, "waiting" if event == "first_login" else "unknown"
        return end_of(later(day_of(base, self.zone), amount, unit), self.zone), ""

    def base_of(self, event: str, item: str | None, name: str, began: int) -> int | None:
        person = self.people[name]
        if event == "enrolment":
            return began
        if event == "first_login":
            return person.first_login
        if event in ("position_assigned", "job_start"):  # the latest over her jobs with the position (3.2)
            theirs = [job for job in self.jobs.values() if job.person == name and job.position == item]
            known = [job.starts if event == "job_start" else job.position_since for job in theirs]
            return max((one for one in known if one is not None), default=None)
        if event == "course_completion":
            return max(self.completions.get((name, str(item)), ()), default=None)
        if event == "certification_completion":
            other = self.enrolments.get((str(item), name))
            return other.certified_at if other else None
        assert event == "profile_date"
        return self.read_date(person.fields.get(str(item)), self.formats.get(str(item)))

    def read_date(self, value: str | None, written: str | None) -> int | None:
        """3.2: the declared form, else a Unix time, else an ISO 8601 day, which begins in the host's zone."""
        if not value:
            return None
        try:
            if written:
                return midnight(datetime.strptime(value, written).date(), self.zone)  # noqa: DTZ007
        except ValueError:
            pass
        if value.isdigit():
            return int(value)
        try:
            return midnight(date.fromisoformat(value), self.zone)
        except ValueError:
            return None

    def wish(self, code: str, name: str, why: frozenset[str], began: int) -> tuple[int | None, frozenset[str], bool]:
        """D, the rows that give it, and whether a base is unknown (3.4, 3.7)."""
        rows = self.certifications[code].rows
        found = {one: self.date_of(rows[one], name, began) for one in why}
        known = [at for at, _why in found.values() if at is not None]
        wanted = max(known, default=None)
        gives = frozenset(one for one, (at, _why) in found.items() if at is not None and at == wanted)
        return wanted, gives, any(reason == "unknown" for _at, reason in found.values())

    # --- rules 4, 6, 7: one learner in one certification

    def settle(self, saved: dict[str, Save] | None = None) -> None:
        """Everything that follows from the world as it is now, until nothing more follows."""
        self.targets_and_teams()
        for code in self.certifications:
            self.draw(code)
        for name in sorted(self.people):
            self.settle_one(name, saved or {})
        self.drawn = {}

    def settle_one(self, name: str, saved: dict[str, Save]) -> None:
        """The same for one person: what follows for her hangs on nobody else's enrolments."""
        for code, save in saved.items():
            self.decide(code, name, save)
        for _round in range(20):
            before = self.facts(name)
            for code in self.certifications:
                self.decide(code, name, None)
            if self.facts(name) == before:
                return
        raise AssertionError("the rules go round in a circle")

    def facts(self, name: str) -> str:
        return repr([(code, self.enrolments.get((code, name))) for code in self.certifications])

    def decide(self, code: str, name: str, save: Save | None) -> None:
        """One learner in one certification, her seats, and what she is told."""
        before = self.enrolments.get((code, name))
        before = replace(before) if before is not None else None
        self._decide(code, name, save)
        self._seats(name)
        after = self.enrolments.get((code, name))
        if after is not None and self.is_open(self.certifications[code]) and self.people[name].state == "active":
            self._tell(code, name, before, after, self._dated, quiet=save is not None and save.quiet)

    # --- rules 8: what somebody is told, once in a spell and cycle

    def _tell(
        self, code: str, name: str, before: Enrolment | None, after: Enrolment, due: int | None, *, quiet: bool
    ) -> None:
        """:param due: her date before the cycle set its own: of that she is told that she is certified."""
        told, was = self.told.setdefault((code, name), {}), before is not None and before.active
        if after.active and not was and not after.quiet:
            told.setdefault(("assigned", after.spell, after.cycle), "owed")
        if was and not after.active and not after.quiet:
            owed = {key for key, state in told.items() if key[0] == "assigned" and state == "owed"}
            told.update(dict.fromkeys(owed, "cancelled"))  # enrolled and withdrawn before either went: neither (8.4)
            silent = quiet and not after.live
            if not silent and after.spell not in {spell for _when, spell, _cycle in owed}:
                told.setdefault(("withdrawn", after.spell, after.cycle), "told")
        if before is not None and was and after.active and before.due != due and not after.quiet and not quiet:
            told.setdefault(("due_changed", after.spell, after.cycle), "told")

    def moments(self, code: str, name: str, since: int) -> set[tuple[str, int, int]]:
        """8.3: reminders whose moment has come: three days before the due date, and at it."""
        one = self.enrolments.get((code, name))
        if one is None or not one.active or one.due is None or not self.exists(name):
            return set()
        found = set()
        for when, moment, states in (("due", one.due - 3 * DAY, NOT_YET), ("overdue", one.due, (*NOT_YET, "expired"))):
            if one.state in states and max(one.began, since) <= moment <= self.now:
                found.add((when, one.spell, one.cycle))
        return found

    def targets_and_teams(self) -> None:
        """5.10: a target the host deleted; 2.3: a team that goes from two or more to none in one batch.

        *open*: one batch is what came since its learners were last looked at (decision 70).
        """
        for code, certification in self.certifications.items():
            for row in certification.rows.values():
                named = {
                    name for (other, name), one in self.enrolments.items()
                    if other == code and one.live and row.name in one.why and self.exists(name)
                }  # fmt: skip
                if not self.target_exists(row):
                    if not row.missing:
                        row.missing = True
                        row.pins |= named if row.type != "individual" else set()
                elif row.missing:
                    row.missing, row.pins = False, set()
                if row.type == "manager" and not row.missing:
                    team = self.team_of(row.target, row.include)
                    team = {name for name in team if self.exists(name)}
                    as_settled = row.settled == (row.include, row.but)  # an edit of the row never holds
                    if not team and as_settled and len(named - row.pins) >= 2:
                        row.pins |= named

    def settled(self, code: str) -> None:
        """Its last save is settled."""
        for row in self.certifications[code].rows.values():
            row.settled = (row.include, row.but)

    def _why(self, code: str, name: str) -> frozenset[str]:
        rows = self.certifications[code].rows.values()
        free = any(not self.wave_of(code, row) and name in self.matched(code, row) for row in rows)
        admitted = free or name in self.live_in(code) or name in self.drawn.get(code, ())
        return frozenset(
            row.name for row in rows if name in self.matched(code, row) and (admitted or not self.wave_of(code, row))
        )

    # --- rules 11.3: waves

    def wave_of(self, code: str, row: Row) -> tuple[int, str] | None:
        """A row's own, or the certification's."""
        return row.wave or self.certifications[code].wave

    def live_in(self, code: str) -> set[str]:
        return {name for (other, name), one in self.enrolments.items() if other == code and one.live}

    def lanes(self, code: str) -> list[tuple[str, tuple[int, str], list[Row]]]:
        """What draws together: the rows of the certification's wave first, then each row with its own, by its name."""
        terms = self.certifications[code]
        ordered = sorted(terms.rows.values(), key=lambda row: row.name)
        whole = [row for row in ordered if not row.wave]
        found = [(f"certification {code}", terms.wave, whole)] if terms.wave and whole else []
        return found + [(f"assignment {code} {row.name}", row.wave, [row]) for row in ordered if row.wave]

    def after_period(self, at: int, every: str) -> int:
        """The first instant of the next day, or of the next Monday."""
        day = day_of(at, self.zone)
        return midnight(day + timedelta(days=1 if every == "day" else 7 - day.weekday()), self.zone)

    def queue(self, lane: str, names: set[str]) -> list[str]:
        """In the order of a hash (splitmix64 of the person's number, begun at a hash of the lane)."""
        mask, seed = 2**64 - 1, int.from_bytes(sha256(lane.encode()).digest()[:8], "big")

        def mixed(name: str) -> tuple[int, int]:
            x = (self.numbers[name] + seed + 0x9E3779B97F4A7C15) & mask
            x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
            x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
            return x ^ (x >> 31), self.numbers[name]

        return sorted(names, key=mixed)

    def waiting(self, code: str, rows: list[Row]) -> set[str]:
        """Who waits for these rows: matched by no row without a wave, not enrolled, not drawn, not frozen, not exempt."""
        free = {name for row in self.certifications[code].rows.values() if not self.wave_of(code, row)
                for name in self.matched(code, row)}  # fmt: skip
        here = {name for row in rows for name in self.matched(code, row)}
        return {
            name for name in here - free - self.live_in(code) - self.drawn.get(code, set())
            if self.people[name].state == "active" and not self.is_exempt(code, name)
        }  # fmt: skip

    def draw(self, code: str) -> None:
        """Each lane fills what is left of its period."""
        terms = self.certifications[code]
        if not terms.live or not self.is_open(terms):
            return
        lanes = self.lanes(code)
        for gone in [
            key for key in self.used if key[0] == code and key[1] not in {lane for lane, _wave, _rows in lanes}
        ]:
            del self.used[gone]
        for lane, (learners, every), rows in lanes:
            at, used = self.used.get((code, lane), (None, 0))
            if at is None or self.after_period(at, every) <= self.now:
                used = 0
            chosen = self.queue(lane, self.waiting(code, rows))[: max(learners - used, 0)]
            self.drawn.setdefault(code, set()).update(chosen)
            self.used[code, lane] = (self.now, used + len(chosen))

    def is_exempt(self, code: str, name: str) -> bool:
        until = self.exempt.get((code, name), 0)
        return until is None or until > self.now

    def _decide(self, code: str, name: str, save: Save | None) -> None:
        terms, one = self.certifications[code], self.enrolments.get((code, name))
        if not terms.live:
            return
        if not self.is_open(terms):
            self._as_facts(code, name, one, save)
            return
        person = self.people[name]
        frozen, deleted, exempt = person.state == "suspended", person.state == "deleted", self.is_exempt(code, name)
        why = self._why(code, name)
        member = bool(why) and not deleted and not exempt
        was_active = one is not None and one.active
        live = one is not None and one.live
        if frozen:
            self._frozen(code, name, one, why)
            return
        began = member and not live
        if began:
            one = self.enrolments[code, name] = self._begin(one, self._at(code, name))
            one.quiet = save is not None and save.quiet
        elif one is None or not live:
            return
        if not member:
            self._leave(terms, one, self._at(code, name), at_once=deleted or exempt or not was_active)
            if not one.live:
                for row in terms.rows.values():
                    row.pins.discard(name)  # she was kept; once gone she is gone
                return
            one.why = why
            self._back(terms, one, self._at(code, name))  # also in her days of grace
            self._cycle(code, name, one)
            return
        one.why, one.leaves_on = why, None
        only_pins = all(name in terms.rows[row].pins for row in why)
        if one.held in ("", "gone"):
            one.held = "gone" if only_pins else ""
        self._dates(code, name, one, began, was_active, save)
        self._back(terms, one, self._at(code, name))
        self._cycle(code, name, one)

    def _at(self, code: str, name: str) -> int:
        """3.2: when what is settled happened; never before what was settled already."""
        one, at = self.enrolments.get((code, name)), self.caused.get((code, name), self.now)
        if one is None or not one.live:
            return at
        return max(at, one.began, one.question.since if one.question else 0)

    def is_open(self, terms: Certification) -> bool:
        """5.11: learners are reached from the first day to the last, in the host's zone."""
        begun = terms.first_day is None or midnight(terms.first_day, self.zone) <= self.now
        return terms.live and begun and not self.has_ended(terms)

    def has_ended(self, terms: Certification, at: int = 0) -> bool:
        """:param at: asked of a later instant than now."""
        last = terms.last_day
        return last is not None and midnight(last + timedelta(days=1), self.zone) <= max(self.now, at)

    def _as_facts(self, code: str, name: str, one: Enrolment | None, save: Save | None) -> None:
        """5.11: while it is not available nobody comes or goes; dates and states go on as facts (decision 20)."""
        if one is None or not one.live:
            return
        one.why = self._why(code, name)
        if self.people[name].state == "suspended":
            self._frozen(code, name, one, one.why)
            return
        if one.why and self.people[name].state != "deleted" and not self.is_exempt(code, name):
            self._dates(code, name, one, False, one.active, save)
        self._back(self.certifications[code], one, self._at(code, name))
        self._cycle(code, name, one)

    def _frozen(self, code: str, name: str, one: Enrolment | None, why: frozenset[str]) -> None:
        """2.6: left as she is; dates and states go on as facts."""
        if one is not None and one.live:
            one.why = why
            one.frozen_since = self._at(code, name) if one.frozen_since is None else one.frozen_since
            self._cycle(code, name, one)

    def _back(self, terms: Certification, one: Enrolment, at: int) -> None:
        """2.6: no longer suspended; a date that passed meanwhile becomes a realistic one."""
        since = one.frozen_since
        if since is not None and one.state in NOT_YET and one.due is not None and since <= one.due <= at:
            one.due, one.due_from = realistic(at, terms.minimum, self.zone), frozenset()
        one.frozen_since = None

    def _begin(self, old: Enrolment | None, at: int) -> Enrolment:
        """6.3: certified stays certified, expired stays expired, merely assigned starts anew."""
        new = Enrolment(began=at, spell=old.spell + 1 if old else 1)
        if old is not None and old.certified_at is not None:
            new.certified_at, new.expires, new.window_opens = old.certified_at, old.expires, old.window_opens
            new.cycle, new.due = old.cycle, old.expires
            assert new.expires is not None
            assert new.window_opens is not None
            new.state = "certified" if self.now < new.window_opens else "window_open"
            if self.now >= new.expires:
                new.state = "expired"
        return new

    def _leave(self, terms: Certification, one: Enrolment, at: int, *, at_once: bool) -> None:
        """6.1, 6.2; days of grace are for active learners."""
        if not at_once and terms.grace and one.leaves_on is None:
            one.leaves_on = at + terms.grace
        elif not at_once and one.leaves_on is not None and self.now < one.leaves_on:
            return
        else:
            one.state, one.held, one.question, one.answer, one.why = "withdrawn", "", None, None, frozenset()
            one.leaves_on = one.frozen_since = None

    def path_of(self, code: str, name: str) -> set[str]:
        """The courses of the path a learner is on."""
        one, terms = self.enrolments[code, name], self.certifications[code]
        return set(terms.again if one.state in ("certified", "window_open") else terms.courses)

    def is_elsewhere(self, code: str, name: str) -> bool:
        mine = self.path_of(code, name)
        return any(
            other != code and one.active and mine & self.path_of(other, name)
            and not self.has_ended(self.certifications[other])
            for (other, who), one in self.enrolments.items()
            if who == name
        )  # fmt: skip

    def _first_hit(self, code: str, name: str, one: Enrolment, began: bool, wish: tuple) -> str:
        """4.1: duplicate course, unknown, time allowance; an open one stands while its cause does (*open*)."""
        wanted, _from, unknown = wish
        answers, minimum = self.certifications[code].answers, self.certifications[code].minimum
        yet, asked = one.state in NOT_YET, one.asked
        causes = {
            # *open*: somebody active already is not asked again about a course she is in
            "duplicate_course": (began or asked is not None or one.held == "dismissed")
            and self.is_elsewhere(code, name),
            "unknown_date": yet and unknown and wanted is None and answers.get("unknown_date") != "wait",
            # moving a real date later never raises one
            "time_allowance": yet
            and wanted is not None
            and wanted - self._at(code, name) < minimum
            and (one.due is None or asked is not None),
        }
        if asked is not None and causes[asked.type]:
            return asked.type
        return next((kind for kind, stands in causes.items() if stands), "")

    def _dates(self, code: str, name: str, one: Enrolment, began: bool, was_active: bool, save: Save | None) -> None:
        wish = wanted, gives, unknown = self.wish(code, name, one.why, one.began)
        yet = one.state in NOT_YET
        before = one.answer
        covered = one.answer is not None and one.why <= one.answer.why and one.answer.wanted == wanted
        undated = yet and one.due is None and (wanted is not None or unknown)
        if began or one.asked or (not covered and (undated or one.held == "dismissed")):
            self._check(code, name, one, began, was_active, wish)
        covered = one.answer is not None and one.why <= one.answer.why and one.answer.wanted == wanted
        refused = covered and one.answer is not None and one.answer.action == "dismiss"
        added = save.added & one.why if save else set()
        asks = self.certifications[code].answers.get("already_assigned", "off") != "off"
        if added and asks and was_active and one.question is None and not refused:
            standing = self.certifications[code].answers["already_assigned"]
            if standing == "hold":
                one.question = Question("already_assigned", wanted, self._at(code, name))
            elif one.answer is before:  # 4.5: decided by rule; what another rule decided just now stands
                one.answer = Answer(standing, "already_assigned", one.why, wanted, self._at(code, name))
                refused, before = standing == "dismiss", one.answer
        if one.question is not None and one.asked is None:
            one.question.wanted = wanted
        if one.question is not None or refused or not yet:
            return  # 4.3: the new date waits; 4.4: it was refused; 3.6: the cycle sets it
        if wanted is not None and (one.due is None or wanted > one.due):  # 3.4
            one.due, one.due_from = wanted, gives
        goal = self._goal(code, one, wanted, covered)
        may = save is not None and not began and one.due != goal and one.answer is before
        if save and may and save.moves(one, wanted):  # 3.5
            one.due, one.due_from = goal, gives
            if one.due is None and unknown and not covered:
                self._check(code, name, one, began, was_active, wish)

    def _goal(self, code: str, one: Enrolment, wanted: int | None, covered: bool) -> int | None:
        """Where a date moves that may move earlier: just this date may have been answered as not realistic (4.4)."""
        if covered and one.answer is not None and one.answer.action == "realistic":
            return realistic(one.answer.at, self.certifications[code].minimum, self.zone)
        return wanted

    def _check(self, code: str, name: str, one: Enrolment, began: bool, was_active: bool, wish: tuple) -> None:
        terms, wanted = self.certifications[code], wish[0]
        hit = self._first_hit(code, name, one, began, wish)
        if not hit:  # 4.7: the cause went away by itself
            one.question = None if one.asked else one.question
            one.held = "" if one.held in ("exception", "dismissed") else one.held
            return
        standing = terms.answers.get(hit, "hold")
        if one.asked is None and standing not in ("hold", "off", "wait"):
            at = self._at(code, name)
            one.answer, beside = Answer(standing, hit, one.why, wanted, at), one.question
            self._carry_out(code, one, standing, was_active, wish, at)
            one.question = beside
            return
        one.question = Question(hit, wanted, one.question.since if one.question else self._at(code, name))
        if not was_active:
            one.held = "exception"

    def _carry_out(self, code: str, one: Enrolment, action: str, was_active: bool, wish: tuple, at: int) -> None:
        one.question = None
        if action == "dismiss":
            if not was_active:
                one.held = "dismissed"
            return
        if one.held in ("exception", "dismissed"):
            one.held = ""
        wanted, gives, _unknown = wish
        if one.state not in NOT_YET:
            return
        if action == "realistic":
            one.due, one.due_from = realistic(at, self.certifications[code].minimum, self.zone), frozenset()
        elif wanted is not None and (one.due is None or wanted > one.due):
            one.due, one.due_from = wanted, gives

    # --- answers of administrators

    ALLOWED = {
        "time_allowance": ("realistic", "assign", "dismiss"),
        "unknown_date": ("realistic", "dismiss"),
        "duplicate_course": ("assign", "dismiss"),
        "already_assigned": ("assign", "dismiss"),
    }

    def answer(self, code: str, name: str, action: str) -> None:
        one = self.enrolments[code, name]
        assert one.question is not None
        wish = self.wish(code, name, one.why, one.began)
        one.answer, before = Answer(action, one.question.type, one.why, wish[0], self.now), replace(one)
        self._carry_out(code, one, action, one.active, wish, self.now)
        self._tell(code, name, before, one, one.due, quiet=False)

    def reopen(self, code: str, name: str) -> None:
        one = self.enrolments[code, name]
        assert one.answer is not None
        one.question = Question(one.answer.type, one.answer.wanted, self.now)
        one.answer = None
        if one.held == "dismissed":
            one.held = "exception"

    def extend(self, code: str, name: str, to: int) -> None:
        one = self.enrolments[code, name]
        one.due, one.due_from = to, frozenset()
        if one.expires is not None:
            one.expires = to

    # --- rules 7: the cycle, as far as it touches enrolment (all courses of a path; expiry from completion)

    def _done(self, courses: Iterable[str], name: str, after: int | None, until: int) -> int | None:
        """When the last of the courses was done."""
        firsts = []
        for course in courses:
            counted = [at for at in self.completions.get((name, course), ())
                       if at <= until and (after is None or at > after)]  # fmt: skip
            if not counted:
                return None
            firsts.append(min(counted))
        return max(firsts, default=None)

    def _cycle(self, code: str, name: str, one: Enrolment) -> None:
        self._dated = one.due
        if not one.active:
            return
        terms = self.certifications[code]
        for _step in range(50):
            if one.state in NOT_YET:
                done = self._done(terms.courses, name, None, self.now)
                if done is None:
                    begun = any(at <= self.now for c in terms.courses for at in self.completions.get((name, c), ()))
                    one.state = "in_progress" if begun else "assigned"
                    return
                self._certify(terms, one, done)
                continue
            assert one.expires is not None
            assert one.window_opens is not None
            if one.state == "certified":
                if self.now < one.window_opens:
                    return
                one.state = "window_open"
                continue
            done = self._done(terms.again, name, one.window_opens, min(self.now, one.expires))
            if done is None and one.state == "expired":
                done = self._done(terms.courses, name, one.window_opens, self.now)
            if done is not None:
                self._certify(terms, one, done)
            elif one.state == "window_open" and one.expires <= self.now:
                one.state = "expired"
            else:
                return

    def _certify(self, terms: Certification, one: Enrolment, done: int) -> None:
        one.state, one.certified_at, one.cycle = "certified", done, one.cycle + 1
        one.expires = moved(done, terms.active_years, "years", self.zone)
        one.window_opens = max(moved(one.expires, -terms.window_months, "months", self.zone), done)
        one.due, one.due_from = one.expires, frozenset()
        if one.question and one.question.type in ("time_allowance", "unknown_date"):
            one.question = None  # a date the cycle sets needs no answer (4.7)

    # --- rules 6.2, 7.2: seats

    def opened(self, code: str, name: str) -> set[str]:
        one = self.enrolments.get((code, name))
        if one is None or not one.active:
            return set()
        terms = self.certifications[code]
        courses = set(terms.courses)
        if one.state == "window_open":
            courses |= set(terms.again)
        if one.cycle > 1 and self._done(terms.again, name, None, one.certified_at or 0) is not None:
            courses |= set(terms.again)  # seats of a done path stay wanted
        return courses

    def _seats(self, name: str) -> None:
        """A seat stays wanted while any active enrolment opens it; then the gentlest policy of those that did."""
        wanted: dict[str, set[str]] = {}
        for code in self.certifications:
            for course in self.opened(code, name):
                wanted.setdefault(course, set()).add(code)
        for course in wanted.keys() | {other for who, other in self.seats if who == name}:
            claims, seat = wanted.get(course, set()), self.seats.setdefault((name, course), Seat())
            if claims and seat.shown != "in":
                seat.policies = set()  # a new round
            seat.policies |= {self.certifications[code].leaving for code in seat.claims - claims}
            if claims:
                seat.shown = "in"
            elif seat.claims:
                seat.shown = LEFT[next(one for one in GENTLEST if one in seat.policies)]
            seat.claims = claims

    # --- time

    def next_boundary(self) -> int | None:
        """The next instant at which time alone changes something."""
        return min((at for at in self.boundaries() if at > self.now), default=None)

    def boundaries(self) -> set[int]:
        """All instants at which time alone changes something."""
        instants = [at for job in self.jobs.values() for at in (job.starts, job.ends)]
        instants += list(self.exempt.values())
        for one in self.enrolments.values():
            if one.live:
                instants += [one.leaves_on, one.window_opens, one.expires]
        for terms in self.certifications.values():
            instants += self.days_of(terms)
        for code, terms in self.certifications.items():
            for _lane, (learners, every), rows in self.lanes(code) if self.is_open(terms) else ():
                if learners and self.waiting(code, rows):
                    instants.append(self.after_period(self.now, every))
        return {at for at in instants if at is not None}

    def days_of(self, terms: Certification) -> list[int]:
        """The instants at which a certification or a row of it begins, or it ends (5.11, 11.2)."""
        last = terms.last_day and terms.last_day + timedelta(days=1)
        days = (terms.first_day, last, terms.starts, *(row.starts for row in terms.rows.values()))
        return [midnight(day, terms.zone or self.zone) for day in days if day]

    def earliest(self, code: str, name: str) -> int:
        """Nobody's spell begins before a job that gives it, the end of her exemption, or the certification's first day."""
        terms, until = self.certifications[code], self.exempt.get((code, name))
        first = terms.first_day
        # In the zone that holds, or, where she began before the zone changed, in the one before.
        zones = (self.zone, terms.zone or self.zone)
        bounds = [min(midnight(first, zone) for zone in zones)] if first is not None else []
        bounds += [until] if until is not None and until <= self.now else []
        return max([*bounds, self._matched_since(code, name)])

    def _matched_since(self, code: str, name: str) -> int:
        """Since when she has been matched without a gap, as the jobs that are known now tell; 0: always."""
        turns = {at for job in self.jobs.values() if job.person == name for at in (job.starts, job.ends)}
        turns |= {self.starts(code, row) for row in self.certifications[code].rows.values()} - {0}
        now = self.now
        try:
            for at in sorted((at for at in turns if at is not None and at <= now), reverse=True):
                self.now = at - 1
                if not self._why(code, name):
                    return at
        finally:
            self.now = now
        return 0
