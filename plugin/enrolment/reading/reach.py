"""Whom of its target's people an assignment reaches at an instant: before its first day only who is enrolled through it
already (rules 11.2), and with a wave only who is enrolled anyway or was drawn (11.3).

The resolver (:mod:`plugin.certifications.resolve`) says whom the target matches, this module what of it counts now, and
what of that it enrols: who waits for a wave is counted, and not enrolled yet.
"""

# ruff: noqa: S608 - what is filled into SQL here is text of ours; what people say is bound

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
from pyroaring import BitMap
from sqlalchemy.orm import Session

from plugin.certifications.resolve import Rule, matched_by
from plugin.core.database.bulk import among, fetch
from plugin.enrolment.codes import WITHDRAWN
from plugin.enrolment.reading.live_rows import enrolled
from plugin.enrolment.waves.decide_draws import has_waves
from plugin.enrolment.waves.stored_draws import read_drawn
from plugin.population.sets import Population

_FEW = 2_000
"""People whose rows are looked up one by one."""


def has_not_begun(rule: Rule, as_of: int) -> bool:
    """Whether the first day of an assignment is still to come."""
    return rule.starts is not None and rule.starts > as_of


def counted(session: Session, people: Population, rule: Rule, only: BitMap | None = None) -> BitMap:
    """Everyone an assignment counts now.

    :param only: of these alone, which may be cheaper.
    """
    found = matched_by(session, people, rule)
    return begun(session, people, rule, found if only is None else found & only)


def begun(session: Session, people: Population, rule: Rule, matched: BitMap) -> BitMap:
    """Of those whom the target of an assignment matches, whom it counts now."""
    return through(session, people.host_id, rule, matched) if has_not_begun(rule, people.as_of) else matched


def reached(session: Session, people: Population, rules: Sequence[Rule], only: BitMap) -> list[BitMap]:
    """Whom each assignment of a certification enrols or keeps enrolled now, of these people."""
    return within_waves(session, people.host_id, rules, [counted(session, people, rule, only) for rule in rules])


def within_waves(
    session: Session, host_id: int, rules: Sequence[Rule], found: Sequence[BitMap], live: BitMap | None = None
) -> list[BitMap]:
    """Of whom each assignment of a certification counts, who need not wait for its wave: enrolled, drawn, or matched by an
    assignment without one.

    :param live: who is enrolled, where that is known.
    """
    if not has_waves(rules):
        return list(found)
    free = BitMap.union(BitMap(), *(one for rule, one in zip(rules, found, strict=True) if not rule.wave))
    asked = BitMap.union(BitMap(), *(one for rule, one in zip(rules, found, strict=True) if rule.wave)) - free
    may = free | admitted(session, host_id, rules[0].certification, asked, live)
    return [one & may if rule.wave else one for rule, one in zip(rules, found, strict=True)]


def admitted(session: Session, host_id: int, certification: int, people: BitMap, live: BitMap | None = None) -> BitMap:
    """Who of these people is enrolled, or was drawn."""
    if not people:
        return BitMap()
    if live is None and len(people) <= _FEW:
        some = among("person", np.array(people, np.int64))
        sql = f"SELECT person FROM enrolment WHERE host_id = ? AND certification = ? AND state > {WITHDRAWN} AND {some}"
        live = BitMap([row[0] for row in fetch(session, sql, host_id, certification)])
    elif live is None:
        live = enrolled(session, host_id, certification).everyone
    drawn = read_drawn(session, host_id, certification).values()
    return people & BitMap.union(live, *(state.everyone for state in drawn))


def reaching(
    session: Session, host_id: int, matches: Mapping[int, Sequence[Rule]], as_of: int
) -> Mapping[int, Sequence[Rule]]:
    """By person the assignments that enrol her or keep her enrolled, of those whose target matches her."""
    return _past_waves(session, host_id, counting(session, host_id, matches, as_of))


def counting(
    session: Session, host_id: int, matches: Mapping[int, Sequence[Rule]], as_of: int
) -> Mapping[int, Sequence[Rule]]:
    """By person the assignments that count her, of those whose target matches her: who waits for a wave is counted."""
    to_come: dict[Rule, BitMap] = {}
    for person, rules in matches.items():
        for rule in rules:
            if has_not_begun(rule, as_of):
                to_come.setdefault(rule, BitMap()).add(person)
    if not to_come:
        return matches
    stay = {rule: through(session, host_id, rule, people) for rule, people in to_come.items()}
    return {
        person: [rule for rule in rules if rule not in stay or person in stay[rule]]
        for person, rules in matches.items()
    }


def _past_waves(session: Session, host_id: int, matches: Mapping[int, Sequence[Rule]]) -> Mapping[int, Sequence[Rule]]:
    """The same less the assignments with a wave for which somebody waits."""
    asked: dict[int, BitMap] = {}
    for person, rules in matches.items():
        free = {rule.certification for rule in rules if not rule.wave} if has_waves(rules) else set()
        for rule in rules:
            if rule.wave and rule.certification not in free:
                asked.setdefault(rule.certification, BitMap()).add(person)
    if not asked:
        return matches
    wait = {number: people - admitted(session, host_id, number, people) for number, people in asked.items()}
    return {
        person: [rule for rule in rules if not rule.wave or person not in wait.get(rule.certification, BitMap())]
        for person, rules in matches.items()
    }


def waiting_for(matches: Mapping[int, Sequence[Rule]], reached_by: Mapping[int, Sequence[Rule]]) -> set[int]:
    """Certifications in which one of these people may have to be drawn: a wave matches her, and does not reach her."""
    if matches is reached_by:
        return set()
    return {
        rule.certification
        for person, rules in matches.items()
        for rule in rules
        if rule.wave and rule not in reached_by[person]
    }


def through(session: Session, host_id: int, rule: Rule, people: BitMap) -> BitMap:
    """Who of these people is enrolled through an assignment: her stored reasons name it."""
    if rule.id <= 0 or not people:  # never saved
        return BitMap()
    rows = fetch(
        session,
        "SELECT w.id, CAST(w.assignments AS TEXT) FROM why_set w WHERE w.host_id = ? AND w.id IN"
        f" (SELECT why FROM enrolment WHERE host_id = ? AND certification = ? AND state > {WITHDRAWN})",
        host_id, host_id, rule.certification,
    )  # fmt: skip
    whys = {number for number, named in rows if rule.id in json.loads(named)}
    if not whys:
        return BitMap()
    some = among("why", np.array(sorted(whys), np.int64))  # of many, those between them too
    sql = (
        f"SELECT person, why FROM enrolment WHERE host_id = ? AND certification = ? AND state > {WITHDRAWN} AND {some}"
    )
    found = fetch(session, sql, host_id, rule.certification)
    return people & BitMap([person for person, why in found if why in whys])
