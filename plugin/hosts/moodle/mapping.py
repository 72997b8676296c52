"""From a Moodle profile to organisation, position, manager and dates. Pure: what the host said goes in, records come out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any

from plugin.core.errors import Invalid
from plugin.hosts.preview import MappingPreview, PersonSample

BY = ("username", "email", "idnumber")
"""By what a manager may be named."""
PLAIN = ("institution", "department", "city", "country", "idnumber", "username", "email")
"""Fields of Moodle's own that may be mapped; the site's custom ones are written ``profile:SHORTNAME``."""
DATES = ("start", "end", "position_since")
_LONGEST = 200


@dataclass(frozen=True)
class MoodleMapping:
    """Where a job comes from. A source is empty (not mapped), ``department`` and the like, ``profile:SHORTNAME``, or
    ``cohort:PREFIX``: the cohorts whose ID number, or else name, begins so.

    :ivar separator: splits an organisation into a tree; empty: a flat list. :ivar position_separator: the same for positions.
    :ivar manager: the field that names the manager, :ivar manager_by: by username, email or idnumber.
    :ivar date_format: of the date fields: empty for a Unix time or ISO 8601, else as ``%d/%m/%Y``.
    """

    organisation: str = ""
    separator: str = "/"
    position: str = ""
    position_separator: str = ""
    manager: str = ""
    manager_by: str = "username"
    start: str = ""
    end: str = ""
    position_since: str = ""
    date_format: str = ""

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> MoodleMapping:
        """From a connection's ``mapping`` or a form; unknown names are left alone.

        :raises Invalid: for a source that cannot be.
        """
        known = {one.name: one.default for one in fields(cls)}
        given = {
            name: str(document.get(name) if document.get(name) is not None else known[name]).strip() for name in known
        }
        made = cls(**given)
        for name in ("organisation", "position", "manager", *DATES):
            _check(name, getattr(made, name), cohorts=name in ("organisation", "position"))
        if made.manager_by not in BY:
            raise Invalid(f"A manager is named by one of {', '.join(BY)}, not by '{made.manager_by}'.")
        if len(made.separator) > 5 or len(made.position_separator) > 5:
            raise Invalid("A separator is at most five characters.")
        return made

    def to_dict(self) -> dict[str, str]:
        """The reverse of :meth:`from_dict`."""
        return asdict(self)

    @property
    def empty(self) -> bool:
        """Whether nothing is mapped, so that there are no jobs."""
        return not (self.organisation or self.position or self.manager)

    @property
    def cohorts(self) -> tuple[str, ...]:
        """Prefixes of the cohorts that are units."""
        listed = (self.organisation, self.position)
        return tuple(one.removeprefix("cohort:") for one in listed if one.startswith("cohort:"))


def _check(name: str, source: str, *, cohorts: bool) -> None:
    if not source or source in PLAIN:
        return
    kind, _colon, rest = source.partition(":")
    if not rest or len(source) > _LONGEST or kind not in (("profile", "cohort") if cohorts else ("profile",)):
        raise Invalid(
            f"'{source}' is nothing the {name.replace('_', ' ')} can be taken from: write one of {', '.join(PLAIN)},"
            f" profile:SHORTNAME{' or cohort:PREFIX' if cohorts else ''}."
        )


@dataclass(frozen=True)
class MappedPerson:
    """What a mapping makes of one person: unit paths, the manager as named, dates.

    :ivar bad: sources with a value that is not understood.
    """

    id: str
    organisations: tuple[tuple[str, ...], ...] = ()
    positions: tuple[tuple[str, ...], ...] = ()
    manager: str = ""
    dates: Mapping[str, str] = field(default_factory=dict)
    bad: tuple[str, ...] = ()


def values_of(user: Mapping[str, Any]) -> dict[str, str]:
    """A user's fields by source name; an empty custom field is not in Moodle's answer at all."""
    found = {name: str(user[name]).strip() for name in PLAIN if user.get(name) not in (None, "")}
    custom = user.get("customfields")
    for one in custom if isinstance(custom, list) else []:
        if isinstance(one, Mapping) and one.get("shortname") and one.get("value") not in (None, ""):
            found[f"profile:{one['shortname']}"] = str(one["value"]).strip()
    return found


def place(user: Mapping[str, Any], mapping: MoodleMapping, cohorts: Sequence[Mapping[str, Any]] = ()) -> MappedPerson:
    """Where a person belongs.

    :param user: as Moodle gives it. :param cohorts: those she is a member of: ``name``, ``idnumber``.
    """
    values = values_of(user)
    dates, bad = {}, []
    for name in DATES:
        written = values.get(getattr(mapping, name), "")
        if written:
            day = read_date(written, mapping.date_format)
            if day is None:
                bad.append(name)
                if written.strip("0"):  # 0 is "not set"; anything else is handed on, so that it is no open end
                    dates[name] = written
            else:
                dates[name] = day
    return MappedPerson(
        id=str(user["id"]),
        organisations=_paths(mapping.organisation, mapping.separator, values, cohorts),
        positions=_paths(mapping.position, mapping.position_separator, values, cohorts),
        manager=values.get(mapping.manager, "") if mapping.manager else "",
        dates=dates,
        bad=tuple(bad),
    )


def _paths(
    source: str, separator: str, values: Mapping[str, str], cohorts: Sequence[Mapping[str, Any]]
) -> tuple[tuple[str, ...], ...]:
    if not source:
        return ()
    if source.startswith("cohort:"):
        names = [str(one.get("name") or "") for one in cohorts if in_prefix(one, source.removeprefix("cohort:"))]
    else:
        names = [values.get(source, "")]
    paths = (_split(name, separator) for name in names)
    return tuple(dict.fromkeys(path for path in paths if path))


def in_prefix(cohort: Mapping[str, Any], prefix: str) -> bool:
    """Whether a cohort is one of those that are units."""
    return str(cohort.get("idnumber") or cohort.get("name") or "").casefold().startswith(prefix.casefold())


def _split(written: str, separator: str) -> tuple[str, ...]:
    parts = written.split(separator) if separator else [written]
    return tuple(" ".join(part.split())[:255] for part in parts if part.strip())


def unit_id(kind: str, path: Sequence[str]) -> str:
    """A unit's id: its path, folded, so that ``/Acme/Ops`` and ``acme / ops`` are one unit."""
    folded = "/".join(part.casefold().replace("/", "∕") for part in path)
    name = f"{kind[:3]}:{folded}"
    return name if len(name) <= _LONGEST else f"{kind[:3]}:#{hashlib.sha256(folded.encode()).hexdigest()}"


