"""A certification copied: what is ticked comes along, as a draft of its own (rules 5.11)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from plugin.certifications.definition import Definition
from plugin.certifications.file.certification_file import members_of
from plugin.certifications.store import by_id, definition_of

PARTS: dict[str, tuple[str, ...]] = {
    "content": ("content", "enrol"),
    "period": ("period",),
    "leaving": ("leaving",),
    "exceptions": ("exceptions",),
    "assignments": ("assignments", "wave"),
    "members": (),
    "notifications": ("notifications",),
}
"""What can be ticked, and the fields of a definition that come along with it."""


def copied(
    session: Session, host_id: int, certification: int, *, code: str, name: str, parts: Collection[str]
) -> Definition:
    """A definition to be saved as a new certification: a draft of the same kind, without dates of its own.

    :param parts: of :data:`PARTS`; members of groups come only along with assignments.
    """
    saved = definition_of(session, host_id, by_id(session, host_id, certification).id)
    fields = {field for part in parts for field in PARTS[part]}
    taken: dict[str, Any] = {field: getattr(saved, field) for field in fields}
    if "assignments" in taken:
        members = "members" in parts
        taken["assignments"] = tuple(
            replace(row, members=_members(session, host_id, certification, row.target) if members else ())
            if row.type == "group"
            else row
            for row in saved.assignments
        )
    if "period" not in taken:
        taken["period"] = saved.period  # it is never without one
    return Definition(
        **{"code": code, "name": name, "kind": saved.kind, "state": "draft", "notifications": (), **taken}
    )


def _members(session: Session, host_id: int, certification: int, group: str) -> tuple[str, ...]:
    return tuple(members_of(session, host_id, certification, group) or ())
