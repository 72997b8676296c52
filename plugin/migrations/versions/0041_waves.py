"""How many begin in a period, and who was drawn.

Works with the previous release running: the column may be null, and it does not know the table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One column, null where all begin at once, and one table."""
    op.add_column("assignment", sa.Column("wave", sa.JSON(), nullable=True))
    op.create_table(
        "wave",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("certification", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("assignment", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("drawn", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=True),
        sa.Column("people", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "certification", "assignment", name=op.f("pk_wave")),
    )


def downgrade() -> None:
    """Waves are lost; the versions still name them. Whoever waits begins with the next settle."""
    op.drop_table("wave")
    op.drop_column("assignment", "wave")
