"""Two administrators at one certification: theirs beside mine, and nothing overwritten (rules 5.5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef
from plugin.certifications.drafts.drafts import REMOVED, base_of, discard, edits_of, open_draft, rows, store_edits
from plugin.certifications.store import by_id, definition_of
from plugin.certifications.tables import Draft, Version


@dataclass(frozen=True)
class Clash:
    """One row that both changed: ``mine`` and ``theirs``, ``None`` where that side has no such row any more."""

    key: str
    mine: AssignmentDef | None
    theirs: AssignmentDef | None


@dataclass(frozen=True)
class Conflicting:
    """Somebody saved meanwhile. ``clashes`` and ``settings`` (names as :class:`Definition` has them) want a decision;
    ``theirs`` and ``mine`` go together by themselves."""

    version: int
    clashes: tuple[Clash, ...]
    theirs: tuple[str, ...]
    mine: tuple[str, ...]
    settings: tuple[str, ...] = ()


def conflict(session: Session, draft: Draft) -> Conflicting | None:
    """What somebody else saved since this draft was begun, beside what it wants; ``None`` when nothing was."""
    saved = by_id(session, draft.host_id, draft.certification)
    if saved.version == draft.base_version or not draft.changes:
        return None
    old, new = base_of(session, draft), definition_of(session, draft.host_id, draft.certification)
    before, after = _by_key(old.assignments), _by_key(new.assignments)
    theirs = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    wanted = {row.key: row for row in rows(session, draft)}
    edited = set(edits_of(draft))
    clashes = []
    for key in sorted(theirs & edited):
        row = wanted.get(key)
        mine = None if row is None or row.state == REMOVED else row.definition
        if mine != after.get(key):
            clashes.append(Clash(key, mine, after.get(key)))
    both = {clash.key for clash in clashes}
    settings = sorted(
        name for name, value in draft.changes.get("details", {}).items()
        if getattr(old, name) != getattr(new, name) and getattr(new, name) != value
    )  # fmt: skip
    return Conflicting(
        saved.version, tuple(clashes), tuple(sorted(theirs - both)), tuple(sorted(edited - both)), tuple(settings)
    )


@dataclass(frozen=True)
class RowVersions:
    """One row as it was when the draft was begun, as it is saved now, and as the draft wants it; ``None``: no such row."""

    before: AssignmentDef | None
    theirs: AssignmentDef | None
    mine: AssignmentDef | None


def sides(session: Session, draft: Draft) -> dict[str, RowVersions]:
    """Every row there is on any side, by ``type:target``."""
    before = _by_key(base_of(session, draft).assignments)
    after = _by_key(definition_of(session, draft.host_id, draft.certification).assignments)
    wanted = _by_key(row.definition for row in rows(session, draft) if row.state != REMOVED)
    return {
        key: RowVersions(before.get(key), after.get(key), wanted.get(key))
        for key in before.keys() | after.keys() | wanted.keys()
    }


@dataclass(frozen=True)
class SavedDraft:
    """The draft that a save comes from: whose it is, and at which revision it was read."""

    certification: int
    editor: str
    revision: int


def finish(session: Session, host_id: int, saved: SavedDraft, at: int) -> None:
    """Empty a draft that is being saved, in the transaction of the save; edits made since it was read stay in it."""
    draft = open_draft(session, host_id, saved.certification, saved.editor, at=at)
    if draft.revision == saved.revision:
        discard(session, draft)
    else:
        rebase(session, draft, ())


def rebase(session: Session, draft: Draft, take_theirs: Iterable[str], settings: Iterable[str] = ()) -> None:
    """Bring the draft onto the version saved meanwhile.

    :param take_theirs: keys of rows where the other administrator's stand, and ``settings``, names of settings where
        they do; the rest stays as this draft has it.
    """
    details = {name: value for name, value in draft.changes.get("details", {}).items() if name not in set(settings)}
    theirs = set(take_theirs)
    wanted = {row.key: row for row in rows(session, draft)}
    keep = {key: wanted[key] for key in edits_of(draft) if key in wanted and key not in theirs}
    draft.base_version = by_id(session, draft.host_id, draft.certification).version
    base = base_of(session, draft)
    saved = _by_key(base.assignments)
    details = {name: value for name, value in details.items() if getattr(base, name) != value}
    draft.changes = {**{name: one for name, one in draft.changes.items() if name != "details"},
                     **({"details": details} if details else {})}  # fmt: skip
    edits: dict[str, dict[str, Any]] = {}
    for key, row in keep.items():
        if row.state == REMOVED:
            if key in saved:
                edits[key] = {"op": "remove"}
        elif saved.get(key) != row.definition:
            edits[key] = _whole_edit(row.definition, "change" if key in saved else "add")
    store_edits(draft, edits)


def _whole_edit(row: AssignmentDef, op: str) -> dict[str, Any]:
    return {
        "op": op, "type": row.type, "target": row.target, "include": row.include, "due": row.due, "group": row.group,
        "exclusions": row.exclusions, "starts": row.starts, "wave": row.wave,
    }  # fmt: skip


def saved_by(session: Session, host_id: int, certification: int) -> str:
    """Who saved the present version."""
    saved = by_id(session, host_id, certification)
    query = select(Version.who).where(
        Version.host_id == host_id, Version.certification == certification, Version.n == saved.version
    )
    return str(session.scalar(query) or "")


def _by_key(assignments: Iterable[AssignmentDef]) -> dict[str, AssignmentDef]:
    return {row.key: row for row in assignments}
