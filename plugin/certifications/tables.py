"""Tables of what administrators define."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.db import Base


class Certification(Base):
    """A certification, or a program (one that never expires). Its saved definition is the version ``version``."""

    __tablename__ = "certification"
    __table_args__ = (UniqueConstraint("host_id", "code"),)

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    code: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(16), default="certification")
    state: Mapped[str] = mapped_column(String(16), default="draft")
    """``draft``, ``live`` or ``archived``; ``available`` may narrow a live one further."""
    available_from: Mapped[int | None] = mapped_column(BigInteger)
    available_until: Mapped[int | None] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(Integer, default=0)
    settled_version: Mapped[int] = mapped_column(Integer, default=0)
    enrolments_rev: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """Raised by every transaction that changes one of its enrolments."""
    active_learners: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """Counted by the same transactions."""
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """content, period, enrol, leaving, exceptions: as AS-CODE writes them, with the host's own ids."""
    created: Mapped[int] = mapped_column(BigInteger, default=0)
    areas: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Open to area administrators (ACCESS 3)."""
    category: Mapped[str] = mapped_column(String(100), default="", server_default="")
    """What grants may name it by; empty for none."""


class CourseSetCourse(Base):
    """Which courses a certification's paths contain; a look-up index over ``Certification.settings``."""

    __tablename__ = "course_set"
    __table_args__ = (Index(None, "host_id", "course"),)

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    path: Mapped[str] = mapped_column(String(16), primary_key=True)
    """``certification`` or ``recertification``."""
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    course: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)


class Assignment(Base):
    """A rule "these people, by this due date". One per (certification, type, target), for ever (rules 5.9)."""

    __tablename__ = "assignment"
    __table_args__ = (
        UniqueConstraint("host_id", "certification", "type", "target"),
        UniqueConstraint("host_id", "why_key"),
        Index(None, "host_id", "type", "target_id"),
        Index(
            "ix_assignment_starts",
            "host_id",
            "starts",
            sqlite_where=text("starts IS NOT NULL"),
            postgresql_where=text("starts IS NOT NULL"),
        ),
        Index("ix_assignment_missing", "host_id", sqlite_where=text("missing"), postgresql_where=text("missing")),
    )

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    certification: Mapped[int] = mapped_column(Integer)
    type: Mapped[str] = mapped_column(String(16))
    """organisation, position, audience, manager, individual or group."""
    target: Mapped[str] = mapped_column(String(255))
    """The host's own id of the target; a group's name."""
    target_id: Mapped[int | None] = mapped_column(Integer)
    """Our id of the unit, audience, job or person; null for groups (members hang on the assignment)."""
    include: Mapped[str] = mapped_column(String(8), default="")
    """``""`` or ``below`` for units; ``direct`` or ``below`` for managers; ``""`` otherwise."""
    due: Mapped[Any] = mapped_column(JSON, default="none")
    """As AS-CODE writes it: ``"none"``, ``{"fixed": …}`` or ``{"after": …}``."""
    group: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """For groups: description, self_enrol, withdraw."""
    exclusions: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    """Targets whose people it never matches: type, our id, include (rules 11.1); null where there are none."""
    starts: Mapped[int | None] = mapped_column(BigInteger)
    """Before this instant it matches nobody: its own first day or the certification's, the later one (rules 11.2)."""
    wave: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """The wave that holds for it: its own, or the certification's (rules 11.3); null where all begin at once."""
    live: Mapped[bool] = mapped_column(default=True)
    missing: Mapped[bool] = mapped_column(default=False)
    """The host deleted the target: the row stays, its learners are held (rules 5.10)."""
    since_version: Mapped[int] = mapped_column(Integer, default=0)
    why_key: Mapped[int] = mapped_column(BigInteger)
    """Random 63-bit key; a set of assignments is named by the XOR of its keys (design point 8)."""


class GroupMember(Base):
    """A member of a self-enrolment group."""

    __tablename__ = "group_member"
    __table_args__ = (Index(None, "host_id", "person"),)

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    assignment: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    since: Mapped[int] = mapped_column(BigInteger)
    by: Mapped[str] = mapped_column(String(255), default="")


class Draft(Base):
    """Unsaved edits of one administrator to one certification; survive a closed browser (rules 5.2)."""

    __tablename__ = "draft"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    editor: Mapped[str] = mapped_column(String(255), primary_key=True)
    base_version: Mapped[int] = mapped_column(Integer)
    changes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    revision: Mapped[int] = mapped_column(Integer, default=1)
    touched: Mapped[int] = mapped_column(BigInteger)


class Version(Base):
    """A saved definition, whole, in the shape of AS-CODE, with what the save decided."""

    __tablename__ = "version"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(BigInteger)
    who: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(Text, default="")
    definition: Mapped[dict[str, Any]] = mapped_column(JSON)
    choices: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """earlier, no_messages, allow_withdrawals: what the administrator decided in the review."""


class PeopleList(Base):
    """People who were assigned individually as one list: how the tab shows their rows, and no rule of its own."""

    __tablename__ = "people_list"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(255))
    targets: Mapped[list[str]] = mapped_column(JSON, default=list)
    """The host's ids of its people."""
    at: Mapped[int] = mapped_column(BigInteger)
    who: Mapped[str] = mapped_column(String(255), default="")
