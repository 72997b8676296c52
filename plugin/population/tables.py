"""The stored base of a host's learner sets (design point 2)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.db import Base


class LearnerSetRow(Base):
    """One part of a host's base: a frozen bitmap of people, or a column in the order of its jobs, members or units.

    All parts of one base carry its ``seq``. A cache: whatever is missing or doubtful is read from the mirror's rows.
    """

    __tablename__ = "learner_set"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    part: Mapped[str] = mapped_column(String(16), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    n: Mapped[int] = mapped_column(Integer)
    bits: Mapped[bytes] = mapped_column(LargeBinary)
    checksum: Mapped[int] = mapped_column(BigInteger)
