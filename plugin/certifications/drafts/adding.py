"""Rows that an administrator adds to her draft: targets chosen in a dialog, and self-enrolment groups (rules 5.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.certifications.definition import TYPES, AssignmentDef
from plugin.certifications.drafts.drafts import (
    INCLUDES,
    NEW,
    REMOVED,
    base_of,
    edit_row,
    edits_of,
    find_row,
    rows,
    store_edits,
)
from plugin.certifications.tables import Draft
from plugin.certifications.targets import target_ids, within_reach
from plugin.core.errors import Invalid
from plugin.mirror.lookup.written_ids import meant

MOST_TARGETS = 5_000
"""As many targets may be added at once."""


def add_targets(session: Session, draft: Draft, kind: str, targets: Sequence[str]) -> list[AssignmentDef]:
    """Add one row for each target, with the type's first include setting and no due date.

    A target whose row is to be removed is kept again instead.

    :raises Invalid: when there are none or too many, or the host does not know one, or one is assigned already;
        then nothing is added.
    """
    added = check_targets(session, draft, kind, targets)
    edits = edits_of(draft)
    saved = {row.key for row in base_of(session, draft).assignments}
    for row in added:
        if row.key in saved:
            edits.pop(row.key, None)
        else:
            edits[row.key] = {
                "op": "add", "type": row.type, "target": row.target, "include": row.include, "due": row.due,
            }  # fmt: skip
    store_edits(draft, edits)
    return added


def check_targets(session: Session, draft: Draft, kind: str, targets: Sequence[str]) -> list[AssignmentDef]:
    """The rows that adding these targets would make; the same checks, and nothing is changed.

    :raises Invalid: see :func:`add_targets`.
    """
    if kind not in TYPES or kind == "group":
        raise Invalid(_("There is no such type of assignment."))
    named = meant(session, draft.host_id, [(kind, target) for target in targets])
    wanted = list(dict.fromkeys(named.get((kind, target), target) for target in targets))
    if not wanted:
        raise Invalid(_("Nothing is selected. Select at least one item from the list."))
    if len(wanted) > MOST_TARGETS:
        sentence = _("At most %(most)s items can be added at once; %(number)s are selected.",
                     most=MOST_TARGETS, number=len(wanted))  # fmt: skip
        raise Invalid(sentence)
    known = target_ids(session, draft.host_id, [(kind, target) for target in wanted])
    known = within_reach(session, draft.host_id, known)
    unknown = [target for target in wanted if (kind, target) not in known]
    if unknown:
        raise Invalid(_("The learning site no longer has '%(target)s'. Choose again.", target=unknown[0]))
    present = {row.key for row in rows(session, draft) if row.state != REMOVED}
    include = INCLUDES.get(kind, ("",))[0]
    added = [AssignmentDef(kind, target, include) for target in wanted]
    twice = [row.target for row in added if row.key in present]
    if twice:
        raise Invalid(_("'%(target)s' is assigned already. A target can be assigned once.", target=twice[0]))
    return added


def retarget(session: Session, draft: Draft, key: str, job: str) -> AssignmentDef:
    """Choose a successor for a manager: her row goes, one for another job comes with its settings (rules 2.3).

    :param key: of the row; ``job``: the host's id of the successor's job.
    :raises NotFound: when the draft has no such row.
    :raises Invalid: when the row is no manager's, or see :func:`add_targets`; then nothing is changed.
    """
    row = find_row(session, draft, key)
    if row.definition.type != "manager":
        raise Invalid(_("Only an assignment by management hierarchy can have a successor."))
    [new] = check_targets(session, draft, "manager", [job])
    old = row.definition
    new = replace(new, include=old.include, due=old.due, exclusions=old.exclusions, starts=old.starts,
                  wave=old.wave)  # fmt: skip
    if row.state == REMOVED:
        raise Invalid(_("This assignment is to be removed. Undo that first."))
    edits = edits_of(draft)
    edits.pop(key, None)
    if row.state != NEW:
        edits[key] = {"op": "remove"}
    removed = any(one.key == new.key for one in base_of(session, draft).assignments)
    edits[new.key] = {
        "op": "change" if removed else "add", "type": "manager", "target": job, "include": new.include, "due": new.due,
        "exclusions": new.exclusions, "starts": new.starts,
        "wave": new.wave,
    }  # fmt: skip
    store_edits(draft, edits)
    return new


def add_group(
    session: Session, draft: Draft, name: str, *, description: str, self_enrol: bool, withdraw: bool
) -> AssignmentDef:
    """Add a self-enrolment group. One that is to be removed is kept again instead, with these settings.

    :raises Invalid: when the name is empty or too long, or a group here has it already; then nothing is added.
    """
    title = " ".join(name.split())
    if not title or len(title) > 100:
        raise Invalid(_("A group needs a name of 1 to 100 characters."))
    row = AssignmentDef("group", title, group=_settings(description, self_enrol, withdraw))
    if any(present.key == row.key and present.state != REMOVED for present in rows(session, draft)):
        sentence = _("There is a group '%(name)s' already. A group can be added once; change that one, or choose another"
                     " name.", name=title)  # fmt: skip
        raise Invalid(sentence)
    if any(one.key == row.key for one in base_of(session, draft).assignments):
        edit_row(session, draft, row.key, group=row.group)
        return row
    edits = edits_of(draft)
    edits[row.key] = {"op": "add", "type": "group", "target": title, "include": "", "due": "none", "group": row.group}
    store_edits(draft, edits)
    return row


def change_group(
    session: Session, draft: Draft, key: str, *, description: str, self_enrol: bool, withdraw: bool
) -> None:
    """Change the description and permissions of a group; its members stay (rules 2.5).

    :raises NotFound: when the draft has no such row. :raises Invalid: when it is no group, or to be removed.
    """
    row = find_row(session, draft, key)
    if row.definition.type != "group":
        raise Invalid(_("This assignment is not a group."))
    if row.state == REMOVED:
        raise Invalid(_("This assignment is to be removed. Undo that first."))
    edit_row(session, draft, key, group=_settings(description, self_enrol, withdraw))


def _settings(description: str, self_enrol: bool, withdraw: bool) -> dict[str, Any]:
    return {"description": description.strip()[:1000], "self_enrol": self_enrol, "withdraw": withdraw}
