"""What the host answered, written down: only where the call and the generation still match (DESIGN, point 6)."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from plugin.core.logs import log
from plugin.delivery.seats import is_owed
from plugin.delivery.tables import FOUND, IN, NOBODYS, OURS, OUT, Call
from plugin.hosts.port import Outcome

GIVE_UP = 48 * 3600
_FIRST, _LONGEST = 5, 3600
_log = log("delivery")


def backoff(attempts: int) -> int:
    """Seconds until the next attempt: doubling from five to an hour, with jitter."""
    return int(min(_LONGEST, _FIRST * 2 ** min(attempts, 12)) * random.uniform(0.7, 1.3))  # noqa: S311 - jitter


def apply_seats(session: Session, host_id: int, call: Call, outcomes: Sequence[Outcome], now: int) -> dict[str, int]:
    """Write the outcomes of a ``seats`` call. A seat missing from the answer is owed again.

    Returns how many seats met each outcome.
    """
    answers: dict[str, Outcome] = {}
    for outcome in outcomes:
        answers.setdefault(outcome.key, outcome)
    rows = (
        session.execute(
            text(
                "SELECT course, person, wanted, generation, sent, sent_generation, origin, attempts, changed FROM seat"
                " WHERE host_id = :host AND call = :call ORDER BY course, person"
            ),
            {"host": host_id, "call": call.id},
        )
        .mappings()
        .all()
    )
    known = {f"{row['course']}.{row['person']}" for row in rows}
    unknown = [key for key in answers if key not in known]
    if unknown:
        _log.warning("outcomes for items nobody asked about", call=call.id, count=len(unknown))
    counts: dict[str, int] = {}
    updates = []
    for row in rows:
        answer = answers.get(f"{row['course']}.{row['person']}")
        word = answer.outcome if answer else "missing"
        counts[word] = counts.get(word, 0) + 1
        updates.append(_after(dict(row), answer, now))
    if updates:
        session.connection().execute(
            text(
                "UPDATE seat SET confirmed = :confirmed, origin = :origin, owed = :owed, attempts = :attempts,"
                " next_at = :next_at, parked = :parked, confirmed_at = :at, call = ''"
                " WHERE host_id = :host AND course = :course AND person = :person AND call = :call"
            ),
            [{**one, "host": host_id, "call": call.id} for one in updates],
        )
    return counts


def _after(row: Mapping[str, Any], outcome: Outcome | None, now: int) -> dict[str, Any]:
    """The seat after its outcome; ``unknown`` stays where nobody knows what happened."""
    confirmed, origin, parked = 3, int(row["origin"]), None
    attempts, next_at, at = int(row["attempts"]), 0, None
    word = outcome.outcome if outcome else "missing"
    if word in ("done", "same"):
        confirmed, attempts, at = int(row["sent"]), 0, now
        if confirmed == IN and origin != FOUND:
            origin = OURS
        if confirmed == OUT:
            origin = NOBODYS
    elif word == "found":
        confirmed, origin, attempts, at = IN, FOUND, 0, now
    elif outcome is not None and word in ("refused", "gone"):
        confirmed, attempts, at = OUT, 0, now
        parked = outcome.why or (
            "The host no longer has this person or course." if word == "gone" else "The host refuses."
        )
    else:
        attempts += 1
        after = outcome.after if outcome is not None and outcome.after is not None else backoff(attempts)
        next_at = now + after
        if now - int(row["changed"]) > GIVE_UP and attempts > 5:
            parked = (outcome.why if outcome else "") or "The host did not answer for 48 hours."
    owed = confirmed == 3 or is_owed(int(row["wanted"]), confirmed, origin)
    if parked is not None and row["generation"] != row["sent_generation"]:
        parked = None  # something else is wanted by now: what was refused no longer matters
    return {
        "course": row["course"], "person": row["person"], "confirmed": confirmed, "origin": origin, "owed": owed,
        "attempts": attempts, "next_at": next_at, "parked": parked, "at": at,
    }  # fmt: skip


def release_seats(session: Session, host_id: int, call: Call, now: int, after: int) -> None:
    """The whole call will never be made again: its seats are owed anew, *unknown*, after a while."""
    session.execute(
        text(
            "UPDATE seat SET call = '', attempts = attempts + 1, next_at = :at WHERE host_id = :host AND call = :call"
        ),
        {"host": host_id, "call": call.id, "at": now + after},
    )
