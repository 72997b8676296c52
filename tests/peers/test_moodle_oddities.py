"""A running Moodle in which something is odd: two people with one ID number, managers in a loop, half of a site gone at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from plugin.delivery.tables import Seat
from plugin.mirror.pulling.pull import pull
from plugin.mirror.tables import ACTIVE, DELETED, Audience, AudienceMember, Course, Person
from tests.peers.moodle_peer import Peer, core
from tests.peers.moodle_peer import peer as peer
from tests.peers.moodle_site import TOKEN, URL, WHY, Site, call

pytestmark = [pytest.mark.peer, pytest.mark.skipif(not (URL and TOKEN), reason=WHY)]


@pytest.fixture
def site() -> Iterator[Site]:
    """Sixty people in one organisation, each the manager of the next, the last of the first."""
    made = Site()
    try:
        made.make_people([{"orgpath": f"/Odd-{made.mark}", "manager": str((number + 1) % 60)} for number in range(60)])
        yield made
    finally:
        made.clean()


def test_odd_records_are_read_as_they_are_and_harm_nobody(site: Site, peer: Peer) -> None:
    first, second, suspended = site.users[:3]
    site.change(first, idnumber=f"SAME{site.mark}")
    site.change(second, idnumber=f"SAME{site.mark}")
    call("core_user_update_users", users=[{"id": suspended, "suspended": 1}])
    hidden, plain = site.course("hidden"), site.course("odd")
    call("core_course_update_courses", courses=[{"id": hidden, "visible": 0}])
    cohort = site.cohort(site.users[3:6], category=1)
    peer.later(900)
    peer.pull()
    with peer.made.db.read() as session:
        numbers = session.scalars(select(Person.number).where(Person.ext.in_((str(first), str(second))))).all()
        assert numbers == [f"SAME{site.mark}"] * 2
        assert session.scalars(select(Person.state).where(Person.ext == str(suspended))).one() != ACTIVE
        assert not session.scalars(select(Course.visible).where(Course.ext == str(hidden))).one()
        audience = session.scalars(select(Audience.id).where(Audience.ext == str(cohort))).one()
        assert len(session.scalars(select(AudienceMember.id).where(AudienceMember.audience == audience)).all()) == 3
    peer.assign("ODD", core(plain), f"{{manager: 'p:{site.users[10]}', include: below}}")
    assert site.users[10] not in site.roster(plain)
    assert len(site.roster(plain)) >= 40  # the loop is cut where it was closed; nobody manages herself


def test_half_a_site_gone_at_once_is_held_and_nobody_is_withdrawn(site: Site, peer: Peer) -> None:
    course = site.course("guard")
    peer.pull()
    path = f"odd-{site.mark}"
    peer.assign("GRD", core(course), f"{{organisation: 'org:{path}', include: below}}")
    assert site.roster(course) == set(site.users)
    for user in list(site.users[:55]):
        site.delete(user)
    peer.later(900)
    held = pull(peer.made, peer.host).held
    assert held["people"] == 55
    peer.work()
    assert peer.count(Person, Person.state == DELETED) == 0
    assert peer.count(Seat, Seat.wanted == 2) == 60
