"""Whom a row of a draft leaves out: targets whose people it never matches (rules 11.1)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.certifications.definition import EXCLUDABLE, AssignmentDef, Exclusion
from plugin.certifications.drafts.drafts import INCLUDES, REMOVED, edit_row, find_row
from plugin.certifications.tables import Draft
from plugin.certifications.targets import target_ids
from plugin.core.errors import Invalid

MOST = 200
"""As many targets may be excepted from one row."""


def exclude(session: Session, draft: Draft, key: str, kind: str, targets: Sequence[str]) -> AssignmentDef:
    """Except these targets from a row too: of a unit, all below with it.

    :raises NotFound: when the draft has no such row.
    :raises Invalid: when there are none or too many, or the host does not know one; then nothing is changed.
    """
    row = _row(session, draft, key)
    if kind not in EXCLUDABLE:
        raise Invalid(_("Only organisations, positions, audiences and individuals can be excepted."))
    present = {one[:2] for one in row.exclusions}
    fresh = [target for target in dict.fromkeys(targets) if (kind, target) not in present]
    if not targets:
        raise Invalid(_("Nothing is selected. Select at least one item from the list."))
    known = target_ids(session, draft.host_id, [(kind, target) for target in fresh])
    unknown = [target for target in fresh if (kind, target) not in known]
    if unknown:
        raise Invalid(_("The learning site no longer has '%(target)s'. Choose again.", target=unknown[0]))
    if len(row.exclusions) + len(fresh) > MOST:
        raise Invalid(_("At most %(most)s can be excepted from one assignment. Use an audience for more.", most=MOST))
    include = "below" if kind in INCLUDES else ""
    edit_row(session, draft, key, exclusions=[*row.exclusions, *((kind, target, include) for target in fresh)])
    return find_row(session, draft, key).definition


def keep_exclusions(
    session: Session, draft: Draft, key: str, keep: Collection[str], below: Collection[str]
) -> AssignmentDef:
    """Keep of a row's exclusions those named, as ``type:target``, and set of which units all below are excepted too.

    :raises NotFound: when the draft has no such row. :raises Invalid: when it is to be removed.
    """
    row = _row(session, draft, key)
    kept: list[Exclusion] = []
    for kind, target, _include in row.exclusions:
        name = f"{kind}:{target}"
        if name in keep:
            kept.append((kind, target, "below" if kind in INCLUDES and name in below else ""))
    edit_row(session, draft, key, exclusions=kept)
    return find_row(session, draft, key).definition


def _row(session: Session, draft: Draft, key: str) -> AssignmentDef:
    row = find_row(session, draft, key)
    if row.state == REMOVED:
        raise Invalid(_("This assignment is to be removed. Undo that first."))
    return row.definition
