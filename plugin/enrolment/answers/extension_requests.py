"""A learner asks for more time; her manager or an administrator grants it or not.

Granting is an extension like any other (rules 7.5). Of each learner and certification one request is open at most:
whoever asks again asks anew.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from flask_babel import gettext as _
from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.tables import Certification
from plugin.core.database.area_conditions import inside
from plugin.core.errors import NotFound, RefusedByRule
from plugin.core.host_time import move_on
from plugin.core.ids import read_clock, take_ids
from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.enrolment.answers.ended import refuse_ended
from plugin.enrolment.answers.overrides import extend_within, may_extend
from plugin.enrolment.codes import COMPLETE, EXPIRED, INACTIVE_HOLDS, WITHDRAWN
from plugin.enrolment.tables import Enrolment, ExtensionRequest
from plugin.mirror.tables import DELETED, Person
from plugin.notifications.personal import ASKED, GRANTED, REFUSED, write_to
from plugin.notifications.recipients import recipients_of

OPEN, GRANT, REFUSE, WITHDRAW = "open", "granted", "refused", "withdrawn"


@dataclass(frozen=True)
class WaitingRequest:
    """A request that waits: who asks for what, until when, and why; and the date she has."""

    id: int
    certification: Certification
    person: Person
    due: int | None
    until: int
    reason: str
    at: int


def ask(runtime: Runtime, host_id: int, certification: int, person: int, to: int, reason: str, *, who: str) -> None:
    """Ask for more time, in her name; her managers hear of it, where she has none the administrators.

    :raises RefusedByRule: without a reason, or where no extension to this date could be granted.
    """
    if not reason.strip():
        raise RefusedByRule(_("Say why you need more time."))

    def work(session: Session) -> None:
        _seq, now = read_clock(session, host_id)
        refuse_ended(session, host_id, certification, now)
        may_extend(session.get(Enrolment, (host_id, certification, person)), to, now)
        row = _open_one(session, host_id, certification, person)
        if row is None:
            row = ExtensionRequest(
                host_id=host_id, id=take_ids(session, host_id, "extension_request"), certification=certification,
                person=person,
            )  # fmt: skip
            session.add(row)
        row.until, row.reason, row.at, row.state = to, reason.strip(), now, OPEN
        session.flush()
        record(
            session, host_id, now, who, "extension_asked", certification=certification, person=person,
            reason=reason.strip(), data={"until": to},
        )  # fmt: skip
        for receiver in _who_answers(session, host_id, person):
            write_to(session, host_id, ASKED, f"{row.id}:{now}:{receiver}", learner=person, recipient=receiver, at=now,
                     certification=certification)  # fmt: skip

    move_on(runtime, host_id)
    runtime.db.transact(work)


def _who_answers(session: Session, host_id: int, person: int) -> list[int]:
    managers = recipients_of(session, host_id, [person], ["managers"])[person]
    found = managers or recipients_of(session, host_id, [person], ["admins"])[person]
    return [one for one in found if one != person]


def take_back(runtime: Runtime, host_id: int, certification: int, person: int, *, who: str) -> None:
    """Withdraw her open request; nothing happens where there is none."""

    def work(session: Session) -> None:
        _seq, now = read_clock(session, host_id)
        row = _open_one(session, host_id, certification, person)
        if row is not None:
            row.state, row.answered, row.who = WITHDRAW, now, who
            record(session, host_id, now, who, "extension_withdrawn", certification=certification, person=person)

    move_on(runtime, host_id)
    runtime.db.transact(work)


def answer(
    runtime: Runtime,
    host_id: int,
    request: int,
    grant: bool,
    *,
    who: str,
    to: int | None = None,
    among: BitMap | None = None,
    certification: int | None = None,
) -> None:
    """Grant a request or refuse it; the learner is told.

    :param to: another date than she asked for. :param among: only requests of these people; ``certification``: only of it.
    :raises NotFound: for a request that does not wait, or is none of hers to answer.
    :raises RefusedByRule: where the date cannot be moved any more.
    """

    def work(session: Session) -> None:
        _seq, now = read_clock(session, host_id)
        row = session.get(ExtensionRequest, (host_id, request), with_for_update=True)
        if row is None or row.state != OPEN or (among is not None and row.person not in among):
            raise NotFound(_("This request does not wait for an answer any more."))
        if certification is not None and row.certification != certification:
            raise NotFound(_("This request does not wait for an answer any more."))
        if grant:
            row.until = to if to is not None else row.until
            extend_within(session, host_id, row.certification, row.person, row.until, now=now, who=who)
        else:
            record(
                session, host_id, now, who, "extension_refused", certification=row.certification, person=row.person,
                data={"until": row.until},
            )  # fmt: skip
        row.state, row.answered, row.who = (GRANT if grant else REFUSE), now, who
        write_to(
            session, host_id, GRANTED if grant else REFUSED, str(row.id), learner=row.person, recipient=row.person, at=now,
            certification=row.certification,
        )  # fmt: skip

    move_on(runtime, host_id)
    runtime.db.transact(work)


def _open_one(session: Session, host_id: int, certification: int, person: int) -> ExtensionRequest | None:
    return session.scalars(
        select(ExtensionRequest).where(
            ExtensionRequest.host_id == host_id, ExtensionRequest.certification == certification,
            ExtensionRequest.person == person, ExtensionRequest.state == OPEN,
        )
    ).first()  # fmt: skip


def waiting(
    session: Session, host_id: int, *, people: BitMap | None = None, certifications: Collection[int] | None = None
) -> list[WaitingRequest]:
    """Requests that wait, oldest first, of learners whose date could still be moved.

    :param people: only theirs. :param certifications: only of these.
    """
    same = (
        (Enrolment.host_id == ExtensionRequest.host_id) & (Enrolment.certification == ExtensionRequest.certification)
        & (Enrolment.person == ExtensionRequest.person)
    )  # fmt: skip
    query = (
        select(ExtensionRequest, Certification, Person, Enrolment.due)
        .join(Enrolment, same)
        .join(
            Certification,
            (Certification.host_id == ExtensionRequest.host_id) & (Certification.id == ExtensionRequest.certification),
        )
        .join(Person, (Person.host_id == ExtensionRequest.host_id) & (Person.id == ExtensionRequest.person))
        .where(
            ExtensionRequest.host_id == host_id, ExtensionRequest.state == OPEN, Person.state != DELETED,
            Enrolment.state.not_in((WITHDRAWN, EXPIRED, COMPLETE)), Enrolment.hold.not_in(INACTIVE_HOLDS),
            *inside(session, host_id, ExtensionRequest.person),
        )
        .order_by(ExtensionRequest.at, ExtensionRequest.id)
    )  # fmt: skip
    if certifications is not None:
        query = query.where(ExtensionRequest.certification.in_(sorted(certifications)))
    return [
        WaitingRequest(row.id, certification, person, due, row.until, row.reason, row.at)
        for row, certification, person, due in session.execute(query)
        if people is None or row.person in people
    ]


def latest_of(session: Session, host_id: int, person: int) -> dict[int, ExtensionRequest]:
    """Of each certification the learner's last request."""
    rows = session.scalars(
        select(ExtensionRequest)
        .where(ExtensionRequest.host_id == host_id, ExtensionRequest.person == person)
        .order_by(ExtensionRequest.id)
    )
    return {row.certification: row for row in rows}
