"""Writing what a host told: rows of one kind, compared with ours, so that only real changes stamp people."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, text, update
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch_named
from plugin.core.database.slices import slices
from plugin.core.ids import take_ids
from plugin.core.tables import HostClock
from plugin.hosts.port import Record
from plugin.mirror.lookup.search import COLUMNS, reindex
from plugin.mirror.pulling import affected_people, fields, undone_completions
from plugin.mirror.tables import DELETED, Audience, AudienceMember, Completion, Course, Job, Person, Unit

_SLICE = 500


@dataclass(frozen=True)
class Kind:
    """How one kind is kept.

    :ivar refs: column with the other record's external id → (column with ours, the other table, and for a unit which kind).
    :ivar words: columns that make it findable, and under which kind.
    :ivar kept: columns that stay as they are where a record says nothing of them: they are learnt elsewhere.
    :ivar only: of a unit: the kind whose ids these are; the site's are unique over both.
    """

    name: str
    table: Any
    counter: str
    read: fields.Read
    refs: Mapping[str, tuple[str, Any, str]] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    only: str = ""


KINDS = {
    kind.name: kind
    for kind in (
        Kind("people", Person, "person", fields.person, {}, COLUMNS[Person]),
        Kind("units", Unit, "unit", fields.unit, {}, COLUMNS[Unit]),
        Kind(
            "jobs", Job, "job", fields.job,
            {
                "person_ext": ("person", Person, ""), "organisation_ext": ("organisation", Unit, "organisation"),
                "position_ext": ("position", Unit, "position"), "manager_job_ext": ("manager_job", Job, ""),
                "manager_ext": ("manager", Person, ""),
            },
        ),
        Kind("audiences", Audience, "audience", fields.audience, {}, COLUMNS[Audience]),
        Kind(
            "members", AudienceMember, "member", fields.member,
            {"audience_ext": ("audience", Audience, ""), "person_ext": ("person", Person, "")},
        ),
        Kind("courses", Course, "course", fields.course, {}, COLUMNS[Course], ("criteria",)),
        Kind(
            "completions", Completion, "completion", fields.completion,
            {"person_ext": ("person", Person, ""), "course_ext": ("course", Course, "")},
        ),
    )
}  # fmt: skip
"""In the order they are read: what is referred to first."""


Changed = list[tuple[Mapping[str, Any], dict[str, Any], set[str]]]
"""Records that changed: as they were, as they shall be, and which columns differ."""


@dataclass
class Written:
    """What a page changed: rows, the people to stamp, and whether the unit trees need numbering."""

    changed: int = 0
    people: set[int] = field(default_factory=set)
    trees: bool = False
    unread: list[tuple[str, fields.Unread]] = field(default_factory=list)
    """By record: what of it could not be read."""
    accounts: list[int] = field(default_factory=list)
    """Our ids of people whose own record came, changed or went."""

    def add(self, other: Written) -> None:
        """Take another part in."""
        self.changed += other.changed
        self.people |= other.people
        self.trees |= other.trees


def write_rows(
    session: Session,
    host_id: int,
    kind: Kind,
    rows: Sequence[Record],
    zone: str,
    sweep: int,
    *,
    partial: bool = False,
    connection: int = 0,
    lay_over: Callable[[Mapping[str, dict[str, Any]]], None] | None = None,
) -> Written:
    """Insert or update these records; the people touched are returned, not yet stamped.

    :param partial: columns whose field a record does not name are left as they are.
    :param connection: the source that supplies them; 0 for the learning site.
    :param lay_over: changes columns, by the records' ids, before they are compared and written.
    """
    written = Written()
    readings = {row.id: fields.RecordReading(row, zone) for row in rows}
    wanted = {ext: kind.read(reading) for ext, reading in readings.items()}
    written.unread = [(ext, doubt) for ext, reading in readings.items() for doubt in reading.unread]
    for columns in wanted.values() if connection else ():
        columns["connection"] = connection
    named = {row.id: row.fields for row in rows}
    present = _present(session, host_id, kind, list(wanted))
    _resolve(session, host_id, kind, wanted)
    _leave_unnamed(wanted, present, named, kind.kept, partial=partial)
    if lay_over is not None:
        lay_over(wanted)
    if kind.table is Completion:
        undone_completions.lay_over_done(session, host_id, wanted)
    new, changed = [], []
    for ext, columns in wanted.items():
        old = present.get(ext)
        if old is None:
            new.append({"host_id": host_id, "ext": ext, "sweep": sweep, **columns})
        elif difference := {name for name, value in columns.items() if old[name] != value}:
            changed.append((old, columns, difference))
    _touched_before(session, host_id, kind, changed, written)
    _insert(session, host_id, kind, new)
    _update(session, host_id, kind, changed)
    mark_seen(session, host_id, kind, list(wanted), sweep)
    if kind.table is Completion:
        undone_completions.undo_earlier(session, host_id, [*new, *(columns for _old, columns, _what in changed)])
    _touched_after(session, host_id, kind, new, changed, written)
    if kind.words and (new or changed):
        reindex(
            session, host_id, kind.table, kind.words, [row["id"] for row in new] + [old["id"] for old, *_ in changed]
        )
    written.changed = len(new) + len(changed)
    if kind.table is Person:
        written.accounts = [row["id"] for row in new] + [old["id"] for old, *_ in changed]
    return written


def _leave_unnamed(
    wanted: dict[str, dict[str, Any]], present: Mapping[str, Mapping[str, Any]], named: Mapping[str, Mapping[str, Any]],
    kept: Sequence[str], *, partial: bool,
) -> None:  # fmt: skip
    """What a record does not name stays as it is: with ``partial`` all of it, else the columns that are learnt elsewhere."""
    for ext, columns in wanted.items() if partial or kept else ():
        old = present.get(ext)
        if old is not None and partial:
            columns = wanted[ext] = {**{name: old[name] for name in columns}, **_named(named[ext], columns)}
        if old is not None:
            columns |= {name: old[name] for name in kept if columns[name] is None}


def _named(fields_given: Mapping[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of the same name as a field that was given."""
    return {name: value for name, value in columns.items() if name in fields_given}


