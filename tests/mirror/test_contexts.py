"""A host reached over LTI alone: the rosters of the courses that launches came from become people and audiences."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.serving import make_server

from config.settings import Settings
from plugin.app import create_app
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.errors import Unavailable
from plugin.core.runtime import Runtime
from plugin.hosts.registry import checklist, open_host
from plugin.mirror.connections.launch_contexts import learn_context
from plugin.mirror.connections.store import NewHost, add_host, can_be_read, connection_of, spec_for
from plugin.mirror.pulling.pull import pull
from plugin.mirror.tables import Audience, AudienceMember, Course, Person
from tests.live import Sandbox, free_port, serve_sandbox

NRPS = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
CONTEXT = "https://purl.imsglobal.org/spec/lti/claim/context"


@pytest.fixture
def served(settings: Settings, db: Database, tmp_path: Path) -> Iterator[tuple[Runtime, Sandbox]]:
    """Muster with its keys on a socket, and a sandbox that reads them."""
    port = free_port()
    runtime = Runtime(replace(settings, base_url=f"http://localhost:{port}"), db, Clock())
    server = make_server("127.0.0.1", port, create_app(runtime), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with serve_sandbox(tmp_path / "sandbox", muster=runtime.settings.base_url) as sandbox:
        names = ("name", "issuer", "client_id", "deployment", "auth_url", "token_url", "jwks_url")
        new = NewHost(kind="nrps", **{name: sandbox.connection[name] for name in names})
        runtime.db.transact(lambda session: add_host(session, new, runtime.clock.now()).id)
        yield runtime, sandbox
    server.shutdown()
    server.server_close()
    thread.join(5)


def claims(sandbox: Sandbox, course: str = "c1", **changes: Any) -> dict[str, Any]:
    return {
        NRPS: {"context_memberships_url": f"{sandbox.base}/lti/members/{course}", "service_versions": ["2.0"]},
        CONTEXT: {"id": course, "title": f"Course {course}"}, **changes,
    }  # fmt: skip


def learn(runtime: Runtime, given: dict[str, Any]) -> bool:
    return runtime.db.transact(lambda session: learn_context(session, 1, given))


def known(runtime: Runtime, table: Any) -> set[str]:
    with runtime.db.read() as session:
        query = select(table.ext)
        query = query.where(table.state < 2) if table is Person else query
        return set(session.scalars(query.where(table.gone.is_(False)) if hasattr(table, "gone") else query))


def test_the_roster_of_a_course_becomes_people_and_an_audience_and_follows_it(served: Any) -> None:
    runtime, sandbox = served
    for person in ("U-3", "U-4", "U-5"):
        sandbox.act("enrol-by-hand", person=person, course="c1")
    expected = sandbox.roster("c1")
    with runtime.db.read() as session:
        assert not can_be_read(connection_of(session, 1))
    assert learn(runtime, claims(sandbox))
    assert not learn(runtime, claims(sandbox))
    pull(runtime, 1)
    assert known(runtime, Person) == expected
    assert known(runtime, Audience) == known(runtime, Course) == {"c1"}
    assert known(runtime, AudienceMember) == {f"c1:{person}" for person in expected}
    sandbox.act("unenrol", person="U-4", course="c1")
    sandbox.act("enrol-by-hand", person="U-6", course="c1")
    for _twice in range(2):
        pull(runtime, 1)
    assert known(runtime, AudienceMember) == {f"c1:{person}" for person in (expected - {"U-4"}) | {"U-6"}}


def test_a_second_course_adds_to_the_first(served: Any) -> None:
    runtime, sandbox = served
    sandbox.act("enrol-by-hand", person="U-3", course="c1")
    sandbox.act("enrol-by-hand", person="U-9", course="c2")
    for course in ("c1", "c2"):
        assert learn(runtime, claims(sandbox, course))
    pull(runtime, 1)
    assert known(runtime, Audience) == {"c1", "c2"}
    assert {"U-3", "U-9"} <= known(runtime, Person)
    assert "c2:U-9" in known(runtime, AudienceMember)


@pytest.mark.parametrize(
    "changes",
    [{NRPS: None}, {CONTEXT: None}, {NRPS: "x"}, {NRPS: {"context_memberships_url": "file:///x"}}, {CONTEXT: {"id": 7}},
     {NRPS: {"context_memberships_url": "https://lms.test/" + "x" * 2000}}, {CONTEXT: {"id": "x" * 256}}],
)  # fmt: skip
def test_a_launch_without_a_proper_course_teaches_nothing(served: Any, changes: dict[str, Any]) -> None:
    runtime, sandbox = served
    assert not learn(runtime, {**claims(sandbox), **changes})


def test_a_site_that_gives_no_token_is_a_sentence_and_loses_nobody(served: Any) -> None:
    runtime, sandbox = served
    sandbox.act("enrol-by-hand", person="U-3", course="c1")
    learn(runtime, claims(sandbox))
    pull(runtime, 1)
    learn(runtime, claims(sandbox, "c2", **{NRPS: {"context_memberships_url": "http://127.0.0.1:1/members"}}))
    before = known(runtime, Person)
    with pytest.raises(Unavailable):
        pull(runtime, 1)
    assert known(runtime, Person) == before


def test_its_checklist_counts_members_and_a_seat_is_found_or_refused(served: Any) -> None:
    import json

    runtime, sandbox = served
    with runtime.db.read() as session:
        assert [one.ok for one in checklist(runtime, spec_for(runtime, connection_of(session, 1)))] == [None]
    sandbox.act("enrol-by-hand", person="U-3", course="c1")
    learn(runtime, claims(sandbox))
    with runtime.db.read() as session:
        spec = spec_for(runtime, connection_of(session, 1))
    (check,) = checklist(runtime, spec)
    assert check.ok
    host = open_host(spec, runtime.http, runtime.clock)
    items = [{"seat": str(n), "person": person, "course": course, "want": want} for n, (person, course, want) in enumerate(
        [("U-3", "c1", "in"), ("U-8", "c1", "in"), ("U-8", "c1", "out"), ("U-3", "c9", "in")])]  # fmt: skip
    reply = host.send("x", "seats", host.prepare("seats", items, ""))
    assert [one.outcome for one in reply.outcomes or ()] == ["found", "refused", "same", "refused"]
    assert json.loads(host.prepare("seats", items, ""))["items"] == items
