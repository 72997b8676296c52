"""Tables of the mirror: what we know of the host. Every change stamps the people it touches (``change``)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, SmallInteger, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.db import Base
from plugin.core.secrets import Sealed

ACTIVE, SUSPENDED, DELETED = 0, 1, 2
"""``Person.state``."""
SITE, SOURCE = "site", "source"
"""``Connection.role``."""


class Connection(Base):
    """One source or sink of a host's data (rules 1)."""

    __tablename__ = "connection"
    __table_args__ = (UniqueConstraint("name"),)

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(80))
    """Stands in ``/hooks/<name>``; unique in the installation."""
    role: Mapped[str] = mapped_column(String(8), default="site", server_default="site")
    """``site``, exactly one a host: the learning site; or ``source`` (SOURCES 1)."""
    kind: Mapped[str] = mapped_column(String(32))
    api_url: Mapped[str] = mapped_column(String(1000), default="")
    api_token: Mapped[str | None] = mapped_column(Sealed)
    webhook_url: Mapped[str] = mapped_column(String(1000), default="")
    webhook_secret: Mapped[str | None] = mapped_column(Sealed)
    """Signs what we send; several, comma separated, while one is being rotated."""
    hooks_secret: Mapped[str | None] = mapped_column(Sealed)
    """Verifies what we receive; ``webhook_secret`` where none is given."""
    mapping: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    caps: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    marks: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Per kind: where a read goes on (``since`` mark, cursor of a whole read under way, sweep number)."""
    state: Mapped[str] = mapped_column(String(16), default="active")
    """``active``, ``paused`` (with a reason, after Locked or Garbled) or ``down``."""
    reason: Mapped[str] = mapped_column(Text, default="")
    since: Mapped[int] = mapped_column(BigInteger, default=0)
    retry_at: Mapped[int] = mapped_column(BigInteger, default=0)
    failures: Mapped[int] = mapped_column(Integer, default=0)


class Person(Base):
    """A person of the host. ``id`` is dense and never reused; erasing blanks the row and keeps the id."""

    __tablename__ = "person"
    __table_args__ = (
        UniqueConstraint("host_id", "ext"),
        Index(None, "host_id", "username"),
        Index(None, "host_id", "email"),
        Index(None, "host_id", "number"),
    )

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    ext: Mapped[str] = mapped_column(String(255))
    """The host's own id."""
    name: Mapped[str] = mapped_column(String(255), default="")
    given_name: Mapped[str] = mapped_column(String(255), default="")
    family_name: Mapped[str] = mapped_column(String(255), default="")
    email: Mapped[str] = mapped_column(String(255), default="")
    username: Mapped[str] = mapped_column(String(255), default="")
    number: Mapped[str] = mapped_column(String(255), default="")
    state: Mapped[int] = mapped_column(SmallInteger, default=ACTIVE)
    life: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """How often the host deleted her: what was given to an earlier life is not this one's."""
    gone_at: Mapped[int | None] = mapped_column(BigInteger)
    """When it last did, by the host's clock."""
    time_zone: Mapped[str] = mapped_column(String(64), default="")
    language: Mapped[str] = mapped_column(String(16), default="")
    created: Mapped[int | None] = mapped_column(BigInteger)
    first_login: Mapped[int | None] = mapped_column(BigInteger)
    fields: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    sweep: Mapped[int] = mapped_column(Integer, default=0)
    ghost: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """No account at all: stands for an unmatched manager, through whom the chain runs. ``state`` is deleted."""


