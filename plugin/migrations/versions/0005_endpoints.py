"""Outgoing webhooks: who is told of what, whom an event is about, what went out to each endpoint and what came back.

Works with the previous release running: it writes no events, and every new column has a default.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OWED = sa.text("state = 'owed'")
_LATER = sa.text("state = 'owed' AND next_at > 0")
_INSTANTS = ("old_until", "since", "failing_since", "succeeded", "retry_at", "lease_until")


def upgrade() -> None:
    """Add them."""
    op.add_column("event", sa.Column("certification", sa.Integer(), nullable=True))
    op.add_column("event", sa.Column("person", sa.Integer(), nullable=True))
    op.create_table(
        "subscription",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("endpoint", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("host_id", "type", "endpoint", name=op.f("pk_subscription")),
    )
    op.add_column("endpoint", sa.Column("name", sa.String(length=255), nullable=False, server_default=""))
    op.add_column("endpoint", sa.Column("old_secret", sa.Text(), nullable=True))
    op.add_column("endpoint", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("endpoint", sa.Column("lease", sa.String(length=64), nullable=False, server_default=""))
    for name in _INSTANTS:
        op.add_column("endpoint", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "endpoint_delivery",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("endpoint", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sent", sa.JSON(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("tries", sa.JSON(), nullable=False),
        sa.Column("correlation", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "endpoint", "n", name=op.f("pk_endpoint_delivery")),
    )
    op.create_index(
        "ix_endpoint_delivery_owed", "endpoint_delivery", ["host_id", "endpoint", "n"],
        sqlite_where=_OWED, postgresql_where=_OWED,
    )  # fmt: skip
    op.create_index(
        "ix_endpoint_delivery_later", "endpoint_delivery", ["host_id", "endpoint", "subject"],
        sqlite_where=_LATER, postgresql_where=_LATER,
    )  # fmt: skip


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("endpoint_delivery")
    with op.batch_alter_table("endpoint") as table:
        for name in (*reversed(_INSTANTS), "lease", "failures", "old_secret", "name"):
            table.drop_column(name)
    op.drop_table("subscription")
    with op.batch_alter_table("event") as table:
        table.drop_column("person")
        table.drop_column("certification")
