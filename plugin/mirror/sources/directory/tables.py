"""What a directory wrote, as it wrote it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.db import Base

USER, GROUP = "User", "Group"


class DirectoryResource(Base):
    """A user or a group of a directory (SOURCES 5). A user's id is her identity's, a group's is its audience's."""

    __tablename__ = "directory_resource"
    __table_args__ = (
        Index(None, "host_id", "source", "kind", "name"),
        Index(None, "host_id", "source", "kind", "external"),
        Index(None, "host_id", "source", "manager"),
        Index(None, "host_id", "source", "withdrawn"),
    )

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    source: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    """``User`` or ``Group``."""
    name: Mapped[str] = mapped_column(String(255), default="")
    """``userName`` or ``displayName``, folded."""
    external: Mapped[str] = mapped_column(String(255), default="")
    manager: Mapped[str] = mapped_column(String(255), default="")
    """Whom it names as manager, as written: our id, or an ``externalId`` that may come later."""
    document: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created: Mapped[int] = mapped_column(BigInteger)
    modified: Mapped[int] = mapped_column(BigInteger)
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    """Whether the directory says that she is active."""
    withdrawn: Mapped[int | None] = mapped_column(BigInteger)
    """When it was deactivated or deleted; counts in the row guard for 24 hours."""
    held: Mapped[bool] = mapped_column(Boolean, default=False)
    """Whether that waits for somebody: the mirror still has her as active."""
    deleted: Mapped[bool] = mapped_column(Boolean, default=False)
