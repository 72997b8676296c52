"""A proposal weighed: whom it would change, and what ``step`` would decide about them.

Only people for whom something may change are decided. Of those who were never enrolled, everybody in the same position
is decided by one of them: nothing in their rows could tell them apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.dates import AfterDue, FixedDue, NoDue, due_instant, parse_due, relative_due
from plugin.certifications.definition import AssignmentDef, Proposal
from plugin.certifications.resolve import Rule, key_of, resolve
from plugin.certifications.tables import Assignment, Certification
from plugin.certifications.targets import target_ids
from plugin.enrolment.around import Around
from plugin.enrolment.chunk import Work, decide, prepare
from plugin.enrolment.enrolled import Enrolled, enrolled
from plugin.enrolment.facts import NONE, Ints
from plugin.enrolment.inputs import Cause, sharing
from plugin.enrolment.skim import asked, dated
from plugin.enrolment.step import Step
from plugin.enrolment.terms import Terms, from_definition, zone_of_host
from plugin.population.sets import Population


@dataclass
class Weighed:
    """Everybody whom a proposal may change, decided, with the sets that the counts are made of.

    :ivar earlier: the same decided with dates moved earlier too.
    :ivar active: who is active before.
    :ivar alike: by the one decided, all those she was decided for.
    """

    work: Work
    step: Step
    earlier: Step
    people: Population
    active: BitMap
    live: bool
    alike: Mapping[int, BitMap]

    def where(self, mask: np.ndarray) -> BitMap:
        """The learners at these positions, and those decided with them."""
        found = BitMap(self.work.facts.person[mask].astype(np.uint32))
        for one, others in self.alike.items():
            if one in found:
                found |= others
        return found

    def still(self, active: np.ndarray) -> BitMap:
        """Who is active after: those decided so, and those active before whom nothing changes."""
        decided = BitMap(self.work.facts.person.astype(np.uint32))
        return (self.active - decided) | self.where(active)


def weigh(session: Session, people: Population, proposal: Proposal, rules: Sequence[Rule], now: int) -> Weighed:
    """Decide what a proposal would do if it were saved now.

    :param rules: its assignments (:func:`proposed_rules`).
    """
    host_id = people.host_id
    code = proposal.current.code if proposal.current is not None else proposal.definition.code
    number = certification_id(session, host_id, code)
    version = proposal.base_version + 1
    terms = from_definition(host_id, number, version, proposal.definition, zone_of_host(session, host_id))
    cause = Cause(
        otherwise=max(now, people.as_of), version=version, earlier=True, confirmed=True, by_sync=False,
        earlier_of=earlier_ids(session, host_id, proposal),
    )  # fmt: skip
    rows = enrolled(session, host_id, number)
    around = Around(session, host_id, [number])
    sets = _sets(around, people, proposal, rules, rows, number)
    look = _rows_to_look_at(around, people, terms, rules, sets, rows, cause)
    newcomers, alike = _newcomers(around, people, terms, rules, sets, rows, cause)
    chosen = np.array(look | newcomers | BitMap(alike), dtype=np.int64)
    found = [(rule, np.searchsorted(chosen, np.array(BitMap(chosen.astype(np.uint32)) & one, dtype=np.int64)))
             for rule, one in zip(rules, sets, strict=True)]  # fmt: skip
    work = prepare(
        session,
        people,
        number,
        chosen,
        replace(cause, earlier=False),
        terms=terms,
        rules=rules,
        found=found,
        around=around,
    )
    outcome, _writing = decide(work, cause, BitMap())
    work.given.earlier = True
    moved, _writing = decide(work, cause, BitMap())
    work.given.earlier = False
    return Weighed(work, outcome, moved, people, rows.active, terms.live(work.given.as_of), alike)


def _sets(
    around: Around, people: Population, proposal: Proposal, rules: Sequence[Rule], rows: Enrolled, number: int
) -> list[BitMap]:
    """Whom each rule matches; members a file sets for a group count as if they were in it already."""
    given = {row.target: row for row in proposal.definition.assignments if row.members is not None}
    session, pins = around.session, around.held(number).pins
    found = []
    for rule in rules:
        if rule.type == "group" and rule.target in given:
            one = given_members(session, people, given[rule.target])
        else:
            one = resolve(session, people, rule.key)
        found.append(one | (pins[rule.id] & rows.everyone) if rule.id in pins else one)
    return found


def given_members(session: Session, people: Population, row: AssignmentDef) -> BitMap:
    """The members a file names for a group, as far as they exist."""
    if row.type != "group" or not row.members:
        return BitMap()
    ids = target_ids(session, people.host_id, [("individual", member) for member in row.members])
    return BitMap([number for number in ids.values() if number is not None]) & people.existing


def _rows_to_look_at(
    around: Around, people: Population, terms: Terms, rules: Sequence[Rule], sets: Sequence[BitMap], rows: Enrolled,
    cause: Cause,
) -> BitMap:  # fmt: skip
    """Live rows that the proposal may change (:func:`plugin.enrolment.skim.skim`, by sets)."""
    if not len(rows.person):
        return BitMap()
    hits = [rows.person.searchsorted(np.array(rows.everyone & one, dtype=np.int64)) for one in sets]
    expected = np.zeros(len(rows.person), np.int64)
    for rule, where in zip(rules, hits, strict=True):
        expected[where] ^= np.int64(rule.why_key)
    look = (expected != rows.why) | rows.waiting
    look |= rows.frozen != np.isin(rows.person, np.array(people.suspended & rows.everyone, dtype=np.int64))
    look |= dated(around.session, terms, rules, hits, rows, cause)
    always = BitMap(asked(around, terms, max(people.as_of, cause.otherwise)).astype(np.uint32)) & rows.everyone
    return BitMap(rows.person[look].astype(np.uint32)) | always


def _newcomers(
    around: Around, people: Population, terms: Terms, rules: Sequence[Rule], sets: Sequence[BitMap], rows: Enrolled,
    cause: Cause,
) -> tuple[BitMap, dict[int, BitMap]]:  # fmt: skip
    """Who would begin: those to be decided by themselves, and one for each group of people in the same position."""
    if not terms.live(max(people.as_of, cause.otherwise)):
        return BitMap(), {}
    everyone = BitMap.union(BitMap(), *sets) - rows.everyone - people.suspended
    alone = everyone & rows.withdrawn
    exempt = around.exempt(terms.id, max(people.as_of, cause.otherwise))
    alone |= everyone & BitMap(exempt.astype(np.uint32))
    alone |= everyone & BitMap([one.person for one in around.brought(terms.id)])
    for other in sharing(around, terms):
        alone |= everyone & enrolled(around.session, people.host_id, other.id).active
    by_date: dict[int, BitMap] = {}
    for rule, one in zip(rules, sets, strict=True):
        date = _same_for_all(rule, cause.otherwise, terms.zone)
        if date is None:
            alone |= everyone & one
        else:
            by_date[date] = by_date.get(date, BitMap()) | one
    rest, alike = everyone - alone, {}
    for date in sorted(by_date, reverse=True):  # the latest date of her assignments holds (DOMAIN 3.4)
        these = rest & by_date[date]
        rest -= these
        if these:
            alike[these.min()] = these
    return alone, alike


def _same_for_all(rule: Rule, at: int, zone: str) -> int | None:
    """The date a rule gives to everybody who begins at an instant; ``None`` where it hangs on the person."""
    due = rule.due
    if isinstance(due, NoDue):
        return NONE
    if isinstance(due, FixedDue):
        return None if due.zone == "learner" else due_instant(due, None, zone)
    if isinstance(due, AfterDue) and due.event == "enrolment":
        bases: Ints = np.array([at])
        return int(relative_due(bases, due.amount, due.unit, zone)[0])
    return None


def proposed_rules(session: Session, host_id: int, proposal: Proposal) -> list[Rule]:
    """The proposal's assignments as rules; ones already saved keep their ids and keys, new ones get negative ids."""
    saved: dict[tuple[str, str], Assignment] = {}
    if proposal.current is not None:
        rows = session.scalars(
            select(Assignment)
            .join(
                Certification,
                (Certification.host_id == Assignment.host_id) & (Certification.id == Assignment.certification),
            )
            .where(Assignment.host_id == host_id, Certification.code == proposal.current.code)
        )
        saved = {(row.type, row.target): row for row in rows}
    ids = target_ids(session, host_id, [(row.type, row.target) for row in proposal.definition.assignments])
    rules = []
    for number, row in enumerate(proposal.definition.assignments, start=1):
        known = saved.get((row.type, row.target))
        target = ids.get((row.type, row.target))
        if known is not None and known.live:
            key = None if known.missing else key_of(row.type, target, row.include, known.id)
            rules.append(Rule(known.id, known.certification, row.type, row.target, key, parse_due(row.due), known.why_key,
                              known.since_version, known.missing))  # fmt: skip
        else:
            group = known.id if known is not None else None
            key = key_of(row.type, target, row.include, group)
            rules.append(Rule(-number, 0, row.type, row.target, key, parse_due(row.due), _throwaway_key(number),
                              proposal.base_version + 1, missing=False))  # fmt: skip
    return rules


def earlier_ids(session: Session, host_id: int, proposal: Proposal) -> frozenset[int] | None:
    """Our ids of the assignments whose dates a proposal may move earlier; ``None`` where it may move any."""
    if proposal.earlier_of is None or proposal.current is None:
        return None
    number = certification_id(session, host_id, proposal.current.code)
    rows = session.execute(
        select(Assignment.id, Assignment.type, Assignment.target).where(
            Assignment.host_id == host_id, Assignment.certification == number
        )
    )
    return frozenset(row.id for row in rows if f"{row.type}:{row.target}" in proposal.earlier_of)


def _throwaway_key(number: int) -> int:
    """A key for a rule that was never saved: distinct, and far from the random ones."""
    return (number * 0x9E3779B97F4A7C15) % (1 << 62) | 1


def certification_id(session: Session, host_id: int, code: str) -> int:
    """Our id of a certification; 0 for one that was never saved."""
    found = session.scalar(select(Certification.id).where(Certification.host_id == host_id, Certification.code == code))
    return int(found or 0)
