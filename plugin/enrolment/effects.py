"""What a change of the mirror does to every certification: done, settled and compared in one transaction.

The same code as settling, on the same rows, so that what is foreseen is what happens. A plan rolls it back.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch
from plugin.core.database.columns import read_columns
from plugin.core.database.process_cache import provisional
from plugin.core.database.slices import slices
from plugin.core.runtime import Runtime
from plugin.enrolment.answers.withdrawal_guard import GUARD, Limits
from plugin.enrolment.codes import HELD_BY_EXCEPTION, INACTIVE_HOLDS, TARGET_GONE
from plugin.enrolment.settling.people import settle_within
from plugin.enrolment.settling.saves import settle_certifications
from plugin.enrolment.settling.tick import tick_within

T = TypeVar("T")
ON_HOLD = "on_hold"
NUMBERS = ("newly", "withdrawn", "redated", "held_back", "messages")


@dataclass
class CertificationEffect:
    """What one certification gains and loses. ``names`` holds the people behind each number.

    :ivar withdrawn: also whom the guard would put on hold, in ``guarded``.
    :ivar on_hold: learners who stay and wait, because the target of their row is gone.
    """

    code: str
    name: str = ""
    newly: int = 0
    withdrawn: int = 0
    redated: int = 0
    held_back: int = 0
    messages: int = 0
    guarded: int = 0
    on_hold: int = 0
    names: dict[str, BitMap] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """As a plan shows it (SOURCES 6)."""
        return {"code": self.code, **{name: getattr(self, name) for name in NUMBERS}}

    @property
    def anything(self) -> bool:
        """Whether any number is not zero."""
        return any(getattr(self, name) for name in NUMBERS)


class _Back(Exception):
    """Leaves a transaction without committing it."""


@dataclass
class _EarlierEnrolments:
    """Enrolments of the people looked at, as they were before."""

    session: Session
    host_id: int
    seen: BitMap = field(default_factory=BitMap)
    before: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)

    def look(self, people: Sequence[int]) -> None:
        """Keep the rows of these people, unless they were kept already."""
        fresh = BitMap(people) - self.seen
        self.seen |= fresh
        self.before.update(rows_of(self.session, self.host_id, fresh))


def rows_of(session: Session, host_id: int, people: BitMap) -> dict[tuple[int, int], tuple[int, ...]]:
    """By certification and person: whether active, held back, about to leave; the due date."""
    found: dict[tuple[int, int], tuple[int, ...]] = {}
    listed = list(people)
    names = ["certification", "person", "state", "hold", "coalesce(leaves_on, 0)", "coalesce(due, 0)"]
    for part in slices(listed):
        some = ", ".join(map(str, part))
        columns = read_columns(session, "enrolment", names, f"host_id = ? AND person IN ({some})", host_id)
        found.update({(row[0], row[1]): tuple(row[2:]) for row in np.stack(columns, axis=1).tolist()})
    return found


def carried_out(
    session: Session, host_id: int, now: int, limits: Limits, work: Callable[[Session], T], *, confirmed: str = ""
) -> tuple[T, list[CertificationEffect]]:
    """Do ``work`` and settle what follows in this transaction; returns what each certification gains and loses.

    What was owed before is settled first, so that it is not counted.

    :param confirmed: who confirmed the withdrawals; the guard holds none then.
    """
    provisional(session)
    tick_within(session, host_id, now)
    settle_within(session, host_id, limits)
    message = _last(session, host_id, "message")
    held = _last(session, host_id, "held")
    done = work(session)
    rows = _EarlierEnrolments(session, host_id)
    settle_within(session, host_id, limits, confirmed=confirmed, before=rows.look)
    return done, _effects(session, host_id, rows, message, held)


def foreseen(runtime: Runtime, host_id: int, work: Callable[[Session], T]) -> tuple[T, list[CertificationEffect]]:
    """The same, and nothing of it stays: for a plan. Saves that wait to be settled are settled first."""
    with runtime.db.read() as session:
        waits = fetch(session, "SELECT 1 FROM settling WHERE host_id = ? AND state <> 'done' LIMIT 1", host_id)
    if waits:
        settle_certifications(runtime, host_id)
    kept: list[tuple[T, list[CertificationEffect]]] = []

    def look(session: Session) -> None:
        kept[:] = [carried_out(session, host_id, runtime.clock.now(), Limits.of(runtime.settings), work)]
        raise _Back

    with suppress(_Back):
        runtime.db.transact(look)
    return kept[0]


def _last(session: Session, host_id: int, table: str) -> int:
    return int(fetch(session, f"SELECT coalesce(max(id), 0) FROM {table} WHERE host_id = ?", host_id)[0][0])


def _effects(
    session: Session, host_id: int, rows: _EarlierEnrolments, message: int, held: int
) -> list[CertificationEffect]:
    after = rows_of(session, host_id, rows.seen)
    named = fetch(session, "SELECT id, code, name FROM certification WHERE host_id = ? ORDER BY code", host_id)
    found = {
        number: CertificationEffect(code, name, names={one: BitMap() for one in (*NUMBERS, ON_HOLD)})
        for number, code, name in named
    }
    for pair in after.keys() | rows.before.keys():
        for name in _differences(rows.before.get(pair), after.get(pair)):
            found[pair[0]].names[name].add(pair[1])
    sql = (
        f"SELECT certification, people FROM held WHERE host_id = ? AND id > ? AND cause = '{GUARD}' AND state = 'open'"
    )
    for certification, people in fetch(session, sql, host_id, held):
        kept = BitMap.deserialize(bytes(people))
        found[certification].guarded += len(kept)
        found[certification].names["withdrawn"] |= kept
    sql = "SELECT certification, learner FROM message WHERE host_id = ? AND id > ? AND state <> 'cancelled'"
    for certification, learner in fetch(session, sql, host_id, message):
        if certification in found:
            found[certification].messages += 1
            found[certification].names["messages"].add(learner)
    for one in found.values():
        for name in (*NUMBERS, ON_HOLD):
            if name != "messages":
                setattr(one, name, len(one.names[name]))
    return list(found.values())


def _differences(before: tuple[int, ...] | None, after: tuple[int, ...] | None) -> list[str]:
    was, is_now = _active(before), _active(after)
    found = []
    if is_now and not was:
        found.append("newly")
    if was and (not is_now or _leaving(after) > _leaving(before)):
        found.append("withdrawn")
    if was and is_now and before is not None and after is not None and before[3] != after[3]:
        found.append("redated")
    if was and is_now and after is not None and before is not None and after[1] == TARGET_GONE != before[1]:
        found.append(ON_HOLD)
    if _held_back(after) and not _held_back(before) and not was:
        found.append("held_back")
    return found


def _active(row: tuple[int, ...] | None) -> bool:
    return row is not None and row[0] > 0 and row[1] not in INACTIVE_HOLDS


def _held_back(row: tuple[int, ...] | None) -> bool:
    return row is not None and row[0] > 0 and row[1] == HELD_BY_EXCEPTION


def _leaving(row: tuple[int, ...] | None) -> bool:
    return row is not None and row[2] > 0
