"""How many learners get which date from an assignment's due date setting, before it is saved (rules 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from plugin.certifications.definition import Proposal
from plugin.certifications.resolve import matched_by, without
from plugin.certifications.rules.due_dates import AfterDue, NoDue, parse_due
from plugin.enrolment.facts import NONE
from plugin.enrolment.reading.event_dates import Bases
from plugin.enrolment.reading.live_rows import enrolled
from plugin.enrolment.saving.proposal import certification_id, given_members, proposed_rules
from plugin.enrolment.terms import zone_of_host
from plugin.population.sets import population


@dataclass(frozen=True)
class DueCounts:
    """What a setting means for those its assignment matches.

    :ivar learners: matched in all. :ivar dates: the dates and how many get each, earliest first, no more than asked for.
    :ivar others: how many different dates come after those, of ``others_learners`` learners.
    :ivar waiting: have not logged in yet; their date comes by itself. :ivar unknown: nobody can tell their date.
    :ivar passed: learners whose date is over already.
    """

    learners: int
    dates: tuple[tuple[int, int], ...] = ()
    others: int = 0
    others_learners: int = 0
    waiting: int = 0
    unknown: int = 0
    passed: int = 0


def due_counts(
    session: Session, host_id: int, proposal: Proposal, key: str, due: Any, *, now: int, most: int = 5
) -> DueCounts:
    """Count the dates that ``due`` would give to the learners of one assignment.

    :param key: ``type:target`` of a row of the proposal. :param due: as AS-CODE writes it. :param now: an instant.
    """
    rows = proposal.definition.assignments
    index = next(number for number, row in enumerate(rows) if row.key == key)
    people, rule = population(session, host_id), proposed_rules(session, host_id, proposal)[index]
    matched = without(people, given_members(session, people, rows[index]), rule.exclusions)
    if rows[index].members is None:
        matched = matched_by(session, people, rule)
    who, setting = np.array(matched, dtype=np.int64), parse_due(due)
    if isinstance(setting, NoDue) or not len(who):
        return DueCounts(len(who))
    held = enrolled(session, host_id, certification_id(session, host_id, proposal.definition.code))
    began = np.full(len(who), max(now, people.as_of))
    if len(held.person):
        at = np.clip(held.person.searchsorted(who), 0, len(held.person) - 1)
        here = held.person[at] == who
        began[here] = held.began[at[here]]
    found = Bases(session, host_id, zone_of_host(session, host_id), who, began).dates(setting, np.arange(len(who)))
    known = found[found != NONE]
    missing = len(who) - len(known)
    waits = isinstance(setting, AfterDue) and setting.event == "first_login"
    dates, counts = np.unique(known, return_counts=True)
    shown = tuple(zip(dates[:most].tolist(), counts[:most].tolist(), strict=True))
    return DueCounts(
        len(who), shown, max(len(dates) - most, 0), int(counts[most:].sum()), waiting=missing if waits else 0,
        unknown=0 if waits else missing, passed=int((known < now).sum()),
    )  # fmt: skip
