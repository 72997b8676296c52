"""What a save changed, or would change: rows and other settings, before beside after (rules 6.4)."""

from __future__ import annotations

from dataclasses import dataclass, fields

from plugin.certifications.definition import AssignmentDef, Definition
from plugin.certifications.drafts.drafts import CHANGED, NEW, REMOVED
from plugin.certifications.meaning import meaning

_ORDER = (NEW, CHANGED, REMOVED)


@dataclass(frozen=True)
class RowChange:
    """One row before and after; ``None`` where there was none, or is none any more."""

    before: AssignmentDef | None
    after: AssignmentDef | None

    @property
    def row(self) -> AssignmentDef:
        """The row as it is after, or was last."""
        row = self.after or self.before
        assert row is not None
        return row

    @property
    def state(self) -> str:
        """``new``, ``changed`` or ``removed``."""
        return NEW if self.before is None else REMOVED if self.after is None else CHANGED


def changes(before: Definition | None, after: Definition) -> list[RowChange]:
    """Rows that differ: new ones first, then changed, then removed, each in the order of the file.

    Members a file gives for a group are not part of a row: they are compared when saved.
    """
    old = {row.key: row for row in before.assignments} if before is not None else {}
    new = {row.key: row for row in after.assignments}
    found = [RowChange(old.get(key), row) for key, row in new.items() if old.get(key) != row]
    found += [RowChange(row, None) for key, row in old.items() if key not in new]
    return sorted(found, key=lambda change: _ORDER.index(change.state))


def other_changes(before: Definition | None, after: Definition) -> list[str]:
    """Names of the settings beside the rows that mean something else, as :class:`Definition` has them."""
    if before is None:
        return []
    names = [field.name for field in fields(Definition) if field.name not in ("assignments", "code")]
    was, becomes = meaning(before), meaning(after)
    return [name for name in names if was[name] != becomes[name]]
