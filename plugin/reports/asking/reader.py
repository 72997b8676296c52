"""Who asks for a report and what she may see; and everything a query needs to know besides."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch
from plugin.core.database.dialect import is_sqlite
from plugin.core.days import moment_of
from plugin.enrolment.terms import zone_of_host
from plugin.population.sets import Population, population


@dataclass(frozen=True)
class Reader:
    """Rights decide the rows, always.

    :ivar people: whose rows she may see; ``None``: everybody's. ``certifications``: of which; ``None``: of all.
    :ivar sources: which she may ask for; ``None``: all.
    :ivar units: whose people alone she looks after; what sessions that read are told (:mod:`plugin.population.area`).
    :ivar who: how the history names her.
    """

    who: str
    people: BitMap | None = None
    certifications: frozenset[int] | None = None
    sources: frozenset[str] | None = None
    units: frozenset[int] = frozenset()


@dataclass
class Asker:
    """One question being answered: a transaction, a host, an instant, and a reader.

    :ivar now: the instant it is answered for. :ivar enrolment: the table that rows of learners are read from; another
        than the present one where it is asked how things stood.
    """

    session: Session
    host_id: int
    now: int
    reader: Reader
    enrolment: str = "enrolment"
    exception: str = "exception"
    as_of: int | None = None
    memo: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def sqlite(self) -> bool:
        """Whether the statement is for SQLite."""
        return is_sqlite(self.session)

    @cached_property
    def zone(self) -> str:
        """The host's time zone."""
        return zone_of_host(self.session, self.host_id)

    @cached_property
    def population(self) -> Population:
        """The host's people as sets."""
        return population(self.session, self.host_id)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a statement."""
        return fetch(self.session, sql, *values)

    @cached_property
    def day_sql(self) -> str:
        """An expression for the number of the local day of an instant ``:at``, with every change of the clocks in it."""
        changes = _offsets(self.zone, self.now)
        if len(changes) == 1:
            return f"((:at + {changes[0][1]}) / 86400)"
        cases = " ".join(f"WHEN :at >= {start} THEN {offset}" for start, offset in reversed(changes[1:]))
        return f"((:at + CASE {cases} ELSE {changes[0][1]} END) / 86400)"


_YEARS = 30
_STEP = 7 * 86_400


def _offsets(zone: str, now: int) -> list[tuple[int, int]]:
    """Since when which offset from UTC holds, from some years before ``now`` until then."""

    def offset(at: int) -> int:
        found = moment_of(at, zone).utcoffset()
        return int(found.total_seconds()) if found is not None else 0

    start = now - _YEARS * 365 * 86_400
    changes = [(start, offset(start))]
    for end in range(start + _STEP, now + 2 * _STEP, _STEP):
        if (after := offset(end)) == changes[-1][1]:
            continue
        low, high = end - _STEP, end
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == changes[-1][1] else (low, middle)
        changes.append((high, after))
    return changes


def certifications_of(asker: Asker) -> frozenset[int] | None:
    """The certifications that exist for the reader; ``None`` for all.

    Whoever sees some people alone knows of those that one of them is or was in: the names of others are none of hers.
    """
    reader = asker.reader
    if reader.certifications is not None or reader.people is None:
        return reader.certifications
    condition, values = condition_of(asker, "e.person", reader.people)
    sql = f"SELECT DISTINCT e.certification FROM enrolment e WHERE e.host_id = ? AND {condition}"
    return frozenset(row[0] for row in asker.rows(sql, asker.host_id, *values))


def condition_of(asker: Asker, column: str, people: BitMap) -> tuple[str, list[Any]]:
    """An SQL condition that a column of our ids is among these, for few people and for very many."""
    if len(people) <= 200:
        return f"{column} IN ({', '.join(map(str, people)) or 'NULL'})", []
    if asker.sqlite:
        return f"{column} IN (SELECT value FROM json_each(?))", ["[" + ",".join(map(str, people)) + "]"]
    return f"{column} = ANY(?::int[])", ["{" + ",".join(map(str, people)) + "}"]
