"""Strangers' conformance checks: scim2-tester against the application, scim-sanity against it on a real socket."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server
from werkzeug.serving import make_server

from plugin.app import create_app
from plugin.mirror.sources.tokens import make_token
from tests.scim.conftest import Directory
from tests.world import HOST, World


@pytest.fixture
def address(world: World) -> Iterator[tuple[str, str]]:
    """The address of the directory's endpoint on a socket, and its token."""
    with world.runtime.db.write() as session:
        token = make_token(session, HOST, "dir", at=world.now, who="sam")
    server = make_server("127.0.0.1", 0, lambda _environ, _start: [], threaded=True)
    base = f"http://127.0.0.1:{server.server_port}"
    server.app = create_app(replace(world.runtime, settings=replace(world.runtime.settings, base_url=base)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"{base}/scim/v2/dir", token
    server.shutdown()
    server.server_close()
    thread.join()


def test_scim2_tester_finds_nothing(app: Flask, directory: Directory) -> None:
    base = f"{directory.world.runtime.settings.base_url}/scim/v2/dir"
    client = WSGISCIMClient(app, base, headers={"Authorization": f"Bearer {directory.token}"})
    results = check_server(client)
    wrong = [(one.title, one.reason) for one in results if one.status in (Status.ERROR, Status.CRITICAL)]
    assert wrong == []
    assert sum(one.status == Status.SUCCESS for one in results) > 20


def test_scim_sanity_finds_nothing_but_groups_that_do_not_come_back_after_a_patch(address: tuple[str, str]) -> None:
    base, token = address
    command = [sys.executable, "-m", "scim_sanity.cli", "probe", base, "--token", token, "--i-accept-side-effects"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    lines = [line.strip() for line in done.stdout.splitlines()]
    failed = [line for line in lines if line.startswith("[FAIL]")]
    # RFC 7644 3.5.2 allows 204, and Entra expects it of groups
    assert {line.removeprefix("[FAIL] ").partition(" add ")[0].partition(" remove ")[0] for line in failed} == {
        "PATCH /Groups/{id}"
    }
    assert sum(line.startswith("[PASS]") for line in lines) > 20
