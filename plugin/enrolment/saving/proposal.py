"""A proposal decided as if it were saved: whom it would change, and what ``step`` would decide about them.

Only people for whom something may change are decided. Of those who were never enrolled, everybody in the same position
is decided by one of them: nothing in their rows could tell them apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from pyroaring import BitMap
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin.certifications.definition import AssignmentDef, Proposal
from plugin.certifications.resolve import Rule, exclusion_keys, key_of, without
from plugin.certifications.rules.availability import starts_at
from plugin.certifications.rules.due_dates import AfterDue, FixedDue, NoDue, due_instant, parse_due, relative_due
from plugin.certifications.rules.waves import wave_of
from plugin.certifications.tables import Assignment, Certification
from plugin.certifications.targets import exclusion_ids, target_ids
from plugin.enrolment.facts import NONE, Ints
from plugin.enrolment.reading.gather import Cause
from plugin.enrolment.reading.live_rows import Enrolled, enrolled
from plugin.enrolment.reading.needs_look import rows_to_look_at
from plugin.enrolment.reading.reach import begun, counted
from plugin.enrolment.reading.shared_courses import sharing
from plugin.enrolment.reading.snapshot import Beside, Snapshot
from plugin.enrolment.rules.step import Step
from plugin.enrolment.settling.chunk import Chunk, decide, prepare
from plugin.enrolment.terms import Terms, from_definition, zone_of_host
from plugin.enrolment.waves.decide_draws import has_waves
from plugin.enrolment.waves.queues import Queue, queue_of
from plugin.population.columns import ids_of
from plugin.population.sets import Population


@dataclass
class Decided:
    """Everybody whom a proposal may change, decided, with the sets that the counts are made of.

    :ivar earlier: the same decided with dates moved earlier too.
    :ivar active: who is active before.
    :ivar enrolled: who has a live row before, held back or not.
    :ivar opens: whether the save makes it available: until now its assignments reached nobody (rules 5.11).
    :ivar kept_out: whom an exemption in force keeps out.
    :ivar queue: who waits for a wave and what is foreseen of it; ``None`` without waves.
    :ivar alike: by the one decided, all those she was decided for.
    :ivar entered: by state, the positions of those whom the cycle brings into it.
    """

    work: Chunk
    step: Step
    earlier: Step
    people: Population
    active: BitMap
    opens: bool
    alike: Mapping[int, BitMap]
    queue: Queue | None = None
    kept_out: BitMap = field(default_factory=BitMap)
    enrolled: BitMap = field(default_factory=BitMap)
    entered: Mapping[str, list[int]] = field(default_factory=dict)

    def where(self, mask: np.ndarray) -> BitMap:
        """The learners at these positions, and those decided with them."""
        found = BitMap(self.work.facts.person[mask].astype(np.uint32))
        for one, others in self.alike.items():
            if one in found:
                found |= others
        return found

    def due_of(self, person: int) -> int | None:
        """The date she would have; those decided alike have the same."""
        one = next((one for one, others in self.alike.items() if person in others), person)
        where = np.flatnonzero(self.work.facts.person == one)
        due = int(self.step.facts.due[where[0]]) if len(where) else NONE
        return None if due == NONE else due

    def still(self, active: np.ndarray) -> BitMap:
        """Who is active after: those decided so, and those active before whom nothing changes."""
        decided = BitMap(self.work.facts.person.astype(np.uint32))
        return (self.active - decided) | self.where(active)


def decide_proposal(
    session: Session, people: Population, proposal: Proposal, rules: Sequence[Rule], now: int,
    beside: Sequence[Beside] = (),
) -> Decided:  # fmt: skip
    """Decide what a proposal would do if it were saved now.

    :param rules: its assignments (:func:`proposed_rules`). :param beside: what is saved with it.
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
    if people.within is not None:
        rows = rows.of(people.within)
    snapshot = Snapshot(session, host_id, [number])
    snapshot.beside = [one for one in beside if one.terms.courses & terms.courses]
    sets = _sets(snapshot, people, proposal, rules, rows, number)
    queue = queue_of(snapshot, people, terms, rules, sets, rows, cause.otherwise) if has_waves(rules) else None
    if queue is not None:
        sets = [one - queue.waiting if rule.wave else one for rule, one in zip(rules, sets, strict=True)]
    look = _rows_to_look_at(snapshot, people, terms, rules, sets, rows, cause)
    newcomers, alike = _newcomers(snapshot, people, terms, rules, sets, rows, cause)
    chosen = ids_of(look | newcomers | BitMap(alike))
    found = [(rule, np.searchsorted(chosen, ids_of(BitMap(chosen.astype(np.uint32)) & one)))
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
        snapshot=snapshot,
    )
    outcome, writing = decide(work, cause, BitMap())
    work.given.earlier = True
    moved, _writing = decide(work, cause, BitMap())
    work.given.earlier = False
    opens = (
        terms.live(work.given.as_of)
        and proposal.current is not None
        and not from_definition(host_id, number, version, proposal.current, terms.zone).live(work.given.as_of)
    )
    return Decided(work, outcome, moved, people, rows.active, opens, alike, queue,
                   BitMap(snapshot.exempt(number, work.given.as_of).astype(np.uint32)), rows.everyone,
                   writing.moved.entered)  # fmt: skip


