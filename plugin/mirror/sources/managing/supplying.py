"""Who supplies a kind, and what follows in the mirror when that changes (SOURCES 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from plugin.core import journal
from plugin.core.database.slices import slices
from plugin.core.errors import Invalid
from plugin.core.tables import Host
from plugin.hosts.port import Caps
from plugin.mirror.connections.store import site_of
from plugin.mirror.pulling.read_at_once import Told, write_at_once
from plugin.mirror.pulling.rows import KINDS, Written, drop_rows
from plugin.mirror.sources.directory.tables import DirectoryResource
from plugin.mirror.sources.intake import follow
from plugin.mirror.sources.joining import key_accounts
from plugin.mirror.sources.managing.matching import finish
from plugin.mirror.sources.members import write_audiences
from plugin.mirror.sources.overlays import lay_over, lay_over_everyone
from plugin.mirror.sources.source import KINDS as SUPPLIED
from plugin.mirror.sources.source import (
    SITE_SUPPLIES,
    UNIT_KINDS,
    Source,
    set_suppliers,
    source_of,
    source_row,
    suppliers_of,
)
from plugin.mirror.sources.tables import AccountKey, Identity, Rename, SourceLoad, SourceMember, SourceUnit
from plugin.mirror.sources.units import AUDIENCE, OF_KIND, WORDS, mode_of, stored_data, stored_units, write_units
from plugin.mirror.tables import SITE, Audience, AudienceMember, Connection, Job, Person, Unit


def site_offers(session: Session, host_id: int) -> set[str]:
    """What the learning site can supply: what it has, and before it was ever read what it says it can tell."""
    row = site_of(session, host_id)
    caps = Caps.from_json(row.caps) if row is not None and row.caps else Caps()
    offers = {"fields"} | ({"audiences"} if caps.reads.get("audiences") else set())
    if (
        session.scalars(select(Person.id).where(Person.host_id == host_id, Person.ghost.is_(False)).limit(1)).first()
        is None
    ):
        return offers | ({*UNIT_KINDS, "managers"} if caps.reads.get("units") and caps.reads.get("jobs") else set())
    for kind in UNIT_KINDS:
        here = (Unit.host_id == host_id, Unit.connection == 0, Unit.kind == kind, Unit.gone.is_(False))
        if session.scalars(select(Unit.id).where(*here).limit(1)).first() is not None:
            offers.add(kind)
    jobs = (Job.host_id == host_id, Job.connection == 0, Job.gone.is_(False))
    managed = (Job.manager_ext != "") | (Job.manager_job_ext != "")
    if session.scalars(select(Job.id).where(*jobs, managed).limit(1)).first() is not None:
        offers.add("managers")
    return offers


TOLD = {
    "organisation": ("units", "jobs"), "position": ("units", "jobs"), "managers": ("jobs",),
    "audiences": ("audiences", "members"),
}  # fmt: skip
"""By kind the records of the learning site that tell of it. Fields are kept of it whoever supplies them."""


def to_be_read(session: Session, host_id: int, kind: str, names: Sequence[str]) -> Sequence[str]:
    """Which records of the learning site a change needs: where it begins to supply a kind, what it said was not kept.

    :raises Invalid: as :func:`supply`.
    """
    wanted, before = _wanted(session, host_id, kind, names), suppliers_of(session, host_id)[kind]
    return TOLD.get(kind, ()) if SITE_SUPPLIES in wanted and SITE_SUPPLIES not in before else ()


def _wanted(session: Session, host_id: int, kind: str, names: Sequence[str]) -> list[int]:
    if kind not in SUPPLIED:
        raise Invalid(f"'{kind}' is nothing to supply; use one of {', '.join(SUPPLIED)}.")
    site = site_of(session, host_id)
    wanted = [
        SITE_SUPPLIES
        if name == SITE or (site is not None and name == site.name)
        else source_row(session, host_id, name).id
        for name in names
    ]
    if not wanted or len(set(wanted)) != len(wanted):
        raise Invalid("Name each supplier once, and at least one.")
    return wanted


def supply(
    session: Session, host_id: int, kind: str, names: Sequence[str], *, told: Told | None = None, at: int, who: str
) -> None:
    """Change who supplies a kind; the mirror follows in this transaction (SOURCES 2.4).

    :param names: of sources in order; the learning site by the name of its connection.
    :param told: what the learning site says of it, see :func:`to_be_read`.
    :raises Invalid: for a kind or name that cannot be.
    """
    wanted, before = _wanted(session, host_id, kind, names), suppliers_of(session, host_id)[kind]
    set_suppliers(session, host_id, kind, wanted)
    written = Written()
    for connection in {*before, *wanted} - {SITE_SUPPLIES}:
        if (connection in before) != (connection in wanted):
            row = session.get_one(Connection, (host_id, connection))
            written.add(_supplies_now(session, source_of(session, row), kind, connection in wanted, at))
    if (SITE_SUPPLIES in before) != (SITE_SUPPLIES in wanted) and kind != "fields":
        written.add(_site_supplies_now(session, host_id, kind, SITE_SUPPLIES in wanted))
        written.add(write_at_once(session, host_id, told or {}))
    if kind == "fields":
        zone = str(session.get_one(Host, host_id).time_zone)
        written.people |= lay_over_everyone(session, host_id, at, zone)
    finish(session, host_id, written, at)
    journal.record(session, host_id, at, who, "supply_changed", reason=kind, data={"before": before, "after": wanted})


def _supplies_now(session: Session, source: Source, kind: str, begins: bool, at: int) -> Written:
    """A source begins or ceases to supply a kind."""
    written = Written()
    here = (Identity.host_id == source.host_id, Identity.source == source.id)
    rows = session.scalars(select(Identity).where(*here).order_by(Identity.id)).all()
    zone = str(session.get_one(Host, source.host_id).time_zone)
    if not begins and kind in UNIT_KINDS:
        written.add(_drop_all(session, source.host_id, source.id, Unit, kind))
    if not begins and kind == "audiences":
        written.add(_drop_all(session, source.host_id, source.id, AudienceMember))
        written.add(_drop_all(session, source.host_id, source.id, Audience))
    if not source.supplies & {"organisation", "position", "managers"}:
        written.add(_drop_all(session, source.host_id, source.id, Job))
    if begins and kind in UNIT_KINDS and mode_of(source, kind) != WORDS:
        written.add(write_units(session, source, stored_units(session, source, kind), zone))
    if begins and kind == "audiences":
        written.add(write_audiences(session, source, stored_data(session, source, AUDIENCE), zone))
    for part in slices(rows, 2_000):
        written.add(follow(session, source, part, {}, at, zone).written)
    return written


def _site_supplies_now(session: Session, host_id: int, kind: str, begins: bool) -> Written:
    written = Written()
    site = site_of(session, host_id)
    if begins:
        if site is not None:  # read whole again: what it says of others was not kept, and who is missing is judged then
            site.marks, site.settings = {}, {**site.settings, "whole_read": 0}
        return written
    if kind in UNIT_KINDS:
        written.add(_drop_all(session, host_id, 0, Unit, kind))
    if kind == "audiences":
        written.add(_drop_all(session, host_id, 0, AudienceMember))
        written.add(_drop_all(session, host_id, 0, Audience))
        return written
    columns = ("manager", "manager_job") if kind == "managers" else (kind,)
    jobs = session.execute(select(Job.id, Job.person).where(Job.host_id == host_id, Job.connection == 0)).all()
    values = {name: None for name in columns} | {f"{name}_ext": "" for name in columns}
    session.execute(
        update(Job).where(Job.host_id == host_id, Job.connection == 0).values(**values),
        execution_options={"synchronize_session": False},
    )
    written.people |= {row.person for row in jobs if row.person is not None}
    written.changed += len(jobs)
    return written


_KIND_OF: dict[Any, str] = {Job: "jobs", Audience: "audiences", AudienceMember: "members"}


def _drop_all(session: Session, host_id: int, connection: int, table: Any, kind: str = "") -> Written:
    here = [table.host_id == host_id, table.connection == connection]
    if hasattr(table, "gone"):
        here.append(table.gone.is_(False))
    if kind:
        here.append(table.kind == kind)
    exts = list(session.scalars(select(table.ext).where(*here)))
    return drop_rows(session, host_id, OF_KIND[kind] if kind else KINDS[_KIND_OF[table]], exts)


def remove_source(session: Session, host_id: int, name: str, *, at: int, who: str) -> None:
    """Take a source away with everything it supplied; rows that name its units stay, marked.

    :raises NotFound: for a name nobody has.
    """
    row = source_row(session, host_id, name, lock=True)
    source = source_of(session, row)
    for kind, listed in suppliers_of(session, host_id).items():
        if row.id in listed:
            rest = [one for one in listed if one != row.id]
            set_suppliers(session, host_id, kind, rest or [SITE_SUPPLIES])
    written = _forget_records(session, source, at)
    session.delete(row)
    session.flush()
    finish(session, host_id, written, at)
    journal.record(session, host_id, at, who, "source_removed", reason=name)


def begin_anew(session: Session, row: Connection, kind: str, at: int) -> None:
    """Have a source be of another kind: what it supplied goes, as if it were taken away, and nothing was read of it yet.

    Its name, how it joins and what it supplies stay; its address, its secret and its tokens were those of the other kind.
    """
    written = _forget_records(session, source_of(session, row), at)
    row.kind, row.settings, row.api_token = kind, {"join": row.settings.get("join")}, None
    row.caps, row.marks, row.failures, row.retry_at = {}, {}, 0, 0
    if row.reason:
        row.state, row.reason, row.since = "active", "", at
    session.flush()
    key_accounts(session, source_of(session, row))
    finish(session, row.host_id, written, at)


def _forget_records(session: Session, source: Source, at: int) -> Written:
    """Everything that a source told; rows of certifications that name its units stay, marked."""
    host_id, written = source.host_id, Written()
    for kept in (AudienceMember, Job, Audience):
        written.add(_drop_all(session, host_id, source.id, kept))
    for kind in UNIT_KINDS:
        written.add(_drop_all(session, host_id, source.id, Unit, kind))
    mine = (Identity.host_id == host_id, Identity.source == source.id)
    people = {one for one in session.scalars(select(Identity.person).where(*mine)) if one is not None}
    session.execute(delete(Identity).where(*mine), execution_options={"synchronize_session": False})
    zone = str(session.get_one(Host, host_id).time_zone)
    if "fields" in source.supplies:  # the places of those after it in the order move up
        written.people |= lay_over_everyone(session, host_id, at, zone)
    else:
        written.people |= lay_over(session, host_id, people, at, zone)
    ours: tuple[Any, ...] = (AccountKey, SourceMember, SourceUnit, Rename, DirectoryResource, SourceLoad)
    for table in ours:
        session.execute(delete(table).where(table.host_id == host_id, table.source == source.id))
    return written
