"""Once a line of results is new, the results of those become owed who were certified before."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch, run
from plugin.core.logs import correlation
from plugin.core.runtime import Runtime
from plugin.delivery.results.gradebook_lines import make_lines
from plugin.enrolment.codes import REACHED, listed

PART = 2000
"""People looked through at a time."""
_UNFILLED = (
    "SELECT id, certification, filled FROM score_line WHERE host_id = ? AND filled IS NOT NULL ORDER BY id LIMIT 1"
)
_SOME = "SELECT person FROM enrolment WHERE host_id = ? AND certification = ? AND person > ? ORDER BY person LIMIT ?"
_OWE = (
    "INSERT INTO score (host_id, line, person, cycle, state, at, created, attempts, next_at, why, correlation)"
    " SELECT host_id, ?, person, cycle, 'owed', ?, ?, 0, 0, '', ? FROM enrolment WHERE host_id = ?"
    f" AND certification = ? AND person > ? AND person <= ? AND state IN {listed(*REACHED)} AND ended IS NULL"
    " ON CONFLICT DO NOTHING"
)


def owe_earlier_results(runtime: Runtime, host_id: int) -> int:
    """Add the lines that are asked for by now and owe what was reached before; returns how much was done."""
    done = make_lines(runtime, host_id)
    with runtime.db.read() as session:
        unfilled = fetch(session, _UNFILLED, host_id)
    now = runtime.clock.now()
    while unfilled and (looked := runtime.db.transact(lambda session: _fill(session, host_id, now))):
        done += looked
    return done


def _fill(session: Session, host_id: int, now: int) -> int:
    """Owe the results of some people for the first line that lacks them; returns how many people were looked at."""
    rows = fetch(session, _UNFILLED, host_id)
    if not rows:
        return 0
    line, certification, filled = rows[0]
    people = fetch(session, _SOME, host_id, certification, filled, PART)
    last = people[-1][0] if people else filled
    run(session, _OWE, line, now, now, correlation(), host_id, certification, filled, last)
    run(
        session, "UPDATE score_line SET filled = ? WHERE host_id = ? AND id = ?",
        last if len(people) == PART else None, host_id, line,
    )  # fmt: skip
    return max(1, len(people))
