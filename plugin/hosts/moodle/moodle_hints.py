"""Hints from Moodle: signed as Standard Webhooks, or the raw events that webhook plugins post with a token or an HMAC.

Core Moodle sends nothing. Totara, a relative of Moodle's, sends the same events.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from plugin.core.clock import Clock
from plugin.core.text.stored import later
from plugin.hosts.port import Hint, Locked, Refused

_HMAC = ("x-totara-signature", "x-moodle-signature", "x-hub-signature-256", "x-signature")
TOLERANCE = 300
"""Seconds a message that says when it was sent may be old, or ahead."""
_LONGEST = 255


def hear_event(
    secret: str, headers: Mapping[str, str], body: bytes, *, now: int | None = None, generic: bool = False
) -> list[Hint]:
    """Verify and translate one posted event. A hint without ids says: look at what changed of this kind.

    :param now: the true time, epoch seconds. :param generic: the host's records are not named as a Moodle names them.
    :raises Locked: when neither a token nor a signature fits, or the event was sent too long ago.
    :raises Refused: when it is no event that matters.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not _authentic(secret, headers, body, document if isinstance(document, dict) else {}):
        raise Locked("Neither a token nor a signature of this message fits.")
    if not isinstance(document, dict):
        raise Refused("This message is not an event.")
    if _stale(document.get("time_sent"), Clock().true() if now is None else now):
        raise Locked("This message was sent too long ago, or its clock is wrong.")
    inner = document.get("body")
    event: Mapping[str, Any] = inner if isinstance(inner, dict) else document
    name = str(event.get("eventname") or document.get("event") or "").rsplit("\\", 1)[-1]
    key = _key(document)
    return [Hint(kind, ids, f"{key}:{kind}") for kind, ids in _named(name, event, generic=generic)]


def _stale(sent: Any, now: int) -> bool:
    """Whether a message that says when it was sent, each attempt anew, is one of long ago that somebody kept."""
    text = str(sent) if isinstance(sent, int | str) and not isinstance(sent, bool) else ""
    return text.isascii() and text.isdigit() and len(text) < 15 and abs(now - int(text)) > TOLERANCE


def _key(document: Mapping[str, Any]) -> str:
    """The same for every attempt at one event, another for the next event that reads alike."""
    lasting = {name: value for name, value in document.items() if name not in ("attempt", "time_sent", "token")}
    return hashlib.sha256(json.dumps(lasting, sort_keys=True).encode()).hexdigest()


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


def _one(name: str, before: str = "") -> Callable[[Mapping[str, Any]], str]:
    return lambda event: f"{before}{event.get(name)}"


def _named(name: str, event: Mapping[str, Any], *, generic: bool) -> list[tuple[str, tuple[str, ...]]]:
    found: list[tuple[str, tuple[str, ...]]] = []
    for start, kind, ident_of, alike in _EVENTS:
        if name.startswith(start) and (not generic or (kind, alike) != ("jobs", None)):
            known = ident_of is not None and (alike or not generic)
            found.append((kind, (ident_of(event),) if known and ident_of is not None else ()))
    if not found:
        raise Refused(later("Nothing follows from the event '%(name)s'.", name=name[:80]))
    for _kind, ids in found:
        if any("None" in one or len(one) > _LONGEST for one in ids):
            raise Refused("This event does not say whom it is about.")
    return found


_EVENTS: tuple[tuple[str, str, Callable[[Mapping[str, Any]], str] | None, bool | None], ...] = (
    ("user_created", "people", _one("objectid"), True),
    ("user_created", "jobs", _one("objectid", "p:"), None),
    ("user_updated", "people", _one("objectid"), True),
    ("user_updated", "jobs", _one("objectid", "p:"), None),
    ("user_deleted", "people", _one("objectid"), True),
    ("user_suspended", "people", _one("objectid"), True),
    ("user_unsuspended", "people", _one("objectid"), True),
    ("job_assignment_", "jobs", _one("relateduserid", "p:"), False),
    ("organisation_", "units", None, False),
    ("position_", "units", None, False),
    ("cohort_created", "audiences", _one("objectid"), True),
    ("cohort_updated", "audiences", _one("objectid"), True),
    ("cohort_deleted", "audiences", _one("objectid"), True),
    ("cohort_member_", "members", _pair("objectid", "relateduserid"), False),
    ("members_updated", "members", None, False),
    ("course_created", "courses", _one("objectid"), True),
    ("course_updated", "courses", _one("objectid"), True),
    ("course_deleted", "courses", _one("objectid"), True),
    ("course_completed", "completions", _pair("relateduserid", "courseid"), False),
    ("course_completion_updated", "courses", _one("courseid"), True),
    ("user_enrolment_", "enrolments", _pair("courseid", "relateduserid"), False),
)
"""The beginning of an event's name, the kind of record it is about, how a Moodle names the record, and whether every
host does; ``None``: a record only a Moodle has (the one job of somebody without jobs)."""
