"""A learner opens a course from Muster; where seats wait for that, this is when hers is wanted (rules 7.2)."""

from __future__ import annotations

import numpy as np
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.rules import cycle
from plugin.core.errors import RefusedByRule
from plugin.core.host_time import move_on
from plugin.core.ids import read_clock, upsert_for
from plugin.core.runtime import Runtime
from plugin.enrolment.facts import read_facts
from plugin.enrolment.reading.snapshot import Snapshot
from plugin.enrolment.rules.lifecycle import completions_of, state_of
from plugin.enrolment.settling.seat_claims import Share, claim_seats
from plugin.enrolment.tables import OpenedCourse
from plugin.enrolment.terms import terms_of
from plugin.enrolment.views.unreachable import HIDDEN, UNTRACKED, course_problem
from plugin.mirror.tables import ACTIVE, Course, Person


def open_course(runtime: Runtime, host_id: int, certification: int, person: int, course: str) -> str:
    """Note that she opened a course (the host's id), want her seat in it, and return the course's address.

    :raises RefusedByRule: when the course is not open to her now.
    """
    move_on(runtime, host_id)
    return runtime.db.transact(lambda session: _open(session, runtime, host_id, certification, person, course))


def open_to(session: Session, host_id: int, certification: int, person: int) -> frozenset[str]:
    """The courses (the host's ids) that are open to her in a certification now; none while she is not active in it."""
    _seq, as_of = read_clock(session, host_id)
    facts = read_facts(session, host_id, certification, np.array([person], np.int64))
    terms = terms_of(session, host_id, certification)
    if not facts.active.any() or not terms.live(as_of):
        return frozenset()
    told = cycle.CycleFacts(completions=completions_of(session, terms, facts.person).get(person, {}))
    return cycle.open_courses(state_of(facts, 0), told, terms.content, as_of)


def _open(session: Session, runtime: Runtime, host_id: int, certification: int, person: int, course: str) -> str:
    _seq, as_of = read_clock(session, host_id, share=True)
    row = session.scalars(select(Course).where(Course.host_id == host_id, Course.ext == course, ~Course.gone)).first()
    known = session.get(Person, (host_id, person))
    facts = read_facts(session, host_id, certification, np.array([person], np.int64))
    if row is None or known is None or known.state != ACTIVE or not facts.active.any():
        raise RefusedByRule(_("This course is not open to you now."))
    if course_problem(row.gone, row.visible, row.completion, row.criteria) in (UNTRACKED, HIDDEN):
        raise RefusedByRule(_("This course cannot be completed at the moment. Your administrator has been told."))
    terms = terms_of(session, host_id, certification)
    done = completions_of(session, terms, facts.person)
    told = cycle.CycleFacts(completions=done.get(person, {}))
    if not terms.live(as_of) or course not in cycle.open_courses(state_of(facts, 0), told, terms.content, as_of):
        raise RefusedByRule(_("This course is not open to you now."))
    if terms.enrol == "on_open":
        at = max(as_of, runtime.clock.now())
        note = upsert_for(session)(OpenedCourse).values(
            host_id=host_id, certification=certification, person=person, course=row.id, at=at
        )
        session.execute(note.on_conflict_do_nothing())
        session.flush()
        claim_seats([Share(Snapshot(session, host_id, [certification]), terms, facts, facts, done, as_of, at)])
    return row.url
