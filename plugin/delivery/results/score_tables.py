"""Tables of the results that Muster reports to courses: lines of gradebooks, and what is owed to them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.database.leases import Leased
from plugin.core.db import Base


class ScoreLine(Leased, Base):
    """One certification in the gradebook of one course: where its results go, and who is at it.

    The lease is the line's: its results go one after another.
    """

    __tablename__ = "score_line"
    __table_args__ = (UniqueConstraint("host_id", "certification", "context"),)

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    certification: Mapped[int] = mapped_column(Integer)
    context: Mapped[str] = mapped_column(String(255))
    """The course, by the host's id."""
    title: Mapped[str] = mapped_column(String(255), default="")
    url: Mapped[str] = mapped_column(Text, default="")
    """The line item's address, once it is known."""
    filled: Mapped[int | None] = mapped_column(Integer, default=-1)
    """Results of those certified before are owed for people up to this id; null for all."""
    why: Mapped[str] = mapped_column(Text, default="")
    """What stands in the way, while something does."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_at: Mapped[int] = mapped_column(BigInteger, default=0)


class Score(Base):
    """One learner's result for one line and cycle: owed once."""

    __tablename__ = "score"
    __table_args__ = (Index(None, "host_id", "state", "line", "next_at"),)

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    line: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    cycle: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(String(16), default="owed")
    """``owed``, ``sent``, ``parked``, ``dismissed``, or ``dropped`` where the host deleted her."""
    at: Mapped[int] = mapped_column(BigInteger)
    """Instant of the result as the platform is told; the same in every attempt."""
    created: Mapped[int] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_at: Mapped[int] = mapped_column(BigInteger, default=0)
    why: Mapped[str] = mapped_column(Text, default="")
    """The platform's own words."""
    sent_at: Mapped[int | None] = mapped_column(BigInteger)
    correlation: Mapped[str] = mapped_column(String(32), default="")
