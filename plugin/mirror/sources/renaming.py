"""A unit made of words that vanished while a new one took its people: the same unit under another name? (SOURCES 4.3)"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from plugin.core import journal
from plugin.core.errors import NotFound
from plugin.core.ids import take_ids
from plugin.core.tables import Host
from plugin.hosts.port import Record
from plugin.mirror.changes import stamp
from plugin.mirror.pulling.rows import Written, write_rows
from plugin.mirror.pulling.unit_trees import recount, renumber
from plugin.mirror.sources.joining import parts
from plugin.mirror.sources.projecting import Move, project
from plugin.mirror.sources.source import Source
from plugin.mirror.sources.tables import Identity, Rename, SourceUnit
from plugin.mirror.sources.units import OF_KIND, drop_units
from plugin.mirror.tables import Job, Unit


def offer(
    session: Session, source: Source, kind: str, moves: Sequence[Move], empty: Collection[str], fresh: Collection[str],
    now: int,
) -> dict[str, str]:  # fmt: skip
    """Ask whether units that vanished go on under another name: where one that is new took at least half of the people.

    :param empty: units that vanished. :param fresh: units that are new.
    :returns: by vanished unit the new one.
    """
    lines = _lines(session, source, kind)
    pairs: Counter[tuple[str, str]] = Counter()
    lost: Counter[str] = Counter()
    for one in moves:
        lost.update(lines.get(one.old, [one.old]))
        for was, became in zip(lines.get(one.old, []), lines.get(one.new, []), strict=False):
            if was != became and was in empty and became in fresh:
                pairs[was, became] += 1
    offered: dict[str, str] = {}
    for (was, became), people in pairs.most_common():
        if was not in offered and became not in offered.values() and 2 * people >= lost[was]:
            offered[was] = became
            session.add(
                Rename(
                    host_id=source.host_id, id=take_ids(session, source.host_id, "source_rename"), source=source.id,
                    kind=kind, old=was, new=became, people=people, state="open", since=now,
                )
            )  # fmt: skip
    session.flush()
    return offered


def _lines(session: Session, source: Source, kind: str) -> dict[str, list[str]]:
    """By unit of the source, itself with everything above it, from the top."""
    rows = session.execute(
        select(Unit.ext, Unit.parent_ext).where(
            Unit.host_id == source.host_id, Unit.connection == source.id, Unit.kind == kind, Unit.gone.is_(False)
        )
    )
    above = {row[0]: row[1] for row in rows}
    lines: dict[str, list[str]] = {}
    for ext in above:
        line, here = [], ext
        while here in above and here not in line:
            line.append(here)
            here = above[here]
        lines[ext] = line[::-1]
    return lines


def put_back(session: Session, source: Source, kind: str, moves: Sequence[Move], offered: Mapping[str, str]) -> Written:
    """Put jobs back into the unit they left while it is asked whether it only changed its name (SOURCES 4.3)."""
    written = Written()
    by_unit: dict[str, list[str]] = {}
    for one in moves:
        if offered.get(one.old) == one.new:
            by_unit.setdefault(one.old, []).append(one.job)
    for ext, jobs in by_unit.items():
        unit = session.scalar(select(Unit.id).where(Unit.host_id == source.host_id, Unit.kind == kind, Unit.ext == ext))
        for part in parts(jobs):
            session.execute(
                update(Job).where(Job.host_id == source.host_id, Job.ext.in_(part))
                .values({kind: unit, f"{kind}_ext": ext}),
                execution_options={"synchronize_session": False},
            )  # fmt: skip
        written.changed += len(jobs)
    return written


def become(session: Session, source: Source, rename: Rename, zone: str) -> Written:
    """The old unit takes the name and the place of the new one, which goes; rows that name the old stay (SOURCES 4.3)."""
    kind, host_id = rename.kind, source.host_id
    here = (Unit.host_id == host_id, Unit.kind == kind)
    new = session.scalars(select(Unit).where(*here, Unit.ext == rename.new)).first()
    if new is None:
        raise NotFound(f"There is no unit '{rename.new}' any more that could be the old one's new name.")
    record = Record(
        rename.old,
        {"kind": kind, "framework": new.framework, "framework_name": new.framework_name, "parent": new.parent_ext,
         "name": new.name, "code": new.code},
    )  # fmt: skip
    written = write_rows(session, host_id, OF_KIND[kind], [record], zone, 0, connection=source.id)
    session.execute(
        update(Unit)
        .where(*here, Unit.connection == source.id, Unit.parent_ext == rename.new)
        .values(parent_ext=rename.old),
        execution_options={"synchronize_session": False},
    )
    session.execute(
        update(SourceUnit)
        .where(SourceUnit.host_id == host_id, SourceUnit.source == source.id, SourceUnit.kind == kind,
               SourceUnit.ext == rename.new)
        .values(ext=rename.old),
        execution_options={"synchronize_session": False},
    )  # fmt: skip
    written.trees = True
    return written


def open_question(session: Session, source: Source, number: int) -> Rename:
    """A question about a rename that is still open.

    :raises NotFound: where there is none of this number.
    """
    here = (Rename.host_id == source.host_id, Rename.source == source.id, Rename.id == number, Rename.state == "open")
    found = session.scalars(select(Rename).where(*here).with_for_update()).first()
    if found is None:
        raise NotFound(f"{source.name} has no open question of the number {number}.")
    return found


def answer(session: Session, source: Source, row: Rename, *, renamed: bool, at: int, who: str) -> None:
    """Take the answer: the same unit under another name, or another unit; the mirror follows."""
    host_id, zone = source.host_id, str(session.get_one(Host, source.host_id).time_zone)
    column = Job.organisation_ext if row.kind == "organisation" else Job.position_ext
    here = (Job.host_id == host_id, Job.connection > 0, Job.connection == source.id, column.in_((row.old, row.new)))
    own = len(source.name) + 1
    names = [ext[own:] for ext in session.scalars(select(Job.ext).where(*here))]
    row.state = "renamed" if renamed else "refused"
    session.flush()
    written = become(session, source, row, zone) if renamed else Written()
    identities: list[Identity] = []
    for part in parts({*names, *(name.rpartition("/")[0] for name in names)}):
        mine = (Identity.host_id == host_id, Identity.source == source.id, Identity.ext.in_(part))
        identities += session.scalars(select(Identity).where(*mine))
    done = project(session, source, identities, at, zone)
    written.add(done.written)
    if renamed:
        written.add(drop_units(session, source, row.kind, [row.new]))
    session.flush()
    if written.trees:
        renumber(session, host_id)
    stamp(session, host_id, written.people, at)
    recount(session, host_id)
    data = {"source": source.name, "old": row.old, "new": row.new}
    journal.record(session, host_id, at, who, f"unit_{row.state}", reason=row.old, data=data)
