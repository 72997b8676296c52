"""Since when an assignment holds a learner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plugin.enrolment.codes import WITHDRAWN
from plugin.enrolment.earlier_rows import changes_of
from plugin.enrolment.facts import Ints
from plugin.reports.asking.reader import Asker
from plugin.reports.columns import Row
from plugin.reports.sources import assignment_names


@dataclass(frozen=True)
class _Before:
    """When reasons changed, and state and reasons before: one position a change, by person, hers the latest first."""

    person: Ints
    at: Ints
    state: Ints
    why: Ints


def since(asker: Asker, rows: Sequence[Row]) -> list[int]:
    """When an assignment began to hold a learner in this spell: the latest change of before which it did not."""
    found: list[int] = [row["_began"] for row in rows]
    members = assignment_names.sets(asker)
    for number in {row["_certification"] for row in rows}:
        places = [place for place, row in enumerate(rows) if row["_certification"] == number]
        before = _before(asker, number)
        people = np.array([rows[place]["_person"] for place in places], np.int64)
        lows, highs = before.person.searchsorted(people), before.person.searchsorted(people, "right")
        for place, low, high in zip(places, lows.tolist(), highs.tolist(), strict=True):
            assignment = rows[place]["_assignment"]
            for at in range(low, high):
                if before.state[at] <= WITHDRAWN or assignment not in members.get(int(before.why[at]), ()):
                    found[place] = max(found[place], int(before.at[at]))
                    break
    return found


def _before(asker: Asker, number: int) -> _Before:
    known: dict[int, _Before] = asker.memo.setdefault("whys_before", {})
    if number not in known:
        parts = []
        for change in changes_of(asker.session, asker.host_id, number):
            why, state = change.columns.get("why"), change.columns.get("state")
            if why is None and state is None:
                continue
            n = len(change.person)
            state = np.full(n, 1) if state is None else state
            told = np.ones(n, bool) if asker.as_of is None else change.at <= asker.as_of
            told &= (state <= WITHDRAWN) if why is None else True
            columns = (change.person, change.at, state, np.zeros(n, np.int64) if why is None else why)
            parts.append([column[told] for column in columns])
        nothing = [np.zeros(0, np.int64)]
        whole = [np.concatenate([part[place] for part in parts] or nothing) for place in range(4)]
        order = whole[0].argsort(kind="stable")
        known[number] = _Before(*(column[order] for column in whole))
    return known[number]
