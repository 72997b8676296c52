"""What an administrator decides about one learner: extensions and exemptions (DOMAIN 7.5)."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.certifications import cycle
from plugin.core.errors import RefusedByRule
from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.enrolment.codes import INACTIVE_HOLDS, STATES, WITHDRAWN
from plugin.enrolment.ending import refuse_ended
from plugin.enrolment.enrolled import touch_enrolments
from plugin.enrolment.owing import owe
from plugin.enrolment.tables import Enrolment, Exemption, Extension


def extend(runtime: Runtime, host_id: int, certification: int, person: int, to: int, *, who: str) -> None:
    """Move one learner's date (and expiry) later, never her next cycle.

    :raises RefusedByRule: when there is nothing to extend, or ``to`` is not later; or the certification has ended.
    """

    def work(session: Session) -> None:
        refuse_ended(session, host_id, certification, runtime.clock.now())
        row = session.get(Enrolment, (host_id, certification, person), with_for_update=True)
        if row is None or row.state == WITHDRAWN or row.hold in INACTIVE_HOLDS:
            raise RefusedByRule(_("She is not enrolled, so there is nothing to extend."))
        now = runtime.clock.now()
        state = cycle.CycleState(
            STATES[row.state], row.certified_at, row.expires, row.window_opens, row.baseline, row.cycle
        )
        try:
            moved = cycle.extend(state, to, row.due)
        except ValueError as error:
            raise RefusedByRule(str(error)) from None
        if to <= now:
            raise RefusedByRule(_("An extension must end in the future."))
        if moved.expires is None:
            row.baseline_due = row.due if row.baseline_due is None else row.baseline_due
        row.expires, row.due, row.rev = moved.expires, to, row.rev + 1
        touch_enrolments(session, host_id, {certification: 0})
        last = session.scalar(
            select(func.max(Extension.n)).where(
                Extension.host_id == host_id, Extension.certification == certification, Extension.person == person
            )
        )
        session.add(
            Extension(
                host_id=host_id,
                certification=certification,
                person=person,
                n=(last or 0) + 1,
                until=to,
                at=now,
                who=who,
            )
        )
        record(session, host_id, now, who, "extended", certification=certification, person=person, data={"until": to})
        owe(session, host_id, [person], now)

    runtime.db.transact(work)


def exempt(
    runtime: Runtime, host_id: int, certification: int, person: int, *, until: int | None, reason: str, who: str
) -> None:
    """A certification does not apply to this learner, until an instant or for good.

    :raises RefusedByRule: without a reason, or for an end in the past; or when the certification has ended.
    """
    now = runtime.clock.now()
    if not reason.strip():
        raise RefusedByRule(_("An exemption needs a reason."))
    if until is not None and until <= now:
        raise RefusedByRule(_("An exemption must end in the future."))

    def work(session: Session) -> None:
        refuse_ended(session, host_id, certification, now)
        row = session.get(Exemption, (host_id, certification, person))
        if row is None:
            row = Exemption(host_id=host_id, certification=certification, person=person)
            session.add(row)
        row.until, row.at, row.who, row.reason = until, now, who, reason.strip()
        record(
            session, host_id, now, who, "exempted", certification=certification, person=person, reason=reason.strip(),
            data={"until": until},
        )  # fmt: skip
        owe(session, host_id, [person], now)

    runtime.db.transact(work)
