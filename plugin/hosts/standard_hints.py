"""Hints in the words of the host API, for every dialect whose host may sign as Standard Webhooks says."""

from __future__ import annotations

import json

from plugin.hosts.port import Hint, Refused

_LONGEST_ID = 255
_HINTS = {
    "person.changed": "people", "unit.changed": "units", "job.changed": "jobs", "audience.changed": "audiences",
    "member.changed": "members", "course.changed": "courses", "completion.changed": "completions",
    "enrolment.changed": "enrolments", "host.resync": "all",
    **{f"user.{verb}": "people" for verb in ("created", "updated", "suspended", "deleted")},
    **{f"unit.{verb}": "units" for verb in ("created", "updated", "moved", "deleted")},
    **{f"job.{verb}": "jobs" for verb in ("created", "updated", "deleted")},
    **{f"audience.{verb}": "audiences" for verb in ("created", "updated", "deleted")},
    **{f"course.{verb}": "courses" for verb in ("created", "updated", "deleted")},
    "audience.member_added": "members", "audience.member_removed": "members",
    "course.completed": "completions", "course.completion_reset": "completions",
    "enrolment.created": "enrolments", "enrolment.removed": "enrolments",
}  # fmt: skip
"""Types of hints, the short names and the full ones of the event vocabulary (``reference/hosts.md`` §12.1)."""


def hear_standard(message_id: str, body: bytes) -> list[Hint]:
    """Translate a hint whose signature was verified (HOST-API, "Hints"); without ids it is about all of its kind.

    :raises Refused: when it is not understood.
    """
    try:
        document = json.loads(body)
        kind, data = _HINTS[document["type"]], document.get("data") or {}
        ids = data.get("ids") if kind != "all" else []
        if ids is None:
            ids = [data["id"]] if data.get("id") is not None else []
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Refused("This message is not a hint that Muster understands.") from None
    if not isinstance(ids, list) or not all(isinstance(one, str) and 0 < len(one) <= _LONGEST_ID for one in ids):
        raise Refused("The ids of a hint are a list of strings of 1 to 255 characters.")
    return [Hint(kind, tuple(dict.fromkeys(ids)), message_id)]
