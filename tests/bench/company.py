"""A seeded company of any size, written straight into the mirror's tables.

Shaped like a large employer: 5,000 organisations to depth 8 (fewer where people are few), 500 positions, 2,000
audiences of which 100 are large, 1.1 jobs a person, an eighth of the jobs with reports, lines ten deep.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef, Definition, Proposal
from plugin.core.database.bulk import NULL, insert_rows
from plugin.core.runtime import Runtime
from plugin.core.tables import Counter, Host, HostClock
from plugin.enrolment.saving.save import Choices, save
from plugin.mirror.pulling.unit_trees import recount, renumber
from plugin.mirror.tables import Audience, AudienceMember, Course, Job, Person, Unit

HOST = 1
REPORTS = 8
"""Direct reports of a manager."""
COURSES = 400


@dataclass(frozen=True)
class Company:
    """What there is, by number: ids run from 1."""

    people: int
    jobs: int
    organisations: int
    positions: int
    audiences: int


def build(runtime: Runtime, people: int, seed: int = 42) -> Company:
    """People, trees, reporting lines and audiences; nobody is assigned anything."""
    rng = np.random.default_rng(seed)
    company = Company(people, people + people // 10, min(5000, max(40, people // 20)), min(500, max(20, people // 40)),
                      min(2000, max(20, people // 50)))  # fmt: skip
    with runtime.db.write() as session:
        session.add(Host(id=HOST, name="bench", title="Bench", time_zone="UTC", settings={}))
        session.add(HostClock(host_id=HOST, seq=1, as_of=runtime.clock.now()))
        session.add_all(Course(host_id=HOST, id=n, ext=f"c{n}", name=f"Course {n}") for n in range(1, COURSES + 1))
        session.flush()
        ids = np.arange(1, people + 1)
        insert_rows(
            session,
            Person,
            {
                "host_id": HOST,
                "id": ids,
                "ext": _named("u", ids),
                "name": _named("Person ", ids),
                "state": 0,
                "username": _named("u", ids),
            },
        )
        _units(session, company, rng)
    with runtime.db.write() as session:
        _jobs(session, company, rng)
        _audiences(session, company, rng)
        for name, value in (
            ("person", people),
            ("job", company.jobs),
            ("unit", 6000),
            ("audience", company.audiences + 1),
        ):
            session.merge(Counter(host_id=HOST, name=name, value=value))
    with runtime.db.write() as session:
        renumber(session, HOST)
        recount(session, HOST)
    analyse(runtime)
    return company


def analyse(runtime: Runtime) -> None:
    """PostgreSQL plans by statistics; autovacuum would have gathered them."""
    if not runtime.db.sqlite:
        with runtime.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def _named(prefix: str, ids: np.ndarray) -> list[str]:
    return [f"{prefix}{n}" for n in ids.tolist()]


def _units(session: Session, company: Company, rng: np.random.Generator) -> None:
    """Every organisation hangs under one with a number an eighth to a half of its own: depth grows like a logarithm."""
    n = np.arange(1, company.organisations + 1)
    above = np.maximum(1, (n * rng.uniform(0.15, 0.5, len(n))).astype(np.int64))
    parents = ["" if k == 1 else f"o{p}" for k, p in zip(n.tolist(), above.tolist(), strict=True)]
    insert_rows(
        session,
        Unit,
        {
            "host_id": HOST,
            "id": n,
            "ext": _named("o", n),
            "kind": "organisation",
            "framework": "bu",
            "name": _named("Unit ", n),
            "parent_ext": parents,
        },
    )
    n = np.arange(1, company.positions + 1)
    insert_rows(
        session,
        Unit,
        {
            "host_id": HOST,
            "id": n + company.organisations,
            "ext": _named("p", n),
            "kind": "position",
            "framework": "pos",
            "name": _named("Position ", n),
            "parent_ext": "",
        },
    )


def _jobs(session: Session, company: Company, rng: np.random.Generator) -> None:
    ids = np.arange(1, company.jobs + 1)
    person = np.concatenate(
        [np.arange(1, company.people + 1), rng.integers(1, company.people + 1, company.jobs - company.people)]
    )
    organisation = rng.integers(1, company.organisations + 1, company.jobs)
    position = rng.integers(1, company.positions + 1, company.jobs)
    boss = np.where(ids > 1, (ids - 2) // REPORTS + 1, NULL)
    insert_rows(
        session,
        Job,
        {
            "host_id": HOST, "id": ids, "ext": _named("j", ids), "person": person, "person_ext": _named("u", person),
            "organisation": organisation, "organisation_ext": _named("o", organisation),
            "position": position + company.organisations, "position_ext": _named("p", position),
            "manager_job": boss, "manager_job_ext": [f"j{b}" if b > 0 else "" for b in boss.tolist()],
        },
    )  # fmt: skip


def _audiences(session: Session, company: Company, rng: np.random.Generator) -> None:
    n = np.arange(1, company.audiences + 1)
    insert_rows(session, Audience, {"host_id": HOST, "id": n, "ext": _named("a", n), "name": _named("Audience ", n)})
    audience, person = [], []
    for number in n.tolist():
        size = company.people // 50 if number <= company.audiences // 20 else max(2, company.people // 4000)
        found = np.unique(rng.integers(1, company.people + 1, size))
        audience.append(np.full(len(found), number))
        person.append(found)
    ten = np.sort(rng.permutation(np.arange(1, company.people + 1))[:10_000])
    insert_rows(session, Audience, {"host_id": HOST, "id": [len(n) + 1], "ext": "a-ten", "name": "Ten thousand"})
    audience.append(np.full(len(ten), len(n) + 1))
    person.append(ten)
    audiences, people = np.concatenate(audience), np.concatenate(person)
    ids = np.arange(1, len(people) + 1)
    named = [f"a{a}" if a <= len(n) else "a-ten" for a in audiences.tolist()]
    insert_rows(
        session,
        AudienceMember,
        {
            "host_id": HOST,
            "id": ids,
            "ext": _named("m", ids),
            "audience": audiences,
            "audience_ext": named,
            "person": people,
            "person_ext": _named("u", people),
        },
    )


def certify(runtime: Runtime, company: Company, certifications: int = 200, seed: int = 43) -> None:
    """Save certifications with some twenty assignments each, all types; three reach the whole company. Not settled."""
    rng = np.random.default_rng(seed)
    for first in range(0, certifications, 20):
        numbers = range(first, min(first + 20, certifications))
        save(runtime, HOST, [_certification(company, rng, n) for n in numbers], who="bench", choices=Choices())


def _certification(company: Company, rng: np.random.Generator, number: int) -> Proposal:
    fixed = {"fixed": "2027-11-01"}
    after = {"after": "enrolment", "add": "90 days"}
    rows = {}
    if number % 70 == 0:
        rows["organisation", "o1"] = AssignmentDef("organisation", "o1", "below", "none")
    for turn in range(20):
        due = ("none", fixed, after)[turn % 3]
        kind = ("organisation", "position", "audience", "manager", "individual")[turn % 5]
        high = rng.uniform() ** 1.35  # near the top of the trees, where large assignments are made
        there_are = {"organisation": company.organisations, "position": company.positions,
                     "audience": company.audiences, "manager": max(2, company.jobs // REPORTS),
                     "individual": company.people}[kind]  # fmt: skip
        target = 1 + int(high * there_are)
        name = {"organisation": "o", "position": "p", "audience": "a", "manager": "j", "individual": "u"}[kind]
        include = {"organisation": "below", "manager": "below" if turn % 2 else "direct"}.get(kind, "")
        rows[kind, f"{name}{target}"] = AssignmentDef(kind, f"{name}{target}", include, due)
    content = {"certification": [{"name": "Core", "courses": [f"c{2 * number + 1}"], "needs": "all"}]}
    definition = Definition(code=f"C{number}", name=f"Certification {number}", state="live", content=content,
                            assignments=tuple(rows.values()))  # fmt: skip
    return Proposal(definition, 0, None)
