"""Sources that are another program's API: read whole through its dialect, and handed over as a file would be (SOURCES 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plugin.hosts.port import HostDialect, Record
from plugin.mirror.sources.files import LoadFiles
from plugin.mirror.sources.source import UNIT_KINDS, Source
from plugin.mirror.sources.source_data import AudienceData, Delivery, PersonData, Spell, UnitData
from plugin.mirror.sources.units import FILES

KINDS = ("people", "units", "jobs", "audiences", "members")


def read_api(source: Source, host: HostDialect) -> LoadFiles:
    """Everything it has of people, units, jobs, audiences and members.

    :raises HostTrouble: where it cannot be read to its end; nothing of it is taken then.
    """
    caps = host.describe()
    told: dict[str, list[Record]] = {kind: [] for kind in KINDS}
    for kind in KINDS:
        if caps.can(kind, "full"):
            for page in host.read(kind):
                gone = set(page.gone)
                told[kind] += [one for one in page.rows if one.id not in gone]
    whole = {"people"} | (set(UNIT_KINDS) if caps.can("units", "full") else set())
    whole |= {"audiences"} if caps.can("audiences", "full") and caps.can("members", "full") else set()
    delivery = Delivery(
        people=_people(source, told["people"], told["jobs"]),
        units=[_unit(one) for one in told["units"]] if caps.can("units", "full") else None,
        audiences=_audiences(told["audiences"], told["members"]) if "audiences" in whole else None,
        whole=frozenset(whole),
    )
    return LoadFiles(
        delivery, [], units={**dict.fromkeys(UNIT_KINDS, FILES), **dict(source.settings.get("units") or {})}
    )


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return "" if value is None else str(value)


def _people(source: Source, people: Sequence[Record], jobs: Sequence[Record]) -> list[PersonData]:
    of_job = {one.id: _text(one.fields, "person") for one in jobs}
    theirs: dict[str, dict[str, list[Spell]]] = {}
    for one in jobs:
        given = one.fields
        spell = Spell(
            _text(given, "organisation"), _text(given, "position"), _manager(given, of_job), _text(given, "title")[:255],
            _text(given, "start"), _text(given, "end"), _text(given, "position_since"),
        )  # fmt: skip
        theirs.setdefault(_text(given, "person"), {})[one.id] = [spell]
    keep = [str(name) for name in source.mapping.get("keep") or ()]
    found = []
    for one in people:
        own = one.fields.get("fields")
        more = dict(own) if isinstance(own, Mapping) else {}
        values = {"id": one.id, **more, **one.fields, **{f"fields.{name}": value for name, value in more.items()}}
        kept = {name: more[name] for name in keep if name in more}
        active = _text(one.fields, "state") in ("", "active")
        found.append(
            PersonData(
                one.id, _text(values, source.key_field), _text(one.fields, "name")[:255], _text(one.fields, "email"),
                active, theirs.get(one.id, {}), kept,
            )
        )  # fmt: skip
    return found


def _manager(job: Mapping[str, Any], of_job: Mapping[str, str]) -> str:
    """Whom a job reports to: the person of the manager's job, which wins over the person named; nobody where she only
    stands in (HOST-API, Pull).
    """
    if job.get("temporary") is True:
        return ""
    named = _text(job, "manager_job")
    return of_job.get(named, "") if named else _text(job, "manager")


def _unit(one: Record) -> UnitData:
    kind = "position" if one.fields.get("kind") == "position" else "organisation"
    names = ("name", "parent", "code", "framework", "framework_name")
    return UnitData(one.id, kind, **{name: _text(one.fields, name) for name in names})


def _audiences(audiences: Sequence[Record], members: Sequence[Record]) -> list[AudienceData]:
    listed: dict[str, list[str]] = {one.id: [] for one in audiences}
    for one in members:
        if one.fields.get("audience") in listed:
            listed[str(one.fields["audience"])].append(_text(one.fields, "person"))
    return [AudienceData(one.id, _text(one.fields, "name"), listed[one.id]) for one in audiences]
