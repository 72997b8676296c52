"""Changes that wait for a second administrator, and who read what.

Works with the previous release running: it does not know the tables.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two tables."""
    op.create_table(
        "waiting_change",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("what", sa.String(80), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("shown", sa.JSON(), nullable=False),
        sa.Column("person", sa.Integer()),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("asked", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decided", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.String(255), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_waiting_change")),
    )
    op.create_index(op.f("ix_waiting_change_host_id_state"), "waiting_change", ["host_id", "state"])
    op.create_table(
        "trace",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("how", sa.String(16), nullable=False),
        sa.Column("what", sa.String(80), nullable=False),
        sa.Column("certification", sa.Integer()),
        sa.Column("person", sa.Integer()),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("correlation", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "id", name=op.f("pk_trace")),
    )
    op.create_index(op.f("ix_trace_host_id_at"), "trace", ["host_id", "at"])
    op.create_index(op.f("ix_trace_host_id_person_at"), "trace", ["host_id", "person", "at"])


def downgrade() -> None:
    """What waits, and what was read, is lost."""
    op.drop_table("trace")
    op.drop_table("waiting_change")
