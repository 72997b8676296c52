"""A certification that has ended, archived or past its last day, is read and not changed (rules 5.11)."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from plugin.certifications.definition import Definition, Proposal
from plugin.core.database.bulk import fetch
from plugin.core.errors import RefusedByRule
from plugin.enrolment.codes import DUPLICATE_COURSE, WITHDRAWN
from plugin.enrolment.settling.owed_looks import owe
from plugin.enrolment.terms import from_definition, terms_of_many, zone_of_host


def refuse_ended(session: Session, host_id: int, certification: int, at: int) -> None:
    """Keep what has ended as it is.

    :raises RefusedByRule: when the certification has ended at that instant.
    """
    terms = terms_of_many(session, host_id, [certification]).get(certification)
    if terms is not None and terms.ended(at):
        raise RefusedByRule(_sentence(terms.code, terms.state))


def refuse_save_of_ended(session: Session, host_id: int, proposal: Proposal, at: int) -> None:
    """Of a certification that has ended only its state, its dates and what becomes of its seats can be saved.

    :raises RefusedByRule: for a save that changes more, and does not make it available again.
    """
    before, after = proposal.current, proposal.definition
    if before is None or not _ended(session, host_id, before, at) or not _ended(session, host_id, after, at):
        return
    apart: dict[str, Any] = {"state": before.state, "available": before.available, "leaving": before.leaving}
    if replace(after, **apart, notifications=before.notifications) != before:
        raise RefusedByRule(_sentence(before.code, before.state))


def free_courses(session: Session, host_id: int, certifications: Collection[int], at: int) -> None:
    """Look again at whom courses of these certifications kept out of another one (§4).

    Their content is another than before, or they have ended: nobody is active in one that ended.
    """
    if not certifications:
        return
    listed = ", ".join(str(int(one)) for one in sorted(certifications))
    rows = fetch(
        session,
        "SELECT DISTINCT e.person FROM exception e JOIN enrolment r"
        f" ON r.host_id = e.host_id AND r.person = e.person AND r.certification IN ({listed}) AND r.state > {WITHDRAWN}"
        f" WHERE e.host_id = ? AND e.type = {DUPLICATE_COURSE} AND e.certification <> r.certification",
        host_id,
    )
    owe(session, host_id, [row[0] for row in rows], at)


def _ended(session: Session, host_id: int, definition: Definition, at: int) -> bool:
    return from_definition(host_id, 0, 0, definition, zone_of_host(session, host_id)).ended(at)


def _sentence(code: str, state: str) -> str:
    if state == "archived":
        return str(_("%(code)s is archived and can only be read. Make it live again to change anything.", code=code))
    return str(_("%(code)s has ended and can only be read. Give it a later last day to change anything.", code=code))
