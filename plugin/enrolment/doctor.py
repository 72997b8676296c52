"""The doctor: asserts that everything stored is true (design point 10).

What is *wrong* is told apart from what is merely *waiting*: people owed a look, saves to be settled, seats
owed. Waiting is no fault; it is what a worker does next.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pyroaring import BitMap
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from plugin.certifications.resolve import Rule, matched_by, matches_of, rules_of
from plugin.certifications.tables import Certification
from plugin.core.clock import format_instant
from plugin.core.database.tenant import inside
from plugin.core.ids import read_clock
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.delivery.tables import UNKNOWN
from plugin.enrolment.checking.learners import CheckedLearners, in_parts
from plugin.enrolment.checking.places import of_courses
from plugin.enrolment.codes import HELD_BY_EXCEPTION, WITHDRAWN
from plugin.enrolment.settling.owed_looks import owed_people
from plugin.enrolment.settling.tick import people_waiting
from plugin.mirror.connections.store import active_hosts
from plugin.mirror.lookup.browse import names_of_people
from plugin.population.sets import Population, population, population_read, population_stored

HOUR = 3600
WRONG, WAITING = "wrong", "waiting"
_SAMPLE = 500
_NAMED = 20
"""Learners of a certification who are named one by one; of more the number is said."""
_EVERYBODY = 10_000_000
_FAULTS = {
    "{n} seats have been unknown for more than an hour": (
        f"SELECT count(*) FROM seat WHERE host_id = :host AND confirmed = {UNKNOWN} AND parked IS NULL AND changed < :hour_ago"
    ),
    "{n} learners are held by an exception that does not exist": (
        f"SELECT count(*) FROM enrolment e WHERE e.host_id = :host AND e.hold = {HELD_BY_EXCEPTION} AND e.state > {WITHDRAWN}"
        " AND NOT EXISTS"
        " (SELECT 1 FROM exception x WHERE x.host_id = e.host_id AND x.certification = e.certification"
        " AND x.person = e.person)"
    ),
    "{n} exceptions belong to nobody who is enrolled": (
        "SELECT count(*) FROM exception x WHERE x.host_id = :host AND NOT EXISTS (SELECT 1 FROM enrolment e WHERE"
        f" e.host_id = x.host_id AND e.certification = x.certification AND e.person = x.person AND e.state > {WITHDRAWN})"
    ),
}
_UNSETTLED = {
    "{n} people wait to be settled": "SELECT count(*) FROM change WHERE host_id = :host AND settled < seq",
    "{n} saves wait to be settled": "SELECT count(*) FROM settling WHERE host_id = :host AND state <> 'done'",
}
_OWED = {
    "{n} seats wait for the host": "SELECT count(*) FROM seat WHERE host_id = :host AND owed AND parked IS NULL",
}


@dataclass(frozen=True)
class Finding:
    """One thing found.

    :ivar kind: ``wrong`` or ``waiting``. :ivar unsettled: a waiting that only the host's answer does not end.
    :ivar stored: of a learner, what her row says, and ``would`` what it would say, where these differ.
    """

    kind: str
    sentence: str
    host: str
    count: int = 1
    certification: str | None = None
    person: str | None = None
    stored: dict[str, Any] = field(default_factory=dict)
    would: dict[str, Any] = field(default_factory=dict)
    unsettled: bool = False

    def to_json(self) -> dict[str, Any]:
        """As ``doctor --json`` prints it."""
        found = asdict(self)
        del found["unsettled"]
        return found


def examine(runtime: Runtime, *, deep: bool = False, only: int | None = None) -> list[str]:
    """What is wrong, and what is not settled yet, a sentence each; the parameters are those of :func:`diagnose`."""
    found = diagnose(runtime, deep=deep, only=only)
    return [one.sentence for one in found if one.kind == WRONG or one.unsettled]


def diagnose(runtime: Runtime, *, deep: bool = False, only: int | None = None) -> list[Finding]:
    """Everything found, what is wrong first.

    :param deep: recompute every learner and every seat; without it only what one query shows. :param only: this host.
    """
    found: list[Finding] = []
    with runtime.db.read() as session:
        hosts = active_hosts(session) if only is None else [only]
    for host_id in hosts:
        with inside(host_id), runtime.db.read() as session:
            name = str(session.scalar(select(Host.name).where(Host.id == host_id)) or host_id)
            found += _shallow(session, runtime, host_id, name)
            if deep:
                found += _deep(session, host_id, name)
    return sorted(found, key=lambda one: one.kind == WAITING)


def _shallow(session: Session, runtime: Runtime, host_id: int, name: str) -> Iterator[Finding]:
    now = runtime.clock.now()
    for kind, unsettled, checks in ((WRONG, False, _FAULTS), (WAITING, True, _UNSETTLED), (WAITING, False, _OWED)):
        for sentence, sql in checks.items():
            values = {"host": host_id, **({"hour_ago": now - HOUR} if ":hour_ago" in sql else {})}
            count = session.execute(text(sql), values).scalar_one()
            if count:
                yield Finding(kind, sentence.format(n=count) + ".", name, count, unsettled=unsettled)
    _seq, as_of = read_clock(session, host_id)
    if count := people_waiting(session, host_id, as_of, now):
        sentence = f"{count} people wait for the time, which stands at {format_instant(as_of)}: no worker moved it on."
        yield Finding(WAITING, sentence, name, count)


def _deep(session: Session, host_id: int, name: str) -> Iterator[Finding]:
    people = population_read(session, host_id)
    others = {
        "the sets this process keeps": population(session, host_id),
        "the stored sets": population_stored(session, host_id),
    }
    owed = BitMap(owed_people(session, host_id, _EVERYBODY))
    pending = set(session.scalars(text("SELECT certification FROM settling WHERE host_id = :h AND state <> 'done'"),
                                  {"h": host_id}))  # fmt: skip
    for row in session.scalars(select(Certification).where(Certification.host_id == host_id)).all():
        for rule in rules_of(session, host_id, row.id):
            wrong = _same_sets(session, rule, people, others)
            wrong += _same_person_wise(
                session, host_id, people.as_of, rule.id, rule.name, matched_by(session, people, rule)
            )
            yield from (Finding(WRONG, sentence, name, certification=row.code) for sentence in wrong)
        if row.id not in pending:
            yield from _learners(session, people, row, owed, name)
    yield from _seats(session, host_id, people.as_of, name)


def _learners(session: Session, people: Population, row: Certification, owed: BitMap, name: str) -> Iterator[Finding]:
    found: list[tuple[int, CheckedLearners]] = []
    for again in in_parts(session, people, row.id, owed):
        found += [(person, again) for person in again.people()]
    if not found:
        return
    sentence = f"{row.code}: settling again would change {len(found)} learners."
    yield Finding(WRONG, sentence, name, len(found), row.code)
    named = names_of_people(session, people.host_id, [person for person, _again in found[:_NAMED]])
    for person, again in found[:_NAMED]:
        stored, would = again.stored_and_would(person)
        who = named[person].ext if person in named else str(person)
        differences = "; ".join(f"{key} is {stored[key]} and would be {would[key]}" for key in stored)
        yield Finding(WRONG, f"{row.code}: {who}: {differences}.", name, 1, row.code, who, stored, would)


def _same_sets(session: Session, rule: Rule, people: Population, others: Mapping[str, Population | None]) -> list[str]:
    """A base and what changed since say the same as the rows (design point 2)."""
    found = matched_by(session, people, rule)
    return [
        f"{rule.name}: {len(found ^ differing)} learners differ between the rows and {name}."
        for name, other in others.items()
        if other is not None and (differing := matched_by(session, other, rule)) != found
    ]


def _same_person_wise(session: Session, host_id: int, as_of: int, rule: int, name: str, members: BitMap) -> list[str]:
    """The set-wise and the person-wise resolver agree, on a sample."""
    sample = list(members)[:_SAMPLE]
    wrong = [
        person
        for person, rules in matches_of(session, host_id, sample, as_of).items()
        if rule not in {one.id for one in rules}
    ]
    return [f"{name}: {len(wrong)} learners match as a set and not by themselves."] if wrong else []


def _seats(session: Session, host_id: int, as_of: int, name: str) -> Iterator[Finding]:
    missing = wanting = owing = 0
    for course in of_courses(session, host_id, as_of):
        missing += len(course.missing)
        wanting += len(course.wanting)
        owing += len(course.owing)
    for count, sentence in (
        (wanting, "{n} seats want something else than the enrolments say."),
        (missing, "{n} seats are missing."),
        (owing, "{n} seats are owed and should not be, or the other way round."),
    ):
        if count:
            yield Finding(WRONG, sentence.format(n=count), name, count)
