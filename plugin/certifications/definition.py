"""A certification as it is defined: the value that drafts edit, files carry, versions keep and settling reads.

The shapes inside (``content``, ``period``, ``due`` …) are those of the file format, with the host's own ids, so
that one document serves the pages, the file and the history.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

TYPES = ("organisation", "position", "audience", "manager", "individual", "group")
"""Assignment types, in the order the *Add…* menu shows them (with the manager row named *Management hierarchy*)."""

Exclusion = tuple[str, str, str]
"""A target whose people a row never matches: type, the host's own id, ``""`` or ``below`` (rules 11.1)."""
EXCLUDABLE = ("organisation", "position", "audience", "individual")
"""Types of target that a row may leave out."""

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
    :ivar due: ``"none"``, ``{"fixed": …}`` or ``{"after": …}`` (:mod:`plugin.certifications.rules.due_dates` reads it).
    :ivar group: for groups: ``description``, ``self_enrol``, ``withdraw``.
    :ivar exclusions: targets whose people it never matches, each once.
    :ivar starts: a day, as ISO 8601 writes it, before which it matches nobody (rules 11.2); ``""`` for none.
    :ivar wave: ``learners`` and ``every``: so many begin in a period (rules 11.3); ``None`` for all at once.
    :ivar members: for groups: the host's ids of members to be set; ``None`` leaves the list as it is.
    """

    type: str
    target: str
    include: str = ""
    due: Any = "none"
    group: dict[str, Any] = field(default_factory=dict)
    members: tuple[str, ...] | None = None
    exclusions: tuple[Exclusion, ...] = ()
    starts: str = ""
    wave: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """How an assignment prints everywhere outside: ``type:target``."""
        return f"{self.type}:{self.target}"


@dataclass(frozen=True)
class Definition:
    """A whole certification. ``notifications`` is ``None`` where they stay as they are; before ``starts`` none of its rows
    matches anybody (rules 11.2), and ``wave`` holds for those without one of their own (11.3)."""

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
    starts: str = ""
    areas: bool = False
    category: str = ""
    wave: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """A plain document for the version table."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Definition:
        """The reverse of :meth:`to_json`."""
        rows = tuple(
            AssignmentDef(
                **{
                    **row,
                    "members": None if row.get("members") is None else tuple(row["members"]),
                    "exclusions": tuple(tuple(one) for one in row.get("exclusions", ())),
                }
            )
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
