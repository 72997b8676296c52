"""Sessions and tokens are asked at every request: whoever was let go stays in nowhere (ACCESS 4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, event, select, update

from plugin.access import grants, sessions
from plugin.access.grants import RequestedGrant
from plugin.access.rights import Rights
from plugin.access.sessions import ABSOLUTE, IDLE
from plugin.access.tables import AccessGrant, ApiToken
from plugin.access.tokens import RequestedToken, TokenOwner, make_token
from plugin.core.tables import HostClock
from plugin.lti.login import digest
from plugin.lti.tables import LaunchSession
from plugin.mirror.pulling.rows import KINDS, drop_rows
from plugin.mirror.tables import ACTIVE, DELETED, SUSPENDED, Connection, Person, Suspect
from plugin.notifications.recipients import administrators
from tests.web.conftest import Visit, Visitor
from tests.world import HOST, World

SITE = Rights(site=True)


def grant(world: World, **wanted: Any) -> int:
    with world.runtime.db.write() as session:
        return grants.add(session, HOST, RequestedGrant(**wanted), by=SITE, at=world.now, who="sam").id


def token_of(world: World, person: int, *scopes: str, **asked: Any) -> str:
    with world.runtime.db.write() as session:
        wanted = RequestedToken("t", scopes or ("read",), **asked)
        return make_token(session, HOST, wanted, owner=TokenOwner(person=person), at=world.now, who="sam")


def asks(flask: Flask, token: str, path: str = "/api/v1/certifications") -> int:
    return flask.test_client().get(path, headers={"Authorization": f"Bearer {token}"}).status_code


def suspend(world: World) -> None:
    world.state("ann", SUSPENDED)


def go_missing(world: World) -> None:
    with world.runtime.db.write() as session:
        session.add(Connection(host_id=HOST, id=1, name="acme", kind="webhook"))
        session.add(Suspect(host_id=HOST, connection=1, kind="people", ext="ann", since=world.now))


def be_deleted(world: World) -> None:
    with world.runtime.db.write() as session:
        drop_rows(session, HOST, KINDS["people"], ["ann"])


@pytest.mark.parametrize("happens", [suspend, go_missing, be_deleted])
@pytest.mark.parametrize("by", ["role", "grant"])
def test_whoever_is_let_go_at_the_host_is_refused_at_her_next_request(
    app: Flask,
    world: World,
    visit: Visit,
    happens: Callable[[World], None],
    by: str,
) -> None:
    grant(world, role="site", person=1)
    visitor = visit("ann", administrator=by == "role", person=1)
    token = token_of(world, 1)
    assert visitor.get("/certifications").status_code == 200
    assert asks(app, token) == 200
    happens(world)
    assert visitor.get("/certifications").status_code == 401
    assert visitor.post("/certifications/new", {"name": "X"}).status_code == 401
    assert asks(app, token) == 401
    with world.runtime.db.write() as session:
        session.execute(delete(Suspect))
        session.execute(update(Person).where(Person.id == 1).values(state=ACTIVE))
    back = {"role": 200, "grant": 403 if happens is be_deleted else 200}[by]
    assert visitor.get("/certifications").status_code == back  # a grant ended with the person it was for
    assert asks(app, token) == (401 if happens is be_deleted else 200)


def test_a_right_taken_back_ends_at_the_next_request_and_so_do_its_tokens(
    app: Flask, world: World, visit: Visit
) -> None:
    number = grant(world, role="site", person=1)
    grant(world, role="site", person=2)
    visitor, token = visit("ann", administrator=False, person=1), token_of(world, 1, "read", "write")
    assert visitor.get(f"/hosts/{HOST}/rights").status_code == 200
    with world.runtime.db.write() as session:
        assert administrators(session, HOST) == [1, 2]
        grants.remove(session, HOST, number, by=SITE, at=world.now, who="sam")
        assert administrators(session, HOST) == [2]
    assert visitor.get(f"/hosts/{HOST}/rights").status_code == 403
    assert visitor.get("/my/certifications").status_code == 200  # a learner she still is
    assert asks(app, token) == 401


def test_the_last_day_is_whole_in_the_hosts_zone(app: Flask, world: World, visit: Visit) -> None:
    grant(world, role="auditor", person=1, until="2026-11-20")
    visitor, token = visit("ann", administrator=False, person=1), token_of(world, 1, until="2026-11-19")
    for at, page, program in (
        ("2026-11-19T23:59:59+00:00", 200, 200), ("2026-11-20T00:00:00+00:00", 200, 401), ("2026-11-21T00:00:00+00:00", 403, 401),
    ):  # fmt: skip
        from plugin.core.clock import Clock, parse_instant

        object.__setattr__(world.runtime, "clock", Clock(parse_instant(at)))
        assert (visitor.get("/certifications").status_code, asks(app, token)) == (page, program), at


def test_a_token_lives_a_year_at_most_and_needs_an_owner_with_a_grant(world: World) -> None:
    from plugin.core.errors import Forbidden, Invalid

    with pytest.raises(Forbidden):
        token_of(world, 1)
    grant(world, role="site", person=1)
    for until in ("2027-11-19", "2026-11-17", "2026-11-31", "tomorrow", "20271118"):
        with pytest.raises(Invalid):
            token_of(world, 1, until=until)
    token_of(world, 1)
    with world.runtime.db.read() as session:
        assert session.scalars(select(ApiToken)).one().until == "2027-11-18"


def test_a_token_does_what_its_scopes_say_and_no_more_than_its_owner_may(app: Flask, world: World) -> None:
    world.save("FS", name="Food Safety")
    world.save("GDPR", name="Privacy")
    grant(world, role="certification", person=1, certifications=(1,))
    token = token_of(world, 1, "read")
    client, sent = app.test_client(), {"Authorization": f"Bearer {token}"}
    listed = client.get("/api/v1/certifications", headers=sent).json
    assert [one["code"] for one in listed["items"]] == ["FS"]  # type: ignore[index]
    assert asks(app, token, "/api/v1/certifications/FS") == 200
    for path in ("/api/v1/certifications/GDPR", "/api/v1/held", "/api/v1/certifications/none"):
        assert asks(app, token, path) == 403, path
    refused = client.put("/api/v1/certifications/FS/exemptions/ann", json={"reason": "x"}, headers=sent)
    assert refused.status_code == 403
    assert "may read only" in refused.json["detail"]  # type: ignore[index]
    plan: dict[str, Any] = {"version": 1, "certifications": [{"code": "GDPR", "name": "Privacy"}]}
    assert client.post("/api/v1/plan", json=plan, headers=sent).status_code == 403
    plan["certifications"] = [{"code": "NEW", "name": "New"}]
    assert client.post("/api/v1/plan", json=plan, headers=sent).status_code == 403


def test_a_new_tab_ends_when_the_session_it_came_from_ends(app: Flask, world: World, visit: Visit) -> None:
    visitor = visit("ann", person=1)
    with world.runtime.db.write() as session:
        ends = world.runtime.clock.true() + 100
        session.execute(update(LaunchSession).values(expires=ends))
    tab = _tab(app, visitor)
    with world.runtime.db.read() as session:
        assert [row.expires for row in session.scalars(select(LaunchSession))] == [ends, ends]
    assert tab.get("/certifications").status_code == 200
    left = visitor.post("/new-tab", {"to": "/certifications"}).location
    assert visitor.post("/sign-out").status_code == 200
    for one in (visitor, tab):  # the tab too: it came from this session
        assert one.get("/certifications").status_code == 401
    assert app.test_client().get(str(left)).status_code == 401  # a ticket of an ended session opens nothing


def _tab(app: Flask, visitor: Visitor) -> Visitor:
    client = app.test_client()
    address = str(visitor.post("/new-tab", {"to": "/certifications"}).location)
    opened = client.get(address, headers={"Sec-Fetch-Site": "same-origin"})
    return Visitor(client, re.search(r"/t/([^/]+)/", str(opened.location))[1])  # type: ignore[index]


@pytest.mark.parametrize("seconds", [IDLE, ABSOLUTE])
def test_a_session_ends_by_itself(world: World, visit: Visit, seconds: int) -> None:
    visitor, now = visit("ann", person=1), world.runtime.clock.true()
    column = "used" if seconds == IDLE else "expires"
    for ago, status in ((seconds - 30, 200), (seconds + 5, 401)):
        value = now - ago if column == "used" else now + ABSOLUTE - ago
        with world.runtime.db.write() as session:
            session.execute(
                update(LaunchSession).values({column: value, **({"used": now} if column == "expires" else {})})
            )
        assert visitor.get("/certifications").status_code == status


def test_all_sessions_of_a_person_or_of_the_host_are_ended(world: World, visit: Visit) -> None:
    ann, again, bea, sam = visit("ann", person=1), visit("ann", person=1), visit("bea", person=2), visit("sam")
    assert sam.post(f"/hosts/{HOST}/rights/sessions/end", {"person": "1"}).status_code == 303
    assert [one.get("/my/certifications").status_code for one in (ann, again, bea)] == [401, 401, 200]
    assert sam.post(f"/hosts/{HOST}/rights/sessions/end").status_code == 303
    assert [one.get("/").status_code for one in (bea, sam)] == [401, 401]
    with world.runtime.db.read() as session:
        assert session.scalars(select(LaunchSession)).all() == []


def test_a_grant_to_a_subject_waits_to_be_confirmed_once_somebody_has_it(world: World, visit: Visit) -> None:
    number = grant(world, role="site", subject="fay")
    visitor = visit("fay", administrator=False)
    assert visitor.get("/certifications").status_code == 200
    world.people("fay")
    assert visitor.get("/certifications").status_code == 403  # whoever that is: somebody must say so
    assert visitor.get("/my/certifications").status_code == 200
    sam = visit("sam")
    assert "Waits to be confirmed" in sam.page(f"/hosts/{HOST}/rights")
    assert sam.post(f"/hosts/{HOST}/rights/{number}/confirm").status_code == 303
    assert visitor.get("/certifications").status_code == 200
    assert sam.post(f"/hosts/{HOST}/rights/{number}/confirm").status_code == 404


def test_a_request_asks_all_that_in_one_statement(app: Flask, world: World, visit: Visit) -> None:
    grant(world, role="auditor", person=1)
    visitor, token = visit("ann", administrator=False, person=1), token_of(world, 1)
    visitor.get("/")
    asks(app, token)
    with _statements(world) as seen:
        found = sessions.look(world.runtime, digest(visitor.handle))
    assert isinstance(found, sessions.Alive)
    assert (found.person, found.rights) == (1, Rights(auditor=True))
    assert len(seen) == 1, seen
    with _statements(world) as seen:
        asks(app, token, "/api/v1/certifications/none/learners")
    assert sum("api_token" in one for one in seen) == 1, seen


@contextmanager
def _statements(world: World) -> Any:
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.startswith("SELECT"):
            seen.append(statement)

    event.listen(world.runtime.db.engine, "before_cursor_execute", note)
    yield seen
    event.remove(world.runtime.db.engine, "before_cursor_execute", note)


def test_deleted_people_count_their_lives(world: World) -> None:
    be_deleted(world)
    with world.runtime.db.read() as session:
        row = session.get_one(Person, (HOST, 1))
        clock = session.get_one(HostClock, HOST)
        assert (row.state, row.life, row.gone_at) == (DELETED, 1, clock.as_of)
        assert session.scalars(select(AccessGrant)).all() == []
