"""History down to the learner: its entries, each once for every learner it speaks of, in a temporary table."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from pyroaring import BitMap

from plugin.core.database.bulk import run, run_each
from plugin.reports.asking import learner_sets
from plugin.reports.asking.question import Question
from plugin.reports.asking.reader import Asker
from plugin.reports.columns import ReportSource
from plugin.reports.sources.history import BY_LEARNER

_PART = 10_000


def by_learner(asker: Asker, question: Question) -> ReportSource:
    """Fill the table with what the question can reach, and return the source that reads it.

    Where people are asked for, entries that speak of nobody have no row.
    """
    temporary_table(asker, "told", "n BIGINT, person INT")
    wanted = _wanted(asker, question)
    codes = [value for name, value in question.filters if name == "certification"]
    known = learner_sets.certifications(asker)
    where = ""
    if codes and all(code in known for code in codes):
        where = f" AND certification IN ({', '.join(str(known[code]) for code in codes)})"
    sql = f"SELECT n, person, people FROM journal WHERE host_id = ?{where} ORDER BY n"
    part: list[tuple[int, int | None]] = []
    for n, person, people in asker.rows(sql, asker.host_id):
        who = BitMap.deserialize(bytes(people)) if people is not None else BitMap([] if person is None else [person])
        if wanted is not None:
            who &= wanted
        elif not who:
            part.append((n, None))
        part += [(n, one) for one in who]
        if len(part) >= _PART:
            _insert(asker, part)
            part = []
    _insert(asker, part)
    return BY_LEARNER


def _wanted(asker: Asker, question: Question) -> BitMap | None:
    """Whose entries are asked for; ``None``: everybody's, and those of nobody."""
    wanted = asker.reader.people
    named = [value for name, value in question.filters if name == "person"]
    if named:
        for one in named:
            learner_sets.must_be_known(asker, "person", one)
        marks = ", ".join("?" * len(named))
        rows = asker.rows(f"SELECT id FROM person WHERE host_id = ? AND ext IN ({marks})", asker.host_id, *named)
        found = BitMap(row[0] for row in rows)
        wanted = found if wanted is None else wanted & found
    for kind in learner_sets.KINDS:
        if given := [value for name, value in question.filters if name == kind]:
            found = learner_sets.people_of(asker, kind, given)
            wanted = found if wanted is None else wanted & found
    return wanted


def temporary_table(asker: Asker, name: str, columns: str) -> None:
    """An empty table of this transaction's own."""
    run(asker.session, f"DROP TABLE IF EXISTS {'temp.' if asker.sqlite else 'pg_temp.'}{name}")
    run(asker.session, f"CREATE TEMPORARY TABLE {name} ({columns}){'' if asker.sqlite else ' ON COMMIT DROP'}")


def _insert(asker: Asker, rows: list[tuple[int, int | None]]) -> None:
    run_each(asker.session, "INSERT INTO told (n, person) VALUES (?, ?)", rows)
