"""Tables any room may stand on: the tenant, its clock, its history and its events."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.db import Base
from plugin.core.secrets import Sealed

Instant = BigInteger  # epoch seconds, UTC


class Host(Base):
    """A host: one LTI registration (issuer and client) with its connections. The tenant."""

    __tablename__ = "host"
    __table_args__ = (UniqueConstraint("issuer", "client_id"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    title: Mapped[str] = mapped_column(String(255), default="")
    issuer: Mapped[str | None] = mapped_column(String(500))
    client_id: Mapped[str | None] = mapped_column(String(255))
    auth_url: Mapped[str | None] = mapped_column(String(1000))
    token_url: Mapped[str | None] = mapped_column(String(1000))
    token_audience: Mapped[str | None] = mapped_column(String(1000))
    jwks_url: Mapped[str | None] = mapped_column(String(1000))
    state: Mapped[str] = mapped_column(String(16), default="active")
    """``pending`` until approved, ``active``, or ``disabled``."""
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    language: Mapped[str] = mapped_column(String(16), default="en-GB")
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    next_person: Mapped[int] = mapped_column(Integer, default=1)
    """The next dense person id; never goes back (design point 9)."""
    created: Mapped[int] = mapped_column(Instant, default=0)
    past_since: Mapped[int] = mapped_column(Instant, default=0, server_default="0")
    """Since when it is kept how everything stood before it changed; 0: from the beginning."""


class HostClock(Base):
    """The one clock of a host (design point 1). Its row lock orders everything that changes the mirror."""

    __tablename__ = "host_clock"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, default=0)
    as_of: Mapped[int] = mapped_column(Instant, default=0)
    base_until: Mapped[int] = mapped_column(Instant, default=0, server_default="0")
    """Until when one process has the storing of the host's sets to itself (design point 2)."""
    turned_from: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    turned_to: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """From the one ``seq`` to the other no row of the mirror changed: jobs began or ended, and nothing else."""


class Journal(Base):
    """Append-only history. Holds person ids only; erasing a person blanks the person."""

    __tablename__ = "journal"
    __table_args__ = (
        Index(None, "host_id", "certification", "n"),
        Index(None, "host_id", "certification", "what", "at"),
    )

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(Instant)
    who: Mapped[str] = mapped_column(String(255))
    """A person's name with id, ``rule`` or ``sync``."""
    what: Mapped[str] = mapped_column(String(64))
    certification: Mapped[int | None] = mapped_column(Integer)
    version: Mapped[int | None] = mapped_column(Integer)
    person: Mapped[int | None] = mapped_column(Integer)
    people: Mapped[bytes | None] = mapped_column(LargeBinary)
    """A serialised learner set, where one entry speaks of many."""
    count: Mapped[int] = mapped_column(Integer, default=1)
    confirmed: Mapped[bool] = mapped_column(default=False)
    """For withdrawals: whether a person confirmed them; the guard counts the others (rules 5.6)."""
    reason: Mapped[str] = mapped_column(Text, default="")
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    correlation: Mapped[str] = mapped_column(String(32), default="")


class Event(Base):
    """A true event for outside subscribers (design idea 2), numbered in the order of the commits."""

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("host_id", "key"), Index(None, "host_id", "done", "n"))

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(255))
    type: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(255), default="")
    at: Mapped[int] = mapped_column(Instant)
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    done: Mapped[int] = mapped_column(SmallInteger, default=0)
    """1 when every endpoint that subscribes to it has it in its own list."""
    correlation: Mapped[str] = mapped_column(String(32), default="")
    certification: Mapped[int | None] = mapped_column(Integer)
    person: Mapped[int | None] = mapped_column(Integer)


class Subscription(Base):
    """Which endpoint is told of which type of event; events of other types are not even written."""

    __tablename__ = "subscription"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    type: Mapped[str] = mapped_column(String(64), primary_key=True)
    endpoint: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)


class Counter(Base):
    """Per-host counters for dense ids, taken under a row lock. No autoincrement is ever a cursor."""

    __tablename__ = "counter"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger, default=0)


class Worker(Base):
    """A worker that was seen lately; ``/readyz`` and lease recovery read it."""

    __tablename__ = "worker"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    machine: Mapped[str] = mapped_column(String(255), default="")
    pid: Mapped[int] = mapped_column(Integer, default=0)
    seen: Mapped[int] = mapped_column(Instant, default=0)


class OnceLink(Base):
    """A one-use address, stored as a hash."""

    __tablename__ = "once_link"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(32))
    """``setup``, or ``register`` with the number of the host whose administrator made it behind a colon."""
    who: Mapped[str] = mapped_column(String(255), default="", server_default="")
    """Whom it was made for or by, as the history names her."""
    expires: Mapped[int] = mapped_column(Instant)


class Secret(Base):
    """Secrets of this installation that are no setting (sealed)."""

    __tablename__ = "secret"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Sealed)


class Preference(Base):
    """How somebody likes her lists and messages; nothing is decided by it."""

    __tablename__ = "preference"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    who: Mapped[str] = mapped_column(String(255), primary_key=True)
    """``p:`` and our id of a person, else ``s:`` and the subject of a launch."""
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class Tally(Base):
    """How many items met which outcome in which minute: rates, and failures by reason. Kept for two days."""

    __tablename__ = "tally"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    minute: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """Epoch seconds divided by 60."""
    word: Mapped[str] = mapped_column(String(32), primary_key=True)
    """``seats.done``, ``messages.refused``, ``calls.wait``, …"""
    count: Mapped[int] = mapped_column(BigInteger, default=0)


class Lease(Base):
    """Who does a piece of a host's work that one worker does at a time (:mod:`plugin.core.database.leases`)."""

    __tablename__ = "lease"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    """``pull``, ``hints`` or ``check``."""
    holder: Mapped[str] = mapped_column(String(64), default="")
    """A worker's token; empty without anybody."""
    lease_until: Mapped[int] = mapped_column(Instant, default=0)
