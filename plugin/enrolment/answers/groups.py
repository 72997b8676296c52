"""Self-enrolment groups: joining, leaving, and members by hand; at once, outside drafts (rules 2.5)."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.tables import Assignment, GroupMember
from plugin.core.errors import NotFound, RefusedByRule
from plugin.core.host_time import move_on
from plugin.core.ids import read_clock
from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.enrolment.answers.ended import refuse_ended
from plugin.enrolment.codes import HELD_BY_EXCEPTION, WITHDRAWN
from plugin.enrolment.tables import Enrolment
from plugin.enrolment.terms import terms_of
from plugin.mirror.changes import stamp
from plugin.mirror.tables import ACTIVE, Person


def group_named(session: Session, host_id: int, certification: int, name: str) -> Assignment:
    """A saved group.

    :raises NotFound: when there is none of this name.
    """
    found = session.scalars(
        select(Assignment).where(
            Assignment.host_id == host_id, Assignment.certification == certification, Assignment.type == "group",
            Assignment.target == name, Assignment.live,
        )
    ).first()  # fmt: skip
    if found is None:
        raise NotFound(_("There is no group “%(name)s”.", name=name))
    return found


def join(runtime: Runtime, host_id: int, certification: int, name: str, person: int, *, by: str | None = None) -> None:
    """Put a person into a group.

    :param by: the administrator who does it; ``None``: the learner herself, who may only where the group lets her.
    :raises RefusedByRule: when she may not, is in it already, or the certification has ended.
    """

    def work(session: Session) -> None:
        _seq, now = read_clock(session, host_id)
        refuse_ended(session, host_id, certification, now)
        group = group_named(session, host_id, certification, name)
        learner = session.get_one(Person, (host_id, person))
        if learner.state != ACTIVE:
            raise RefusedByRule(_("Only an active person can join a group."))
        if by is None:
            if not group.group.get("self_enrol"):
                raise RefusedByRule(_("The group “%(name)s” is not open for self-enrolment.", name=name))
            if not terms_of(session, host_id, certification).live(now):
                raise RefusedByRule(_("This certification is not available now."))
        if session.get(GroupMember, (host_id, group.id, person)) is not None:
            raise RefusedByRule(_("This person is a member of “%(name)s” already.", name=name))
        session.add(GroupMember(host_id=host_id, assignment=group.id, person=person, since=now, by=by or "herself"))
        session.flush()
        stamp(session, host_id, [person], now)
        record(
            session, host_id, now, by or learner.name, "joined", certification=certification, person=person, reason=name
        )

    move_on(runtime, host_id)
    runtime.db.transact(work)


def leave(runtime: Runtime, host_id: int, certification: int, name: str, person: int, *, by: str | None = None) -> None:
    """Take a person out of a group. What another assignment gives stays (rules 2.5).

    She may cancel a request that waits for an administrator whatever the group allows.

    :raises RefusedByRule: when she may not, is not in it, or the certification has ended.
    """

    def work(session: Session) -> None:
        _seq, now = read_clock(session, host_id)
        refuse_ended(session, host_id, certification, now)
        group = group_named(session, host_id, certification, name)
        learner = session.get_one(Person, (host_id, person))
        member = session.get(GroupMember, (host_id, group.id, person))
        if member is None:
            raise RefusedByRule(_("This person is not a member of “%(name)s”.", name=name))
        if by is None and not group.group.get("withdraw") and not _waits(session, host_id, certification, person):
            raise RefusedByRule(_("The group “%(name)s” does not allow withdrawal.", name=name))
        session.delete(member)
        session.flush()
        stamp(session, host_id, [person], now)
        record(
            session, host_id, now, by or learner.name, "left", certification=certification, person=person, reason=name
        )

    move_on(runtime, host_id)
    runtime.db.transact(work)


def _waits(session: Session, host_id: int, certification: int, person: int) -> bool:
    """Whether an exception holds her back, so that she is a member of nothing but a request."""
    row = session.get(Enrolment, (host_id, certification, person))
    return row is not None and row.state != WITHDRAWN and row.hold == HELD_BY_EXCEPTION
