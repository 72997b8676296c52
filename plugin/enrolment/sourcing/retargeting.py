"""Rows of certifications that follow what they meant to where it comes from now (SOURCES 2.4)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef, Definition, Exclusion, Proposal
from plugin.certifications.store import definition_of
from plugin.certifications.tables import Assignment, Certification
from plugin.certifications.targets import target_ids
from plugin.core.errors import Invalid, RefusedByRule
from plugin.core.runtime import Runtime
from plugin.core.text.texts import fold
from plugin.enrolment.saving.save import Choices, save_within
from plugin.enrolment.settling.saves import settled_with_people, still_owed
from plugin.enrolment.tables import Enrolment
from plugin.mirror.changes import stamp
from plugin.mirror.lookup.written_ids import meant
from plugin.mirror.tables import Audience, AudienceMember, Job, Unit

TYPES: Mapping[str, str] = {
    "organisation": "organisation", "position": "position", "audiences": "audience", "managers": "manager",
}  # fmt: skip
"""By kind of supply the type of the rows that name what it has."""


@dataclass(frozen=True)
class Offer:
    """What a row names that is gone, and what it could name instead; ``by``: ``code``, ``path``, ``name`` or ``person``."""

    type: str
    old: str
    new: str = ""
    by: str = ""


def checked(targets: object) -> dict[str, str]:
    """A map as it was given.

    :raises Invalid: for anything but old ids and the new ones.
    """
    if targets is not None and not (
        isinstance(targets, dict) and all(isinstance(one, str | int) for pair in targets.items() for one in pair)
    ):
        raise Invalid("A map names old ids and the new ones, {old: new}.")
    return {str(old): str(new) for old, new in dict(targets or {}).items() if str(new)}


def offered(session: Session, host_id: int, types: Iterable[str]) -> list[Offer]:
    """What live rows name that is gone, each with what it became where code, path or person tell."""
    found: list[Offer] = []
    for type_ in sorted(types):
        named = set(
            session.scalars(
                select(Assignment.target).where(
                    Assignment.host_id == host_id, Assignment.live, Assignment.type == type_
                )
            )
        )
        if named:
            look = _units if type_ in ("organisation", "position") else _audiences if type_ == "audience" else _jobs
            found += look(session, host_id, type_, named)
    return sorted(found, key=lambda one: (one.type, one.old))


def _units(session: Session, host_id: int, type_: str, named: Collection[str]) -> list[Offer]:
    rows = {row.ext: row for row in session.scalars(select(Unit).where(Unit.host_id == host_id, Unit.kind == type_))}
    by_code, by_path = dict[str, list[str]](), dict[str, list[str]]()
    for row in rows.values():
        if not row.gone:
            by_path.setdefault(_path(rows, row), []).append(row.ext)
            if row.code:
                by_code.setdefault(fold(row.code), []).append(row.ext)
    found = []
    for old in named:
        one = rows.get(old)
        if one is None or not one.gone:
            continue
        coded = by_code.get(fold(one.code), []) if one.code else []
        alike = by_path.get(_path(rows, one), [])
        if len(coded) == 1:
            found.append(Offer(type_, old, coded[0], "code"))
        elif len(alike) == 1:
            found.append(Offer(type_, old, alike[0], "path"))
        else:
            found.append(Offer(type_, old))
    return found


def _path(rows: Mapping[str, Unit], unit: Unit) -> str:
    """Its name and those above it, folded."""
    names, seen = [], set[str]()
    here: Unit | None = unit
    while here is not None and here.ext not in seen:
        seen.add(here.ext)
        names.append(" ".join(fold(here.name).split()))
        here = rows.get(here.parent_ext)
    return "\x1f".join(names)


def _audiences(session: Session, host_id: int, type_: str, named: Collection[str]) -> list[Offer]:
    rows = session.scalars(select(Audience).where(Audience.host_id == host_id)).all()
    by_name: dict[str, list[str]] = {}
    for row in rows:
        if not row.gone:
            by_name.setdefault(fold(row.name), []).append(row.ext)
    found = []
    for row in rows:
        if row.gone and row.ext in named:
            alike = by_name.get(fold(row.name), [])
            found.append(Offer(type_, row.ext, alike[0], "name") if len(alike) == 1 else Offer(type_, row.ext))
    return found


def _jobs(session: Session, host_id: int, type_: str, named: Collection[str]) -> list[Offer]:
    """A manager's job becomes the one job the same person has now."""
    gone = session.scalars(select(Job).where(Job.host_id == host_id, Job.gone, Job.ext.in_(sorted(named)))).all()
    found = []
    for row in gone:
        here = (Job.host_id == host_id, Job.gone.is_(False), Job.person.is_not(None), Job.person == row.person)
        jobs = session.scalars(select(Job.ext).where(*here)).all()
        found.append(Offer(type_, row.ext, jobs[0], "person") if len(jobs) == 1 else Offer(type_, row.ext))
    return found


