"""Writes a version: the definition whole, and the rows that settling and search look things up by."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef, Definition, Proposal
from plugin.certifications.resolve import exclusion_keys
from plugin.certifications.rules.availability import available_from, available_until, starts_at
from plugin.certifications.rules.content import courses_of
from plugin.certifications.rules.waves import dump_wave, wave_of
from plugin.certifications.rules.written_content import parse_content
from plugin.certifications.tables import Assignment, Certification, CourseSetCourse, GroupMember, Version
from plugin.certifications.targets import exclusion_ids, target_ids
from plugin.core.database.process_cache import provisional
from plugin.core.errors import Conflict, Invalid
from plugin.core.ids import take_ids
from plugin.core.tables import Host
from plugin.mirror.tables import Course

MEMBERS = "members"
"""Among the choices of a version: which members it put into groups and took out of them, so that it can be undone."""
MovedMembers = dict[str, dict[str, list[int]]]
"""By group, the people (our ids) who ``came`` and who ``went``."""


@dataclass(frozen=True)
class WrittenVersion:
    """What was written. The lists hold assignment ids."""

    certification: int
    version: int
    added: tuple[int, ...]
    changed: tuple[int, ...]
    removed: tuple[int, ...]


def write_version(
    session: Session, host_id: int, proposal: Proposal, *, who: str, at: int, reason: str, choices: Mapping[str, Any]
) -> WrittenVersion:
    """Write a proposal as the next version.

    :raises Conflict: when the saved version is not the one the proposal was made from (rules 5.5), or the code
        was taken meanwhile.
    :raises Invalid: when an assignment's target does not exist at the host.
    """
    provisional(session)
    definition = _whole(proposal)
    row = _certification(session, host_id, proposal, at)
    row.version += 1
    _describe(session, host_id, row, definition)
    session.flush()
    moved: MovedMembers = {}
    written = _assignments(session, host_id, row, definition, at, who, moved)
    _courses(session, host_id, row.id, definition)
    session.add(
        Version(host_id=host_id, certification=row.id, n=row.version, at=at, who=who, reason=reason,
                definition=_document(definition), choices={**choices, MEMBERS: moved} if moved else dict(choices))
    )  # fmt: skip
    session.flush()
    return WrittenVersion(row.id, row.version, *written)


def _whole(proposal: Proposal) -> Definition:
    """With the notifications that stay as they are filled in; a new certification sends none unless told to."""
    if proposal.definition.notifications is not None:
        return proposal.definition
    kept = proposal.current.notifications if proposal.current is not None else None
    return replace(proposal.definition, notifications=kept or ())


def _document(definition: Definition) -> dict[str, Any]:
    """Members are no part of a version: they come and go between saves."""
    rows = tuple(replace(row, members=None) for row in definition.assignments)
    return replace(definition, assignments=rows).to_json()


def _certification(session: Session, host_id: int, proposal: Proposal, at: int) -> Certification:
    code = proposal.current.code if proposal.current is not None else proposal.definition.code
    row = session.scalars(
        select(Certification).where(Certification.host_id == host_id, Certification.code == code).with_for_update()
    ).first()
    if row is None:
        if proposal.base_version:
            raise Conflict(_("'%(code)s' no longer exists.", code=code))
        row = Certification(
            host_id=host_id, id=take_ids(session, host_id, "certification"), code=code, name="", version=0, created=at
        )
        session.add(row)
    if row.version != proposal.base_version:
        raise Conflict(
            _("'%(code)s' is at version %(version)s now: somebody saved it meanwhile.", code=code, version=row.version)
        )
    return row


def _describe(session: Session, host_id: int, row: Certification, definition: Definition) -> None:
    zone = _zone(session, host_id)
    row.code, row.name, row.kind, row.state = definition.code, definition.name, definition.kind, definition.state
    row.areas, row.category = definition.areas, definition.category
    row.available_from, row.available_until = available_from(definition, zone), available_until(definition, zone)
    row.settings = {
        "content": definition.content,
        "period": definition.period,
        "enrol": definition.enrol,
        "leaving": definition.leaving,
        "exceptions": definition.exceptions,
    }


def _zone(session: Session, host_id: int) -> str:
    return str(session.scalar(select(Host.time_zone).where(Host.id == host_id)) or "UTC")


def _assignments(
    session: Session, host_id: int, certification: Certification, definition: Definition, at: int, who: str,
    moved: MovedMembers,
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:  # fmt: skip
    """Bring the rows in line: one per (type, target) for ever, so that one added again is the same row (rules 5.9)."""
    saved = {
        (row.type, row.target): row
        for row in session.scalars(
            select(Assignment).where(Assignment.host_id == host_id, Assignment.certification == certification.id)
        )
    }
    ids = target_ids(session, host_id, [(row.type, row.target) for row in definition.assignments])
    excluded = exclusion_ids(session, host_id, definition.assignments)
    zone = _zone(session, host_id)
    added, changed, wanted = [], [], set()
    fresh = [row for row in definition.assignments if (row.type, row.target) not in saved]
    number = take_ids(session, host_id, "assignment", len(fresh)) if fresh else 0
    for row in definition.assignments:
        key = (row.type, row.target)
        if key in wanted:
            raise Invalid(_("%(key)s is in the list twice; there can be one assignment for each target.", key=row.key))
        wanted.add(key)
        present, starts, wave = saved.get(key), starts_at(definition, row, zone), dump_wave(wave_of(definition, row))
        if key not in ids and (present is None or not present.live):
            raise Invalid(_("%(key)s: the host does not know this target.", key=row.key))
        if present is None:
            present = Assignment(
                host_id=host_id, id=number, certification=certification.id, type=row.type, target=row.target,
                why_key=secrets.randbits(62) | 1, since_version=certification.version, live=True,
            )  # fmt: skip
            number += 1
            session.add(present)
            added.append(present.id)
        elif not present.live:
            present.live, present.missing, present.since_version = True, False, certification.version
            added.append(present.id)
        elif _said(present) != (row.include, row.due, row.group, _excluded(row, excluded), starts, wave):
            changed.append(present.id)
        present.target_id = ids.get(key, present.target_id)
        present.include, present.due, present.group = row.include, row.due, row.group
        present.exclusions, present.starts, present.wave = _excluded(row, excluded), starts, wave
        _note_members(session, present, row, at, who, moved)
    removed = [present.id for key, present in saved.items() if present.live and key not in wanted]
    for present in saved.values():
        if present.id in removed:
            present.live = False
    session.flush()
    return tuple(added), tuple(changed), tuple(removed)


def _note_members(
    session: Session, group: Assignment, row: AssignmentDef, at: int, who: str, moved: MovedMembers
) -> None:
    """Set the members of a group where its row names them, and note who came and who went."""
    if row.members is None:
        return
    session.flush()
    came, went = set_members(session, group.host_id, group.id, row, at, who)
    if came or went:
        moved[row.target] = {"came": came, "went": went}


def _said(row: Assignment) -> tuple[Any, ...]:
    return row.include, row.due, row.group, row.exclusions, row.starts, row.wave


def _excluded(row: AssignmentDef, ids: Mapping[tuple[str, str], int | None]) -> list[list[Any]] | None:
    """A row's exclusions as the table holds them."""
    return [list(key) for key in exclusion_keys(row.exclusions, ids)] or None


