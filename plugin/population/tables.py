"""Stored learner sets: a base at a seq, patched with whoever changed since (DESIGN, point 2)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.db import Base


class LearnerSetRow(Base):
    """A frozen bitmap with its length and checksum; rebuilt on any doubt."""

    __tablename__ = "learner_set"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    target: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    below: Mapped[bool] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    n: Mapped[int] = mapped_column(Integer)
    bits: Mapped[bytes] = mapped_column(LargeBinary)
    checksum: Mapped[int] = mapped_column(BigInteger)
