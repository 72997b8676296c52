"""After a change of what dates mean, everybody is judged as of that change (rules 2.8, 3.2)."""

from __future__ import annotations

from dataclasses import replace

from plugin.core.clock import Clock
from plugin.core.database.bulk import fetch
from plugin.core.runtime import Runtime
from plugin.enrolment.settling.changed_date_settings import follow_meanings
from plugin.enrolment.settling.people import settle_people
from plugin.enrolment.settling.tick import tick
from plugin.mirror.changes import stamp
from plugin.mirror.connections.date_settings import move_zone
from plugin.mirror.tables import Person
from tests.histories.naive import DAY
from tests.world import HOST, World, id_of, row


def instants(runtime: Runtime) -> dict[str, int]:
    """As of when somebody is owed a look, by name."""
    sql = (
        "SELECT p.ext, x.at FROM change x JOIN person p ON p.host_id = x.host_id AND p.id = x.person"
        " WHERE x.host_id = ? AND x.settled < x.seq"
    )
    with runtime.db.read() as session:
        return {name: at for name, at in fetch(session, sql, HOST)}


def test_who_was_settled_before_is_judged_by_the_change_and_who_was_owed_a_look_as_of_then(runtime: Runtime) -> None:
    world = World(runtime)
    world.people("ann", "bob", "cid")
    world.save("fs", row("individual", "ann"), row("individual", "bob"))
    with runtime.db.write() as session:
        stamp(session, HOST, [id_of(session, Person, "ann") or 0], world.now)
    settle_people(runtime, HOST)
    with runtime.db.write() as session:
        stamp(session, HOST, [id_of(session, Person, "bob") or 0], world.now)
    later = replace(runtime, clock=Clock(world.now + 3 * DAY))
    tick(later, HOST)
    later.db.transact(lambda session: move_zone(session, HOST, "Asia/Tokyo", at=world.now + 3 * DAY, who="tester"))
    follow_meanings(later, HOST)
    assert instants(later) == {"ann": world.now + 3 * DAY, "bob": world.now, "cid": world.now + 3 * DAY}
