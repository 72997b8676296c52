"""Columns as data: name, type, and where the value comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plugin.reports.asking.reader import Asker

TEXT, WORD, NUMBER, PERCENT, FLAG, INSTANT, LOCAL, SETTING = (
    "text", "word", "number", "percent", "flag", "instant", "local", "setting",
)  # fmt: skip
"""``INSTANT`` and ``LOCAL`` are epoch seconds until they are written; ``SETTING`` is a value as the file has it."""

Row = dict[str, Any]
"""Values by column; names that begin with an underscore are keys of ours and are never shown."""
Late = Callable[["Asker", Sequence[Row]], Sequence[Any]]
"""Computes a column of some rows from their keys."""


@dataclass(frozen=True)
class Column:
    """A column of a source.

    :ivar sql: an expression over the source's tables; empty where the value is computed from a row's keys by ``late``.
    :ivar words: all values there are, where they are few; another word in a filter is refused.
    :ivar parts: the text joins several values by ``; ``; a filter takes any of them.
    :ivar known: looks up whether a value named in a filter exists; see :mod:`plugin.reports.asking.filters`.
    """

    name: str
    type: str = TEXT
    sql: str = ""
    late: Late | None = None
    words: tuple[str, ...] = ()
    parts: bool = False
    known: str = ""
    among: Callable[[Asker, Callable[[Any], bool]], str] | None = None
    """Condition for rows whose computed value passes a test, where few values of a stored number tell it."""
    code: str = ""
    """An expression of whole numbers that count ``words``: compared in their place, which is several times as quick."""


@dataclass(frozen=True)
class ReportSource:
    """A source: one query with columns and a natural order.

    :ivar base: ``FROM`` with the tables every row needs; ``where`` its condition, with ``?`` for the host alone.
    :ivar joins: by alias, what else may be joined, in an order in which each may stand on those before.
    :ivar slim: tables that are enough to count rows whose conditions name no others; ``size`` counts them there.
    :ivar keys: hidden values every row carries, by name.
    :ivar person: expression of the person's id of ours; empty where a row is of nobody.
    :ivar ties: expressions that order rows beyond what was asked for, and tell any two rows apart.
    :ivar default: columns where nobody chose any. :ivar order: the natural order, as ``sort`` takes it.
    :ivar live: condition for ``overdue=true``, with ``:now``.
    """

    name: str
    base: str
    where: str
    columns: tuple[Column, ...]
    keys: Mapping[str, str]
    ties: tuple[str, ...]
    default: tuple[str, ...]
    joins: Mapping[str, str] = field(default_factory=dict)
    slim: str = ""
    size: str = "count(*)"
    certification: str = ""
    person: str = ""
    overdue: str = ""
    order: str = ""
    as_of: bool = False
    held_by: Callable[[Asker, set[int]], str] | None = None
    """Condition for rows held by any of these assignments."""
    identity: tuple[str, ...] = ("_certification", "_person")
    """Hidden keys that tell any two rows apart, as ``ties`` do, in numbers where there are such."""
    found_by: tuple[str, ...] = ("_certification", "_person")
    """Those of them that rows are found by: one number, or two."""


def words_sql(expression: str, words: Sequence[str | None]) -> str:
    """An expression that reads codes as words; a code without a word is NULL."""
    cases = " ".join(f"WHEN {code} THEN '{word}'" for code, word in enumerate(words) if word is not None)
    return f"CASE {expression} {cases} END"
