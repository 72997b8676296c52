"""One change to many rows of a draft at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy.orm import Session

from plugin.certifications.drafts.drafts import (
    INCLUDES,
    NEW,
    REMOVED,
    DraftRow,
    base_of,
    changed_row,
    edits_of,
    rows,
    store_edits,
)
from plugin.certifications.rules.due_dates import dump_due, parse_due
from plugin.certifications.tables import Draft
from plugin.core.errors import Invalid


def set_due_of(session: Session, draft: Draft, keys: Collection[str], due: Any) -> int:
    """Set the due date of rows; returns of how many. Rows to be removed are left out.

    :raises Invalid: with a sentence when it is no due date.
    """
    try:
        written = dump_due(parse_due(due))
    except ValueError as error:
        raise Invalid(str(error)) from None
    return _change(session, draft, {row.key: {"due": written} for row in _chosen(session, draft, keys)})


def wider(row: DraftRow, below: bool) -> str | None:
    """The *Include* setting of a row for all below or not; ``None`` where its type has no choice."""
    offered = INCLUDES.get(row.definition.type)
    return None if offered is None else "below" if below else offered[0]


def set_include_of(session: Session, draft: Draft, keys: Collection[str], below: bool) -> int:
    """Include all below in rows, or not; returns of how many: only units and managers have the choice."""
    wanted = {row.key: wider(row, below) for row in _chosen(session, draft, keys)}
    return _change(
        session, draft, {key: {"include": include} for key, include in wanted.items() if include is not None}
    )


def remove_of(session: Session, draft: Draft, keys: Collection[str]) -> int:
    """Mark rows to be removed; those never saved just go. Returns how many."""
    chosen = _chosen(session, draft, keys)
    edits = edits_of(draft)
    for row in chosen:
        edits.pop(row.key, None)
        if row.state != NEW:
            edits[row.key] = {"op": "remove"}
    store_edits(draft, edits)
    return len(chosen)


def _chosen(session: Session, draft: Draft, keys: Collection[str]) -> list[DraftRow]:
    wanted = set(keys)
    return [row for row in rows(session, draft) if row.key in wanted and row.state != REMOVED]


def _change(session: Session, draft: Draft, values: Mapping[str, dict[str, Any]]) -> int:
    edits = edits_of(draft)
    saved = {row.key: row for row in base_of(session, draft).assignments}
    for key, change in values.items():
        changed_row(edits, saved.get(key), key, change)
    store_edits(draft, edits)
    return len(values)
