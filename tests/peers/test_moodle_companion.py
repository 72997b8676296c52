"""Muster's plugin installed in a running Moodle: connecting, events, quiet suspension, reading many at once.

Needs the variables of :mod:`tests.peers.moodle_site` and the plugin installed there (``muster moodle-plugin --out local_muster.zip``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from config.settings import Settings
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.network.http import Outbound
from plugin.core.runtime import Runtime
from plugin.core.secrets import bind_secrets
from plugin.core.tables import Host
from plugin.hosts.moodle.check import checklist
from plugin.hosts.moodle.companion import bulk
from plugin.hosts.moodle.host import MoodleHost
from plugin.mirror.connections.handover import new_code
from plugin.mirror.connections.store import connection_of, spec_for
from plugin.mirror.tables import AudienceMember, Completion, Course, Person
from tests.hosts.conformance.cases import seat
from tests.journeys.outside.test_connecting import Empty
from tests.peers.moodle_site import COMMAND, TOKEN, URL, Site, call, command, functions
from tests.peers.test_moodle_connecting import empty as empty

PLUGINS = command("plugins").split() if URL and TOKEN and COMMAND else []
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(
        "local_muster" not in PLUGINS,
        reason="no Moodle is named, or Muster's plugin is not installed there (test_moodle_install.py does)",
    ),
]
SOON = 10
"""Seconds within which a change is in force."""


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    try:
        made.make_people([{"orgpath": "/Companion"} for _ in range(12)])
        yield made
    finally:
        made.clean()


@pytest.fixture
def connected(site: Site, empty: Empty, settings: Settings) -> Iterator[Runtime]:
    """A running Muster that the plugin has connected; nothing was typed in but an address and a code."""
    keys = (empty.environment["MUSTER_SECRET_KEYS"],)
    database = Database(empty.environment["MUSTER_DATABASE_URL"])
    bind_secrets(keys)
    made = Runtime(
        replace(settings, base_url=empty.muster, secret_keys=keys),
        database,
        Clock(int(time.time())),
    )
    command("companion", empty.muster, new_code(made))
    wait(made, lambda session: session.scalar(select(Person.id).where(Person.ext == str(site.users[-1]))), 180)
    yield made
    database.close()
    bind_secrets(settings.secret_keys)


def wait(made: Runtime, found: Callable[[Any], Any], seconds: float) -> float:
    """Until something is so; returns how long that took."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        with made.db.read() as session:
            if found(session):
                return time.monotonic() - began
        time.sleep(0.2)
    raise AssertionError(f"not so after {seconds} s")


def test_from_a_code_to_a_green_checklist(connected: Runtime) -> None:
    with connected.db.read() as session:
        host = session.scalars(select(Host)).one()
        assert (host.state, host.issuer) == ("active", URL)
        assert host.client_id
        spec = spec_for(connected, connection_of(session, host.id))
    found = checklist(connected, spec)
    assert [one.name for one in found if one.ok is False] == []
    assert {one.name: one.ok for one in found}[bulk.USERS]


def test_a_code_is_good_once(connected: Runtime, empty: Empty) -> None:
    code = new_code(connected)
    command("companion", empty.muster, code)
    with pytest.raises(Exception, match="returned non-zero"):
        command("companion", empty.muster, code)


def test_what_waited_for_another_muster_is_not_told_to_this_one(connected: Runtime, site: Site, empty: Empty) -> None:
    """The people of this test were made while the Muster of the test before was connected, which is gone; this one read them."""
    assert command("queued") == "0"
    site.change(site.users[0], firstname="Renamed")
    waiting = int(command("queued"))
    assert waiting
    command("companion", empty.muster, new_code(connected))
    assert int(command("queued")) >= waiting  # for this one it stays


def test_what_muster_did_not_take_is_told_by_a_later_run_of_cron(site: Site, connected: Runtime) -> None:
    """Without a failed task: Moodle would try that again ever later, twelve times, and queue no other meanwhile."""
    user = site.users[0]
    hooks = command("hooks", "http://localhost:1/hooks/nobody")
    site.change(user, firstname="Waiting")
    command("tasks")
    assert int(command("queued"))
    command("hooks", hooks)
    command("tasks")
    found = select(Person.id).where(Person.ext == str(user), Person.given_name == "Waiting")
    wait(connected, lambda session: session.scalar(found), SOON)
    assert command("queued") == "0"


def test_a_change_while_the_task_tells_its_last_row_has_a_task_of_its_own(site: Site, connected: Runtime) -> None:
    """Else it would wait for the turn of the next minute."""
    command("tasks")
    site.change(site.users[0], firstname="Before")
    assert command("begun") == "1"
    site.change(site.users[0], firstname="Meanwhile")
    site.change(site.users[0], firstname="Afterwards")
    assert command("begun") == "1"
    command("ended")
    command("tasks")
    assert command("queued") == "0"


