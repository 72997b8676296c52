"""Tables of sources: who supplies what, what a source says of somebody, and what was loaded."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, LargeBinary, SmallInteger, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.db import Base

JOINED, NO_ACCOUNT, SEVERAL_ACCOUNTS, SEVERAL_RECORDS, NO_KEY, SUSPENDED = range(6)
"""``Identity.why``: joined, or why not (SOURCES 3.3, 3.4)."""
WHYS = ("", "no_account", "several_accounts", "several_records", "no_key", "suspended")


class Supplier(Base):
    """Who supplies a kind of record, in order. A kind without rows is the learning site's (SOURCES 2.1)."""

    __tablename__ = "supplier"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    """``organisation``, ``position``, ``managers``, ``audiences`` or ``fields``."""
    place: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    connection: Mapped[int] = mapped_column(Integer)


class Identity(Base):
    """A source's own record of somebody, joined to a person of the learning site or not (SOURCES 1, 3)."""

    __tablename__ = "identity"
    __table_args__ = (
        UniqueConstraint("host_id", "source", "ext"),
        Index(None, "host_id", "source", "key"),
        Index(None, "host_id", "person"),
        Index(
            "ix_identity_former", "host_id", "former",
            sqlite_where=text("former IS NOT NULL"), postgresql_where=text("former IS NOT NULL"),
        ),
        Index(
            "ix_identity_unmatched", "host_id", "source", "why",
            sqlite_where=text("why > 0"), postgresql_where=text("why > 0"),
        ),
        Index(
            "ix_identity_turns", "host_id", "turns",
            sqlite_where=text("turns IS NOT NULL"), postgresql_where=text("turns IS NOT NULL"),
        ),
    )  # fmt: skip

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    source: Mapped[int] = mapped_column(Integer)
    """The connection."""
    ext: Mapped[str] = mapped_column(String(255))
    """The source's own id."""
    name: Mapped[str] = mapped_column(String(255), default="")
    key: Mapped[str] = mapped_column(String(255), default="")
    """What it is joined by, in its normal form; empty where the source gives none."""
    person: Mapped[int | None] = mapped_column(Integer)
    """The account it is joined to."""
    pinned: Mapped[int | None] = mapped_column(Integer)
    """The account somebody matched it with by hand; holds over any rule."""
    former: Mapped[int | None] = mapped_column(Integer)
    """The account it was joined to until that was deleted (SOURCES 3.7)."""
    ghost: Mapped[int | None] = mapped_column(Integer)
    """A person of no account, so that the chain runs through an unmatched manager (SOURCES 3.6)."""
    why: Mapped[int] = mapped_column(SmallInteger, default=NO_ACCOUNT)
    said: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """See :class:`plugin.mirror.sources.source_data.PersonData`."""
    digest: Mapped[int] = mapped_column(BigInteger, default=0)
    """Of ``said``: what is the same is not looked at again."""
    gone: Mapped[int | None] = mapped_column(BigInteger)
    """Since when whole deliveries lack it; it keeps its place in the chain for a while (SOURCES 2.2)."""
    left: Mapped[int | None] = mapped_column(BigInteger)
    """Since when the source says that she has left, where it names no day."""
    turns: Mapped[int | None] = mapped_column(BigInteger)
    """The next instant at which time alone changes what the mirror shall hold of it."""


class AccountKey(Base):
    """What an account would be joined by in a source: its key in normal form."""

    __tablename__ = "account_key"
    __table_args__ = (Index(None, "host_id", "source", "key"), {"sqlite_with_rowid": False})

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    source: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(255))


class Overlay(Base):
    """What sources say of an account over what the site says, and the site's own word below it."""

    __tablename__ = "overlay"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    fields: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Fields that sources supply."""
    site_fields: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    site_state: Mapped[int] = mapped_column(SmallInteger, default=0)
    frozen: Mapped[bool] = mapped_column(default=False)
    """She has left by what a source says, and is treated as frozen for a while (SOURCES 2.2)."""


class SourceUnit(Base):
    """A unit made of words: how it is found again whatever its case and blanks (SOURCES 2.3); and what was told of others."""

    __tablename__ = "source_unit"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    source: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    word: Mapped[str] = mapped_column(String(255), primary_key=True)
    """The path, case-folded with single blanks."""
    ext: Mapped[str] = mapped_column(String(255))
    """The unit it means: its own, or after a rename that of the old name."""
    told: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Of a unit or an audience with an id of its own (``word`` is that id): its name, parent and code as they were told, also
    while the source does not supply them. Empty for what is made of words."""


class SourceMember(Base):
    """Who belongs to an audience of a source, by the source's own ids; whoever is not known yet waits here."""

    __tablename__ = "source_member"
    __table_args__ = (Index(None, "host_id", "source", "identity"), {"sqlite_with_rowid": False})

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    source: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    audience: Mapped[str] = mapped_column(String(255), primary_key=True)
    identity: Mapped[str] = mapped_column(String(255), primary_key=True)


class Rename(Base):
    """A unit made of words that vanished while another took most of its people (SOURCES 4.3)."""

    __tablename__ = "source_rename"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    source: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(16))
    old: Mapped[str] = mapped_column(String(255))
    """The id of the unit that vanished."""
    new: Mapped[str] = mapped_column(String(255))
    """The id of the unit that took its people."""
    people: Mapped[int] = mapped_column(Integer, default=0)
    state: Mapped[str] = mapped_column(String(16), default="open")
    """``open``, ``renamed`` or ``refused``."""
    since: Mapped[int] = mapped_column(BigInteger, default=0)


class SourceLoad(Base):
    """One load of a source: what was read, what it did, and how to take it back (SOURCES 4.5)."""

    __tablename__ = "source_load"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    source: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))
    """``done``, ``waits`` for somebody's *Load*, ``refused`` or ``undone``."""
    at: Mapped[int] = mapped_column(BigInteger)
    who: Mapped[str] = mapped_column(String(255), default="")
    plan: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    files: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """By file: kind, name, rows, generated."""
    reason: Mapped[str] = mapped_column(Text, default="")
    report: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Line by line, as compressed CSV."""
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The files themselves, compressed, of a load that waits; of the newest that was done what tells its rows again."""
    before: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What the source had said before, of everything the load changed; compressed JSON."""
