"""Jobs that begin at one midnight, beside a save for as many learners.

And what the daily check finds after everything: it has to be nothing.
"""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
from sqlalchemy import text

from plugin.certifications.definition import AssignmentDef, Definition, Proposal
from plugin.core.clock import Clock
from plugin.core.database.bulk import insert_rows
from plugin.core.ids import take_ids
from plugin.core.runtime import Runtime
from plugin.enrolment.checking.daily import EVERY, check_daily
from plugin.enrolment.saving.save import Choices, save
from plugin.enrolment.settling.people import settle_people
from plugin.enrolment.settling.saves import settle_certifications
from plugin.enrolment.settling.tick import tick
from plugin.jobs.catch_up import catch_up
from plugin.mirror.changes import stamp
from plugin.mirror.pulling.unit_trees import renumber
from plugin.mirror.tables import Audience, AudienceMember, Job, Unit
from tests.bench.company import HOST, Company
from tests.bench.meter import begun

UNIT, AUDIENCE, DAY = 900_001, 900_002, 86_400
AT_MOST = 5_000
TOLD = ({"when": "assigned", "to": ["learner"]},)


def prepare(runtime: Runtime, company: Company) -> int:
    """A unit that nobody works in until the next midnight, and an audience of the same people; returns how many."""
    many, now = min(AT_MOST, company.people // 2), runtime.clock.now()
    people = np.arange(1, many + 1)
    names = [f"night{n}" for n in people]
    with runtime.db.write() as session:
        session.add(Unit(host_id=HOST, id=UNIT, ext="o-night", kind="organisation", framework="f", name="Night"))
        session.add(Audience(host_id=HOST, id=AUDIENCE, ext="a-night", name="Night"))
        session.flush()
        first = take_ids(session, HOST, "job", many)
        kept = {"host_id": HOST, "id": first - 1 + people, "ext": names, "person": people, "person_ext": names}
        insert_rows(session, Job, {**kept, "organisation": UNIT, "organisation_ext": "o-night", "starts": night(now)})
        insert_rows(
            session, AudienceMember,
            {"host_id": HOST, "id": 10_000_000 + people, "ext": names, "audience": AUDIENCE, "person": people},
        )  # fmt: skip
        stamp(session, HOST, people.tolist(), now)
        renumber(session, HOST)
    settle_people(runtime, HOST)
    return many


def night(now: int) -> int:
    """The next midnight of UTC."""
    return now - now % DAY + DAY


def a_save(runtime: Runtime) -> float:
    """Milliseconds of a save for these people, and of settling it."""
    gc.collect()  # what was built before is swept by neither of the two
    passed = begun()
    save(runtime, HOST, [_proposal("BYSAVE", "audience", "a-night", "c398")], who="bench", choices=Choices())
    settle_certifications(runtime, HOST)
    return passed()


def a_midnight(runtime: Runtime) -> tuple[Runtime, float]:
    """The runtime after midnight, and milliseconds in which a worker settled everybody whose job began."""
    save(runtime, HOST, [_proposal("BYNIGHT", "organisation", "o-night", "c399")], who="bench", choices=Choices())
    settle_certifications(runtime, HOST)
    later = replace(runtime, clock=Clock(night(runtime.clock.now()) + 60))
    gc.collect()
    passed = begun()
    tick(later, HOST)
    while settle_certifications(later, HOST) + settle_people(later, HOST):
        pass
    taken = passed()
    while catch_up(later, HOST) + settle_certifications(later, HOST) + settle_people(later, HOST):
        pass
    return later, taken


def enrolled(runtime: Runtime, code: str) -> int:
    """How many learners a certification has."""
    sql = (
        "SELECT count(*) FROM enrolment e JOIN certification c ON c.host_id = e.host_id AND c.id = e.certification"
        " WHERE e.host_id = :host AND c.code = :code AND e.state > 0"
    )
    with runtime.db.read() as session:
        return int(session.execute(text(sql), {"host": HOST, "code": code}).scalar_one())


def drift(runtime: Runtime) -> int:
    """How many differences the daily check finds a day later."""
    check_daily(runtime, HOST)  # its day begins
    later = replace(runtime, clock=Clock(runtime.clock.now() + EVERY + 60))
    while catch_up(later, HOST) + settle_certifications(later, HOST) + settle_people(later, HOST):
        pass
    return check_daily(later, HOST)


def _proposal(code: str, kind: str, target: str, course: str) -> Proposal:
    rows = (AssignmentDef(kind, target, "", "none"),)
    content = {"certification": [{"name": "Core", "courses": [course], "needs": "all"}]}
    made = Definition(code=code, name=code, state="live", assignments=rows, content=content, notifications=TOLD)
    return Proposal(made, 0, None)
