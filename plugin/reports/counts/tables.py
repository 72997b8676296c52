"""The table of what was counted by night."""

from __future__ import annotations

from sqlalchemy import Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.db import Base


class ReportCount(Base):
    """How a certification stood at the end of a day."""

    __tablename__ = "report_count"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    certification: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    enrolled: Mapped[int] = mapped_column(Integer)
    certified: Mapped[int] = mapped_column(Integer)
    overdue: Mapped[int] = mapped_column(Integer)
    units: Mapped[bytes | None] = mapped_column(LargeBinary)
    """By organisation as it was that night: rows of unit, enrolled, certified, overdue (32 bits each), compressed. Empty
    where nobody counted that night and the day was worked out afterwards."""
