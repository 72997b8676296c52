"""What happened, newest first, and the way back: undo through the same review (rules 5.8, 6.4)."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef, Definition, Proposal
from plugin.certifications.store import by_id, definition_of
from plugin.core.area_scope import area_of
from plugin.core.clock import format_instant
from plugin.core.errors import NotFound, RefusedByRule
from plugin.core.runtime import Runtime
from plugin.core.tables import Journal
from plugin.core.text.stored import later
from plugin.enrolment.saving.members_back import with_members_back
from plugin.enrolment.saving.save import Choices, Saved, save

KEPT = 30 * 86400
"""How long a save can be undone."""


def history(
    session: Session, host_id: int, certification: int, *, limit: int | None = None, before: int | None = None
) -> list[dict[str, Any]]:
    """Entries of one certification, newest first.

    :param limit: at most so many; all where there is none. :param before: only entries older than this number.
    """
    query = select(Journal).where(Journal.host_id == host_id, Journal.certification == certification)
    if before is not None:
        query = query.where(Journal.n < before)
    area = area_of(session, host_id)
    rows = _inside(session, query, area, limit) if area is not None else session.scalars(
        query.order_by(Journal.n.desc()).limit(limit)
    )  # fmt: skip
    return [
        {
            "n": row.n,
            "at": format_instant(row.at),
            "who": row.who,
            "what": row.what,
            "reason": row.reason,
            "version": row.version,
            "learners": _learners(row, area),
        }
        for row in rows
    ]


def _learners(row: Journal, area: BitMap | None) -> int:
    if row.people is None and row.person is None:
        return 0
    return row.count if area is None else len(_people(row) & area)


def _people(row: Journal) -> BitMap:
    if row.people is not None:
        return BitMap.deserialize(bytes(row.people))
    return BitMap() if row.person is None else BitMap([row.person])


_AT_ONCE = 500


def _inside(session: Session, query: Select[Journal], area: BitMap, limit: int | None) -> list[Journal]:
    """Entries that speak of nobody, or of somebody inside an area."""
    found: list[Journal] = []
    before: int | None = None
    while limit is None or len(found) < limit:
        part = query if before is None else query.where(Journal.n < before)
        rows = session.scalars(part.order_by(Journal.n.desc()).limit(_AT_ONCE)).all()
        found += [row for row in rows if (row.people is None and row.person is None) or _people(row) & area]
        if len(rows) < _AT_ONCE:
            break
        before = rows[-1].n
    return found[:limit]


def last_save(session: Session, host_id: int, certification: int) -> int | None:
    """The number of the latest save of a certification; ``None`` where there is none, or only the first."""
    query = select(Journal.n, Journal.version).where(
        Journal.host_id == host_id, Journal.certification == certification, Journal.what == "saved"
    )
    row = session.execute(query.order_by(Journal.n.desc()).limit(1)).first()
    return row[0] if row is not None and (row[1] or 0) > 1 else None


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


def undo_proposal(
    runtime: Runtime, session: Session, host_id: int, number: int, *, of: int | None = None
) -> Proposal:  # fmt: skip
    """What reversing a save would save: the definition before it, on top of what is saved now.

    :param of: the certification whose save it must be, where the address names one.
    :raises NotFound: for a number that is no save, or none of that certification.
    :raises RefusedByRule: when it is too old, or a first save.
    """
    entry = session.get(Journal, (host_id, number))
    if entry is None or entry.what != "saved" or entry.certification is None or entry.version is None or of not in (
        None, entry.certification
    ):  # fmt: skip
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
    merged = {name: _reversed(*(getattr(one, name) for one in (current, before, after))) for name in _SETTINGS}
    rows = _rows(current.assignments, before.assignments, after.assignments)
    merged["assignments"] = with_members_back(session, host_id, row.id, entry.version, rows)
    return Proposal(replace(current, **merged), row.version, current, _dated_by(before, after))


_SETTINGS = [one.name for one in fields(Definition) if one.name not in ("code", "assignments")]
_OF_A_ROW = [one.name for one in fields(AssignmentDef) if one.name not in ("type", "target", "members")]
_APART = ("time_allowance", "seat", "self_enrol")
"""A key of settings whose values stand each for itself: standing answers, what happens on leaving, a group's."""


def _reversed(now: Any, before: Any, after: Any) -> Any:
    """A setting that a save changed as it was before, unless it was changed again since."""
    if isinstance(now, dict) and isinstance(before, dict) and any(key in now for key in _APART):
        keys = [key for key in {**now, **before} if key in now or key not in after]
        found = {key: _reversed(now.get(key), before.get(key), after.get(key)) for key in keys}
        return {key: value for key, value in found.items() if value is not None}
    return before if before != after and now == after else now


def _dated_by(before: Definition, after: Definition) -> frozenset[str]:
    """The assignments whose dates came from a save: only these go back with it (rules 3.5)."""
    old = {row.key: row for row in before.assignments}
    return frozenset(row.key for row in after.assignments if row.key not in old or old[row.key].due != row.due)


def _rows(current: Any, before: Any, after: Any) -> tuple[Any, ...]:
    """The present rows with this save's changes to them reversed; what was changed since stays."""
    old, new = {row.key: row for row in before}, {row.key: row for row in after}
    rows = []
    for row in current:
        if row.key in new and row.key not in old:
            continue  # this save added it
        if row.key in old and row.key in new:
            sides = {name: [getattr(one, name) for one in (row, old[row.key], new[row.key])] for name in _OF_A_ROW}
            row = replace(row, **{name: _reversed(*three) for name, three in sides.items()})
        rows.append(row)
    present = {row.key for row in rows}
    rows += [row for key, row in old.items() if key not in new and key not in present]
    return tuple(rows)


def undo(
    runtime: Runtime,
    host_id: int,
    number: int,
    *,
    who: str,
    choices: Choices,
    earlier: bool = True,
    of: int | None = None,
) -> list[Saved]:
    """Reverse a save; dates that came from it go back too (rules 3.5).

    :param earlier: whether dates move earlier, or are cleared, where what is left asks for it.
    :param of: the certification whose save it must be, where the address names one.
    :raises RefusedByRule: by the same rules as any save.
    """
    with runtime.db.read() as session:
        proposal = undo_proposal(runtime, session, host_id, number, of=of)
    reason = choices.reason or later("Undo of %(number)s", number=number)
    return save(runtime, host_id, [proposal], who=who, choices=replace(choices, earlier=earlier, reason=reason))
