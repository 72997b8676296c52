"""A learner's record, and proofs of what stands in it (REPORTS 5).

A proof holds while its completion stands: it ends when the completion is taken back, when the person is erased, and while
the site does not have proofs verified.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.tables import Certification
from plugin.core.database.tenant import inside
from plugin.core.errors import NotFound
from plugin.core.journal import record
from plugin.core.runtime import Runtime
from plugin.core.tables import Host
from plugin.enrolment.tables import Enrolment
from plugin.mirror.tables import Person
from plugin.reports.record.tables import RecordProof

_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""None that is taken for another when read from paper."""
_LENGTH = 25
"""122 bits."""
_NUMBER = re.compile(r"([0-9]{1,9})-?([0-9A-Z]{25})", re.ASCII)
_SETTING = "verify_proofs"


@dataclass(frozen=True)
class Completed:
    """Something completed. ``expires``: until when it is valid; ``None``: for good."""

    certification: int
    code: str
    name: str
    program: bool
    at: int
    expires: int | None

    def is_valid(self, now: int) -> bool:
        """Whether it still is."""
        return self.expires is None or self.expires > now


@dataclass(frozen=True)
class Proof:
    """What a proof says: the same to whoever prints it and to whoever verifies it."""

    number: str
    name: str
    site: str
    zone: str
    completed: Completed


def are_verified(host: Host) -> bool:
    """Whether others may verify this site's proofs."""
    return bool(host.settings.get(_SETTING))


def set_verified(runtime: Runtime, host_id: int, on: bool, *, who: str) -> None:
    """Switch it on or off; while it is off no number is confirmed. In the history."""

    def work(session: Session) -> None:
        host = session.get_one(Host, host_id, with_for_update=True)
        host.settings = {**host.settings, _SETTING: on}
        what = "proofs_verified" if on else "proofs_not_verified"
        record(session, host_id, runtime.clock.now(), who, what, count=0)

    runtime.db.transact(work)


def completed_by(session: Session, host_id: int, person: int) -> list[Completed]:
    """What somebody completed, the latest first; also where she is no longer enrolled."""
    rows = session.execute(
        select(Enrolment, Certification)
        .join(
            Certification, (Certification.host_id == Enrolment.host_id) & (Certification.id == Enrolment.certification)
        )
        .where(Enrolment.host_id == host_id, Enrolment.person == person, Enrolment.certified_at.is_not(None))
        .order_by(Enrolment.certified_at.desc(), Certification.code)
    ).all()
    return [_completed(row, one) for row, one in rows]


def _completed(row: Enrolment, one: Certification) -> Completed:
    return Completed(one.id, one.code, one.name or one.code, one.kind == "program", row.certified_at or 0, row.expires)


def proof_of(runtime: Runtime, host_id: int, person: int, certification: int, *, now: int) -> Proof:
    """The proof of something somebody completed, with its number where the site has proofs verified.

    :raises NotFound: where she has not completed it.
    """

    def work(session: Session) -> Proof:
        host, row = session.get_one(Host, host_id), session.get_one(Person, (host_id, person), with_for_update=True)
        found = [one for one in completed_by(session, host_id, person) if one.certification == certification]
        if not found:
            raise NotFound(_("There is nothing completed here that could be proved."))
        number = _number(session, host, row, found[0], now) if are_verified(host) else ""
        return Proof(number, row.name or row.username or row.ext, host.title or host.name, host.time_zone, found[0])

    return runtime.db.transact(work)


def _number(session: Session, host: Host, person: Person, one: Completed, now: int) -> str:
    there = session.scalars(
        select(RecordProof).where(
            RecordProof.host_id == host.id, RecordProof.person == person.id, RecordProof.life == person.life,
            RecordProof.certification == one.certification, RecordProof.completed_at == one.at,
        )
    ).first()  # fmt: skip
    if there is None:
        made = "".join(secrets.choice(_LETTERS) for _letter in range(_LENGTH))
        there = RecordProof(host_id=host.id, number=made, person=person.id, life=person.life, created=now,
                            certification=one.certification, completed_at=one.at, expires=one.expires)  # fmt: skip
        session.add(there)
    return written(host.id, there.number)


def written(host_id: int, number: str) -> str:
    """A number as people read it: in groups of five."""
    return "-".join([str(host_id), *(number[at : at + 5] for at in range(0, len(number), 5))])


def verified(runtime: Runtime, text: str) -> Proof:
    """What a number confirms.

    :raises NotFound: where it is none, or proves nothing any more; the same words for each.
    """
    told = NotFound(_("This number proves nothing: it is not right, or what it proved no longer stands."))
    host_text, _dash, rest = text.strip().upper().partition("-")
    form = _NUMBER.fullmatch(f"{host_text}-{rest.replace('-', '')}")
    if form is None:
        raise told
    with inside(int(form[1])), runtime.db.read() as session:
        return _confirmed(session, int(form[1]), form[2], told)


def _confirmed(session: Session, host_id: int, number: str, told: NotFound) -> Proof:
    host = session.get(Host, host_id)
    row = session.get(RecordProof, (host_id, number)) if host is not None else None
    if host is None or row is None or host.state != "active" or not are_verified(host):
        raise told
    person = session.get(Person, (host.id, row.person))
    if person is None or person.life != row.life or not (person.name or person.username):
        raise told  # erased, or somebody else by now
    found = [one for one in completed_by(session, host.id, person.id) if one.certification == row.certification]
    if not found or found[0].at < row.completed_at:
        raise told  # taken back
    one = found[0]
    if one.at > row.completed_at:  # completed again since: this number proves the time before
        one = Completed(one.certification, one.code, one.name, one.program, row.completed_at, row.expires)
    return Proof(
        written(host.id, row.number), person.name or person.username, host.title or host.name, host.time_zone, one
    )
