"""Search by word prefix on our own index of accent-folded words: the same answers on both databases."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, case, delete, false, func, select
from sqlalchemy.orm import Session

from plugin.core.area_scope import area_of
from plugin.core.database.bulk import fetch
from plugin.core.database.dialect import by_bytes
from plugin.core.database.process_cache import cached, keep
from plugin.core.database.slices import slices
from plugin.core.ids import kept_number, read_clock, take_ids, upsert_for
from plugin.core.runtime import Runtime
from plugin.core.text.texts import fold as compared
from plugin.mirror.lookup.search_words import fold as fold
from plugin.mirror.lookup.search_words import marked as marked
from plugin.mirror.lookup.search_words import query_words
from plugin.mirror.lookup.search_words import words_of as words_of
from plugin.mirror.lookup.visible_to_area import seen
from plugin.mirror.tables import DELETED, Audience, Course, Job, Person, PersonKey, SearchWord, Unit

_MOST_EXACT = 500
"""Rows looked at for an exact name."""
_KIND_OF: dict[Any, str] = {Person: "person", Unit: "unit", Audience: "audience", Course: "course"}
_TABLE_OF: dict[str, Any] = {
    "person": Person, "individual": Person, "organisation": Unit, "position": Unit, "audience": Audience,
    "course": Course,
}  # fmt: skip


Ids = NDArray[np.int64]


@dataclass(frozen=True)
class SearchResult:
    """A page of results: rows of the table searched, and how many there are in all."""

    total: int
    rows: Sequence[Any]


def reindex(session: Session, host_id: int, table: Any, columns: Sequence[str], ids: Sequence[int]) -> None:
    """Index these rows afresh."""
    kind = _KIND_OF[table]
    for part in slices(ids):
        session.execute(
            delete(SearchWord).where(
                SearchWord.host_id == host_id, SearchWord.kind == kind, SearchWord.target.in_(part)
            ),
            execution_options={"synchronize_session": False},
        )
        listed = [getattr(table, name) for name in columns]
        rows = session.execute(select(table.id, *listed).where(table.host_id == host_id, table.id.in_(part)))
        words = [
            {"host_id": host_id, "kind": kind, "word": word, "target": row[0]}
            for row in rows
            for word in sorted(set().union(*(words_of(value or "") for value in row[1:])))
        ]
        if words:
            session.execute(upsert_for(session)(SearchWord).on_conflict_do_nothing(), words)
        if table is Person:
            _rekey(session, host_id, part)


def _rekey(session: Session, host_id: int, people: Sequence[int]) -> None:
    session.execute(
        delete(PersonKey).where(PersonKey.host_id == host_id, PersonKey.person.in_(people)),
        execution_options={"synchronize_session": False},
    )
    rows = session.execute(
        select(Person.id, Person.username, Person.email, Person.number).where(
            Person.host_id == host_id, Person.id.in_(people)
        )
    )
    keys = [
        {"host_id": host_id, "word": word, "person": number}
        for number, *names in rows
        for word in sorted(set(map(compared, names)) - {""})
    ]
    if keys:
        session.execute(upsert_for(session)(PersonKey).on_conflict_do_nothing(), keys)


COLUMNS: dict[Any, tuple[str, ...]] = {
    Person: ("name", "given_name", "family_name", "username", "email", "number"),
    Unit: ("name", "code"), Audience: ("name", "code"), Course: ("name", "code"),
}  # fmt: skip
"""What each kind is found by."""
_INDEXED = "search:2"
"""Counts to 1 once everything of a host is indexed as this release does it."""
_AT_ONCE = 500


def is_indexed(session: Session, host_id: int) -> bool:
    """Whether everything of a host is indexed as this release looks it up."""
    name = (_INDEXED, host_id)
    if cached(session, name):
        return True
    if kept_number(session, host_id, _INDEXED) is None:
        return False
    keep(session, name, True)
    return True


def keep_indexed(runtime: Runtime, host_id: int) -> int:
    """Index what an earlier release did not index as this one does; once for a host. Returns how many records."""
    with runtime.db.read() as session:
        if is_indexed(session, host_id):
            return 0
        listed = {
            table: list(session.scalars(select(table.id).where(table.host_id == host_id).order_by(table.id)))
            for table in COLUMNS
        }
    for table, ids in listed.items():
        for part in slices(ids, _AT_ONCE):
            runtime.db.transact(partial(reindex, host_id=host_id, table=table, columns=COLUMNS[table], ids=part))
    runtime.db.transact(lambda session: take_ids(session, host_id, _INDEXED))
    return sum(len(ids) for ids in listed.values())


def find(
    session: Session,
    host_id: int,
    kind: str,
    query: str,
    *,
    limit: int = 50,
    offset: int = 0,
    framework: str | None = None,
    backwards: bool = False,
) -> SearchResult:
    """Rows in which every word of the query begins some word; all rows where the query is empty.

    :param kind: person, individual, organisation, position, audience, course, or manager (rows are jobs).
    :param backwards: from Z to A, whatever is called exactly so.
    """
    if query.strip() and not query_words(query):
        return SearchResult(0, [])
    if kind == "manager":
        return _managers(session, host_id, query, limit, offset)
    table = _TABLE_OF[kind]
    conditions = [table.host_id == host_id, *_conditions(kind, framework), *seen(session, host_id, table)]
    for word in query_words(query):
        conditions.append(table.id.in_(_matching(session, host_id, _KIND_OF[table], word)))
    total = session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0
    exact = _exact(session, host_id, table, query, conditions)
    order = [case((table.id.in_(exact), 0), else_=1), *_order(table)] if exact else list(_order(table))
    if backwards:
        order = [one.desc() for one in _order(table)]
    rows = session.scalars(select(table).where(*conditions).order_by(*order).limit(limit).offset(offset)).all()
    return SearchResult(int(total), rows)


def _exact(
    session: Session, host_id: int, table: Any, query: str, conditions: Sequence[ColumnElement[bool]]
) -> list[int]:  # fmt: skip
    """Those that are called exactly so, in whatever case: they stand before all others."""
    words, whole = query_words(query), " ".join(fold(query).split())
    if not words:
        return []
    equal = [
        table.id.in_(
            select(SearchWord.target).where(
                SearchWord.host_id == host_id, SearchWord.kind == _KIND_OF[table], SearchWord.word == word
            )
        )
        for word in words
    ]
    names = [getattr(table, name) for name in COLUMNS[table]]
    rows = session.execute(select(table.id, *names).where(*conditions, *equal).limit(_MOST_EXACT))
    return [row[0] for row in rows if any(" ".join(fold(one or "").split()) == whole for one in row[1:])]


def named(session: Session, host_id: int, person: Any, query: str) -> list[ColumnElement[bool]]:
    """Conditions on a column of our ids of people: every word of the query begins some word she is found by."""
    words = query_words(query)
    if query.strip() and not words:
        return [false()]
    return [person.in_(_matching(session, host_id, "person", word)) for word in words]


def _matching(session: Session, host_id: int, kind: str, word: str) -> Any:
    """Targets with a word that starts so: a range by bytes, whatever the database's collation is."""
    column: ColumnElement[str] = SearchWord.word  # type: ignore[assignment]  # a mapped column is one
    if by_bytes(session):
        column = SearchWord.word.collate("C")
    return select(SearchWord.target).where(
        SearchWord.host_id == host_id, SearchWord.kind == kind, column >= word, column < word + "\U0010ffff"
    )


