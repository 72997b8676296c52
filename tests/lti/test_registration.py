"""Dynamic registration against a platform on a real socket: what is kept, what is refused, and who gets in after."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sqlalchemy import func, select

from config.settings import read_settings
from plugin.core.db import Database
from plugin.core.errors import NotFound
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.lti.approval import MOST_OF_PLATFORM, approve, deployments_of, learn_deployment, pending, refuse
from plugin.lti.errors import LtiRejected
from plugin.lti.login import begin_login
from plugin.lti.registration import PLATFORM, TOOL, register
from tests.conftest import KEYS, NOW


class Platform:
    """A platform that says what a test wants; remembers what it was sent."""

    def __init__(self) -> None:
        self.changes: dict[str, Any] = {}
        self.raw: bytes | None = None
        self.status = 200
        self.reply: Any = {"client_id": "c-1", TOOL: {"deployment_id": "d-1"}}
        self.reply_status = 200
        self.reply_raw: bytes | None = None
        self.guarded = False
        self.sent: list[tuple[str | None, Any]] = []
        self.asked: list[str | None] = []
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                platform.asked.append(self.headers.get("Authorization"))
                status = 401 if platform.guarded and not self.headers.get("Authorization") else platform.status
                body = platform.raw if platform.raw is not None else json.dumps(platform.document()).encode()
                self._answer(status, body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                platform.sent.append((self.headers.get("Authorization"), json.loads(body)))
                raw = platform.reply_raw if platform.reply_raw is not None else json.dumps(platform.reply).encode()
                self._answer(platform.reply_status, raw)

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def address(self) -> str:
        return f"{self.base}/openid-configuration"

    def document(self) -> dict[str, Any]:
        found = {
            "issuer": self.base, "authorization_endpoint": f"{self.base}/auth", "token_endpoint": f"{self.base}/token",
            "jwks_uri": f"{self.base}/jwks", "registration_endpoint": f"{self.base}/registration",
            PLATFORM: {"product_family_code": "moodle", "version": "4.5", "messages_supported": [{"type": "LtiResourceLinkRequest"}]},
            **self.changes,
        }  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}


@pytest.fixture
def platform() -> Iterator[Platform]:
    made = Platform()
    yield made
    made.server.shutdown()
    made.server.server_close()


def count(runtime: Runtime) -> int:
    with runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(Host)) or 0


def test_a_registration_is_kept_pending_with_what_the_platform_gave(runtime: Runtime, platform: Platform) -> None:
    made = register(runtime, platform.address, "once")
    assert (made.issuer, made.product, made.deployment) == (platform.base, "moodle", "d-1")
    bearer, asked = platform.sent[0]
    assert bearer == "Bearer once"
    assert platform.asked == [None]
    base = runtime.settings.base_url
    assert asked["redirect_uris"] == [f"{base}/lti/launch"]
    assert asked["initiate_login_uri"] == f"{base}/lti/login"
    assert asked["jwks_uri"] == f"{base}/lti/jwks"
    assert asked[TOOL]["target_link_uri"] == f"{base}/lti/launch"
    assert asked[TOOL]["domain"] == base.partition("//")[2]
    assert "contextmembership.readonly" in asked["scope"]
    assert "score" in asked["scope"]
    with runtime.db.read() as session:
        (host,) = pending(session, NOW)
        assert (host.client_id, host.state, host.jwks_url) == ("c-1", "pending", f"{platform.base}/jwks")
        assert [row.deployment_id for row in deployments_of(session, host.id)] == ["d-1"]


def test_a_platform_that_guards_its_configuration_is_shown_the_token(runtime: Runtime, platform: Platform) -> None:
    platform.guarded = True
    register(runtime, platform.address, "once")
    assert platform.asked == [None, "Bearer once"]


def test_only_services_that_are_offered_are_asked_for_and_the_others_are_named(
    runtime: Runtime, platform: Platform
) -> None:
    platform.changes = {"scopes_supported": ["openid", "https://purl.imsglobal.org/spec/lti-ags/scope/score"]}
    made = register(runtime, platform.address)
    assert platform.sent[0][1]["scope"] == "https://purl.imsglobal.org/spec/lti-ags/scope/score"
    assert set(made.refused) == {"contextmembership.readonly", "lineitem"}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"changes": {"issuer": "http://127.0.0.1:1"}}, "hosts_differ"),
    ({"changes": {"registration_endpoint": "http://127.0.0.1:1/registration"}}, "hosts_differ"),
    ({"changes": {"issuer": None}}, "configuration_incomplete"),
    ({"changes": {"issuer": 7}}, "configuration_incomplete"),
    ({"changes": {"jwks_uri": "javascript:x"}}, "address_wrong"),
    ({"changes": {"token_endpoint": "http://u:p@lms.test/"}}, "address_wrong"),
    ({"changes": {"jwks_uri": "https://lms.test/" + "x" * 1100}}, "configuration_too_long"),
    ({"changes": {"token_endpoint_auth_methods_supported": ["client_secret_post"]}}, "no_private_key_jwt"),
    ({"changes": {PLATFORM: {"messages_supported": [{"type": "LtiDeepLinkingRequest"}]}}}, "no_launches"),
    ({"raw": b"<!doctype html><title>Log in</title>"}, "configuration_garbled"),
    ({"raw": b"[]"}, "configuration_garbled"),
    ({"raw": b"[" * 100_000}, "configuration_garbled"),
    ({"raw": b"{" + b" " * 300_000 + b"}"}, "configuration_unreachable"),
    ({"status": 500}, "configuration_status"),
    ({"status": 302}, "configuration_status"),
    ({"reply_status": 401, "reply_raw": b"token_already_used"}, "token_refused"),
    ({"reply_status": 400, "reply_raw": b"missing required attribute jwks_uri"}, "registration_refused"),
    ({"reply_status": 302}, "registration_refused"),
    ({"reply_raw": b"<html>"}, "registration_garbled"),
    ({"reply": {}}, "client_id_missing"),
    ({"reply": {"client_id": 9}}, "client_id_missing"),
]


@pytest.mark.parametrize(("wrong", "code"), WRONG, ids=lambda one: str(one)[:50])
def test_a_wrong_platform_is_refused_in_a_sentence_and_nothing_is_kept(
    settings: Any, tmp_path: Any, platform: Platform, wrong: dict[str, Any], code: str
) -> None:
    runtime = small(settings, tmp_path)
    for name, value in wrong.items():
        setattr(platform, name, value)
    with pytest.raises(LtiRejected) as refused:
        register(runtime, platform.address, "t")
    assert refused.value.code == code
    assert refused.value.sentence.endswith(".")
    assert count(runtime) == 0
    runtime.db.close()


def small(settings: Any, tmp_path: Any) -> Runtime:
    from plugin.core.clock import Clock
    from plugin.schema import metadata

    database = Database(f"sqlite:///{tmp_path}/m.sqlite3")
    metadata.create_all(database.engine)
    return Runtime(settings, database, Clock(NOW))


@pytest.mark.parametrize(
    "address", ["", "x", "file:///etc/passwd", "https://", "https://a b/", "http://lms.test:x/", "http://127.0.0.1:1/c"]
)
def test_an_address_that_cannot_be_called_is_refused(settings: Any, tmp_path: Any, address: str) -> None:
    runtime = small(settings, tmp_path)
    with pytest.raises(LtiRejected) as refused:
        register(runtime, address)
    assert refused.value.sentence.endswith(".")
    runtime.db.close()


@pytest.mark.parametrize(
    "address", ["https://127.0.0.1/c", "https://169.254.169.254/latest", "https://localhost/c", "http://lms.test/c"]
)
def test_outside_development_only_https_and_public_addresses_are_called(tmp_path: Any, address: str) -> None:
    strict = read_settings(
        {"MUSTER_ENV": "production", "MUSTER_SECRET_KEYS": KEYS, "MUSTER_BASE_URL": "https://muster.test",
         "MUSTER_DATABASE_URL": f"sqlite:///{tmp_path}/m.sqlite3"}
    )  # fmt: skip
    runtime = small(strict, tmp_path)
    with pytest.raises(LtiRejected) as refused:
        register(runtime, address)
    assert refused.value.code in ("address_blocked", "address_wrong")
    runtime.db.close()


def login(runtime: Runtime, issuer: str, client: str = "c-1") -> None:
    base = runtime.settings.base_url
    begin_login(
        runtime, {"iss": issuer, "client_id": client, "login_hint": "u", "target_link_uri": f"{base}/lti/launch"}
    )


def test_a_pending_registration_lets_nobody_in_until_it_is_approved(runtime: Runtime, platform: Platform) -> None:
    made = register(runtime, platform.address)
    for client in ("c-1", ""):
        with pytest.raises(LtiRejected) as refused:
            login(runtime, platform.base, client)
        assert (refused.value.code, refused.value.status) == ("registration_pending", 403)
    with pytest.raises(NotFound):
        runtime.db.transact(lambda session: approve(session, made.host_id, "another", NOW))
    runtime.db.transact(lambda session: approve(session, made.host_id, "c-1", NOW))
    login(runtime, platform.base)
    with pytest.raises(NotFound):
        runtime.db.transact(lambda session: approve(session, made.host_id, "c-1", NOW))
    with pytest.raises(NotFound):
        runtime.db.transact(lambda session: refuse(session, made.host_id, "c-1"))


def test_a_refused_registration_is_gone(runtime: Runtime, platform: Platform) -> None:
    made = register(runtime, platform.address)
    runtime.db.transact(lambda session: refuse(session, made.host_id, "c-1"))
    assert count(runtime) == 0
    with pytest.raises(LtiRejected) as refused:
        login(runtime, platform.base)
    assert refused.value.code == "registration_unknown"


def test_the_same_client_is_registered_once(runtime: Runtime, platform: Platform) -> None:
    register(runtime, platform.address)
    with pytest.raises(LtiRejected) as refused:
        register(runtime, platform.address)
    assert refused.value.code == "registered_already"


def test_one_platform_fills_no_more_than_its_share_of_the_waiting_list(runtime: Runtime, platform: Platform) -> None:
    for number in range(MOST_OF_PLATFORM + 3):
        platform.reply = {"client_id": f"c-{number}"}
        register(runtime, platform.address)
    with runtime.db.read() as session:
        assert len(pending(session, NOW)) == MOST_OF_PLATFORM
        assert len({host.name for host in pending(session, NOW)}) == MOST_OF_PLATFORM


def test_the_first_deployment_is_learnt_and_any_other_waits(runtime: Runtime, platform: Platform) -> None:
    platform.reply = {"client_id": "c-1"}
    made = register(runtime, platform.address)
    runtime.db.transact(lambda session: approve(session, made.host_id, "c-1", NOW))
    learn = [
        runtime.db.transact(lambda session, d=d: learn_deployment(session, made.host_id, d))
        for d in ("a", "b", "a", "b")
    ]
    assert learn == [True, False, True, False]
    with runtime.db.read() as session:
        assert {row.deployment_id: row.state for row in deployments_of(session, made.host_id)} == {
            "a": "active",
            "b": "pending",
        }
