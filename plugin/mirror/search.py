"""Search by word prefix on our own index of accent-folded words: the same answers on both databases."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, func, literal_column, select
from sqlalchemy.orm import Session

from plugin.core.ids import upsert_for
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
    "course": Course, "manager": Job,
}  # fmt: skip


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
    table = _TABLE_OF[kind]
    conditions = [table.host_id == host_id, *_conditions(host_id, kind, framework)]
    target = Job.person if table is Job else table.id
    for word in _query_words(query):
        conditions.append(target.in_(_matching(session, host_id, "person" if table is Job else _KIND_OF[table], word)))
    total = session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0
    rows = session.scalars(select(table).where(*conditions).order_by(*_order(table)).limit(limit).offset(offset)).all()
    return Found(int(total), rows)


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


def _conditions(host_id: int, kind: str, framework: str | None) -> list[ColumnElement[bool]]:
    if kind in ("person", "individual"):
        return [Person.state != 2]
    if kind in ("organisation", "position"):
        found = [Unit.kind == kind, Unit.gone.is_(False)]
        return [*found, Unit.framework == framework] if framework is not None else found
    if kind == "manager":
        someone = select(literal_column("1")).where(
            Person.host_id == host_id, Person.id == Job.person, Person.state != 2
        )
        return [Job.gone.is_(False), someone.correlate(Job).exists(), _leads(host_id)]
    table = _TABLE_OF[kind]
    return [table.gone.is_(False)]


def _leads(host_id: int) -> ColumnElement[bool]:
    """Jobs that somebody reports to, never for a time only (DOMAIN 2.3). Asked by each link on its own: each has an index."""
    report = Job.__table__.alias("report")
    counts = (report.c.host_id == host_id, report.c.gone.is_(False), report.c.temporary.is_(False))
    by_job = select(literal_column("1")).where(*counts, report.c.manager_job == Job.id).correlate(Job).exists()
    by_person = (
        select(literal_column("1"))
        .where(*counts, report.c.manager_job_ext == "", report.c.manager == Job.person)
        .correlate(Job)
        .exists()
    )
    return by_job | by_person


def _order(table: Any) -> list[Any]:
    if table is Job:
        return [
            select(Person.name).where(Person.host_id == Job.host_id, Person.id == Job.person).scalar_subquery(),
            Job.id,
        ]
    return [table.name, table.id]
