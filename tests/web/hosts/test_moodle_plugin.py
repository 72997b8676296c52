"""The plugin for Moodle handed out, and a site handed over by it with a one-time code."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from plugin.access.setup_links import new_setup_link
from plugin.app import create_app
from plugin.cli import main
from plugin.core.clock import Clock
from plugin.core.network.signing import signed_headers, verify
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.hosts.moodle.companion.package import archive
from plugin.lti.login import digest
from plugin.mirror.connections.handover import new_code, plain_code, secret_of
from plugin.mirror.connections.store import connection_of
from plugin.mirror.tables import Connection
from tests.hosts.fake_moodle import now

SITE: dict[str, Any] = {
    "site": "https://moodle.example.org", "name": "Acceptance & more", "zone": "Europe/Berlin", "token": "0" * 32, "role": 7,
    "client_id": "abc", "deployment_id": "3",
}  # fmt: skip


@pytest.fixture
def made(runtime: Runtime) -> Runtime:
    return replace(runtime, clock=Clock(now()))


@pytest.fixture
def client(made: Runtime) -> FlaskClient:
    return create_app(made).test_client()


def secret(code: str) -> str:
    return secret_of(digest(plain_code(code)))


def hand_over(client: FlaskClient, code: str, document: Any = SITE, at: int | None = None) -> Any:
    body = document if isinstance(document, str) else json.dumps(document)
    return client.post("/companion", data=body, headers=signed_headers(secret(code), "msg_1", body, at=at or now()))


def test_a_site_hands_itself_over_and_is_answered_with_the_same_secret(made: Runtime, client: FlaskClient) -> None:
    code = new_code(made)
    answer = hand_over(client, code.lower().replace("-", " "))
    assert answer.status_code == 200, answer.text
    verify(secret(code), dict(answer.headers), answer.data)
    with made.db.read() as session:
        host = session.scalars(select(Host)).one()
        row = connection_of(session, host.id)
        assert (host.title, host.time_zone, host.state, host.client_id) == (
            "Acceptance & more",
            "Europe/Berlin",
            "active",
            "abc",
        )
        assert host.jwks_url == "https://moodle.example.org/mod/lti/certs.php"
        assert (row.kind, row.api_url, row.api_token, row.settings["role"]) == ("moodle", SITE["site"], "0" * 32, 7)
        assert answer.json["secret"] == row.hooks_secret
        assert answer.json["hooks"] == f"{made.settings.base_url}/hooks/{row.name}"
    body = json.dumps({"type": "person.changed", "data": {"ids": ["5"]}})
    hint = client.post(answer.json["hooks"].removeprefix(made.settings.base_url), data=body,
                       headers=signed_headers(answer.json["secret"], "msg_2", body, at=now()))  # fmt: skip
    assert hint.status_code == 202


def test_a_code_opens_once_for_an_hour_and_nothing_else_does(made: Runtime, client: FlaskClient) -> None:
    code = new_code(made)
    assert hand_over(client, "AAAA-BBBB-CCCC-DDDD-EEEE").status_code == 401
    assert client.post("/companion", data=json.dumps(SITE)).status_code == 401
    assert hand_over(client, code, at=now() - 3600).status_code == 401
    assert hand_over(client, code).status_code == 200
    assert hand_over(client, code).status_code == 401
    setup = new_setup_link(made).rsplit("/", 1)[1]
    assert hand_over(client, setup).status_code == 401  # a link of another purpose
    with made.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Host)) == 1


@pytest.mark.parametrize(
    "bad",
    [
        "no json", "[]", {**SITE, "site": "moodle"}, {**SITE, "site": "https://" + "m" * 600}, {**SITE, "token": "no"},
        {**SITE, "client_id": ""},
    ],
)  # fmt: skip
def test_what_is_no_handover_is_refused_in_a_sentence_and_the_code_stays_good(
    made: Runtime, client: FlaskClient, bad: Any
) -> None:
    code = new_code(made)
    answer = hand_over(client, code, bad)
    assert answer.status_code == 400
    assert answer.json["detail"].endswith(".")
    assert hand_over(client, code).status_code == 200


def test_handing_over_again_replaces_token_and_secret_and_lifts_a_pause(made: Runtime, client: FlaskClient) -> None:
    first = hand_over(client, new_code(made)).json
    with made.db.write() as session:
        row = session.scalars(select(Connection)).one()
        row.state, row.reason = "paused", "The token has expired."
    second = hand_over(client, new_code(made), {**SITE, "token": "f" * 32, "client_id": "new"}).json
    assert first["hooks"] == second["hooks"]
    assert first["secret"] != second["secret"]
    with made.db.read() as session:
        row = session.scalars(select(Connection)).one()
        assert (row.state, row.reason, row.api_token) == ("active", "", "f" * 32)
        assert session.scalars(select(Host.client_id)).all() == ["new"]


def test_whoever_sets_up_finds_the_plugin_and_makes_a_code(made: Runtime, client: FlaskClient) -> None:
    base = client.post(new_setup_link(made).removeprefix(made.settings.base_url)).location.removesuffix("/hosts")
    offered = client.get(f"{base}/hosts/new/moodle").text.partition("Connect with the plugin")[0]
    page = client.post(offered.rpartition('action="')[2].partition('"')[0]).text
    code = page.split('id="code"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    answer = hand_over(client, code)
    assert answer.status_code == 200
    checklist = answer.json["checklist"].removeprefix(made.settings.base_url)
    # Moodle's page links there, once it is connected.
    assert client.get(checklist).location == f"{base}/hosts/1/test?run=1"
    assert client.get("/setup?site=gone").location == f"{base}/hosts"
    assert client.get(f"{base}/hosts/local_muster.zip").data == archive()


def test_the_archive_is_one_plugin_of_moodles(tmp_path: Path) -> None:
    path = tmp_path / "local_muster.zip"
    assert main(["moodle-plugin", "--out", str(path)]) == 0
    with zipfile.ZipFile(path) as zipped:
        names = zipped.namelist()
        assert {name.split("/")[0] for name in names} == {"muster"}
        assert {
            "muster/version.php",
            "muster/db/events.php",
            "muster/lang/en/local_muster.php",
            "muster/db/install.xml",
        } <= set(names)
        assert all(b"GNU General Public License" in zipped.read(name) for name in names if name.endswith(".php"))
    assert archive() == path.read_bytes()
    assert main(["moodle-plugin", "--out", str(tmp_path / "no" / "such.zip")]) == 2
