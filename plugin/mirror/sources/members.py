"""Audiences of a source and who belongs to them; a member not known yet, or without an account, waits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch_named
from plugin.hosts.port import Record
from plugin.mirror.pulling.rows import KINDS, Written, drop_rows, write_rows
from plugin.mirror.sources.joining import parts
from plugin.mirror.sources.projecting import exts_of, left_since
from plugin.mirror.sources.source import Source
from plugin.mirror.sources.source_data import Delivery, PersonData
from plugin.mirror.sources.tables import Identity, SourceMember
from plugin.mirror.sources.units import AUDIENCE, keep, stored_data

_BETWEEN = "\x1f"
"""Between an audience and a person in the id of a membership; neither can hold it."""
_MEMBERSHIPS = """
SELECT audience, identity FROM source_member WHERE host_id = ? AND source = ? AND identity IN ({names})
"""


@dataclass
class MembersResult:
    """What taking audiences in did. ``known`` and ``removed``: memberships, for the row guard."""

    written: Written = field(default_factory=Written)
    known: int = 0
    removed: int = 0
    before: dict[str, Any] = field(default_factory=dict)


def take(session: Session, source: Source, delivery: Delivery, now: int, zone: str) -> MembersResult:
    """Take audiences and members in. What is told while the source does not supply audiences is kept, and counts later."""
    done = MembersResult()
    added, removed = set(delivery.members_added), set(delivery.members_removed)
    gone = set(delivery.audiences_gone)
    if delivery.audiences is None and not (added or removed or gone or delivery.audiences_named):
        return done
    present = stored_data(session, source, AUDIENCE)
    names = {one: str(said.get("name") or "") for one, said in present.items()}
    done.before = {"members": sorted(_pairs(session, source, None)), "audiences": names}
    fresh = {one.id: {"name": one.name or names.get(one.id, "")} for one in delivery.audiences_named}
    if delivery.audiences is not None:
        wanted = {(one.id, who) for one in delivery.audiences for who in one.members}
        named = None if "audiences" in delivery.whole else [one.id for one in delivery.audiences]
        known = _pairs(session, source, named)
        done.known = len(known)
        added |= wanted - known
        removed |= known - wanted
        if named is None:
            gone |= present.keys() - {one.id for one in delivery.audiences}
        fresh.update({one.id: {"name": one.name} for one in delivery.audiences})
    keep(session, source, AUDIENCE, fresh, gone)
    removed |= _pairs(session, source, sorted(gone)) if gone else set()
    done.removed = len(removed)
    _change(session, source, added - removed, removed)
    if "audiences" in source.supplies:
        done.written.add(write_audiences(session, source, fresh, zone))
        if gone:
            exts = [source.ext(one) for one in sorted(gone)]
            done.written.add(drop_rows(session, source.host_id, KINDS["audiences"], exts))
        done.written.add(_follow_changed(session, source, added, removed, now, zone))
    return done


def write_audiences(session: Session, source: Source, said: Mapping[str, Mapping[str, Any]], zone: str) -> Written:
    """Write audiences to the mirror; one without a name is called by its id."""
    records = [Record(source.ext(one), {"name": word.get("name") or one}) for one, word in said.items()]
    if not records:
        return Written()
    return write_rows(session, source.host_id, KINDS["audiences"], records, zone, 0, connection=source.id)


def _follow_changed(
    session: Session, source: Source, added: set[tuple[str, str]], removed: set[tuple[str, str]], now: int, zone: str
) -> Written:
    rows: list[Identity] = []
    for part in parts({identity for _audience, identity in added | removed}):
        here = (Identity.host_id == source.host_id, Identity.source == source.id, Identity.ext.in_(part))
        rows += session.scalars(select(Identity).where(*here))
    written = follow(session, source, rows, now, zone)
    dropped = [_ext(source, *pair) for pair in sorted(removed)]
    written.add(drop_rows(session, source.host_id, KINDS["members"], dropped))
    return written


def _pairs(session: Session, source: Source, audiences: Sequence[str] | None) -> set[tuple[str, str]]:
    query = select(SourceMember.audience, SourceMember.identity).where(
        SourceMember.host_id == source.host_id, SourceMember.source == source.id
    )
    if audiences is None:
        return {(row[0], row[1]) for row in session.execute(query)}
    found: set[tuple[str, str]] = set()
    for part in parts(audiences):
        found |= {(row[0], row[1]) for row in session.execute(query.where(SourceMember.audience.in_(part)))}
    return found


def _change(
    session: Session, source: Source, added: Iterable[tuple[str, str]], removed: Iterable[tuple[str, str]]
) -> None:
    known = _pairs(session, source, sorted({one for one, _who in added}))
    rows = [
        {"host_id": source.host_id, "source": source.id, "audience": audience[:255], "identity": who[:255]}
        for audience, who in sorted(set(added) - known)
    ]
    if rows:
        session.execute(insert(SourceMember), rows)
    by_audience: dict[str, list[str]] = {}
    for audience, who in removed:
        by_audience.setdefault(audience, []).append(who)
    for audience, listed in by_audience.items():
        for part in parts(listed):
            gone = delete(SourceMember).where(
                SourceMember.host_id == source.host_id, SourceMember.source == source.id,
                SourceMember.audience == audience, SourceMember.identity.in_(part),
            )  # fmt: skip
            session.execute(gone, execution_options={"synchronize_session": False})


def _ext(source: Source, audience: str, who: str) -> str:
    return f"{source.name}:{audience}{_BETWEEN}{who}"[:520]


def follow(session: Session, source: Source, identities: Sequence[Identity], now: int, zone: str) -> Written:
    """Bring the memberships of these identities in line: they count while she has an account and has not left."""
    written = Written()
    if "audiences" not in source.supplies or not identities:
        return written
    by_ext = {one.ext: one for one in identities}
    exts = exts_of(session, source.host_id, {one.person for one in identities if one.person is not None})
    here: list[Record] = []
    away: list[str] = []
    for audience, who in fetch_named(session, _MEMBERSHIPS, by_ext, source.host_id, source.id):
        one = by_ext[who]
        name = _ext(source, audience, who)
        if one.person in exts and not _has_left(one, now, zone):
            here.append(Record(name, {"audience": source.ext(audience), "person": exts[int(one.person or 0)]}))
        else:
            away.append(name)
    if here:
        written.add(write_rows(session, source.host_id, KINDS["members"], here, zone, 0, connection=source.id))
    if away:
        written.add(drop_rows(session, source.host_id, KINDS["members"], away))
    return written


def _has_left(one: Identity, now: int, zone: str) -> bool:
    since = left_since(one, PersonData.from_json(one.ext, one.said), zone)
    return since is not None and since <= now
