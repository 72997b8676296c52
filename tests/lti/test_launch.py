"""What a platform may send, and what not: the table of known weaknesses and the certification's bad payloads."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from plugin.core.runtime import Runtime
from plugin.lti.errors import LtiRejected
from plugin.lti.keysets import KeySets
from plugin.lti.launch import find_login, use_up, verify_launch
from plugin.lti.login import begin_login
from plugin.lti.roles import is_administrator
from tests.in_turn import in_turn
from tests.lti.conftest import CLIENT, ISSUER, KEYS, Site, claims, public

NOW = int(time.time())
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"


def begin(made: Runtime, **changes: str) -> tuple[str, str]:
    asked = {
        "iss": ISSUER,
        "login_hint": "h",
        "target_link_uri": f"{made.settings.base_url}/lti/launch",
        "client_id": CLIENT,
    }
    begun = begin_login(made, {**asked, **changes})
    query = parse_qs(urlsplit(begun.address).query)
    assert query["response_mode"] == ["form_post"]
    assert query["redirect_uri"] == [f"{made.settings.base_url}/lti/launch"]
    return begun.state, query["nonce"][0]


def launch(made: Runtime, keysets: KeySets, *, key: str = "k1", headers: Any = None, alg: str = "RS256", token: str | None = None, **changes: Any) -> Any:  # fmt: skip
    state, nonce = begin(made)
    for name in changes.keys() & {"exp", "iat"}:  # times are told from NOW, which was when the tests were collected
        if changes[name] and changes[name] > 10**6:
            changes[name] += int(time.time()) - NOW
    body = claims(changes.pop("nonce", nonce), made.settings.base_url, **changes)
    secret: Any = KEYS[key] if alg.startswith("RS") else "s" * 64 if alg != "none" else None
    signed = token or jwt.encode(body, secret, algorithm=alg, headers={"kid": "k1"} if headers is None else headers)
    found = find_login(made, state)
    launched = verify_launch(made, keysets, found, signed)
    made.db.transact(lambda session: use_up(session, found))
    return launched


def test_a_good_launch_opens(made: Runtime, keysets: KeySets) -> None:
    launched = launch(made, keysets, name="Ada L")
    assert (launched.subject, launched.name, launched.issuer) == ("u1", "Ada L", ISSUER)
    assert is_administrator(launched.roles)


GOOD = [
    {"roles": []},
    {"roles": [f"{MEMBERSHIP}#Instructor", "Learner", "urn:unknown"]},
    {"aud": ["other", CLIENT], "azp": CLIENT},
    {"exp": NOW - 4},
    {"email": "only@mail.test"},
    {"context": {"id": "c"}},
]


@pytest.mark.parametrize("changes", GOOD, ids=", ".join)
def test_an_unusual_but_right_launch_opens(made: Runtime, keysets: KeySets, changes: dict[str, Any]) -> None:
    assert launch(made, keysets, **changes).subject == "u1"


BAD: list[dict[str, Any]] = [
    {"headers": {}},
    {"headers": {"kid": "zz"}},
    {"key": "k2"},
    {"version": "2.0"},
    {"version": None},
    {"token": "abc"},
    {"token": "a.b.c"},
    {"token": "x" * 70000},
    {"iss": None, "message_type": None, "deployment_id": None},
    {"exp": 22222, "iat": 11111},
    {"exp": NOW - 60},
    {"iat": NOW + 3600},
    {"exp": None},
    {"iat": None},
    {"iat": NOW - 31536000},
    {"exp": NOW + 315360000},
    {"message_type": None},
    {"message_type": "Foo"},
    {"roles": None},
    {"roles": "Learner"},
    {"deployment_id": None},
    {"deployment_id": "zz"},
    {"resource_link": None},
    {"resource_link": {}},
    {"resource_link": "x"},
    {"context": []},
    {"sub": None},
    {"sub": 7},
    {"aud": "other"},
    {"aud": [CLIENT, "other"]},
    {"aud": [CLIENT, "other"], "azp": "other"},
    {"aud": CLIENT, "azp": "other"},
    {"aud": []},
    {"aud": None},
    {"iss": "https://evil.test"},
    {"nonce": "bogus"},
    {"nonce": ""},
    {"target_link_uri": None},
    {"target_link_uri": "https://evil.test/x"},
    {"alg": "none"},
    {"alg": "HS256"},
    {"alg": "RS512"},
]


@in_turn("changes", BAD)
def test_a_wrong_launch_is_refused_with_a_sentence(made: Runtime, keysets: KeySets, changes: dict[str, Any]) -> None:
    with pytest.raises(LtiRejected) as refused:
        launch(made, keysets, **changes)
    assert 400 <= refused.value.status < 500
    assert refused.value.sentence.endswith(".")


def test_a_launch_opens_once(made: Runtime, keysets: KeySets) -> None:
    state, nonce = begin(made)
    token = jwt.encode(claims(nonce, made.settings.base_url), KEYS["k1"], algorithm="RS256", headers={"kid": "k1"})
    found = find_login(made, state)
    verify_launch(made, keysets, found, token)
    made.db.transact(lambda session: use_up(session, found))
    with pytest.raises(LtiRejected):
        find_login(made, state)
    with pytest.raises(LtiRejected):
        made.db.transact(lambda session: use_up(session, found))
    other, _nonce = begin(made)
    with pytest.raises(LtiRejected):
        verify_launch(made, keysets, find_login(made, other), token)


def test_a_rotated_key_is_found_with_one_more_look(made: Runtime, keysets: KeySets, site: Site) -> None:
    launch(made, keysets)
    site.keys = [public("k2")]
    before = site.reads
    assert launch(made, keysets, key="k2", headers={"kid": "k2"}).subject == "u1"
    assert site.reads == before + 1
    for _attempt in range(3):
        with pytest.raises(LtiRejected):
            launch(made, keysets, headers={"kid": "zz"})
    assert site.reads == before + 1  # another missing key makes none for a while


@pytest.mark.parametrize(
    ("status", "raw"),
    [(500, b'{"error": "x"}'), (200, b"<html>"), (200, b'{"keys": []}'), (200, b'{"keys": [{"kty": "RSA", "kid": "k1"}]}'),
     (200, b'{"keys": [{"kty": "oct", "kid": "k1", "k": "c2VjcmV0"}]}'), (200, b'[]')],
)  # fmt: skip
def test_a_bad_key_set_is_refused_and_not_kept(made: Runtime, site: Site, status: int, raw: bytes) -> None:
    now, before = [0.0], site.reads
    keysets = KeySets(made.http, lambda: now[0])
    site.status, site.raw = status, raw
    for _attempt in range(3):
        with pytest.raises(LtiRejected):
            launch(made, keysets)
    assert site.reads == before + 1  # it is not asked again at once: each look may take ten seconds
    site.status, site.raw = 200, None
    now[0] += 6
    assert launch(made, keysets).subject == "u1"


@pytest.mark.parametrize(
    "changes",
    [{"iss": ""}, {"login_hint": ""}, {"target_link_uri": "https://evil.test/"}, {"iss": "https://nobody.test"},
     {"client_id": "other"}, {"login_hint": "x" * 5000}],
)  # fmt: skip
def test_a_wrong_login_is_refused(made: Runtime, changes: dict[str, str]) -> None:
    with pytest.raises(LtiRejected):
        begin(made, **changes)


def test_a_login_without_a_client_is_let_in_where_only_one_is_known(made: Runtime) -> None:
    assert begin(made, client_id="")[0]


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (["http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator"], True),
        (["http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator"], True),
        ([f"{MEMBERSHIP}#Instructor"], False),
        ([f"{MEMBERSHIP}#Administrator"], False),
        (["Administrator"], False),
        ([], False),
    ],
)
def test_only_a_system_or_institution_role_makes_an_administrator(roles: list[str], expected: bool) -> None:
    assert is_administrator(roles) is expected
