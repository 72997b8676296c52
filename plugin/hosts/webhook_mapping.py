"""The mapping of the generic host API: units and managers come as they are; only what a launch is joined on is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from plugin.core.errors import Invalid
from plugin.hosts.port import HostDialect, Record
from plugin.hosts.preview import SAMPLES, Mapper, MappingPreview, PersonSample

JOINS = ("id", "username", "email", "number")
"""Fields of a person that the ``sub`` of a launch may equal."""


@dataclass
class WebhookSample:
    """Some people with what their jobs refer to, by id."""

    people: list[Record] = field(default_factory=list)
    jobs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    by_id: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


def clean(entered: Mapping[str, Any]) -> dict[str, Any]:
    """``{}`` or ``{"join": …}``.

    :raises Invalid: for a field nobody can be joined on.
    """
    join = str(entered.get("join") or "id")
    if join not in JOINS:
        raise Invalid(f"People cannot be joined on '{join}'; choose one of {', '.join(JOINS)}.")
    return {} if join == "id" else {"join": join}


def sample(host: HostDialect, count: int = SAMPLES) -> WebhookSample:
    """People who have jobs, with their units and managers; where there are no jobs, any people.

    :raises HostTrouble: as the host answers.
    """
    found = WebhookSample()
    caps = host.describe()
    jobs = _first(host, "jobs") if caps.reads.get("jobs") else []
    for job in jobs:
        found.by_id[job.id] = job.fields
        if len(found.jobs) < count and isinstance(job.fields.get("person"), str):
            found.jobs.setdefault(str(job.fields["person"]), job.fields)
    if found.jobs and caps.can("people", "ids"):
        found.people = _named(host, "people", found.jobs)
    else:
        found.people = list(_first(host, "people"))[:count]
    chosen = [found.jobs[one.id] for one in found.people if one.id in found.jobs]
    if caps.can("units", "ids"):
        wanted = {str(job[name]) for job in chosen for name in ("organisation", "position") if job.get(name)}
        found.units = {row.id: str(row.fields.get("name") or row.id) for row in _named(host, "units", wanted)}
    if caps.can("jobs", "ids"):
        bosses = {str(job["manager_job"]) for job in chosen if job.get("manager_job")} - found.by_id.keys()
        found.by_id |= {row.id: row.fields for row in _named(host, "jobs", bosses)}
    managers = {boss for job in chosen if (boss := _boss(found, job))}
    if caps.can("people", "ids"):
        found.names = {row.id: str(row.fields.get("name") or row.id) for row in _named(host, "people", managers)}
    return found


def _first(host: HostDialect, kind: str) -> Sequence[Record]:
    return next((page.rows for page in host.read(kind)), ())


def _named(host: HostDialect, kind: str, ids: Any) -> list[Record]:
    listed = sorted(ids)
    return [row for page in host.read(kind, ids=listed) for row in page.rows] if listed else []


def _boss(found: WebhookSample, job: Mapping[str, Any]) -> str:
    """The manager of a job: the person of the manager's job, else the person named."""
    if job.get("manager_job"):
        return str(found.by_id.get(str(job["manager_job"]), {}).get("person") or "")
    return str(job.get("manager") or "")


def preview(people: WebhookSample, mapping: Mapping[str, Any]) -> MappingPreview:
    """What becomes of the people sampled."""
    join = str(mapping.get("join") or "id")
    samples = [_one(people, row, join) for row in people.people]
    unresolved = sum(1 for one in samples if one.unresolved)
    return MappingPreview(samples, unresolved / len(samples) if samples else 0.0, sorted(people.units.values()))


def _one(people: WebhookSample, row: Record, join: str) -> PersonSample:
    job = people.jobs.get(row.id, {})
    missing = []
    launch = row.id if join == "id" else str(row.fields.get(join) or "")
    if not launch:
        missing.append(join)
    named = {}
    for name in ("organisation", "position"):
        ident = str(job.get(name) or "")
        named[name] = people.units.get(ident, "")
        if ident and not named[name]:
            missing.append(name)
    boss = _boss(people, job) if job else ""
    if (boss or job.get("manager_job")) and boss not in people.names:
        missing.append("manager")
    dates = " – ".join(str(job[name]) for name in ("start", "end") if job.get(name))
    return PersonSample(
        row.id, str(row.fields.get("name") or row.id), launch, named["organisation"], named["position"],
        people.names.get(boss, ""), dates, tuple(missing),
        days=tuple((name, str(job[name])) for name in ("start", "end") if job.get(name)),
    )  # fmt: skip


MAPPER = Mapper(clean, sample, preview)
