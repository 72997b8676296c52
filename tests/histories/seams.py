"""Two hosts, several workers and one clock: whoever does something next, and when, is drawn (DOMAIN 2.8)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import permutations, product
from typing import Any
from zoneinfo import ZoneInfo

from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.definition import Proposal
from plugin.core.clock import Clock, format_instant
from plugin.core.database.bulk import fetch, run
from plugin.core.ids import read_clock
from plugin.core.runtime import Runtime
from plugin.mirror.connections.date_settings import changed_meaning, move_zone
from plugin.mirror.connections.settings import change_mapping
from plugin.mirror.tables import Person
from tests.histories.lab import Lab
from tests.histories.naive import DAY, Certification, Row, Save
from tests.histories.truth import Truth, learn

MESSAGES: tuple[dict[str, Any], ...] = (
    {"when": "assigned", "to": ["learner"]}, {"when": "withdrawn", "to": ["learner"]},
    {"when": "due_changed", "to": ["learner"]}, {"when": "due", "before": "3 days", "to": ["learner"]},
    {"when": "overdue", "to": ["learner"]},
)  # fmt: skip
REMINDERS = ("due", "overdue")
_SHOWN = {"waiting": "owed"}


class Different(BaseException):
    """Product and model differ; said also in the middle of something whose own errors are caught and told elsewhere."""


class Killed(BaseException):
    """The process was killed: nothing of it goes on, and no handler of errors hears of it."""


@dataclass(frozen=True)
class Hands(Clock):
    """A clock whose hands a history moves. ``shown`` holds the instant."""

    shown: list[int] = field(default_factory=list)

    def now(self) -> int:
        return self.shown[0]


class SeamLab(Lab):
    """A host whose records are read, not told; and a model that is looked at again after each step.

    Between two complete settles each learner's row is either as it was, or as the rules say now: whatever was killed, was
    overtaken or did only a part. After a complete one it is as the rules say. When something that is settled late
    happened is an instant between the last complete settle and now (3.2): that of a change of the mirror, of a save,
    or one at which time alone changed something, and never before a job of hers began.
    """

    def __init__(self, runtime: Runtime, zone: str) -> None:
        super().__init__(runtime, zone)
        self.truth = Truth(zone)
        self._mark: int | None = None
        """When what dates mean was changed, until everybody is owed a look because of it."""
        self._misread: set[str] = set()
        self.since: dict[str, int] = {}
        """By certification, when its reminders were switched on."""
        self.instants = {runtime.clock.now()}
        self.highest = runtime.clock.now()
        self._known: set[str] = set()

    def moved(self) -> None:
        """The clock was moved, or something happened now."""
        now = self.runtime.clock.now()
        self.highest = max(self.highest, now)
        self.instants |= {now, self.highest}

    def proposal(self, code: str, rows: dict[str, Row], terms: Certification) -> Proposal:
        proposal = super().proposal(code, rows, terms)
        return replace(proposal, definition=replace(proposal.definition, notifications=MESSAGES))

    def save(
        self, code: str, rows: dict[str, Row], terms: Certification, *, earlier: bool = False, allow: int | None = None
    ) -> bool:
        saved = super().save(code, rows, terms, earlier=earlier, allow=allow)
        if saved:
            self.model.certifications[code].zone = self.model.zone
            self.since.setdefault(code, self.saves[code].at)
        return saved

    # --- what dates mean

    def reads_in(self, field: str, written: str | None) -> None:
        """An administrator says in what form a profile field is written."""
        self.note("mapping", field, written)
        mapping = {"date_formats": {field: written} if written else {}}
        now = max(self.model.now, self.runtime.clock.now())
        self.runtime.db.transact(partial(change_mapping, host_id=self.host, mapping=mapping, at=now, who="tester"))
        if self.model.formats.get(field) != written:
            self._misread.add(field)
        self.model.formats = {field: written} if written else {}

    def moves_to(self, zone: str) -> None:
        """An administrator says in which zone the host is; the host says so too."""
        self.note("zone", zone)
        self.truth.zone = zone
        now = max(self.model.now, self.runtime.clock.now())
        self.runtime.db.transact(partial(move_zone, host_id=self.host, zone=zone, at=now, who="tester"))

    def is_to_follow(self) -> bool:
        """Whether what dates mean was changed and nobody is owed a look for it yet."""
        with self.runtime.db.read() as session:
            return changed_meaning(session, self.host) is not None

    def follow_meaning(self, session: Session) -> None:
        """What dates mean is what the host's row says; once everybody is owed a look, they follow (decision 27)."""
        # Days of the zone before began and ended something at instants that are none in the new one.
        self.instants |= {at for at in self.model.boundaries() if min(self.instants) < at <= self.highest}
        self.model.zone = ZoneInfo(fetch(session, "SELECT time_zone FROM host WHERE id = ?", self.host)[0][0])
        mark = changed_meaning(session, self.host)
        if self._mark is not None and mark is None:
            for code, terms in self.model.certifications.items():
                terms.zone = self.model.zone
                save = self.saves.setdefault(code, self._settle_of(session, code))
                save.same_day = True
                self._let_follow(save, terms)
            self._misread = set()
        self._mark = mark

    def _settle_of(self, session: Session, code: str) -> Save:
        """Dates follow in silence and now, unless a first day's settle waited and took it on: that is aloud, and of its day."""
        sql = "SELECT choices, as_of FROM settling WHERE host_id = ? AND certification = ?"
        [(choices, at)] = fetch(session, sql, self.host, self.number(code))
        quiet = (json.loads(choices) if isinstance(choices, str) else choices).get("no_messages")
        return Save(quiet=bool(quiet), at=at)

    def _let_follow(self, save: Save, terms: Certification) -> None:
        """Dates counted from a field that was misread."""
        rows = {
            row.name
            for row in terms.rows.values()
            if row.due and row.due[1] == "profile_date" and row.due[4] in self._misread
        }
        if rows and not save.earlier:
            save.earlier, save.earlier_of = True, frozenset(rows)
        elif rows and save.earlier_of is not None:
            save.earlier_of |= rows

    def learned(self, kind: str, rows: Sequence[Any], gone: Sequence[str]) -> None:
        """A page of the host was written to the mirror; what was known before counted until now."""
        with self.runtime.db.read() as session:
            self.follow_meaning(session)
        self.instants |= {at for at in self.model.boundaries() if min(self.instants) < at <= self.highest}
        learn(self.model, kind, rows, gone)
        self.moved()

    def look(self, *, whole: bool) -> None:
        """Compare everybody's rows with what the rules allow.

        :param whole: everything that was owed is settled.
        """
        with self.runtime.db.read() as session:
            _seq, as_of = read_clock(session, self.host)
            self.follow_meaning(session)
            done = self._done(session)
            told = self._told(session)
            owed = self._owed(session)
            pins = self._pins(session)
            raised, frozen = self._raised(session), self._frozen(session)
        assert self.model.now <= as_of <= self.highest, "the host's clock went back, or beyond now"
        assert as_of >= self.runtime.clock.now() or not whole, "the host's clock stands"
        self.model.now = as_of
        self._targets(pins, whole=whole)
        found = self.product() | {key: state for key, state in told.items() if key.split()[3] not in REMINDERS}
        theirs: dict[str, dict[str, Any]] = {name: {} for name in self.model.people}
        for key, row in found.items():
            theirs[key.split()[1]][key] = row
        before = self._moments()
        rested = {key: one.frozen_since for key, one in self.model.enrolments.items()}
        for name in sorted(self.model.people):
            # Whom something changed after a save was planned is not that save's: she is owed a look besides.
            if not self._follows(name, theirs[name], set() if name in owed else done, whole=whole):
                self._differ(name, theirs[name])
        self._reminded({key for key in told if key.split()[3] in REMINDERS}, before, whole=whole)
        for key, at in raised.items():
            if (one := self.model.enrolments.get(key)) is not None and one.question is not None:
                one.question.since = at  # of the instants at which it may have been raised, the one that was taken
        self._frozen_then(frozen, rested)
        for code in done:
            self.saves.pop(code, None)
            self.model.settled(code)
        if whole:
            assert not self.saves, "a save is still owed"
            self.instants = {as_of}

    def _done(self, session: Session) -> set[str]:
        """The saves that are settled."""
        if not self.saves:
            return set()
        owed = {
            row[0]
            for row in fetch(
                session, "SELECT certification FROM settling WHERE host_id = ? AND state <> 'done'", self.host
            )
        }
        return {code for code in self.saves if self.number(code) not in owed}

    def _told(self, session: Session) -> dict[str, str]:
        """Every message, and of "you are enrolled" whether it is to go."""
        sql = (
            'SELECT p.ext, m.certification, m."when", m.spell, m.cycle, m.state FROM message m JOIN person p'
            " ON p.host_id = m.host_id AND p.id = m.learner WHERE m.host_id = ?"
        )
        codes = {self.number(code): code for code in self.model.certifications}
        return {
            f"message {name} {codes[number]} {when} {spell} {cycle}": _SHOWN.get(state, state) if when == "assigned" else "told"
            for name, number, when, spell, cycle, state in fetch(session, sql, self.host)
        }  # fmt: skip

    def _moments(self) -> set[str]:
        """The reminders whose moment has come, of everybody as the model has them."""
        return {
            f"message {name} {code} {when} {spell} {cycle}"
            for code, since in self.since.items() for name in self.model.people
            for when, spell, cycle in self.model.moments(code, name, since)
        }  # fmt: skip

    def _reminded(self, found: set[str], before: set[str], *, whole: bool) -> None:
        """Nobody is reminded but of a moment that came, and, once all is done, everybody is."""
        due = self._moments()
        known, self._known = self._known, found
        wrong = found - known - before - due | known - found | (due - found if whole else set())
        if wrong:
            self.differ_over("reminders", wrong, found)

    def differ_over(self, what: str, wrong: object, found: object) -> None:
        """Say where product and model part."""
        lines = [f"{what} differ, at {format_instant(self.model.now)}: {wrong}", *(f"  {one}" for one in self.log)]
        raise Different("\n".join([*lines, str(found)]))

    def messages_go(self) -> None:
        """All messages that wait are sent."""
        self.note("messages go")
        sql = "UPDATE message SET state = 'sent' WHERE host_id = ? AND state IN ('waiting', 'owed')"
        self.runtime.db.transact(lambda session: run(session, sql, self.host))
        for told in self.model.told.values():
            told.update({key: "sent" for key, state in told.items() if state == "owed"})

    def expected(self, only: str | None = None) -> dict[str, Any]:
        rows = super().expected(only)
        for (code, name), told in self.model.told.items():
            for (when, spell, cycle), state in told.items() if only in (None, name) else ():
                rows[f"message {name} {code} {when} {spell} {cycle}"] = state
        return rows

    def _owed(self, session: Session) -> set[str]:
        """Who is owed a look."""
        sql = (
            "SELECT p.ext FROM change x JOIN person p ON p.host_id = x.host_id AND p.id = x.person"
            " WHERE x.host_id = ? AND x.settled < x.seq"
        )
        return {row[0] for row in fetch(session, sql, self.host)}

    def _raised(self, session: Session) -> dict[tuple[str, str], int]:
        """Since when an exception is open, by certification and person."""
        sql = (
            "SELECT x.certification, p.ext, x.since FROM exception x JOIN person p ON p.host_id = x.host_id"
            " AND p.id = x.person WHERE x.host_id = ?"
        )
        codes = {self.number(code): code for code in self.model.certifications}
        return {(codes[number], name): at for number, name, at in fetch(session, sql, self.host)}

    def _frozen(self, session: Session) -> dict[tuple[str, str], int]:
        """Since when an enrolment is frozen, by certification and person."""
        sql = (
            "SELECT e.certification, p.ext, e.frozen_since FROM enrolment e JOIN person p ON p.host_id = e.host_id"
            " AND p.id = e.person WHERE e.host_id = ? AND e.frozen_since IS NOT NULL"
        )
        codes = {self.number(code): code for code in self.model.certifications}
        return {(codes[number], name): at for number, name, at in fetch(session, sql, self.host)}

    def _frozen_then(self, found: dict[tuple[str, str], int], before: dict[tuple[str, str], int | None]) -> None:
        """Who froze since the last look froze at one of the instants between; of those, the one that was taken counts."""
        allowed = self.instants | {at for at in self.model.boundaries() if min(self.instants) < at <= self.model.now}
        for key, at in found.items():
            one = self.model.enrolments[key]
            if before.get(key) is None and at in allowed:
                one.frozen_since = at
            if one.frozen_since != at:
                self.differ_over("frozen since", (key, one.frozen_since), at)

    def _pins(self, session: Session) -> dict[str, set[str]]:
        """By certification and assignment, whom the product keeps because a target or a team went."""
        sql = (
            "SELECT a.certification, a.type, a.target, h.people FROM held h JOIN assignment a"
            " ON a.host_id = h.host_id AND a.id = h.assignment WHERE h.host_id = ? AND h.state IN ('open', 'refused')"
        )
        kept: dict[str, set[str]] = {}
        codes = {self.number(code): code for code in self.model.certifications}
        for certification, kind, target, people in fetch(session, sql, self.host):
            for person in BitMap.deserialize(bytes(people)):
                name = session.scalars(select(Person.ext).where(Person.host_id == self.host, Person.id == person)).one()
                kept.setdefault(f"{codes[certification]} {kind}:{target}", set()).add(name)
        return kept

    def _targets(self, pins: dict[str, set[str]], *, whole: bool) -> None:
        """A target or a team that went is noticed by whoever settles next; until then it is as it was."""
        rows = [(code, row) for code, one in self.model.certifications.items() for row in one.rows.values()]
        before = [(row.missing, set(row.pins)) for _code, row in rows]
        self.model.targets_and_teams()
        for (code, row), old in zip(rows, before, strict=True) if not whole else ():
            if row.pins != (found := pins.get(f"{code} {row.name}", set())) and old[1] == found:
                row.missing, row.pins = old

    # --- one learner

    def _follows(self, name: str, found: dict[str, Any], done: set[str], *, whole: bool) -> bool:
        """Whether her rows may be as they are; the model is then as they are."""
        model, before = self.model, self._facts(name)
        if not whole and found == self.expected(name) and not done:
            return True
        for steps in self._orders(done, whole=whole):
            for at in self._instants(found):
                self._put(name, before)
                model.caused = {(code, name): instant for code, instant in zip(model.certifications, at, strict=True)}
                for code in steps:
                    model.decide(code, name, self.saves.get(code))
                if whole or not steps:
                    model.settle_one(name, {code: save for code, save in self.saves.items() if code not in steps})
                if found == self.expected(name) and self._in_time(name, before):
                    model.caused = {}
                    return True
        model.caused = {}
        self._put(name, before)
        return False

    def _orders(self, done: set[str], *, whole: bool) -> Iterator[tuple[str, ...]]:
        """In which order some of her certifications may have been decided; without any: all, until nothing follows.

        When all is settled, those with a first or last day that came meanwhile may have been settled before the others.
        """
        yield ()
        if whole:
            begun = self._begun()
            for length in range(1, len(begun) + 1):
                yield from permutations(begun, length)
            return
        for length in (1, 2, 3, 4):
            for order in product(self.model.certifications, repeat=length):
                if done <= set(order):
                    yield order

    def _begun(self) -> list[str]:
        """The certifications that are settled as a whole because a first or last day of theirs may have come."""
        days = {code: self.model.days_of(terms) for code, terms in self.model.certifications.items()}
        since, now = min(self.instants), self.model.now
        return [code for code, turns in days.items() if any(since - DAY < at <= now + DAY for at in turns)]

    def _instants(self, found: dict[str, Any]) -> Iterator[tuple[int, ...]]:
        """When what is settled may have happened, the likely ones first."""
        shown = {row["since"] for key, row in found.items() if not key.startswith(("seat", "message"))}
        listed = sorted(
            self.instants | {at for at in self.model.boundaries() if min(self.instants) < at <= self.model.now}
        )
        listed = [at for at in listed if at <= self.highest]
        listed.sort(key=lambda at: (format_instant(at) not in shown, -at))
        codes = len(self.model.certifications)
        for at in listed:
            yield (at,) * codes
        yield from (one for one in product(listed, repeat=codes) if len(set(one)) > 1)

    def _in_time(self, name: str, before: dict[str, Any]) -> bool:
        """Nobody's spell begins before what gives it."""
        for code in self.model.certifications:
            old, new = before["enrolments"].get(code), self.model.enrolments.get((code, name))
            fresh = new is not None and new.live and (old is None or old.spell != new.spell)
            if fresh and new is not None:
                save = self.saves.get(code)
                if new.began < max(self.model.earliest(code, name), save.at if save else 0):
                    return False
        return True

    def _facts(self, name: str) -> dict[str, Any]:
        model = self.model
        return deepcopy({
            "enrolments": {code: model.enrolments.get((code, name)) for code in model.certifications},
            "seats": {course: seat for (who, course), seat in model.seats.items() if who == name},
            "told": {code: model.told.get((code, name), {}) for code in model.certifications},
            "pins": [name in row.pins for one in model.certifications.values() for row in one.rows.values()],
        })  # fmt: skip

    def _put(self, name: str, facts: dict[str, Any]) -> None:
        model, facts = self.model, deepcopy(facts)
        for code, one in facts["enrolments"].items():
            model.enrolments.pop((code, name), None)
            if one is not None:
                model.enrolments[code, name] = one
        for code, told in facts["told"].items():
            model.told[code, name] = told
        for who, course in list(model.seats):
            if who == name:
                del model.seats[who, course]
        model.seats |= {(name, course): seat for course, seat in facts["seats"].items()}
        rows = (row for one in model.certifications.values() for row in one.rows.values())
        for row, pinned in zip(rows, facts["pins"], strict=True):
            (row.pins.add if pinned else row.pins.discard)(name)

    def _differ(self, name: str, found: dict[str, Any]) -> None:
        before = self.expected(name)
        self.model.settle_one(name, self.saves)
        wanted = self.expected(name)
        lines = [
            f"product and model differ, at {format_instant(self.model.now)}, after:",
            *(f"  {one}" for one in self.log),
        ]
        for key in sorted(found.keys() | wanted.keys() | before.keys()):
            if not found.get(key) == wanted.get(key) == before.get(key):
                lines += [f"  {key}", f"    product: {found.get(key)}", f"    model:   {wanted.get(key)}",
                          f"    before:  {before.get(key)}"]  # fmt: skip
        raise Different("\n".join(lines))
