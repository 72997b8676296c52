"""A reset that comes as a record of its own undoes what the learner completed of that course until then (decision 0154).

Hosts tell a reset in two ways: the record of the completion turns to ``reset``, or another record says so and the first one
stays *done*. Both end as rows with ``reset``, so that nobody who reads completions needs to know which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from plugin.core.database.slices import slices
from plugin.mirror.tables import Completion

_SLICE = 500
Undone = dict[tuple[int, int], int]
"""By person and course (ours): until when what was completed is undone."""


def lay_over_done(session: Session, host_id: int, rows: Mapping[str, dict[str, Any]]) -> None:
    """Turn those of these completions to *reset* that are undone, by a row known already or one of these.

    :param rows: columns by the record's id, changed in place.
    """
    undone = _known(session, host_id, rows)
    _add(undone, rows.values())
    for row in rows.values() if undone else ():
        until = undone.get((row["person"], row["course"]))
        if until is not None and row["at"] is not None and row["at"] <= until:
            row["reset"] = True


def undo_earlier(session: Session, host_id: int, rows: Iterable[Mapping[str, Any]]) -> None:
    """Undo what is kept already and is not later than these resets; those they are about are stamped for the resets."""
    undone: Undone = {}
    _add(undone, rows)
    for (person, course), until in undone.items():
        here = (Completion.host_id == host_id, Completion.person == person, Completion.course == course)
        session.execute(
            update(Completion).where(*here, ~Completion.reset, Completion.at <= until).values(reset=True),
            execution_options={"synchronize_session": False},
        )


def _known(session: Session, host_id: int, rows: Mapping[str, Mapping[str, Any]]) -> Undone:
    """The resets kept of the same people, but for what these rows replace: a host may take a reset back."""
    found: Undone = {}
    for part in slices(sorted({row["person"] for row in rows.values() if row["person"] is not None}), _SLICE):
        query = select(
            Completion.ext, Completion.person, Completion.course, Completion.at, Completion.reset, Completion.gone
        )
        kept = session.execute(
            query.where(Completion.host_id == host_id, Completion.person.in_(part), Completion.reset)
        )
        _add(found, (row for row in kept.mappings() if row["ext"] not in rows))
    return found


def _add(undone: Undone, rows: Iterable[Mapping[Any, Any]]) -> None:
    for row in rows:
        pair = row["person"], row["course"]
        if row["reset"] and not row["gone"] and row["at"] is not None and None not in pair:
            undone[pair] = max(row["at"], undone.get(pair, row["at"]))
