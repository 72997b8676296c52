"""From a host's record to the columns of ours. What cannot be read is noted with what it costs; no record is refused for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from plugin.core import stamps
from plugin.core.days import EARLIEST, LATEST, known_zone
from plugin.core.text.texts import MOST, clean, clean_tree, shown, usable
from plugin.hosts.port import Record

_NAMED = 200
"""Profile fields of a person that are kept."""


@dataclass(frozen=True)
class Unread:
    """A value that could not be read. ``cost``: a word for what follows, see :mod:`plugin.mirror.problems`."""

    field: str
    value: str
    cost: str


@dataclass
class RecordReading:
    """One record being read, and what of it could not be.

    :ivar zone: the host's, for days.
    """

    record: Record
    zone: str
    unread: list[Unread] = field(default_factory=list)

    def doubt(self, name: str, cost: str) -> None:
        """Note that a field could not be read."""
        self.unread.append(Unread(name, shown(self.record.fields.get(name)), cost))

    def text(self, name: str, most: int = MOST) -> str:
        """A text field, cleaned, cut to what its column holds."""
        value = self.record.fields.get(name)
        if value is None:
            return ""
        if isinstance(value, dict | list):
            self.doubt(name, "empty")
            return ""
        whole = str(value)
        if len(whole) > most:
            self.doubt(name, "cut")
        return clean(whole, most)

    def ref(self, name: str) -> str:
        """The id of another record: as it is, or empty where it cannot be one. A cleaned id may be somebody else's."""
        value = self.record.fields.get(name)
        if value is None or value == "":
            return ""
        found = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not usable(found):
            self.doubt(name, "nobody")
            return ""
        return str(found)

    def instant(self, name: str, cost: str, otherwise: int | None = None, *, day_after: bool = False) -> int | None:
        """A time or a day (:func:`plugin.core.stamps.instant`); ``otherwise`` where it is written but cannot be read."""
        value = self.record.fields.get(name)
        if value is None or value == "":
            return None
        try:
            if isinstance(value, str):
                return stamps.instant(value, self.zone, day_after=day_after)
        except ValueError:
            pass
        self.doubt(name, cost)
        return otherwise

    def since(self, name: str) -> int | None:
        """The same where systems write "never" as the beginning of time."""
        found = self.instant(name, "unknown")
        return None if found is not None and found <= stamps.NEVER else found

    def word(self, name: str, known: dict[str, Any], usual: str, cost: str, otherwise: Any) -> Any:
        """What one of a few words means; ``usual`` where none is given."""
        value = self.record.fields.get(name)
        word = usual if value is None or value == "" else value
        if isinstance(word, str) and word.lower() in known:
            return known[word.lower()]
        self.doubt(name, cost)
        return otherwise

    def flag(self, name: str, usual: bool) -> bool:
        """True or false."""
        value = self.record.fields.get(name)
        if value is None or isinstance(value, bool):
            return usual if value is None else value
        self.doubt(name, "usual")
        return usual

    def said(self, name: str) -> bool | None:
        """A yes or a no; ``None`` where the host says neither."""
        value = self.record.fields.get(name)
        if value is None or isinstance(value, bool):
            return value
        self.doubt(name, "empty")
        return None


Read = Callable[[RecordReading], dict[str, Any]]


def person(one: RecordReading) -> dict[str, Any]:
    """``people``."""
    given, family = one.text("given_name"), one.text("family_name")
    zone = one.text("time_zone", 64)
    if zone and not known_zone(zone, ""):
        one.doubt("time_zone", "zone")
    return {
        "name": one.text("name").strip() or " ".join(part for part in (given, family) if part)[:MOST],
        "given_name": given,
        "family_name": family,
        "email": one.text("email"),
        "username": one.text("username"),
        "number": one.text("number"),
        "state": one.word("state", {"active": 0, "suspended": 1}, "active", "suspended", 1),
        "time_zone": known_zone(zone or None, ""),
        "language": one.text("language", 16),
        "created": one.since("created"),
        "first_login": one.since("first_login"),
        "fields": _extra(one),
    }


def _extra(one: RecordReading) -> dict[str, Any]:
    extra = one.record.fields.get("fields")
    if extra is None:
        return {}
    if not isinstance(extra, dict):
        one.doubt("fields", "empty")
        return {}
    kept = dict(list(extra.items())[:_NAMED])
    found = clean_tree(kept, deepest=3)
    return found if isinstance(found, dict) else {}


def unit(one: RecordReading) -> dict[str, Any]:
    """``units``."""
    kinds = {"organisation": "organisation", "position": "position"}
    return {
        "kind": one.word("kind", kinds, "organisation", "organisation", "organisation"),
        "framework": one.text("framework"),
        "framework_name": one.text("framework_name") or one.text("framework"),
        "parent_ext": one.ref("parent"),
        "name": one.text("name"),
        "code": one.text("code"),
        "gone": False,
    }


def job(one: RecordReading) -> dict[str, Any]:
    """``jobs``. A bound that cannot be read is never an open one: the job does not count until it can."""
    return {
        "person_ext": one.ref("person"),
        "title": one.text("title"),
        "organisation_ext": one.ref("organisation"),
        "position_ext": one.ref("position"),
        "manager_job_ext": one.ref("manager_job"),
        "manager_ext": one.ref("manager"),
        "temporary": one.flag("temporary", False),
        "starts": one.instant("start", "no_job", LATEST),
        "ends": one.instant("end", "no_job", EARLIEST, day_after=True),
        "position_since": one.since("position_since"),
        "gone": False,
    }


def audience(one: RecordReading) -> dict[str, Any]:
    """``audiences``."""
    return {"name": one.text("name"), "code": one.text("code"), "gone": False}


def member(one: RecordReading) -> dict[str, Any]:
    """``members``."""
    return {"audience_ext": one.ref("audience"), "person_ext": one.ref("person")}


def course(one: RecordReading) -> dict[str, Any]:
    """``courses``."""
    return {
        "name": one.text("name"),
        "code": one.text("code"),
        "url": one.text("url", 1000),
        "visible": one.flag("visible", True),
        **{name: one.said(name) for name in ("completion", "enrollable", "welcome", "criteria")},
        "gone": False,
    }


def completion(one: RecordReading) -> dict[str, Any]:
    """``completions``. One whose time or state cannot be read does not count until it can."""
    before = len(one.unread)
    at = one.instant("at", "no_completion")
    reset = one.word("state", {"done": False, "reset": True}, "done", "no_completion", False)
    return {
        "person_ext": one.ref("person"),
        "course_ext": one.ref("course"),
        "at": at,
        "reset": reset,
        "gone": any(doubt.cost == "no_completion" for doubt in one.unread[before:]),
    }
