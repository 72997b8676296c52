"""The withdrawal guard: many withdrawals that nobody confirmed wait for a person (rules 5.6)."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pyroaring import BitMap
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from config.settings import Settings
from plugin.core.area_scope import area_of
from plugin.core.database.bulk import among, fetch, insert_rows
from plugin.core.ids import take_ids
from plugin.core.journal import Entry, record_all
from plugin.enrolment.codes import active
from plugin.enrolment.reading.live_rows import enrolled
from plugin.enrolment.tables import Held

WINDOW = 24 * 3600
GUARD = "guard"
LEAVING, WITHDRAWN = "leaving", "withdrawn"
"""What the history calls a grace that began, and a withdrawal; both count, each learner once."""

ACTIVE = active()
"""Active learners, in SQL: a live spell that nothing holds back (:mod:`plugin.enrolment.codes`)."""


@dataclass(frozen=True)
class Limits:
    """More than ``count`` learners, or more than ``percent`` of a certification's and at least ``least``."""

    count: int
    percent: int
    least: int

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """From the settings."""
        return cls(settings.guard_count, settings.guard_percent, settings.guard_least)

    def crossed(self, batch: int, unconfirmed: int, active: int) -> bool:
        """Whether this batch goes over.

        :param unconfirmed: withdrawals in the window that nobody confirmed.
        :param active: active learners before the batch; with the unconfirmed ones they are the whole.
        """
        total = batch + unconfirmed
        if not batch:
            return False
        return total > self.count or (total >= self.least and total * 100 > self.percent * (active + unconfirmed))


def unconfirmed(session: Session, host_id: int, as_of: int, certification: int | None = None) -> BitMap:
    """Learners withdrawn in the last 24 hours without anybody confirming it."""
    of_one = f" AND certification = {int(certification)}" if certification is not None else ""
    rows = fetch(
        session,
        f"SELECT people, person FROM journal WHERE host_id = ? AND what IN ('{LEAVING}', '{WITHDRAWN}')"
        f" AND NOT confirmed AND at > ?{of_one}",
        host_id,
        as_of - WINDOW,
    )
    listed = {bytes(people) for people, _person in rows if people is not None}  # a few people leave in many at once
    alone = BitMap([person for people, person in rows if people is None and person is not None])
    return BitMap.union(alone, *(BitMap.deserialize(people) for people in listed))


def _unconfirmed_from(session: Session, host_id: int, as_of: int, certifications: Sequence[int]) -> dict[int, BitMap]:
    """The same for each of some certifications."""
    found: dict[int, BitMap] = {certification: BitMap() for certification in certifications}
    rows = fetch(
        session,
        "SELECT certification, people, person FROM journal WHERE host_id = ?"
        f" AND {among('certification', np.array(certifications))} AND what IN ('{LEAVING}', '{WITHDRAWN}')"
        " AND NOT confirmed AND at > ?",
        host_id,
        as_of - WINDOW,
    )
    for certification, people, person in rows:
        if certification in found and people is not None:
            found[certification] |= BitMap.deserialize(bytes(people))
        elif certification in found and person is not None:
            found[certification].add(person)
    return found


def _active_in(session: Session, host_id: int, certifications: Sequence[int]) -> tuple[dict[int, int], int]:
    """Active learners of some certifications, and of the largest of all."""
    sql = (
        f"SELECT id, active_learners FROM certification WHERE host_id = ? AND {among('id', np.array(certifications))}"
        " UNION ALL SELECT 0, max(active_learners) FROM certification WHERE host_id = ?"
    )
    found = {number: int(active or 0) for number, active in fetch(session, sql, host_id, host_id)}
    return found, found.pop(0)


def active_count(session: Session, host_id: int, certification: int) -> int:
    """Active learners of a certification, as its transactions counted them; of an area, those who are in it."""
    area = area_of(session, host_id)
    if area is not None:
        return len(enrolled(session, host_id, certification).active & area)
    sql = text("SELECT active_learners FROM certification WHERE host_id = :host AND id = :c")
    return int(session.execute(sql, {"host": host_id, "c": certification}).scalar() or 0)


def active_people(session: Session, host_id: int) -> int:
    """Distinct active learners of a host."""
    sql = text(f"SELECT count(DISTINCT person) FROM enrolment WHERE host_id = :host AND {ACTIVE}")
    return int(session.execute(sql, {"host": host_id}).scalar_one())


def judge(
    session: Session, host_id: int, leaving: Mapping[int, BitMap], as_of: int, limits: Limits, *, by_sync: bool
) -> dict[int, BitMap]:
    """Judge one batch of withdrawals whole. What goes over is put on hold, the whole batch of it.

    :param leaving: by certification, who would leave and has not been judged.
    :param by_sync: the batch came from the host; then the sum over all certifications is judged too.
    :returns: by certification, who may leave.
    """
    asked = sorted(certification for certification, people in leaving.items() if people)
    if not asked:
        return dict(leaving)
    gone_from = _unconfirmed_from(session, host_id, as_of, asked)
    active_in, largest = _active_in(session, host_id, asked)
    crossing = {
        certification
        for certification in asked
        if limits.crossed(
            len(leaving[certification] - gone_from[certification]),
            len(gone_from[certification]),
            active_in[certification],
        )
    }
    everyone = BitMap.union(*leaving.values())
    if by_sync and (len(leaving) > 1 or not crossing):
        gone = unconfirmed(session, host_id, as_of)
        batch = len(everyone - gone)
        if _crosses_company(session, host_id, limits, batch, len(gone), largest):
            crossing = {certification for certification, people in leaving.items() if people}
    _hold(session, host_id, {certification: leaving[certification] for certification in sorted(crossing)}, as_of)
    return {c: BitMap() if c in crossing else people for c, people in leaving.items()}


def _crosses_company(session: Session, host_id: int, limits: Limits, batch: int, gone: int, least: int) -> bool:
    """Whether a batch goes over in the whole company.

    Counting distinct learners reads every row: where the least or the most there can be of them decides, nobody counts.

    :param least: active learners of the largest certification.
    """
    if not limits.crossed(batch, gone, least):
        return False
    [(everybody,)] = fetch(session, "SELECT count(*) FROM person WHERE host_id = ?", host_id)
    return limits.crossed(batch, gone, everybody) or limits.crossed(batch, gone, active_people(session, host_id))


def _hold(session: Session, host_id: int, leaving: Mapping[int, BitMap], as_of: int) -> None:
    """Put all these withdrawals on hold, a list for each certification."""
    if not leaving:
        return
    first = take_ids(session, host_id, "held", len(leaving))
    columns = {
        "host_id": host_id, "id": list(range(first, first + len(leaving))), "certification": list(leaving),
        "cause": GUARD, "since": as_of, "people": [people.serialize() for people in leaving.values()],
        "n": [len(people) for people in leaving.values()],
    }  # fmt: skip
    insert_rows(session, Held, columns)
    entries = [Entry("held", certification, people=people, reason=GUARD) for certification, people in leaving.items()]
    record_all(session, host_id, as_of, "rule", entries)


def forget(session: Session, host_id: int, certification: int, people: BitMap) -> None:
    """Take learners who came back, or left, out of the guard's lists, so that they are judged afresh next time."""
    rows = session.scalars(
        select(Held).where(
            Held.host_id == host_id, Held.certification == certification, Held.cause == GUARD, Held.n > 0
        )
    )
    for row in rows:
        kept = BitMap.deserialize(row.people)
        if kept & people:
            kept -= people
            row.people, row.n = kept.serialize(), len(kept)
    session.flush()
