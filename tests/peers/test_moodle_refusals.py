"""What a running Moodle says when it refuses, and what Muster makes of each: the error table, row by row.

Needs ``MUSTER_PEER_MOODLE_URL``, ``MUSTER_PEER_MOODLE_TOKEN`` and ``MUSTER_PEER_MOODLE_COMMAND`` (:mod:`tests.peers.moodle_site`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.network.http import Outbound
from plugin.core.runtime import Runtime
from plugin.hosts.moodle.check import checklist
from plugin.hosts.moodle.courses import STATUS
from plugin.hosts.moodle.groups import MEMBERS
from plugin.hosts.moodle.host import INFO, MoodleHost
from plugin.hosts.moodle.people import BY_FIELD
from plugin.hosts.moodle.rest import Fault, Rest
from plugin.hosts.moodle.versions import ENROL, UNENROL
from plugin.hosts.port import ConnectionSpec, Garbled, HostTrouble, Locked, Wait
from tests.hosts.conformance.cases import seat
from tests.peers.conftest import release
from tests.peers.moodle_site import COMMAND, NO_COMMAND, TOKEN, URL, Site, call, command

pytestmark = [pytest.mark.peer, pytest.mark.skipif(not (URL and TOKEN and COMMAND), reason=NO_COMMAND)]
NOBODY = 987_654_321


def rest(url: str = URL, token: str = TOKEN) -> Rest:
    return Rest(ConnectionSpec("moodle", "moodle", url, token), Outbound(allow_private=True), Clock())


def enrolment(user: int, course: int, role: int = 5) -> dict[str, Any]:
    return {"enrolments": [{"roleid": role, "userid": user, "courseid": course}]}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Two people; a course that can be completed, one that cannot, one that nobody can be enrolled in."""
    made = Site()
    try:
        made.make_people([{"position": "Agent"}, {"position": "Agent"}])
        made.course("criteria")
        made.course("plain")
        made.course("closed", manual=False)
        command("complete", made.made_courses[0], 0)
        made.enrol_by_hand(made.users[:1], made.made_courses[1])
        yield made
    finally:
        made.clean()


NO_RECORD = {"4.5": ("invalidrecord", "invaliduser"), "5.1": ("invalidrecordunknown", "invalidrecordunknown")}
"""What each release answers about something, and about somebody, that does not exist."""


def test_an_unknown_person_is_never_called_an_unknown_course(site: Site) -> None:
    """Whatever the release calls them: told apart by what was asked."""
    host = MoodleHost(ConnectionSpec("moodle", "moodle", URL, TOKEN), Outbound(allow_private=True), Clock())
    course, user = str(site.made_courses[1]), str(site.users[0])
    asked = [
        seat(person, where, want, ours=True)
        for person, where in ((str(NOBODY), course), (user, str(NOBODY)))
        for want in ("in", "out")
    ]
    found = []
    for item in asked:
        reply = host.send("msg_1", "seats", host.prepare("seats", [item], ""))
        assert reply.outcomes is not None
        found.append((reply.outcomes[0].outcome, reply.outcomes[0].why))
    assert found == [
        ("gone", f"Moodle has no such {what} (any more).") for what in ("person", "person", "course", "course")
    ]


def test_each_refusal_of_one_call_keeps_moodles_own_code(site: Site) -> None:
    (user, other), (criteria, plain, closed) = site.users, site.made_courses
    deleted = site.make_people([{}])[0]
    site.delete(deleted)
    nothing, nobody = NO_RECORD[release().partition(" ")[0][:3]]
    rows = {
        f"{nothing}: no such function": ("no_such_function", {}),
        "invalidparameter: one is missing": (BY_FIELD, {"field": "id"}),
        "invalidparameter: no such course": (ENROL, enrolment(user, NOBODY)),
        "codingerror: no such field": (BY_FIELD, {"field": "shoes", "values": ["1"]}),
        "wsusercannotassign: a teacher": (ENROL, enrolment(user, plain, role=3)),
        "wsnoinstance: no manual enrolments": (ENROL, enrolment(user, closed)),
        f"{nobody}: nobody": (ENROL, enrolment(NOBODY, plain)),
        "userdeleted: no longer": (ENROL, enrolment(deleted, plain)),
        f"{nothing}: no such cohort": (MEMBERS, {"cohortids": [NOBODY]}),
        f"{nothing}: no such course to leave": (UNENROL, {"enrolments": [{"userid": user, "courseid": NOBODY}]}),
        "nocriteriaset: nothing to complete": (STATUS, {"courseid": plain, "userid": user}),
        "usernotenroled: not in it": (STATUS, {"courseid": criteria, "userid": other}),
    }
    seen = {}
    for row, (function, asked) in rows.items():
        with pytest.raises(Fault) as fault:
            rest().call(function, asked)
        seen[row] = fault.value.code
        print(row, "|", fault.value.why)
    assert seen == {row: row.partition(":")[0] for row in rows}


