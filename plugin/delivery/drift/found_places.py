"""Places that others made, looked at again between two comparisons: when one of them goes, it is ours to make (rules 9.4)."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from plugin.core.database.bulk import fetch
from plugin.core.runtime import Runtime
from plugin.delivery.drift.findings import policy_of
from plugin.delivery.drift.reconcile import HostDrift, Look, answers_so_far, compare_absent, compare_page, tell
from plugin.delivery.tables import FOUND, IN
from plugin.hosts.port import Caps
from plugin.mirror.connections.store import connection_of, open_connection

MOST_FOUND = 20_000
"""Places looked at again in one poll; more of them take turns."""
TURN = 15 * 60
_FOUND_IN = (
    "SELECT c.id, c.ext, count(*) FROM seat s JOIN course c ON c.host_id = s.host_id AND c.id = s.course AND NOT c.gone"
    f" WHERE s.host_id = ? AND s.origin = {FOUND} AND s.wanted = {IN} GROUP BY c.id, c.ext ORDER BY c.id"
)


def look_at_found(runtime: Runtime, host_id: int) -> HostDrift:
    """Read the courses again in which others enrolled somebody whom we want there: when such a place goes, it is ours to make.

    Only where a host tells courses and no changes of enrolments. Large courses take turns, so that a poll stays a poll.

    :raises HostTrouble: as the host answers.
    """
    with runtime.db.read() as session:
        connection = connection_of(session, host_id)
        began, rows = answers_so_far(session, host_id), fetch(session, _FOUND_IN, host_id)
    look = Look(host_id, Caps.from_json(connection.caps), policy_of(connection), runtime.clock.now(), began, 0)
    if not rows or not look.caps.can("enrolments", "courses") or look.caps.can("enrolments", "delta"):
        return look.drift
    courses = dict[int, str]()
    turn, size = look.at // TURN % len(rows), 0
    for number, ext, people in [*rows[turn:], *rows[:turn]]:
        if courses and size + people > MOST_FOUND:
            break
        courses[number], size = ext, size + people
    for page in open_connection(runtime, connection).read(
        "enrolments", ids=[f"course:{ext}" for ext in courses.values()]
    ):
        compare_page(runtime, look, page.rows)
    compare_absent(runtime, look, sorted(courses))
    if look.drift.found:
        runtime.db.transact(lambda session: tell(session, look))
    return look.drift
