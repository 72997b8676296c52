"""Whom a certification can tell anything: of those its assignments match, whoever is neither suspended nor kept out."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from pyroaring import BitMap
from sqlalchemy import text
from sqlalchemy.orm import Session

from plugin.core.ids import read_clock
from plugin.enrolment.codes import DISMISSED, WITHDRAWN
from plugin.population.sets import population

_KEPT_OUT = f"""
SELECT person FROM exemption WHERE host_id = :host AND certification = :certification AND (until IS NULL OR until > :now)
UNION
SELECT person FROM enrolment WHERE host_id = :host AND certification = :certification AND state > {WITHDRAWN}
 AND hold = {DISMISSED}
"""


def may_be_told(session: Session, host_id: int, certification: int, people: BitMap) -> BitMap:
    """These people without the suspended, the exempt, and those whose exception was dismissed: none of them is told.

    The numbers of a review count messages alike.
    """
    _seq, as_of = read_clock(session, host_id)
    values = {"host": host_id, "certification": certification, "now": as_of}
    kept_out = BitMap(row[0] for row in session.execute(text(_KEPT_OUT), values))
    return people - population(session, host_id).suspended - kept_out
