"""The naive model: the rules in plain Python, person by person, written from the rules' own text.

It keeps the host's records as dictionaries of the host's ids, and the facts of each learner in each certification as
one small object. Nothing here is fast, shared with the product, or clever. Instants are epoch seconds; the zone is UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

DAY = 86_400


def end_of_day(instant: int) -> int:
    """23:59:00 of the day of an instant."""
    return instant - instant % DAY + 23 * 3600 + 59 * 60


def plus_days(instant: int, days: int) -> int:
    return end_of_day(int((datetime.fromtimestamp(instant, UTC) + timedelta(days=days)).timestamp()))


@dataclass
class Rule:
    """An assignment. ``due``: ``None``, ``("fixed", instant)`` or ``(event, days)``."""

    kind: str
    target: str
    include: str
    due: tuple[str, int] | None
    new_in: int = 0

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.target}"


@dataclass
class Certification:
    code: str
    course: str
    minimum: int
    answers: dict[str, str]
    leaving: str
    grace: int
    rules: dict[str, Rule] = field(default_factory=dict)
    version: int = 0


@dataclass
class Facts:
    """One learner in one certification (DOMAIN 2.8, S)."""

    live: bool = False
    spell: int = 0
    began: int | None = None
    due: int | None = None
    why: frozenset[str] = frozenset()
    waiting: str = ""
    """``exception`` or ``dismissed``: what keeps her from being active."""
    kept_by_gone: bool = False
    frozen_since: int | None = None
    leaves_on: int | None = None
    question: tuple[str, int | None] | None = None
    """The open exception: its type, and the date that waits."""
    decision: tuple[int, str, str, int | None, frozenset[str]] | None = None
    """Spell, type, action, the date it was given for, the assignments known then."""
    answer: tuple[str, str, int] | None = None
    """An answer not carried out yet: type, action, instant."""

    @property
    def active(self) -> bool:
        return self.live and not self.waiting


class Model:
    """A host, its certifications, and what follows."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.state: dict[str, str] = {}
        self.login: dict[str, int | None] = {}
        self.hired: dict[str, int | None] = {}
        self.units: dict[str, str] = {}
        self.jobs: dict[str, dict[str, object]] = {}
        self.audiences: dict[str, set[str]] = {}
        self.groups: dict[tuple[str, str], set[str]] = {}
        self.certifications: dict[str, Certification] = {}
        self.facts: dict[tuple[str, str], Facts] = {}
        self.pins: dict[tuple[str, str], set[str]] = {}
        self.seats: dict[tuple[str, str], list[str]] = {}
        """By course and person: what is wanted, then the policies of those that let go of it in this round."""

    # --- who matches (DOMAIN 2)

    def current(self, job: dict[str, object]) -> bool:
        start, end = job["start"], job["end"]
        return (start is None or start <= self.now) and (end is None or end > self.now)  # type: ignore[operator]

    def under(self, unit: str, top: str) -> bool:
        seen = set()
        while unit and unit not in seen:
            if unit == top:
                return True
            seen.add(unit)
            unit = self.units.get(unit, "")
        return False

    def bosses(self, job: dict[str, object]) -> list[str]:
        if job["temporary"]:
            return []
        if job["boss"]:
            boss = str(job["boss"])
            return [boss] if boss in self.jobs and self.exists(str(self.jobs[boss]["person"])) else []
        if job["boss_person"]:
            return [
                ext
                for ext, one in self.jobs.items()
                if one["person"] == job["boss_person"] and self.exists(str(one["person"]))
            ]
        return []

    def above(self, job: dict[str, object]) -> set[str]:
        found: set[str] = set()
        level = self.bosses(job)
        while level:
            fresh = [one for one in level if one not in found]
            found.update(fresh)
            level = [boss for one in fresh for boss in self.bosses(self.jobs[one])]
        return found

    def exists(self, person: str) -> bool:
        return self.state.get(person, "deleted") != "deleted"

    def members(self, code: str, rule: Rule) -> set[str]:
        """Whom a rule matches now: suspended people included, deleted ones not."""
        found: set[str] = set()
        if rule.kind == "individual":
            found = {rule.target}
        elif rule.kind == "audience":
            found = set(self.audiences.get(rule.target, set()))
        elif rule.kind == "group":
            found = set(self.groups.get((code, rule.target), set()))
        else:
            for job in self.jobs.values():
                if self.current(job) and self.by_job(job, rule):
                    found.add(str(job["person"]))
        return {person for person in found if self.exists(person)}

    def by_job(self, job: dict[str, object], rule: Rule) -> bool:
        if rule.kind == "manager":
            chain = set(self.bosses(job)) if rule.include == "direct" else self.above(job)
            if rule.target not in chain:
                return False
            return job["person"] != self.jobs[rule.target]["person"]
        unit = str(job[rule.kind] or "")
        if unit not in self.units:
            return False
        return unit == rule.target or (rule.include == "below" and self.under(unit, rule.target))

    # --- one learner in one certification (DOMAIN 3, 4, 6)

    def get(self, code: str, person: str) -> Facts:
        return self.facts.setdefault((code, person), Facts())

    def matched(self, code: str, person: str) -> list[Rule]:
        rules = self.certifications[code].rules.values()
        return [
            rule for rule in rules
            if person in self.members(code, rule) or (person in self.pins.get((code, rule.name), set()))
        ]  # fmt: skip

    def dates(self, rules: list[Rule], facts: Facts, person: str) -> tuple[int | None, bool]:
        """The latest known date, and whether a base other than the first login is unknown (3.4, 3.7)."""
        known, unknown = [], False
        for rule in rules:
            if rule.due is None:
                continue
            event, number = rule.due
            if event == "fixed":
                known.append(number)
                continue
            base = {"enrolment": facts.began, "first_login": self.login.get(person), "hired": self.hired.get(person)}[
                event
            ]
            if base is not None:
                known.append(plus_days(base, number))
            elif event != "first_login":
                unknown = True
        return (max(known) if known else None), unknown

    def elsewhere(self, code: str, person: str) -> bool:
        mine = self.certifications[code]
        return any(
            other.code != code and other.course == mine.course and self.get(other.code, person).active
            for other in self.certifications.values()
        )

    def settle_one(self, code: str, person: str, at: int, *, saving: bool = False, earlier: bool = False) -> None:
        """One learner in one certification, in the order of the rules."""
        certification, facts = self.certifications[code], self.get(code, person)
        if facts.live and facts.began is not None:
            at = max(at, facts.began)
        rules = self.matched(code, person)
        gone = self.state.get(person) == "deleted" or person not in self.state
        frozen = self.state.get(person) == "suspended"
        belongs = bool(rules) and not gone
        before = facts.active
        began = False
        if facts.live and not belongs:
            self.leave(facts, certification, at, gone=gone, frozen=frozen)
        elif facts.live and not frozen:
            facts.leaves_on = None
        if belongs and not facts.live and not frozen:
            began = True
            facts.live, facts.spell, facts.began = True, facts.spell + 1, at
            facts.due = facts.frozen_since = facts.leaves_on = facts.question = facts.answer = None
            facts.waiting = ""
        self.remember(code, person, facts, rules, at, gone=gone, frozen=frozen)
        if facts.live and belongs and not frozen:
            self.date(
                facts, certification, person, rules, at, began=began, saving=saving, earlier=earlier, before=before
            )
        self.wind_up(facts, certification, at, frozen=frozen)
        self.claim(certification, person, before=before, after=facts.active)

    def wind_up(self, facts: Facts, certification: Certification, at: int, *, frozen: bool) -> None:
        """Nothing is asked about who left; a date that passed while she was suspended becomes a realistic one."""
        if not facts.live:
            facts.question = facts.answer = None
        if facts.live and not frozen and facts.frozen_since is not None:
            if facts.due is not None and facts.frozen_since <= facts.due <= at:
                facts.due = self.realistic(certification, at)
            facts.frozen_since = None

    def remember(
        self, code: str, person: str, facts: Facts, rules: list[Rule], at: int, *, gone: bool, frozen: bool
    ) -> None:
        """Why she is in, whether only a target that is gone keeps her, and since when she is suspended."""
        facts.why = frozenset(rule.name for rule in rules) if facts.live and not gone else frozenset()
        only_pins = all(person not in self.members(code, rule) for rule in rules)
        if not frozen or not facts.live:
            facts.kept_by_gone = facts.live and bool(rules) and only_pins
        if facts.live and frozen and facts.frozen_since is None:
            facts.frozen_since = at

    def leave(self, facts: Facts, certification: Certification, at: int, *, gone: bool, frozen: bool) -> None:
        """Her last assignment went (2.6, 6.1, 6.2)."""
        if frozen and not gone:
            return
        if not gone and facts.active and certification.grace:
            if facts.leaves_on is None:
                facts.leaves_on = at + certification.grace
            if facts.leaves_on > self.now:
                return
        facts.live, facts.leaves_on, facts.frozen_since, facts.waiting = False, None, None, ""
        facts.why = frozenset()

    def realistic(self, certification: Certification, at: int) -> int:
        return end_of_day(at + certification.minimum + 7 * DAY)

    def date(
        self, facts: Facts, certification: Certification, person: str, rules: list[Rule], at: int, *, began: bool,
        saving: bool, earlier: bool, before: bool,
    ) -> None:  # fmt: skip
        wanted, unknown = self.dates(rules, facts, person)
        if facts.answer is not None and facts.question is not None and facts.answer[0] == facts.question[0]:
            self.carry_out(facts, certification, wanted)
            return
        facts.answer = None
        covered = False
        if facts.decision is not None and facts.decision[0] == facts.spell:
            _spell, _kind, _action, due, known = facts.decision
            covered = facts.why <= known and due == wanted
        if (
            earlier
            and not began
            and facts.question is None
            and facts.waiting != "dismissed"
            and wanted is None
            and unknown
        ):
            facts.due = None
        undated = facts.due is None and (wanted is not None or unknown)
        asking = facts.question is not None and facts.question[0] != "already_assigned"
        check = began or asking or (not covered and (undated or facts.waiting == "dismissed"))
        ruled = ""
        if check:
            ruled = self.check(facts, certification, person, wanted, unknown, at, began=began, before=before)
        if facts.question is not None and facts.question[0] == "already_assigned":
            facts.question = ("already_assigned", wanted)
        elif (
            saving and before and facts.question is None and certification.answers.get("already_assigned", "off") == "hold"
            and any(rule.new_in == certification.version for rule in rules)
        ):  # fmt: skip
            facts.question = ("already_assigned", wanted)
        declined = covered and facts.decision is not None and facts.decision[2] == "dismiss"
        if (
            facts.question is None
            and ruled not in ("realistic", "dismiss")
            and facts.waiting != "dismissed"
            and not declined
        ):
            if wanted is not None and (facts.due is None or wanted > facts.due):
                facts.due = wanted
            if earlier and not began:
                facts.due = wanted

    def carry_out(self, facts: Facts, certification: Certification, wanted: int | None) -> None:
        """An administrator answered (4.4)."""
        assert facts.answer is not None
        assert facts.question is not None
        _kind, action, when = facts.answer
        facts.question = facts.answer = None
        if action == "dismiss":
            if facts.waiting == "exception":
                facts.waiting = "dismissed"
            return
        if facts.waiting == "exception":
            facts.waiting = ""
        if action == "realistic":
            facts.due = self.realistic(certification, when)
        elif wanted is not None and (facts.due is None or wanted > facts.due):
            facts.due = wanted

    def check(
        self, facts: Facts, certification: Certification, person: str, wanted: int | None, unknown: bool, at: int, *,
        began: bool, before: bool,
    ) -> str:  # fmt: skip
        """The checks of section 4, in their order; an open cause is kept while it stands."""
        flagged = facts.question is not None and facts.question[0] == "already_assigned"
        was_open = None if flagged else facts.question
        asking = began or was_open is not None or facts.waiting == "dismissed"
        stands = {
            "duplicate_course": asking and self.elsewhere(certification.code, person),
            "unknown_date": unknown and wanted is None and certification.answers["unknown_date"] != "wait",
            "time_allowance": wanted is not None
            and wanted - at < certification.minimum
            and (facts.due is None or was_open is not None),
        }
        hit = next((kind for kind, is_so in stands.items() if is_so), "")
        if was_open is not None and stands.get(was_open[0]):
            hit = was_open[0]
        if not hit and flagged:
            return ""
        if not hit:
            facts.question = None
            facts.waiting = ""
            return ""
        answer = certification.answers[hit]
        if was_open is None and answer not in ("hold", "wait"):
            facts.decision = (facts.spell, hit, answer, wanted, facts.why)
            if answer == "dismiss":
                if not before or facts.waiting:
                    facts.waiting = "dismissed"
            else:
                facts.waiting = ""
            if answer == "realistic":
                facts.due = self.realistic(certification, at)
            return answer
        facts.question = (hit, wanted)
        if not before:
            facts.waiting = "exception"
        return ""

    # --- seats (DOMAIN 6.2, DESIGN point 5)

    def claim(self, certification: Certification, person: str, *, before: bool, after: bool) -> None:
        key = (certification.course, person)
        seat = self.seats.get(key)
        claimed = any(
            other.course == certification.course and self.get(other.code, person).active
            for other in self.certifications.values()
        )
        if seat is None:
            if not claimed:
                return
            seat = self.seats[key] = ["out"]
        if before and not after:
            seat.append(certification.leaving)
        if claimed:
            if seat[0] != "in":
                self.seats[key] = ["in"]
        elif seat[0] == "in" and len(seat) > 1:
            policies = seat[1:]
            seat[0] = "in" if "keep" in policies else "suspended" if "suspend" in policies else "out"

    # --- the passage of everything

    def everyone(self, code: str) -> list[str]:
        return sorted({person for one, person in self.facts if one == code} | set(self.state))

    def settle_save(self, code: str, *, earlier: bool = False) -> None:
        """What a save does: its certification, for everybody."""
        for person in self.everyone(code):
            self.settle_one(code, person, self.now, saving=True, earlier=earlier)
        self.again()

    def pin_teams(self) -> None:
        """A team that went from two or more to none in one batch is kept (2.3)."""
        for certification in self.certifications.values():
            for rule in certification.rules.values():
                if rule.kind != "manager" or self.members(certification.code, rule):
                    continue
                if rule.target not in self.jobs or not self.exists(str(self.jobs[rule.target]["person"])):
                    continue
                had = {
                    person for (code, person), facts in self.facts.items()
                    if code == certification.code and facts.live and rule.name in facts.why and self.exists(person)
                }  # fmt: skip
                lost = {
                    person
                    for person in had
                    if rule.name not in {r.name for r in self.matched(certification.code, person)}
                }
                if len(had) >= 2 and lost:
                    self.pins.setdefault((certification.code, rule.name), set()).update(had)

    def settle_people(self, at: dict[str, int] | None = None) -> None:
        """What the host's changes or the time do: everybody, in all certifications, in the order of their making."""
        self.pin_teams()
        for code in self.certifications:
            for person in self.everyone(code):
                self.settle_one(code, person, (at or {}).get(person, self.now))
        self.again()

    def again(self) -> None:
        """Leaving one certification re-decides those that share its courses (4.1): until all is quiet."""
        for _turn in range(10):
            held = [
                key for key, facts in self.facts.items() if facts.question and facts.question[0] == "duplicate_course"
            ]
            before = {key: (self.facts[key].question, self.facts[key].waiting) for key in held}
            for code in self.certifications:
                for one, person in held:
                    if one == code:
                        self.settle_one(code, person, self.now)
            if all((self.facts[key].question, self.facts[key].waiting) == before[key] for key in held):
                return
