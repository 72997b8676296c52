"""Our signatures before a verifier written from the specification alone, and its signatures before ours."""

from __future__ import annotations

import base64
import secrets
from dataclasses import replace

import pytest

from plugin.core.clock import Clock
from plugin.core.network.signing import BadSignature, signed_headers, verify
from plugin.core.runtime import Runtime
from plugin.delivery.endpoints.subscriptions import rotate
from plugin.jobs.event_sender import send_events
from tests.delivery.endpoints import (
    HOST,
    a_host,
    happen,
    independent_signature,
    independently_verified,
    receiving,
    subscribe,
)

NEW = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
OLD = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
BODY = '{"type":"learner.enrolled","data":{"name":"Zoë \u2603"}}'


def lowered(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def test_the_example_of_the_specification_verifies() -> None:
    """The key, message and signature that the specification and the libraries of others publish."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert independent_signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == signature


def test_ours_are_accepted_elsewhere_under_each_secret_of_a_rotation() -> None:
    now = Clock().true()
    headers = lowered(signed_headers(f"{NEW},{OLD}", "msg_1", BODY, at=now))
    for secret in (NEW, OLD):
        assert independently_verified(secret, headers, BODY.encode(), now)
    assert not independently_verified("whsec_" + base64.b64encode(b"x" * 32).decode(), headers, BODY.encode(), now)


@pytest.mark.parametrize("skew", [-290, 0, 290])
def test_theirs_are_accepted_here_within_five_minutes_of_skew(skew: int) -> None:
    at = Clock().true() + skew
    headers = {"Webhook-Id": "m.7".replace(".", "_"), "Webhook-Timestamp": str(at),
               "Webhook-Signature": independent_signature(NEW, "m_7", at, BODY.encode())}  # fmt: skip
    assert verify(NEW, headers, BODY.encode()) == "m_7"
    assert verify(f"{OLD},{NEW}", headers, BODY.encode()) == "m_7"


@pytest.mark.parametrize("beside", ["v1,A", "v1", "v1a,one,two", "v2,x", " ", "v1,\u00e9"])
def test_a_signature_that_fits_counts_whatever_stands_beside_it(beside: str) -> None:
    at = Clock().true()
    good = independent_signature(NEW, "m", at, BODY.encode())
    for both in (f"{beside} {good}", f"{good} {beside}"):
        headers = {"webhook-id": "m", "webhook-timestamp": str(at), "webhook-signature": both}
        assert verify(f"{OLD},{NEW}", headers, BODY.encode()) == "m"


@pytest.mark.parametrize("skew", [-310, 310, -86_400, 10**9])
def test_theirs_are_refused_when_stale_or_from_the_future(skew: int) -> None:
    at = Clock().true() + skew
    headers = {"webhook-id": "m", "webhook-timestamp": str(at),
               "webhook-signature": independent_signature(NEW, "m", at, BODY.encode())}  # fmt: skip
    with pytest.raises(BadSignature):
        verify(NEW, headers, BODY.encode())


def test_what_was_tampered_with_is_refused_on_both_sides() -> None:
    now = Clock().true()
    good = lowered(signed_headers(NEW, "msg_1", BODY, at=now))
    bodies = (BODY + " ", BODY.replace("enrolled", "withdrawn"), "")
    changed = [(good, body) for body in bodies]
    changed += [(good | {"webhook-id": "msg_2"}, BODY), (good | {"webhook-timestamp": str(now - 1)}, BODY)]
    changed += [(good | {"webhook-signature": one}, BODY) for one in
                ("", "v1,", "v1", "v1a," + good["webhook-signature"][3:], good["webhook-signature"][:-2],
                 "v2," + good["webhook-signature"][3:], "v1,%%%", "v1,\u00e9", "x" * 5000)]  # fmt: skip
    changed += [({name: value for name, value in good.items() if name != missing}, BODY) for missing in
                ("webhook-id", "webhook-timestamp", "webhook-signature")]  # fmt: skip
    for headers, body in changed:
        assert not independently_verified(NEW, headers, body.encode(), now)
        with pytest.raises(BadSignature):
            verify(NEW, headers, body.encode())


def test_a_secret_rotated_in_mid_flight_loses_no_message(runtime: Runtime) -> None:
    """The receiver knows the old secret until it takes over the new one; each attempt is signed with both meanwhile."""
    a_host(runtime)
    known: list[str] = []
    with receiving() as careful:
        careful.judge = lambda got: (
            204
            if any(independently_verified(one, got.headers, got.body, runtime.clock.true()) for one in known)
            else 401
        )
        number, old = subscribe(runtime, careful.url)
        known.append("whsec_" + base64.b64encode(b"something else, long").decode())
        happen(runtime)
        send_events(runtime, HOST)
        assert len(careful.taken()) == 0
        new = rotate(runtime, HOST, number, overlap=3600, form="r", who="Sam")
        assert new is not None
        for receiver_knows, wait, taken in ((old, 10, True), (new, 320, True), (old, 3700, False), (new, 8000, True)):
            known[:] = [receiver_knows]
            before = len(careful.got)
            now = replace(runtime, clock=Clock(runtime.clock.now() + wait))
            happen(now, person=wait)
            send_events(now, HOST)
            assert len(careful.got) > before
            assert (careful.judge(careful.got[-1]) == 204) is taken, wait
        assert careful.got[1].headers["webhook-signature"].count("v1,") == 2
        assert careful.got[-1].headers["webhook-signature"].count("v1,") == 1
