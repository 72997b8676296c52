"""Which certifications of a few people need a look: the person-wise side of :mod:`plugin.enrolment.reading.needs_look`.

Everything about these people is read once, whatever the number of certifications; one where nothing differs is left
alone. A completion always earns a look, since only the cycle can tell what it does.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.resolve import Rule, matches_of
from plugin.core.database.bulk import fetch
from plugin.core.database.slices import slices
from plugin.enrolment.codes import FREE, WITHDRAWN
from plugin.enrolment.reading.needs_look import differs, is_personal
from plugin.enrolment.reading.reach import reaching, waiting_for
from plugin.enrolment.tables import TAKING_BACK, WAITING
from plugin.population.sets import Population

Pins = dict[int, dict[int, BitMap]]
"""By certification and assignment, the learners kept on it."""


@dataclass
class WhereToLook:
    """What a few people match, and where that may change something.

    :ivar matches: by person, the rules of all certifications.
    :ivar concerned: by certification, whom to look at there.
    :ivar waves: certifications in which one of them waits for a wave, or is to be drawn.
    :ivar lost: of live rows whose reasons changed: certification and the stored reason.
    """

    matches: Mapping[int, Sequence[Rule]]
    concerned: dict[int, set[int]] = field(default_factory=dict)
    lost: set[tuple[int, int]] = field(default_factory=set)
    waves: set[int] = field(default_factory=set)

    def look(self, certification: int, person: int) -> None:
        """Someone to look at."""
        self.concerned.setdefault(certification, set()).add(person)


def where_to_look(session: Session, people: Population, who: Sequence[int]) -> WhereToLook:
    """Look a few people (sorted ids) up in all certifications."""
    host_id = people.host_id
    every = matches_of(session, host_id, who, people.as_of)
    seen = WhereToLook(reaching(session, host_id, every, people.as_of))
    seen.waves = waiting_for(every, seen.matches)
    pins = _pins(session, host_id)
    expected, personal = _expected(seen.matches, pins, who)
    rows = _in_slices(session, _ROWS, host_id, who)
    live = set()
    for certification, person, why, suspended, waiting, wakes in rows:
        live.add((certification, person))
        wanted = expected.get((certification, person), 0)
        if wanted != why:
            seen.lost.add((certification, why))
        other = differs(why, wanted, bool(suspended), person in people.suspended, bool(waiting))
        if other or (wakes is not None and wakes <= people.as_of) or (certification, person) in personal:
            seen.look(certification, person)
    for certification, person in expected.keys() - live:
        seen.look(certification, person)
    for certification, person in _in_slices(session, _ASKED, host_id, who):
        if (certification, person) in live or (certification, person) in expected:
            seen.look(certification, person)
    return seen


_ROWS = (
    "SELECT certification, person, why, CASE WHEN frozen_since IS NULL THEN 0 ELSE 1 END,"
    f" CASE WHEN hold = {FREE} AND leaves_on IS NULL THEN 0 ELSE 1 END, wakes"
    f" FROM enrolment WHERE host_id = ? AND state > {WITHDRAWN} AND {{people}}"
)
_COMPLETED = (
    "SELECT DISTINCT s.certification, c.person FROM completion c"
    " JOIN course_set s ON s.host_id = c.host_id AND s.course = c.course WHERE c.host_id = ? AND c.{people}"
)
_ASKED = (
    "SELECT certification, person FROM exception WHERE host_id = ? AND {people}"
    " UNION ALL SELECT certification, person FROM decision WHERE host_id = ? AND NOT applied AND {people}"
    " UNION ALL SELECT certification, person FROM exemption WHERE host_id = ? AND {people}"
    " UNION ALL SELECT certification, person FROM brought WHERE host_id = ?"
    f" AND state IN ({WAITING}, {TAKING_BACK}) AND {{people}}"
    f" UNION ALL {_COMPLETED}"
)
"""With an exception, an answer, an exemption, an imported record or a completion: differences no row shows."""


def completed_by(session: Session, host_id: int, who: Sequence[int]) -> dict[int, BitMap]:
    """By certification, which of these people completed one of its courses."""
    found: dict[int, BitMap] = {}
    for certification, person in _in_slices(session, _COMPLETED, host_id, who):
        found.setdefault(certification, BitMap()).add(person)
    return found


def _in_slices(session: Session, sql: str, host_id: int, who: Sequence[int]) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = []
    for part in slices(who):
        listed = ", ".join(str(int(person)) for person in part)
        full = sql.format(people=f"person IN ({listed})")
        found += fetch(session, full, *([host_id] * full.count("?")))
    return found


def _pins(session: Session, host_id: int) -> Pins:
    sql = (
        "SELECT certification, assignment, people FROM held"
        " WHERE host_id = ? AND assignment IS NOT NULL AND state IN ('open', 'refused')"
    )
    pins: Pins = {}
    for certification, assignment, kept in fetch(session, sql, host_id):
        of_rule = pins.setdefault(certification, {})
        of_rule[assignment] = of_rule.get(assignment, BitMap()) | BitMap.deserialize(bytes(kept))
    return pins


def _expected(
    matches: Mapping[int, Sequence[Rule]], pins: Pins, who: Iterable[int]
) -> tuple[dict[tuple[int, int], int], set[tuple[int, int]]]:
    """The reason each pair should have; and the pairs whose date hangs on something about the person."""
    expected: dict[tuple[int, int], int] = {}
    personal: set[tuple[int, int]] = set()
    for person in who:
        for rule in matches.get(person, ()):
            pair = (rule.certification, person)
            expected[pair] = expected.get(pair, 0) ^ rule.why_key
            if is_personal(rule.due):
                personal.add(pair)
        for certification, kept in pins.items():
            if any(person in learners for learners in kept.values()):
                personal.add((certification, person))
    return {pair: why for pair, why in expected.items() if why}, personal
