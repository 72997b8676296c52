"""A directory that pushes to the application around a small host."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from plugin.mirror.sources.managing import setup
from plugin.mirror.sources.tables import Identity
from plugin.mirror.sources.tokens import make_token
from plugin.mirror.tables import Job
from tests.application import application
from tests.web.conftest import small_world
from tests.world import HOST, World

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass
class Directory:
    """An identity provider with a token of the source ``dir``."""

    client: FlaskClient
    token: str
    world: World
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {self.token}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        return self.client.open(
            f"/scim/v2/dir{path}", method=method, data=content, content_type="application/scim+json" if content else None,
            headers=given,
        )  # fmt: skip

    def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.send(method, path, body)
        assert answer.status_code == status, (answer.status_code, answer.text[:1000])
        return json.loads(answer.data) if answer.data else None

    def user(self, name: str, department: str = "", manager: Any = None, **more: Any) -> Any:
        """Push a user; returns her as she was answered."""
        extension: dict[str, Any] = {"department": department} if department else {}
        if manager is not None:
            extension["manager"] = manager
        body = {"schemas": [CORE, ENTERPRISE], "userName": name, "externalId": f"e-{name}", "active": True, **more}
        return self.ask("POST", "/Users", body | ({ENTERPRISE: extension} if extension else {}), 201)

    def patch(self, path: str, *operations: dict[str, Any], status: int = 200) -> Any:
        return self.ask("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)}, status)

    def jobs(self) -> dict[str, tuple[str, str]]:
        """By person her organisation and manager in the mirror."""
        with self.world.runtime.db.read() as session:
            rows = session.scalars(select(Job).where(Job.gone.is_(False), Job.ext.startswith("dir:")))
            return {one.person_ext: (one.organisation_ext, one.manager_ext) for one in rows}

    def identities(self) -> dict[str, Identity]:
        with self.world.runtime.db.read() as session:
            return {one.name: one for one in session.scalars(select(Identity)) if one.gone is None}


@pytest.fixture
def world(runtime: Any) -> World:
    made = small_world(runtime)
    for name in ("ann", "bea", "cid", "dov", "eve"):
        _number(made, name)
    with runtime.db.write() as session:
        setup.add_source(session, HOST, "dir", "scim", join_by="userName=username", mapping={}, at=made.now, who="t")
        for kind in ("organisation", "position", "managers", "audiences"):
            from plugin.mirror.sources.managing.supplying import supply

            supply(session, HOST, kind, ["dir"], at=made.now, who="t")
    return made


def _number(world: World, name: str) -> None:
    from sqlalchemy import update

    from plugin.mirror.tables import Person

    with world.runtime.db.write() as session:
        session.execute(update(Person).where(Person.ext == name).values(username=f"{name}@corp.local"))


@pytest.fixture
def app(world: World) -> Flask:
    return application(world.runtime)


@pytest.fixture
def directory(app: Flask, world: World) -> Directory:
    with world.runtime.db.write() as session:
        token = make_token(session, HOST, "dir", at=world.now, who="sam")
    return Directory(app.test_client(), token, world)


Settle = Callable[[], None]
