"""Targets as somebody wrote them, brought to the ids they mean (SOURCES 2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef, Definition
from plugin.mirror.lookup.written_ids import meant


def as_meant(session: Session, host_id: int, definition: Definition) -> Definition:
    """The definition with every unit named by its own id: of rows, and of positions that due dates name."""
    rows = definition.assignments
    wanted = {(row.type, row.target) for row in rows} | {
        ("position", one) for row in rows for one in _position(row.due)
    }
    wanted |= {(one[0], one[1]) for row in rows for one in row.exclusions}
    known = meant(session, host_id, wanted)
    if not known:
        return definition
    return replace(definition, assignments=tuple(_row(row, known) for row in rows))


def _position(due: Any) -> list[str]:
    named = due.get("position") if isinstance(due, Mapping) else None
    return [named] if isinstance(named, str) else []


def _row(row: AssignmentDef, known: Mapping[tuple[str, str], str]) -> AssignmentDef:
    due = row.due
    for named in _position(due):
        due = {**due, "position": known.get(("position", named), named)}
    left_out = ((kind, known.get((kind, target), target), include) for kind, target, include in row.exclusions)
    target = known.get((row.type, row.target), row.target)
    return replace(row, target=target, due=due, exclusions=tuple(dict.fromkeys(left_out)))
