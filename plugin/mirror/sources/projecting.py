"""From identities to the mirror: jobs, and who stands behind a name that was no account before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch_named
from plugin.core.ids import take_ids
from plugin.hosts.port import Record
from plugin.mirror.pulling import affected_people, fields
from plugin.mirror.pulling.rows import KINDS, Written, arrivals, drop_rows, write_rows
from plugin.mirror.sources.joining import parts
from plugin.mirror.sources.source import Source
from plugin.mirror.sources.source_data import PersonData, Spell, end_of, spell_at, start_of
from plugin.mirror.sources.tables import Identity
from plugin.mirror.sources.units import FILES, mode_of, open_renames, write_paths
from plugin.mirror.tables import DELETED, Job, Person

STAYS = 90 * 24 * 3600
"""Seconds for which an identity gone from whole deliveries keeps its place in the chain (SOURCES 2.2)."""
_DAY = 24 * 3600
_EXTS = "SELECT id, ext FROM person WHERE host_id = ? AND id IN ({names})"


def _columns(one: fields.RecordReading) -> dict[str, Any]:
    return dict(one.record.fields)


JOBS = replace(KINDS["jobs"], read=_columns)
"""Jobs whose columns were worked out here."""


@dataclass(frozen=True)
class Move:
    """A job that left a unit: for another, or ``""`` for none."""

    kind: str
    job: str
    old: str
    new: str


@dataclass
class Projected:
    """What projecting some identities did.

    :ivar left_units: by kind, our ids of units that jobs left.
    """

    written: Written = field(default_factory=Written)
    moves: list[Move] = field(default_factory=list)
    left_units: dict[str, set[int]] = field(default_factory=lambda: {"organisation": set(), "position": set()})


def job_exts(source: Source, ext: str, names: Iterable[str]) -> list[str]:
    """The ids of somebody's jobs: ``SOURCE:ID`` where the source names none, else ``SOURCE:ID/JOB`` (SOURCES 2.3)."""
    return [source.ext(f"{ext}/{name}" if name else ext) for name in names]


def project(
    session: Session, source: Source, identities: Sequence[Identity], now: int, zone: str,
    dropped: Sequence[str] = (),
) -> Projected:  # fmt: skip
    """Write the jobs of these identities as they stand now; units made of words come with them.

    :param dropped: ids of jobs the source no longer names.
    """
    done = Projected()
    if not source.supplies & {"organisation", "position", "managers"}:
        return done
    _ghosts_of_managers(session, source, identities, done.written)
    said = {one.id: PersonData.from_json(one.ext, one.said) for one in identities}
    chosen = {
        (one.id, name): spell_at(spells, now, zone) for one in identities for name, spells in said[one.id].jobs.items()
    }
    later = [
        one for person in said.values() for spells in person.jobs.values() if len(spells) > 1
        for one in spells if (start_of(one.start, zone) or 0) > now
    ]  # fmt: skip
    named = [
        *(spell for spell, *_bounds in chosen.values()),
        *later,
    ]  # a unit of days to come can be assigned before them
    units = {kind: _unit_ids(session, source, kind, named, zone, done) for kind in ("organisation", "position")}
    refs = _references(
        session, source, identities, {spell.manager for spell, *_bounds in chosen.values()}, done.written
    )
    rows: dict[str, dict[str, Any]] = {}
    for one in identities:
        until = _until(one)
        for name, ext in zip(said[one.id].jobs, job_exts(source, one.ext, said[one.id].jobs), strict=True):
            spell, starts, ends = chosen[one.id, name]
            ends = until if ends is None or (until is not None and until < ends) else ends
            rows[ext] = {
                "person_ext": refs[one.ext], "title": spell.title[:255],
                "organisation_ext": units["organisation"].get(spell.organisation, ""),
                "position_ext": units["position"].get(spell.position, ""),
                "manager_job_ext": "", "manager_ext": refs.get(spell.manager, "") if spell.manager != one.ext else "",
                "temporary": False, "starts": starts, "ends": ends,
                "position_since": start_of(spell.position_since, zone), "gone": False,
            }  # fmt: skip
    _write_jobs(session, source, rows, dropped, zone, done)
    return done


