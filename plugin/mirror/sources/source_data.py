"""What a source hands over: plain values, the same for a file, a directory and an API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from plugin.core import stamps


@dataclass(frozen=True)
class Spell:
    """A job during a period. Days are ``YYYY-MM-DD``, instants RFC 3339; ``""`` is open or unknown.

    :ivar organisation: and ``position``: the unit's id in the source, or words that make it (a path with its levels
        joined by `` / ``).
    :ivar manager: an id of the same source.
    """

    organisation: str = ""
    position: str = ""
    manager: str = ""
    title: str = ""
    start: str = ""
    end: str = ""
    position_since: str = ""


@dataclass(frozen=True)
class PersonData:
    """What a source says of one person.

    :ivar id: the source's own id. :ivar key: what it is joined by, as given.
    :ivar email: kept so that the join may be changed to it.
    :ivar jobs: by the job's name (``""`` where the source names none) its periods, which do not overlap.
    :ivar fields: what is kept besides, by name.
    """

    id: str
    key: str = ""
    name: str = ""
    email: str = ""
    active: bool = True
    jobs: Mapping[str, Sequence[Spell]] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """For the identity's row; what is empty is left out."""
        jobs = {name: [_filled(one) for one in spells] for name, spells in self.jobs.items()}
        document: dict[str, Any] = {"key": self.key, "name": self.name}
        if self.email:
            document["email"] = self.email
        if not self.active:
            document["active"] = False
        if jobs:
            document["jobs"] = jobs
        if self.fields:
            document["fields"] = dict(self.fields)
        return document

    @classmethod
    def from_json(cls, ext: str, document: Mapping[str, Any]) -> PersonData:
        """The reverse of :meth:`to_json`."""
        jobs = {name: [Spell(**one) for one in spells] for name, spells in dict(document.get("jobs") or {}).items()}
        key, name, email = (str(document.get(one) or "") for one in ("key", "name", "email"))
        fields = dict(document.get("fields") or {})
        return cls(ext, key, name, email, document.get("active") is not False, jobs, fields)


def _filled(spell: Spell) -> dict[str, str]:
    return {name: value for name, value in vars(spell).items() if value}


@dataclass(frozen=True)
class UnitData:
    """A unit of a source with units of its own. ``kind``: ``organisation`` or ``position``; ``framework``: where the source
    has several.
    """

    id: str
    kind: str
    name: str = ""
    parent: str = ""
    code: str = ""
    framework: str = ""
    framework_name: str = ""

    def told(self) -> dict[str, str]:
        """What is kept of it."""
        more = {name: getattr(self, name) for name in ("framework", "framework_name") if getattr(self, name)}
        return {"name": self.name, "parent": self.parent, "code": self.code, **more}


@dataclass(frozen=True)
class AudienceData:
    """An audience and its members, by the source's own ids of people."""

    id: str
    name: str = ""
    members: Sequence[str] = ()


@dataclass(frozen=True)
class Delivery:
    """What a source hands over at once. ``None``: nothing is said of this kind, which stays as it is.

    :ivar whole: kinds (``people``, ``organisation``, ``position``, ``audiences``) of which everything there is was
        handed over, so that whatever is missing is gone.
    :ivar gone: ids of people the source removed; ``units_gone`` (kind, id) and ``audiences_gone`` likewise.
    :ivar kept: ids of people whose row could not be used: they stay as they were.
    :ivar members_added: and ``members_removed``: pairs of audience and person, for a source that tells changes.
    """

    people: Sequence[PersonData] | None = None
    units: Sequence[UnitData] | None = None
    audiences: Sequence[AudienceData] | None = None
    whole: frozenset[str] = frozenset()
    gone: Sequence[str] = ()
    kept: frozenset[str] = frozenset()
    units_gone: Sequence[tuple[str, str]] = ()
    audiences_gone: Sequence[str] = ()
    members_added: Sequence[tuple[str, str]] = ()
    members_removed: Sequence[tuple[str, str]] = ()
    partial: frozenset[str] = frozenset()
    """Ids of people of whom only the jobs named are told; others stay."""
    jobs_gone: Sequence[tuple[str, str]] = ()
    """Pairs of a person and a job of hers that the source removed."""
    units_kept: frozenset[tuple[str, str]] = frozenset()
    """Kinds and ids of units whose row could not be used: they stay as they were."""
    left: Mapping[str, int] = field(default_factory=dict)
    """Since when people count as having left, where that was known before; for taking a load back."""
    unchanged: int = 0
    """How many people besides are known to be as they were; they are not named."""
    audiences_named: Sequence[AudienceData] = ()
    """Audiences whose name is told, and not who belongs to them."""
    unsaid: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By person the columns that nothing was said about, which stay as they were; ``fields.NAME`` of a field."""
    units_unsaid: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By kind of unit the same."""

    @property
    def says_anything(self) -> bool:
        """Whether it names anybody or anything; not where all is as it was before."""
        return any(value for name, value in vars(self).items() if name != "unchanged")


