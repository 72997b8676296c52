"""What the dialogs of an assignment offer, and how much of it the visitor may see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import g
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.drafts import drafts
from plugin.certifications.listing import listed
from plugin.enrolment.views.told import may_be_told
from plugin.mirror.lookup.browse import courses, hidden, profile_fields
from plugin.mirror.lookup.search import find
from plugin.notifications.impact import reached
from plugin.notifications.triggers import active
from plugin.population.area import acting_area, acting_units
from plugin.web.frame.kit import host_id

_MOST_ASKED = 2_000


def due_choices(session: Session) -> dict[str, Any]:
    """The items events may be about."""
    return {
        "profile_fields": profile_fields(session, host_id()),
        "positions": [(unit.ext, unit.name) for unit in find(session, host_id(), "position", "", limit=500).rows],
        "courses": [(course.ext, course.name) for course in courses(session, host_id())],
        "certifications": [
            (one.certification.code, one.certification.name)
            for one in listed(session, host_id(), "", limit=500, offset=0, only=_listed())[1]
        ],
    }


def _listed() -> frozenset[int] | None:
    """The certifications that whoever looks after an area knows; ``None`` for all."""
    seen: frozenset[int] | None = g.launch.rights.seen()
    return None if acting_units() is None else seen


def cut_to_area(session: Session, people: BitMap) -> BitMap:
    """Those whom the visitor may look at, in a transaction that looks at everybody."""
    area = acting_area(session, host_id())
    return people if area is None else people & area


def known_to_her(session: Session, rows: Sequence[drafts.DraftRow]) -> list[drafts.DraftRow]:
    """Without individual rows of people outside her area: for her there are none (ACCESS 3)."""
    people = [row.definition.target for row in rows if row.definition.type == "individual"]
    unseen = hidden(session, host_id(), "individual", people)
    return [row for row in rows if row.definition.type != "individual" or row.definition.target not in unseen]


def reached_by(session: Session, certification: int, everyone: BitMap) -> list[int]:
    """How many people each notification on *assigned* would reach if all of these were assigned now.

    Managers and administrators of very many learners are counted on the Notifications tab alone: that takes its time.
    """
    everyone = may_be_told(session, host_id(), certification, everyone)
    return [
        len(reached(session, host_id(), everyone, one.to))
        if set(one.to) <= {"learner"} or len(everyone) <= _MOST_ASKED
        else 0
        for one in active(session, host_id(), certification, "assigned")
    ]
