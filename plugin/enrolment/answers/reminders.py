"""A manager reminds somebody of her team: one message a learner, certification and day, whoever sends it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.core.database.slices import slices
from plugin.core.days import local_day
from plugin.core.errors import RefusedByRule
from plugin.core.host_time import move_on
from plugin.core.ids import read_clock
from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.enrolment.codes import ASSIGNED, EXPIRED, IN_PROGRESS, INACTIVE_HOLDS, WINDOW_OPEN
from plugin.enrolment.tables import Enrolment
from plugin.enrolment.terms import zone_of_host
from plugin.mirror.tables import ACTIVE, Person
from plugin.notifications.personal import REMINDER, write_to, written

TO_DO = (ASSIGNED, IN_PROGRESS, WINDOW_OPEN, EXPIRED)
Pair = tuple[int, int]
"""A certification and a person."""


def remind(runtime: Runtime, host_id: int, pairs: Sequence[Pair], *, who: str) -> int:
    """Remind learners of what they have to complete; returns how many messages go out.

    Whoever was reminded today, is suspended or has nothing to complete is left out.

    :raises RefusedByRule: where that leaves nobody.
    """

    def work(session: Session) -> int:
        _seq, now = read_clock(session, host_id)
        day = _today(session, host_id, now)
        count = 0
        for certification, person in _to_do(session, host_id, pairs):
            if write_to(session, host_id, REMINDER, _key(certification, person, day), learner=person, recipient=person,
                        at=now, certification=certification):  # fmt: skip
                record(session, host_id, now, who, "reminded", certification=certification, person=person)
                count += 1
        if not count:
            raise RefusedByRule(
                _("Nobody is left to remind: one reminder a day goes out, to whoever has something to do.")
            )
        return count

    move_on(runtime, host_id)
    return runtime.db.transact(work)


def reminded_today(session: Session, host_id: int, pairs: Iterable[Pair], now: int) -> set[Pair]:
    """Those of the pairs that were reminded today, in the host's zone."""
    day = _today(session, host_id, now)
    keys = {_key(*pair, day): pair for pair in pairs}
    return {keys[key] for key in written(session, host_id, REMINDER, keys)}


def _today(session: Session, host_id: int, now: int) -> str:
    return local_day(now, zone_of_host(session, host_id)).isoformat()


def _key(certification: int, person: int, day: str) -> str:
    return f"{certification}:{person}:{day}"


def _to_do(session: Session, host_id: int, pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs of active people with something to complete, in the order given."""
    wanted = set(pairs)
    found: set[Pair] = set()
    people = sorted({person for _certification, person in wanted})
    for part in slices(people):
        rows = session.execute(
            select(Enrolment.certification, Enrolment.person)
            .join(Person, (Person.host_id == Enrolment.host_id) & (Person.id == Enrolment.person))
            .where(
                Enrolment.host_id == host_id, Enrolment.person.in_(part),
                Enrolment.state.in_(TO_DO), Enrolment.hold.not_in(INACTIVE_HOLDS), Person.state == ACTIVE,
            )
        )  # fmt: skip
        found |= {(row[0], row[1]) for row in rows} & wanted
    return [pair for pair in dict.fromkeys(pairs) if pair in found]