def _sets(
    snapshot: Snapshot, people: Population, proposal: Proposal, rules: Sequence[Rule], rows: Enrolled, number: int
) -> list[BitMap]:
    """Whom each rule matches; members a file sets for a group count as if they were in it already."""
    given = {row.target: row for row in proposal.definition.assignments if row.members is not None}
    session, pins = snapshot.session, snapshot.held(number).pins
    found = []
    for rule in rules:
        if rule.type == "group" and rule.target in given:
            one = without(people, given_members(session, people, given[rule.target]), rule.exclusions)
            one = begun(session, people, rule, one)
        else:
            one = counted(session, people, rule)
        found.append(one | (pins[rule.id] & rows.everyone) if rule.id in pins else one)
    return found


def given_members(session: Session, people: Population, row: AssignmentDef) -> BitMap:
    """The members a file names for a group, as far as they exist."""
    if row.type != "group" or not row.members:
        return BitMap()
    ids = target_ids(session, people.host_id, [("individual", member) for member in row.members])
    return BitMap([number for number in ids.values() if number is not None]) & people.existing


def _rows_to_look_at(
    snapshot: Snapshot, people: Population, terms: Terms, rules: Sequence[Rule], sets: Sequence[BitMap], rows: Enrolled,
    cause: Cause,
) -> BitMap:  # fmt: skip
    """Live rows that the proposal may change."""
    if not len(rows.person):
        return BitMap()
    hits = [rows.person.searchsorted(np.array(rows.everyone & one, dtype=np.int64)) for one in sets]
    expected = np.zeros(len(rows.person), np.int64)
    for rule, where in zip(rules, hits, strict=True):
        expected[where] ^= np.int64(rule.why_key)
    look = rows_to_look_at(snapshot, people, terms, rules, hits, expected, rows, cause)
    theirs = BitMap.union(BitMap(), *(one.people for one in snapshot.beside))
    return BitMap(rows.person[look].astype(np.uint32)) | (rows.everyone & theirs)


def _newcomers(
    snapshot: Snapshot, people: Population, terms: Terms, rules: Sequence[Rule], sets: Sequence[BitMap], rows: Enrolled,
    cause: Cause,
) -> tuple[BitMap, dict[int, BitMap]]:  # fmt: skip
    """Who would begin: those to be decided by themselves, and one for each group of people in the same position."""
    if not terms.live(max(people.as_of, cause.otherwise)):
        return BitMap(), {}
    everyone = BitMap.union(BitMap(), *sets) - rows.everyone - people.suspended
    alone = everyone & rows.withdrawn
    exempt = snapshot.exempt(terms.id, max(people.as_of, cause.otherwise))
    alone |= everyone & BitMap(exempt.astype(np.uint32))
    alone |= everyone & BitMap([one.person for one in snapshot.brought(terms.id)])
    for other in sharing(snapshot, terms):
        alone |= everyone & enrolled(snapshot.session, people.host_id, other.id).active
    for proposed in snapshot.beside:
        alone |= everyone & proposed.people
    by_date: dict[int, BitMap] = {}
    for rule, one in zip(rules, sets, strict=True):
        date = _same_for_all(rule, cause.otherwise, terms.zone)
        if date is None:
            alone |= everyone & one
        else:
            by_date[date] = by_date.get(date, BitMap()) | one
    rest, alike = everyone - alone, {}
    for date in sorted(by_date, reverse=True):  # the latest date of her assignments holds (rules 3.4)
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
    excepted = exclusion_ids(session, host_id, proposal.definition.assignments)
    zone = zone_of_host(session, host_id)
    rules = []
    for number, row in enumerate(proposal.definition.assignments, start=1):
        known = saved.get((row.type, row.target))
        starts, wave = starts_at(proposal.definition, row, zone), wave_of(proposal.definition, row)
        target, excluded = ids.get((row.type, row.target)), exclusion_keys(row.exclusions, excepted)
        if known is not None and known.live:
            key = None if known.missing else key_of(row.type, target, row.include, known.id)
            rules.append(Rule(known.id, known.certification, row.type, row.target, key, parse_due(row.due), known.why_key,
                              known.since_version, known.missing, excluded, starts, wave))  # fmt: skip
        else:
            group = known.id if known is not None else None
            key = key_of(row.type, target, row.include, group)
            rules.append(Rule(-number, 0, row.type, row.target, key, parse_due(row.due), _throwaway_key(number),
                              proposal.base_version + 1, False, excluded, starts, wave))  # fmt: skip
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
