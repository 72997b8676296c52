"""How things stood: present rows with everything undone that was recorded later, then the clock alone (REPORTS 3)."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import BigInteger, Column, Integer, MetaData, SmallInteger, Table

from plugin.certifications.definition import AssignmentDef, Definition, Exclusion
from plugin.certifications.store import definition_of
from plugin.core.clock import parse_instant
from plugin.core.database.bulk import among, insert_rows, run
from plugin.core.errors import Invalid
from plugin.enrolment.codes import CERTIFIED, EXPIRED, INACTIVE_HOLDS, WINDOW_OPEN, WITHDRAWN
from plugin.enrolment.earlier_rows import KEPT, NO_QUESTION, QUESTION, EarlierRows, changes_of, exact_since
from plugin.enrolment.facts import NEVER, NONE, Facts, Ints, read_facts
from plugin.enrolment.terms import from_definition
from plugin.population.columns import one_of
from plugin.reports.asking import learner_sets
from plugin.reports.asking.filters import day_bounds
from plugin.reports.asking.question import Question
from plugin.reports.asking.reader import Asker
from plugin.reports.asking.unknown import RefusedReport
from plugin.reports.history_learners import temporary_table

ROWS, QUESTIONS = "past_enrolment", "past_exception"
_SMALL = ("state", "hold")
_TABLES = MetaData()
_ROWS = Table(
    ROWS, _TABLES,
    *(Column(name, Integer) for name in ("host_id", "certification", "person")),
    *(Column(name, SmallInteger if name in _SMALL else BigInteger) for name in KEPT),
)  # fmt: skip
_QUESTIONS = Table(
    QUESTIONS, _TABLES, *(Column(name, Integer) for name in ("host_id", "certification", "person", "type"))
)


@dataclass(frozen=True)
class Moment:
    """The day asked about.

    :ivar at: its last second, or the instant named. ``over``: it lies behind us. ``final``: and all is settled.
    :ivar exact: everything that changed since then was kept. ``zone``: the host's then.
    """

    at: int
    over: bool
    final: bool
    exact: bool
    zone: str

    @property
    def words(self) -> str:
        """What is to be said beside the day; nothing of a day that is over, settled and kept."""
        if not self.over:
            return ", not over yet"
        if not self.final:
            return ", not final"
        return "" if self.exact else ", before changes were kept"


def moment_of(asker: Asker, text: str) -> Moment:
    """Read ``as_of``.

    :raises Refused: for what is no day, and for a day to come.
    """
    zones = _Zones(asker)
    if len(text) == 10:
        start, following = zones.bounds(text)
        end = following - 1
        if start > asker.now:
            raise RefusedReport(f"'{text}' is still to come; a report tells how things stood.")
    else:
        try:
            end = parse_instant(text)
        except (Invalid, OverflowError):
            raise RefusedReport(
                f"'{text}' is neither a day such as 2027-03-31 nor a time such as 2027-03-31T17:00:00Z."
            ) from None
        if end > asker.now:
            raise RefusedReport(f"'{text}' is still to come; a report tells how things stood.")
    over = end < asker.now
    at = min(end, asker.now)
    exact = at >= exact_since(asker.session, asker.host_id)
    return Moment(at, over, over and _settled(asker, at), exact, zones.at(at))


class _Zones:
    """The host's time zone at each instant, by the history."""

    def __init__(self, asker: Asker) -> None:
        sql = "SELECT at, CAST(data AS TEXT) FROM journal WHERE host_id = ? AND what = 'zone_changed' ORDER BY n DESC"
        self._now = asker.zone
        self._changes = [(at, json.loads(data)["before"]) for at, data in asker.rows(sql, asker.host_id)]

    def at(self, instant: int) -> str:
        """The zone at an instant."""
        zone = self._now
        for at, before in self._changes:
            if at <= instant:
                break
            zone = before
        return str(zone)

    def bounds(self, day: str) -> tuple[int, int]:
        """The first second of a day in the zone in which it ended first, and the first of the next.

        :raises Refused: for what is no day.
        """
        for zone in dict.fromkeys([*(before for _at, before in reversed(self._changes)), self._now]):
            found = day_bounds(day, zone)
            if self.at(found[1] - 1) == zone:
                return found
        return day_bounds(day, self._now)


