"""From a host's record to the columns of ours. What is malformed becomes empty; nothing of a record is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from plugin.core.days import LATEST, fixed_instant, known_zone
from plugin.hosts.port import Record

_MOST = 255


def text(fields: Mapping[str, Any], name: str, most: int = _MOST) -> str:
    """A text field, cut to what its column holds."""
    value = fields.get(name)
    return "" if value is None else str(value).replace("\x00", "")[:most]


def instant(value: object, zone: str, *, day_after: bool = False) -> int | None:
    """RFC 3339 to epoch seconds; a calendar day is its first second in the host's zone.

    :param day_after: a day means the first second of the next one (an inclusive end, DOMAIN 2.1).
    """
    if not isinstance(value, str) or not value:
        return None
    try:
        if len(value) == 10:
            day = date.fromisoformat(value)
            return fixed_instant(day + timedelta(days=1) if day_after else day, time(0), zone)
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            return None
        return min(int(moment.timestamp()), LATEST)
    except (ValueError, OverflowError):
        return None


def person(record: Record, zone: str) -> dict[str, Any]:
    """``people``."""
    fields = record.fields
    extra = fields.get("fields")
    name = text(fields, "name") or " ".join(
        part for part in (text(fields, "given_name"), text(fields, "family_name")) if part
    )
    return {
        "name": name,
        "given_name": text(fields, "given_name"),
        "family_name": text(fields, "family_name"),
        "email": text(fields, "email"),
        "username": text(fields, "username"),
        "number": text(fields, "number"),
        "state": 1 if fields.get("state") == "suspended" else 0,
        "time_zone": known_zone(text(fields, "time_zone", 64) or None, "") if fields.get("time_zone") else "",
        "language": text(fields, "language", 16),
        "created": instant(fields.get("created"), zone),
        "first_login": instant(fields.get("first_login"), zone),
        "fields": extra if isinstance(extra, dict) else {},
    }


def unit(record: Record, _zone: str) -> dict[str, Any]:
    """``units``."""
    fields = record.fields
    return {
        "kind": "position" if fields.get("kind") == "position" else "organisation",
        "framework": text(fields, "framework"),
        "framework_name": text(fields, "framework_name") or text(fields, "framework"),
        "parent_ext": text(fields, "parent"),
        "name": text(fields, "name"),
        "code": text(fields, "code"),
        "gone": False,
    }


def job(record: Record, zone: str) -> dict[str, Any]:
    """``jobs``."""
    fields = record.fields
    return {
        "person_ext": text(fields, "person"),
        "title": text(fields, "title"),
        "organisation_ext": text(fields, "organisation"),
        "position_ext": text(fields, "position"),
        "manager_job_ext": text(fields, "manager_job"),
        "manager_ext": text(fields, "manager"),
        "temporary": fields.get("temporary") is True,
        "starts": instant(fields.get("start"), zone),
        "ends": instant(fields.get("end"), zone, day_after=True),
        "position_since": instant(fields.get("position_since"), zone),
        "gone": False,
    }


def audience(record: Record, _zone: str) -> dict[str, Any]:
    """``audiences``."""
    return {"name": text(record.fields, "name"), "code": text(record.fields, "code"), "gone": False}


def member(record: Record, _zone: str) -> dict[str, Any]:
    """``members``."""
    return {"audience_ext": text(record.fields, "audience"), "person_ext": text(record.fields, "person")}


def course(record: Record, _zone: str) -> dict[str, Any]:
    """``courses``."""
    fields = record.fields
    return {
        "name": text(fields, "name"),
        "code": text(fields, "code"),
        "url": text(fields, "url", 1000),
        "visible": fields.get("visible") is not False,
        "gone": False,
    }


def completion(record: Record, zone: str) -> dict[str, Any]:
    """``completions``."""
    fields = record.fields
    return {
        "person_ext": text(fields, "person"),
        "course_ext": text(fields, "course"),
        "at": instant(fields.get("at"), zone),
        "reset": fields.get("state") == "reset",
        "gone": False,
    }
