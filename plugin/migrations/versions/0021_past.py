"""How rows of learners stood before they changed, for reports as of a day.

A host that is there already is exact from this migration on; of what changed earlier nothing was kept. With the previous
release running meanwhile, what it changes is not kept either: the day of the upgrade is the first that may be off.
"""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table beside the enrolments; every host says since when it is kept."""
    op.create_table(
        "enrolment_past",
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("certification", sa.Integer(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.LargeBinary(), nullable=False),
        sa.Column("before", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "certification", "n", name=op.f("pk_enrolment_past")),
    )
    op.add_column("host", sa.Column("past_since", sa.BigInteger(), server_default="0", nullable=False))
    op.execute(sa.text("UPDATE host SET past_since = :now").bindparams(now=int(time.time())))


def downgrade() -> None:
    """What was kept is lost."""
    op.drop_column("host", "past_since")
    op.drop_table("enrolment_past")
