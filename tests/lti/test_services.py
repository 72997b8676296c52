"""Tokens for LTI services and the names of a course, against a platform on a real socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.lti.keys import published
from plugin.lti.names import read_members
from plugin.lti.services import NRPS_SCOPE, ServiceTrouble, call_service, forget_token, service_token

SCORE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"


class Platform:
    """Gives tokens and lists members in pages of two."""

    def __init__(self) -> None:
        self.tokens: list[dict[str, str]] = []
        self.reply: dict[str, Any] = {}
        self.raw: bytes | None = None
        self.status = 200
        self.refuse_first = 0
        self.calls: list[str] = []
        self.people: list[Any] = []
        self.link = "{base}/members?Cursor=AbC{after}"
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                platform.tokens.append({name: values[0] for name, values in form.items()})
                default = {"access_token": f"t{len(platform.tokens)}", "expires_in": 3600, "scope": form["scope"][0]}
                body = platform.raw if platform.raw is not None else json.dumps({**default, **platform.reply}).encode()
                self._answer(platform.status, body, {"Content-Type": "text/html"})

            def do_GET(self) -> None:
                platform.calls.append(f"{self.path} {self.headers.get('Authorization')}")
                if len(platform.calls) <= platform.refuse_first:
                    self._answer(401, b"{}", {})
                    return
                query = parse_qs(urlsplit(self.path).query)
                start = int(query.get("Cursor", ["AbC0"])[0].removeprefix("AbC"))
                more = {}
                if start + 2 < len(platform.people):
                    address = platform.link.format(base=platform.base, after=start + 2)
                    more = {"Link": f'<{address}>; rel="next"'}
                self._answer(200, json.dumps({"members": platform.people[start : start + 2]}).encode(), more)

            def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def platform() -> Iterator[Platform]:
    made = Platform()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def host(platform: Platform) -> Iterator[Host]:
    made = Host(id=7, name="lms", issuer=platform.base, client_id="client-1", token_url=f"{platform.base}/token")
    yield made
    for scopes in ([NRPS_SCOPE], [NRPS_SCOPE, SCORE]):
        forget_token(made, scopes)


def test_a_token_is_asked_for_with_a_signed_assertion_and_kept(
    runtime: Runtime, platform: Platform, host: Host
) -> None:
    assert service_token(runtime, host, [SCORE, NRPS_SCOPE]) == "t1"
    assert service_token(runtime, host, [NRPS_SCOPE, SCORE]) == "t1"
    (form,) = platform.tokens
    assert form["grant_type"] == "client_credentials"
    assert set(form["scope"].split()) == {SCORE, NRPS_SCOPE}
    with runtime.db.read() as session:
        keys = {one["kid"]: jwt.PyJWK(one) for one in published(session)}
    kid = jwt.get_unverified_header(form["client_assertion"])["kid"]
    claims = jwt.decode(form["client_assertion"], keys[kid].key, algorithms=["RS256"], audience=host.token_url)
    assert claims["iss"] == claims["sub"] == "client-1"
    assert claims["exp"] - claims["iat"] <= 300
    assert claims["jti"]
    assert service_token(runtime, host, [NRPS_SCOPE]) == "t2"


def test_a_platform_with_an_audience_of_its_own_gets_that(runtime: Runtime, platform: Platform, host: Host) -> None:
    host.token_audience = "https://audience.test"
    service_token(runtime, host, [NRPS_SCOPE])
    claims = jwt.decode(platform.tokens[0]["client_assertion"], options={"verify_signature": False})
    assert claims["aud"] == "https://audience.test"


def test_a_token_near_its_end_is_not_used_again(runtime: Runtime, platform: Platform, host: Host) -> None:
    platform.reply = {"expires_in": 30}
    assert [service_token(runtime, host, [NRPS_SCOPE]) for _ in range(2)] == ["t1", "t2"]


@pytest.mark.parametrize(
    ("changes", "permanent"),
    [
        ({"raw": b"<html>404</html>", "status": 404}, True),
        ({"raw": b'{"error": "invalid_client"}', "status": 400}, True),
        ({"raw": b'{"error": "x"}', "status": 500}, False),
        ({"raw": b"<html>This site is undergoing maintenance</html>", "status": 503}, False),
        ({"reply": {"access_token": None}}, True),
        ({"reply": {"access_token": 7}}, True),
        ({"reply": {"scope": "openid"}}, True),
        ({"raw": b"[]"}, True),
    ],
)
def test_no_token_is_a_sentence(
    runtime: Runtime, platform: Platform, host: Host, changes: dict[str, Any], permanent: bool
) -> None:
    for name, value in changes.items():
        setattr(platform, name, value)
    with pytest.raises(ServiceTrouble) as trouble:
        service_token(runtime, host, [NRPS_SCOPE])
    assert trouble.value.permanent is permanent
    assert trouble.value.why.endswith(".")


def test_a_platform_that_is_away_is_asked_again_later(runtime: Runtime, host: Host) -> None:
    host.token_url = "http://127.0.0.1:1/token"
    with pytest.raises(ServiceTrouble) as trouble:
        service_token(runtime, host, [NRPS_SCOPE])
    assert not trouble.value.permanent


def test_a_token_no_longer_taken_is_renewed_once(runtime: Runtime, platform: Platform, host: Host) -> None:
    platform.refuse_first = 1
    assert call_service(runtime, host, [NRPS_SCOPE], "GET", f"{platform.base}/members").status == 200
    assert [call.rpartition(" ")[2] for call in platform.calls] == ["t1", "t2"]
    platform.calls.clear()
    platform.refuse_first = 9
    assert call_service(runtime, host, [NRPS_SCOPE], "GET", f"{platform.base}/members").status == 401
    assert len(platform.calls) == 2


def members(runtime: Runtime, host: Host, url: str) -> list[Any]:
    def service(scopes: Any, method: str, address: str, **more: Any) -> Any:
        return call_service(runtime, host, scopes, method, address, **more)

    return [member for page in read_members(service, url) for member in page]


def test_members_come_page_by_page_and_a_bad_row_spoils_no_other(
    runtime: Runtime, platform: Platform, host: Host
) -> None:
    platform.people = [
        {"user_id": "u1", "name": "Ann", "email": "ann@lms.test", "roles": ["Learner"]},
        {"user_id": 2, "status": "Active"}, {"name": "nobody"}, "x",
        {"user_id": "u5", "status": "Deleted", "roles": "Learner", "name": None, "ext_user_username": "five"},
    ]  # fmt: skip
    found = members(runtime, host, f"{platform.base}/members?rlid=2&limit=5")
    assert [(one.user, one.active) for one in found] == [("u1", True), ("2", True), ("u5", False)]
    assert found[0].fields == {"name": "Ann", "email": "ann@lms.test"}
    assert found[2].fields == {"username": "five"}
    assert platform.calls[0].startswith("/members?rlid=2&limit=1000 ")
    assert "Cursor=AbC2" in platform.calls[1]


@pytest.mark.parametrize("link", ["http://127.0.0.2:9/members?Cursor=AbC{after}", "{base}/members?Cursor=AbC0"])
def test_a_page_elsewhere_or_in_circles_is_not_followed(
    runtime: Runtime, platform: Platform, host: Host, link: str
) -> None:
    platform.people, platform.link = [{"user_id": f"u{n}"} for n in range(9)], link
    with pytest.raises(ServiceTrouble):
        members(runtime, host, f"{platform.base}/members")
    assert len(platform.calls) <= 2