def _conditions(kind: str, framework: str | None) -> list[ColumnElement[bool]]:
    if kind in ("person", "individual"):
        return [Person.state != 2]
    if kind in ("organisation", "position"):
        found = [Unit.kind == kind, Unit.gone.is_(False)]
        return [*found, Unit.framework == framework] if framework is not None else found
    table = _TABLE_OF[kind]
    return [table.gone.is_(False)]


def _managers(session: Session, host_id: int, query: str, limit: int, offset: int) -> SearchResult:
    """Jobs that somebody reports to, by the name of whom they belong to."""
    words = query_words(query)
    jobs, people = _leaders(session, host_id)
    if words:
        matching = [session.scalars(_matching(session, host_id, "person", word)) for word in words]
        fit = np.isin(people, np.array(list(set.intersection(*map(set, matching))), np.int64))
        jobs, people = jobs[fit], people[fit]
        exact = np.isin(
            people, np.array(_exact(session, host_id, Person, query, [Person.host_id == host_id]), np.int64)
        )
        jobs, people = np.concatenate((jobs[exact], jobs[~exact])), np.concatenate((people[exact], people[~exact]))
    if (area := area_of(session, host_id)) is not None:
        jobs = jobs[np.isin(people, np.array(area, dtype=np.int64))]
    part = [int(one) for one in jobs[offset : offset + limit]]
    rows = {row.id: row for row in session.scalars(select(Job).where(Job.host_id == host_id, Job.id.in_(part)))}
    return SearchResult(len(jobs), [rows[one] for one in part if one in rows])


def _leaders(session: Session, host_id: int) -> tuple[Ids, Ids]:
    """Jobs that somebody reports to, never for a time only (rules 2.3), with their people; kept until the seq moves."""
    name, seq = ("leaders", host_id), read_clock(session, host_id)[0]
    known: tuple[int, Ids, Ids] | None = cached(session, name)
    if known is not None and known[0] == seq:
        return known[1], known[2]
    counts = "host_id = ? AND NOT gone AND NOT temporary"
    by_job = f"SELECT DISTINCT manager_job FROM job WHERE {counts} AND manager_job IS NOT NULL"
    by_person = f"SELECT DISTINCT manager FROM job WHERE {counts} AND manager IS NOT NULL AND manager_job_ext = ''"
    alive = f"SELECT id, name FROM person WHERE host_id = ? AND state <> {DELETED}"
    # Three scans put together here: as one query no planner finds the cheap order for every shape of company.
    named = {row[0] for row in fetch(session, by_job, host_id)}
    leading = {row[0] for row in fetch(session, by_person, host_id)}
    names = dict(fetch(session, alive, host_id))
    jobs = fetch(session, "SELECT id, person FROM job WHERE host_id = ? AND NOT gone", host_id)
    found = sorted(
        (names[person], job, person)
        for job, person in jobs
        if (job in named or person in leading) and person in names
    )  # fmt: skip
    ids = np.array([one[1] for one in found], dtype=np.int64)
    people = np.array([one[2] for one in found], dtype=np.int64)
    keep(session, name, (seq, ids, people))
    return ids, people


def _order(table: Any) -> list[Any]:
    return [table.name, table.id]
