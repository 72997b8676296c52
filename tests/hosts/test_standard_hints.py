"""The generic host hears its own hints, the full names of the vocabulary, and what Totara and plugins of Moodle post."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from plugin.core.clock import Clock
from plugin.core.network.http import Outbound
from plugin.core.network.signing import signed_headers
from plugin.hosts.port import ConnectionSpec, Hint, Locked, Refused
from plugin.hosts.webhook import WebhookHost

STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOTARA = "Zk3!qLw9_vT2xRb7YpMn4HsD"  # 24 characters of its own kind


def host(secret: str) -> WebhookHost:
    return WebhookHost(ConnectionSpec("acme", "webhook", hooks_secret=secret), Outbound(allow_private=True), Clock())


def totara(
    event: str, fields: dict[str, Any], *, skew: int = 0, created: int = 0, secret: str = TOTARA, attempt: int = 1
) -> tuple[dict[str, str], bytes]:
    """A message as Totara 19.1 posts it (help page "Webhook delivery")."""
    body = json.dumps({"attempt": attempt, "body": {"eventname": event, **fields}, "event": event,
                       "time_created": 1795000000 + created, "time_sent": Clock().true() + skew, "webhook_id": 3}).encode()  # fmt: skip
    return {"X-Totara-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}, body


def standard(kind: str, data: Any) -> list[Hint]:
    body = json.dumps({"type": kind, "timestamp": "2027-01-01T00:00:00Z", "data": data})
    return host(STANDARD).hear(signed_headers(STANDARD, "m1", body, at=Clock().true()), body.encode())


@pytest.mark.parametrize(
    ("kind", "data", "hint"),
    [
        ("person.changed", {"ids": ["U-1", "U-1", "U-2"]}, ("people", ("U-1", "U-2"))),
        ("user.updated", {"id": "U-1"}, ("people", ("U-1",))),
        ("user.deleted", {"ids": ["U-1"], "why": "left"}, ("people", ("U-1",))),
        ("unit.moved", {"id": "org-4"}, ("units", ("org-4",))),
        ("audience.member_added", {"id": "m-9"}, ("members", ("m-9",))),
        ("course.completed", {}, ("completions", ())),
        ("enrolment.removed", {"id": "e-1"}, ("enrolments", ("e-1",))),
        ("host.resync", None, ("all", ())),
    ],
)
def test_both_names_of_a_hint_are_understood(kind: str, data: Any, hint: tuple[str, tuple[str, ...]]) -> None:
    (found,) = standard(kind, data)
    assert (found.kind, tuple(found.ids), found.key) == (*hint, "m1")


@pytest.mark.parametrize(
    "data", [{"ids": [""]}, {"ids": [7]}, {"id": 7}, {"ids": "U-1"}, [], "x", {"ids": ["x" * 256]}]
)
def test_what_is_no_list_of_ids_is_refused(data: Any) -> None:
    if data == []:
        assert standard("user.updated", data)[0].ids == ()
    else:
        with pytest.raises(Refused):
            standard("user.updated", data)


@pytest.mark.parametrize(
    ("event", "fields", "hints"),
    [
        ("\\core\\event\\user_updated", {"objectid": 7}, [("people", ("7",))]),
        ("\\totara_job\\event\\job_assignment_updated", {"objectid": 4, "relateduserid": 7}, [("jobs", ())]),
        ("\\hierarchy_organisation\\event\\organisation_moved", {"objectid": 4}, [("units", ())]),
        ("\\hierarchy_position\\event\\position_deleted", {"objectid": 4}, [("units", ())]),
        ("\\core\\event\\cohort_member_added", {"objectid": 4, "relateduserid": 7}, [("members", ())]),
        ("\\core\\event\\course_completed", {"relateduserid": 7, "courseid": 2}, [("completions", ())]),
        ("\\core\\event\\user_enrolment_deleted", {"relateduserid": 7, "courseid": 2}, [("enrolments", ())]),
    ],
)
def test_totaras_events_are_hints(event: str, fields: dict[str, Any], hints: list[Any]) -> None:
    assert [(one.kind, tuple(one.ids)) for one in host(TOTARA).hear(*totara(event, fields))] == hints


def test_attempts_at_one_event_are_one_and_the_next_event_that_reads_alike_is_another() -> None:
    event, fields = "\\core\\event\\user_updated", {"objectid": 7}
    first = host(TOTARA).hear(*totara(event, fields))
    again = host(TOTARA).hear(*totara(event, fields, skew=60, attempt=2))
    other = host(TOTARA).hear(*totara(event, fields, created=1))
    assert first == again
    assert first[0].key != other[0].key


@pytest.mark.parametrize("skew", [-310, 310, -86_400])
def test_a_recorded_message_of_totara_is_refused_when_it_is_stale(skew: int) -> None:
    with pytest.raises(Locked):
        host(TOTARA).hear(*totara("\\core\\event\\user_updated", {"objectid": 7}, skew=skew))


def test_a_tampered_or_unsigned_event_is_refused_whatever_it_says() -> None:
    headers, body = totara("\\core\\event\\user_updated", {"objectid": 7})
    for broken_headers, broken in ((headers, body.replace(b"7", b"8")), ({}, body), ({}, b"nonsense"), ({}, b"[" * 90_000),
                                   ({"X-Totara-Signature": "\u00e9"}, body)):  # fmt: skip
        with pytest.raises(Locked):
            host(TOTARA).hear(broken_headers, broken)


def test_a_plugins_token_opens_where_it_is_the_secret() -> None:
    body = json.dumps({"eventname": "\\core\\event\\user_updated", "objectid": 7, "token": TOTARA}).encode()
    assert [one.kind for one in host(TOTARA).hear({}, body)] == ["people"]


def test_two_kinds_of_secret_may_hold_beside_each_other() -> None:
    both = host(f"{TOTARA},{STANDARD}")
    body = '{"type": "user.updated", "data": {"id": "U-1"}}'
    assert both.hear(signed_headers(STANDARD, "m1", body, at=Clock().true()), body.encode())
    assert both.hear(*totara("\\core\\event\\user_updated", {"objectid": 7}))
