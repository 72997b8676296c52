"""Tables of delivery. A seat is one learner in one host course: what we want and what the host confirmed.

What is owed is where the two differ (DESIGN, idea 2): rows with ``owed`` true.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.db import Base
from plugin.core.secrets import Sealed

OUT, SUSPENDED, IN, UNKNOWN = 0, 1, 2, 3
"""``Seat.wanted`` and ``Seat.confirmed`` (``OUT`` reads *none* there; only *confirmed* can be ``UNKNOWN``)."""
WANTS = ("out", "suspended", "in")
CONFIRMED = ("none", "suspended", "in", "unknown")
NOBODYS, OURS, FOUND = 0, 1, 2
"""``Seat.origin``."""
NO_POLICY, REMOVE, SUSPEND, KEEP = 0, 1, 2, 3
"""``Seat.leave``, gentlest is greatest (DOMAIN 6.2)."""


class Seat(Base):
    """One learner in one host course. Belongs to (host, course, person), never to a certification (point 5)."""

    __tablename__ = "seat"
    __table_args__ = (
        Index(None, "host_id", "person", "course"),
        Index(
            "ix_seat_owed",
            "host_id",
            "next_at",
            "changed",
            "course",
            sqlite_where=text("owed"),
            postgresql_where=text("owed"),
        ),
        Index(
            "ix_seat_parked",
            "host_id",
            sqlite_where=text("parked IS NOT NULL"),
            postgresql_where=text("parked IS NOT NULL"),
        ),
        Index(
            "ix_seat_call",
            "host_id",
            "call",
            sqlite_where=text("call != ''"),
            postgresql_where=text("call <> ''"),
        ),
        {"sqlite_with_rowid": False},
    )

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    course: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    wanted: Mapped[int] = mapped_column(SmallInteger)
    confirmed: Mapped[int] = mapped_column(SmallInteger, default=OUT)
    owed: Mapped[bool] = mapped_column(Boolean, default=True)
    """wanted differs from confirmed (suspended person, found seats and parked ones excepted)."""
    origin: Mapped[int] = mapped_column(SmallInteger, default=NOBODYS)
    leave: Mapped[int] = mapped_column(SmallInteger, default=NO_POLICY)
    """The gentlest policy among the enrolments that wanted it in this round; applied when the last one goes."""
    generation: Mapped[int] = mapped_column(Integer, default=1)
    """Raised by every change of ``wanted``."""
    sent: Mapped[int | None] = mapped_column(SmallInteger)
    sent_generation: Mapped[int] = mapped_column(Integer, default=0)
    call: Mapped[str] = mapped_column(String(40), default="")
    """The call this seat is in; its outcome counts only while this and ``sent_generation`` still match."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_at: Mapped[int] = mapped_column(BigInteger, default=0)
    parked: Mapped[str | None] = mapped_column(Text)
    """The host's own words, when it refused for good."""
    changed: Mapped[int] = mapped_column(BigInteger, default=0)
    """When ``wanted`` last changed."""
    confirmed_at: Mapped[int | None] = mapped_column(BigInteger)
    answer: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """Number of the answer that confirmed it, in the order of the answers: a read back only judges those before it."""
    dismissed: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """The generation for which somebody decided to leave a parked seat as it is; another wish asks anew."""
    correlation: Mapped[str] = mapped_column(String(32), default="", server_default="")
    """Of what last changed ``wanted``."""


class Call(Base):
    """One call to a host: written before it is made, so that an unanswered one is repeated to the letter."""

    __tablename__ = "call"
    __table_args__ = (Index(None, "host_id", "state", "next_at"),)

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    """Is the ``webhook-id``."""
    kind: Mapped[str] = mapped_column(String(32))
    """``seats``, ``messages`` or ``resets``."""
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16), default="open")
    job: Mapped[str] = mapped_column(String(255), default="")
    """The host's job, where it answers later."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_at: Mapped[int] = mapped_column(BigInteger, default=0)
    lease: Mapped[str] = mapped_column(String(64), default="")
    lease_until: Mapped[int] = mapped_column(BigInteger, default=0)
    created: Mapped[int] = mapped_column(BigInteger)
    last_error: Mapped[str] = mapped_column(Text, default="")
    correlation: Mapped[str] = mapped_column(String(32), default="")


class Message(Base):
    """One message to one recipient, unique by its once-key (DOMAIN 8.2)."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("host_id", "key"),
        Index(None, "host_id", "state", "next_at"),
        Index(None, "host_id", "learner", "certification"),
    )

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(255))
    """notification, recipient, learner, certification, spell, cycle: told once."""
    notification: Mapped[int] = mapped_column(Integer)
    when: Mapped[str] = mapped_column(String(32))
    certification: Mapped[int] = mapped_column(Integer)
    learner: Mapped[int] = mapped_column(Integer)
    recipient: Mapped[int] = mapped_column(Integer)
    spell: Mapped[int] = mapped_column(Integer, default=0)
    cycle: Mapped[int] = mapped_column(Integer, default=0)
    channel: Mapped[str] = mapped_column(String(16), default="host")
    state: Mapped[str] = mapped_column(String(16), default="owed")
    """waiting (for seats), owed, sending, sent, maybe, parked, held (storm) or cancelled."""
    subject: Mapped[str] = mapped_column(Text, default="")
    text: Mapped[str] = mapped_column(Text, default="")
    html: Mapped[str] = mapped_column(Text, default="")
    link: Mapped[str] = mapped_column(String(1000), default="")
    call: Mapped[str] = mapped_column(String(40), default="")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_at: Mapped[int] = mapped_column(BigInteger, default=0)
    created: Mapped[int] = mapped_column(BigInteger)
    sent_at: Mapped[int | None] = mapped_column(BigInteger)
    why: Mapped[str] = mapped_column(Text, default="")
    correlation: Mapped[str] = mapped_column(String(32), default="")


class Tally(Base):
    """How many items met which outcome in which minute: rates, and failures by reason. Kept for two days."""

    __tablename__ = "tally"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    minute: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """Epoch seconds divided by 60."""
    word: Mapped[str] = mapped_column(String(32), primary_key=True)
    """``seats.done``, ``messages.refused``, ``calls.wait``, …"""
    count: Mapped[int] = mapped_column(BigInteger, default=0)


class Drift(Base):
    """One enrolment at the host that is not as confirmed, as the last reconcile saw it, and what became of it."""

    __tablename__ = "drift"
    __table_args__ = (Index(None, "host_id", "state", "course"),)

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    course: Mapped[str] = mapped_column(String(255), primary_key=True)
    """The host's ids: of an enrolment made by others, Muster may know neither."""
    person: Mapped[str] = mapped_column(String(255), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    """``missing`` there, ``extra`` there, ``suspended`` there; ``other``: made by others, only listed."""
    state: Mapped[str] = mapped_column(String(16))
    """``asked``, ``reasserted``, ``accepted``, ``settled`` (nothing has to be done), ``listed`` or ``picked``."""
    found_at: Mapped[int] = mapped_column(BigInteger)
    run: Mapped[int] = mapped_column(Integer, default=0)
    """The reconcile that saw it last."""


class Endpoint(Base):
    """An outside subscriber to our events."""

    __tablename__ = "endpoint"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    url: Mapped[str] = mapped_column(String(1000))
    secret: Mapped[str] = mapped_column(Sealed)
    types: Mapped[list[str]] = mapped_column(JSON, default=list)
    state: Mapped[str] = mapped_column(String(16), default="active")
    reason: Mapped[str] = mapped_column(Text, default="")
    created: Mapped[int] = mapped_column(BigInteger, default=0)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
