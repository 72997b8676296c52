"""Nobody reaches another host's anything: every route that takes an id is asked for one of somebody else's."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from plugin.access.rules import PUBLIC, SCOPES, rule_of
from plugin.access.tokens import RequestedToken, TokenOwner, make_token
from plugin.certifications.tables import Assignment, PeopleList
from plugin.core.tables import Host, HostClock
from plugin.delivery.endpoints import subscriptions
from plugin.delivery.endpoints.subscriptions import EnteredSubscription
from plugin.mirror.sources.managing import setup
from plugin.mirror.sources.tables import Identity, Rename, SourceLoad
from plugin.mirror.tables import Connection, Person
from plugin.reports.saved.tables import SavedReport
from plugin.reports.sending.tables import ReportPart, ReportSchedule, ReportSending
from plugin.schema import metadata
from plugin.web.launch.session import Launch, open_session
from tests.world import HOST, World, row

OTHER = HOST + 1
WITHOUT_IDS = {
    "connecting.new", "connecting.create", "api_reports.one", "reports.table", "reports.file", "reports.team_table",
    "reports.team_file", "saved_reports.keep", "sending.send_form", "sending.send", "sending.team_send_form",
    "sending.team_send", "team.file",
}  # fmt: skip
"""Routes whose argument is no id."""
SECRETS = ("Food Safety", "Ann", "Core", "https://receiver.test", "https://acme.test")


@pytest.fixture
def foreign(world: World, settle: Callable[[], None]) -> World:
    """A host with one of everything; beside it another host with nothing but a person and a connection."""
    world.save("FS", row("organisation", "sales", "below"), row("group", "volunteers", group={"self_enrol": True, "withdraw": True}),
               name="Food Safety", content={"certification": [{"name": "Core", "courses": ["c1"], "needs": "all"}]})  # fmt: skip
    subscriptions.create(
        world.runtime,
        HOST,
        EnteredSubscription("https://receiver.test/x", "r", ("learner.withdrawal_scheduled",)),
        form="1",
        who="sam",
    )
    with world.runtime.db.write() as session:
        session.add(
            Connection(
                host_id=HOST, id=9, name="acme", kind="webhook", api_url="https://acme.test", mapping={}, caps={}
            )
        )
        source = setup.add_source(
            session, HOST, "registry", "csv", join_by="number=username", mapping={}, at=world.now, who="sam"
        )
        session.add(Identity(host_id=HOST, id=1, source=source.id, ext="E1", name="Ann", said={}))
        session.add(
            SourceLoad(
                host_id=HOST,
                id=1,
                source=source.id,
                report=zlib.compress(b"line,who\n2,Ann\n"),
                state="done",
                at=world.now,
            )
        )
        session.add(
            Rename(host_id=HOST, id=1, source=source.id, kind="organisation", old="registry:a", new="registry:b")
        )
        session.add_all(_reports(world.now))
        session.add(
            PeopleList(host_id=HOST, certification=1, id=1, name="Pasted", targets=["ann", "bea"], at=world.now)
        )
        session.add(Host(id=OTHER, name="other", title="Other", settings={}))
        session.flush()
        session.add(HostClock(host_id=OTHER, seq=0, as_of=world.now))
        session.add(Person(host_id=OTHER, id=1, ext="zoe", name="Zoe"))
    return world


def _reports(now: int) -> list[Any]:
    """A saved report, its schedule and a file that waits, of somebody who is called as the visitor from the other host."""
    mine = {"host_id": HOST, "id": 1, "name": "Food Safety", "owner": "zoe"}
    return [
        SavedReport(**mine, source="learners", question=[], shared=True, created=now),
        ReportSchedule(**mine, report=1, source="learners", question=[], owner_kind="subject", who="Zoe", created=now,
                       timing={"every": "daily"}, form="csv", how="page", state="paused"),
        ReportSending(**mine, schedule=1, due_at=now, how="page", form="csv", state="kept", kept_until=now + 1000),
        ReportPart(host_id=HOST, sending=1, n=0, data=b"Ann"),
    ]  # fmt: skip


def _stored(world: World) -> dict[str, Any]:
    """Every row of the host that is being asked for."""
    with world.runtime.db.read() as session:
        return {
            table.name: sorted(map(repr, session.execute(select(table).where(table.c.host_id == HOST)).all()))
            for table in metadata.sorted_tables
            if "host_id" in table.c and table.name != "launch_session"
        }  # fmt: skip


def _address(rule: Rule, handle: str, group: int, kind: str) -> str:
    """The route with ids that only the other host has."""
    ids: dict[str, Any] = {
        "handle": handle, "certification": 1, "kind": kind, "part": "newly", "grant": 1, "entry": 1, "group": group, "person": "ann",
        "which": "1", "number": HOST if "/hosts/" in rule.rule else 1, "n": 1, "code": "FS",
        "assignment": "organisation:sales", "name": "registry", "source": "registry", "identity": "E1", "act": "pause", "load_number": 1,
        "question": 1, "form": "csv", "change": 1, "action": "pause", "schedule": 1, "path": "Users/ann", "people": 1,
        "asked": 1,
    }  # fmt: skip
    if rule.rule.startswith("/api/v1/supply"):
        ids["kind"] = "organisation"
    elif rule.rule.startswith("/api/"):
        ids["kind"] = "people"
    ids["group"] = "volunteers" if rule.rule.startswith("/api/") else group
    built = rule.build({name: ids[name] for name in rule.arguments}, append_unknown=False)
    assert built is not None
    return built[1]


FORM = {
    "key": "organisation:sales", "rows": "organisation:sales", "target": "sales", "targets": "sales", "include": "below", "name": "ann",
    "action": "name:1", "client": "x", "deployment": "1", "close": "1", "url": "https://evil.test/", "type": "learner.withdrawal_scheduled",
    "state": "paused", "version": "1", "group": "volunteers", "member": "ann", "person": "ann", "add": "1", "reason": "x",
    "kind": "webhook", "to": "ann@evil.test", "date": "2027-01-01", "answer": "assign", "all": "1", "role": "site", "subject": "zoe",
}  # fmt: skip
BODIES = {
    "api_matches.pin": {"person": "ann"}, "api_sources.rename": {"same": True},
    "api_sources.supply": {"names": ["registry"]}, "api_sources.change": {"join": "number=email"},
    "api_report_schedules.create": {"timing": {"every": "daily"}},
}  # fmt: skip


def test_ids_of_another_host_open_nothing_and_change_nothing(app: Flask, foreign: World) -> None:
    client = app.test_client()
    with foreign.runtime.db.write() as session:
        admin = Launch(OTHER, 1, "zoe", "Zoe", is_administrator=True, purpose="launch")
        handle, _secret = open_session(session, foreign.runtime, admin)
        token = make_token(session, OTHER, RequestedToken("hr", SCOPES), owner=TokenOwner(), at=foreign.now, who="zoe")
        group = session.scalars(select(Assignment.id).where(Assignment.type == "group")).one()
    before = _stored(foreign)
    assert {"certification", "enrolment", "seat", "journal", "endpoint", "connection"} <= {
        one for one in before if before[one]
    }
    asked = 0
    for rule in app.url_map.iter_rules():
        if not (rule.arguments - {"handle", "filename"}) or rule.endpoint in (*WITHOUT_IDS, "static"):
            continue
        if rule_of(app.view_functions[rule.endpoint]) == PUBLIC:  # proves itself otherwise, and has tests of its own
            continue
        for kind in ("organisation", "individual", "group") if "kind" in rule.arguments else ("",):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                if rule.rule.startswith("/api/"):
                    answer = client.open(_address(rule, handle, group, kind), method=method, json=BODIES.get(rule.endpoint, {}),
                                         headers={"Authorization": f"Bearer {token}"})  # fmt: skip
                else:
                    answer = client.open(
                        _address(rule, handle, group, kind), method=method, data=FORM if method == "POST" else None
                    )
                if rule.endpoint == "scim.serve":  # its addresses know no host but that of the token
                    assert answer.status_code == 401
                    continue
                refused = (400, 403, 404, 409, 422) if method != "GET" else (403, 404)
                assert answer.status_code in refused, (method, rule.rule, answer.status_code)
                assert not any(word in answer.text for word in SECRETS), (method, rule.rule)
                asked += 1
    assert asked > 100
    assert _stored(foreign) == before


def test_every_answer_carries_its_headers(app: Flask, foreign: World) -> None:
    client = app.test_client()
    with foreign.runtime.db.write() as session:
        admin = Launch(HOST, 1, "sam", "Sam", is_administrator=True, purpose="launch", host_origin="https://lms.test")
        handle, _secret = open_session(session, foreign.runtime, admin)
    for path, frame in (
        (f"/t/{handle}/certifications/1/assignments", "https://lms.test"), (f"/t/{handle}/nowhere", "https://lms.test"),
        (f"/t/{handle}/certifications/1/learners.csv", "https://lms.test"), ("/nowhere", "'none'"), ("/healthz", "'none'"),
        ("/api/v1/openapi.json", "'none'"), ("/api/v1/held", "*"), (f"/t/{'x' * 43}/certifications", "*"), ("/lti/login", "*"),
        ("/setup/x", "*"), ("/", "'none'"),
    ):  # fmt: skip
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'"), path
        assert policy.endswith(f"frame-ancestors {frame}"), (path, policy)
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
