"""Four eyes: what widens rights or sends data elsewhere waits for a second administrator (ACCESS 2).

What waits is the request as it was sent, sealed; whoever approves has it done, by the same code and the same rules. Removals
and rotations never wait.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from plugin.access.tables import WaitingChange
from plugin.core.errors import Forbidden, NotFound, RefusedByRule
from plugin.core.ids import take_ids
from plugin.core.journal import record
from plugin.core.tables import Host

SETTING = "four_eyes"
KEPT = 7 * 86_400
"""Seconds for which a change waits; after that it has to be asked for anew."""
MOST = 100
WAITS, APPROVED, REFUSED, OVER = "waits", "approved", "refused", "over"


@dataclass(frozen=True)
class Actor:
    """Whoever asks or decides: a person of the mirror, or a subject of launches nobody of it has."""

    person: int | None
    subject: str
    name: str

    def is_same(self, row: WaitingChange) -> bool:
        """Whether she asked for it herself."""
        by_person = self.person is not None and self.person == row.person
        return by_person or (bool(self.subject) and self.subject == row.subject)


@dataclass(frozen=True)
class RequestedChange:
    """A change as it was asked for.

    :ivar what: the name of what is done. :ivar request: all that doing it needs. :ivar shown: what the second administrator
        sees of it: names and values, without secrets.
    """

    what: str
    request: Mapping[str, Any]
    shown: Sequence[tuple[str, str]]


def is_on(session: Session, host_id: int) -> bool:
    """Whether a host wants two for such changes."""
    return bool(session.get_one(Host, host_id).settings.get(SETTING))


def ask(session: Session, host_id: int, asked: RequestedChange, by: Actor, *, at: int, who: str) -> WaitingChange:
    """Let a change wait for somebody else.

    :raises RefusedByRule: where very many wait already.
    """
    session.get_one(Host, host_id, with_for_update=True)
    _end_old(session, host_id, at)
    if len(waiting(session, host_id, at)) >= MOST:
        raise RefusedByRule(_("There are %(most)s changes that wait; decide about them first.", most=MOST))
    row = WaitingChange(
        host_id=host_id, id=take_ids(session, host_id, "waiting_change"), what=asked.what,
        request=json.dumps(dict(asked.request)), shown=[list(one) for one in asked.shown], person=by.person,
        subject=by.subject, name=by.name, who=who, asked=at, state=WAITS,
    )  # fmt: skip
    session.add(row)
    session.flush()
    record(session, host_id, at, who, "change_asked", reason=asked.what, data={"change": row.id}, count=0)
    return row


def waiting(session: Session, host_id: int, at: int) -> Sequence[WaitingChange]:
    """What waits for a second administrator, oldest first."""
    return session.scalars(
        select(WaitingChange)
        .where(WaitingChange.host_id == host_id, WaitingChange.state == WAITS, WaitingChange.asked > at - KEPT)
        .order_by(WaitingChange.id)
    ).all()


def approve(session: Session, host_id: int, number: int, by: Actor | None, *, at: int, who: str) -> WaitingChange:
    """Say yes, once; what it asks for is then to be done.

    :param by: ``None`` for the server's shell, which may everything.
    :raises NotFound: where it does not wait any more. :raises Forbidden: for whoever asked for it herself.
    """
    row = _locked(session, host_id, number, at)
    if by is not None and by.is_same(row):
        raise Forbidden(_("You asked for this yourself: somebody else has to decide."))
    _decide(session, row, APPROVED, at, who)
    return row


def refuse(session: Session, host_id: int, number: int, *, at: int, who: str) -> None:
    """Say no; whoever asked may do so too.

    :raises NotFound: where it does not wait any more.
    """
    _decide(session, _locked(session, host_id, number, at), REFUSED, at, who)


def give_up(session: Session, row: WaitingChange, *, at: int, who: str) -> None:
    """It waits no longer, for a reason of its own: somebody whom it names was erased."""
    _decide(session, row, REFUSED, at, who)


def back(session: Session, host_id: int, number: int, *, at: int, who: str, why: str) -> None:
    """It was approved and could not be done: it counts as refused, with the reason."""
    row = session.get_one(WaitingChange, (host_id, number))
    row.state, row.why = REFUSED, why
    record(session, host_id, at, who, "change_failed", reason=row.what, data={"change": number, "why": why}, count=0)


def switch(session: Session, host_id: int, *, on: bool, at: int, who: str) -> None:
    """Want two for such changes, or no longer. In the history."""
    host = session.get_one(Host, host_id, with_for_update=True)
    if bool(host.settings.get(SETTING)) == on:
        return
    host.settings = {**host.settings, SETTING: on}
    record(session, host_id, at, who, "four_eyes_on" if on else "four_eyes_off", count=0)


def _locked(session: Session, host_id: int, number: int, at: int) -> WaitingChange:
    row = session.get(WaitingChange, (host_id, number), with_for_update=True)
    if row is None or row.state != WAITS or row.asked <= at - KEPT:
        raise NotFound(_("This does not wait for anybody any more."))
    return row


def _decide(session: Session, row: WaitingChange, state: str, at: int, who: str) -> None:
    row.state, row.decided, row.decided_by = state, at, who
    what = "change_approved" if state == APPROVED else "change_refused"
    record(session, row.host_id, at, who, what, reason=row.what, data={"change": row.id, "asked_by": row.who}, count=0)


def _end_old(session: Session, host_id: int, at: int) -> None:
    session.execute(
        update(WaitingChange)
        .where(WaitingChange.host_id == host_id, WaitingChange.state == WAITS, WaitingChange.asked <= at - KEPT)
        .values(state=OVER, request="{}")
    )