def test_a_deleted_person_hides_nobody_who_is_asked_for_with_her(site: Site) -> None:
    """Moodle's own clean-up, hourly by cron, makes it refuse a call that names somebody deleted, with whoever else is in it."""
    deleted, course = site.make_people([{}, {}]), str(site.made_courses[1])
    for user in deleted:
        site.delete(user)
    command("cleanup")
    with pytest.raises(Fault) as fault:
        rest().call(BY_FIELD, {"field": "id", "values": [site.users[0], deleted[0]]})
    assert fault.value.code == NO_RECORD[release().partition(" ")[0][:3]][1]
    host = MoodleHost(ConnectionSpec("moodle", "moodle", URL, TOKEN), Outbound(allow_private=True), Clock())
    (page,) = host.read("people", ids=[str(user) for user in (*site.users, *deleted)])
    assert {row.id for row in page.rows} == {str(user) for user in site.users}
    assert set(page.gone) == {str(user) for user in deleted}
    items = [seat(str(deleted[0]), course, want, ours=True) for want in ("in", "out")]
    for item in items:
        reply = host.send("msg_1", "seats", host.prepare("seats", [item], ""))
        assert [one.outcome for one in reply.outcomes or []] == ["gone"]


@contextmanager
def setting(name: str, value: object, back: object) -> Iterator[None]:
    command("set", name, value)
    try:
        yield
    finally:
        command("set", name, back)


@contextmanager
def suspended() -> Iterator[None]:
    account = call(INFO, token=TOKEN)["userid"]
    call("core_user_update_users", users=[{"id": account, "suspended": 1}])
    try:
        yield
    finally:
        call("core_user_update_users", users=[{"id": account, "suspended": 0}])


@contextmanager
def without(capability: str) -> Iterator[None]:
    command("allow", capability, 0)
    try:
        yield
    finally:
        command("allow", capability, 1)


def trouble(made: Rest, function: str = INFO, asked: dict[str, Any] | None = None) -> HostTrouble:
    with pytest.raises(HostTrouble) as found:
        made.call(function, asked)
    print(type(found.value).__name__, "|", found.value.why)
    return found.value


def test_what_ails_the_connection_pauses_it_and_says_what() -> None:
    assert "token" in locked(trouble(rest(token="0" * 32)))
    assert "core_user_create_users" in locked(trouble(rest(), "core_user_create_users"))
    with suspended():
        assert "suspended" in locked(trouble(rest()))
    with setting("enablewebservices", 0, 1):
        assert "switched off" in locked(trouble(rest()))
    with setting("webserviceprotocols", "", "rest"):
        assert "switched off" in locked(trouble(rest()))


def locked(found: HostTrouble) -> str:
    assert type(found) is Locked
    return found.why


def test_maintenance_is_waited_for_and_a_wrong_address_is_told() -> None:
    with setting("maintenance_enabled", 1, 0):
        assert isinstance(trouble(rest()), Wait)
    assert isinstance(trouble(rest(f"{URL}/login/index.php?x=")), Garbled)
    assert isinstance(trouble(rest(f"{URL}/nothing")), Garbled)
    assert isinstance(trouble(rest("http://127.0.0.1:9")), Wait)


def test_without_the_right_to_enrol_moodle_says_so(site: Site) -> None:
    with without("enrol/manual:enrol"):
        found = trouble(rest(), ENROL, enrolment(site.users[0], site.made_courses[1]))
    assert isinstance(found, Fault)
    assert found.code == "nopermissions"


@pytest.mark.parametrize(
    "capability",
    ["moodle/site:viewparticipants", "moodle/course:enrolreview", "moodle/user:viewalldetails", "moodle/cohort:view",
     "report/completion:view", "enrol/manual:enrol"],
)  # fmt: skip
def test_the_checklist_names_a_right_that_was_taken_away_and_where_to_give_it_back(
    site: Site, runtime: Runtime, capability: str
) -> None:
    spec = ConnectionSpec("moodle", "moodle", URL, TOKEN)
    assert {one.name: one for one in checklist(runtime, spec)}[capability].ok
    with ExitStack() as stack:
        stack.enter_context(without(capability))
        if capability == "moodle/site:viewparticipants":  # Moodle lists people for either of the two
            stack.enter_context(without("moodle/course:enrolreview"))
        lacking = {one.name: one for one in checklist(runtime, spec)}[capability]
    print(lacking.sentence, lacking.fix)
    assert not lacking.ok
    assert "Define roles" in lacking.fix


@pytest.fixture
def runtime(settings: Settings, tmp_path: Path) -> Iterator[Runtime]:
    """What the checklist calls with; nothing is read from its database."""
    database = Database(f"sqlite:///{tmp_path}/muster.sqlite3")
    yield Runtime(settings, database, Clock())
    database.close()
