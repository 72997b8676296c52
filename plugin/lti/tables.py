"""Tables of the door: deployments, our keys, launch sessions, nonces."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from plugin.core.db import Base
from plugin.core.secrets import Sealed


class Deployment(Base):
    """A deployment of ours at a host. ``state``: ``active`` or ``pending`` (learnt from a launch)."""

    __tablename__ = "deployment"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    deployment_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    state: Mapped[str] = mapped_column(String(16), default="active")


class ToolKey(Base):
    """One of our signing keys. ``state``: ``current`` signs, ``next`` and ``retired`` are published too."""

    __tablename__ = "tool_key"

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    private_pem: Mapped[str] = mapped_column(Sealed)
    public_jwk: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16))
    created: Mapped[int] = mapped_column(BigInteger)


class LaunchSession(Base):
    """A session opened by a launch. The handle itself is only in the address; here is its SHA-256."""

    __tablename__ = "launch_session"
    __table_args__ = (Index(None, "expires"), Index(None, "host_id", "person"))

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    family: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """The digest of the launch's own session; tabs opened from it share it, and end with it."""
    host_id: Mapped[int] = mapped_column(Integer)
    subject: Mapped[str] = mapped_column(String(255))
    person: Mapped[int | None] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(255), default="")
    is_administrator: Mapped[bool] = mapped_column(default=False)
    """Whether the launch came with an administrator's role; what else she may is asked at every request."""
    purpose: Mapped[str] = mapped_column(String(16), default="launch")
    """``launch``, or ``setup`` for a session opened by a setup link, which sees *Hosts* only."""
    cookie_digest: Mapped[str | None] = mapped_column(String(64))
    cookie_seen: Mapped[bool] = mapped_column(default=False)
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Locale, context, return address, document target, service claims."""
    created: Mapped[int] = mapped_column(BigInteger)
    used: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[int] = mapped_column(BigInteger)


class Nonce(Base):
    """A login under way: consumed once, by DELETE … RETURNING, in the launch's transaction."""

    __tablename__ = "nonce"
    __table_args__ = (Index(None, "expires"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    """``login`` (keyed by the state's hash) or ``ticket`` (a verified launch waiting for the browser's proof)."""
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    payload: Mapped[str | None] = mapped_column(Text)
    expires: Mapped[int] = mapped_column(BigInteger)


class ScoreEndpoint(Base):
    """Where a link of a course takes results, as its latest launch told (AGS §3.1)."""

    __tablename__ = "score_endpoint"

    host_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    context: Mapped[str] = mapped_column(String(255), primary_key=True)
    """The course, by the platform's id."""
    link: Mapped[str] = mapped_column(String(255), primary_key=True)
    title: Mapped[str] = mapped_column(String(255), default="")
    line_item: Mapped[str] = mapped_column(Text, default="")
    """The link's own; emptied when the platform has it no longer."""
    line_items: Mapped[str] = mapped_column(Text, default="")
    scopes: Mapped[list[str]] = mapped_column(JSON, default=list)
    certification: Mapped[str] = mapped_column(String(100), default="")
    """The code its custom parameter names; without, the link speaks for its course."""
    seen: Mapped[int] = mapped_column(BigInteger)
