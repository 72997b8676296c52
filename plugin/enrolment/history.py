"""What happened, newest first, and the way back: undo through the same review (DOMAIN 5.8, 6.4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.definition import Definition, Proposal
from plugin.certifications.store import by_id, definition_of
from plugin.core.clock import format_instant
from plugin.core.errors import NotFound, RefusedByRule
from plugin.core.runtime import Runtime
from plugin.core.tables import Journal
from plugin.enrolment.save import Choices, Saved, save

KEPT = 30 * 86400
"""How long a save can be undone."""


def history(
    session: Session, host_id: int, certification: int, *, limit: int = 500, before: int | None = None
) -> list[dict[str, Any]]:
    """Entries of one certification, newest first.

    :param before: only entries older than this number.
    """
    query = select(Journal).where(Journal.host_id == host_id, Journal.certification == certification)
    if before is not None:
        query = query.where(Journal.n < before)
    rows = session.scalars(query.order_by(Journal.n.desc()).limit(limit))
    return [
        {
            "n": row.n,
            "at": format_instant(row.at),
            "who": row.who,
            "what": row.what,
            "reason": row.reason,
            "version": row.version,
            "learners": row.count if row.people is not None or row.person is not None else 0,
        }
        for row in rows
    ]


def what_was_saved(
    session: Session, host_id: int, certification: int, number: int
) -> tuple[Journal, Definition | None, Definition]:
    """A save of a certification: its entry, the definition before it (``None`` at the first), and the one it saved.

    :raises NotFound: for a number that is no save of it.
    """
    entry = session.get(Journal, (host_id, number))
    if entry is None or entry.what != "saved" or entry.certification != certification or entry.version is None:
        raise NotFound(_("%(number)s is no save of this certification.", number=number))
    after = definition_of(session, host_id, certification, entry.version)
    if entry.version == 1:
        return entry, None, after
    return entry, definition_of(session, host_id, certification, entry.version - 1), after


def undo_proposal(runtime: Runtime, session: Session, host_id: int, number: int) -> Proposal:
    """What reversing a save would save: the definition before it, on top of what is saved now.

    :raises NotFound: for a number that is no save. :raises RefusedByRule: when it is too old, or a first save.
    """
    entry = session.get(Journal, (host_id, number))
    if entry is None or entry.what != "saved" or entry.certification is None or entry.version is None:
        raise NotFound(_("%(number)s is no save that could be undone.", number=number))
    if runtime.clock.now() - entry.at > KEPT:
        raise RefusedByRule(_("This save is more than 30 days old and can no longer be undone."))
    row = by_id(session, host_id, entry.certification)
    current = definition_of(session, host_id, row.id)
    after = definition_of(session, host_id, row.id, entry.version)
    if entry.version == 1:
        before = replace(after, assignments=(), state="draft" if row.version == 1 else after.state)
    else:
        before = definition_of(session, host_id, row.id, entry.version - 1)
    merged: dict[str, Any] = {}
    for name in (
        "name",
        "kind",
        "state",
        "available",
        "content",
        "period",
        "enrol",
        "leaving",
        "exceptions",
        "notifications",
    ):
        if getattr(before, name) != getattr(after, name):
            merged[name] = getattr(before, name)
    merged["assignments"] = _rows(current.assignments, before.assignments, after.assignments)
    return Proposal(replace(current, **merged), row.version, current, _dated_by(before, after))


def _dated_by(before: Definition, after: Definition) -> frozenset[str]:
    """The assignments whose dates came from a save: only these go back with it (DOMAIN 3.5)."""
    old = {row.key: row for row in before.assignments}
    return frozenset(row.key for row in after.assignments if row.key not in old or old[row.key].due != row.due)


def _rows(current: Any, before: Any, after: Any) -> tuple[Any, ...]:
    """The present rows with this save's changes to them reversed; later changes to other rows stay."""
    old, new = {row.key: row for row in before}, {row.key: row for row in after}
    rows = []
    for row in current:
        if row.key in new and row.key not in old:
            continue  # this save added it
        if row.key in old and row.key in new and old[row.key] != new[row.key] and row == new[row.key]:
            row = old[row.key]
        rows.append(row)
    present = {row.key for row in rows}
    rows += [row for key, row in old.items() if key not in new and key not in present]
    return tuple(rows)


def undo(
    runtime: Runtime, host_id: int, number: int, *, who: str, choices: Choices, earlier: bool = True
) -> list[Saved]:
    """Reverse a save; dates that came from it go back too (DOMAIN 3.5).

    :param earlier: whether dates move earlier, or are cleared, where what is left asks for it.
    :raises RefusedByRule: by the same rules as any save.
    """
    with runtime.db.read() as session:
        proposal = undo_proposal(runtime, session, host_id, number)
    reason = choices.reason or f"Undo of {number}"
    return save(runtime, host_id, [proposal], who=who, choices=replace(choices, earlier=earlier, reason=reason))
