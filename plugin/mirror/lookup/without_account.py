"""People whom a source knows and the learning site does not: by unit, by audience, by name (SOURCES 3.5), and former accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from plugin.core.area_scope import area_of
from plugin.core.text.texts import fold
from plugin.mirror.sources.joining import parts
from plugin.mirror.sources.source import sources_of
from plugin.mirror.sources.tables import WHYS, Identity, SourceMember
from plugin.mirror.tables import Audience, Job, Person, Unit


@dataclass(frozen=True)
class UnmatchedRecord:
    """A record of a source that is joined to nobody."""

    source: str
    id: str
    name: str
    why: str


def of_targets(
    session: Session, host_id: int, targets: Iterable[tuple[str, str, bool]], now: int
) -> dict[tuple[str, str], list[UnmatchedRecord]]:
    """By kind and id of units and audiences, who would be of it and has no account; those of whom there are none left out.

    :param targets: kind, id, and whether units below belong to it.
    """
    names = {row.id: row.name for row in sources_of(session, host_id)}
    found: dict[tuple[str, str], list[UnmatchedRecord]] = {}
    if not names or area_of(session, host_id) is not None:
        return found  # whoever looks at some people alone is not told of those without an account
    for kind, ext, below in targets:
        rows: Iterable[Identity] = ()
        if kind in ("organisation", "position"):
            rows = _of_unit(session, host_id, kind, ext, names, now, below=below)
        elif kind == "audience":
            rows = _of_audience(session, host_id, ext, names)
        people = sorted((_stranger(row, names) for row in rows), key=lambda one: (fold(one.name), one.id))
        if people:
            found[kind, ext] = people
    return found


def _stranger(row: Identity, names: Mapping[int, str]) -> UnmatchedRecord:
    return UnmatchedRecord(names[row.source], row.ext, row.name or row.ext, WHYS[row.why])


def _unmatched(host_id: int) -> tuple[Any, ...]:
    return (
        Identity.host_id == host_id, Identity.why > 0, Identity.person.is_(None), Identity.gone.is_(None),
        Identity.left.is_(None),
    )  # fmt: skip


def _of_unit(
    session: Session, host_id: int, kind: str, ext: str, names: Mapping[int, str], now: int, *, below: bool
) -> list[Identity]:
    unit = session.scalars(
        select(Unit).where(Unit.host_id == host_id, Unit.kind == kind, Unit.ext == ext, Unit.gone.is_(False))
    ).first()
    if unit is None:
        return []
    column = Job.organisation if kind == "organisation" else Job.position
    units: Any = [unit.id]
    if below:
        units = select(Unit.id).where(
            Unit.host_id == host_id, Unit.kind == kind, Unit.gone.is_(False), Unit.lft >= unit.lft, Unit.rgt <= unit.rgt
        )
    current = (Job.starts.is_(None) | (Job.starts <= now)) & (Job.ends.is_(None) | (Job.ends > now))
    jobs = session.execute(
        select(Job.connection, Job.person_ext)
        .outerjoin(Person, (Person.host_id == Job.host_id) & (Person.id == Job.person))
        .where(
            Job.host_id == host_id, Job.gone.is_(False), Job.connection > 0, column.in_(units), current,
            or_(Job.person.is_(None), Person.ghost),
        )
    ).all()  # fmt: skip
    by_source: dict[int, set[str]] = {}
    for connection, person in jobs:
        if connection in names:
            by_source.setdefault(connection, set()).add(person[len(names[connection]) + 1 :])
    return [row for source, exts in by_source.items() for row in _identities(session, host_id, source, exts)]


def _of_audience(session: Session, host_id: int, ext: str, names: Mapping[int, str]) -> list[Identity]:
    audience = session.scalars(select(Audience).where(Audience.host_id == host_id, Audience.ext == ext)).first()
    if audience is None or audience.gone or audience.connection not in names:
        return []
    own = ext[len(names[audience.connection]) + 1 :]
    here = (
        SourceMember.host_id == host_id, SourceMember.source == audience.connection, SourceMember.audience == own,
    )  # fmt: skip
    exts = set(session.scalars(select(SourceMember.identity).where(*here)))
    return list(_identities(session, host_id, audience.connection, exts))


def _identities(session: Session, host_id: int, source: int, exts: Iterable[str]) -> Iterable[Identity]:
    for part in parts(exts):
        yield from session.scalars(
            select(Identity).where(*_unmatched(host_id), Identity.source == source, Identity.ext.in_(part))
        )


def named(session: Session, host_id: int, query: str, limit: int) -> list[UnmatchedRecord]:
    """Whom a source knows by a name or an id like this, and the learning site does not."""
    names = {row.id: row.name for row in sources_of(session, host_id)}
    if not names or not query.strip() or area_of(session, host_id) is not None:
        return []
    like = Identity.name.icontains(query.strip(), autoescape=True) | (Identity.ext == query.strip())
    rows = session.scalars(
        select(Identity).where(*_unmatched(host_id), like).order_by(Identity.name, Identity.id).limit(limit)
    )
    return [_stranger(row, names) for row in rows if row.source in names]


def accounts_around(session: Session, host_id: int, ext: str) -> tuple[str, str]:
    """The site's ids of the account somebody had before this one, and of the one she has now (SOURCES 3.7)."""
    number = session.scalar(select(Person.id).where(Person.host_id == host_id, Person.ext == ext))
    if number is None:
        return "", ""
    here = (Identity.host_id == host_id, Identity.former.is_not(None), Identity.gone.is_(None))
    rows = session.execute(
        select(Identity.former, Identity.person).where(*here, (Identity.former == number) | (Identity.person == number))
    ).all()
    before = next((row[0] for row in rows if row[1] == number and row[0] != number), None)
    after = next((row[1] for row in rows if row[0] == number and row[1] not in (None, number)), None)
    return _ext(session, host_id, before), _ext(session, host_id, after)


def _ext(session: Session, host_id: int, number: int | None) -> str:
    if number is None:
        return ""
    return session.scalar(select(Person.ext).where(Person.host_id == host_id, Person.id == number)) or ""
