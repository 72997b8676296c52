"""Tables of access: who was granted what, and the tokens that programs come with."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.db import Base
from plugin.core.secrets import Sealed
from plugin.core.tables import Instant


class AccessGrant(Base):
    """A right given to a person, or to a subject of whom the mirror knows nobody yet (ACCESS 2)."""

    __tablename__ = "access_grant"
    __table_args__ = (Index(None, "host_id", "person"), Index(None, "host_id", "subject"))

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    person: Mapped[int | None] = mapped_column(Integer)
    subject: Mapped[str | None] = mapped_column(String(255))
    """The ``sub`` of launches; counts only while ``person`` is empty and nobody of the mirror has it."""
    life: Mapped[int] = mapped_column(Integer, default=0)
    """``Person.life`` when it was granted: a person who was deleted and came back inherits nothing."""
    role: Mapped[str] = mapped_column(String(16))
    """``site``, ``certification``, ``area`` or ``auditor``."""
    scope: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """``certifications``: our ids, absent for all; ``units``: our ids; ``may_create``."""
    until: Mapped[str] = mapped_column(String(10), default="")
    """The last day, whole, in the host's zone; empty for no end."""
    who: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(Text, default="")
    created: Mapped[int] = mapped_column(Instant)


class ApiToken(Base):
    """A token of a host's programs. The token itself was shown once; only its hash is here."""

    __tablename__ = "api_token"
    __table_args__ = (UniqueConstraint("host_id", "digest"), UniqueConstraint("host_id", "name"))

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(80))
    digest: Mapped[str] = mapped_column(String(64))
    may_write: Mapped[bool] = mapped_column(default=False)
    """What release 0.1 knows of the scopes; kept true while one may still run."""
    scopes: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    """Empty for a token that release 0.1 made: then ``may_write`` says it."""
    certifications: Mapped[list[int] | None] = mapped_column(JSON)
    """The only ones it reaches, by our ids; none named: all that its owner reaches."""
    until: Mapped[str] = mapped_column(String(10), default="", server_default="")
    """The last day, whole, in the host's zone; empty for a token that release 0.1 made."""
    owner: Mapped[str] = mapped_column(String(16), default="", server_default="")
    """``shell``, ``person`` or ``subject``; empty for a token that release 0.1 made."""
    owner_person: Mapped[int | None] = mapped_column(Integer)
    owner_subject: Mapped[str | None] = mapped_column(String(255))
    who: Mapped[str] = mapped_column(String(255))
    """Who made it, as the history names people."""
    created: Mapped[int] = mapped_column(Instant)
    used: Mapped[int] = mapped_column(BigInteger, default=0)
    """When it was last seen, to the minute; 0: never."""


class WaitingChange(Base):
    """A change that waits for a second administrator, or waited (ACCESS 2)."""

    __tablename__ = "waiting_change"
    __table_args__ = (Index(None, "host_id", "state"),)

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    what: Mapped[str] = mapped_column(String(80))
    request: Mapped[str] = mapped_column(Sealed)
    """All that doing it needs, as JSON: secrets that were entered are in it."""
    shown: Mapped[list[Any]] = mapped_column(JSON, default=list)
    """Names and values that the second administrator sees."""
    person: Mapped[int | None] = mapped_column(Integer)
    subject: Mapped[str] = mapped_column(String(255), default="")
    name: Mapped[str] = mapped_column(String(255), default="")
    who: Mapped[str] = mapped_column(String(255))
    """Who asked, as the history names people."""
    asked: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16))
    """``waits``, ``approved``, ``refused`` or ``over``."""
    decided: Mapped[int] = mapped_column(BigInteger, default=0)
    decided_by: Mapped[str] = mapped_column(String(255), default="")
    why: Mapped[str] = mapped_column(Text, default="")
    """Why it could not be done."""


class Trace(Base):
    """Who read what of whom (ACCESS 6). Names are references: a subject, a program, a user of the server."""

    __tablename__ = "trace"
    __table_args__ = (Index(None, "host_id", "at"), Index(None, "host_id", "person", "at"))

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(BigInteger)
    who: Mapped[str] = mapped_column(String(255))
    how: Mapped[str] = mapped_column(String(16))
    """``page``, ``api`` or ``command``."""
    what: Mapped[str] = mapped_column(String(80))
    certification: Mapped[int | None] = mapped_column(Integer)
    person: Mapped[int | None] = mapped_column(Integer)
    """Of whom, where it was one person."""
    count: Mapped[int] = mapped_column(Integer, default=0)
    """Of how many people."""
    correlation: Mapped[str] = mapped_column(String(32), default="")
