"""What administrators and learners are told of a running Moodle: courses in trouble, names, an expired token, places of a cohort's.

Needs the variables of :mod:`tests.peers.moodle_site`, ``MUSTER_PEER_MOODLE_COMMAND`` among them; changes only what it made.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from sqlalchemy import select

from plugin.core.errors import Unavailable
from plugin.delivery.drift.found_places import look_at_found
from plugin.delivery.tables import FOUND, OURS, Seat
from plugin.mirror.tables import Audience, Connection, Course, Unit
from tests.hosts.moodle.test_course_trouble import look, visit
from tests.peers.moodle_peer import Peer, core, organisation
from tests.peers.moodle_peer import peer as peer
from tests.peers.moodle_site import COMMAND, NO_COMMAND, TOKEN, URL, WHY, Site, call, command

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not (URL and TOKEN), reason=WHY),
    pytest.mark.skipif(not COMMAND, reason=NO_COMMAND),
]
SAID = "Moodle does not accept our token"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Six people, whose organisation has a name that Moodle writes in its own way."""
    made = Site()
    try:
        made.make_people([{"orgpath": f"/peer-{made.mark}/R&D"} for _ in range(6)])
        yield made
    finally:
        made.clean()


def ways_that_are_told(tabs: set[str]) -> set[str]:
    """Each way through *Site administration* that the guide, Muster's own sentences and those of its plugin tell."""
    root = Path(__file__).parents[2]
    with (root / "plugin/translations/messages.pot").open("rb") as file:
        texts = [str(message.id) for message in read_po(file)]
    texts.append(" ".join((root / "docs/hosts/moodle.md").read_text().split()))
    texts += [path.read_text() for path in root.glob("plugin/hosts/moodle/companion/*/lang/en/*.php")]
    way = rf"((?:{'|'.join(map(re.escape, tabs))}) › [^.,:;)*%]+)"
    return {one.strip() for one in re.findall(rf"(?:Site administration › |\*){way}", "\n".join(texts))}


def test_every_way_through_the_administration_that_is_told_is_there() -> None:
    pages = command("menu").splitlines()
    told = ways_that_are_told({page.partition(" › ")[0] for page in pages})
    assert len(told) >= 12
    astray = [way for way in told if not any(f"{way} › ".startswith(f"{page} › ") for page in pages)]
    assert astray == ["Plugins › Local plugins › Muster"] * ("local_muster" not in command("plugins"))


def name_of(peer: Peer, table: Any, *conditions: Any) -> str:
    with peer.made.db.read() as session:
        return str(session.scalars(select(table.name).where(*conditions)).one())


def test_names_are_plain_and_in_one_language_in_every_place(peer: Peer, site: Site) -> None:
    command("multilang", 1)
    spans = (
        '<span lang="en" class="multilang">Health & safety</span><span lang="de" class="multilang">Arbeitsschutz</span>'
    )
    try:
        course = site.course("names", called=spans)
        cohort = site.cohort(site.users[:2], called="Crews & pilots")
        peer.pull()
        assert name_of(peer, Course, Course.ext == str(course)) == "Health & safety"
        assert name_of(peer, Audience, Audience.ext == str(cohort)) == "Crews & pilots"
        assert name_of(peer, Unit, Unit.ext == f"org:peer-{site.mark}/r&d") == "R&D"
        peer.assign("NAM", core(course), f"{{audience: '{cohort}'}}")
        for where in ("/certifications/1/details", "/certifications/1/overview", "/certifications/1/assignments"):
            text = look(peer, where)
            assert "&amp;amp;" not in text, where
            assert "multilang" not in text, where
            assert "Arbeitsschutz" not in text, where
        assert "Health &amp; safety" in look(peer, "/certifications/1/details")
        assert "Health &amp; safety" in look(peer, "/my/certifications", str(site.users[0]))
    finally:
        command("multilang", 0)


@pytest.mark.parametrize(
    ("trouble", "said", "told"),
    [
        ("hidden", "is hidden at the learning site", "is closed at the moment"),
        ("untracked", "does not report completion", "cannot be completed"),
        ("deleted", "has been deleted at the learning site", "no longer exists"),
    ],
)
def test_a_course_in_trouble_is_said_to_administrator_and_learner(
    peer: Peer, site: Site, trouble: str, said: str, told: str
) -> None:
    course = site.course(trouble)
    command("complete", course, 0)
    peer.pull()
    peer.assign("TRB", core(course), organisation(site))
    assert "A course needs you" not in look(peer, "/certifications")
    if trouble == "hidden":
        call("core_course_update_courses", courses=[{"id": course, "visible": 0}])
    elif trouble == "untracked":
        call("core_course_update_courses", courses=[{"id": course, "enablecompletion": 0}])
    else:
        call("core_course_delete_courses", courseids=[course])
        site.made_courses.remove(course)
    peer.later(900)
    peer.pull()
    peer.work()
    assert "A course needs you" in look(peer, "/certifications")
    for tab in ("overview", "assignments", "details"):
        assert said in look(peer, f"/certifications/1/{tab}"), tab
    learner = str(site.users[1])
    text = look(peer, "/my/certifications", learner)
    assert told in text
    assert "data-leave" not in text
    client, base = visit(peer, learner)
    assert client.post(f"{base}/my/certifications/1/open", data={"course": str(course)}).status_code == 409


def test_an_expired_token_is_said_where_somebody_waits_and_a_green_checklist_lifts_the_pause(
    peer: Peer, site: Site
) -> None:
    course = site.course("token")
    peer.pull()
    peer.assign("TOK", core(course), f"{{individual: '{site.users[0]}'}}")
    command("valid", TOKEN, int(time.time()) - 60)
    try:
        peer.later(900)
        with pytest.raises(Unavailable, match="does not accept our token"):
            peer.pull()
    finally:
        command("valid", TOKEN, 0)  # where Moodle deleted it, it is made again
    peer.assign("TOK", core(course), f"{{individual: '{site.users[1]}'}}", leaving=1)
    assert site.roster(course) == {site.users[0]}
    for where in ("/certifications", "/certifications/1/overview", "/certifications/1/assignments"):
        assert SAID in look(peer, where), where
    learner = look(peer, "/my/certifications", str(site.users[1]))
    assert "cannot talk to each other at the moment" in learner
    client, base = visit(peer)
    lifted = client.post(f"{base}/hosts/1/test").text
    assert "The connection works again, and what waited goes on now." in lifted
    with peer.made.db.read() as session:
        assert session.scalars(select(Connection.state)).one() == "active"
    peer.work()
    assert site.roster(course) == {site.users[1]}
    assert SAID not in look(peer, "/certifications/1/overview")


def test_a_place_of_a_cohort_that_goes_is_ours_at_the_next_look(peer: Peer, site: Site) -> None:
    course, cohort = site.course("sync"), site.cohort(site.users[:2])
    command("sync", course, cohort)
    assert site.roster(course) == set(site.users[:2])
    peer.pull()
    peer.assign("SYN", core(course), organisation(site))
    assert site.roster(course) == set(site.users)
    assert (peer.count(Seat, Seat.origin == FOUND), peer.count(Seat, Seat.origin == OURS)) == (2, 4)
    call("core_cohort_delete_cohorts", cohortids=[cohort])
    site.cohorts.remove(cohort)
    assert site.roster(course) == set(site.users[2:])
    peer.later(900)
    assert look_at_found(peer.made, peer.host).missing == 2
    peer.work()
    assert site.roster(course) == set(site.users)
    assert peer.count(Seat, Seat.origin == FOUND) == 0
