"""What the assignments want of each person: whether she belongs, why, and by what date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plugin.certifications.resolve import Rule
from plugin.certifications.rules.due_dates import AfterDue, NoDue
from plugin.enrolment.facts import NONE, Ints, Mask
from plugin.enrolment.reading.event_dates import Bases

Membership = tuple[Rule, Ints]
"""A rule, and the positions of the people it matches."""


@dataclass
class Wanted:
    """One position a person.

    :ivar why: XOR of the keys of the rules that match her; 0 is nobody's.
    :ivar date: the latest known date over her rules; ``NONE`` where none is known (rules 3.4).
    :ivar date_from: the rule that gives it.
    :ivar unknown: she has a rule whose base is not known, other than waiting for first login.
    :ivar waiting: she has a rule that waits for her first login (rules 3.7).
    """

    why: Ints
    date: Ints
    date_from: Ints
    unknown: Mask
    waiting: Mask


def wanted_of(memberships: Sequence[Membership], bases: Bases, n: int) -> Wanted:
    """Put the rules' wishes together for ``n`` people."""
    wanted = Wanted(
        why=np.zeros(n, np.int64),
        date=np.full(n, NONE),
        date_from=np.full(n, NONE),
        unknown=np.zeros(n, bool),
        waiting=np.zeros(n, bool),
    )
    for rule, where in memberships:
        if len(where):
            wanted.why[where] ^= np.int64(rule.why_key)
            _add_date(wanted, rule, where, bases)
    return wanted


def _add_date(wanted: Wanted, rule: Rule, where: Ints, bases: Bases) -> None:
    due = rule.due
    if isinstance(due, NoDue):
        return
    dates = bases.dates(due, where)
    later = dates > wanted.date[where]  # NONE is the least of all
    wanted.date[where[later]] = dates[later]
    wanted.date_from[where[later]] = rule.id
    missing = where[dates == NONE]
    if isinstance(due, AfterDue) and due.event == "first_login":
        wanted.waiting[missing] = True
    else:
        wanted.unknown[missing] = True
