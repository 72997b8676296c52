"""Search by word prefix on our own index of accent-folded words: the same answers on both databases."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, delete, false, func, select
from sqlalchemy.orm import Session

from plugin.core.bulk import fetch
from plugin.core.caches import keep, kept
from plugin.core.ids import read_clock, upsert_for
from plugin.mirror.tables import Audience, Course, Job, Person, SearchWord, Unit

_PLAIN = str.maketrans(
    {"ł": "l", "đ": "d", "ð": "d", "ø": "o", "æ": "ae", "œ": "oe", "ß": "ss", "þ": "th", "ı": "i", "ħ": "h", "ŋ": "n"}
)
"""Letters that Unicode does not take apart into a base and an accent."""
_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.UNICODE)
_LONGEST = 40
_KIND_OF: dict[Any, str] = {Person: "person", Unit: "unit", Audience: "audience", Course: "course"}
_TABLE_OF: dict[str, Any] = {
    "person": Person, "individual": Person, "organisation": Unit, "position": Unit, "audience": Audience,
    "course": Course,
}  # fmt: skip


Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Found:
    """A page of results: rows of the table searched, and how many there are in all."""

    total: int
    rows: Sequence[Any]


def fold(text: str) -> str:
    """Lower case without accents: ``Łukasz`` and ``Müller`` become ``lukasz`` and ``muller``."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_PLAIN))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).translate(_PLAIN)


def words_of(text: str) -> set[str]:
    """The words a text is found by: its words, and for addresses and codes also the whole."""
    folded = fold(text).replace("’", "'")
    found = {word[:_LONGEST] for word in _WORDS.findall(folded)}
    found |= {word.replace("'", "")[:_LONGEST] for word in found if "'" in word}
    if any(mark in folded for mark in "@._-") and " " not in folded.strip():
        found.add(folded.strip()[:_LONGEST])
    return found - {""}


def reindex(session: Session, host_id: int, table: Any, columns: Sequence[str], ids: Sequence[int]) -> None:
    """Index these rows afresh."""
    kind = _KIND_OF[table]
    for start in range(0, len(ids), 500):
        part = list(ids[start : start + 500])
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


def find(
    session: Session,
    host_id: int,
    kind: str,
    query: str,
    *,
    limit: int = 50,
    offset: int = 0,
    framework: str | None = None,
) -> Found:
    """Rows in which every word of the query begins some word; all rows where the query is empty.

    :param kind: person, individual, organisation, position, audience, course, or manager (rows are jobs).
    """
    if kind == "manager":
        return _managers(session, host_id, _query_words(query), limit, offset)
    table = _TABLE_OF[kind]
    conditions = [table.host_id == host_id, *_conditions(kind, framework)]
    for word in _query_words(query):
        conditions.append(table.id.in_(_matching(session, host_id, _KIND_OF[table], word)))
    total = session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0
    rows = session.scalars(select(table).where(*conditions).order_by(*_order(table)).limit(limit).offset(offset)).all()
    return Found(int(total), rows)


def named(session: Session, host_id: int, person: Any, query: str) -> list[ColumnElement[bool]]:
    """Conditions on a column of our ids of people: every word of the query begins some word she is found by."""
    words = _query_words(query)
    if query.strip() and not words:
        return [false()]
    return [person.in_(_matching(session, host_id, "person", word)) for word in words]


def _query_words(query: str) -> list[str]:
    folded = fold(query).replace("’", "'").strip()
    if any(mark in folded for mark in "@_") and " " not in folded:
        return [folded[:_LONGEST]]
    return sorted({word[:_LONGEST] for word in _WORDS.findall(folded)})


def _matching(session: Session, host_id: int, kind: str, word: str) -> Any:
    """Targets with a word that starts so: a range by bytes, whatever the database's collation is."""
    column: ColumnElement[str] = SearchWord.word  # type: ignore[assignment]
    if session.get_bind().dialect.name != "sqlite":
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


def _managers(session: Session, host_id: int, words: Sequence[str], limit: int, offset: int) -> Found:
    """Jobs that somebody reports to, by the name of whom they belong to."""
    jobs, people = _leaders(session, host_id)
    if words:
        matching = [session.scalars(_matching(session, host_id, "person", word)) for word in words]
        fit = np.isin(people, np.array(list(set.intersection(*map(set, matching))), np.int64))
        jobs = jobs[fit]
    part = [int(one) for one in jobs[offset : offset + limit]]
    rows = {row.id: row for row in session.scalars(select(Job).where(Job.host_id == host_id, Job.id.in_(part)))}
    return Found(len(jobs), [rows[one] for one in part if one in rows])


def _leaders(session: Session, host_id: int) -> tuple[Ids, Ids]:
    """Jobs that somebody reports to, never for a time only (DOMAIN 2.3), with their people; kept until the seq moves."""
    name, seq = ("leaders", host_id), read_clock(session, host_id)[0]
    known: tuple[int, Ids, Ids] | None = kept(session, name)
    if known is not None and known[0] == seq:
        return known[1], known[2]
    counts = "host_id = ? AND NOT gone AND NOT temporary"
    by_job = f"SELECT DISTINCT manager_job FROM job WHERE {counts} AND manager_job IS NOT NULL"
    by_person = f"SELECT DISTINCT manager FROM job WHERE {counts} AND manager IS NOT NULL AND manager_job_ext = ''"
    alive = "SELECT id, name FROM person WHERE host_id = ? AND state <> 2"
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
