"""The description is true: every answer is one that it describes, whatever is sent, and nothing breaks anything."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import positive_data_acceptance

from config.settings import read_settings
from plugin.access.rules import SCOPES, scope_of
from plugin.access.tokens import RequestedToken, TokenOwner, make_token
from plugin.app import create_app
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from plugin.schema import metadata
from tests.api.conftest import Program
from tests.api.test_api import FILE
from tests.conftest import KEYS, NOW, fresh_postgres
from tests.digest import changed, digest_of
from tests.web.conftest import small_world
from tests.world import HOST

LONG = bool(os.environ.get("MUSTER_LONG"))
EXAMPLES, ELSEWHERE = (40, 3) if LONG else (3, 1)
"""Requests for each operation, by the right token and by one of another scope; more, and on both databases, in the long run."""
REFUSED = ["4xx"]
"""What answers to something malformed may be: 413 too, where what is too long is megabytes long."""


@pytest.fixture(scope="module", params=["sqlite", "postgres"] if LONG else ["sqlite"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of an empty database with tables."""
    if request.param == "sqlite":
        made = Database(f"sqlite:///{tmp_path_factory.mktemp('api')}/muster.sqlite3")
        metadata.create_all(made.engine)
        yield made.engine.url.render_as_string(hide_password=False)
        made.close()
        return
    server, model = request.getfixturevalue("postgres_url"), request.getfixturevalue("postgres_model")
    with fresh_postgres(server, model) as (_name, found):
        yield found


@pytest.fixture(scope="module")
def served(url: str) -> Iterator[tuple[Flask, str]]:
    database = Database(url)
    made = read_settings({"MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": KEYS})
    world = small_world(Runtime(made, database, Clock(NOW)))
    app = create_app(world.runtime)
    with database.write() as session:
        token = make_token(
            session, HOST, RequestedToken("hr", ("read", "write")), owner=TokenOwner(), at=NOW, who="sam"
        )
    Program(app.test_client(), token).ask("POST", "/apply", FILE)
    world.settle()
    yield app, token
    database.close()


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_opens_what_its_scope_names_and_changes_nothing_elsewhere(
    served: tuple[Flask, str], scope: str
) -> None:
    """Whatever is sent: by the wrong token it is refused before it is looked at; by the right one nothing breaks."""
    app, _token = served
    runtime: Runtime = app.extensions["muster"]
    with runtime.db.write() as session:
        token = make_token(
            session, HOST, RequestedToken(f"only {scope}", (scope,)), owner=TokenOwner(), at=NOW, who="sam"
        )
    described = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    scopes = {
        (method, re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule.rule)): scope_of(app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules() for method in rule.methods or ()
    }  # fmt: skip
    opened = 0
    for operation in (one.ok() for one in described.get_all_operations()):
        mine = scopes[operation.method.upper(), operation.path] == scope
        opened += mine

        _ask_once(operation, token, runtime, mine=mine)
    assert opened or scope == "scim"


def _ask_once(operation: Any, token: str, runtime: Runtime, *, mine: bool) -> None:
    @settings(
        max_examples=ELSEWHERE, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def ask(case: schemathesis.Case) -> None:
        before = None if mine else digest_of(runtime.db)
        answer = case.call(headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"})
        assert answer.status_code < 500, (case.method, case.path, answer.text[:300])
        if before is not None:
            assert answer.status_code in (400, 403, 404, 414), (case.method, case.path, answer.text[:300])
            assert changed(before, digest_of(runtime.db)) <= {"api_token", "counter", "trace"}

    ask()


def test_every_answer_is_one_that_is_described(served: tuple[Flask, str]) -> None:
    app, token = served
    config = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": REFUSED}}})
    described = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app, config=config)
    operations = [one.ok() for one in described.get_all_operations()]
    assert len(operations) >= 20
    for operation in operations:

        @settings(
            max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode)))
        def ask(case: schemathesis.Case) -> None:
            for name, known in (("code", "FS"), ("person", "ann"), ("assignment", "organisation:sales")):
                if name in case.path_parameters and len(case.path_parameters[name]) % 2:
                    case.path_parameters[name] = known
            # What is well formed may still name a course that nobody has.
            case.call_and_validate(
                headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"},
                excluded_checks=[positive_data_acceptance],
            )

        ask()
