"""The main job with a platform that nobody here wrote: lti-consumer-xblock signs the launches."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from plugin.app import create_app
from plugin.core.clock import Clock
from plugin.core.runtime import Runtime
from plugin.lti.keys import current_key
from plugin.mirror.connections.store import NewHost, add_host
from plugin.mirror.pulling.pull import pull
from tests.live import serve_sandbox, settle_and_deliver
from tests.lti.conftest import Site

pytestmark = pytest.mark.peer
HERE = Path(__file__).parent
ISSUER = "https://peer.test"
BASE = "http://localhost:8000"


@pytest.fixture(scope="session")
def peer_python() -> str:
    """The peer's own environment, made on first use; it is a large install, so it is kept in ``build/``."""
    folder = HERE.parents[1] / "build" / "peer"
    python = folder / "bin" / "python"
    if not (folder / ".installed").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        requirements = HERE / "xblock-requirements.txt"
        done = subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(requirements)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            if os.environ.get("CI"):
                pytest.fail(f"The peer could not be installed: {done.stderr[-800:]}")
            pytest.skip("lti-consumer-xblock could not be installed here.")
        (folder / ".installed").touch()
    return str(python)


class Peer:
    """The platform's process."""

    def __init__(self, python: str, given: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [python, "-W", "ignore", str(HERE / "xblock_platform.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.keys = self.ask(given)["jwks"]["keys"]

    def ask(self, document: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(document) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "The peer ended."
        return json.loads(line)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


def pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


def public_pem(private: str) -> str:
    key = serialization.load_pem_private_key(private.encode(), None)
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()  # fmt: skip


def test_the_main_job_launched_by_lti_consumer_xblock(
    db: Any, settings: Any, site: Site, peer_python: str, tmp_path: Path
) -> None:
    made = Runtime(settings, db, Clock())
    with serve_sandbox(tmp_path / "sandbox") as sandbox:
        connection = sandbox.connection
        new = NewHost(
            "peer", ISSUER, "client-7", "dep-7", f"{ISSUER}/auth", f"{ISSUER}/token", site.url, "webhook",
            connection["api_url"], connection["api_token"], connection["webhook_url"], connection["webhook_secret"],
        )  # fmt: skip
        host_id = made.db.transact(lambda session: add_host(session, new, made.clock.now()).id)
        pull(made, host_id)
        tool_key = made.db.transact(lambda session: public_pem(current_key(session, made.clock.true()).private_pem))
        base = settings.base_url
        peer = Peer(
            peer_python,
            {"issuer": ISSUER, "login": f"{base}/lti/login", "launch": f"{base}/lti/launch", "client_id": "client-7",
             "deployment": "dep-7", "key": pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
             "tool_key": tool_key},
        )  # fmt: skip
        try:
            site.keys = peer.keys
            client = create_app(made).test_client()
            home = enter(client, peer, base, role="global_staff")
            tab = assign(client, home)
            settle_and_deliver(made, host_id)
            everyone = {one["id"] for one in sandbox.get("people?unit=ORG-1&below=1") if one["state"] == "active"}
            assert sandbox.roster("c1") == everyone
            remove(client, tab)
            settle_and_deliver(made, host_id)
            assert sandbox.roster("c1") == set()
            for role in ("staff", "instructor", "student"):
                learner = enter(create_app(made).test_client(), peer, base, role=role)
                assert "/my/" in learner
        finally:
            peer.close()


def enter(client: Any, peer: Peer, base: str, *, role: str) -> str:
    """Login, the platform's signed answer, and the page that opens."""
    preflight = peer.ask({"do": "start", "user": "U-1", "role": role})
    answer = client.get("/lti/login", base_url=base, query_string=preflight)
    assert answer.status_code == 302
    query = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
    launched = client.post("/lti/launch", base_url=base, data=peer.ask({"do": "launch", "query": query}))
    assert launched.status_code == 303, launched.get_data(as_text=True)
    home = client.get(launched.headers["Location"], base_url=base, follow_redirects=True)
    assert home.status_code == 200
    return str(home.request.path)


def assign(client: Any, home: str) -> str:
    handle = re.match(r"(/t/[^/]+)/", home)
    assert handle is not None
    fields = {"code": "FS2", "name": "Food Safety", "kind": "certification", "state": "live", "course": "c1"}
    made = client.post(f"{handle[1]}/certifications/new", base_url=BASE, data=fields)
    assert made.status_code == 303, made.get_data(as_text=True)
    tab = str(urlsplit(made.headers["Location"]).path)
    warned = client.post(f"{tab}/add/organisation/confirm", base_url=BASE, data={"target": "ORG-1"})
    assert "to this certification except where they are enrolled already." in warned.get_data(as_text=True)
    client.post(f"{tab}/add/organisation", base_url=BASE, data={"target": "ORG-1"})
    client.post(f"{tab}/include", base_url=BASE, data={"key": "organisation:ORG-1", "include": "below"})
    save(client, tab)
    return tab


def remove(client: Any, tab: str) -> None:
    client.post(f"{tab}/remove", base_url=BASE, data={"key": "organisation:ORG-1"})
    save(client, tab)


def save(client: Any, tab: str) -> None:
    """The review's own form, with the number typed where the guard asks for it."""
    review = client.get(f"{tab}/review", base_url=BASE).get_data(as_text=True)
    revision = re.search(r'name="revision" value="(\d+)"', review)
    asked = re.search(r"This would withdraw ([\d,]+) learners?", review)
    assert revision is not None
    data = {"revision": revision[1]} | ({"withdrawals": asked[1]} if asked else {})
    assert client.post(f"{tab}/save", base_url=BASE, data=data).status_code == 303