def set_members(
    session: Session, host_id: int, assignment: int, row: AssignmentDef, at: int, who: str
) -> tuple[list[int], list[int]]:
    """Make a group's list exactly these people; who stays keeps her date of joining. Returns who came, and who went.

    :raises Invalid: naming a member the host does not know.
    """
    ids = target_ids(session, host_id, [("individual", member) for member in row.members or ()])
    for member in row.members or ():
        if ids.get(("individual", member)) is None:
            raise Invalid(_("%(key)s: the host knows no person '%(member)s'.", key=row.key, member=member))
    wanted = {int(number) for number in ids.values() if number is not None}
    present = set(
        session.scalars(
            select(GroupMember.person).where(GroupMember.host_id == host_id, GroupMember.assignment == assignment)
        )
    )
    gone = present - wanted
    if gone:
        session.execute(
            delete(GroupMember).where(
                GroupMember.host_id == host_id, GroupMember.assignment == assignment, GroupMember.person.in_(gone)
            )
        )
    new = [
        {"host_id": host_id, "assignment": assignment, "person": person, "since": at, "by": who}
        for person in sorted(wanted - present)
    ]
    if new:
        session.execute(insert(GroupMember), new)
    return sorted(wanted - present), sorted(gone)


def _courses(session: Session, host_id: int, certification: int, definition: Definition) -> None:
    session.execute(
        delete(CourseSetCourse).where(
            CourseSetCourse.host_id == host_id, CourseSetCourse.certification == certification
        )
    )
    content = parse_content(definition.content)
    paths = {"certification": content.certification, "recertification": content.recertification_path}
    names = {course for path in paths.values() for course in courses_of(path)}
    rows = session.execute(select(Course.ext, Course.id).where(Course.host_id == host_id, Course.ext.in_(names)))
    ids = {row[0]: row[1] for row in rows}
    listed = [
        {"host_id": host_id, "certification": certification, "path": name, "position": position, "course": ids[course]}
        for name, path in paths.items()
        for position, one in enumerate(path)
        for course in dict.fromkeys(one.courses)
        if course in ids
    ]
    if listed:
        session.execute(insert(CourseSetCourse), listed)
