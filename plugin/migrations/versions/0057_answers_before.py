"""Answers to exceptions that a later answer to the same learner took the place of; and when each was raised.

Works with the previous release running: it knows neither, what it overwrites is not kept, and of its answers the history
tells when they were raised.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table, one column."""
    op.add_column("decision", sa.Column("raised", sa.BigInteger(), nullable=True))
    op.create_table(
        "decision_past",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("certification", sa.Integer(), nullable=False),
        sa.Column("person", sa.Integer(), nullable=False),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=True),
        sa.Column("raised", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint(
            "host_id", "certification", "person", "type", "at", "action", name=op.f("pk_decision_past")
        ),
    )


def downgrade() -> None:
    """Answers that are no longer in force are lost."""
    op.drop_table("decision_past")
    with op.batch_alter_table("decision") as table:
        table.drop_column("raised")
