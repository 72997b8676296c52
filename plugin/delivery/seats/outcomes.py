"""What the host answered, written down: only where the call and the generation still match (design point 6)."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from pyroaring import BitMap
from sqlalchemy import text
from sqlalchemy.orm import Session

from plugin.core import outbox
from plugin.core.database.bulk import fetch, run, update_rows
from plugin.core.database.dialect import for_update
from plugin.core.ids import take_ids
from plugin.core.logs import log
from plugin.core.text.stored import later
from plugin.delivery.seats.wanted_seats import is_owed
from plugin.delivery.tables import FOUND, IN, NOBODYS, OURS, OUT, SUSPENDED, UNKNOWN, WANTS, Call, Seat
from plugin.hosts.port import HostTrouble, Outcome, Wait
from plugin.mirror.hints.receiving import look_again

GIVE_UP = 48 * 3600
_FIRST, _LONGEST = 5, 3600
_STANDS = ("done", "same")
_log = log("delivery")

_COLUMNS = ("course", "person", "wanted", "generation", "sent", "sent_generation", "origin", "attempts", "changed")
_IN_CALL = "call = ? AND call <> ''"
"""Said twice, because the index holds only seats in calls and a planner cannot look into a parameter."""
_ALL_ALIKE = f"""
UPDATE seat SET confirmed = sent, call = '', attempts = 0, next_at = 0, parked = NULL, confirmed_at = ?, answer = ?,
  origin = CASE WHEN sent = {OUT} THEN {NOBODYS} WHEN sent = {IN} AND {{ours}} THEN {OURS} ELSE origin END,
  owed = NOT (wanted = sent OR (wanted = {SUSPENDED} AND sent = {OUT})
    OR (origin = {FOUND} AND NOT (sent = {IN} AND {{ours}}) AND sent <> {OUT} AND wanted <> {IN}))
WHERE host_id = ? AND {_IN_CALL}
"""
"""What :func:`_after` does for a whole call of one word."""
_WHOLE = {
    "done": _ALL_ALIKE.format(ours="TRUE"),
    "same": _ALL_ALIKE.format(ours=f"origin <> {FOUND}"),
}


def backoff(attempts: int) -> int:
    """Seconds until the next attempt after so many: doubling from five to an hour, with jitter."""
    return int(min(_LONGEST, _FIRST * 2 ** min(max(attempts - 1, 0), 12)) * random.uniform(0.7, 1.3))  # noqa: S311 - jitter


def pause_after(trouble: HostTrouble, attempts: int) -> int:
    """Seconds until a call is made again that met this trouble; the host's own word goes first."""
    if isinstance(trouble, Wait):
        return backoff(attempts) if trouble.after is None else trouble.after
    return max(backoff(attempts), 60)


def next_answer(session: Session, host_id: int) -> int:
    """The number of an answer about to be written; rows with it are committed in the order of their numbers."""
    return take_ids(session, host_id, "answer")


def apply_seats(session: Session, host_id: int, call: Call, outcomes: Sequence[Outcome], now: int) -> dict[str, int]:
    """Write the outcomes of a ``seats`` call. A seat missing from the answer is owed again.

    Returns how many seats met each outcome.
    """
    answers: dict[str, Outcome] = {}
    for outcome in outcomes:
        answers.setdefault(outcome.key, outcome)
    answer = next_answer(session, host_id)
    asked = fetch(session, f"SELECT course, person FROM seat WHERE host_id = ? AND {_IN_CALL}", host_id, call.id)
    keys = [f"{course}.{person}" for course, person in asked]
    unknown = answers.keys() - set(keys)
    if unknown:
        _log.warning("outcomes for items nobody asked about", call=call.id, count=len(unknown))
    words = [answers[key].outcome if key in answers else "missing" for key in keys]
    counts = {word: words.count(word) for word in dict.fromkeys(words)}
    if len(counts) == 1 and words[0] in _WHOLE:
        run(session, _WHOLE[words[0]], now, answer, host_id, call.id)
        return counts
    others = [seat for seat, word in zip(asked, words, strict=True) if word not in _STANDS]
    if len(others) < len(asked):
        _stand(session, host_id, call, others, answer, now)
    _one_by_one(session, host_id, call, answers, answer, now)
    return counts


def _stand(
    session: Session, host_id: int, call: Call, others: Sequence[tuple[int, int]], answer: int, now: int
) -> None:
    """Of a call of several words, write what stands as wanted: all but the others, and but seats that were found.

    Only of a found one does it matter whether it was *done* or the *same*.
    """
    sql = f"{_WHOLE['same']} AND origin <> {FOUND}"
    if others:
        listed = ", ".join(f"({int(course)}, {int(person)})" for course, person in others)
        sql += f" AND (course, person) NOT IN (VALUES {listed})"
    run(session, sql, now, answer, host_id, call.id)


def _one_by_one(
    session: Session, host_id: int, call: Call, answers: Mapping[str, Outcome], answer: int, now: int
) -> None:
    """What is still in the call, locked before it is judged: a settle may be changing what is wanted at this moment."""
    lock = for_update(session)
    sql = f"SELECT {', '.join(_COLUMNS)} FROM seat WHERE host_id = ? AND {_IN_CALL} ORDER BY course, person{lock}"
    seats = [dict(zip(_COLUMNS, row, strict=True)) for row in fetch(session, sql, host_id, call.id)]
    if not seats:
        return
    after = [_after(one, answers.get(f"{one['course']}.{one['person']}"), now) for one in seats]
    _write(session, host_id, call, answer, after)
    _tell(session, host_id, seats, after, now)
    _doubt(session, host_id, call, [one for one in seats if _says_gone(answers, one)])


