"""What a host gave that could not be read, how often a hint failed, and what people are looked up by.

Works with the previous release running: it writes none of them. Until the worker of the new release has gone through a
host once (``search:2`` of its counters), people are looked up without the new table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for them."""
    op.create_table(
        "data_problem",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("ext", sa.String(length=520), nullable=False),
        sa.Column("field", sa.String(length=32), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.Column("cost", sa.String(length=32), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("sweep", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "kind", "ext", "field", name="pk_data_problem"),
    )
    op.create_table(
        "person_key",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column(
            "word",
            sa.String(length=800).with_variant(sa.String(length=800, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("person", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "word", "person", name="pk_person_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_person_key_host_id_person", "person_key", ["host_id", "person"])
    op.add_column("hint", sa.Column("tries", sa.SmallInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Take them away again."""
    with op.batch_alter_table("hint") as table:
        table.drop_column("tries")
    op.drop_table("person_key")
    op.drop_table("data_problem")
