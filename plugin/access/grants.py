"""Grants: given, confirmed, taken back; each in the history, and nobody grants what she has not (ACCESS 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.access.rights import ROLES, Rights, is_over, of_grant, today
from plugin.access.standing import person_of_subject
from plugin.access.tables import AccessGrant
from plugin.certifications.tables import Certification
from plugin.core.errors import Forbidden, Invalid, NotFound, RefusedByRule
from plugin.core.ids import take_ids
from plugin.core.journal import record
from plugin.core.stamps import calendar_day
from plugin.core.tables import Host
from plugin.mirror.tables import DELETED, Person, Unit

LONGEST = 100
"""Characters of a category."""
MOST = 1000
"""Grants of one host."""


@dataclass(frozen=True)
class RequestedGrant:
    """A grant as it is asked for.

    :ivar person: our id; or ``subject``, the ``sub`` of launches.
    :ivar certifications: our ids; ``None`` for all. For the role ``certification`` alone, as ``may_create`` is.
    :ivar categories: all certifications of these, for that role too. :ivar units: our ids; for the role ``area`` alone.
    :ivar until: the last day as ``2027-03-31``; empty for no end.
    """

    role: str
    person: int | None = None
    subject: str = ""
    certifications: tuple[int, ...] | None = None
    may_create: bool = False
    until: str = ""
    reason: str = ""
    categories: tuple[str, ...] = ()
    units: tuple[int, ...] = ()


@dataclass(frozen=True)
class ListedGrant:
    """A grant as lists show it. ``state``: ``active``, ``ended``, ``gone`` (its person was deleted) or ``confirm``."""

    grant: AccessGrant
    person: Person | None
    certifications: tuple[str, ...] | None
    state: str
    units: tuple[Unit, ...] = ()


def add(session: Session, host_id: int, wanted: RequestedGrant, *, by: Rights, at: int, who: str) -> AccessGrant:
    """Give a right; the same one again is the one there is.

    :param by: the rights of whoever gives it.
    :raises Invalid: where it is not understood. :raises NotFound: where there is no such person.
    :raises Forbidden: where whoever gives it has not got it.
    """
    host = session.get_one(Host, host_id, with_for_update=True)
    person, life = _whom(session, host_id, wanted)
    row = AccessGrant(
        host_id=host_id, person=person, subject=None if person is not None and not wanted.subject else wanted.subject or None,
        life=life, role=wanted.role, scope=_scope(wanted), until=_until(wanted, host, at), who=who,
        reason=wanted.reason, created=at,
    )  # fmt: skip
    if not by.covers(of_grant(row)):
        raise Forbidden(_("Nobody grants what she may not do herself."))
    present = session.scalars(select(AccessGrant).where(AccessGrant.host_id == host_id)).all()
    for one in present:
        same = (one.person, one.life, one.role, one.scope, one.until) == (person, life, row.role, row.scope, row.until)
        if same and (person is not None or one.subject == row.subject):
            return one
    if len(present) >= MOST:
        raise RefusedByRule(_("There are %(most)s grants; remove one first.", most=MOST))
    row.id = take_ids(session, host_id, "access_grant")
    session.add(row)
    session.flush()
    _tell(session, host, row, at, who, "grant_added", wanted.reason)
    return row


def remove(
    session: Session, host_id: int, number: int, *, by: Rights, at: int, who: str, even_the_last: bool = False
) -> None:
    """Take a right back; the next request of whoever had it is judged without.

    :raises NotFound: where there is no such grant. :raises Forbidden: where whoever removes it could not give it.
    :raises RefusedByRule: where it is the last grant of a site administrator.
    """
    host = session.get_one(Host, host_id, with_for_update=True)
    row = _grant(session, host_id, number)
    if not by.covers(of_grant(row)):
        raise Forbidden(_("Nobody takes back what she could not grant."))
    held = {one.grant.id: one for one in listed(session, host, at)}
    sites = [one for one in held.values() if one.grant.role == "site" and one.state == "active"]
    if held[number] in sites and len(sites) == 1 and not even_the_last:
        raise RefusedByRule(
            _("This is the last grant of a site administrator. Whoever runs Muster removes it with --even-the-last.")
        )
    session.delete(row)
    session.flush()
    _tell(session, host, row, at, who, "grant_removed", "")


def confirm(session: Session, host_id: int, number: int, *, by: Rights, at: int, who: str) -> None:
    """A grant to a subject becomes one to the person who has appeared with it (ACCESS 1).

    :raises NotFound: where there is none, or nobody has appeared.
    """
    host = session.get_one(Host, host_id, with_for_update=True)
    row = _grant(session, host_id, number)
    found = person_of_subject(session, host_id, row.subject or "") if row.person is None else None
    if found is None:
        raise NotFound(_("There is nothing to confirm."))
    if not by.covers(of_grant(row)):
        raise Forbidden(_("Nobody grants what she may not do herself."))
    row.person, row.life = found, session.get_one(Person, (host_id, found)).life
    session.flush()
    _tell(session, host, row, at, who, "grant_confirmed", "")


def reach_too(session: Session, host_id: int, person: int | None, subject: str, certification: int) -> None:
    """Whoever may create certifications, but administers only some, administers the one she has made."""
    query = select(AccessGrant).where(AccessGrant.host_id == host_id, AccessGrant.role == "certification")
    query = query.where(AccessGrant.person == person if person is not None else AccessGrant.subject == subject)
    for row in session.scalars(query.with_for_update()):
        named = row.scope.get("certifications", [] if row.scope.get("categories") else None)
        if row.scope.get("may_create") and named is not None and certification not in named:
            row.scope = {**row.scope, "certifications": sorted([*named, certification])}


def listed(session: Session, host: Host, at: int) -> list[ListedGrant]:
    """Every grant of a host, oldest first, with how it stands."""
    rows = session.scalars(select(AccessGrant).where(AccessGrant.host_id == host.id).order_by(AccessGrant.id)).all()
    numbers = {row.person for row in rows if row.person is not None}
    people = {
        one.id: one for one in session.scalars(select(Person).where(Person.host_id == host.id, Person.id.in_(numbers)))
    }
    codes = {
        row[0]: row[1]
        for row in session.execute(select(Certification.id, Certification.code).where(Certification.host_id == host.id))
    }
    day = today(at, host.time_zone)
    wanted = {unit for row in rows for unit in row.scope.get("units", ())}
    units = {one.id: one for one in session.scalars(select(Unit).where(Unit.host_id == host.id, Unit.id.in_(wanted)))}
    return [_held(session, host.id, row, people.get(row.person or 0), codes, units, day) for row in rows]


def _held(
    session: Session, host_id: int, row: AccessGrant, person: Person | None, codes: dict[int, str],
    units: dict[int, Unit], day: date,
) -> ListedGrant:  # fmt: skip
    named = row.scope.get("certifications")
    state = "active"
    if is_over(row, day):
        state = "ended"
    elif row.person is not None and (person is None or person.state == DELETED or person.life != row.life):
        state = "gone"
    elif row.person is None and person_of_subject(session, host_id, row.subject or "") is not None:
        state = "confirm"
    listed = None if named is None else tuple(codes[one] for one in named if one in codes)
    places = tuple(units[one] for one in row.scope.get("units", ()) if one in units)
    return ListedGrant(row, person, listed, state, places)


def document(held: ListedGrant) -> dict[str, Any]:
    """A grant as commands and the API write it."""
    row = held.grant
    found: dict[str, Any] = {"id": row.id, "role": row.role}
    if held.person is not None:
        found["person"] = held.person.ext
    else:
        found["subject"] = row.subject
    if row.role == "certification":
        found["certifications"] = None if held.certifications is None else list(held.certifications)
        found["categories"] = list(row.scope.get("categories", ()))
        found["may_create"] = bool(row.scope.get("may_create"))
    if row.role == "area":
        found["units"] = [one.ext for one in held.units]
    return {**found, "until": row.until or None, "state": held.state, "by": row.who, "reason": row.reason}


def _whom(session: Session, host_id: int, wanted: RequestedGrant) -> tuple[int | None, int]:
    """The person it is for, and which of her lives; a subject whom the mirror knows is that person."""
    if (wanted.person is None) == (not wanted.subject):
        raise Invalid(_("A grant is for a person, or for a subject."))
    if len(wanted.subject) > 255:
        raise Invalid(_("A subject has at most 255 characters."))
    number = wanted.person
    if number is None:
        number = person_of_subject(session, host_id, wanted.subject)
        if number is None:
            return None, 0
    person = session.get(Person, (host_id, number))
    if person is None or person.state == DELETED:
        raise NotFound(_("There is no such person."))
    return person.id, person.life


def _scope(wanted: RequestedGrant) -> dict[str, Any]:
    if wanted.role not in ROLES:
        raise Invalid(_("'%(role)s' is no role that can be granted.", role=wanted.role))
    if (wanted.role == "area") != bool(wanted.units):
        raise Invalid(_("The role 'area' is for one unit or several; no other role is."))
    if wanted.role != "certification":
        if wanted.certifications is not None or wanted.may_create or wanted.categories:
            raise Invalid(_("Only the role 'certification' is for certifications."))
        return {"units": sorted(set(wanted.units))} if wanted.units else {}
    found: dict[str, Any] = {"may_create": True} if wanted.may_create else {}
    if wanted.categories:
        if not all(0 < len(one) <= LONGEST for one in wanted.categories):
            raise Invalid(_("A category has 1 to %(most)s characters.", most=LONGEST))
        found["categories"] = sorted(set(wanted.categories))
    return found if wanted.certifications is None else {**found, "certifications": sorted(set(wanted.certifications))}


def unit_named(session: Session, host_id: int, text: str) -> int:
    """Our id of a unit by the host's; where an organisation and a position share it, ``organisation:ID`` says which.

    :raises RefusedByRule: where there is none. :raises Invalid: where it might be either.
    """
    kind, colon, ext = text.partition(":")
    query = select(Unit.id).where(Unit.host_id == host_id, Unit.gone.is_(False))
    found = session.scalars(query.where(Unit.ext == text)).all()
    if not found and colon and kind in ("organisation", "position"):
        found = session.scalars(query.where(Unit.kind == kind, Unit.ext == ext)).all()
    if not found:
        raise RefusedByRule(_("The host knows no unit '%(id)s'.", id=text))
    if len(found) > 1:
        raise Invalid(_("'%(id)s' is an organisation and a position: write organisation:%(id)s.", id=text))
    return found[0]


def _until(wanted: RequestedGrant, host: Host, at: int) -> str:
    return last_day(wanted.until, today(at, host.time_zone))


def last_day(text: str, day: date) -> str:
    """A last day as it is kept.

    :param day: today in the host's zone.
    :raises Invalid: where it is no day, or is over.
    """
    if not text:
        return ""
    try:
        found = calendar_day(text)
    except ValueError:
        raise Invalid(_("'%(text)s' is not a day such as 2027-03-31.", text=text[:40])) from None
    if found < day:
        raise Invalid(_("%(day)s is over already.", day=text))
    return found.isoformat()


def _grant(session: Session, host_id: int, number: int) -> AccessGrant:
    row = session.get(AccessGrant, (host_id, number))
    if row is None:
        raise NotFound(_("There is no such grant."))
    return row


def _tell(session: Session, host: Host, row: AccessGrant, at: int, who: str, what: str, reason: str) -> None:
    """In the history, and to the room that writes to administrators: by a row of the host, since it lies below."""
    data = {"role": row.role, "subject": row.subject, "until": row.until or None, **row.scope}
    record(session, host.id, at, who, what, person=row.person, reason=reason, data=data)
    sites = session.scalars(
        select(AccessGrant).where(
            AccessGrant.host_id == host.id, AccessGrant.role == "site", AccessGrant.person.is_not(None)
        )
    ).all()
    ends: dict[str, tuple[int, str]] = {}
    for one in sorted(sites, key=lambda one: (one.life, not one.until, one.until)):
        ends[str(one.person)] = (one.life, one.until)
    host.settings = {
        **host.settings, "administrators": sorted({int(number) for number in ends}), "administrators_until": ends,
    }  # fmt: skip


def holds(session: Session, host: Host, person: int | None, subject: str, at: int) -> Sequence[AccessGrant]:
    """The grants in force of a person, or of a subject the mirror does not know: what owning a token asks."""
    day = today(at, host.time_zone)
    query = select(AccessGrant).where(AccessGrant.host_id == host.id)
    if person is None:
        query = query.where(AccessGrant.person.is_(None), AccessGrant.subject == subject)
        return [one for one in session.scalars(query) if not is_over(one, day)]
    row = session.get(Person, (host.id, person))
    found = session.scalars(query.where(AccessGrant.person == person))
    return [one for one in found if row is not None and one.life == row.life and not is_over(one, day)]