def retarget(
    session: Session, runtime: Runtime, host_id: int, types: Collection[str], wanted: Mapping[str, str], who: str
) -> int:
    """Have rows of every certification that name an old target name the new one; returns how many.

    Whom that may touch is stamped, so that what follows is settled, and counted, with the change itself.

    :raises RefusedByRule: where a new target is not there, or a row for it is.
    """
    if not wanted or not types:
        return 0
    named = meant(session, host_id, [(type_, one) for type_ in types for pair in wanted.items() for one in pair])
    by_type = {
        type_: {named.get((type_, old), old): named.get((type_, new), new) for old, new in wanted.items()}
        for type_ in types
    }
    known = target_ids(session, host_id, [(type_, new) for type_ in types for new in by_type[type_].values()])
    gone = {key for key in known if _is_gone(session, host_id, *key)}
    known = {key: number for key, number in known.items() if key not in gone}
    for old, new in wanted.items():
        if not any((type_, by_type[type_][named.get((type_, old), old)]) in known for type_ in types):
            what = f"The map names '{new}' for '{old}', and there is no such {' or '.join(sorted(types))}"
            if any((type_, by_type[type_][named.get((type_, old), old)]) in gone for type_ in types):
                what += (
                    " now. If it comes back with its supplier, let both supply first, and change over when it was read"
                )
            raise RefusedByRule(f"{what}.")
    proposals, count = [], 0
    live = select(Certification).where(Certification.host_id == host_id, Certification.version > 0)
    for row in session.scalars(live.order_by(Certification.code)):
        current = definition_of(session, host_id, row.id)
        rows, changed = _rows(current, by_type, known)
        if changed:
            proposals.append(Proposal(replace(current, assignments=rows), row.version, current))
            count += changed
    if proposals:
        owed = still_owed(session, host_id)
        saved = save_within(
            session, runtime, host_id, proposals, who, Choices(reason="they come from elsewhere"), guarded=False
        )  # fmt: skip
        fresh = {one.certification: one.version for one in saved if one.certification not in owed}
        settled_with_people(session, host_id, fresh, who, runtime.clock.now())
        _stamp(session, host_id, [one.certification for one in saved], known, runtime.clock.now())
    return count


def _is_gone(session: Session, host_id: int, type_: str, ext: str) -> bool:
    table: Any = {"audience": Audience, "manager": Job}.get(type_, Unit)
    here = [table.host_id == host_id, table.ext == ext] + ([Unit.kind == type_] if table is Unit else [])
    return bool(session.scalar(select(table.gone).where(*here)))


def _rows(
    current: Definition, by_type: Mapping[str, Mapping[str, str]], known: Collection[tuple[str, str]]
) -> tuple[tuple[AssignmentDef, ...], int]:
    seen = {one.key for one in current.assignments}
    rows: list[AssignmentDef] = []
    changed = 0
    for one in current.assignments:
        new = by_type.get(one.type, {}).get(one.target)
        due = one.due
        position = due.get("position") if isinstance(due, Mapping) else None
        instead = by_type.get("position", {}).get(str(position)) if position else None
        if instead is not None and ("position", instead) in known:
            due = {**due, "position": instead}
        if new is None or (one.type, new) not in known or new == one.target:
            new = one.target
        elif f"{one.type}:{new}" in seen:
            raise RefusedByRule(
                f"{current.code} has a row for '{new}' already: take that for '{one.target}' away first."
            )
        left_out = tuple(_left_out(each, by_type, known) for each in one.exclusions)
        changed += (new, due, left_out) != (one.target, one.due, one.exclusions)
        rows.append(replace(one, target=new, due=due, exclusions=left_out))
    return tuple(rows), changed


def _left_out(
    one: Exclusion, by_type: Mapping[str, Mapping[str, str]], known: Collection[tuple[str, str]]
) -> Exclusion:
    kind, target, include = one
    new = by_type.get(kind, {}).get(target, target)
    return (kind, new if (kind, new) in known else target, include)


def _stamp(
    session: Session,
    host_id: int,
    certifications: Collection[int],
    known: Mapping[tuple[str, str], int | None],
    now: int,
) -> None:
    """Everybody enrolled in these certifications, and whoever may be by the new targets."""
    people: set[int | None] = set(
        session.scalars(
            select(Enrolment.person)
            .where(Enrolment.host_id == host_id, Enrolment.certification.in_(list(certifications)))
            .distinct()
        )
    )
    types = {type_ for type_, _ext in known}
    if types - {"audience"}:
        here = (Job.host_id == host_id, Job.gone.is_(False), Job.person.is_not(None))
        people |= set(session.scalars(select(Job.person).where(*here).distinct()))
    audiences = [number for (type_, _ext), number in known.items() if type_ == "audience" and number is not None]
    if audiences:
        members = (AudienceMember.host_id == host_id, AudienceMember.audience.in_(audiences))
        people |= set(session.scalars(select(AudienceMember.person).where(*members).distinct()))
    stamp(session, host_id, {one for one in people if one is not None}, now)