def _says_gone(answers: Mapping[str, Outcome], seat: Mapping[str, Any]) -> bool:
    found = answers.get(f"{seat['course']}.{seat['person']}")
    return found is not None and found.outcome == "gone"


def _doubt(session: Session, host_id: int, call: Call, seats: Sequence[Mapping[str, Any]]) -> None:
    """Of whom the host says that she, or the course, is gone: that is not believed but looked at (design idea 3)."""
    if seats:
        numbers = {"person": {int(one["person"]) for one in seats}, "course": {int(one["course"]) for one in seats}}
        named = {
            name: [row[0] for row in fetch(session, f"SELECT ext FROM {name} WHERE host_id = ? AND id IN"
                   f" ({', '.join(map(str, sorted(ids)))}) ORDER BY id", host_id)]
            for name, ids in numbers.items()
        }  # fmt: skip
        look_again(session, host_id, call.id, {"people": named["person"], "courses": named["course"]})


def _write(session: Session, host_id: int, call: Call, answer: int, after: Sequence[Mapping[str, Any]]) -> None:
    columns = {name: [one[name] for one in after] for name in after[0]}
    keys = {"host_id": host_id, "course": columns.pop("course"), "person": columns.pop("person"), "call": call.id}
    update_rows(session, Seat, keys, {**columns, "answer": answer})
    run(session, f"UPDATE seat SET call = '' WHERE host_id = ? AND {_IN_CALL}", host_id, call.id)


def _tell(
    session: Session, host_id: int, seats: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], now: int
) -> None:
    """Tell outside subscribers what was refused for good, in the host's own words."""
    parked: dict[tuple[int, int, str], list[int]] = {}
    for seat, one in zip(seats, after, strict=True):
        if one["parked"] is not None:
            parked.setdefault((one["course"], int(seat["sent"]), one["parked"]), []).append(one["person"])
    if not parked or "push.refused" not in outbox.subscribed(session, host_id):
        return
    told = []
    for (course, sent, why), people in sorted(parked.items()):
        names = fetch(session, "SELECT ext FROM course WHERE host_id = ? AND id = ?", host_id, course)
        data = {"course": names[0][0] if names else None, "want": WANTS[sent]}
        told.append(outbox.OutboxEntry("push.refused", people=BitMap(people), reason=why, data=data))
    outbox.append(session, host_id, now, "rule", told)


def _after(row: Mapping[str, Any], outcome: Outcome | None, now: int) -> dict[str, Any]:
    """The seat after its outcome; ``unknown`` stays where nobody knows what happened."""
    confirmed, origin, parked = UNKNOWN, int(row["origin"]), None
    attempts, next_at, at = int(row["attempts"]), 0, None
    word = outcome.outcome if outcome else "missing"
    if word in _STANDS:
        confirmed, attempts, at = int(row["sent"]), 0, now
        if confirmed == IN and (word == "done" or origin != FOUND):  # what we reactivate becomes ours
            origin = OURS
        if confirmed == OUT:
            origin = NOBODYS
    elif word == "found":  # of one whom others enrolled and we want out, nobody says whether she is active
        confirmed, origin, attempts, at = IN if int(row["sent"]) == IN else SUSPENDED, FOUND, 0, now
    elif outcome is not None and word in ("refused", "gone"):
        confirmed, attempts, at = OUT if word == "gone" else _before(row), 0, now
        parked = outcome.why or (
            "The host no longer has this person or course." if word == "gone" else "The host refuses."
        )
    else:
        attempts += 1
        after = outcome.after if outcome is not None and outcome.after is not None else backoff(attempts)
        next_at = now + max(1, after)
        if now - int(row["changed"]) > GIVE_UP and attempts > 5:
            parked = (outcome.why if outcome else "") or later("The host did not answer for 48 hours.")
    owed = confirmed == UNKNOWN or is_owed(int(row["wanted"]), confirmed, origin)
    if parked is not None and (row["generation"] != row["sent_generation"] or not owed):
        parked = None  # something else is wanted by now, or nothing: what was refused no longer matters
    return {
        "course": row["course"], "person": row["person"], "confirmed": confirmed, "origin": origin, "owed": int(owed),
        "attempts": attempts, "next_at": next_at, "parked": parked, "confirmed_at": at,
    }  # fmt: skip


def _before(row: Mapping[str, Any]) -> int:
    """What stands at the host that refused a change: what we had brought about before it."""
    if int(row["origin"]) != OURS:
        return OUT
    return SUSPENDED if int(row["sent"]) == IN else IN


def release_seats(session: Session, host_id: int, call: Call, now: int, after: int) -> None:
    """The whole call will never be made again: its seats are owed anew, *unknown*, after a while."""
    session.execute(
        text(
            "UPDATE seat SET call = '', attempts = attempts + 1, next_at = :at WHERE host_id = :host AND call = :call"
            " AND call <> ''"
        ),
        {"host": host_id, "call": call.id, "at": now + after},
    )
