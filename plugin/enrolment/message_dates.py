"""The dates of learners as they are stored, and messages that name them: the rooms below ask for dates and know no enrolment."""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from plugin.core.database.bulk import among, fetch
from plugin.core.database.slices import slices
from plugin.delivery.learner_dates import NO_DATES, Dates, Pair
from plugin.delivery.tables import Message
from plugin.mirror.tables import Person
from plugin.notifications import templates


def stored_dates(session: Session, host_id: int, pairs: Collection[Pair]) -> dict[Pair, Dates]:
    """The due and expiry dates of these certifications and learners, where there is an enrolment; others may be among them."""
    found: dict[Pair, Dates] = {}
    people = np.array(sorted({person for _certification, person in pairs}), np.int64)
    for part in slices(people):
        sql = f"SELECT certification, person, due, expires FROM enrolment WHERE host_id = ? AND {among('person', part)}"
        for certification, person, due, expires in fetch(session, sql, host_id):
            found[certification, person] = (due, expires)
    return found


def render(session: Session, messages: Sequence[Message]) -> dict[int, Mapping[str, str]]:
    """Subject, text, HTML and link of these messages of one host, as of now."""
    return templates.render(session, messages, stored_dates)


def preview(
    session: Session, host_id: int, one: Mapping[str, Any], name: str, learner: Person,
    *, number: int, due: int | None = None,
) -> dict[str, str]:  # fmt: skip
    """A definition as a learner of a saved certification would get it now.

    :param name: the certification's, and ``number`` its id. :param due: her due date, where it is known better than it is stored.
    """
    stored, expires = stored_dates(session, host_id, [(number, learner.id)]).get((number, learner.id), NO_DATES)
    dates = (stored if due is None else due, expires)
    return templates.preview(session, host_id, one, name, learner, number=number, dates=dates)