def read_date(written: str, date_format: str = "") -> str | None:
    """A date of a profile as ISO 8601: a Unix time, ISO itself, or ``date_format``; ``None`` where it is none."""
    try:
        if date_format:
            return datetime.strptime(written, date_format).date().isoformat()  # noqa: DTZ007 - a calendar day
        if written.lstrip("-").isdigit() and not (len(written) == 8 and written.startswith(("19", "20"))):
            return datetime.fromtimestamp(int(written), UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if int(written) else None
        if len(written) <= 10:
            return date.fromisoformat(written).isoformat()
        moment = datetime.fromisoformat(written)
        return moment.isoformat() if moment.tzinfo else moment.date().isoformat()
    except (ValueError, OverflowError, OSError):
        return None


@dataclass
class MoodleSample:
    """Some people for a preview.

    :ivar cohorts: by person's id, the cohorts she is in. :ivar managers: by reference, folded, the names of the people it fits.
    """

    users: list[Mapping[str, Any]] = field(default_factory=list)
    cohorts: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    managers: dict[str, dict[str, list[str]]] = field(default_factory=dict)


def preview(
    people: MoodleSample | Sequence[Mapping[str, Any]], mapping: MoodleMapping | Mapping[str, Any]
) -> MappingPreview:
    """What becomes of some people: samples, the share of them of whom something stays unresolved, the units they make.

    :param people: as ``sampling.sample`` fetches them; or users alone, who then know nobody but each other.
    """
    sampled = people if isinstance(people, MoodleSample) else MoodleSample(users=list(people))
    chosen = mapping if isinstance(mapping, MoodleMapping) else MoodleMapping.from_dict(mapping)
    known = _among(sampled.users, chosen) | sampled.managers.get(chosen.manager_by, {})
    samples, units = [], set()
    for user in sampled.users:
        placed = place(user, chosen, sampled.cohorts.get(str(user["id"]), ()))
        units |= {" / ".join(path) for path in (*placed.organisations, *placed.positions)}
        samples.append(_sample(user, placed, chosen, known))
    unresolved = sum(1 for one in samples if one.unresolved)
    return MappingPreview(samples, unresolved / len(samples) if samples else 0.0, tuple(sorted(units)))


def _among(users: Sequence[Mapping[str, Any]], mapping: MoodleMapping) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for user in users:
        if user.get(mapping.manager_by):
            found.setdefault(str(user[mapping.manager_by]).strip().casefold(), []).append(
                str(user.get("fullname") or "")
            )
    return found


def _sample(
    user: Mapping[str, Any], placed: MappedPerson, mapping: MoodleMapping, known: Mapping[str, list[str]]
) -> PersonSample:
    missing = list(placed.bad)
    if mapping.organisation and not placed.organisations:
        missing.append("organisation")
    if mapping.position and not placed.positions:
        missing.append("position")
    names = known.get(placed.manager.casefold(), []) if placed.manager else []
    if placed.manager and len(names) != 1:
        missing.append("manager")
    return PersonSample(
        id=placed.id,
        name=str(user.get("fullname") or placed.id),
        launch=placed.id,
        organisation="; ".join(" / ".join(path) for path in placed.organisations),
        position="; ".join(" / ".join(path) for path in placed.positions),
        manager=names[0] if len(names) == 1 else "",
        dates=" – ".join(placed.dates[name] for name in DATES if name in placed.dates),
        days=tuple((name, placed.dates[name]) for name in DATES if name in placed.dates),
        unresolved=tuple(missing),
    )
