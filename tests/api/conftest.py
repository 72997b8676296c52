"""The API around a small host, and programs with tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from plugin.access.tokens import RequestedToken, TokenOwner, make_token
from tests.web.conftest import app, settle, world  # noqa: F401 - fixtures
from tests.world import HOST, World


@dataclass
class Program:
    """Somebody's script."""

    client: FlaskClient
    token: str

    def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """The answer of a request that must come out so; ``None`` for none."""
        answer = self.send(method, path, body)
        assert answer.status_code == status, (answer.status_code, answer.text[:2000])
        return answer.json if answer.data else None

    def send(self, method: str, path: str, body: Any = None) -> TestResponse:
        content = None if body is None else json.dumps(body)
        return self.client.open(
            f"/api/v1{path}", method=method, data=content, content_type="application/json" if content else None,
            headers={"Authorization": f"Bearer {self.token}"},
        )  # fmt: skip


@pytest.fixture
def program(app: Flask, world: World) -> Callable[..., Program]:  # noqa: F811
    """``program()`` may write, ``program(may_write=False)`` may not."""

    def make(name: str = "hr", *, may_write: bool = True, scopes: tuple[str, ...] = ()) -> Program:
        with world.runtime.db.write() as session:
            token = make_token(
                session,
                HOST,
                RequestedToken(name, scopes or (("read", "write") if may_write else ("read",))),
                owner=TokenOwner(),
                at=world.now,
                who="sam",
            )
        return Program(app.test_client(), token)

    return make
