"""Imported records, as settling takes them (rules 7.6): into the facts before ``step`` decides, and out again.

A record joins a spell once there is one, and brings the cycle up to date without a word to anybody: what passed before
the file was imported is nobody's news. What a row said before is kept, so that the file can be taken back.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from plugin.certifications.rules import cycle
from plugin.certifications.rules.record_states import LearnerRecord, Rules, brought_along
from plugin.core.database.bulk import fetch, update_rows
from plugin.enrolment.codes import ASSIGNED, STATES
from plugin.enrolment.facts import NONE, Facts
from plugin.enrolment.rules.lifecycle import Completions, state_of
from plugin.enrolment.tables import OVER, TAKEN, TAKING_BACK, WAITING, ImportedRecord
from plugin.enrolment.terms import Terms

_CYCLE = ("cycle", "certified_at", "expires", "window_opens", "baseline")
_MARKS = ("cycle", "certified_at", "baseline")
"""What tells whether a row still says what a record made it say."""
_DATES = ("due", "due_from", "baseline_due")
_ROW = ("state", *_DATES)


@dataclass(frozen=True)
class Open:
    """A record that waits for a spell, or is to be taken out of one."""

    person: int
    n: int
    record: LearnerRecord
    state: int
    kept: Mapping[str, Any]


@dataclass(frozen=True)
class RecordChange:
    """A record that joined a row, or left one: by position; ``kept`` is ``None`` where it left."""

    position: int
    one: Open
    kept: dict[str, Any] | None


def open_records(session: Session, host_id: int, condition: str = "") -> dict[int, list[Open]]:
    """Records that wait or are to be taken back, by certification, the oldest file first.

    :param condition: more of the SQL.
    """
    sql = (
        "SELECT certification, person, n, since, until, day, state, kept FROM brought"
        f" WHERE host_id = ? AND state IN ({WAITING}, {TAKING_BACK}){condition}"
    )
    found: dict[int, list[Open]] = {}
    for certification, person, n, since, until, day, state, kept in sorted(fetch(session, sql, host_id), key=_order):
        record = LearnerRecord(int(since), None if until is None else int(until), bool(day))
        known = json.loads(kept) if isinstance(kept, str) else dict(kept or {})
        found.setdefault(certification, []).append(Open(person, n, record, state, known))
    return found


def _order(row: tuple[Any, ...]) -> tuple[int, int, int]:
    return row[0], row[1], row[2]


def take(
    facts: Facts, records: Sequence[Open], terms: Terms, done: Completions, as_of: int
) -> tuple[Facts, list[RecordChange]]:
    """The facts with every record in them that is open for somebody among them; ``facts`` itself stays.

    Who turns out to have no spell gets her own back: :func:`leave_absent`.
    """
    if not records or (terms.settings is None and terms.kind != "program"):
        return facts, []
    rules = Rules(terms.settings, terms.content, terms.zone, as_of)
    new, taken = facts.copy(), []
    for one in records:
        position = int(facts.person.searchsorted(one.person))
        if position >= len(facts.person) or facts.person[position] != one.person:
            continue
        if one.state == TAKING_BACK:
            _give_back(new, position, one.kept, as_of)
            taken.append(RecordChange(position, one, None))
            continue
        before = _said(new, position)
        present = present_state(new, position, as_of)
        state = brought_along(present, one.record, done.get(one.person, {}), rules)
        if state != present:
            _put(new, position, state)
        kept = {"before": before, "after": {name: int(getattr(new, name)[position]) for name in _MARKS}}
        taken.append(RecordChange(position, one, kept))
    return new, taken


def leave_absent(new: Facts, stored: Facts, taken: list[RecordChange]) -> list[RecordChange]:
    """Records of people without a spell go on waiting; returns the others."""
    joined = []
    for one in taken:
        if one.kept is None or new.live[one.position]:
            joined.append(one)
            continue
        for name in (*_CYCLE, *_DATES):
            getattr(new, name)[one.position] = getattr(stored, name)[one.position]
    return joined


def present_state(facts: Facts, position: int, as_of: int) -> cycle.CycleState:
    """Where she is in the cycle, or was when she left."""
    if facts.live[position]:
        return state_of(facts, position)
    dates = {name: _value(facts, name, position) for name in _CYCLE}
    return cycle.recalled(dates["certified_at"], dates["expires"], dates["window_opens"], dates["baseline"],
                          dates["cycle"] or 0, as_of)  # fmt: skip


def _said(facts: Facts, position: int) -> dict[str, int]:
    names = (*_CYCLE, *_ROW) if facts.live[position] else _CYCLE
    return {name: int(getattr(facts, name)[position]) for name in names}


def _put(facts: Facts, position: int, state: cycle.CycleState) -> None:
    for name in _CYCLE:
        value = getattr(state, name)
        getattr(facts, name)[position] = NONE if value is None else value
    if state.state == cycle.COMPLETE:  # as if it had been known before any date was given
        for name in _DATES:
            getattr(facts, name)[position] = NONE
    if not facts.live[position]:
        return  # a spell that begins reads its state and date from these
    facts.state[position] = STATES.index(state.state)
    if state.due is not None:
        facts.due[position], facts.due_from[position] = state.due, NONE
        facts.baseline_due[position] = NONE


def _give_back(facts: Facts, position: int, kept: Mapping[str, Any], as_of: int) -> None:
    """What the row said before the record, unless something newer stands there now."""
    if still_stands({name: int(getattr(facts, name)[position]) for name in _MARKS}, kept):
        before = kept["before"]
        for name in _CYCLE:
            getattr(facts, name)[position] = before[name]
        if not facts.live[position]:
            return
        facts.due[position] = before.get("due", NONE)
        facts.due_from[position] = before.get("due_from", NONE)
        facts.baseline_due[position] = before.get("baseline_due", NONE)
        if before["certified_at"] == NONE:
            facts.state[position] = ASSIGNED
            return
        dates = {name: _value(facts, name, position) for name in _CYCLE}
        state = cycle.recalled(dates["certified_at"], dates["expires"], dates["window_opens"], dates["baseline"],
                               dates["cycle"] or 0, as_of)  # fmt: skip
        _put(facts, position, state)


def still_stands(row: Mapping[str, int | None], kept: Mapping[str, Any]) -> bool:
    """Whether a row says what a record made it say: what came since stays (rules 5.8)."""
    after = kept.get("after", {})
    return all((NONE if row[name] is None else row[name]) == after.get(name) for name in _MARKS)


def write_taken(session: Session, host_id: int, certification: int, taken: Sequence[RecordChange]) -> None:
    """Say of records that they are part of a spell now, or that they are taken back."""
    if not taken:
        return
    keys = {"host_id": host_id, "certification": certification, "person": [one.one.person for one in taken],
            "n": [one.one.n for one in taken]}  # fmt: skip
    update_rows(session, ImportedRecord, keys, {
        "state": [OVER if one.kept is None else TAKEN for one in taken],
        "kept": [json.dumps(one.one.kept if one.kept is None else one.kept) for one in taken],
    })  # fmt: skip


def _value(facts: Facts, name: str, position: int) -> int | None:
    value = int(getattr(facts, name)[position])
    return None if value == NONE else value