def _settled(asker: Asker, at: int) -> bool:
    """Whether nothing that belongs to that time waits."""
    owed = "SELECT 1 FROM change WHERE host_id = ? AND settled < seq AND at <= ? LIMIT 1"
    saves = "SELECT 1 FROM settling WHERE host_id = ? AND state <> 'done' AND as_of <= ? LIMIT 1"
    clock = "SELECT 1 FROM host_clock WHERE host_id = ? AND as_of < ?"
    return not any(asker.rows(sql, asker.host_id, at) for sql in (owed, saves, clock))


def asker_as_of(asker: Asker, question: Question) -> tuple[Asker, Moment]:
    """Somebody who asks in that moment: the rows as they stood, in temporary tables.

    :raises Refused: for a moment that cannot be asked about.
    """
    moment = moment_of(asker, question.as_of)
    known = learner_sets.certifications(asker)
    named = [value for name, value in question.filters if name == "certification"]
    codes = named if named and all(code in known for code in named) else list(known)
    temporary_table(asker, ROWS, ", ".join([
        "host_id INT, certification INT, person INT", *(f"{name} {'SMALLINT' if name in _SMALL else 'BIGINT'}" for name in KEPT),
    ]))  # fmt: skip
    temporary_table(asker, QUESTIONS, "host_id INT, certification INT, person INT, type INT")
    settings: dict[int, object] = {}
    includes: dict[int, str | None] = {}
    exclusions: dict[int, tuple[Exclusion, ...]] = {}
    saved = []
    for number in sorted(known[code] for code in codes):
        definition = _definition(asker, number, moment.at)
        if definition is None:
            continue  # before its first save there is nobody
        saved.append(number)
        _fill(asker, number, moment.at, definition, moment.zone)
        for assignment, row in _rows_then(asker, number, definition):
            settings[assignment], includes[assignment] = row.due, row.include or None
            if row.exclusions:
                exclusions[assignment] = row.exclusions
    _index(asker)
    rows, questions = (
        _then_and_still(ROWS, "enrolment", KEPT, saved),
        _then_and_still(QUESTIONS, "exception", ("type",), saved),
    )
    memo = {
        name: value for name, value in asker.memo.items() if name != "assignments"
    }  # they were called otherwise then
    memo |= {"settings_then": settings, "includes_then": includes, "exclusions_then": exclusions}
    memo |= {"saved_then": frozenset(saved)}
    made = replace(asker, now=moment.at, as_of=moment.at, enrolment=rows, exception=questions, memo=memo)
    made.zone = moment.zone
    return made, moment


def _index(asker: Asker) -> None:
    for name in (ROWS, QUESTIONS):
        run(asker.session, f"CREATE INDEX {name}_key ON {name} (certification, person)")
        if not asker.sqlite:
            run(asker.session, f"ANALYZE {name}")


def _then_and_still(table: str, present: str, columns: Sequence[str], certifications: Sequence[int]) -> str:
    """Rows that were other then, and those of now that were not, as a table in a statement."""
    listed = ", ".join(("host_id", "certification", "person", *columns))
    some = ", ".join(map(str, certifications)) or "NULL"
    there = f"state <> {NEVER}" if table == ROWS else f"type <> {NO_QUESTION}"
    return (
        f"(SELECT {listed} FROM {table} WHERE {there} UNION ALL SELECT {listed} FROM {present} q"
        f" WHERE q.host_id = {{host}} AND q.certification IN ({some}) AND NOT EXISTS"
        f" (SELECT 1 FROM {ROWS} z WHERE z.certification = q.certification AND z.person = q.person))"
    )