class Unit(Base):
    """A node of an organisation or position framework. ``lft``/``rgt`` are renumbered whole on a change of shape."""

    __tablename__ = "unit"
    __table_args__ = (
        UniqueConstraint("host_id", "kind", "ext"),
        Index(None, "host_id", "ext"),
        Index(None, "host_id", "kind", "framework", "parent"),
        Index("ix_unit_gone", "host_id", sqlite_where=text("gone"), postgresql_where=text("gone")),
    )

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    ext: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(16))
    """``organisation`` or ``position``."""
    framework: Mapped[str] = mapped_column(String(255), default="")
    framework_name: Mapped[str] = mapped_column(String(255), default="")
    parent_ext: Mapped[str] = mapped_column(String(255), default="")
    parent: Mapped[int | None] = mapped_column(Integer)
    """Resolved when the parent is known; a cycle is cut at the node that closes it."""
    name: Mapped[str] = mapped_column(String(255), default="")
    code: Mapped[str] = mapped_column(String(255), default="")
    lft: Mapped[int] = mapped_column(Integer, default=0)
    rgt: Mapped[int] = mapped_column(Integer, default=0)
    depth: Mapped[int] = mapped_column(SmallInteger, default=0)
    gone: Mapped[bool] = mapped_column(default=False)
    direct: Mapped[int] = mapped_column(Integer, default=0)
    """People with a current job here; for display, kept by the mirror."""
    below: Mapped[int] = mapped_column(Integer, default=0)
    """Distinct people with a current job here or anywhere under it."""
    connection: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """The source that supplies it; 0: the learning site."""
    sweep: Mapped[int] = mapped_column(Integer, default=0)


class Job(Base):
    """A job assignment of a person. Unresolved references keep their external id and resolve on arrival."""

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("host_id", "ext"),
        Index(None, "host_id", "person"),
        Index(None, "host_id", "organisation", "person"),
        Index(None, "host_id", "position", "person"),
        Index(None, "host_id", "manager_job"),
        Index(None, "host_id", "manager"),
        Index("ix_job_starts", "host_id", "starts", sqlite_where=text("starts IS NOT NULL"),
              postgresql_where=text("starts IS NOT NULL")),
        Index("ix_job_ends", "host_id", "ends", sqlite_where=text("ends IS NOT NULL"),
              postgresql_where=text("ends IS NOT NULL")),
        Index(
            "ix_job_manager_named", "host_id", "manager_ext",
            sqlite_where=text("connection > 0"), postgresql_where=text("connection > 0"),
        ),
        Index(
            "ix_job_of_source", "host_id", "connection",
            sqlite_where=text("connection > 0"), postgresql_where=text("connection > 0"),
        ),
    )  # fmt: skip

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    ext: Mapped[str] = mapped_column(String(255))
    person_ext: Mapped[str] = mapped_column(String(255), default="")
    person: Mapped[int | None] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(String(255), default="")
    organisation_ext: Mapped[str] = mapped_column(String(255), default="")
    organisation: Mapped[int | None] = mapped_column(Integer)
    position_ext: Mapped[str] = mapped_column(String(255), default="")
    position: Mapped[int | None] = mapped_column(Integer)
    manager_job_ext: Mapped[str] = mapped_column(String(255), default="")
    manager_job: Mapped[int | None] = mapped_column(Integer)
    manager_ext: Mapped[str] = mapped_column(String(255), default="")
    manager: Mapped[int | None] = mapped_column(Integer)
    """A person; used only where ``manager_job_ext`` is empty, and then belongs to every job of that person."""
    temporary: Mapped[bool] = mapped_column(default=False)
    """The manager named here only stands in: the link is ignored, the job still counts for its units."""
    starts: Mapped[int | None] = mapped_column(BigInteger)
    """Instant from which the job is current (a day: its first second in the host's zone)."""
    ends: Mapped[int | None] = mapped_column(BigInteger)
    """First instant at which it no longer is (a day: the first second of the next day)."""
    position_since: Mapped[int | None] = mapped_column(BigInteger)
    gone: Mapped[bool] = mapped_column(default=False)
    connection: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """The source that supplies it; 0: the learning site."""
    sweep: Mapped[int] = mapped_column(Integer, default=0)


