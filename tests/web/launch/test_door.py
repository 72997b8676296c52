"""Who gets in by which launch: administrator, teacher, learner, no role, a role nobody knows, a person nobody knows."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from config.settings import Settings
from plugin.access.setup_links import new_setup_link
from plugin.app import create_app
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from tests.live import Sandbox, connect, serve_sandbox

BASE = "http://localhost:8000"


@pytest.fixture
def door(settings: Settings, tmp_path: Path, empty_sqlite: Database) -> Iterator[tuple[Any, Sandbox, Runtime]]:
    database = empty_sqlite
    made = replace(Runtime(settings, database, Clock()))
    with serve_sandbox(tmp_path / "sandbox", muster=BASE) as sandbox:
        connect(made, sandbox)
        yield create_app(made), sandbox, made
    database.close()


def fields_of(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


def launch(app: Any, sandbox: Sandbox, role: str, person: str) -> tuple[Any, Any]:
    """Login and launch as a browser would post them; returns the client and the page it arrives at."""
    client = app.test_client()
    begun = fields_of(
        requests.get(f"{sandbox.base}/lti/start", params={"role": role, "person": person}, timeout=10).text
    )
    sent = client.post("/lti/login", base_url=BASE, data=begun)
    assert sent.status_code == 302
    signed = fields_of(requests.get(sent.headers["Location"], timeout=10).text)
    opened = client.post("/lti/launch", base_url=BASE, data=signed)
    assert opened.status_code == 303
    again = client.post("/lti/launch", base_url=BASE, data=signed)
    assert again.status_code == 400  # a launch opens once
    return client, client.get(opened.headers["Location"], base_url=BASE, follow_redirects=True)


@pytest.mark.parametrize(
    ("role", "person", "arrives"),
    [
        ("administrator", "U-1", "/home"),
        ("teacher", "U-20", "/my/"),
        ("learner", "U-40", "/my/"),
        ("none", "U-40", "/my/"),
        ("unknown", "U-40", "/my/"),
        ("learner", "U-nobody", "/"),
    ],
)
def test_each_launch_arrives_where_its_role_belongs(door: Any, role: str, person: str, arrives: str) -> None:
    app, sandbox, _made = door
    client, page = launch(app, sandbox, role, person)
    assert page.status_code == 200
    prefix = re.match(r"(/t/[^/]+)(.*)", page.request.path)
    assert prefix is not None
    assert prefix[2].startswith(arrives)
    if person == "U-nobody":
        assert "does not know you yet" in page.get_data(as_text=True)
    inside = client.get(f"{prefix[1]}/certifications", base_url=BASE)
    assert inside.status_code == (200 if role == "administrator" else 403)


def test_an_address_without_its_cookie_opens_nothing_once_the_cookie_was_seen(door: Any) -> None:
    app, sandbox, _made = door
    _client, page = launch(app, sandbox, "administrator", "U-1")
    assert app.test_client().get(page.request.path, base_url=BASE).status_code == 401


def test_a_request_from_another_site_changes_nothing(door: Any) -> None:
    app, sandbox, _made = door
    client, page = launch(app, sandbox, "administrator", "U-1")
    foreign = {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}
    answer = client.post(
        f"{page.request.path.removesuffix('/home')}/certifications/new",
        base_url=BASE,
        headers=foreign,
        data={"name": "X"},
    )
    assert answer.status_code == 401


def test_pages_may_be_framed_by_the_launching_host_alone(door: Any) -> None:
    app, sandbox, _made = door
    _client, page = launch(app, sandbox, "administrator", "U-1")
    policy = page.headers["Content-Security-Policy"]
    assert f"frame-ancestors {sandbox.base}" in policy
    assert "default-src 'none'" in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_a_setup_link_opens_hosts_once_and_nothing_else(door: Any) -> None:
    app, _sandbox, made = door
    link = new_setup_link(made)
    client = app.test_client()
    for looked in (client.head, client.get, client.head):
        assert looked(link.removeprefix(BASE), base_url=BASE).status_code == 200  # scanners use nothing up
    for elsewhere in (
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        refused = client.post(link.removeprefix(BASE), base_url=BASE, headers=elsewhere)
        assert (refused.status_code, refused.headers.getlist("Set-Cookie")) == (401, [])  # another site puts nobody in
    page = client.post(link.removeprefix(BASE), base_url=BASE, follow_redirects=True, headers={"Origin": "null"})
    assert page.status_code == 200
    assert page.request.path.endswith("/hosts")
    other = page.request.path.replace("/hosts", "/certifications")
    assert client.get(other, base_url=BASE).status_code == 403
    assert app.test_client().get(link.removeprefix(BASE), base_url=BASE).status_code == 401
    assert app.test_client().post(link.removeprefix(BASE), base_url=BASE).status_code == 401


def test_a_hint_is_taken_or_refused_with_the_right_status(door: Any) -> None:
    app, _sandbox, _made = door
    client = app.test_client()
    assert client.post("/hooks/sandbox", data=b"{}").status_code == 401
    assert client.post("/hooks/nobody", data=b"{}").status_code == 401


def test_signs_of_life(door: Any) -> None:
    app, _sandbox, _made = door
    client = app.test_client()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503  # no worker was seen
    assert b"muster_seats_owed" in client.get("/metrics").data
    assert client.get("/nothing").status_code == 404
