"""Settle a few people at once, where somebody has just done something about them and waits to see it done.

The worker would do the same a moment later; what it owes besides stays owed.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch
from plugin.core.logs import log
from plugin.core.runtime import Runtime
from plugin.enrolment.answers.withdrawal_guard import Limits
from plugin.enrolment.settling.people import people_chunk

MOST = 50
"""People that are settled so; for more there is progress to look at."""
_log = log("settling")


def settle_few(runtime: Runtime, host_id: int, people: Collection[int]) -> bool:
    """Settle these people, where they are few. Returns whether nothing of them is owed any more.

    It never fails what was done before it: where it cannot, the worker does.
    """
    if not 0 < len(people) <= MOST:
        return not people
    try:
        with runtime.db.read() as session:
            owed = _owed(session, host_id, people)
        if owed:
            limits = Limits.of(runtime.settings)
            runtime.db.transact(partial(people_chunk, host_id=host_id, owed=owed, limits=limits, verdict=None))
        with runtime.db.read() as session:
            return not _owed(session, host_id, people)
    except Exception as error:
        _log.warning("not settled at once", error=type(error).__name__)
        return False


def _owed(session: Session, host_id: int, people: Collection[int]) -> dict[int, int]:
    ids = ", ".join(str(int(one)) for one in people)
    sql = f"SELECT person, at FROM change WHERE host_id = ? AND person IN ({ids}) AND settled < seq"
    return {row[0]: row[1] for row in fetch(session, sql, host_id)}