def _present(session: Session, host_id: int, kind: Kind, exts: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    here = [kind.table.kind == kind.only] if kind.only else []
    for part in slices(exts, _SLICE):
        query = select(kind.table.__table__).where(*here, kind.table.host_id == host_id, kind.table.ext.in_(part))
        found.update({row["ext"]: row for row in session.execute(query).mappings()})
    return found


def _resolve(session: Session, host_id: int, kind: Kind, wanted: Mapping[str, dict[str, Any]]) -> None:
    """Fill in our ids of what records refer to; what has not arrived yet stays empty and resolves later."""
    for ext_column, (column, table, only) in kind.refs.items():
        names = {columns[ext_column] for columns in wanted.values() if columns[ext_column]}
        ids = _ids_of(session, host_id, table, names, only)
        for columns in wanted.values():
            columns[column] = ids.get(columns[ext_column])


def _ids_of(session: Session, host_id: int, table: Any, names: Iterable[str], only: str = "") -> dict[str, int]:
    which, values = ("AND kind = ?", [only]) if only else ("", [])
    sql = f"SELECT ext, id FROM {table.__tablename__} WHERE host_id = ? {which} AND ext IN ({{names}})"
    return dict(fetch_named(session, sql, names, host_id, *values))


def _insert(session: Session, host_id: int, kind: Kind, new: list[dict[str, Any]]) -> None:
    if not new:
        return
    first = take_ids(session, host_id, kind.counter, len(new))
    for offset, columns in enumerate(new):
        columns["id"] = first + offset
    session.execute(insert(kind.table), new)
    if kind.table is Job:
        _resolve_within(session, host_id)


def _update(session: Session, host_id: int, kind: Kind, changed: Changed) -> None:
    """Write the columns of records that changed, all by one statement."""
    if not changed:
        return
    session.flush()
    table = kind.table.__table__
    names = list(changed[0][1])
    statement = (
        update(table)
        .where(table.c.host_id == host_id, table.c.id == bindparam("its_id"))
        .values({name: bindparam(f"its_{name}") for name in names})
    )
    rows = [
        {"its_id": old["id"], **{f"its_{name}": columns[name] for name in names}} for old, columns, _what in changed
    ]
    session.connection().execute(statement, rows)
    for one in list(session.identity_map.values()):
        if isinstance(one, kind.table):
            session.expire(one)


def _resolve_within(session: Session, host_id: int) -> None:
    """Managers' jobs of the same page have only just got their ids."""
    session.execute(
        text(
            "UPDATE job SET manager_job = (SELECT b.id FROM job b WHERE b.host_id = job.host_id AND b.ext = job.manager_job_ext)"
            " WHERE host_id = :host AND manager_job IS NULL AND manager_job_ext <> ''"
        ),
        {"host": host_id},
    )


def mark_seen(session: Session, host_id: int, kind: Kind, exts: Sequence[str], sweep: int) -> None:
    """These were seen in this whole read."""
    if not sweep:
        return
    for part in slices(exts, _SLICE):
        session.execute(
            update(kind.table).where(kind.table.host_id == host_id, kind.table.ext.in_(part)).values(sweep=sweep),
            execution_options={"synchronize_session": False},
        )


_CHAIN = {"manager_job_ext", "manager_ext", "manager_job", "manager", "temporary", "gone", "person_ext", "person"}


def _touched_before(session: Session, host_id: int, kind: Kind, changed: Changed, written: Written) -> None:
    """Whom the old state reaches, read before it is overwritten."""
    if kind.table is Unit:
        moved = [old["id"] for old, _new, what in changed if what & {"parent_ext", "kind", "gone"}]
        written.people |= affected_people.in_units(session, host_id, moved)
    if kind.table is Job:
        written.people |= {old["person"] for old, _new, _what in changed if old["person"] is not None}
        written.people |= affected_people.below_jobs(
            session, host_id, [old["id"] for old, _n, what in changed if what & _CHAIN]
        )


def _touched_after(
    session: Session, host_id: int, kind: Kind, new: Sequence[Mapping[str, Any]], changed: Changed, written: Written
) -> None:
    ids = [row["id"] for row in new]
    if kind.table is Person:
        back = [old["id"] for old, _new, what in changed if "state" in what and old["state"] == DELETED]
        written.people |= {*ids, *(old["id"] for old, _new, _what in changed)}
        written.people |= affected_people.below_people(session, host_id, back)
        written.people |= arrivals(session, host_id, Person, ids)
    elif kind.table is Unit:
        written.trees = bool(ids) or any(what & {"parent_ext", "kind", "gone", "name"} for _o, _n, what in changed)
        written.people |= arrivals(session, host_id, Unit, ids)
        written.people |= affected_people.in_units(
            session, host_id, [old["id"] for old, _new, what in changed if "gone" in what]
        )
    elif kind.table is Job:
        written.people |= {row["person"] for row in new if row["person"] is not None}
        written.people |= {row["person"] for _old, row, _what in changed if row["person"] is not None}
        chained = [old["id"] for old, _new, what in changed if what & _CHAIN]
        written.people |= affected_people.below_jobs(session, host_id, chained + ids)
        written.people |= arrivals(session, host_id, Job, ids)
    elif kind.table is Audience:
        written.people |= arrivals(session, host_id, Audience, ids)
        back = [old["id"] for old, _new, what in changed if "gone" in what]
        written.people |= affected_people.in_audiences(session, host_id, back)
    elif kind.table is Course:
        written.people |= arrivals(session, host_id, Course, ids)
    else:
        rows = [row for row in new] + [row for _old, row, _what in changed] + [old for old, _new, _what in changed]
        written.people |= {row["person"] for row in rows if row["person"] is not None}


_REFERRING: dict[Any, tuple[tuple[str, str, str, str], ...]] = {
    Person: (
        ("job", "person_ext", "person", ""), ("job", "manager_ext", "manager", ""),
        ("audience_member", "person_ext", "person", ""), ("completion", "person_ext", "person", ""),
    ),
    Unit: (
        ("job", "organisation_ext", "organisation", " AND o.kind = 'organisation'"),
        ("job", "position_ext", "position", " AND o.kind = 'position'"),
    ),
    Job: (("job", "manager_job_ext", "manager_job", ""),),
    Audience: (("audience_member", "audience_ext", "audience", ""),),
    Course: (("completion", "course_ext", "course", ""),),
}  # fmt: skip


def arrivals(session: Session, host_id: int, table: Any, ids: Sequence[int]) -> set[int]:
    """Resolve what waited for these records to arrive; returns the people that touches."""
    if not ids:
        return set()
    touched: set[int] = set()
    name = table.__tablename__
    for referring, ext_column, column, only in _REFERRING[table]:
        condition = (
            f"host_id = :host AND {column} IS NULL AND {ext_column} IN"
            f" (SELECT ext FROM {name} o WHERE host_id = :host AND id IN :ids{only})"
        )
        statement = text(
            f"UPDATE {referring} SET {column} = (SELECT o.id FROM {name} o WHERE o.host_id = {referring}.host_id"
            f" AND o.ext = {referring}.{ext_column}{only}) WHERE {condition} RETURNING id, person"
        ).bindparams(bindparam("ids", expanding=True))
        for part in slices(ids, _SLICE):
            rows = session.execute(statement, {"host": host_id, "ids": list(part)}).all()
            touched |= {row[1] for row in rows if row[1] is not None}
            if referring == "job" and rows:
                touched |= affected_people.below_jobs(session, host_id, [row[0] for row in rows])
    return touched


def drop_rows(session: Session, host_id: int, kind: Kind, exts: Sequence[str]) -> Written:
    """Delete records that the host no longer has. Rows that others point at stay, marked."""
    written = Written()
    rows = [row for row in _present(session, host_id, kind, exts).values() if not _is_gone(kind, row)]
    ids = [row["id"] for row in rows]
    if not ids:
        return written
    written.changed = len(ids)
    if kind.table is Person:
        written.accounts = ids
        written.people |= set(ids) | affected_people.below_people(session, host_id, ids)
    elif kind.table is Unit:
        written.people |= affected_people.in_units(session, host_id, ids)
        written.trees = True
    elif kind.table is Job:
        written.people |= affected_people.below_jobs(session, host_id, ids)
    elif kind.table is Audience:
        written.people |= affected_people.in_audiences(session, host_id, ids)
    else:
        written.people |= {row["person"] for row in rows if "person" in row and row["person"] is not None}
    for part in slices(ids, _SLICE):
        _drop(session, host_id, kind, part)
    return written


def _is_gone(kind: Kind, row: Mapping[str, Any]) -> bool:
    return bool(row["state"] == DELETED if kind.table is Person else row.get("gone"))


def _drop(session: Session, host_id: int, kind: Kind, ids: list[int]) -> None:
    table = kind.table
    here = (table.host_id == host_id, table.id.in_(ids))
    if table is AudienceMember:
        session.execute(delete(table).where(*here), execution_options={"synchronize_session": False})
    else:
        value = _deleted(host_id) if table is Person else {"gone": True}
        session.execute(update(table).where(*here).values(**value), execution_options={"synchronize_session": False})


def _deleted(host_id: int) -> dict[str, Any]:
    now = select(HostClock.as_of).where(HostClock.host_id == host_id).scalar_subquery()
    return {"state": DELETED, "life": Person.life + 1, "gone_at": now}
