"""The mirror as an administrator browses it: frameworks, trees, and the names and paths of targets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.area_scope import area_of
from plugin.core.database.slices import slices
from plugin.core.days import known_zone
from plugin.mirror.lookup.visible_to_area import seen
from plugin.mirror.tables import DELETED, Audience, Course, Job, Person, Unit

Target = tuple[str, str]
"""An assignment's type and the host's own id of what it names."""


@dataclass(frozen=True)
class Framework:
    """A tree of organisations or positions."""

    id: str
    name: str


@dataclass(frozen=True)
class Node:
    """A unit in a tree. ``direct`` and ``below`` count people with a current job in it, or in it and under it."""

    id: str
    name: str
    direct: int
    below: int
    has_children: bool


@dataclass(frozen=True)
class Described:
    """What a target is called and where it stands. ``missing``: the host no longer has it."""

    name: str
    path: tuple[str, ...] = ()
    missing: bool = False
    direct: int | None = None
    below: int | None = None
    suspended: bool = False


def frameworks(session: Session, host_id: int, kind: str) -> list[Framework]:
    """The frameworks of one kind (``organisation`` or ``position``), by name."""
    rows = session.execute(
        select(Unit.framework, Unit.framework_name)
        .where(Unit.host_id == host_id, Unit.kind == kind, Unit.gone.is_(False))
        .distinct()
    )
    names: dict[str, str] = {}
    for framework, name in rows:
        names[framework] = names.get(framework) or name or framework
    return sorted((Framework(*item) for item in names.items()), key=lambda one: one.name.casefold())


def children(
    session: Session, host_id: int, kind: str, framework: str, parent: str | None, *, limit: int, offset: int = 0
) -> tuple[int, list[Node]]:
    """A part of the units right under ``parent`` (``None``: the roots of the framework), by name, and their number."""
    under: Any = None
    if parent is not None:
        under = session.scalar(select(Unit.id).where(Unit.host_id == host_id, Unit.kind == kind, Unit.ext == parent))
        if under is None:
            return 0, []
    rows = session.scalars(
        select(Unit)
        .where(
            Unit.host_id == host_id,
            Unit.kind == kind,
            Unit.gone.is_(False),
            Unit.framework == framework,
            Unit.parent.is_(None) if under is None else Unit.parent == under,
            *seen(session, host_id, Unit),
        )
        .order_by(Unit.name, Unit.id)
    ).all()
    part = rows[offset : offset + limit]
    parents = _with_children(session, host_id, [unit.id for unit in part])
    return len(rows), [Node(unit.ext, unit.name, unit.direct, unit.below, unit.id in parents) for unit in part]


def unit_above(session: Session, host_id: int, kind: str, ext: str) -> str | None:
    """The host's id of the unit right above one; ``None`` for a root, and for a unit that is not there."""
    above = select(Unit.parent).where(Unit.host_id == host_id, Unit.kind == kind, Unit.ext == ext)
    return session.scalar(select(Unit.ext).where(Unit.host_id == host_id, Unit.id.in_(above)))


def _with_children(session: Session, host_id: int, ids: Sequence[int]) -> set[int]:
    if not ids:
        return set()
    rows = session.scalars(
        select(Unit.parent).where(Unit.host_id == host_id, Unit.gone.is_(False), Unit.parent.in_(ids)).distinct()
    )
    return {row for row in rows if row is not None}


def describe(session: Session, host_id: int, targets: Iterable[Target]) -> dict[Target, Described]:
    """Names and paths of targets; one the host never had is missing under its id. Groups carry their own name."""
    by_kind: dict[str, set[str]] = {}
    for kind, target in targets:
        by_kind.setdefault(kind, set()).add(target)
    found: dict[Target, Described] = {}
    for kind, exts in by_kind.items():
        if kind == "group":
            known: Mapping[str, Described] = {ext: Described(ext) for ext in exts}
        elif kind in ("organisation", "position"):
            known = _units(session, host_id, kind, exts)
        elif kind == "audience":
            known = _audiences(session, host_id, exts)
        elif kind == "manager":
            known = _managers(session, host_id, exts)
        else:
            known = _people(session, host_id, exts)
        if area_of(session, host_id) is not None:
            known = _without_others(session, host_id, kind, known)
        found.update({(kind, ext): known.get(ext, Described(ext, missing=True)) for ext in exts})
    return found


def _without_others(
    session: Session, host_id: int, kind: str, known: Mapping[str, Described]
) -> Mapping[str, Described]:
    """The same for somebody who looks after an area: no names of people outside, and no numbers of everybody."""
    if kind not in ("individual", "manager"):
        return {ext: replace(one, direct=None, below=None) for ext, one in known.items()}
    hers = known.keys() - hidden(session, host_id, kind, known)
    return {ext: one if ext in hers else Described(_("Somebody outside your area")) for ext, one in known.items()}


