"""The table of saved reports."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.db import Base
from plugin.core.tables import Instant


class SavedReport(Base):
    """A report by name: what is asked, never what was answered. Whoever opens it sees what she may see."""

    __tablename__ = "saved_report"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(255))
    source: Mapped[str] = mapped_column(String(32))
    question: Mapped[list[Any]] = mapped_column(JSON)
    """Pairs of an address: columns, sort, filters."""
    owner: Mapped[str] = mapped_column(String(255))
    """The subject or program that saved it."""
    shared: Mapped[bool] = mapped_column(default=False)
    """Shown to all administrators; else to its owner alone."""
    created: Mapped[int] = mapped_column(Instant)