class Audience(Base):
    """A named set of people kept by the host."""

    __tablename__ = "audience"
    __table_args__ = (
        UniqueConstraint("host_id", "ext"),
        Index("ix_audience_gone", "host_id", sqlite_where=text("gone"), postgresql_where=text("gone")),
    )

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    ext: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(255), default="")
    code: Mapped[str] = mapped_column(String(255), default="")
    gone: Mapped[bool] = mapped_column(default=False)
    members: Mapped[int] = mapped_column(Integer, default=0)
    connection: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """The source that supplies it; 0: the learning site."""
    sweep: Mapped[int] = mapped_column(Integer, default=0)


class AudienceMember(Base):
    """One membership record of the host; ``audience`` and ``person`` are null until both are known."""

    __tablename__ = "audience_member"
    __table_args__ = (
        UniqueConstraint("host_id", "ext"),
        Index(None, "host_id", "audience", "person"),
        Index(None, "host_id", "person", "audience"),
    )

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    ext: Mapped[str] = mapped_column(String(520))
    connection: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """The source that supplies it; 0: the learning site."""
    audience_ext: Mapped[str] = mapped_column(String(255), default="")
    audience: Mapped[int | None] = mapped_column(Integer)
    person_ext: Mapped[str] = mapped_column(String(255), default="")
    person: Mapped[int | None] = mapped_column(Integer)
    sweep: Mapped[int] = mapped_column(Integer, default=0)


class Course(Base):
    """A course of the host."""

    __tablename__ = "course"
    __table_args__ = (UniqueConstraint("host_id", "ext"),)

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    ext: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(255), default="")
    code: Mapped[str] = mapped_column(String(255), default="")
    url: Mapped[str] = mapped_column(String(1000), default="")
    visible: Mapped[bool] = mapped_column(default=True)
    completion: Mapped[bool | None]
    """Whether the host tracks who completes it, ``enrollable`` whether we may enrol there, ``welcome`` whether the host
    greets whom we enrol; empty: it does not say."""
    enrollable: Mapped[bool | None]
    welcome: Mapped[bool | None]
    criteria: Mapped[bool | None]
    """Whether it can be completed at all; learnt where completions are asked for."""
    gone: Mapped[bool] = mapped_column(default=False)
    sweep: Mapped[int] = mapped_column(Integer, default=0)


class Completion(Base):
    """A completion the host reported. ``reset`` rows stay, so that a second cycle needs a new one."""

    __tablename__ = "completion"
    __table_args__ = (
        UniqueConstraint("host_id", "ext"),
        Index(None, "host_id", "person", "course"),
        Index("ix_completion_at", "host_id", "at", sqlite_where=text("at IS NOT NULL"),
              postgresql_where=text("at IS NOT NULL")),
    )  # fmt: skip

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    ext: Mapped[str] = mapped_column(String(520))
    person_ext: Mapped[str] = mapped_column(String(255), default="")
    person: Mapped[int | None] = mapped_column(Integer)
    course_ext: Mapped[str] = mapped_column(String(255), default="")
    course: Mapped[int | None] = mapped_column(Integer)
    at: Mapped[int | None] = mapped_column(BigInteger)
    reset: Mapped[bool] = mapped_column(default=False)
    gone: Mapped[bool] = mapped_column(default=False)
    sweep: Mapped[int] = mapped_column(Integer, default=0)


class PersonChange(Base):
    """A person's latest change by seq. Owed to settling while ``settled`` is behind ``seq`` (design points 1, 2)."""

    __tablename__ = "change"
    __table_args__ = (
        Index(None, "host_id", "seq"),
        Index(
            "ix_change_owed",
            "host_id",
            "seq",
            sqlite_where=text("settled < seq"),
            postgresql_where=text("settled < seq"),
        ),
        {"sqlite_with_rowid": False},
    )

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)
    settled: Mapped[int] = mapped_column(BigInteger, default=0)
    at: Mapped[int] = mapped_column(BigInteger, default=0)
    """``as_of`` of the earliest change not yet settled: a spell it causes began then (rules 3.2)."""


