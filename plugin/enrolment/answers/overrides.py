"""What an administrator decides about one learner: extensions and exemptions (rules 7.5)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from plugin.certifications.rules import cycle
from plugin.core.database.slices import slices
from plugin.core.errors import RefusedByRule
from plugin.core.host_time import move_on
from plugin.core.ids import read_clock
from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.enrolment.answers.ended import refuse_ended
from plugin.enrolment.codes import INACTIVE_HOLDS, STATES, WITHDRAWN
from plugin.enrolment.earlier_rows import keep_rows
from plugin.enrolment.reading.live_rows import touch_enrolments
from plugin.enrolment.settling.owed_looks import owe
from plugin.enrolment.tables import Enrolment, Exemption, Extension


def extend(runtime: Runtime, host_id: int, certification: int, person: int, to: int, *, who: str) -> None:
    """Move one learner's date (and expiry) later, never her next cycle.

    :raises RefusedByRule: when there is nothing to extend, or ``to`` is not later; or the certification has ended.
    """

    def work(session: Session) -> None:
        _seq, now = read_clock(session, host_id)
        extend_within(session, host_id, certification, person, to, now=now, who=who)

    move_on(runtime, host_id)
    runtime.db.transact(work)


def extend_all(
    runtime: Runtime, host_id: int, certification: int, people: Sequence[int], to: int, *, who: str
) -> tuple[int, int]:
    """Move the dates of many learners of one certification later, all in one act; how many, and how many were left out.

    Left out is whoever has nothing to extend, or a later date already.

    :raises RefusedByRule: where that leaves nobody; for a date that is past; when the certification has ended.
    """

    def work(session: Session) -> tuple[int, int]:
        _seq, now = read_clock(session, host_id)
        refuse_ended(session, host_id, certification, now)
        if to <= now:
            raise RefusedByRule(_("An extension must end in the future."))
        found = _moving(session, host_id, certification, people, to, now)
        if not found:
            raise RefusedByRule(
                _("Nobody’s date would move: all of them have a later one already, or nothing to extend.")
            )
        _move(session, host_id, certification, found, to, now=now, who=who)
        done = [row.person for row, _state in found]
        record(
            session, host_id, now, who, "extended", certification=certification, people=BitMap(done), data={"until": to}
        )
        return len(done), len(set(people)) - len(done)

    move_on(runtime, host_id)
    return runtime.db.transact(work)


def _moving(
    session: Session, host_id: int, certification: int, people: Sequence[int], to: int, now: int
) -> list[tuple[Enrolment, cycle.CycleState]]:
    found = []
    for part in slices(sorted(set(people))):
        rows = session.scalars(
            select(Enrolment)
            .where(
                Enrolment.host_id == host_id, Enrolment.certification == certification, Enrolment.person.in_(part)
            )
            .order_by(Enrolment.person)
            .with_for_update()
        )  # fmt: skip
        for row in rows:
            with suppress(RefusedByRule):
                found.append((row, may_extend(row, to, now)))
    return found


def _move(
    session: Session, host_id: int, certification: int, rows: Sequence[tuple[Enrolment, cycle.CycleState]], to: int, *,
    now: int, who: str,
) -> None:  # fmt: skip
    """Write the dates, and the extension of each beside those she had before."""
    people = [row.person for row, _moved in rows]
    keep_rows(session, host_id, certification, people, now)
    last: dict[int, int] = {}
    for part in slices(people):
        of_these = (
            Extension.host_id == host_id, Extension.certification == certification, Extension.person.in_(part)
        )  # fmt: skip
        counts = session.execute(
            select(Extension.person, func.max(Extension.n)).where(*of_these).group_by(Extension.person)
        )
        last.update((row[0], row[1]) for row in counts)
    for row, moved in rows:
        if moved.expires is None:
            row.baseline_due = row.due if row.baseline_due is None else row.baseline_due
        row.expires, row.due, row.due_from, row.rev = moved.expires, to, None, row.rev + 1  # no assignment gave it
        session.add(
            Extension(
                host_id=host_id, certification=certification, person=row.person, n=last.get(row.person, 0) + 1, until=to,
                at=now, who=who,
            )
        )  # fmt: skip
    touch_enrolments(session, host_id, {certification: 0})
    owe(session, host_id, people, now)


def may_extend(row: Enrolment | None, to: int, now: int) -> cycle.CycleState:
    """The state an extension leads to.

    :raises RefusedByRule: where there is nothing to extend, or ``to`` is not later.
    """
    if row is None or row.state == WITHDRAWN or row.hold in INACTIVE_HOLDS:
        raise RefusedByRule(_("She is not enrolled, so there is nothing to extend."))
    state = cycle.CycleState(
        STATES[row.state], row.certified_at, row.expires, row.window_opens, row.baseline, row.cycle
    )
    try:
        moved = cycle.extend(state, to, row.due)
    except ValueError as error:
        raise RefusedByRule(str(error)) from None
    if to <= now:
        raise RefusedByRule(_("An extension must end in the future."))
    return moved


def extend_within(
    session: Session, host_id: int, certification: int, person: int, to: int, *, now: int, who: str
) -> None:
    """The same in a transaction there is.

    :raises RefusedByRule: as :func:`extend`.
    """
    refuse_ended(session, host_id, certification, now)
    row = session.get(Enrolment, (host_id, certification, person), with_for_update=True)
    moved = may_extend(row, to, now)
    assert row is not None
    _move(session, host_id, certification, [(row, moved)], to, now=now, who=who)
    record(session, host_id, now, who, "extended", certification=certification, person=person, data={"until": to})


def exempt(
    runtime: Runtime, host_id: int, certification: int, person: int, *, until: int | None, reason: str, who: str
) -> None:
    """A certification does not apply to this learner, until an instant or for good.

    :raises RefusedByRule: without a reason, or for an end in the past; or when the certification has ended.
    """
    if not reason.strip():
        raise RefusedByRule(_("An exemption needs a reason."))

    def work(session: Session) -> None:
        _seq, now = read_clock(session, host_id)
        if until is not None and until <= now:
            raise RefusedByRule(_("An exemption must end in the future."))
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

    move_on(runtime, host_id)
    runtime.db.transact(work)
