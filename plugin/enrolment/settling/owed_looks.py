"""People whom settling owes a look: stamped by the mirror, by an answer, or by the time."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Iterable

from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.core.database.bulk import fetch, run, run_each
from plugin.core.database.slices import slices
from plugin.core.ids import read_clock
from plugin.core.runtime import Runtime
from plugin.mirror.changes import EARLIER, NOTE


def owe(session: Session, host_id: int, people: Iterable[int], at: int) -> None:
    """Ask for these people to be settled again, though the mirror did not change.

    :param at: the instant of what caused it.
    """
    listed = sorted(set(people))
    if not listed:
        return
    seq, _as_of = read_clock(session, host_id)
    run_each(
        session, f"{NOTE} SET settled = -1, at = {EARLIER}", [(host_id, int(person), seq, at) for person in listed]
    )


def owed_people(session: Session, host_id: int, limit: int) -> dict[int, int]:
    """Who is owed a look, oldest change first, with the instant of the cause."""
    sql = "SELECT person, at FROM change WHERE host_id = ? AND settled < seq ORDER BY seq, person LIMIT ?"
    return {row[0]: row[1] for row in fetch(session, sql, host_id, limit)}


def all_settled(runtime: Runtime, host_id: int) -> bool:
    """Whether no save waits to be settled and nobody is owed a look."""
    with runtime.db.read() as session:
        saves = fetch(
            session, "SELECT 1 FROM settling WHERE host_id = ? AND state NOT IN ('done', 'aside') LIMIT 1", host_id
        )
        return not saves and not owed_people(session, host_id, 1)


_TAKEN, _TAKEN_TURNED = -2, -3
"""``settled`` of who is being looked at; :func:`owe` writes another number."""
TURNED = "-10 - change.seq"
"""``settled`` of who is owed a look for nothing but jobs that began or ended, all seen by that ``seq``: whatever stamps her
besides takes another seq, and whoever owes her a look writes another number."""
STILL_TURNED = f"CASE WHEN change.settled IN (change.seq, {TURNED}) THEN -10 - excluded.seq ELSE change.settled END"
"""What a tick makes of ``settled``."""


def take_owed(session: Session, host_id: int) -> tuple[dict[int, int], BitMap]:
    """Note of everybody owed a look that it is under way, so that who is owed one anew meanwhile can be told apart.

    :returns: everybody, with the instant of the cause; and whom of them nothing but jobs that began or ended made be owed.
    """
    rows = fetch(
        session,
        f"UPDATE change SET settled = CASE WHEN settled = {TURNED} THEN {_TAKEN_TURNED} ELSE {_TAKEN} END"
        " WHERE host_id = ? AND settled < seq RETURNING person, at, settled",
        host_id,
    )
    return {row[0]: row[1] for row in rows}, BitMap([row[0] for row in rows if row[2] == _TAKEN_TURNED])


def mark_settled(session: Session, host_id: int, people: Iterable[int], *, upto: int | None = None) -> None:
    """These people are settled up to their latest change; the caller holds the host's clock shared.

    :param upto: leave those alone who changed after this seq, or are owed a look since :func:`take_owed`.
    """
    condition = "" if upto is None else f" AND seq <= {int(upto)} AND settled IN ({_TAKEN}, {_TAKEN_TURNED})"
    listed = sorted(set(people))
    for part in slices(listed):
        ids = ", ".join(str(int(person)) for person in part)
        run(session, f"UPDATE change SET settled = seq WHERE host_id = ? AND person IN ({ids}){condition}", host_id)
