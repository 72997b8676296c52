"""Events that plugins of a Moodle post: verified, translated, and nothing in them believed."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from plugin.hosts.moodle.moodle_hints import hear_event
from plugin.hosts.port import Locked, Refused

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def heard(event: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    body = json.dumps({**event, "token": SECRET, **more}).encode()
    return [(hint.kind, hint.ids[0]) for hint in hear_event(SECRET, {}, body)]


@pytest.mark.parametrize(
    ("name", "fields", "hints"),
    [
        ("user_updated", {"objectid": 7}, [("people", "7"), ("jobs", "p:7")]),
        ("user_created", {"objectid": "7"}, [("people", "7"), ("jobs", "p:7")]),
        ("user_deleted", {"objectid": 7}, [("people", "7")]),
        ("cohort_member_added", {"objectid": 3, "relateduserid": 7}, [("members", "3:7")]),
        ("cohort_member_removed", {"objectid": 3, "relateduserid": 7}, [("members", "3:7")]),
        ("cohort_updated", {"objectid": 3}, [("audiences", "3")]),
        ("course_updated", {"objectid": 2}, [("courses", "2")]),
        ("course_completed", {"objectid": 9, "relateduserid": 7, "courseid": 2}, [("completions", "7:2")]),
        ("user_enrolment_created", {"relateduserid": 7, "courseid": 2}, [("enrolments", "2:7")]),
    ],
)
def test_an_event_names_what_to_look_at_again(name: str, fields: dict[str, Any], hints: list[tuple[str, str]]) -> None:
    assert heard({"eventname": f"\\core\\event\\{name}", **fields}) == hints


def test_the_event_may_stand_inside_as_a_relative_of_moodles_sends_it() -> None:
    event = {"eventname": "\\core\\event\\user_updated", "objectid": 7}
    body = json.dumps({"attempt": 1, "event": "\\core\\event\\user_updated", "time_sent": 5, "body": event}).encode()
    again = json.dumps({"attempt": 2, "event": "\\core\\event\\user_updated", "time_sent": 9, "body": event}).encode()

    def signed(sent: bytes) -> dict[str, str]:
        return {"X-Totara-Signature": hmac.new(SECRET.encode(), sent, hashlib.sha256).hexdigest()}

    first, second = (hear_event(SECRET, signed(one), one, now=10) for one in (body, again))
    assert first == second
    assert [hint.kind for hint in first] == ["people", "jobs"]
    with pytest.raises(Locked):
        hear_event(SECRET, signed(body), again)


@pytest.mark.parametrize("token", ["", "whsec_", SECRET + "x", "é"])
def test_a_token_that_does_not_fit_opens_nothing(token: str) -> None:
    with pytest.raises(Locked):
        heard({"eventname": "\\core\\event\\user_updated", "objectid": 7}, token=token)


def test_while_a_secret_is_changed_both_open() -> None:
    body = json.dumps({"eventname": "\\core\\event\\user_updated", "objectid": 7, "token": "old"}).encode()
    assert hear_event("new,old", {}, body)
    assert hear_event("old", {"Authorization": "Bearer old"}, body)
    with pytest.raises(Locked):
        hear_event("", {}, body)


@pytest.mark.parametrize(
    "event",
    [
        {"eventname": "\\core\\event\\user_loggedin", "objectid": 7}, {"eventname": "\\core\\event\\user_updated"}, {},
        {"eventname": "\\core\\event\\user_updated", "objectid": "7" * 300}, {"eventname": None, "objectid": 1},
    ],
)  # fmt: skip
def test_what_says_nothing_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        heard(event)
