"""What the lanes of a certification have drawn, as it is stored."""

from __future__ import annotations

import json

from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch
from plugin.enrolment.waves.decide_draws import Drawn


def read_drawn(session: Session, host_id: int, certification: int) -> dict[int, Drawn]:
    """By number of the lane."""
    sql = "SELECT assignment, drawn, used, CAST(people AS TEXT) FROM wave WHERE host_id = ? AND certification = ?"
    return {
        number: Drawn(drawn, used, {int(at): BitMap(found) for at, found in json.loads(people).items()})
        for number, drawn, used, people in fetch(session, sql, host_id, certification)
    }
