"""The block of Muster's plugin in Moodle asks, signed, what somebody has to complete."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from plugin.app import create_app
from plugin.core.network.signing import signed_headers
from plugin.mirror.tables import Connection
from tests.web.conftest import Visit
from tests.web.steps import add, due, make, save
from tests.world import HOST, World

pytestmark = pytest.mark.one_database
SECRET, OTHER = "whsec_" + "c2VjcmV0" * 4, "whsec_" + "b3RoZXJz" * 4


@pytest.fixture
def ask(app: Flask, world: World, visit: Visit, settle: Callable[[], None]) -> Callable[..., TestResponse]:
    """Asks after somebody, as the plugin does; Sales is to complete a certification by the end of January 2031."""
    sam = visit()
    path = make(sam)
    add(sam, path, "sales")
    due(sam, path, "organisation:sales", "2031-01-31")
    save(sam, path)
    settle()
    with world.runtime.db.write() as session:
        session.add(Connection(host_id=HOST, id=1, name="acme", kind="moodle", mapping={}, settings={}, marks={}, caps={},
                               hooks_secret=SECRET))  # fmt: skip

    def asked(
        person: Any, *, secret: str = SECRET, language: str = "en", name: str = "acme", app: Flask = app
    ) -> TestResponse:
        body = person if isinstance(person, str) and person.startswith("!") else json.dumps({"person": person})
        headers = signed_headers(secret, "msg_1", body, at=int(time.time())) | {"Accept-Language": language}
        return app.test_client().post(f"/companion/{name}/due", data=body, headers=headers)

    return asked


def test_each_is_told_of_her_own_certifications_in_her_language(ask: Callable[..., TestResponse]) -> None:
    said = ask("ann").json["certifications"]
    assert [one["state"] for one in said] == ["assigned"]
    assert said[0]["name"]
    assert (said[0]["words"], said[0]["late"]) == ("Assigned", False)
    assert said[0]["when"] == "To be completed by 31 Jan 2031 (Europe/London)."
    german = ask("ann", language="de-DE").json["certifications"][0]
    assert german["words"] == "Zugewiesen"
    assert "31.01.2031" in german["when"]
    assert ask("dov").json == {"certifications": []}
    assert ask("nobody").json == {"certifications": []}


def test_who_is_late_is_told_so(ask: Callable[..., TestResponse], world: World, settle: Callable[[], None]) -> None:
    world.at(int(datetime(2031, 3, 1, tzinfo=UTC).timestamp()))
    settle()
    said = ask("ann", app=create_app(world.runtime)).json["certifications"][0]
    assert (said["words"], said["late"]) == ("Overdue", True)
    assert "overdue" in said["when"]


def test_nobody_is_told_without_the_sites_own_secret(ask: Callable[..., TestResponse]) -> None:
    assert ask("ann", secret=OTHER).status_code == 401
    assert ask("ann", name="nobody").status_code == 401
    for no_question in ("!", "!{}", 7, None, "", "x" * 300, "a\nb"):
        assert ask(no_question).status_code == 400
    assert ask("x" * 3000).status_code == 401  # not even read
