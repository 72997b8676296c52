"""A seeded company of any size, written straight into the mirror's tables."""

from __future__ import annotations

import random
from typing import Any

from sqlalchemy import insert, text

from plugin.core.runtime import Runtime
from plugin.core.tables import Host, HostClock
from plugin.mirror.tables import ACTIVE, Audience, AudienceMember, Course, Job, Person, Unit
from plugin.mirror.trees import recount, renumber

HOST = 1
REPORTS = 8
"""Direct reports of a manager."""
CHUNK = 20_000


def build(runtime: Runtime, people: int, seed: int = 42) -> None:
    """People, an organisation tree, positions, reporting lines and audiences; nobody is assigned anything."""
    rng = random.Random(seed)
    units = max(20, min(5000, people // 100))
    with runtime.db.write() as session:
        session.add(Host(id=HOST, name="bench", title="Bench", time_zone="UTC", settings={}))
        session.add(HostClock(host_id=HOST, seq=1, as_of=runtime.clock.now()))
        session.add_all(
            [Course(host_id=HOST, id=1, ext="c1", name="One"), Course(host_id=HOST, id=2, ext="c2", name="Two")]
        )
    _fill(
        runtime,
        Person,
        [{"id": n, "ext": f"u{n}", "name": f"Person {n}", "state": ACTIVE} for n in range(1, people + 1)],
    )
    rows: list[dict[str, Any]] = [
        {"id": n, "ext": f"o{n}", "kind": "organisation", "framework": "bu", "name": f"Unit {n}",
         "parent_ext": f"o{rng.randint(max(1, n // 4), n - 1)}" if n > 1 else ""}
        for n in range(1, units + 1)
    ]  # fmt: skip
    rows += [
        {
            "id": units + n,
            "ext": f"p{n}",
            "kind": "position",
            "framework": "pos",
            "name": f"Position {n}",
            "parent_ext": "",
        }
        for n in range(1, 51)
    ]
    _fill(runtime, Unit, rows)
    jobs = []
    for n in range(1, people + 1):
        boss = (n - 2) // REPORTS + 1 if n > 1 else None
        organisation, position = rng.randint(1, units), rng.randint(1, 50)
        jobs.append(
            {"id": n, "ext": f"j{n}", "person": n, "person_ext": f"u{n}", "organisation": organisation,
             "organisation_ext": f"o{organisation}", "position": units + position, "position_ext": f"p{position}",
             "manager_job": boss, "manager_job_ext": f"j{boss}" if boss else ""}
        )  # fmt: skip
    _fill(runtime, Job, jobs)
    _fill(runtime, Audience, [{"id": n, "ext": f"a{n}", "name": f"Audience {n}"} for n in range(1, 21)])
    members = []
    for audience in range(1, 21):
        for person in rng.sample(range(1, people + 1), people // 50):
            number = len(members) + 1
            members.append({"id": number, "ext": f"m{number}", "audience": audience, "audience_ext": f"a{audience}",
                            "person": person, "person_ext": f"u{person}"})  # fmt: skip
    _fill(runtime, AudienceMember, members)
    with runtime.db.write() as session:
        renumber(session, HOST)
        recount(session, HOST)
    if not runtime.db.sqlite:
        with runtime.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))


def _fill(runtime: Runtime, table: Any, rows: list[dict[str, Any]]) -> None:
    for first in range(0, len(rows), CHUNK):
        with runtime.db.write() as session:
            session.execute(insert(table), [{"host_id": HOST, **row} for row in rows[first : first + CHUNK]])
