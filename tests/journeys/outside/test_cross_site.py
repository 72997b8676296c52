"""Muster in a frame of another site, over TLS, with third-party cookies blocked: by partitioned cookie, and by storage."""

from __future__ import annotations

import json
import shutil
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from playwright.sync_api import expect
from werkzeug.serving import make_server

from config.settings import read_settings
from plugin.app import create_app
from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from plugin.mirror.connections.store import NewHost, add_host
from plugin.mirror.pulling.pull import pull
from plugin.sandbox.__main__ import main as sandbox_main
from plugin.sandbox.app import create_app as create_sandbox
from plugin.schema import metadata
from tests.conftest import KEYS
from tests.journeys.conftest import FLAGS
from tests.live import free_port

pytestmark = pytest.mark.journey


@contextmanager
def served(app: Any, port: int, context: ssl.SSLContext | None) -> Iterator[None]:
    server = make_server("127.0.0.1", port, app, threaded=True, ssl_context=context)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class WithoutCookies:
    """A browser that keeps nothing: the application never sees a cookie."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        environ.pop("HTTP_COOKIE", None)
        return self._app(environ, start_response)


@pytest.mark.parametrize("kept", [True, False], ids=["partitioned-cookie", "platform-storage"])
def test_a_launch_in_a_frame_of_another_site(tmp_path: Path, browser: Any, kept: bool) -> None:
    tool_port, site_port, plain_port = free_port(), free_port(), free_port()
    tool, site = f"https://tool.test:{tool_port}", f"https://lms.test:{site_port}"
    folder = tmp_path / "sandbox"
    sandbox_main(
        ["init", "--data", str(folder), "--port", str(plain_port), "--muster", tool, "--people", "60", "--units", "10"]
    )
    connection = json.loads((folder / "connection.json").read_text())
    connection |= {"issuer": site, "auth_url": f"{site}/lti/auth"}
    (folder / "connection.json").write_text(json.dumps(connection))
    settings = read_settings({"MUSTER_ENV": "development", "MUSTER_SECRET_KEYS": KEYS, "MUSTER_BASE_URL": tool})
    database = Database(f"sqlite:///{tmp_path}/muster.sqlite3")
    metadata.create_all(database.engine)
    made = Runtime(settings, database, Clock())
    fields = {name: value for name, value in connection.items() if name != "muster"}
    host_id = made.db.transact(lambda session: add_host(session, NewHost(**fields), 1).id)
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("lms.test", "tool.test").configure_cert(context)
    sandbox = create_sandbox(folder)
    app = create_app(made)
    answering = app if kept else WithoutCookies(app)
    with served(sandbox, plain_port, None), served(sandbox, site_port, context), served(answering, tool_port, context):
        pull(made, host_id)
        flags = [*FLAGS, "--test-third-party-cookie-phaseout",
                 "--host-resolver-rules=MAP lms.test 127.0.0.1, MAP tool.test 127.0.0.1"]  # fmt: skip
        strict = browser.browser_type.launch(executable_path=shutil.which("chromium"), args=flags)
        page = strict.new_context(ignore_https_errors=True, locale="en-GB").new_page()
        page.goto(f"{site}/muster/administrator/U-1?storage=1")
        frame = page.frame_locator("#tool")
        expect(frame.get_by_role("heading", name="What needs you today", exact=True)).to_be_visible(timeout=15_000)
        frame.get_by_role("link", name="Certifications", exact=True).first.click()
        frame.get_by_role("link", name="New certification").first.click()
        expect(frame.get_by_label("Name", exact=True)).to_be_visible()
        address = next(one.url for one in page.frames if "/t/" in one.url)
        stranger = strict.new_context(ignore_https_errors=True).new_page()
        status = stranger.goto(address)
        assert status is not None
        # Where the cookie sticks, a leaked address alone opens nothing; elsewhere the handle is all there is.
        assert status.status == (401 if kept else 200)
        strict.close()
    database.close()
