"""Hints from Moodle: signed as Standard Webhooks, or the raw events that webhook plugins post with a token or an HMAC.

Core Moodle sends nothing. Totara, a relative of Moodle's, sends the same events.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from plugin.hosts.port import Hint, Locked, Refused

_HMAC = ("x-totara-signature", "x-moodle-signature", "x-hub-signature-256", "x-signature")
_LONGEST = 255


def hear_event(secret: str, headers: Mapping[str, str], body: bytes) -> list[Hint]:
    """Verify and translate one posted event.

    :raises Locked: when neither a token nor a signature fits. :raises Refused: when it is no event that matters.
    """
    try:
        document = json.loads(body)
    except ValueError:
        raise Refused("This message is not JSON.") from None
    if not isinstance(document, dict):
        raise Refused("This message is not an event.")
    if not _authentic(secret, headers, body, document):
        raise Locked("Neither a token nor a signature of this message fits.")
    inner = document.get("body")
    event: Mapping[str, Any] = inner if isinstance(inner, dict) else document
    name = str(event.get("eventname") or document.get("event") or "").rsplit("\\", 1)[-1]
    key = hashlib.sha256(json.dumps(event, sort_keys=True).encode()).hexdigest()
    return [Hint(kind, (ident,), f"{key}:{kind}") for kind, ident in _named(name, event)]


def _authentic(secret: str, headers: Mapping[str, str], body: bytes, document: Mapping[str, Any]) -> bool:
    lowered = {name.lower(): value for name, value in headers.items()}
    keys = [one.strip() for one in secret.split(",") if one.strip()]
    tokens = [str(document.get("token") or ""), lowered.get("authorization", "").removeprefix("Bearer ")]
    signatures = [lowered.get(name, "").removeprefix("sha256=").lower() for name in _HMAC]
    fits = False
    for key in keys:
        signed = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
        fits |= any(hmac.compare_digest(one.encode(), key.encode()) for one in tokens if one)
        fits |= any(hmac.compare_digest(one.encode(), signed.encode()) for one in signatures if one)
    return fits


def _pair(first: str, second: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda event: f"{event.get(first)}:{event.get(second)}"


def _one(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda event: str(event.get(name))


def _named(name: str, event: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    for start, kind, ident_of in _EVENTS:
        if name.startswith(start):
            found.append((kind, ident_of(event)))
    if not found:
        raise Refused(f"Nothing follows from the event '{name[:80]}'.")
    for _kind, ident in found:
        if "None" in ident or len(ident) > _LONGEST:
            raise Refused("This event does not say whom it is about.")
    return found


_EVENTS: tuple[tuple[str, str, Callable[[Mapping[str, Any]], str]], ...] = (
    ("user_created", "people", _one("objectid")),
    ("user_created", "jobs", lambda event: f"p:{event.get('objectid')}"),
    ("user_updated", "people", _one("objectid")),
    ("user_updated", "jobs", lambda event: f"p:{event.get('objectid')}"),
    ("user_deleted", "people", _one("objectid")),
    ("user_suspended", "people", _one("objectid")),
    ("user_unsuspended", "people", _one("objectid")),
    ("cohort_created", "audiences", _one("objectid")),
    ("cohort_updated", "audiences", _one("objectid")),
    ("cohort_deleted", "audiences", _one("objectid")),
    ("cohort_member_", "members", _pair("objectid", "relateduserid")),
    ("course_created", "courses", _one("objectid")),
    ("course_updated", "courses", _one("objectid")),
    ("course_deleted", "courses", _one("objectid")),
    ("course_completed", "completions", _pair("relateduserid", "courseid")),
    ("course_completion_updated", "courses", _one("courseid")),
    ("user_enrolment_", "enrolments", _pair("relateduserid", "courseid")),
)
