"""The table of proofs."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.db import Base
from plugin.core.tables import Instant


class RecordProof(Base):
    """The proof of one completion. Whoever has its number can ask whether it holds; nobody guesses it."""

    __tablename__ = "record_proof"
    __table_args__ = (Index(None, "host_id", "person"),)

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    number: Mapped[str] = mapped_column(String(32), primary_key=True)
    person: Mapped[int] = mapped_column(Integer)
    life: Mapped[int] = mapped_column(Integer)
    """``Person.life`` when it was made: an id that is given anew proves nothing of before."""
    certification: Mapped[int] = mapped_column(Integer)
    completed_at: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[int | None] = mapped_column(BigInteger)
    created: Mapped[int] = mapped_column(Instant)
