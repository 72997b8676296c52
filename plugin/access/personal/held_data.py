"""What is held about a person, table by table: one list, which the export, the erasing and a test over all tables share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BY_PERSON: Mapping[str, tuple[str, ...]] = {
    "access_grant": ("person",), "account_key": ("person",), "api_token": ("owner_person",), "audience_member": ("person",),
    "brought": ("person",), "change": ("person",), "completion": ("person",), "course_reset": ("person",),
    "decision": ("person",), "decision_past": ("person",), "enrolment": ("person",), "event": ("person",),
    "exception": ("person",),
    "exemption": ("person",), "extension": ("person",), "extension_request": ("person",), "group_member": ("person",),
    "identity": ("person", "pinned", "former", "ghost"), "job": ("person",), "journal": ("person",),
    "launch_session": ("person",),
    "message": ("learner", "recipient"), "opened": ("person",), "overlay": ("person",), "person": ("id",),
    "person_key": ("person",), "record_proof": ("person",),
    "report_schedule": ("owner_person",), "report_sending": ("owner_person",),
    "score": ("person",), "seat": ("person",), "trace": ("person",),
    "waiting_change": ("person",),
}  # fmt: skip
"""Columns that hold our id of her."""

BY_SET = ("journal", "held", "enrolment_past", "learner_set", "report_sending", "source_rename", "stored_set", "wave")
"""Tables with sets of people: they hold numbers, and are kept."""

BY_NAME: Mapping[str, tuple[str, ...]] = {
    "data_problem": ("ext",), "drift": ("person",), "suspect": ("ext",), "hint": ("ids",),
    "draft": ("editor",), "saved_report": ("owner",), "preference": ("who",), "assignment": ("target",),
}  # fmt: skip
"""Columns that hold the host's id of her, or what she is called as a reader."""

SECRET = frozenset(
    {"shown", "api_token", "digest", "cookie_digest", "family", "request", "secret", "password", "private_pem"}
)
"""Columns that are given to nobody."""

FREE_TEXT: Mapping[str, tuple[str, ...]] = {
    "access_grant": ("reason",), "exemption": ("reason",), "extension_request": ("reason", "answer"),
    "journal": ("reason", "data"), "people_list": ("name",), "preference": ("value",),
    "report_schedule": ("name", "question", "reason"), "report_sending": ("name", "reason"),
    "saved_report": ("name", "question"), "source_load": ("reason", "plan", "files"), "version": ("reason",),
    "waiting_change": ("why",),
}  # fmt: skip
"""What people wrote, or chose to search for: looked through for her name, and shown for a decision."""

WHO: Mapping[str, tuple[str, ...]] = {
    "access_grant": ("who",), "api_token": ("who",), "decision": ("who",), "decision_past": ("who",),
    "exemption": ("who",), "extension": ("who",),
    "extension_request": ("who",), "group_member": ("by",), "held": ("who",), "journal": ("who",), "people_list": ("who",),
    "settling": ("who",),
    "source_load": ("who",), "trace": ("who",), "version": ("who",), "waiting_change": ("who", "decided_by", "name", "subject"),
}  # fmt: skip
"""Who did something: she, as an administrator or a manager."""

FILES: Mapping[str, tuple[str, ...]] = {"report_part": ("data",), "source_load": ("content", "report", "before")}
"""Files that wait, what is kept of those that were loaded, and reports that wait to be fetched."""

IDS: Mapping[str, tuple[str, ...]] = {
    "assignment": ("target",), "draft": ("changes",), "hint": ("ids",), "people_list": ("targets",), "settling": ("choices",),
    "version": ("definition", "choices"),
}  # fmt: skip
"""Definitions and lists in which her id stands among others: ``erased:NUMBER`` takes its place, which names the same person."""

ADDRESSES: Mapping[str, tuple[str, ...]] = {"report_schedule": ("recipients",), "report_sending": ("recipients",)}
"""Lists of addresses of letters."""

DROPPED: Mapping[str, tuple[str, ...]] = {
    "access_grant": ("person",), "account_key": ("person",), "api_token": ("owner_person",), "identity": ("person", "former"),
    "launch_session": ("person",), "overlay": ("person",), "person_key": ("person",), "record_proof": ("person",),
    "report_schedule": ("owner_person",), "report_sending": ("owner_person",),
}  # fmt: skip
"""Rows that are nothing without her, by our id of her."""

DROPPED_BY_ID: Mapping[str, str] = {"data_problem": "ext", "suspect": "ext", "drift": "person"}
"""The same by the host's id of her."""

DROPPED_BY_READER: Mapping[str, str] = {
    "access_grant": "subject", "api_token": "owner_subject", "draft": "editor", "launch_session": "subject", "preference": "who",
    "report_schedule": "owner", "report_sending": "owner",
}  # fmt: skip
"""The same by what she is called as a reader."""

BLANKED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "message": ("learner", {"subject": "", "text": "", "html": "", "link": ""}),
    "exemption": ("person", {"reason": ""}),
    "extension_request": ("person", {"reason": "", "answer": ""}),
    "event": ("person", {"data": {}, "subject": ""}),
}
"""Rows of hers that stay, and what of them goes."""

RENAMED = ("job", "audience_member", "completion")
"""Records of hers whose ids may hold hers."""

BODIES: Mapping[str, tuple[str, ...]] = {"call": ("body",), "endpoint_delivery": ("body", "answer", "subject", "tries")}
"""What was sent about her, and what receivers answered."""
