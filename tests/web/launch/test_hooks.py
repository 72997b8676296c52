"""Hints are verified, stored and answered; nothing else happens while the host waits."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from standardwebhooks import Webhook

from plugin.app import create_app
from plugin.core.runtime import Runtime
from plugin.mirror.connections.store import NewHost, add_host
from plugin.mirror.tables import StoredHint
from tests.in_turn import in_turn

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PLACES = {f"{place}_url": f"https://lms.test/{place}" for place in ("auth", "token", "jwks", "api", "webhook")}


@pytest.fixture
def client(runtime: Runtime) -> FlaskClient:
    new = NewHost("acme", "https://lms.test", "c", "1", webhook_secret=SECRET, api_token="t", **PLACES)
    runtime.db.transact(lambda session: add_host(session, new, runtime.clock.now()))
    return create_app(runtime).test_client()


def send(client: FlaskClient, body: Any, *, name: str = "acme", key: str = "m1", secret: str = SECRET) -> int:
    text = body if isinstance(body, str) else json.dumps(body)
    now = datetime.now(UTC)
    headers = {
        "webhook-id": key,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(key, now, text),
    }
    return client.post(f"/hooks/{name}", data=text, headers=headers).status_code


def stored(runtime: Runtime) -> int:
    with runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(StoredHint)) or 0


HINT = {"type": "person.changed", "timestamp": "2027-01-01T00:00:00Z", "data": {"ids": ["U-1", "U-2"]}}


def test_a_signed_hint_is_stored_and_a_repeated_one_only_once(client: FlaskClient, runtime: Runtime) -> None:
    assert send(client, HINT) == 202
    first = stored(runtime)
    assert first >= 1
    assert send(client, HINT) == 202
    assert stored(runtime) == first


def test_who_cannot_sign_is_refused_the_same_way_for_every_name(client: FlaskClient, runtime: Runtime) -> None:
    other = "whsec_" + "A" * 32
    assert send(client, HINT, secret=other) == 401
    assert send(client, HINT, name="nobody") == 401
    assert client.post("/hooks/acme", data=json.dumps(HINT)).status_code == 401
    for hostile in ("", "v1", "v1,", "v1,%%%", "v1,\u00e9", "v9,AAAA", "x" * 5000):
        headers = {"webhook-id": "m", "webhook-timestamp": "not a time", "webhook-signature": hostile}
        assert client.post("/hooks/acme", data="{}", headers=headers).status_code == 401
    assert stored(runtime) == 0


@in_turn("body", ["", "[]", "nonsense", '{"type": "weather.changed"}', '{"type": 7, "data": {}}',
                                  '{"type": "person.changed", "data": {"ids": "U-1"}}'])  # fmt: skip
def test_what_is_not_understood_is_said_so(client: FlaskClient, runtime: Runtime, body: str) -> None:
    assert send(client, body) == 400
    assert stored(runtime) == 0


def test_a_message_that_is_too_large_is_refused_before_it_is_read(client: FlaskClient) -> None:
    assert client.post("/hooks/acme", data="x" * (1024 * 1024 + 1)).status_code == 400


def test_a_database_that_does_not_answer_asks_the_host_to_send_again(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plugin.core.errors import Unavailable
    from plugin.web.launch import hooks

    def away(*_arguments: object) -> int:
        raise Unavailable("The database is busy.")

    monkeypatch.setattr(hooks, "store", away)
    assert send(client, HINT) == 503


def test_a_database_that_others_hold_is_answered_503_soon(client: FlaskClient, runtime: Runtime) -> None:
    """Somebody else's transaction holds what a hint is written to; the host waits three seconds, not minutes."""
    import time

    from plugin.core.ids import take_ids
    from plugin.mirror.hints import receiving

    hints_storing, receiving.STORING = receiving.STORING, 1
    try:
        with runtime.db.write() as session:
            take_ids(session, 1, "hint")
            began = time.monotonic()
            assert send(client, HINT) == 503
            assert time.monotonic() - began < 5
    finally:
        receiving.STORING = hints_storing
    assert send(client, HINT) == 202


def test_what_totara_and_plugins_post_is_taken_on_the_same_address(client: FlaskClient, runtime: Runtime) -> None:
    import hashlib
    import hmac
    import time

    now = int(time.time())
    event = {"eventname": "\\core\\event\\user_updated", "objectid": 7}
    for attempt in (1, 2):
        body = json.dumps({"attempt": attempt, "body": event, "event": event["eventname"], "time_created": now - 90,
                           "time_sent": now - 60 + attempt, "webhook_id": 3})  # fmt: skip
        signature = hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).hexdigest()
        answer = client.post("/hooks/acme", data=body, headers={"X-Totara-Signature": signature})
        assert answer.status_code == 202
    assert stored(runtime) == 1
    assert client.post("/hooks/acme", data=json.dumps({**event, "token": SECRET})).status_code == 202
    assert client.post("/hooks/acme", data=json.dumps({**event, "token": "no"})).status_code == 401
    assert stored(runtime) == 2
