"""How somebody stands at her host now: what every request asks beside her session or token (ACCESS 4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from plugin.access.rights import Rights
from plugin.access.tables import AccessGrant
from plugin.certifications.tables import Certification
from plugin.mirror.connections.store import subject_column
from plugin.mirror.tables import ACTIVE, DELETED, Connection, Person, Suspect


def suspected(host_id: Any) -> ColumnElement[bool]:
    """Whether the person of the query was absent from the latest whole read: enough to be let in no longer.

    By the connection, so that the key of the suspects is used however many there are.
    """
    return exists(
        select(1)
        .select_from(Connection)
        .join(Suspect, and_(Suspect.host_id == Connection.host_id, Suspect.connection == Connection.id))
        .where(Connection.host_id == host_id, Suspect.kind == "people", Suspect.ext == Person.ext)
        .correlate(Person)
        .correlate_except(Connection, Suspect)
    )


def granted(host_id: Any, person: Any, subject: Any) -> ColumnElement[bool]:
    """The grants of a person, and those of a subject that nobody of the mirror had when they were given."""
    return and_(
        AccessGrant.host_id == host_id,
        or_(AccessGrant.person == person, and_(AccessGrant.person.is_(None), AccessGrant.subject == subject)),
    )


def person_of_subject(session: Session, host_id: int, subject: str) -> int | None:
    """The person of the mirror that a launch's subject names; ``None`` where none does, or more than one."""
    column = getattr(Person, subject_column(session, host_id))
    found = session.scalars(
        select(Person.id)
        .where(Person.host_id == host_id, column == subject, Person.state != DELETED)
        .order_by(Person.id)
        .limit(2)
    ).all()
    return found[0] if len(found) == 1 else None


def filled(session: Session, host_id: int, rights: Rights) -> Rights:
    """Rights with what categories and areas come to now; no statement where there are none."""
    if not rights.categories and not rights.units:
        return rights
    query = select(Certification.id, Certification.category, Certification.areas).where(
        Certification.host_id == host_id,
        or_(Certification.areas, Certification.category.in_(sorted(rights.categories))),
    )
    rows = session.execute(query).all()
    return replace(
        rights,
        certifications=rights.certifications | {row[0] for row in rows if row[1] and row[1] in rights.categories},
        opened=frozenset(row[0] for row in rows if row[2] and rights.units),
    )


def has_mirror(session: Session, host_id: int) -> bool:
    """Whether the host has told us of anybody yet."""
    return session.scalar(select(Person.id).where(Person.host_id == host_id).limit(1)) is not None


def is_here(state: int | None, absent: bool | None) -> bool:
    """Whether a person is active at the host, as far as the latest read tells; nobody known is nobody gone."""
    return state is None or (state == ACTIVE and not absent)


def is_active(session: Session, person: Person) -> bool:
    """Whether she is active at the host as far as we know."""
    absent = session.scalar(
        select(suspected(person.host_id)).where(Person.host_id == person.host_id, Person.id == person.id)
    )
    return is_here(person.state, absent)


def counting(grants: list[AccessGrant], person: int | None, *, known: bool) -> list[AccessGrant]:
    """The grants that count: those to a subject wait to be confirmed once somebody of the mirror has it.

    :param known: whether the subject names somebody of the mirror.
    """
    return [
        one for one in grants if (one.person is not None and one.person == person) or (one.person is None and not known)
    ]
