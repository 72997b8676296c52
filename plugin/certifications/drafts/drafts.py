"""Unsaved edits of one administrator to one certification (rules 5.2).

A draft names the version it was made from and says, row by row, what it adds, changes or removes; so two
administrators' edits can be laid side by side, and nothing is overwritten (rules 5.5). Nothing here reaches a
learner.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef, Definition, Proposal
from plugin.certifications.rules.due_dates import dump_due, parse_due
from plugin.certifications.store import by_id, definition_of
from plugin.certifications.tables import Certification, Draft
from plugin.certifications.targets import target_ids, within_reach
from plugin.core.errors import Invalid, NotFound

INCLUDES = {"organisation": ("", "below"), "position": ("", "below"), "manager": ("direct", "below")}
"""The include settings a type offers; the first is what a new row has."""

NEW, CHANGED, REMOVED, SAVED = "new", "changed", "removed", "saved"


@dataclass(frozen=True)
class DraftRow:
    """A row of the Assignments tab. ``state`` is new, changed, removed or saved."""

    definition: AssignmentDef
    state: str

    @property
    def key(self) -> str:
        """``type:target``."""
        return self.definition.key


def read_draft(session: Session, host_id: int, certification: int, editor: str) -> Draft:
    """The administrator's draft to look at; where there is none, an empty one that is not stored.

    :raises NotFound: when the host has no such certification.
    """
    saved = by_id(session, host_id, certification)
    found = session.get(Draft, (host_id, certification, editor))
    if found is None or not found.changes:
        return _empty(saved, editor, 0)
    return found


def open_draft(session: Session, host_id: int, certification: int, editor: str, *, at: int) -> Draft:
    """The administrator's draft to edit, made where there is none.

    :raises NotFound: when the host has no such certification.
    """
    saved = by_id(session, host_id, certification)
    found = session.scalars(
        select(Draft)
        .where(Draft.host_id == host_id, Draft.certification == certification, Draft.editor == editor)
        .with_for_update()
    ).first()
    if found is None:
        found = _empty(saved, editor, at)
        session.add(found)
    elif not found.changes:
        found.base_version = saved.version
    found.touched = at
    return found


def _empty(saved: Certification, editor: str, at: int) -> Draft:
    return Draft(
        host_id=saved.host_id, certification=saved.id, editor=editor, base_version=saved.version, changes={},
        revision=1, touched=at,
    )  # fmt: skip


def others_editing(session: Session, host_id: int, certification: int, editor: str) -> list[str]:
    """Other administrators with unsaved changes here."""
    rows = session.scalars(
        select(Draft).where(Draft.host_id == host_id, Draft.certification == certification, Draft.editor != editor)
    )
    return sorted(row.editor for row in rows if row.changes)


def unsaved_in(session: Session, host_id: int, editor: str) -> list[int]:
    """The certifications where this administrator has unsaved changes."""
    rows = session.scalars(select(Draft).where(Draft.host_id == host_id, Draft.editor == editor))
    return sorted(row.certification for row in rows if row.changes)


# --- reading


def base_of(session: Session, draft: Draft) -> Definition:
    """The saved definition the draft was made from."""
    return definition_of(session, draft.host_id, draft.certification, draft.base_version)


def rows(session: Session, draft: Draft) -> list[DraftRow]:
    """New rows first, then the saved ones in their order with what the draft does to them."""
    return _merged(base_of(session, draft), edits_of(draft))


def proposal(session: Session, draft: Draft) -> Proposal:
    """What the draft would save."""
    base = base_of(session, draft)
    kept = [row.definition for row in _merged(base, edits_of(draft)) if row.state != REMOVED]
    old = {row.key for row in base.assignments}
    kept.sort(key=lambda row: row.key not in old)
    definition = replace(base, assignments=tuple(kept), **draft.changes.get("details", {}))
    return Proposal(definition, draft.base_version, base)


def count_changes(draft: Draft) -> int:
    """How many edits wait to be saved; the details count as one."""
    return len(edits_of(draft)) + (1 if draft.changes.get("details") else 0)


def edits_of(draft: Draft) -> dict[str, dict[str, Any]]:
    """The edits by row: ``op`` is add, change or remove."""
    return dict(draft.changes.get("rows", {}))


def _merged(base: Definition, edits: dict[str, dict[str, Any]]) -> list[DraftRow]:
    saved = []
    known = set()
    for row in base.assignments:
        known.add(row.key)
        edit = edits.get(row.key)
        if edit is None:
            saved.append(DraftRow(row, SAVED))
        elif edit["op"] == "remove":
            saved.append(DraftRow(row, REMOVED))
        else:
            saved.append(DraftRow(_apply(row, edit), CHANGED))
    new = [
        DraftRow(_apply(AssignmentDef(edit["type"], edit["target"]), edit), NEW)
        for key, edit in edits.items()
        if key not in known and edit["op"] != "remove"
    ]
    return [*reversed(new), *saved]


def _apply(row: AssignmentDef, edit: dict[str, Any]) -> AssignmentDef:
    return replace(
        row,
        include=edit.get("include", row.include),
        due=edit.get("due", row.due),
        group=edit.get("group", row.group),
        exclusions=tuple((one[0], one[1], one[2]) for one in edit.get("exclusions", row.exclusions)),
        starts=edit.get("starts", row.starts),
        wave=edit.get("wave", row.wave),
    )


# --- editing


def set_include(session: Session, draft: Draft, key: str, include: str) -> None:
    """Set *Include all below* or *Include direct team*.

    :raises NotFound: when the draft has no such row. :raises Invalid: when its type does not offer that.
    """
    row = find_row(session, draft, key).definition
    if include not in INCLUDES.get(row.type, ("",)):
        raise Invalid(_("This assignment does not offer that choice."))
    edit_row(session, draft, key, include=include)


def set_due(session: Session, draft: Draft, key: str, due: Any) -> None:
    """Set the due date, as AS-CODE writes it.

    :raises NotFound: when the draft has no such row. :raises Invalid: with a sentence when it is no due date.
    """
    find_row(session, draft, key)
    try:
        written = dump_due(parse_due(due))
    except ValueError as error:
        raise Invalid(str(error)) from None
    edit_row(session, draft, key, due=written)


def remove_row(session: Session, draft: Draft, key: str) -> None:
    """Mark a saved row to be removed; a row that was never saved just goes.

    :raises NotFound: when the draft has no such row.
    """
    row = find_row(session, draft, key)
    edits = edits_of(draft)
    edits.pop(key, None)
    if row.state != NEW:
        edits[key] = {"op": "remove"}
    store_edits(draft, edits)


def undo_row(session: Session, draft: Draft, key: str) -> None:
    """Take back what the draft does to a row.

    :raises NotFound: when the draft has no such row.
    """
    find_row(session, draft, key)
    edits = edits_of(draft)
    edits.pop(key, None)
    store_edits(draft, edits)


def set_details(session: Session, draft: Draft, **details: Any) -> None:
    """Set fields of the definition other than its assignments; equal to the saved ones they leave no edit."""
    base = base_of(session, draft)
    merged = {**draft.changes.get("details", {}), **details}
    kept = {name: value for name, value in merged.items() if getattr(base, name) != value}
    changes = dict(draft.changes)
    changes.pop("details", None)
    draft.changes = {**changes, "details": kept} if kept else changes
    draft.revision += 1


def discard(session: Session, draft: Draft) -> None:
    """Forget every edit."""
    draft.changes = {}
    draft.revision += 1
    draft.base_version = by_id(session, draft.host_id, draft.certification).version


def find_row(session: Session, draft: Draft, key: str) -> DraftRow:
    """The row with this key.

    :raises NotFound: when the draft has none; an individual row of somebody outside an area does not exist there.
    """
    for row in rows(session, draft):
        if row.key == key and not _is_withheld(session, draft.host_id, row.definition):
            return row
    raise NotFound(_("This assignment is no longer in the list."))


def _is_withheld(session: Session, host_id: int, row: AssignmentDef) -> bool:
    """Whether it names somebody who does not exist for whoever acts on an area now (ACCESS 3)."""
    if row.type != "individual":
        return False
    found = target_ids(session, host_id, [(row.type, row.target)])
    return bool(found) and not within_reach(session, host_id, found)


def edit_row(session: Session, draft: Draft, key: str, **values: Any) -> None:
    """Change a row; one that ends up as it was saved is not changed at all."""
    edits = edits_of(draft)
    saved = {row.key: row for row in base_of(session, draft).assignments}.get(key)
    changed_row(edits, saved, key, values)
    store_edits(draft, edits)


def changed_row(
    edits: dict[str, dict[str, Any]], saved: AssignmentDef | None, key: str, values: dict[str, Any]
) -> None:
    """Put the change of one row into edits."""
    edit = edits.get(key) or {"op": "change"}
    if edit["op"] == "remove":
        edit = {"op": "change"}
    edit = {**edit, **values}
    if saved is not None and _apply(saved, edit) == saved:
        edits.pop(key, None)
    else:
        edits[key] = edit


def store_edits(draft: Draft, edits: dict[str, dict[str, Any]]) -> None:
    """Put edits into the draft in place of the present ones."""
    rest = {name: value for name, value in draft.changes.items() if name != "rows"}
    draft.changes = {**rest, "rows": edits} if edits else rest
    draft.revision += 1