_NAMES = frozenset({"first_name", "last_name", "name"})
_OF_JOB = frozenset({"organisation", "position", "manager", "start", "end", "position_since"})


def only_what_it_says(said: PersonData, was: PersonData, unsaid: frozenset[str]) -> PersonData:
    """What is said of somebody, and of all that nothing is said about, what was known before."""
    more: dict[str, Any] = {name: getattr(was, name) for name in ("email", "active") if name in unsaid}
    if unsaid >= _NAMES:
        more["name"] = was.name
    fields = {name: value for name, value in was.fields.items() if f"fields.{name}" in unsaid}
    jobs = dict(said.jobs)
    if "job" in unsaid and was.jobs and "" not in was.jobs:  # of one job it is that one; of several nobody knows which
        jobs = {next(iter(was.jobs)): jobs[""]} if len(was.jobs) == 1 else {}
    for name, spells in jobs.items():
        if was.jobs.get(name):
            kept = {one: getattr(was.jobs[name][-1], one) for one in _OF_JOB & unsaid}
            jobs[name] = [replace(one, **kept) for one in spells]
    if unsaid >= _OF_JOB or not jobs:
        jobs = dict(was.jobs)
    return replace(said, jobs=jobs, fields={**fields, **said.fields}, **more)


@lru_cache(maxsize=50_000)
def start_of(text: str, zone: str) -> int | None:
    """The first instant of a day, or the instant itself; ``None`` where nothing readable is said."""
    return _instant(text, zone, day_after=False)


@lru_cache(maxsize=50_000)
def end_of(text: str, zone: str) -> int | None:
    """The first instant after a day, or the instant itself; ``None`` where nothing readable is said."""
    return _instant(text, zone, day_after=True)


def _instant(text: str, zone: str, *, day_after: bool) -> int | None:
    with suppress(ValueError):
        return stamps.instant(text, zone, day_after=day_after) if text else None
    return None


def spell_at(spells: Sequence[Spell], now: int, zone: str) -> tuple[Spell, int | None, int | None]:
    """Of one job's periods the one that counts now, with when the job began and when it ends.

    Periods that follow each other without a gap are one job that changes on its day (SOURCES 4.2).
    """
    if len(spells) == 1:
        only = spells[0]
        return only, start_of(only.start, zone), end_of(only.end, zone)
    bounds = sorted(
        ((start_of(one.start, zone), end_of(one.end, zone), one) for one in spells),
        key=lambda each: (each[0] is not None, each[0] or 0),
    )
    at = next((n for n, (_s, end, _one) in enumerate(bounds) if end is None or end > now), len(bounds) - 1)
    first = last = at
    while first > 0 and bounds[first - 1][1] == bounds[first][0]:
        first -= 1
    while last + 1 < len(bounds) and bounds[last][1] == bounds[last + 1][0]:
        last += 1
    return bounds[at][2], bounds[first][0], bounds[last][1]