def _definition(asker: Asker, number: int, at: int) -> Definition | None:
    sql = "SELECT max(n) FROM version WHERE host_id = ? AND certification = ? AND at <= ?"
    [(version,)] = asker.rows(sql, asker.host_id, number, at)
    return definition_of(asker.session, asker.host_id, number, version) if version else None


def _rows_then(asker: Asker, number: int, definition: Definition) -> list[tuple[int, AssignmentDef]]:
    """What each assignment's row said then, by our id."""
    sql = "SELECT id, type, target FROM assignment WHERE host_id = ? AND certification = ?"
    ids = {(row[1], row[2]): row[0] for row in asker.rows(sql, asker.host_id, number)}
    return [(ids[row.type, row.target], row) for row in definition.assignments if (row.type, row.target) in ids]


def _fill(asker: Asker, number: int, at: int, definition: Definition, zone: str) -> None:
    """One certification's rows of then, as far as they differ from those of now."""
    changes = list(changes_of(asker.session, asker.host_id, number, after=at))
    sql = "SELECT person FROM enrolment WHERE host_id = ? AND certification = ? AND wakes <= ?"
    woken = [row[0] for row in asker.rows(sql, asker.host_id, number, at)]
    touched = np.unique(np.concatenate([np.array(woken, np.int64), *(one.person[one.at > at] for one in changes)]))
    if not len(touched):
        return
    facts, questions = _undone(asker, number, at, touched, changes)
    terms = from_definition(asker.host_id, number, 1, definition, zone)
    by_the_clock(facts, at, live=terms.live(at))
    keys = {"host_id": asker.host_id, "certification": number, "person": facts.person}
    insert_rows(asker.session, _ROWS, {**keys, **{name: getattr(facts, name) for name in KEPT}})
    asked = (questions != NO_QUESTION) & (facts.state > WITHDRAWN)
    kinds = np.where(asked, questions, NO_QUESTION)
    insert_rows(asker.session, _QUESTIONS, {**keys, "type": kinds})


def _undone(asker: Asker, number: int, at: int, people: Ints, changes: list[EarlierRows]) -> tuple[Facts, Ints]:
    """The rows and open questions of these people as recorded by then; ``state`` is ``NEVER`` for who had no row yet."""
    facts = read_facts(asker.session, asker.host_id, number, people).copy()
    sql = f"SELECT person, type FROM exception WHERE host_id = ? AND certification = ? AND {among('person', people)}"
    asked = dict(asker.rows(sql, asker.host_id, number))
    questions = np.array([asked.get(person, NO_QUESTION) for person in people.tolist()], np.int64)
    for change in changes:
        later = change.at > at
        places = people.searchsorted(change.person[later])
        for name, before in change.columns.items():
            if name == QUESTION:
                questions[places] = before[later]
            else:
                getattr(facts, name)[places] = before[later]
    return facts, questions


def by_the_clock(facts: Facts, at: int, *, live: bool) -> None:
    """What time alone does, at its own instant, in place: grace over, the window opens, the certificate expires."""
    active = (facts.state > WITHDRAWN) & ~one_of(facts.hold, INACTIVE_HOLDS)
    if live:
        over = active & (facts.leaves_on != NONE) & (facts.leaves_on <= at) & (facts.frozen_since == NONE)
        facts.ended[over] = facts.leaves_on[over]
        facts.state[over] = WITHDRAWN
        facts.leaves_on[over] = NONE
        facts.why[over] = facts.hold[over] = 0
        active &= ~over
    opened = active & (facts.state == CERTIFIED) & (facts.window_opens != NONE) & (facts.window_opens <= at)
    facts.state[opened] = WINDOW_OPEN
    expired = active & (facts.state == WINDOW_OPEN) & (facts.expires != NONE) & (facts.expires <= at)
    facts.state[expired] = EXPIRED
