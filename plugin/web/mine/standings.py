"""Where somebody stands in everything she is enrolled in."""

from __future__ import annotations

from sqlalchemy.orm import Session

from plugin.core.runtime import Runtime
from plugin.reports import at_a_glance
from plugin.reports.asking.reader import Reader
from plugin.reports.service import asker_of
from plugin.web.mine.paths import LearnerCertification, standing


def standings(
    made: Runtime, session: Session, host_id: int, reader: Reader, limit: int = 500
) -> list[LearnerCertification]:
    """Of the one person whom this reader may see: what comes next first, at most ``limit``."""
    asker = asker_of(made, session, host_id, reader)
    rows = at_a_glance.glance(asker, at_a_glance.glance_question([], limit=limit)).rows
    return [standing(session, host_id, row, asker.now) for row in rows]