def hidden(session: Session, host_id: int, kind: str, exts: Iterable[str]) -> set[str]:
    """Those of these people, or managers' jobs, by the host's ids, whom whoever looks may not see."""
    area = area_of(session, host_id)
    if area is None or kind not in ("individual", "manager"):
        return set()
    column = Person.id if kind == "individual" else Job.person
    table: Any = Person if kind == "individual" else Job
    query = select(table.ext, column).where(table.host_id == host_id)
    rows = [row for part in _chunks(exts) for row in session.execute(query.where(table.ext.in_(part)))]
    return set(exts) - {row[0] for row in rows if row[1] is not None and row[1] in area}


def _chunks(exts: Iterable[Any]) -> Iterable[list[Any]]:
    listed = sorted(exts)
    yield from slices(listed)


def _units(session: Session, host_id: int, kind: str, exts: Iterable[str]) -> dict[str, Described]:
    wanted = [
        unit
        for part in _chunks(exts)
        for unit in session.scalars(select(Unit).where(Unit.host_id == host_id, Unit.kind == kind, Unit.ext.in_(part)))
    ]
    above = _ancestors(session, host_id, {unit.parent for unit in wanted if unit.parent is not None})
    return {
        unit.ext: Described(
            unit.name or unit.ext, _path(unit, above), missing=unit.gone, direct=unit.direct, below=unit.below
        )
        for unit in wanted
    }


def _ancestors(session: Session, host_id: int, pending: set[int]) -> dict[int, Unit]:
    """These units and everything above them, a level at a time."""
    known: dict[int, Unit] = {}
    while pending:
        fetched = [
            unit
            for part in _chunks(pending)
            for unit in session.scalars(select(Unit).where(Unit.host_id == host_id, Unit.id.in_(part)))
        ]
        known.update({unit.id: unit for unit in fetched})
        pending = {unit.parent for unit in fetched if unit.parent is not None} - known.keys()
    return known


def _path(unit: Unit, above: Mapping[int, Unit]) -> tuple[str, ...]:
    names: list[str] = []
    seen: set[int] = set()
    at = unit.parent
    while at is not None and at in above and at not in seen:
        seen.add(at)
        names.append(above[at].name)
        at = above[at].parent
    return (unit.framework_name or unit.framework, *reversed(names))


def _audiences(session: Session, host_id: int, exts: Iterable[str]) -> dict[str, Described]:
    return {
        row.ext: Described(row.name or row.ext, (row.code,) if row.code else (), missing=row.gone, direct=row.members)
        for part in _chunks(exts)
        for row in session.scalars(select(Audience).where(Audience.host_id == host_id, Audience.ext.in_(part)))
    }


def _managers(session: Session, host_id: int, exts: Iterable[str]) -> dict[str, Described]:
    """A manager is one job of a person: told apart by its title, or the position it holds."""
    found: dict[str, Described] = {}
    for part in _chunks(exts):
        rows = session.execute(
            select(Job, Person, Unit.name)
            .outerjoin(Person, (Person.host_id == Job.host_id) & (Person.id == Job.person))
            .outerjoin(Unit, (Unit.host_id == Job.host_id) & (Unit.id == Job.position))
            .where(Job.host_id == host_id, Job.ext.in_(part))
        )
        for job, person, position in rows:
            label = job.title or position or job.ext
            gone = job.gone or person is None or person.state == DELETED
            found[job.ext] = Described(person.name if person else job.ext, (label,), missing=gone)
    return found


def _people(session: Session, host_id: int, exts: Iterable[str]) -> dict[str, Described]:
    return {
        row.ext: Described(
            row.name or row.ext,
            tuple(dict.fromkeys(part for part in (row.username or row.number, row.email) if part)),
            missing=row.state == DELETED,
            suspended=row.state not in (0, DELETED),
        )
        for part in _chunks(exts)
        for row in session.scalars(select(Person).where(Person.host_id == host_id, Person.ext.in_(part)))
    }


def courses(session: Session, host_id: int) -> list[Course]:
    """Every course the host has, by name."""
    query = select(Course).where(Course.host_id == host_id, Course.gone.is_(False)).order_by(Course.name, Course.id)
    return list(session.scalars(query))


def courses_named(session: Session, host_id: int, exts: Iterable[str]) -> dict[str, Course]:
    """These courses by the host's ids, also those that it has deleted."""
    return {
        row.ext: row
        for part in _chunks(exts)
        for row in session.scalars(select(Course).where(Course.host_id == host_id, Course.ext.in_(part)))
    }


def names_of_people(session: Session, host_id: int, ids: Sequence[int]) -> dict[int, Person]:
    """People by our ids."""
    return {
        row.id: row
        for part in _chunks(ids)
        for row in session.scalars(select(Person).where(Person.host_id == host_id, Person.id.in_(part)))
    }


def zone_of_person(session: Session, host_id: int, person: int, otherwise: str) -> str:
    """Where somebody is: her time zone as the host tells it, else another."""
    found = session.scalar(select(Person.time_zone).where(Person.host_id == host_id, Person.id == person))
    return known_zone(found or None, otherwise)


_SAMPLE = 300


def profile_fields(session: Session, host_id: int) -> list[str]:
    """Names of the profile fields that people of the host have, by name; from some of the people."""
    rows = session.scalars(
        select(Person.fields).where(Person.host_id == host_id, Person.state != DELETED).limit(_SAMPLE)
    )
    return sorted({name for fields in rows for name in fields or {}})
