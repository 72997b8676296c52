"""What a million learners need: active learners counted as they come and go, small indexes of what is gone, and for
SQLite's planner, which keeps no statistics of ours, the sizes of the two largest tables.

Works with the previous release running: the counter has a default, and is corrected by the next nightly check.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_GONE = (("ix_unit_gone", "unit", "gone"), ("ix_audience_gone", "audience", "gone"),
         ("ix_assignment_missing", "assignment", "missing"))  # fmt: skip
_SIZES = (
    ("enrolment", "enrolment", "1000000 1000000 5000 1"),
    ("enrolment", "ix_enrolment_host_id_person_certification", "1000000 1000000 10 1"),
    ("enrolment", "ix_enrolment_wakes", "10000 10000 10"),
    ("seat", "seat", "1000000 1000000 5000 1"),
    ("seat", "ix_seat_host_id_person_course", "1000000 1000000 10 1"),
    ("seat", "ix_seat_owed", "10000 10000 1000"),
    ("seat", "ix_seat_call", "10000 10000 500"),
)


def upgrade() -> None:
    """Add them."""
    with op.batch_alter_table("certification") as table:
        table.add_column(sa.Column("active_learners", sa.Integer(), nullable=False, server_default="0"))
    op.execute(
        "UPDATE certification SET active_learners = (SELECT count(*) FROM enrolment e WHERE"
        " e.host_id = certification.host_id AND e.certification = certification.id AND e.state > 0"
        " AND e.hold NOT IN (1, 2, 3))"
    )
    for name, of, column in _GONE:
        op.create_index(name, of, ["host_id"], sqlite_where=sa.text(column), postgresql_where=sa.text(column))
    if op.get_bind().dialect.name == "sqlite":
        op.execute("ANALYZE alembic_version")
        for row in _SIZES:
            op.execute(sa.text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (:a, :b, :c)").bindparams(
                a=row[0], b=row[1], c=row[2]))  # fmt: skip
        op.execute("ANALYZE sqlite_master")


def downgrade() -> None:
    """Take them away again."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DELETE FROM sqlite_stat1 WHERE tbl IN ('enrolment', 'seat')")
    for name, of, column in _GONE:
        op.drop_index(name, of, sqlite_where=sa.text(column), postgresql_where=sa.text(column))
    with op.batch_alter_table("certification") as table:
        table.drop_column("active_learners")
