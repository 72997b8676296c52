"""The sandbox as an LTI platform, and its pages."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from html import unescape
from typing import Any

import jwt
import pytest
import requests

from tests.live import Sandbox, serve_sandbox

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One for all: nothing here changes its world."""
    with serve_sandbox(tmp_path_factory.mktemp("sandbox")) as found:
        yield found


def _fields(page: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', page)}


def _authorise(sandbox: Sandbox, role: str = "administrator", **changed: str) -> requests.Response:
    started = requests.get(f"{sandbox.base}/lti/start", params={"person": "U-1", "role": role}, timeout=5)
    given = _fields(started.text)
    asked = {
        "scope": "openid", "response_type": "id_token", "response_mode": "form_post", "prompt": "none",
        "client_id": given["client_id"], "redirect_uri": given["target_link_uri"], "nonce": "n-1", "state": "s-1",
        "login_hint": given["login_hint"], "lti_message_hint": given["lti_message_hint"], **changed,
    }  # fmt: skip
    return requests.get(f"{sandbox.base}/lti/auth", params=asked, timeout=5)


def _claims(sandbox: Sandbox, answer: requests.Response) -> dict[str, Any]:
    token = _fields(answer.text)["id_token"]
    key = jwt.PyJWKClient(sandbox.connection["jwks_url"]).get_signing_key_from_jwt(token)
    found: dict[str, Any] = jwt.decode(
        token,
        key.key,
        algorithms=["RS256"],
        audience=sandbox.connection["client_id"],
        issuer=sandbox.connection["issuer"],
    )
    return found


def test_a_login_ends_in_a_signed_launch_that_lasts_a_minute(sandbox: Sandbox) -> None:
    answer = _authorise(sandbox)
    claims = _claims(sandbox, answer)
    assert _fields(answer.text)["state"] == "s-1"
    assert (claims["sub"], claims["nonce"], claims["exp"] - claims["iat"]) == ("U-1", "n-1", 60)
    assert abs(claims["iat"] - time.time()) < 5
    assert claims[CLAIM + "version"] == "1.3.0"
    assert claims[CLAIM + "deployment_id"] == sandbox.connection["deployment"]


@pytest.mark.parametrize(
    ("role", "ending"),
    [("administrator", "#Administrator"), ("teacher", "#Instructor"), ("learner", "#Learner"), ("manager", "#Learner")],
)
def test_a_launch_carries_the_role_chosen(sandbox: Sandbox, role: str, ending: str) -> None:
    roles = _claims(sandbox, _authorise(sandbox, role))[CLAIM + "roles"]
    assert all(one.endswith(ending) for one in roles)
    assert roles


@pytest.mark.parametrize(
    "changed", [{"redirect_uri": "http://localhost:9/elsewhere"}, {"client_id": "x"}, {"nonce": ""}, {"scope": "x"}]
)
def test_an_authorisation_that_does_not_fit_is_refused(sandbox: Sandbox, changed: dict[str, str]) -> None:
    assert _authorise(sandbox, **changed).status_code == 400


def test_names_and_roles_need_a_token(sandbox: Sandbox) -> None:
    assert requests.get(f"{sandbox.base}/lti/members/c1", timeout=5).status_code == 401
    asked = {"grant_type": "client_credentials", "client_assertion": "x", "scope": "y"}
    assert requests.post(sandbox.connection["token_url"], data=asked, timeout=5).status_code == 400


def test_registration_needs_a_token_that_serves_once(sandbox: Sandbox) -> None:
    opened = requests.get(f"{sandbox.base}/lti/register-tool", timeout=5, allow_redirects=False)
    given = opened.headers["Location"].partition("registration_token=")[2]
    url, headers = f"{sandbox.base}/lti/registration", {"Authorization": f"Bearer {given}"}
    asked = {"jwks_uri": "http://localhost:9/jwks", "redirect_uris": ["http://localhost:9/launch"]}
    assert requests.post(url, json=asked, headers=headers, timeout=5).json()["client_id"]
    assert requests.post(url, json=asked, headers=headers, timeout=5).status_code == 401


@pytest.mark.parametrize(
    "path",
    ["/", "/?q=Sam", "/courses", "/courses/c1", "/courses/c1?page=x", "/inbox/U-1", "/world?person=U-1",
     "/muster/administrator/U-1", "/tools", "/tools?url=http://localhost:9/lti/register"],
)  # fmt: skip
def test_pages_open_without_scripts_or_styles_of_their_own(sandbox: Sandbox, path: str) -> None:
    answer = requests.get(sandbox.base + path, timeout=5)
    assert answer.status_code == 200
    assert "<h1>" in answer.text
    assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", answer.text)


@pytest.mark.parametrize(
    ("act", "asked"),
    [("suspend", {"person": "U-nobody"}), ("move", {"person": "U-nobody"}), ("lie", {"lie": "white"}),
     ("mood", {"mood": "blue"}), ("field", {"person": "U-1"}), ("garden", {})],
)  # fmt: skip
def test_a_change_that_cannot_be_is_refused_in_a_sentence(sandbox: Sandbox, act: str, asked: dict[str, str]) -> None:
    answer = requests.post(f"{sandbox.base}/world/{act}", json=asked, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["detail"].endswith(".")


def test_units_know_how_many_people_they_hold(sandbox: Sandbox) -> None:
    units = {row["id"]: row for row in sandbox.get("units?kind=organisation")}
    for ident in ("ORG-1", "ORG-3"):
        assert len(sandbox.get(f"people?unit={ident}")) == units[ident]["direct"]
        assert len(sandbox.get(f"people?unit={ident}&below=1")) == units[ident]["below"]
    assert requests.get(f"{sandbox.base}/world/log?after=x", timeout=5).status_code == 200
