"""Notification definitions: who is told what, and when."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.db import Base


class Notification(Base):
    """One definition of one certification (rules 8.1)."""

    __tablename__ = "notification"
    __table_args__ = (Index(None, "host_id", "certification"),)

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    certification: Mapped[int] = mapped_column(Integer)
    when: Mapped[str] = mapped_column(String(32))
    """assigned, withdrawn, due, overdue, due_changed, completed, window_open, expiring, expired or exception."""
    offset: Mapped[int] = mapped_column(Integer, default=0)
    """Seconds: negative before, positive after the moment."""
    to: Mapped[list[str]] = mapped_column(JSON, default=list)
    """learner, managers, admins."""
    subject: Mapped[str] = mapped_column(Text, default="")
    body: Mapped[str] = mapped_column(Text, default="")
    texts: Mapped[dict[str, dict[str, str]]] = mapped_column(JSON, default=dict, server_default="{}")
    """Own texts by language: ``{"de": {"subject": ..., "body": ...}}``."""
    on: Mapped[bool] = mapped_column(default=True)
    since: Mapped[int] = mapped_column(BigInteger, default=0)
    """When it was last switched on: moments before are never sent (rules 8.3)."""
