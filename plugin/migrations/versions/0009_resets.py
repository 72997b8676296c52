"""Courses that are to begin anew for somebody, at hosts that can reset completions.

Works with the previous release running: only a new table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it."""
    op.create_table(
        "course_reset",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("person", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("course", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("before", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("certification", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("call", sa.String(length=40), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("correlation", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "person", "course", "before", name=op.f("pk_course_reset")),
    )
    op.create_index("ix_course_reset_host_id_state_next_at", "course_reset", ["host_id", "state", "next_at"])
    op.create_index("ix_course_reset_host_id_call", "course_reset", ["host_id", "call"])


def downgrade() -> None:
    """Take it away again."""
    op.drop_table("course_reset")
