"""A certification as it is defined: the value that drafts edit, files carry, versions keep and settling reads.

The shapes inside (``content``, ``period``, ``due`` …) are those of the file format, with the host's own ids, so
that one document serves the pages, the file and the history.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

TYPES = ("organisation", "position", "audience", "manager", "individual", "group")
"""Assignment types, in the order the *Add…* menu shows them (with the manager row named *Management hierarchy*)."""

DEFAULT_EXCEPTIONS = {
    "time_allowance": "hold",
    "unknown_date": "hold",
    "duplicate_course": "hold",
    "already_assigned": "off",
}


@dataclass(frozen=True)
class AssignmentDef:
    """One row of the Assignments tab: one target and its settings.

    :ivar target: the host's own id of the unit, audience, manager's job or person; a group's name.
    :ivar include: ``""`` or ``below`` for units, ``direct`` or ``below`` for managers, ``""`` otherwise.
    :ivar due: ``"none"``, ``{"fixed": …}`` or ``{"after": …}`` (:mod:`plugin.certifications.dates` reads it).
    :ivar group: for groups: ``description``, ``self_enrol``, ``withdraw``.
    :ivar members: for groups: the host's ids of members to be set; ``None`` leaves the list as it is.
    """

    type: str
    target: str
    include: str = ""
    due: Any = "none"
    group: dict[str, Any] = field(default_factory=dict)
    members: tuple[str, ...] | None = None

    @property
    def key(self) -> str:
        """How an assignment prints everywhere outside: ``type:target``."""
        return f"{self.type}:{self.target}"


@dataclass(frozen=True)
class Definition:
    """A whole certification. ``notifications`` is ``None`` where they stay as they are."""

    code: str
    name: str
    kind: str = "certification"
    state: str = "draft"
    available: dict[str, Any] = field(default_factory=dict)
    content: dict[str, Any] = field(default_factory=dict)
    period: dict[str, Any] = field(default_factory=dict)
    enrol: str = "at_once"
    leaving: dict[str, Any] = field(default_factory=lambda: {"seat": "suspend", "grace": "0 days"})
    exceptions: dict[str, str] = field(default_factory=lambda: dict(DEFAULT_EXCEPTIONS))
    assignments: tuple[AssignmentDef, ...] = ()
    notifications: tuple[dict[str, Any], ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """A plain document for the version table."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Definition:
        """The reverse of :meth:`to_json`."""
        rows = tuple(
            AssignmentDef(**{**row, "members": None if row.get("members") is None else tuple(row["members"])})
            for row in document.get("assignments", ())
        )
        notifications = document.get("notifications")
        return cls(
            **{
                **document,
                "assignments": rows,
                "notifications": None if notifications is None else tuple(notifications),
            }
        )


@dataclass(frozen=True)
class Proposal:
    """What somebody wants to save: a complete definition, and the version it was made from (0: new)."""

    definition: Definition
    base_version: int
    current: Definition | None = None
    """The saved definition at ``base_version``; ``None`` when new."""
    earlier_of: frozenset[str] | None = None
    """Of which assignments (``type:target``) dates may move earlier, where they may; ``None``: of all."""
