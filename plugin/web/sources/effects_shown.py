"""What a change of sources does to every certification, with the people behind each number."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from plugin.enrolment.effects import NUMBERS, ON_HOLD, CertificationEffect
from plugin.mirror.lookup.browse import names_of_people

LISTED = 200
"""Records to be matched, and names behind a number, on one page."""


def with_names(session: Session, number: int, effects: list[CertificationEffect]) -> list[dict[str, Any]]:
    """What each certification gains and loses, each number with the first of the people behind it."""
    found = []
    for one in (effect for effect in effects if effect.anything or effect.on_hold):
        lists = {}
        for name in (*NUMBERS, ON_HOLD):
            people = list(one.names.get(name, ()))[:LISTED]
            rows = names_of_people(session, number, people)
            lists[name] = sorted(row.name or row.ext for row in rows.values())
        numbers = {name: getattr(one, name) for name in (*NUMBERS, ON_HOLD)}
        found.append({"code": one.code, "name": one.name, "numbers": numbers, "names": lists})
    return found
