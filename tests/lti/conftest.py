"""A learning site that signs what a test tells it to, with its key set on a real socket."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from plugin.core.clock import Clock
from plugin.core.db import Database
from plugin.core.runtime import Runtime
from plugin.lti.keysets import KeySets
from plugin.mirror.connections.store import NewHost, add_host

ISSUER, CLIENT = "https://lms.test", "client-1"
CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
KEYS = {name: rsa.generate_private_key(public_exponent=65537, key_size=2048) for name in ("k1", "k2")}


def public(name: str, kid: str | None = None) -> dict[str, Any]:
    """A public key as a platform publishes it."""
    found = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEYS[name].public_key()))
    return {**found, "kid": kid or name, "use": "sig"}


class Site:
    """The platform's key set, and how often it was read."""

    def __init__(self) -> None:
        self.keys: Any = [public("k1")]
        self.status, self.raw, self.reads = 200, None, 0
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.reads += 1
                body = site.raw if site.raw is not None else json.dumps({"keys": site.keys}).encode()
                self.send_response(site.status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/jwks"


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def made(settings: Any, empty_sqlite: Database, site: Site) -> Iterator[Runtime]:
    """Muster with that platform registered."""
    database = empty_sqlite
    runtime = Runtime(settings, database, Clock())
    new = NewHost("lms", ISSUER, CLIENT, "dep-1", f"{ISSUER}/auth", f"{ISSUER}/token", site.url)
    runtime.db.transact(lambda session: add_host(session, new, 1).id)
    yield runtime
    database.close()


@pytest.fixture
def keysets(made: Runtime) -> KeySets:
    return KeySets(made.http)


def claims(nonce: str, base: str, **changes: Any) -> dict[str, Any]:
    """A good launch, with some claims changed; ``None`` removes one."""
    now = int(time.time())
    good: dict[str, Any] = {
        "iss": ISSUER, "aud": CLIENT, "sub": "u1", "exp": now + 300, "iat": now, "nonce": nonce,
        CLAIM + "message_type": "LtiResourceLinkRequest", CLAIM + "version": "1.3.0",
        CLAIM + "deployment_id": "dep-1", CLAIM + "target_link_uri": f"{base}/lti/launch",
        CLAIM + "resource_link": {"id": "r1"},
        CLAIM + "roles": ["http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator"],
    }  # fmt: skip
    for name, value in changes.items():
        key = CLAIM + name if CLAIM + name in good or name in ("context", "custom") else name
        if value is None:
            good.pop(key, None)
        else:
            good[key] = value
    return good
