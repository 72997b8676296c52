"""Since when? The instant at which somebody came or went, where time brought it about after what owed her the look.

Who is owed a look since Friday and whose job began on Monday belongs since Monday (rules 3.2): not since what the
host told on Friday, and not since anybody noticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from sqlalchemy.orm import Session

from plugin.certifications.resolve import matches_of
from plugin.core.database.bulk import among, fetch
from plugin.enrolment.facts import Facts, Ints, Mask
from plugin.enrolment.reading.reach import reaching
from plugin.enrolment.rules.wanted import Membership
from plugin.enrolment.terms import Terms
from plugin.enrolment.waves.stored_draws import read_drawn
from plugin.population.columns import are_in

_TURNS = (
    "SELECT person, starts FROM job WHERE host_id = ? AND NOT gone AND starts > ? AND starts <= ? AND {people}"
    " UNION ALL SELECT person, ends FROM job WHERE host_id = ? AND NOT gone AND ends > ? AND ends <= ? AND {people}"
)


class Turns:
    """The jobs of some people that began or ended after the instant each of them is owed a look for, up to ``as_of``.

    :param people: ids, somebody perhaps several times; ``at``, as long: the instants of what owed them a look.
    """

    def __init__(self, session: Session, host_id: int, people: Ints, at: Ints, as_of: int) -> None:
        self._session, self._host_id, self._as_of = session, host_id, as_of
        self._by_person: dict[int, list[int]] = {}
        self._matches: dict[int, Mapping[int, set[int]]] = {}
        late = at < as_of
        if not late.any():
            return
        ids = np.unique(people[late])
        between = (host_id, int(at[late].min()), as_of)
        for person, instant in fetch(session, _TURNS.format(people=among("person", ids)), *between, *between):
            self._by_person.setdefault(person, []).append(instant)

    def first_days(self, people: Ints, found: Sequence[Membership], at: Ints) -> None:
        """First days of assignments that came after what owed their people the look (rules 11.2)."""
        for rule, positions in found:
            if rule.starts is not None and rule.starts <= self._as_of:
                for person in people[positions[at[positions] < rule.starts]].tolist():
                    self._by_person.setdefault(person, []).append(rule.starts)

    def __bool__(self) -> bool:
        return bool(self._by_person)

    def move(self, terms: Terms, people: Ints, at: Ints, coming: Mask, going: Mask) -> None:
        """Put into ``at``, in place, since when those who come belong to this certification, and since when those who
        go no longer do: since when last, where she came and went and came again while nobody looked."""
        for position in np.flatnonzero(coming | going).tolist():
            person = int(people[position])
            later = sorted({one for one in self._by_person.get(person, ()) if one > at[position]})
            for instant in reversed((int(at[position]), *later)) if later else ():
                if self._belongs(person, terms.id, instant) != bool(coming[position]):
                    break
                at[position] = instant

    def _belongs(self, person: int, certification: int, instant: int) -> bool:
        """Whether an assignment matched her then, as far as the jobs of today tell."""
        if instant not in self._matches:
            every = matches_of(self._session, self._host_id, sorted(self._by_person), instant)
            matches = reaching(self._session, self._host_id, every, instant)
            self._matches[instant] = {who: {rule.certification for rule in rules} for who, rules in matches.items()}
        return certification in self._matches[instant].get(person, set())


def not_before(at: Ints, people: Ints, coming: Mask, terms: Terms, over: Iterable[tuple[int, int | None]],
               as_of: int) -> None:  # fmt: skip
    """Nobody begins before the certification was available, or while she was exempt; in place.

    :param over: exemptions: people, and until when.
    """
    if terms.begins is not None and terms.begins <= as_of:
        at[coming] = np.maximum(at[coming], terms.begins)
    least = int(at.min(initial=as_of))
    for person, until in over:
        if until is not None and least < until <= as_of:
            at[coming & (people == person)] = np.maximum(at[coming & (people == person)], until)


def drawn_since(session: Session, terms: Terms, facts: Facts, found: Sequence[Membership], at: Ints) -> None:
    """Who was drawn for a wave begins at the instant of her draw (rules 11.3), into ``at``; but not who begins without."""
    if not any(rule.wave for rule, _positions in found):
        return
    free = facts.live.copy()
    for rule, positions in found:
        if not rule.wave:
            free[positions] = True
    for state in read_drawn(session, terms.host_id, terms.id).values():
        for instant, drawn in state.people.items():
            at[are_in(facts.person, drawn) & ~free & (at < instant)] = instant
