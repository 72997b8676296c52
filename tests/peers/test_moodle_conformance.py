"""The suite that every dialect passes, against a running Moodle (``MUSTER_PEER_MOODLE_URL``, ``MUSTER_PEER_MOODLE_TOKEN``)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from plugin.core.clock import Clock
from plugin.core.network.http import Outbound
from plugin.hosts.moodle import people as moodle_people
from plugin.hosts.moodle.companion import bulk
from plugin.hosts.moodle.host import MoodleHost
from plugin.hosts.port import ConnectionSpec
from tests.hosts.conformance.cases import SECRET, Case, standard_hint
from tests.hosts.conformance.test_conformance import *  # noqa: F403 - the same tests, another host
from tests.peers.moodle_site import COMMAND, MAPPING, TOKEN, URL, WHY, Site, command

pytestmark = [pytest.mark.peer, pytest.mark.skipif(not (URL and TOKEN), reason=WHY)]


class LiveMoodle(Case):
    """The Moodle that was given."""

    by_polling = True
    judged_by_form = Case.kinds
    troubles = ("locked", "waits") if COMMAND else ("locked",)

    def __init__(self, site: Site) -> None:
        self.site = site
        self.fresh = [str(one) for one in site.users]
        self.courses = (str(site.course("c1")), str(site.course("c2")))
        self._token = TOKEN

    def host(self) -> MoodleHost:
        spec = ConnectionSpec("moodle", "moodle", URL, self._token, hooks_secret=SECRET, mapping=MAPPING)
        return MoodleHost(spec, Outbound(allow_private=True), Clock())

    def people(self) -> list[str]:
        return self.fresh

    def rename(self, person: str, name: str) -> None:
        self.site.change(int(person), firstname=name.split()[0], lastname=name.split()[-1])

    def delete(self, person: str) -> None:
        self.site.delete(int(person))

    def enrol_by_hand(self, person: str, course: str) -> None:
        self.site.enrol_by_hand([int(person)], int(course))

    def roster(self, course: str) -> set[str]:
        return {str(user) for user in self.site.roster(int(course))}

    def trouble(self, what: str) -> None:
        self._token = "0" * 32 if what == "locked" else TOKEN
        if COMMAND:
            command("set", "maintenance_enabled", int(what == "waits"))

    def small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(moodle_people, "DETAILS", 30)
        monkeypatch.setattr(bulk, "PEOPLE", 30)  # the pages where Muster's plugin is installed

    def hint(self, person: str) -> tuple[dict[str, str], bytes]:
        headers, body = standard_hint(SECRET, person)
        return dict(headers), body


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Forty people of three fields and a cohort, deleted in the end."""
    made = Site()
    try:
        made.make_people(
            [
                {"orgpath": f"/Peer/{number % 3}", "position": "Agent", "manager": "0" if number else ""}
                for number in range(40)
            ]
        )
        made.cohort(made.users[:5])
        yield made
    finally:
        made.clean()


@pytest.fixture
def case(site: Site) -> LiveMoodle:
    """The live site with two new courses."""
    return LiveMoodle(site)
