"""Records brought along (rules 7.6). Works with the previous release running: nobody there knows the table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_OPEN = sa.text("state IN (0, 2)")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "brought",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("certification", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.Boolean(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kept", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "certification", "person", "n", name=op.f("pk_brought")),
    )
    op.create_index("ix_brought_open", "brought", ["host_id", "person"], sqlite_where=_OPEN, postgresql_where=_OPEN)


def downgrade() -> None:
    """Take it away again."""
    op.drop_index("ix_brought_open", "brought", sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.drop_table("brought")
