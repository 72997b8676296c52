"""What the delivery pages show: the order of answers, who dismissed what, where a wish came from, rates, and drift.

Works with the previous release running: every new column has a default and is read by nobody there.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OWED = sa.text("owed")
_PARKED = sa.text("parked IS NOT NULL")


def upgrade() -> None:
    """Add them."""
    op.drop_index("ix_seat_owed", "seat", sqlite_where=_OWED, postgresql_where=_OWED)
    op.add_column("seat", sa.Column("answer", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("seat", sa.Column("dismissed", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("seat", sa.Column("correlation", sa.String(length=32), nullable=False, server_default=""))
    op.create_index(
        "ix_seat_owed", "seat", ["host_id", "next_at", "changed", "course"], sqlite_where=_OWED, postgresql_where=_OWED
    )
    op.create_index("ix_seat_parked", "seat", ["host_id"], sqlite_where=_PARKED, postgresql_where=_PARKED)
    op.create_table(
        "tally",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("minute", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("word", sa.String(length=32), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "minute", "word", name=op.f("pk_tally")),
    )
    op.create_table(
        "drift",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("course", sa.String(length=255), nullable=False),
        sa.Column("person", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "course", "person", name=op.f("pk_drift")),
    )
    op.create_index("ix_drift_host_id_state_course", "drift", ["host_id", "state", "course"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DELETE FROM sqlite_stat1 WHERE idx IN ('ix_seat_owed', 'ix_seat_parked')")
        op.execute(
            "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('seat', 'ix_seat_owed', '10000 10000 5000 500 250')"
        )
        op.execute("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('seat', 'ix_seat_parked', '1000 1000')")
        op.execute("ANALYZE sqlite_master")


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("drift")
    op.drop_table("tally")
    op.drop_index("ix_seat_parked", "seat", sqlite_where=_PARKED, postgresql_where=_PARKED)
    op.drop_index("ix_seat_owed", "seat", sqlite_where=_OWED, postgresql_where=_OWED)
    with op.batch_alter_table("seat") as table:
        table.drop_column("correlation")
        table.drop_column("dismissed")
        table.drop_column("answer")
    op.create_index("ix_seat_owed", "seat", ["host_id", "next_at"], sqlite_where=_OWED, postgresql_where=_OWED)
