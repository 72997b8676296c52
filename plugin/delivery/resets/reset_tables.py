"""The table of courses that are to begin anew for somebody."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.db import Base


class CourseReset(Base):
    """What somebody completed of a course before an instant is to count no longer at the host: asked for once."""

    __tablename__ = "course_reset"
    __table_args__ = (Index(None, "host_id", "state", "next_at"), Index(None, "host_id", "call"))

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    person: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    course: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    before: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    certification: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16), default="owed")
    """``owed``, ``sending``, ``done``, ``parked`` or ``dismissed``."""
    call: Mapped[str] = mapped_column(String(40), default="")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_at: Mapped[int] = mapped_column(BigInteger, default=0)
    created: Mapped[int] = mapped_column(BigInteger)
    why: Mapped[str] = mapped_column(Text, default="")
    """The host's own words."""
    correlation: Mapped[str] = mapped_column(String(32), default="")