def test_changes_are_in_force_within_seconds(site: Site, connected: Runtime) -> None:
    took = {}
    user, course = site.users[0], site.course("events")

    def after(name: str, found: Callable[[Any], Any]) -> None:
        command("tasks")  # what cron does all the time
        took[name] = wait(connected, found, SOON)

    site.change(user, firstname="Renamed")
    after(
        "person renamed",
        lambda session: session.scalar(
            select(Person.id).where(Person.ext == str(user), Person.given_name == "Renamed")
        ),
    )
    cohort = site.cohort([user])
    after(
        "member added",
        lambda session: session.scalar(
            select(AudienceMember.id).where(
                AudienceMember.ext == f"{cohort}:{user}", AudienceMember.person.is_not(None)
            )
        ),
    )
    after(
        "course made", lambda session: session.scalar(select(Course.id).where(Course.ext == str(course), ~Course.gone))
    )
    site.enrol_by_hand([user], course)
    command("complete", course, user)
    after(
        "course completed",
        lambda session: session.scalar(
            select(Completion.id).where(Completion.ext == f"{user}:{course}", Completion.person.is_not(None))
        ),
    )
    call("core_course_delete_courses", courseids=[course])
    site.made_courses.remove(course)
    after(
        "course deleted",
        lambda session: session.scalar(select(Course.id).where(Course.ext == str(course), Course.gone)),
    )
    site.delete(user)
    after(
        "person deleted",
        lambda session: session.scalar(select(Person.id).where(Person.ext == str(user), Person.state == 2)),
    )
    print({name: round(seconds, 1) for name, seconds in took.items()})
    assert max(took.values()) < SOON


def host_of(made: Runtime) -> MoodleHost:
    with made.db.read() as session:
        spec = spec_for(made, connection_of(session, session.scalars(select(Host.id)).one()))
    return MoodleHost(replace(spec, caps=spec.caps), Outbound(allow_private=True), Clock())


def write(host: MoodleHost, want: str, users: list[int], course: int) -> list[str]:
    items = [seat(str(user), str(course), want, ours=True) for user in users]
    reply = host.send("msg_1", "seats", host.prepare("seats", items, ""))
    assert reply.outcomes is not None
    return [one.outcome for one in reply.outcomes]


def test_whoever_is_withdrawn_is_not_greeted_again(site: Site, connected: Runtime) -> None:
    course, users = site.course("greets"), site.users[:3]
    command("welcome", course)
    host = host_of(connected)
    assert write(host, "in", users, course) == ["done"] * 3
    assert [command("greeted", user) for user in users] == ["1"] * 3
    assert write(host, "suspended", users, course) == ["done"] * 3
    assert site.roster(course) == set()
    assert site.roster(course, active=False) == set(users)
    assert [command("greeted", user) for user in users] == ["1"] * 3
    assert write(host, "suspended", [site.users[5]], course) == ["same"]  # she was never there


def test_messages_come_as_notifications_and_each_once(site: Site, connected: Runtime) -> None:
    host, user = host_of(connected), site.users[1]
    assert host.describe().keyed_messages
    messages = [
        {"message": f"{site.mark}-{number}", "person": str(person), "subject": f"Fire & flood {number}", "text": "You are enrolled.",
         "html": "<p>You are enrolled.</p>", "link": f"{URL}/local/muster/launch.php"}
        for number, person in enumerate((user, 999999999, user))
    ]  # fmt: skip
    body = host.prepare("messages", messages, "")
    assert [one.outcome for one in host.send("msg_1", "messages", body).outcomes or []] == ["done", "gone", "done"]
    assert [one.outcome for one in host.send("msg_1", "messages", body).outcomes or []] == ["same", "gone", "same"]
    assert command("notified", user).splitlines() == ["Fire & flood 0", "Fire & flood 2"]


def test_what_is_read_at_once_is_what_is_read_one_by_one(site: Site, connected: Runtime) -> None:
    course = site.course("bulk")
    site.enrol_by_hand(site.users[:5], course)
    command("complete", course, site.users[2])
    with_it = host_of(connected)
    without = host_of(connected)
    plain = with_it.describe() and frozenset(one for one in functions() if not one.startswith("local_muster"))
    without.parts()
    without._functions, without._parts = plain, None  # as with a service that has Moodle's own functions alone
    mine = {str(user) for user in site.users}
    people = [{row.id: dict(row.fields) for page in host.read("people") for row in page.rows if row.id in mine}
              for host in (with_it, without)]  # fmt: skip
    assert people[0] == people[1]
    enrolments = [{row.id: dict(row.fields) for page in host.read("enrolments", ids=[f"course:{course}"]) for row in page.rows}
                  for host in (with_it, without)]  # fmt: skip
    assert enrolments[0] == enrolments[1]
    assert len(enrolments[0]) == 5
    done = {
        row.id: dict(row.fields)
        for page in with_it.read("completions")
        for row in page.rows
        if row.fields["course"] == str(course)
    }
    asked = {row.id: dict(row.fields) for page in without.read("completions", ids=[f"{site.users[2]}:{course}"]) for row in page.rows
             if page.kind == "completions"}  # fmt: skip
    assert done == asked
