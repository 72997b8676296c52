"""The base of each host's learner sets is stored, in parts; who stores it holds a lease on the host's clock.

Works with the previous release running: it never used the table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table by parts in place of one by targets."""
    op.drop_table("learner_set")
    op.create_table(
        "learner_set",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
        sa.Column("checksum", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "part", name=op.f("pk_learner_set")),
    )
    if op.get_bind().dialect.name == "postgresql":  # megabytes of numbers: trying to press them only takes time
        op.execute("ALTER TABLE learner_set ALTER COLUMN bits SET STORAGE EXTERNAL")
    op.add_column("host_clock", sa.Column("base_until", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Back to the table nobody used."""
    with op.batch_alter_table("host_clock") as table:
        table.drop_column("base_until")
    op.drop_table("learner_set")
    op.create_table(
        "learner_set",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("target", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("below", sa.Boolean(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
        sa.Column("checksum", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "kind", "target", "below", name=op.f("pk_learner_set")),
    )
