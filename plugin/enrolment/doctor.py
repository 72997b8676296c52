"""The doctor: asserts that everything stored is true (DESIGN, "What makes it true" 10)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pyroaring import BitMap
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from plugin.certifications.resolve import Rule, matches_of, resolve, rules_of
from plugin.certifications.tables import Certification
from plugin.core.runtime import Runtime
from plugin.delivery.seats import is_owed
from plugin.delivery.tables import IN
from plugin.enrolment.chunk import decide, prepare
from plugin.enrolment.claims import claims_of
from plugin.enrolment.facts import read_facts
from plugin.enrolment.inputs import Cause
from plugin.enrolment.lifecycle import completions_of, course_ids
from plugin.enrolment.owing import owed_people
from plugin.enrolment.step import NO_TYPE
from plugin.enrolment.terms import terms_of
from plugin.mirror.connections import active_hosts
from plugin.population.sets import Population, population, population_read, population_stored

HOUR = 3600
_SAMPLE = 500


def examine(runtime: Runtime, *, deep: bool = False, only: int | None = None) -> list[str]:
    """Every problem found, a sentence each.

    :param deep: recompute every learner and every seat; without it only what one query shows. :param only: this host.
    """
    problems: list[str] = []
    with runtime.db.read() as session:
        for host_id in active_hosts(session) if only is None else (only,):
            problems += _shallow(session, runtime, host_id)
            if deep and not owed_people(session, host_id, 1):
                problems += _deep(session, host_id)
    return problems


def _shallow(session: Session, runtime: Runtime, host_id: int) -> list[str]:
    problems = []
    checks = {
        "{n} seats have been unknown for more than an hour": (
            "SELECT count(*) FROM seat WHERE host_id = :host AND confirmed = 3 AND parked IS NULL AND changed < :hour_ago"
        ),
        "{n} learners are held by an exception that does not exist": (
            "SELECT count(*) FROM enrolment e WHERE e.host_id = :host AND e.hold = 1 AND e.state > 0 AND NOT EXISTS"
            " (SELECT 1 FROM exception x WHERE x.host_id = e.host_id AND x.certification = e.certification"
            " AND x.person = e.person)"
        ),
        "{n} exceptions belong to nobody who is enrolled": (
            "SELECT count(*) FROM exception x WHERE x.host_id = :host AND NOT EXISTS (SELECT 1 FROM enrolment e WHERE"
            " e.host_id = x.host_id AND e.certification = x.certification AND e.person = x.person AND e.state > 0)"
        ),
        "{n} people wait to be settled": "SELECT count(*) FROM change WHERE host_id = :host AND settled < seq",
        "{n} saves wait to be settled": "SELECT count(*) FROM settling WHERE host_id = :host AND state <> 'done'",
    }
    for sentence, sql in checks.items():
        count = session.execute(text(sql), {"host": host_id, "hour_ago": runtime.clock.now() - HOUR}).scalar_one()
        if count:
            problems.append(sentence.format(n=count) + ".")
    return problems


def _deep(session: Session, host_id: int) -> list[str]:
    problems: list[str] = []
    people = population_read(session, host_id)
    others = {
        "the sets this process keeps": population(session, host_id),
        "the stored sets": population_stored(session, host_id),
    }
    wanted: dict[tuple[int, int], bool] = {}
    rows = session.scalars(select(Certification).where(Certification.host_id == host_id))
    for row in rows.all():
        terms = terms_of(session, host_id, row.id)
        matched: BitMap = BitMap()
        for rule in rules_of(session, host_id, row.id):
            matched |= resolve(session, people, rule.key)
            problems += _same_sets(session, rule, people, others)
            problems += _same_person_wise(
                session, host_id, people.as_of, rule.id, rule.name, resolve(session, people, rule.key)
            )
        stored = read_facts(session, host_id, row.id, None)
        everyone = np.array(matched | BitMap(stored.person[stored.live].astype(np.uint32)), dtype=np.int64)
        cause = Cause(otherwise=people.as_of)
        work = prepare(session, people, row.id, everyone, cause)
        outcome, _writing = decide(work, cause, BitMap())
        differing = outcome.facts.differs(work.facts) | (outcome.raised != work.given.questions.type)
        differing &= ~(
            (outcome.raised == NO_TYPE) & (work.given.questions.type == NO_TYPE) & ~outcome.facts.differs(work.facts)
        )
        if differing.any():
            listed = ", ".join(str(one) for one in everyone[differing][:5].tolist())
            problems.append(f"{row.code}: settling again would change {int(differing.sum())} learners ({listed}).")
        done = completions_of(session, terms, stored.person)
        ids = course_ids(session, host_id, terms.courses)
        for course, claimed in claims_of(session, terms, stored, done, people.as_of).items():
            for person in claimed:
                wanted[ids[course], person] = True
    return problems + _seats(session, host_id, wanted)


def _same_sets(session: Session, rule: Rule, people: Population, others: Mapping[str, Population | None]) -> list[str]:
    """A base and what changed since say the same as the rows (DESIGN, point 2)."""
    found = resolve(session, people, rule.key)
    return [
        f"{rule.name}: {len(found ^ differing)} learners differ between the rows and {name}."
        for name, other in others.items()
        if other is not None and (differing := resolve(session, other, rule.key)) != found
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


def _seats(session: Session, host_id: int, wanted: dict[tuple[int, int], bool]) -> list[str]:
    problems = []
    wrong = owed_wrong = 0
    found: set[tuple[int, int]] = set()
    for course, person, want, confirmed, origin, owed, leave, call in session.execute(
        text("SELECT course, person, wanted, confirmed, origin, owed, leave, call FROM seat WHERE host_id = :host"),
        {"host": host_id},
    ):
        found.add((course, person))
        claimed = (course, person) in wanted
        # A seat nobody claims may stay wanted only where the policy keeps it.
        wrong += (claimed and want != IN) or (not claimed and want == IN and leave != 3)
        owed_wrong += not call and confirmed != 3 and bool(owed) != is_owed(want, confirmed, origin)
    missing = len(wanted.keys() - found)
    for count, sentence in (
        (wrong, "{n} seats want something else than the enrolments say."),
        (missing, "{n} seats are missing."),
        (owed_wrong, "{n} seats are owed and should not be, or the other way round."),
    ):
        if count:
            problems.append(sentence.format(n=count))
    return problems
