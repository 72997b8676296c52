"""What the owner of a report may see now, when nobody is signed in (ACCESS 4; REPORTS 4).

A role of a launch is known at a launch alone: it sends nothing. A person's or subject's grants count, a token's, and for a
manager that people report to her. Whoever looks after an area alone is sent the people of that area as it is then.
"""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.access.readers import reader_of_area
from plugin.access.rights import Rights, rights_of, today
from plugin.access.standing import counting, filled, granted, is_active, person_of_subject
from plugin.access.tables import AccessGrant, ApiToken
from plugin.access.tokens import rights_of_token, scopes_of
from plugin.core.errors import RefusedByRule
from plugin.core.tables import Host
from plugin.enrolment.views.team import leads, team_of
from plugin.mirror.tables import Person
from plugin.reports.asking.reader import Reader
from plugin.reports.sending.schedules import ScheduleOwner
from plugin.reports.sending.tables import ReportSchedule


def reader_of(session: Session, row: ReportSchedule, now: int) -> Reader | None:
    """Whom a schedule's owner may see; ``None`` where she may not see reports any more."""
    owner = ScheduleOwner(row.owner_kind, row.owner, row.who, row.owner_person)
    return present(session, row.host_id, owner, now, team=row.team)


def present(session: Session, host_id: int, owner: ScheduleOwner, now: int, *, team: bool) -> Reader | None:
    """The same for an owner: whom she may see when nobody is signed in."""
    who = f"{owner.who} (schedule)"[:255]
    if team:
        person = _person(session, host_id, owner)
        if person is None or not leads(session, host_id, person.id):
            return None
        return Reader(who, people=team_of(session, host_id, person.id, below=True))
    rights = _rights(session, host_id, owner, now)
    if rights is None or not rights.any:
        return None
    if not rights.of_all:
        return reader_of_area(session, host_id, rights, who)
    return Reader(who, certifications=rights.seen_whole())


def demand_grant(session: Session, host_id: int, owner: ScheduleOwner, now: int) -> None:
    """Refuse a schedule of somebody who has rights only while she is signed in.

    :raises RefusedByRule: saying what helps.
    """
    if present(session, host_id, owner, now, team=False) is None:
        raise RefusedByRule(
            _("A report goes out with a grant of its owner: a role at the learning site counts only while you are signed in. "
              "Add a grant for yourself under Hosts, People with rights.")
        )  # fmt: skip


def _person(session: Session, host_id: int, owner: ScheduleOwner) -> Person | None:
    number = owner.person if owner.person is not None else person_of_subject(session, host_id, owner.key)
    row = session.get(Person, (host_id, number)) if number is not None else None
    return row if row is not None and is_active(session, row) else None


def _rights(session: Session, host_id: int, owner: ScheduleOwner, now: int) -> Rights | None:
    day = today(now, session.get_one(Host, host_id).time_zone)
    if owner.kind == "program":
        token = session.scalar(select(ApiToken).where(ApiToken.host_id == host_id, ApiToken.name == owner.key))
        return rights_of_token(session, token, day) if token is not None and "reports" in scopes_of(token) else None
    person = _person(session, host_id, owner)
    known = person is not None or owner.person is not None
    if known and person is None:
        return None  # suspended, deleted, or absent from the latest read
    number, life = (person.id, person.life) if person is not None else (None, 0)
    query = select(AccessGrant).where(granted(host_id, number, owner.key))
    grants = counting(list(session.scalars(query)), number, known=known)
    return filled(session, host_id, rights_of(grants, role=False, life=life, day=day))
