"""Tables of delivery. A seat is one learner in one host course: what we want and what the host confirmed.

What is owed is where the two differ (design idea 2): rows with ``owed`` true.
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

from plugin.core.database.leases import Leased
from plugin.core.db import Base
from plugin.core.secrets import Sealed

OUT, SUSPENDED, IN, UNKNOWN = 0, 1, 2, 3
"""``Seat.wanted`` and ``Seat.confirmed`` (``OUT`` reads *none* there; only *confirmed* can be ``UNKNOWN``)."""
WANTS = ("out", "suspended", "in")
CONFIRMED = ("none", "suspended", "in", "unknown")
MESSAGE_STATES = (
    "waiting", "owed", "sending", "sent", "maybe", "parked", "bounced", "held", "joined", "cancelled",
)  # fmt: skip
"""Words of ``Message.state``, which says what each means."""
NOBODYS, OURS, FOUND = 0, 1, 2
"""``Seat.origin``."""
NO_POLICY, REMOVE, SUSPEND, KEEP = 0, 1, 2, 3
"""``Seat.leave``, gentlest is greatest (rules 6.2)."""


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


class Call(Leased, Base):
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
    created: Mapped[int] = mapped_column(BigInteger)
    last_error: Mapped[str] = mapped_column(Text, default="")
    correlation: Mapped[str] = mapped_column(String(32), default="")


class Message(Base):
    """One message to one recipient, unique by its once-key (rules 8.2)."""

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
    """waiting (for seats), owed, sending, sent, maybe, parked (refused), bounced (its address is), held (storm),
    joined (goes with its ``leader``) or cancelled."""
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
    leader: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """The message that a digest goes out as: its own id where it is that one, 0 without a digest (rules 8.3)."""


class MessageCount(Base):
    """How many messages were asked for in which minute: a storm is many of them within an hour. Kept for two days."""

    __tablename__ = "told"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    minute: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """Epoch seconds divided by 60."""
    count: Mapped[int] = mapped_column(BigInteger, default=0)


class Channel(Base):
    """How the messages of a host go out. Without a row: by the host itself."""

    __tablename__ = "channel"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16), default="host")
    """``host``, ``webhook`` or ``mail``."""
    url: Mapped[str] = mapped_column(String(1000), default="")
    secret: Mapped[str | None] = mapped_column(Sealed)
    server: Mapped[str] = mapped_column(String(255), default="")
    """Empty: the installation's own mail server."""
    port: Mapped[int] = mapped_column(Integer, default=587)
    security: Mapped[str] = mapped_column(String(16), default="starttls")
    username: Mapped[str] = mapped_column(String(255), default="")
    password: Mapped[str | None] = mapped_column(Sealed)
    sender: Mapped[str] = mapped_column(String(255), default="")
    sender_name: Mapped[str] = mapped_column(String(255), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    """Why it cannot be used now; empty where it can."""
    since: Mapped[int] = mapped_column(BigInteger, default=0)
    retry_at: Mapped[int] = mapped_column(BigInteger, default=0)
    failures: Mapped[int] = mapped_column(Integer, default=0)


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


class Endpoint(Leased, Base):
    """An outside subscriber to our events. Which it is told of: :class:`plugin.core.tables.Subscription`."""

    __tablename__ = "endpoint"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    url: Mapped[str] = mapped_column(String(1000))
    name: Mapped[str] = mapped_column(String(255), default="", server_default="")
    secret: Mapped[str] = mapped_column(Sealed)
    old_secret: Mapped[str | None] = mapped_column(Sealed)
    """Signs too until ``old_until``, so that the receiver may switch at leisure."""
    old_until: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    types: Mapped[list[str]] = mapped_column(JSON, default=list)
    state: Mapped[str] = mapped_column(String(16), default="active")
    """``active``, ``paused`` by somebody, or ``disabled`` by Muster after failing for long."""
    reason: Mapped[str] = mapped_column(Text, default="")
    since: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """Since when it stands in this state."""
    failures: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """Attempts that failed since the last one that succeeded."""
    failing_since: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    succeeded: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    retry_at: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    lease: Mapped[str] = mapped_column(String(64), default="", server_default="")
    lease_until: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    created: Mapped[int] = mapped_column(BigInteger, default=0)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """``names``: people's names and addresses go out too. ``forms``: what made or rotated it, against sending twice."""


class EndpointDelivery(Base):
    """One event for one endpoint: what went out, what came back, what is still to be tried."""

    __tablename__ = "endpoint_delivery"
    __table_args__ = (
        Index(
            "ix_endpoint_delivery_owed",
            "host_id",
            "endpoint",
            "n",
            sqlite_where=text("state = 'owed'"),
            postgresql_where=text("state = 'owed'"),
        ),
        Index(
            "ix_endpoint_delivery_later",
            "host_id",
            "endpoint",
            "subject",
            sqlite_where=text("state = 'owed' AND next_at > 0"),
            postgresql_where=text("state = 'owed' AND next_at > 0"),
        ),
    )

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    endpoint: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """The event's number."""
    type: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(255), default="")
    """A later event of the same subject waits for this one."""
    state: Mapped[str] = mapped_column(String(16), default="owed")
    """``owed``, ``done`` or ``failed``."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    """Of this round; *Redeliver* begins a new one."""
    next_at: Mapped[int] = mapped_column(BigInteger, default=0)
    created: Mapped[int] = mapped_column(BigInteger)
    ended: Mapped[int | None] = mapped_column(BigInteger)
    body: Mapped[str] = mapped_column(Text, default="")
    """Written before the first attempt; every repeat is the same to the letter."""
    sent: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    """The headers of the last attempt."""
    status: Mapped[int | None] = mapped_column(Integer)
    answer: Mapped[str] = mapped_column(Text, default="")
    """The beginning of what came back, as a database keeps it."""
    why: Mapped[str] = mapped_column(Text, default="")
    tries: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """The latest attempts: ``at``, ``status``, ``ms``, ``why``."""
    correlation: Mapped[str] = mapped_column(String(32), default="")