class SyncRun(Base):
    """One pull, for the Hosts page: what was read, what changed, how it ended."""

    __tablename__ = "sync_run"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    connection: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(16))
    """``full``, ``delta`` or ``ids``."""
    started: Mapped[int] = mapped_column(BigInteger)
    ended: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16), default="running")
    counts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    costs: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    """By kind: ``calls`` made and ``bytes`` received."""
    reason: Mapped[str] = mapped_column(Text, default="")


class StoredHint(Base):
    """A hint as received: stored, answered at once, re-read later. Nothing in it is believed (idea 3)."""

    __tablename__ = "hint"
    __table_args__ = (UniqueConstraint("host_id", "connection", "key"), Index(None, "host_id", "done", "id"))

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    connection: Mapped[int] = mapped_column(Integer)
    key: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(32))
    """people, units, jobs, audiences, members, courses, completions, enrolments, or ``all`` (resync)."""
    ids: Mapped[list[str]] = mapped_column(JSON, default=list)
    received: Mapped[int] = mapped_column(BigInteger)
    done: Mapped[bool] = mapped_column(default=False)
    caused: Mapped[str] = mapped_column(Text, default="")
    """What it led to, as a word and numbers: see :mod:`plugin.mirror.hints.inbox`."""
    correlation: Mapped[str] = mapped_column(String(32), default="")
    worked: Mapped[int | None] = mapped_column(BigInteger)
    """When it was worked off."""
    batch: Mapped[str] = mapped_column(String(32), default="", server_default="")
    """The correlation id of the read that worked it off, with others."""
    tries: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    """How often working it off failed; put aside after some."""


class Suspect(Base):
    """A record absent from a whole read: confirmed by id before it is deleted, or held by the row guard."""

    __tablename__ = "suspect"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    connection: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    ext: Mapped[str] = mapped_column(String(520), primary_key=True)
    since: Mapped[int] = mapped_column(BigInteger)
    held: Mapped[bool] = mapped_column(default=False)
    """True while the row guard holds this deletion for a person to release or refuse."""


class DataProblem(Base):
    """A value or record of the host that could not be read, or a piece of work that was put aside, and what that costs."""

    __tablename__ = "data_problem"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    """A kind of record, or ``hint``, ``save`` or ``read``."""
    ext: Mapped[str] = mapped_column(String(520), primary_key=True)
    """The record's id, as it can be shown where it cannot be kept."""
    field: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[str] = mapped_column(String(255), default="")
    """What was there, as far as it can be shown."""
    cost: Mapped[str] = mapped_column(String(32))
    """A word for what follows (:mod:`plugin.mirror.problems`)."""
    since: Mapped[int] = mapped_column(BigInteger)
    sweep: Mapped[int] = mapped_column(Integer, default=0)
    """The whole read that saw it last; the next one without it ends it."""


class PersonKey(Base):
    """What a person is looked up by, folded (:func:`plugin.core.text.texts.fold`): her username, address and number."""

    __tablename__ = "person_key"
    __table_args__ = (Index(None, "host_id", "person"), {"sqlite_with_rowid": False})

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    word: Mapped[str] = mapped_column(
        String(800).with_variant(String(800, collation="C"), "postgresql"), primary_key=True
    )
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)


class SearchWord(Base):
    """Accent-folded words of what can be searched, for word-prefix search that is the same on both databases."""

    __tablename__ = "search_word"
    __table_args__ = (Index(None, "host_id", "kind", "target"), {"sqlite_with_rowid": False})

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    """person, organisation, position, audience, course."""
    word: Mapped[str] = mapped_column(
        String(64).with_variant(String(64, collation="C"), "postgresql"), primary_key=True
    )
    target: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
