"""A certification whose rows never changed since 0002 says so now only where it never had any.

Works with the previous release running: it counts on from whatever number it finds.
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """0 means from now on that there never was a row."""
    op.execute(
        "UPDATE certification SET enrolments_rev = 1 WHERE enrolments_rev = 0 AND EXISTS (SELECT 1 FROM enrolment e"
        " WHERE e.host_id = certification.host_id AND e.certification = certification.id)"
    )


def downgrade() -> None:
    """Nothing to take back: any number may have changed meanwhile."""
