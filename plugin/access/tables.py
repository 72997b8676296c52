"""Tables of access: the tokens that programs come with."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.db import Base
from plugin.core.tables import Instant


class ApiToken(Base):
    """A token of a host's programs. The token itself was shown once; only its hash is here."""

    __tablename__ = "api_token"
    __table_args__ = (UniqueConstraint("host_id", "digest"), UniqueConstraint("host_id", "name"))

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(80))
    digest: Mapped[str] = mapped_column(String(64))
    may_write: Mapped[bool] = mapped_column(default=False)
    who: Mapped[str] = mapped_column(String(255))
    """Who made it, as the history names people."""
    created: Mapped[int] = mapped_column(Instant)
    used: Mapped[int] = mapped_column(BigInteger, default=0)
    """When it was last seen, to the minute; 0: never."""