def _write_jobs(
    session: Session, source: Source, rows: Mapping[str, dict[str, Any]], dropped: Sequence[str], zone: str,
    done: Projected,
) -> None:  # fmt: skip
    before = _jobs_before(session, source.host_id, [*rows, *dropped])
    for kind, left in done.left_units.items() if before else ():
        column, renames = f"{kind}_ext", open_renames(session, source, kind)
        for ext, old in before.items():
            if ext in rows and (getattr(old, column), rows[ext][column]) in renames:
                rows[ext][column] = getattr(old, column)  # nobody leaves before the question is answered
            new = rows[ext][column] if ext in rows else ""
            if getattr(old, kind) is not None and getattr(old, column) != new:
                left.add(getattr(old, kind))
                done.moves.append(Move(kind, ext, getattr(old, column), new))
            elif getattr(old, kind) is not None and ext in rows and rows[ext]["ends"] is not None:
                left.add(getattr(old, kind))
    if rows:
        records = [Record(ext, columns) for ext, columns in rows.items()]
        done.written.add(write_rows(session, source.host_id, JOBS, records, zone, 0, connection=source.id))
    if dropped:
        done.written.add(drop_rows(session, source.host_id, JOBS, list(dropped)))


def _jobs_before(session: Session, host_id: int, exts: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts(exts):
        rows = session.execute(
            select(Job.ext, Job.organisation, Job.organisation_ext, Job.position, Job.position_ext).where(
                Job.host_id == host_id, Job.gone.is_(False), Job.ext.in_(part)
            )
        )
        found.update({row.ext: row for row in rows})
    return found


def _until(identity: Identity) -> int | None:
    """When all her jobs end at the latest: she left without a day named, or whole deliveries lack her."""
    known = [at for at in (identity.gone, identity.left) if at is not None]
    return min(known) if known else None


def next_turn(identity: Identity, said: PersonData, now: int, zone: str, freeze: int) -> int | None:
    """The next instant at which time alone changes what is written of an identity."""
    instants: set[int] = set()
    for spells in said.jobs.values():
        for one in spells:
            instants |= {at for at in (start_of(one.start, zone), end_of(one.end, zone)) if at is not None}
    if identity.gone is not None:
        instants.add(identity.gone + STAYS)
    left = left_since(identity, said, zone)
    if freeze and left is not None:
        instants.add(left + freeze * _DAY)
    later = [at for at in instants if at > now]
    return min(later) if later else None


def left_since(identity: Identity, said: PersonData, zone: str) -> int | None:
    """Since or from when she counts as having left by what the source says; ``None``: she has not, and no day is named."""
    known = [at for at in (identity.gone, identity.left) if at is not None]
    last = [end_of(one.end, zone) for spells in said.jobs.values() for one in spells]
    if last and all(at is not None for at in last):
        known.append(max(at for at in last if at is not None))
    return min(known) if known else None


def _unit_ids(
    session: Session, source: Source, kind: str, chosen: Iterable[Spell], zone: str, done: Projected,
) -> dict[str, str]:  # fmt: skip
    if kind not in source.supplies:
        return {}
    named = {getattr(spell, kind) for spell in chosen} - {""}
    if mode_of(source, kind) == FILES:
        return {name: source.ext(name) for name in named}
    ids, written = write_paths(session, source, kind, named, zone)
    done.written.add(written)
    return ids


def _references(
    session: Session, source: Source, identities: Sequence[Identity], managers: set[str], written: Written
) -> dict[str, str]:
    """How people of the source are named in the mirror: by their account, or as ``SOURCE:ID``."""
    known = {one.ext: one for one in identities}
    wanted = known.keys() | (managers - {""})
    for part in parts(wanted - known.keys()):
        here = (Identity.host_id == source.host_id, Identity.source == source.id, Identity.ext.in_(part))
        known.update({row.ext: row for row in session.scalars(select(Identity).where(*here))})
    joined = {ext: one.person for ext, one in known.items() if one.person is not None}
    ghosts = [one for ext, one in known.items() if one.person is None and one.ghost is None and ext in managers]
    _make_ghosts(session, source, ghosts, written)
    exts = exts_of(session, source.host_id, joined.values())
    found = {name: exts[joined[name]] if name in joined else source.ext(name) for name in wanted}
    return found if "managers" in source.supplies else {one.ext: found[one.ext] for one in identities}


def exts_of(session: Session, host_id: int, people: Iterable[int]) -> dict[int, str]:
    """The site's ids of people."""
    return dict(fetch_named(session, _EXTS, people, host_id))


def _ghosts_of_managers(session: Session, source: Source, identities: Sequence[Identity], written: Written) -> None:
    """Unmatched identities that somebody named as manager before they came."""
    without = {source.ext(one.ext): one for one in identities if one.person is None and one.ghost is None}
    named: set[str] = set()
    for part in parts(without):
        here = (Job.host_id == source.host_id, Job.connection > 0, Job.manager_ext.in_(part))
        named |= set(session.scalars(select(Job.manager_ext).where(*here).distinct()))
    _make_ghosts(session, source, [without[ext] for ext in sorted(named)], written)


def _make_ghosts(session: Session, source: Source, identities: Sequence[Identity], written: Written) -> None:
    """People without an account, so that the chain runs through them (SOURCES 3.6)."""
    if not identities:
        return
    before = _former_ghosts(session, source, identities)
    for one in identities:
        one.ghost = before.get(source.ext(one.ext))
    identities = [one for one in identities if one.ghost is None]
    first = take_ids(session, source.host_id, "person", len(identities))
    rows = []
    for offset, one in enumerate(identities):
        one.ghost = first + offset
        rows.append({"host_id": source.host_id, "id": one.ghost, "ext": source.ext(one.ext), "name": one.name,
                     "state": DELETED, "ghost": True})  # fmt: skip
    session.flush()
    if rows:
        session.execute(insert(Person), rows)
    ids = [*before.values(), *range(first, first + len(rows))]
    written.people |= set(ids) | arrivals(session, source.host_id, Person, ids)


def _former_ghosts(session: Session, source: Source, identities: Sequence[Identity]) -> dict[str, int]:
    """Those who stand in the mirror already, from a source that had this name before; they are called as they are now."""
    names = {source.ext(one.ext): one.name for one in identities}
    found: dict[str, int] = {}
    for part in parts(names):
        here = (Person.host_id == source.host_id, Person.ghost, Person.ext.in_(part))
        for row in session.scalars(select(Person).where(*here)):
            found[row.ext], row.name = row.id, names[row.ext]
    return found


def rewire(session: Session, source: Source, renamed: Mapping[str, tuple[str, int | None]]) -> set[int]:
    """Reports name their manager anew: by reference before, the reference and person she is now. Returns who is touched."""
    touched: set[int] = set()
    moved: dict[int, tuple[str, int | None]] = {}
    for part in parts(renamed):
        rows = session.execute(
            select(Job.id, Job.manager_ext).where(
                Job.host_id == source.host_id, Job.connection > 0, Job.connection == source.id,
                Job.manager_ext.in_(part),
            )
        )  # fmt: skip
        moved.update({row[0]: renamed[row[1]] for row in rows})
    if not moved:
        return touched
    touched |= affected_people.below_jobs(session, source.host_id, moved)
    for number, (ext, person) in moved.items():
        session.execute(
            update(Job).where(Job.host_id == source.host_id, Job.id == number).values(manager_ext=ext, manager=person),
            execution_options={"synchronize_session": False},
        )
    return touched | affected_people.below_jobs(session, source.host_id, moved)
