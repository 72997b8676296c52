"""Members of groups that a save put in or took out, the other way round: what undoing it asks for (rules 5.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef
from plugin.certifications.listing import assignment_ids
from plugin.certifications.resolve import group_members
from plugin.certifications.tables import Version
from plugin.certifications.versions import MEMBERS, MovedMembers
from plugin.mirror.lookup.browse import names_of_people
from plugin.mirror.tables import DELETED


def with_members_back(
    session: Session, host_id: int, certification: int, version: int, rows: Sequence[AssignmentDef]
) -> tuple[AssignmentDef, ...]:
    """These rows, those of groups whose members a version changed with the members they have once it is undone.

    Who joined or left since, and whom the host deleted, stays as she is.
    """
    saved = session.get_one(Version, (host_id, certification, version))
    moved: MovedMembers = saved.choices.get(MEMBERS) or {}
    if not moved:
        return tuple(rows)
    numbers = assignment_ids(session, host_id, certification)
    return tuple(
        _with_back(session, host_id, row, numbers.get(row.key), moved[row.target])
        if row.type == "group" and row.target in moved
        else row
        for row in rows
    )


def _with_back(
    session: Session, host_id: int, row: AssignmentDef, assignment: int | None, moved: dict[str, list[int]]
) -> AssignmentDef:
    present = group_members(session, host_id, assignment) if assignment is not None else BitMap()
    wanted = (present - BitMap(moved["came"])) | BitMap(moved["went"])
    if wanted == present:
        return row
    there = [one for one in names_of_people(session, host_id, list(wanted)).values() if one.state != DELETED]
    return replace(row, members=tuple(sorted(one.ext for one in there)))
