"""What a source hands over: plain values, the same for a file, a directory and an API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


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
    """A unit of a source with units of its own. ``kind``: ``organisation`` or ``position``."""

    id: str
    kind: str
    name: str = ""
    parent: str = ""
    code: str = ""


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

    @property
    def says_anything(self) -> bool:
        """Whether it names anybody or anything; not where all is as it was before."""
        return any(value for name, value in vars(self).items() if name != "unchanged")
