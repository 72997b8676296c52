"""The tables of what is to be sent, and of what was."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.database.leases import Leased
from plugin.core.db import Base
from plugin.core.tables import Instant


class ReportSchedule(Base):
    """A report that goes out again and again, or once: what is asked, when, how, and whose rights decide the rows."""

    __tablename__ = "report_schedule"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    report: Mapped[int | None] = mapped_column(Integer)
    """The saved report it is of; removed with it."""
    name: Mapped[str] = mapped_column(String(255))
    source: Mapped[str] = mapped_column(String(32))
    question: Mapped[list[Any]] = mapped_column(JSON)
    """Pairs of an address: columns, sort, filters."""
    team: Mapped[bool] = mapped_column(default=False)
    """A manager's: of her team alone."""
    owner_kind: Mapped[str] = mapped_column(String(16))
    """``person``, ``subject`` or ``program``."""
    owner: Mapped[str] = mapped_column(String(255))
    """The subject of launches, or the name of a token."""
    owner_person: Mapped[int | None] = mapped_column(Integer)
    who: Mapped[str] = mapped_column(String(255))
    """How the history names the owner."""
    timing: Mapped[dict[str, Any]] = mapped_column(JSON)
    form: Mapped[str] = mapped_column(String(8))
    how: Mapped[str] = mapped_column(String(16))
    """``email``, ``endpoint`` or ``page``."""
    recipients: Mapped[list[str]] = mapped_column(JSON, default=list)
    endpoint: Mapped[int | None] = mapped_column(Integer)
    skip_empty: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(16), default="active")
    """``active``, ``paused`` or ``done``."""
    reason: Mapped[str] = mapped_column(Text, default="")
    """Why Muster paused it; empty where its owner did."""
    next_at: Mapped[int] = mapped_column(BigInteger, default=0)
    created: Mapped[int] = mapped_column(Instant)


class ReportSending(Leased, Base):
    """One time a report goes out: to whom, and what became of it. One for each time it is due, whoever works."""

    __tablename__ = "report_sending"
    __table_args__ = (UniqueConstraint("host_id", "schedule", "due_at"), Index(None, "host_id", "owner_person"))

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    schedule: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(255))
    owner: Mapped[str] = mapped_column(String(255))
    owner_person: Mapped[int | None] = mapped_column(Integer)
    how: Mapped[str] = mapped_column(String(16))
    form: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(16), default="owed")
    """``owed``, ``sent``, ``partly``, ``failed``, ``kept`` (lies under *Sent to me*), ``empty`` or ``stopped``."""
    reason: Mapped[str] = mapped_column(Text, default="")
    recipients: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """``to``, ``state`` (``owed``, ``begun``, ``sent``, ``refused``, ``bounced``, ``retry`` or ``maybe``), ``why``, ``at``."""
    people: Mapped[list[int]] = mapped_column(JSON, default=list)
    """Who else finds it under *Sent to me*: recipients it was too large to be sent to."""
    whole: Mapped[bool] = mapped_column(default=False)
    """Whether its file is complete."""
    file_name: Mapped[str] = mapped_column(String(255), default="")
    media: Mapped[str] = mapped_column(String(100), default="")
    rows: Mapped[int] = mapped_column(Integer, default=0)
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    kept_until: Mapped[int] = mapped_column(BigInteger, default=0)
    """Until when the file can be fetched; 0: it cannot."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_at: Mapped[int] = mapped_column(BigInteger, default=0)
    ended: Mapped[int] = mapped_column(BigInteger, default=0)


class ReportPart(Base):
    """A piece of a file that waits to be sent or fetched."""

    __tablename__ = "report_part"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    sending: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(LargeBinary)
