"""Grants, scopes and ends of tokens, families of sessions, and how often a person was deleted.

Works with the previous release running: it writes none of the new columns, and each has a default. Administrators named
in a host's settings become grants; the settings stay, so that the previous release goes on writing to them.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_GRACE = 90
"""Days for which a token without an end goes on at least."""


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "access_grant",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", sa.Integer(), nullable=True),
        sa.Column("subject", sa.String(length=255), nullable=True),
        sa.Column("life", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("scope", sa.JSON(), nullable=False),
        sa.Column("until", sa.String(length=10), nullable=False),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_access_grant")),
    )
    op.create_index(op.f("ix_access_grant_host_id_person"), "access_grant", ["host_id", "person"])
    op.create_index(op.f("ix_access_grant_host_id_subject"), "access_grant", ["host_id", "subject"])
    for name, kind, default in _TOKEN:
        op.add_column("api_token", sa.Column(name, kind, nullable=default is None, server_default=default))
    op.add_column("person", sa.Column("life", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("person", sa.Column("gone_at", sa.BigInteger(), nullable=True))
    op.add_column("launch_session", sa.Column("family", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("once_link", sa.Column("who", sa.String(length=255), nullable=False, server_default=""))
    op.create_index(op.f("ix_launch_session_host_id_person"), "launch_session", ["host_id", "person"])
    now = int(time.time())
    _named_become_grants(now)
    _tokens_get_an_end(now)


_TOKEN = (
    ("scopes", sa.JSON(), "[]"), ("certifications", sa.JSON(), None), ("until", sa.String(length=10), ""),
    ("owner", sa.String(length=16), ""), ("owner_person", sa.Integer(), None), ("owner_subject", sa.String(length=255), None),
)  # fmt: skip


def _named_become_grants(now: int) -> None:
    bind = op.get_bind()
    insert = sa.text(
        "INSERT INTO access_grant (host_id, id, person, subject, life, role, scope, until, who, reason, created)"
        " VALUES (:host, :id, :person, NULL, 0, 'site', '{}', '', 'upgrade', '', :now)"
    )
    count = sa.text("INSERT INTO counter (host_id, name, value) VALUES (:host, 'access_grant', :value)")
    for host, settings in bind.execute(sa.text("SELECT id, settings FROM host")).all():
        stored = json.loads(settings) if isinstance(settings, str) else settings or {}
        named = sorted({int(one) for one in stored.get("administrators") or []})
        for number, person in enumerate(named, 1):
            bind.execute(insert, {"host": host, "id": number, "person": person, "now": now})
        if named:
            bind.execute(count, {"host": host, "value": len(named)})


def _tokens_get_an_end(now: int) -> None:
    bind = op.get_bind()
    for host, number, created in bind.execute(sa.text("SELECT host_id, id, created FROM api_token")).all():
        last = max(
            datetime.fromtimestamp(created, UTC) + timedelta(365), datetime.fromtimestamp(now, UTC) + timedelta(_GRACE)
        )
        bind.execute(
            sa.text("UPDATE api_token SET until = :until WHERE host_id = :host AND id = :id"),
            {"until": last.date().isoformat(), "host": host, "id": number},
        )


def downgrade() -> None:
    """Take them away again."""
    op.drop_index(op.f("ix_launch_session_host_id_person"), "launch_session")
    op.drop_column("once_link", "who")
    op.drop_column("launch_session", "family")
    op.drop_column("person", "gone_at")
    op.drop_column("person", "life")
    for name, _kind, _default in reversed(_TOKEN):
        op.drop_column("api_token", name)
    op.drop_index(op.f("ix_access_grant_host_id_subject"), "access_grant")
    op.drop_index(op.f("ix_access_grant_host_id_person"), "access_grant")
    op.drop_table("access_grant")
